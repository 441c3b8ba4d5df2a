"""Notebook 13's domain shifts: one chest, as another scanner, table or body would have shown it.

Each shift has amounts, the first of which is the chest as a network of this course has learned it.
Landmarks, masks and spacing go along, so that the truth stays the truth.

Convention: images in [0, 1] (−1000 … 200 HU), points in voxels, spacing in mm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from regtutor.checks import require_choice
from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.deformation import (
    Warp,
    affine_to_ddf,
    apply_affine,
    identity_grid,
    matrix_to_theta,
    sample,
)
from regtutor.filters import gaussian_smooth

SIZE, SEED = (112, 140), 907


class Shifted(NamedTuple):
    """A pair as the scanner gives it, and what is known of it."""

    fixed: Tensor  # (1, 1, H, W) in [0, 1]
    moving: Tensor
    fixed_label: Tensor  # (1, 1, H, W), the lungs
    moving_label: Tensor
    fixed_points: Tensor  # (1, N, 2) voxels
    moving_points: Tensor
    spacing: tuple[float, ...]  # mm
    seed: int  # whose chest


def shifted(shift: str, amount: float, seed: int = SEED, size: Sequence[int] = SIZE) -> Shifted:
    """One chest under one shift.

    Args:
        shift: one of `SHIFTS`.
        amount: how much of it, in the shift's unit; any number, not only those of the table.
        seed: whose chest.
        size: of the image.
    """
    require_choice("shift", shift, tuple(SHIFTS))
    return change(shift, _case(seed, tuple(size)), amount)


def change(shift: str, case: Shifted, amount: float) -> Shifted:
    """A case under one shift more."""
    return _CHANGE[shift](case, amount)


@cache
def _pair(seed: int, size: tuple[int, ...]) -> BreathingPair:
    return breathing_slice(seed, size)


def _case(seed: int, size: tuple[int, ...]) -> Shifted:
    pair = _pair(seed, size)
    fixed, moving = (((x + 1000) / 1200).clamp(0, 1) for x in (pair.fixed, pair.moving))
    masks, points = (pair.fixed_mask, pair.moving_mask), (pair.fixed_points, pair.moving_points)
    return Shifted(fixed, moving, *masks, *points, pair.spacing, seed)


def _darker(case: Shifted, gain: float) -> Shifted:
    return case._replace(fixed=gain * case.fixed, moving=gain * case.moving)


def _darker_moving(case: Shifted, gain: float) -> Shifted:
    return case._replace(moving=gain * case.moving)


def _blurred(case: Shifted, sigma: float) -> Shifted:
    if not sigma:
        return case
    fixed, moving = (gaussian_smooth(image, sigma) for image in (case.fixed, case.moving))
    return case._replace(fixed=fixed, moving=moving)


def _laid(
    case: Shifted, side: str, degrees: float = 0, down: float = 0, shrunk: float = 1
) -> Shifted:
    """Image, mask and points of one side: turned about the middle, moved by mm, made smaller."""
    size, scale = case.fixed.shape[2:], torch.tensor([*case.spacing, 1.0]).double()
    angle, middle = math.radians(degrees), (torch.tensor(size).double() - 1) / 2 * scale[:2]
    cosine, sine = math.cos(angle) / shrunk, math.sin(angle) / shrunk
    turn = torch.tensor([[cosine, -sine, down], [sine, cosine, 0], [0, 0, 1]]).double()
    turn[:2, 2] += middle - turn[:2, :2] @ middle
    matrix = (turn * scale) / scale[:, None]  # from mm to voxels
    back = affine_to_ddf(matrix_to_theta(matrix.inverse()[None]).float(), size)
    read = Warp(padding_mode="zeros" if shrunk != 1 else "border")  # around the scan is air
    image, label = (read(getattr(case, f"{side}{kind}"), back) for kind in ("", "_label"))
    theta = matrix_to_theta(matrix[None]).float()
    points = apply_affine(theta, getattr(case, f"{side}_points").mT).mT
    return case._replace(**{side: image, f"{side}_label": label, f"{side}_points": points})


def _larger_voxels(case: Shifted, times: float) -> Shifted:
    """The same grid over a larger field of view."""
    for side in ("fixed", "moving"):
        case = _laid(case, side, shrunk=times)
    return case._replace(spacing=tuple(times * mm for mm in case.spacing))


def _turned(case: Shifted, degrees: float) -> Shifted:
    return _laid(_laid(case, "fixed", degrees), "moving", degrees)


def _other_organ(case: Shifted, amount: float) -> Shifted:
    """Soft tissue with patches where the chest was; it moves as the chest did, as is known."""
    if not amount:
        return case
    size = tuple(case.fixed.shape[2:])
    patches = torch.randn(1, 1, *size, generator=torch.Generator().manual_seed(4))
    patches = gaussian_smooth(patches, 4.0)
    tissue = (0.6 + 0.12 * patches / patches.std()).clamp(0.2, 1)
    body = gaussian_smooth(((case.fixed > 0.5) | (case.fixed_label > 0)).float(), 6.0) > 0.5
    inside = tissue * gaussian_smooth(body.float(), 1.0)
    moving = sample(inside, identity_grid(size) + _pair(case.seed, size).inverse)
    return case._replace(fixed=inside, moving=moving)


_CHANGE: dict[str, Callable[[Shifted, float], Shifted]] = {
    "gain, both scans": _darker,
    "gain, moving scan": _darker_moving,
    "blur": _blurred,
    "voxel size": _larger_voxels,
    "both turned": _turned,
    "moving lies lower": lambda case, mm: _laid(case, "moving", down=mm),
    "another organ": _other_organ,
}
# shift → amount → the words beside it; the first amount is the chest as it was learned
SHIFTS: dict[str, dict[float, str]] = {
    "gain, both scans": {g: f"× {g:g}" for g in (1, 0.8, 0.6, 0.4, 0.2)},
    "gain, moving scan": {g: f"× {g:g}" for g in (1, 0.9, 0.8, 0.7, 0.6)},
    "blur": {s: f"{s:g} voxels" for s in (0, 1, 2, 4, 6)},
    "voxel size": {t: f"{3.25 * t:.3g} mm" for t in (1, 1.25, 1.5, 2)},
    "both turned": {a: f"{a}°" for a in (0, 10, 20, 45, 90, 180)},
    "moving lies lower": {mm: f"{mm} mm" for mm in (0, 10, 20, 30, 40)},
    "another organ": {0: "chest", 1: "belly"},
}
