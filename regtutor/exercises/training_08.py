"""Exercises of notebook 08, Train, validate, keep the best: the loop, the weights, the resume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regtutor.exercises import keeping, resuming
from regtutor.exercises.exercise import Exercise, Wrong, alike

RAW = {"image": 0.02, "label": 0.15, "bending": 0.0002}  # what each loss says by itself
WEIGHTS = {"image": 10.0, "label": 0.5, "bending": 100.0}


def _balance() -> tuple[str, float]:
    products = {name: WEIGHTS[name] * RAW[name] for name in RAW}
    largest = max(products, key=lambda name: products[name])
    return largest, products[largest] / RAW["label"]


def _with_weight(weight: float) -> Callable[[], tuple[str, float]]:
    return lambda: ("image", weight)


def _balance_form(answer: Any) -> str | None:
    good = isinstance(answer, tuple | list) and len(answer) == 2 and answer[0] in RAW
    return None if good else f"a name of {', '.join(RAW)} and a number are asked for."


def _slip(name: str) -> Callable[[], Any]:
    return lambda: keeping.with_slip(name)


def _seen(fact: str) -> Callable[[Any], bool]:
    return lambda observed: bool(observed[fact])


def _scores_of(name: str) -> Callable[[Any], bool]:
    """By the Dice of each round alone: also if the weights are kept wrongly besides."""
    fact = "best Dice so far"
    return lambda seen: alike(seen[fact], keeping.observe(keeping.with_slip(name))[fact], 1e-3)  # type: ignore[index]


EXERCISES = (
    Exercise(
        name="keep_best", notebook="08",
        question="Fill the blanks of keep_best(network, loader, metric, train_loss, best): "
        "validate on the held-out pairs, keep Dice and weights if it is the best so far, and "
        'return best, {"dice": …, "weights": …}. answer = keep_best',
        solution=lambda: keeping.keep_best,
        why="Validated as it will be used, scored on hard labels, kept where nothing changes it.",
        hints=(
            "Before the loop: which mode? Around it: gradients or none? After it: a clean slate.",
            "DiceMetric wants 0 and 1: cut the warped label at ½.",
            "state_dict() shows the living weights; {k: v.clone() for k, v in …} is a copy.",
        ),
        worked="network.eval(); with torch.no_grad(): score (warped_label > 0.5).float(); "
        "aggregate, then reset; if the Dice is the highest so far keep it and a copy of the "
        "weights.",
        wrong=(
            Wrong("train_mode", "the network is validated in training mode",
                  "BatchNorm would then look at the held-out pairs: network.eval().",
                  _slip("train_mode"), _seen("training mode")),
            Wrong("gradients", "gradients are kept during validation",
                  "They cost memory for nothing: with torch.no_grad():", _slip("gradients"),
                  _seen("gradients")),
            Wrong("soft", "the warped label is scored without being cut",
                  "It is soft after linear warping: (warped_label > 0.5).float().", _slip("soft"),
                  _seen("soft")),
            Wrong("no_reset", "the metric still holds the rounds before",
                  "Every round's Dice is then a mean over all of them: metric.reset().",
                  _slip("no_reset"), _scores_of("no_reset")),
            Wrong("train_loss", "the best is chosen by the training loss",
                  "That is what over-fitting lowers. Compare the held-out Dice with best['dice'].",
                  _slip("train_loss"), _scores_of("train_loss")),
            Wrong("live", "the kept weights are the living ones",
                  "The next step changes them where they are kept: clone each, or save to disk.",
                  _slip("live")),
        ),
        form=lambda answer: None if callable(answer) else "a function: answer = keep_best.",
        observe=keeping.observe, code=(keeping.keep_best,),
    ),
    Exercise(
        name="dominant_term", notebook="08",
        question="Losses: image 0.02, label 0.15, bending 0.0002; weights: 10, 0.5, 100. Which "
        "term dominates the sum, and which label weight would make the label term as large? "
        'answer = ("name", number)',
        solution=_balance,
        why="Only products can be compared: 0.2 for the image, 0.075 for the label.",
        hints=(
            "The optimiser sees weight × loss, nothing else.",
            "10 × 0.02, 0.5 × 0.15, 100 × 0.0002: which is the largest?",
            "The label's weight times 0.15 shall be that largest product.",
        ),
        worked="image: 10 × 0.02 = 0.2; label: 0.5 × 0.15 = 0.075; bending: 100 × 0.0002 = 0.02. "
        "The image dominates; 0.2 / 0.15 = 1.33 makes the label term as large.",
        wrong=(
            Wrong("largest_weight", "the weights are compared, not the products",
                  "Bending has weight 100 and says 0.0002: it adds 0.02.",
                  lambda: ("bending", 20 / 150), lambda answer: answer[0] == "bending"),
            Wrong("largest_loss", "the losses are compared, not the products",
                  "The label says 0.15, but counts half: it adds 0.075.",
                  lambda: ("label", 0.5), lambda answer: answer[0] == "label"),
            Wrong("same_weight", "the weights are made equal",
                  "Image, yes. Equal weights are not equal terms: 10 × 0.15 is 1.5.",
                  _with_weight(WEIGHTS["image"])),
            Wrong("product", "the product to reach is given, not the weight",
                  "Image, yes. Which label weight, times 0.15, makes 0.2?", _with_weight(0.2)),
            Wrong("factor_only", "the factor is given, not the new weight",
                  "Image, yes; 2.67 times as much, starting from 0.5.", _with_weight(0.2 / 0.075)),
            Wrong("difference", "what is missing is added to the weight",
                  "Image, yes. 0.125 is missing from the product, not from the weight.",
                  _with_weight(0.5 + 0.2 - 0.075)),
            Wrong("upside_down", "the ratio is upside down",
                  "Image, yes. A larger weight makes a larger term: 0.2 / 0.15.",
                  _with_weight(0.15 / 0.2)),
            Wrong("ratio_of_losses", "the losses alone are set in relation",
                  "Image, yes. The image term is 10 × 0.02, not 0.02.",
                  _with_weight(0.02 / 0.15)),
        ),
        form=_balance_form, tolerance=0.03,
        observe=lambda answer: (str(answer[0]), float(answer[1])),
    ),
    Exercise(
        name="resume", notebook="08",
        question="Write keep(network, optimizer, scheduler, epoch) → a state to save, and "
        "restore(state, network, optimizer, scheduler) → the epoch to go on with, so that a "
        "training killed after epoch 3 has the same curve as one that was not. "
        "answer = keep, restore",
        solution=lambda: (resuming.keep, resuming.restore),
        why="Weights, optimiser, schedule, chance and the count: the next epoch needs them all.",
        hints=(
            "What does an epoch read besides the data? Four things have a state.",
            "network, optimizer and scheduler have state_dict(); chance: torch.get_rng_state().",
            "After epoch 3 comes epoch 4: return state['epoch'] + 1, set the generator last.",
        ),
        worked="Keep every state and the epoch that is done; load them all, set torch's generator "
        "last (what is made before draws from it), go on with the next epoch.",
        wrong=(
            Wrong("weights_lost", "the network is new again",
                  "load_state_dict belongs to the network as well.",
                  lambda: resuming.forgetting("network")),
            Wrong("optimizer_lost", "the optimiser has forgotten its moments",
                  "Adam steps by a running mean of gradients: keep optimizer.state_dict().",
                  lambda: resuming.forgetting("optimizer")),
            Wrong("scheduler_lost", "the schedule begins again",
                  "Keep scheduler.state_dict(): the learning rate had come down already.",
                  lambda: resuming.forgetting("scheduler")),
            Wrong("chance_lost", "other numbers are drawn than without the kill",
                  "Shuffling, augmentation and dropout draw: torch.get_rng_state().",
                  lambda: resuming.forgetting("generator")),
            Wrong("from_the_start", "the epochs are counted from 1 again",
                  "That trains three epochs more than was asked for.",
                  lambda: resuming.forgetting(next_epoch=lambda done: 1),
                  lambda curve: [epoch for epoch, _ in curve].count(1) == 2),
            Wrong("epoch_again", "the last epoch is done twice",
                  "Epoch 3 was finished: go on with 4.",
                  lambda: resuming.forgetting(next_epoch=lambda done: done),
                  lambda curve: [epoch for epoch, _ in curve].count(resuming.KILLED_AFTER) == 2),
            Wrong("epoch_skipped", "an epoch is skipped", "After epoch 3 comes 4.",
                  lambda: resuming.forgetting(next_epoch=lambda done: done + 2),
                  lambda curve: len(curve) < resuming.EPOCHS),
            Wrong("more_lost", "more than one thing is lost",
                  "The weights and the count are not all: three more have a state.",
                  lambda: resuming.forgetting("optimizer", "scheduler", "generator"),
                  lambda curve: not resuming.went_on(curve)),
        ),
        form=resuming.form, observe=resuming.observe, code=(resuming.keep, resuming.restore),
    ),
)  # fmt: skip
