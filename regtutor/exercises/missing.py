"""Answers to notebook 09's `label_loss`: the mean over the pairs that have labels, and its slips.

    loss = mean over labelled pairs of 1 − Dice(warped, fixed),   0 if there is none

Where a label is missing the batch holds zeros, because a batch must hold something. Observed are
a batch of which two of four are labelled, one that has no label at all, and whether a gradient
comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.exercises.forms import function_form
from regtutor.losses import DiceLoss
from regtutor.seeds import generator

LabelLoss = Callable[[Tensor, Tensor, Tensor], Any]
SIZE = (14, 22)


def label_loss(warped: Tensor, fixed: Tensor, has_label: Tensor) -> Tensor:
    """The worked solution: `(B, 1, H, W)` twice and `(B,)` bool → a scalar."""
    if not has_label.any():
        return 0 * warped.sum()
    return DiceLoss()(warped[has_label], fixed[has_label])


def _each(warped: Tensor, fixed: Tensor) -> Tensor:
    """1 − Dice of every pair, `(B,)`."""
    return DiceLoss(reduction="none")(warped, fixed).flatten()


def _guarded(reduced: LabelLoss) -> LabelLoss:
    """Right where nothing is labelled, so that one slip is seen alone."""
    return lambda warped, fixed, has: reduced(warped, fixed, has) if has.any() else 0 * warped.sum()


def _cut(warped: Tensor, fixed: Tensor, has: Tensor) -> Tensor:
    return label_loss((warped > 0.5).float(), fixed, has)


SLIPS: dict[str, LabelLoss] = {
    "zeros_count": lambda warped, fixed, has: _each(warped, fixed).mean(),
    "absent_averaged": lambda warped, fixed, has: (_each(warped, fixed) * has).mean(),
    "nan": lambda warped, fixed, has: _each(warped, fixed)[has].mean(),
    "summed": _guarded(lambda warped, fixed, has: _each(warped, fixed)[has].sum()),
    "pooled": _guarded(lambda warped, fixed, has: DiceLoss(batch=True)(warped[has], fixed[has])),
    "all_or_nothing": lambda warped, fixed, has: label_loss(warped, fixed, has & has.all()),
    "turned_round": lambda warped, fixed, has: label_loss(warped, fixed, ~has),
    "dice": _guarded(lambda warped, fixed, has: 1 - _each(warped, fixed)[has].mean()),
    "cut": _cut,
    "no_gradient": lambda warped, fixed, has: label_loss(warped, fixed, has).detach(),
    "bare_number": lambda warped, fixed, has: label_loss(warped, fixed, has) if has.any() else 0.0,
}


def batch(size: tuple[int, int] = SIZE, seed: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Four pairs, organs of very different size; the second and fourth have no label."""
    warped, fixed = torch.zeros(4, 1, *size), torch.zeros(4, 1, *size)
    for n, (tall, wide) in enumerate(((3, 4), (6, 5), (9, 15), (4, 9))):
        fixed[n, :, 2 : 2 + tall, 3 : 3 + wide] = 1
        warped[n, :, 3 : 3 + tall, 4 : 4 + wide] = 1
    warped = warped * (0.55 + 0.45 * torch.rand(warped.shape, generator=generator(seed)))
    has = torch.tensor([True, False, True, False])
    return warped, fixed * has.view(4, 1, 1, 1), has


def observe(answer: LabelLoss) -> dict[str, Any] | None:
    """Half labelled, none labelled; does a gradient come back; is it a tensor in both."""
    warped, fixed, has = batch()
    warped.requires_grad_()
    half = answer(warped, fixed, has)
    none = answer(warped, 0 * fixed, torch.zeros_like(has))
    if half is None or half is ... or none is None:
        return None
    tensors = isinstance(half, Tensor) and isinstance(none, Tensor)
    learns = isinstance(half, Tensor) and half.requires_grad
    if learns:
        (gradient,) = torch.autograd.grad(half, warped, allow_unused=True)
        learns = gradient is not None and bool(gradient.any())
    values = [float(torch.as_tensor(value).detach()) for value in (half, none)]
    return {
        "half labelled": values[0],
        "none labelled": values[1] if values[1] == values[1] else "NaN",
        "gradient": learns,
        "tensors": tensors,
    }


def _not_one_number(out: Any) -> str | None:
    """NaN and a plain number pass: they are mistakes with messages of their own."""
    if isinstance(out, Tensor) and out.numel() > 1:
        return f"one number is asked for, not {tuple(out.shape)}: take the mean over the pairs."
    return None


form = function_form("label_loss", lambda answer: answer(*batch()), _not_one_number)


def ignores_what_is_missing(answer: LabelLoss) -> bool:
    """Whatever stands where no label is: the loss stays."""
    warped, fixed, has = batch((17, 25), seed=8)
    filled = torch.where(has.view(4, 1, 1, 1), fixed, torch.ones(()))
    one, other = (float(answer(warped, target, has)) for target in (fixed, filled))
    return abs(one - other) < 1e-6


def all_labelled_is_dice(answer: LabelLoss) -> bool:
    """With every label there it is the plain Dice loss, for any number of pairs."""
    warped, fixed, _ = batch((19, 23), seed=5)
    warped, fixed = warped[[0, 2, 2]], fixed[[0, 2, 2]]
    out = answer(warped, fixed, torch.ones(3, dtype=torch.bool))
    return abs(float(out) - DiceLoss()(warped, fixed).item()) < 1e-4
