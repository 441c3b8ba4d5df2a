"""Patient 6 of notebook 14: nothing is learned, for what mutual information is shown is flat.

`GlobalMutualInformationLoss` counts in [0, 1] and refuses anything else. Somebody answered its
complaint by a clamp: an MR of 0 to 4000 is 1 nearly everywhere, and CT in HU is 0 or 1. Observed is
whether the field is pulled at all, and where a descent ends on a pair the learner has not seen.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.deformation import Warp, resize_field
from regtutor.exercises.diagnosing import Diagnosis, Script
from regtutor.exercises.forms import not_a_loss
from regtutor.losses import DiffusionLoss, GlobalMutualInformationLoss, MSELoss
from regtutor.metrics import target_registration_error

SIZE = (48, 66)
CONTROL = (8, 11)


def image_loss(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    """The worked solution: a field and two images `(1, 1, H, W)`, each in its own unit."""
    a, b = ((x - x.min()) / (x.max() - x.min()) for x in (fixed, moving))
    return GlobalMutualInformationLoss()(Warp()(b, ddf), a)


def as_it_came(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    """The loss wants [0, 1], so it gets [0, 1]."""
    a, b = (x.clamp(0, 1) for x in (fixed, moving))
    return GlobalMutualInformationLoss()(Warp()(b, ddf), a)


def _scaled(x: Tensor) -> Tensor:
    return (x - x.min()) / (x.max() - x.min())


def _squares(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    return MSELoss()(Warp()(_scaled(moving), ddf), _scaled(fixed))


def _only_one(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    moving = _scaled(moving)
    return GlobalMutualInformationLoss()(Warp()(moving, ddf), fixed.clamp(0, 1))


def _other_one(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    moving = moving.clamp(0, 1)
    return GlobalMutualInformationLoss()(Warp()(moving, ddf), _scaled(fixed))


def _against_itself(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    fixed = _scaled(fixed)
    return GlobalMutualInformationLoss()(Warp()(fixed, ddf), fixed)


def _cut_high(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    """Windows, but one that ends at a tenth of the MR."""
    a, b = ((fixed + 1000) / 1200).clamp(0, 1), (moving / 400).clamp(0, 1)
    return GlobalMutualInformationLoss()(Warp()(b, ddf), a)


def _shaken(ddf: Tensor, fixed: Tensor, moving: Tensor) -> Tensor:
    return as_it_came(ddf, fixed, moving) + ddf.square().mean()


MASKS: dict[str, Script] = {
    "squares": _squares,
    "only_moving": _only_one,
    "only_fixed": _other_one,
    "against_itself": _against_itself,
    "something_to_do": _shaken,
    "narrow_window": _cut_high,
}


def as_mr(pair: BreathingPair) -> BreathingPair:
    """The same pair with the inhaled image in other greys: bright is dark, 0 to 4000."""
    dark = 1 - ((pair.moving + 1000) / 1400).clamp(0, 1)
    return replace(pair, moving=4000 * dark**1.5 + 60)


def descend(
    script: Script, pair: BreathingPair, steps: int = 60, rate: float = 0.15
) -> tuple[Tensor, list[float]]:
    """The ddf `(1, 2, H, W)` by control points, kept smooth, and the loss at each step."""
    size = pair.fixed.shape[2:]
    control = torch.zeros(1, 2, *CONTROL).requires_grad_()
    optimizer, curve = torch.optim.Adam([control], lr=rate), []
    for _ in range(steps):
        optimizer.zero_grad()
        value = script(resize_field(control, size), pair.fixed, pair.moving)
        (value + 0.02 * DiffusionLoss()(control)).backward()
        optimizer.step()
        curve.append(value.item())
    return resize_field(control, size).detach(), curve


@lru_cache(maxsize=1)
def hidden() -> BreathingPair:
    """Not the chest that the notebook shows."""
    return as_mr(breathing_slice(seed=31, size=SIZE))


def pull(script: Script, pair: BreathingPair) -> float:
    """The largest gradient at a field of one voxel down."""
    ddf = torch.zeros_like(pair.ddf)
    ddf[:, 0] = 1
    ddf.requires_grad_()
    value = script(ddf, pair.fixed, pair.moving) + 0 * ddf.sum()
    return torch.autograd.grad(value, ddf)[0].abs().max().item()


def tre_mm(pair: BreathingPair, ddf: Tensor) -> float:
    """Mean, mm."""
    points = pair.fixed_points, pair.moving_points
    return target_registration_error(*points, ddf, pair.spacing).mean().item()


def examine(script: Script) -> dict[str, bool]:
    """Is the field pulled, by what, and does that bring the landmarks nearer?"""
    pair = hidden()
    before = tre_mm(pair, torch.zeros_like(pair.ddf))
    after = tre_mm(pair, descend(script, pair)[0])
    half = torch.arange(SIZE[1]) < SIZE[1] // 2
    both = torch.where(half, pair.moving / 4100, pair.moving)  # whatever range is looked at
    other = torch.where(pair.fixed < -600, -1600 - pair.fixed, pair.fixed)  # lung and air
    sees_lung = _differ(script, (pair.fixed, both), (other, both))
    sees_mr = _differ(script, (pair.fixed, pair.moving), (pair.fixed, 4100 - pair.moving.flip(2)))
    itself = script(torch.zeros_like(pair.ddf), pair.fixed, pair.fixed).item()
    apart = script(torch.zeros_like(pair.ddf), pair.fixed, pair.moving).item()
    return {
        "pulled": pull(script, pair) > 1e-7,
        "arrives": after < 0.35 * before,
        "sees the lung": sees_lung,
        "sees the MR": sees_mr,
        "squares": abs(itself) < 1e-6 < apart,
    }


def _differ(script: Script, one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> bool:
    """Does the loss of a pair at rest change when an image is another?"""
    rest = torch.zeros(1, 2, *SIZE)
    a, b = script(rest, *one), script(rest, *other)
    return bool((a - b).abs() > 1e-3 * a.abs() + 1e-5)


DIAGNOSIS = Diagnosis(
    cause="range",
    others={
        "steps": "Order three times the steps: three times nothing. Order the gradient.",
        "rate": "Order a hundred times the learning rate: a hundred times 0 is 0. Adam needs a "
        "slope to go down.",
        "smoothness": "The penalty is 0 as long as nothing moves, so it cannot be what holds the "
        "field. Order the largest gradient: the image loss itself pulls by 0.",
    },
    examine=examine, broken=as_it_came, repaired=image_loss,
    try_out=lambda script: script(torch.zeros_like(hidden().ddf).requires_grad_(),
                                  hidden().fixed, hidden().moving),
    complaint=not_a_loss,
)  # fmt: skip
