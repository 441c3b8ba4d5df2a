"""Patient 4 of notebook 14: Dice rises and folds rise, for the penalty has no gradient.

The script is a loss of two labels; a field is brought down on it, voxel by voxel. Observed is what
the script's gradient does (whether the weight acts, on what, in which direction) and where the
descent ends: overlap and folds of a pair that the learner has not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.deformation import Warp, identity_grid
from regtutor.exercises.diagnosing import Diagnosis, Script
from regtutor.exercises.forms import not_a_loss
from regtutor.losses import BendingEnergyLoss, DiceLoss, DiffusionLoss
from regtutor.metrics import DiceMetric, folding_fraction

SIZE = (48, 66)


def label_loss(ddf: Tensor, fixed: Tensor, moving: Tensor, weight: float) -> Tensor:
    """The worked solution: a field and two labels `(1, 1, H, W)` → a scalar."""
    overlap = DiceLoss()(Warp()(moving, ddf), fixed)
    smooth = DiffusionLoss(one_sided=True)(ddf)
    return overlap + weight * smooth


def as_it_came(ddf: Tensor, fixed: Tensor, moving: Tensor, weight: float) -> Tensor:
    """The penalty is counted and not felt."""
    overlap = DiceLoss()(Warp()(moving, ddf), fixed)
    smooth = DiffusionLoss(one_sided=True)(ddf.detach())
    return overlap + weight * smooth


def _with(term: Callable[[Tensor, Tensor], Tensor], still: bool = False) -> Script:
    """A loss with another second term of (field, warped label); still: the overlap is not felt."""

    def masked(ddf: Tensor, fixed: Tensor, moving: Tensor, weight: float) -> Tensor:
        warped = Warp()(moving, ddf)
        return DiceLoss()(warped.detach() if still else warped, fixed) + weight * term(ddf, warped)

    return masked


def _smooth(ddf: Tensor) -> Tensor:
    return DiffusionLoss(one_sided=True)(ddf)


MASKS: dict[str, Script] = {
    "weight_up": _with(lambda ddf, warped: 100 * _smooth(ddf.detach())),
    "dropped": _with(lambda ddf, warped: torch.zeros(())),
    "short_steps": _with(lambda ddf, warped: 0.05 * ddf.square().mean()),
    "smooth_picture": _with(lambda ddf, warped: _smooth(warped.expand(1, 2, -1, -1))),
    "asleep": _with(lambda ddf, warped: _smooth(ddf), still=True),
    "too_stiff": _with(lambda ddf, warped: 10 * _smooth(ddf)),
    "rewarded": _with(lambda ddf, warped: -_smooth(ddf)),
}


def descend(script: Script, pair: BreathingPair, weight: float, steps: int = 60) -> Tensor:
    """The ddf `(1, 2, H, W)` after some steps of Adam, every voxel free."""
    ddf = torch.zeros_like(pair.ddf).requires_grad_()
    optimizer = torch.optim.Adam([ddf], lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        script(ddf, pair.fixed_mask, pair.moving_mask, weight).backward()
        optimizer.step()
    return ddf.detach()


@lru_cache(maxsize=1)
def hidden() -> BreathingPair:
    """Not the chest that the notebook shows."""
    return breathing_slice(seed=31, size=SIZE)


def _slope(script: Script, ddf: Tensor, weight: float) -> Tensor:
    """The gradient at a field."""
    pair, place = hidden(), ddf.clone().requires_grad_()
    value = script(place, pair.fixed_mask, pair.moving_mask, weight) + 0 * place.sum()
    return torch.autograd.grad(value, place)[0]


def examine(script: Script) -> dict[str, Any]:
    """What the weight pulls at, and what comes of it."""
    pair, grid = hidden(), identity_grid(SIZE)
    rough = torch.stack([(grid[:, 1] / 2).sin(), (grid[:, 0] / 3).cos()], dim=1)
    pull = _slope(script, rough, 2.0) - _slope(script, rough, 1.0)
    calmer = _smooth(rough - pull / pull.abs().max().clamp(min=1e-12) * 0.1) / _smooth(rough)
    shift = torch.ones(1, 2, *SIZE) * torch.tensor([2.0, -3.0]).view(1, 2, 1, 1)
    held = _slope(script, shift, 2.0) - _slope(script, shift, 1.0)
    end = descend(script, pair, 5.0) if calmer < 0.999 else None
    label = None if end is None else (Warp()(pair.moving_mask, end) > 0.5).float()
    return {
        "overlap acts": bool(_slope(script, shift, 0.0).abs().max() > 1e-9),
        "weight acts": bool(pull.abs().max() > 1e-9),
        "calms": bool(calmer < 0.999),
        "excites": bool(calmer > 1.001),
        "hinders a shift": bool(held.abs().max() > 1e-6),
        "counted": _counted(script, rough),
        "registers": label is not None and DiceMetric()(label, pair.fixed_mask).item() > 0.96,
        "folds": end is None or folding_fraction(end).item() > 0.002,
    }


def _counted(script: Script, rough: Tensor) -> str:
    """How the printed value grows with the weight, in words."""
    pair = hidden()
    one, two = (
        script(rough, pair.fixed_mask, pair.moving_mask, weight).item() for weight in (1.0, 2.0)
    )
    share = (two - one) / min(_smooth(rough).item(), BendingEnergyLoss()(rough).item())
    return "not" if abs(share) < 1e-4 else "once" if share < 9 else "many times"


DIAGNOSIS = Diagnosis(
    cause="detached",
    others={
        "weight": "Order the weight times ten: not a digit changes. What is multiplied there has "
        "no slope.",
        "steps": "Order a tenth of the steps: fewer folds, still folds. Stopping early does not "
        "make the penalty act. Order ten times the weight.",
        "labels": "That labels say nothing about the inside is true, and the TRE shows it. But a "
        "penalty is there to hold the field together. Order no weight at all.",
    },
    examine=examine, broken=as_it_came, repaired=label_loss,
    try_out=lambda script: script(
        torch.zeros(1, 2, *SIZE).requires_grad_(), hidden().fixed_mask, hidden().moving_mask, 1.0),
    complaint=not_a_loss,
)  # fmt: skip
