"""Exercises of notebook 09, What supervises?: who wins at what, missing labels, the step anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regtutor.exercises import missing, shuffled
from regtutor.exercises.exercise import Exercise, Property, Wrong

WINNERS = {"dice": "labels", "tre": "images", "folds": "images"}
SIDES = ("images", "labels", "equal")


def _winners_form(answer: Any) -> str | None:
    good = isinstance(answer, dict) and set(answer) == set(WINNERS)
    good = good and all(side in SIDES for side in answer.values())
    return None if good else f'"dice", "tre" and "folds", each with one of {", ".join(SIDES)}.'


def _but(**other: str) -> Callable[[], dict[str, str]]:
    return lambda: WINNERS | other


def _says(name: str, side: str) -> Callable[[dict[str, str]], bool]:
    return lambda answer: answer[name] == side


def _everywhere(side: str) -> Callable[[dict[str, str]], bool]:
    return lambda answer: set(answer.values()) == {side}


def _slip(name: str) -> Callable[[], missing.LabelLoss]:
    return lambda: missing.SLIPS[name]


EXERCISES = (
    Exercise(
        name="who_wins", notebook="09",
        question="One network learns from images alone, one from labels alone. Who wins: the "
        "higher Dice, the lower inner TRE, the fewer folds? answer = "
        '{"dice": …, "tre": …, "folds": …}, each "images", "labels" or "equal".',
        solution=lambda: dict(WINNERS),
        why="Each wins what it was asked for. Only images say anything about the inside.",
        hints=(
            "Ask of each loss what it can see: where in the lung does a label change?",
            "A loss wins the score it minimises. Dice is the label loss turned round.",
            "What no term forbids happens: inside a lung and outside it nothing holds a field "
            "that saw labels alone but smoothness, and that lets folds pass where it is weak.",
        ),
        worked="Dice: labels, it is what they minimise. Inner TRE: images, because vessels say "
        "where each voxel belongs and a label is 1 everywhere inside. Folds: images win; to please "
        "a contour the other pushes hard at the rim, with nothing beside it to object (in most "
        "runs, not in all).",
        wrong=(
            Wrong("labels_win_all", "labels are thought to win everything",
                  "They win what they see: the rim. Inside a lung a label is 1 everywhere, so any "
                  "motion there costs nothing.", _but(tre="labels", folds="labels"),
                  _everywhere("labels")),
            Wrong("images_win_all", "images are thought to win everything",
                  "The other one minimises Dice itself, and nothing else distracts it.",
                  _but(dice="images"), _everywhere("images")),
            Wrong("no_difference", "supervision is thought not to matter",
                  "The field goes where a loss pulls it: look at what each can see.",
                  _but(dice="equal", tre="equal", folds="equal"), _everywhere("equal")),
            Wrong("dice_means_points", "a higher Dice is thought to bring landmarks together",
                  "Landmarks lie inside, where the label's gradient is zero.",
                  _but(tre="labels"), _says("tre", "labels")),
            Wrong("smoothness_fills_in", "smoothness is thought to find the inside from the rim",
                  "It fills in *some* smooth field. A lung is stretched from below: who but its "
                  "vessels says how far each part has gone?", _but(tre="equal"),
                  _says("tre", "equal")),
            Wrong("images_overlap_better", "images are thought to win the overlap",
                  "They see the rim too, but also all the rest, and must share.",
                  _but(dice="images", folds="equal"),
                  _says("dice", "images")),
            Wrong("overlap_alike", "the overlap is thought to be the same",
                  "Close, but one of them minimises it and does nothing else.",
                  _but(dice="equal"), _says("dice", "equal")),
            Wrong("labels_are_calm", "labels are thought to give the calmer field",
                  "Where a label is constant nothing pulls, but nothing objects either: at the rim "
                  "the field may be pushed until it folds.", _but(folds="labels"),
                  _says("folds", "labels")),
            Wrong("smoothness_forbids", "the same smoothness term is thought to forbid all folds",
                  "It makes them dear, not impossible; what is gained by them differs.",
                  _but(folds="equal"), _says("folds", "equal")),
        ),
        form=_winners_form,
    ),
    Exercise(
        name="missing_labels", notebook="09",
        question="Write label_loss(warped, fixed, has_label): the mean of 1 − Dice over the pairs "
        "that have a label, 0 if none has; images (B, 1, H, W), has_label (B,) bool. "
        "answer = label_loss",
        solution=lambda: missing.label_loss,
        why="Who has no label has no say, and that takes nothing from what the others say.",
        hints=(
            "A boolean tensor selects: warped[has_label] holds the labelled pairs alone.",
            "The mean of nothing is NaN: ask has_label.any() first.",
            "If there is none, return 0 * warped.sum(): a tensor, zero, still on the graph.",
        ),
        worked="Select before you compare; if nothing is left, a zero that is a tensor.",
        wrong=(
            Wrong("zeros_count", "the zeros count as labels",
                  "Dice with an empty label is 0, its loss 1, whatever the network does. Select "
                  "by has_label.", _slip("zeros_count")),
            Wrong("absent_averaged", "the mean is taken over the absent too",
                  "Two labels of four then weigh half. Divide by how many there are.",
                  _slip("absent_averaged")),
            Wrong("nan", "a batch without labels gives NaN",
                  "It is the mean of nothing, and one NaN ends a training: ask has_label.any().",
                  _slip("nan"), lambda seen: seen["none labelled"] == "NaN"),
            Wrong("turned_round", "has_label is read the other way round",
                  "True says that there is a label.", _slip("turned_round")),
            Wrong("dice", "Dice is returned, not its loss",
                  "A loss sinks when things get better: 1 − Dice.", _slip("dice")),
            Wrong("summed", "the labelled pairs are summed",
                  "The term would grow with the batch: take the mean.", _slip("summed")),
            Wrong("pooled", "all pairs are put into one Dice",
                  "Large organs then drown small ones: one Dice a pair, and their mean.",
                  _slip("pooled")),
            Wrong("all_or_nothing", "one missing label silences the whole batch",
                  "The other pairs have something to say: leave out the pair, not the batch.",
                  _slip("all_or_nothing")),
            Wrong("cut", "the warped label is cut at ½ first",
                  "A step has no gradient. Cut for the metric, stay soft for the loss.",
                  _slip("cut")),
            Wrong("no_gradient", "the number is right but has lost its gradient",
                  "No item(), detach() or no_grad() on the way: return the tensor.",
                  _slip("no_gradient"), lambda seen: seen["tensors"] and not seen["gradient"]),
            Wrong("bare_number", "a plain number comes back where a tensor is needed",
                  "The loop sums tensors: 0 * warped.sum() is one.", _slip("bare_number"),
                  lambda seen: not seen["tensors"]),
        ),
        form=missing.form, observe=missing.observe, code=(missing.label_loss,),
        properties=(
            Property("absent_seen", missing.ignores_what_is_missing,
                     "What stands where no label is still changes the loss: select first."),
            Property("as_dice", missing.all_labelled_is_dice,
                     "With every label there it should be the plain Dice loss, for any batch."),
        ),
    ),
    Exercise(
        name="shuffled_step", notebook="09",
        question="Seven of the eleven lines of shuffled_step() are a training step. Which, and in "
        'which order? answer = "letters"',
        solution=lambda: shuffled.RIGHT,
        why="Load, forget, ddf, warp, compare, gradients, step: the seven of notebook 08.",
        hints=(
            "Say the seven first: load, forget, ddf, warp, compare, gradients, step.",
            "B or H, D or I, F or J: only one of each pair lets gradients reach the weights.",
            "It begins with G and ends with A, C.",
        ),
        worked="G load, E forget, B ddf, D warp, F compare, A gradients, C step. E may also "
        "stand elsewhere, but not between A and C.",
        wrong=shuffled.WRONG, form=shuffled.form, observe=shuffled.observe,
    ),
)  # fmt: skip
