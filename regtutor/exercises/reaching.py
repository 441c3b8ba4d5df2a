"""Answers to notebook 04's `far_dice`: the right one, and those with a slip.

    loss = mean over scales, cases and organs of  1 − (2 Σ p t + ε) / (Σ p + Σ t + ε),
    p and t blurred by the scale

Observed is its value on a batch of two cases with two organs and a background, and its *pull*: the
slope of the loss when an organ that lies 20 voxels off is moved. A loss without a pull trains
nothing, however right its value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import identity_grid, sample
from regtutor.exercises.forms import function_form, not_a_loss
from regtutor.filters import filter_axes, gaussian_kernel

Loss = Callable[[Tensor, Tensor], Tensor]
SCALES = (0, 2, 8)
SIZE = (30, 44)


def blur(labels: Tensor, sigma: float) -> Tensor:
    """`(B, C, H, W)`, blurred by a Gaussian of so many voxels; 0 leaves it as it is."""
    return labels if sigma == 0 else filter_axes(labels, gaussian_kernel(sigma))


def far_dice(pred: Tensor, target: Tensor) -> Tensor:
    """The worked solution: labels `(B, C, H, W)`, background first → a scalar."""
    values = []
    for sigma in (0, 2, 8):
        p, t = blur(pred[:, 1:], sigma), blur(target[:, 1:], sigma)
        both, all_ = (p * t).sum(dim=(2, 3)), (p + t).sum(dim=(2, 3))
        values.append((1 - (2 * both + 1e-5) / (all_ + 1e-5)).mean())
    return torch.stack(values).mean()


def _dice(p: Tensor, t: Tensor, axes: tuple[int, ...] = (2, 3), two: float = 2.0,
          epsilon: float = 1e-5) -> Tensor:  # fmt: skip
    """One minus the overlap: `(B, C)`, or fewer with more axes."""
    return 1 - (two * (p * t).sum(axes) + epsilon) / ((p + t).sum(axes) + epsilon)


def _with(
    scales: tuple[float, ...] = SCALES,
    dice: Callable[..., Tensor] = _dice,
    pred_too: bool = True,
    target_too: bool = True,
    first: int = 1,
    **how: Any,
) -> Loss:
    """A multi-scale Dice with one thing otherwise."""

    def loss(pred: Tensor, target: Tensor) -> Tensor:
        p, t = pred[:, first:], target[:, first:]
        blurs = [(blur(p, s) if pred_too else p, blur(t, s) if target_too else t) for s in scales]
        return torch.stack([dice(a, b, **how).mean() for a, b in blurs]).mean()

    return loss


def _decided(p: Tensor, t: Tensor) -> Tensor:
    return _dice((p > 0.5).float(), (t > 0.5).float())


WRONG: dict[str, Loss] = {
    "hard": _with(dice=_decided),
    "no_blur": _with(scales=(0,)),
    "pred_only": _with(target_too=False),
    "target_only": _with(pred_too=False),
    "background": _with(first=0),
    "over_the_batch": _with(axes=(0, 2, 3)),
    "organs_together": _with(axes=(1, 2, 3)),
    "largest_only": _with(scales=(8,)),
    "no_sharp_one": _with(scales=(2, 8)),
    "summed": lambda pred, target: 3 * far_dice(pred, target),
    "overlap": lambda pred, target: 1 - far_dice(pred, target),
    "no_two": _with(two=1.0),
    "no_epsilon": _with(epsilon=0.0),
}


def _boxes(*places: tuple[float, float, float, float]) -> Tensor:
    """Soft boxes (row, column, half height, half width), a channel each, behind a background."""
    row, column = identity_grid(SIZE)[0]
    organs = [
        torch.sigmoid(3 * (h - (row - r).abs())) * torch.sigmoid(3 * (w - (column - c).abs()))
        for r, c, h, w in places
    ]
    return torch.stack([1 - sum(organs), *organs])[None]  # type: ignore[list-item]


def _batch() -> tuple[Tensor, Tensor]:
    """Two cases, `(2, 3, 30, 44)`: organs of other sizes that overlap more, less, not at all."""
    pred = [_boxes((9, 10, 4, 6), (20, 30, 3, 4)), _boxes((16, 22, 6, 3), (8, 8, 2, 3))]
    target = [_boxes((11, 12, 5, 5), (21, 26, 3, 5)), _boxes((15, 20, 4, 5), (22, 34, 3, 2))]
    return torch.cat(pred), torch.cat(target)


def pull(answer: Loss) -> float:
    """The slope of the loss when an organ is read one column further right; the truth lies 20
    columns to the left of it, so that this must make it smaller."""
    shift = torch.zeros(1, 2, 1, 1, requires_grad=True)
    organ, target = _boxes((14, 30, 4, 4)), _boxes((14, 10, 4, 4))
    out = answer(sample(organ, identity_grid(SIZE) + shift), target)
    if not out.requires_grad:
        return 0.0
    (slope,) = torch.autograd.grad(out, shift, allow_unused=True)
    return 0.0 if slope is None else slope[0, 1].item()


def observe(answer: Loss) -> Any:
    """Its value, whether that has a slope, its pull, whether an organ neither has is a number."""
    pred, target = _batch()
    out = answer(pred.requires_grad_(), target)
    if out is None or out is ...:
        return None
    none = _boxes((14, 10, 4, 4)) * torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    number = bool(torch.isfinite(answer(none, none)))
    return {
        "value": out.detach(),
        "has_slope": out.requires_grad,
        "pull": pull(answer),
        "empty_is_a_number": number,
    }


def hard(observed: dict[str, Any]) -> bool:
    """A value without a slope."""
    return not observed["has_slope"]


def no_epsilon(observed: dict[str, Any]) -> bool:
    """An organ in neither is 0 / 0."""
    return not observed["empty_is_a_number"]


form = function_form("far_dice", lambda answer: answer(*_batch()), not_a_loss)


def pulls_home(answer: Loss) -> bool:
    """From any side, and from far."""
    for at in (8.0, 36.0):
        shift = torch.zeros(1, 2, 1, 1, requires_grad=True)
        organ, target = _boxes((15, at, 3, 3)), _boxes((15, 22, 3, 3))
        out = answer(sample(organ, identity_grid(SIZE) + shift), target)
        (slope,) = torch.autograd.grad(out, shift)
        if not slope[0, 1].item() * (at - 22) < -1e-6:
            return False
    return True


def both_ways_alike(answer: Loss) -> bool:
    """Which of the two moves makes no difference."""
    pred, target = _batch()
    return bool((answer(pred, target) - answer(target, pred)).abs() < 1e-4)
