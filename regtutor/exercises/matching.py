"""Seven curves for notebook 04's `five_curves`: five losses, and two that are none.

A chest and the same chest with its contrast inverted, registered at a shift of 0 and slid sideways;
the label is one lung. It is not the notebook's chest: nothing can be read off there. The impostors
are LNCC with the wrong sign, as if +1 were best, and MI of images in their stored numbers, as MONAI
clamps them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.data.thorax import breathing_slice
from regtutor.deformation import Warp, identity_grid
from regtutor.exercises.exercise import Wrong
from regtutor.losses import (
    DiceLoss,
    GlobalMutualInformationLoss,
    LocalNormalizedCrossCorrelationLoss,
    MultiScaleLoss,
)

LETTERS = {"MultiScale": "A", "MSE": "B", "LNCC": "D", "Dice": "E", "GMI": "G"}
CLAMPED, PLUS = "C", "F"  # the impostors
SHIFTS = tuple(range(-60, 61, 3))  # voxels along axis 1


def slid(image: Tensor, shift: float) -> Tensor:
    """The image moved so many voxels to the right: read as many further to the left."""
    step = torch.tensor([0.0, -float(shift)]).view(1, 2, 1, 1)
    return Warp()(image, step.expand(len(image), 2, *image.shape[2:]))


@lru_cache(maxsize=1)
def seven_curves() -> tuple[list[int], dict[str, list[float]]]:
    """The shifts, and letter → the value of one loss (or none) at each of them."""
    pair = breathing_slice(seed=12, size=(84, 120))
    fixed, moving = (((x + 1000) / 1200).clamp(0, 1) for x in (pair.fixed, pair.moving))
    warped, lung = 1 - Warp()(moving, pair.ddf), identity_grid((84, 120))[:, 1:] < 60
    target, label = (
        (pair.fixed_mask * lung).float(),
        Warp()(pair.moving_mask * 1.0, pair.ddf) * lung,
    )
    lncc, mutual = LocalNormalizedCrossCorrelationLoss(2, 9), GlobalMutualInformationLoss()
    stored = [(x + 1100).clamp(0, 1) for x in (pair.moving, pair.fixed)]
    dice = DiceLoss()
    blurred = MultiScaleLoss(dice, scales=[0, 1, 2, 4, 8, 16], pred_first=True)
    losses: dict[str, Callable[[float], Tensor]] = {
        "A": lambda s: blurred(slid(label, s), target),
        "B": lambda s: F.mse_loss(slid(warped, s), fixed),
        "C": lambda s: mutual(slid(stored[0], s), stored[1]),
        "D": lambda s: lncc(slid(warped, s), fixed),
        "E": lambda s: dice(slid(label, s), target),
        "F": lambda s: -lncc(slid(warped, s), fixed),
        "G": lambda s: mutual(slid(warped, s), fixed),
    }
    return list(SHIFTS), {k: [loss(s).item() for s in SHIFTS] for k, loss in losses.items()}


def form(answer: Any) -> str | None:
    """A letter for each loss, no letter twice."""
    if not (isinstance(answer, dict) and set(answer) == set(LETTERS)):
        return '{"MSE": …, "LNCC": …, "GMI": …, "Dice": …, "MultiScale": …} is asked for.'
    given = [*answer.values()]
    if not all(
        isinstance(letter, str) and len(letter) == 1 and letter in "ABCDEFG" for letter in given
    ):
        return "each loss takes one of the letters A to G."
    return None if len(set(given)) == len(given) else "one curve is given to two losses."


def _curve(name: str, slip: str, look: str, loss: str, letters: str, **others: str) -> Wrong:
    """This loss is given one of these curves, whatever the others have."""
    first = LETTERS | others | {loss: letters[0]}
    return Wrong(name, slip, look, lambda: first, lambda answer: answer[loss] in letters)


WRONG = (
    _curve("lncc_plus", "LNCC is thought best at +1", "As a loss it is minus the squared "
           "correlation: it falls towards −1.", "LNCC", PLUS),
    _curve("gmi_clamped", "GMI is given images in their stored numbers",
           "All are clamped to 1: nothing to tell, a flat line. Scale to [0, 1] first.",
           "GMI", CLAMPED),
    _curve("lncc_below", "LNCC is thought to fall below −1", "A squared correlation ends at 1. "
           "Which of the others has no such end?", "LNCC", "G", GMI="D"),
    _curve("gmi_bounded", "GMI is thought to stop above −1", "An image tells much more than one "
           "nat about its like. Read the axes.", "GMI", "D", LNCC="A", MultiScale="F"),
    _curve("lncc_flat", "LNCC is thought not to see an inverted contrast at all",
           "It is squared: bright on dark counts as well.", "LNCC", CLAMPED),
    _curve("lncc_positive", "LNCC is given a curve above 0", "Minus a square is never above 0.",
           "LNCC", "BAE", MSE="F"),
    _curve("gmi_positive", "GMI is given a curve above 0",
           "Minus the information that one image gives of the other is never above 0.",
           "GMI", "FABE"),
    _curve("dice_floor", "Dice is given a curve that ends above its best value",
           "Of labels that agree Dice is nearly 0. Which loss blurs them first?",
           "Dice", "A", MultiScale="E"),
    _curve("multiscale_flat", "MultiScale is given the curve that goes flat",
           "Flat is where labels no longer touch. Blurred, they still do.",
           "MultiScale", "E", Dice="F"),
    _curve("mse_aligns", "MSE is thought to fall where the pair aligns",
           "Here bright lies on dark. What is the difference of such a pair when it is aligned?",
           "MSE", "AE", MultiScale="B"),
    _curve("mse_mirror", "MSE is given the mirror image of D",
           "That is D with the other sign. MSE is 0 or more and rises broadly.", "MSE", PLUS),
    _curve("mse_flat", "MSE is thought not to change", "Values of 0 and 1 differ: something "
           "must be seen of it.", "MSE", CLAMPED),
    _curve("dice_sees_contrast", "Dice is thought to suffer from the contrast",
           "It sees the labels only: its best is at 0.", "Dice", "FBC"),
    _curve("multiscale_sees_contrast", "MultiScale is thought to suffer from the contrast",
           "It sees the labels only, blurred: its best is at 0.", "MultiScale", "CBF"),
)  # fmt: skip
