"""The pairs of pairs.py: real ones from files, and the phantom, each on one grid in [0, 1].

The files are found by REGTUTOR_DATA, else in ../shared/data beside the checkout.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from regtutor.data.thorax import breathing_pair
from regtutor.files import read_image, read_points
from regtutor.transforms import ResampleToMatchd

DATA = Path(os.environ.get("REGTUTOR_DATA", Path(__file__).parents[2] / "shared" / "data"))
HU = (-1000, 200)


@dataclass(frozen=True)
class Given:
    """Two images `(1, 1, *spatial)` in [0, 1] on one grid, and what is known of them."""

    fixed: Tensor
    moving: Tensor
    affine: Tensor
    labels: tuple[Tensor, Tensor] | None = None  # label maps, of fixed and moving
    points: tuple[Tensor, Tensor] | None = None  # (1, N, d), voxels
    aligned: bool = True


def _unit(image: Tensor, low: float, high: float) -> Tensor:
    return ((image - low) / (high - low)).clamp(0, 1)[None, None]


def _read(*names: str) -> list[Tensor]:
    return [read_image(DATA / name)[0] for name in names]


def lung() -> Given:
    """A real CT, warped by real landmarks."""
    folder = "lung_ct_halfreal"
    names = ("fixed", "moving", "fixed_mask", "moving_mask")
    fixed, moving, *masks = _read(*(f"{folder}/{name}.nii.gz" for name in names))
    points = read_points(DATA / folder / "landmarks.csv")[None].split(3, dim=2)
    affine = read_image(DATA / folder / "fixed.nii.gz")[1]
    labels = tuple(mask[None, None] for mask in masks)
    return Given(_unit(fixed, *HU), _unit(moving, *HU), affine, labels, points)


def oasis() -> Given:
    """Two people's brains, 34 structures."""
    a, b = "brain_oasis/subject_a", "brain_oasis/subject_b"
    fixed, moving, *labels = _read(*(f"{n}_{k}.nii.gz" for k in ("t1", "seg") for n in (a, b)))
    affine = read_image(DATA / f"{a}_t1.nii.gz")[1]
    unit = (_unit(image, 0, float(image.max())) for image in (fixed, moving))
    return Given(*unit, affine, tuple(label[None, None] for label in labels))


def brain_2d() -> Given:
    """The classic two slices."""
    both = (Image.open(DATA / f"brain_2d/{n}slice.jpg").convert("L") for n in ("r16", "r64"))
    unit = (_unit(torch.from_numpy(np.array(image, dtype="f4")), 0, 255) for image in both)
    return Given(*unit, torch.eye(4), aligned=False)


def brain_t1() -> Given:
    """One person onto an average of many."""
    (fixed, affine), (moving, own) = (
        read_image(DATA / f"brain_t1/{n}.nii.gz") for n in ("mni", "ch2")
    )
    data = {
        "fixed": fixed[None],
        "fixed_affine": affine,
        "moving": moving[None],
        "moving_affine": own,
    }
    moving = ResampleToMatchd("moving", "fixed")(data)["moving"][0]
    unit = (_unit(image, 0, float(image.max())) for image in (fixed, moving))
    return Given(*unit, affine, aligned=False)


def phantom(seed: int, size: tuple[int, ...] = (64, 48, 64)) -> Given:
    """A breathing thorax, with its truth."""
    pair = breathing_pair(seed, size)
    unit = (_unit(image[0, 0], *HU) for image in (pair.fixed, pair.moving))
    points, masks = (pair.fixed_points, pair.moving_points), (pair.fixed_mask, pair.moving_mask)
    return Given(*unit, pair.affine, masks, points)


PAIRS: dict[str, Callable[[], Given]] = {
    "lung_ct_halfreal": lung,
    "brain_oasis": oasis,
    "brain_2d": brain_2d,
    "brain_t1": brain_t1,
    "phantom 118": lambda: phantom(118),
    "phantom 119": lambda: phantom(119),
}
