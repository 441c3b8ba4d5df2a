"""Exercises of notebook 01, See it move: four registrations to tell apart, and the baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import Warp
from regtutor.exercises.exercise import Exercise, Wrong
from regtutor.exercises.forms import not_a_number
from regtutor.exercises.registrations import chest
from regtutor.metrics import DiceMetric, target_registration_error

CASES = {"A": "labels", "B": "folds", "C": "good", "D": "ghost"}


def _words(answer: Any) -> str | None:
    words = sorted(CASES.values())
    if isinstance(answer, dict) and set(answer) == set(CASES) and sorted(answer.values()) == words:
        return None
    return '{"A": …, "B": …, "C": …, "D": …} is asked for, each of ' + f"{', '.join(words)} once."


def _called_good(letter: str) -> Callable[[Any], bool]:
    return lambda answer: answer[letter] == "good"


def _exchanged(one: str, other: str) -> dict[str, str]:
    return CASES | {one: CASES[other], other: CASES[one]}


def _dice(pred: Tensor, truth: Tensor) -> float:
    return DiceMetric()(pred, truth).mean().item()


def _tre(ddf: Tensor | None = None) -> Tensor:
    pair = chest()
    return target_registration_error(pair.fixed_points, pair.moving_points, ddf, pair.spacing)


def _scaled() -> tuple[Tensor, Tensor]:
    return tuple(((x + 1000) / 1200).clamp(0, 1) for x in (chest().fixed, chest().moving))  # type: ignore[return-value]


def _jaccard() -> float:
    a, b = chest().fixed_mask > 0.5, chest().moving_mask > 0.5
    return ((a & b).sum() / (a | b).sum()).item()


def _both_classes() -> float:
    a, b = chest().fixed_mask, chest().moving_mask
    return (_dice(b, a) + _dice(1 - b, 1 - a)) / 2


def _image_dice() -> float:
    a, b = _scaled()
    return (2 * (a * b).sum() / (a + b).sum()).item()


def _steps() -> Tensor:
    """Landmark differences in voxels, `(1, N, 2)`."""
    return chest().moving_points - chest().fixed_points


EXERCISES = (
    Exercise(
        name="four_overlays",
        notebook="01",
        question="Four registrations of one pair. Which is good, which shows a ghost edge (the "
        "motion is only half undone), which folds, which fits the labels and nothing inside? "
        'answer = {"A": "good", "B": …} with the words good, ghost, folds, labels.',
        solution=lambda: dict(CASES),
        why="The good one has neither the highest Dice nor the smallest difference: the vessels "
        "and the grid decided.",
        hints=(
            "Start with the overlays: along which lung edge is there still a coloured rim?",
            "Now the grids: where do lines cross? No breathing does that.",
            "Of the two that are left look at the vessels inside the lungs, away from the edge.",
        ),
        worked="D has coloured rims all along the diaphragm: a ghost. B has the smallest "
        "difference of all, and a torn grid: it folds to copy the noise. A and C have clean "
        "edges, but in A the vessels inside are displaced: only the labels were fitted. C is good.",
        wrong=(
            Wrong("highest_dice", "the highest Dice is taken for the best registration",
                  "A's outline fits, but look at the vessels inside: Dice sees only the rim.",
                  lambda: _exchanged("A", "C"), _called_good("A")),
            Wrong("smallest_difference", "the smallest mean difference is taken for the best",
                  "B copies the noise of the fixed image. Look at its grid: can tissue do that?",
                  lambda: _exchanged("B", "C"), _called_good("B")),
            Wrong("smoothest_grid", "the calmest grid is taken for the best",
                  "D moves too little. Look for the coloured rim at the diaphragm in its overlay.",
                  lambda: _exchanged("D", "C"), _called_good("D")),
            Wrong("folds_for_labels", "displaced vessels are taken for folds",
                  "C is good, yes. A fold is in the grid: lines that cross. Compare A's and B's.",
                  lambda: _exchanged("A", "B")),
            Wrong("ghost_for_labels", "a wrong inside is taken for a ghost edge",
                  "C is good, yes. A ghost is a rim along an edge. Compare the rims of A and D.",
                  lambda: _exchanged("A", "D")),
            Wrong("ghost_for_folds", "a restless grid is taken for a ghost edge",
                  "C is good, yes. A ghost is seen in the overlay, a fold in the grid: B and D.",
                  lambda: _exchanged("B", "D")),
            Wrong("all_three", "the three that are not good are each taken for another",
                  "C is good, yes. Rim: ghost. Crossing lines: folds. Neither: labels.",
                  lambda: {"A": "folds", "B": "ghost", "C": "good", "D": "labels"},
                  lambda answer: answer["C"] == "good" and answer != CASES),
        ),
        form=_words,
    ),
    Exercise(
        name="do_nothing_dice",
        notebook="01",
        question="What is the Dice score of the two lung masks before any registration?",
        solution=lambda: _dice(chest().moving_mask, chest().fixed_mask),
        why="So high a score for doing nothing: every later Dice is to be read above this one.",
        hints=(
            "Dice compares two masks: fixed_mask and moving_mask, as they are.",
            "It is twice the number of voxels in both, over the sum of their numbers of voxels.",
            "DiceMetric()(pair.moving_mask, pair.fixed_mask).item() is all.",
        ),
        worked="DiceMetric()(pair.moving_mask, pair.fixed_mask).item(): the moving mask stands "
        "where the prediction will stand, unwarped.",
        wrong=(
            Wrong("dice_of_images", "the images are compared instead of the masks",
                  "Dice is for labels: take fixed_mask and moving_mask.", _image_dice),
            Wrong("jaccard", "the overlap is divided by the union (that is the Jaccard index)",
                  "Dice divides twice the overlap by the sum of the two sizes.", _jaccard),
            Wrong("after", "the mask has already been warped",
                  "Doing nothing means the moving mask as it is.",
                  lambda: _dice((Warp()(chest().moving_mask, chest().ddf) > 0.5).float(),
                                chest().fixed_mask)),
            Wrong("accuracy", "all voxels that agree are counted, background included",
                  "Most of the picture is background: it would agree in any case.",
                  lambda: (chest().fixed_mask == chest().moving_mask).float().mean().item()),
            Wrong("background", "the background is averaged in as a second structure",
                  "Its overlap is large in any case. Score the lungs alone.", _both_classes),
            Wrong("loss", "the loss 1 − Dice is given", "A score is higher when it is better.",
                  lambda: 1 - _dice(chest().moving_mask, chest().fixed_mask)),
            Wrong("no_two", "the overlap is not taken twice", "Two equal masks must give 1, not ½.",
                  lambda: _dice(chest().moving_mask, chest().fixed_mask) / 2),
            Wrong("percent", "a percentage is given", "Dice runs from 0 to 1.",
                  lambda: 100 * _dice(chest().moving_mask, chest().fixed_mask)),
        ),
        observe=float,
        form=not_a_number,
        tolerance=5e-3,  # two digits are an answer
    ),
    Exercise(
        name="do_nothing_tre",
        notebook="01",
        question="How far are the landmarks from their partners before any registration, on "
        "average, in millimetres?",
        solution=lambda: _tre().mean().item(),
        why="That is the number a registration has to beat, in millimetres as a surgeon has them.",
        hints=(
            "Subtract the fixed points from the moving ones: one vector a landmark, in voxels.",
            "Make each component millimetres with its own spacing, then take the length.",
            "((moving_points - fixed_points) * torch.tensor(spacing)).norm(dim=-1).mean()",
        ),
        worked="target_registration_error(pair.fixed_points, pair.moving_points, None, "
        "pair.spacing).mean().item(): None moves nothing. By hand: difference, times spacing, "
        "length, mean.",
        wrong=(
            Wrong("voxels", "the distances stay in voxels", "A voxel is 3.25 × 2.4 mm here.",
                  lambda: _steps().norm(dim=-1).mean().item()),
            Wrong("squares", "the squared distances are averaged",
                  "Take each landmark's distance first (a root), then the mean.",
                  lambda: (_tre() ** 2).mean().item()),
            Wrong("root_mean_square", "the root is taken after the mean",
                  "That is the RMS distance; it lets far landmarks weigh more. Root, then mean.",
                  lambda: (_tre() ** 2).mean().sqrt().item()),
            Wrong("after", "the landmarks have already been moved by the true field",
                  "Doing nothing means ddf=None, or a field of zeros.",
                  lambda: _tre(chest().ddf).mean().item(), lambda tre: 0 <= tre < 0.05),
            Wrong("one_spacing", "one spacing is used for both axes",
                  "Multiply each component by the spacing of its own axis.",
                  lambda: (_steps() * chest().spacing[0]).norm(dim=-1).mean().item()),
            Wrong("spacing_exchanged", "the two spacings are exchanged",
                  "Component k goes along axis k, and spacing[k] belongs to it.",
                  lambda: (_steps() * torch.tensor(chest().spacing).flip(0)).norm(dim=-1)
                  .mean().item()),
            Wrong("along_axes", "the components are added instead of taken as legs of a triangle",
                  "Pythagoras: .norm(dim=-1).",
                  lambda: (_steps() * torch.tensor(chest().spacing)).abs().sum(-1).mean().item()),
            Wrong("wrong_axis", "lengths are taken along the landmarks", "The two numbers of a "
                  "step are the last axis: .norm(dim=-1), then the mean.", lambda: (
                      _steps() * torch.tensor(chest().spacing)).norm(dim=1).mean().item()),
            Wrong("largest", "the largest distance is given", "Asked is the mean: .mean().",
                  lambda: _tre().max().item()),
        ),
        observe=float,
        form=not_a_number,
        tolerance=5e-3,
    ),
)  # fmt: skip
