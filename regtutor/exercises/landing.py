"""Patient 5 of notebook 14: the loss falls and the TRE rises, for the points are moved backwards.

A ddf carries places of the fixed image to the moving one. Observed are mm: of uneven fields, of
points with a known rest, on voxels that are not square.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import move_points
from regtutor.exercises.diagnosing import Diagnosis, Script
from regtutor.exercises.forms import not_a_loss
from regtutor.exercises.warping import uneven_field
from regtutor.seeds import generator

Case = tuple[Tensor, Tensor, Tensor, Tensor]


def tre(ddf: Tensor, fixed_points: Tensor, moving_points: Tensor, spacing: Tensor) -> Tensor:
    """The worked solution: a field, points `(1, N, 2)` in voxels, mm a voxel → mean distance."""
    start, goal = fixed_points, moving_points
    reached = move_points(start, ddf)  # start + ddf(start)
    return ((reached - goal) * spacing).norm(dim=2).mean()


def as_it_came(ddf: Tensor, fixed_points: Tensor, moving_points: Tensor, spacing: Tensor) -> Tensor:
    """From the moving image's points along a field that starts at the fixed image's."""
    return tre(ddf, moving_points, fixed_points, spacing)


def _negated(ddf: Tensor, fixed: Tensor, moving: Tensor, spacing: Tensor) -> Tensor:
    return tre(-ddf, moving, fixed, spacing)


def _capped(ddf: Tensor, fixed: Tensor, moving: Tensor, spacing: Tensor) -> Tensor:
    return torch.minimum(tre(ddf, moving, fixed, spacing), tre(0 * ddf, moving, fixed, spacing))


def _in_voxels(ddf: Tensor, fixed: Tensor, moving: Tensor, spacing: Tensor) -> Tensor:
    return tre(ddf, moving, fixed, torch.ones(2))


def _unmoved(ddf: Tensor, fixed: Tensor, moving: Tensor, spacing: Tensor) -> Tensor:
    return tre(0 * ddf, moving, fixed, spacing)


def _to_itself(ddf: Tensor, fixed: Tensor, moving: Tensor, spacing: Tensor) -> Tensor:
    return tre(ddf, fixed, fixed, spacing)


def _least(ddf: Tensor, fixed: Tensor, moving: Tensor, spacing: Tensor) -> Tensor:
    return ((move_points(moving, ddf) - fixed) * spacing).norm(dim=2).min()


MASKS: dict[str, Script] = {
    "negated": _negated,
    "capped": _capped,
    "in_voxels": _in_voxels,
    "unmoved": _unmoved,
    "to_itself": _to_itself,
    "least": _least,
}


def cases() -> list[Case]:
    """The true field with a rest of a voxel or so; another; nothing; one that goes astray."""
    ddf = uneven_field()
    chance = generator(14)
    fixed = 8 + torch.rand((1, 9, 2), generator=chance) * torch.tensor([22.0, 36.0])
    moving = move_points(fixed, ddf) + torch.randn((1, 9, 2), generator=chance)
    spacing = torch.tensor([3.0, 0.8])
    return [(field, fixed, moving, spacing) for field in (ddf, 0.6 * ddf + 1, 0 * ddf, -ddf)]


def examine(script: Script) -> list[float]:
    """mm of each case."""
    return [float(script(*case)) for case in cases()]


def exact(answer: Any) -> bool:
    """0 for points that are where the field says, whatever the voxels."""
    ddf, fixed, _, _ = cases()[0]
    there = move_points(fixed[:, :5], ddf)
    return all(
        abs(float(answer[0](ddf, fixed[:, :5], there, torch.tensor(mm)))) < 1e-3
        for mm in ([1.0, 1.0], [0.5, 4.0])
    )


DIAGNOSIS = Diagnosis(
    cause="direction",
    others={
        "overfit": "Order the chest after the last step: it lies on the fixed one. The field is "
        "right, and the number is not about it.",
        "landmarks": "Order the TRE of doing nothing: as it should be. The points are where they "
        "should be before anything moves them.",
        "units": "Order the TRE in voxels: it rises too. mm or voxels, the way is wrong.",
    },
    examine=examine, broken=as_it_came, repaired=tre,
    try_out=lambda script: script(*cases()[0]), complaint=not_a_loss,
)  # fmt: skip
