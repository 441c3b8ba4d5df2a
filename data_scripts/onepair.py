"""One pair as it lies on disk: brought onto one grid for the registration, judged, pulled once.

Used by register.py. The registration sees the moving image on the fixed grid, in [0, 1]; what is
written is read from the moving file itself, through header and field at once:

    warped(x) = moving(A_moving⁻¹ A_fixed (x + ddf(x)))        A: voxel → mm
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from prepare import AlignCentresd
from torch import Tensor

from regtutor.checks import require
from regtutor.deformation import apply_affine, identity_grid, sample
from regtutor.metrics import DiceMetric, folding_fraction
from regtutor.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    ResampleToMatchd,
    ScaleIntensityRanged,
)

IMAGES = ("fixed_image", "moving_image")


def read(paths: dict[str, Path]) -> dict[str, Any]:
    """Images and labels `(1, *spatial)` and their affines; a label lies on its image's grid.

    Args:
        paths: `fixed_image`, `moving_image`, and `fixed_label`, `moving_label` or neither.
    """
    keys = list(paths)
    labels = [key for key in keys if key not in IMAGES]
    require(len(labels) != 1, "labels", "--fixed-label and --moving-label", f"only {labels}")
    data = Compose([LoadImaged(keys), EnsureChannelFirstd(keys)])(paths)
    for key, path in paths.items():
        shape, image = tuple(data[key].shape), key.replace("label", "image")
        require(shape[0] == 1, str(path), "one image, 2-D or 3-D", f"{shape[0]} in one file")
        thick, remedy = min(shape[1:]) >= 5, "A slice in 3-D? Write image[..., 0]."
        require(thick, str(path), "5 voxels or more along every axis", shape[1:], remedy)
        own, its = (data[f"{name}_affine"] for name in (key, image))
        same = shape == tuple(data[image].shape) and torch.allclose(own, its, atol=1e-3)
        require(same, str(path), f"the grid of {paths[image]}", "another", "Resample it first.")
        whole = key in IMAGES or bool((data[key] == data[key].round()).all())
        require(whole, str(path), "a label map of whole numbers", "fractions")
    return data


class OnePair:
    """A pair for `register`, and the way from its field back to the files.

    Args:
        paths: as in `read`.
        window: the intensities that become 0 and 1; None: percentiles of each image.
        centre: ignore where the headers put the images, let the middles of the grids meet.

    Attributes:
        fixed, moving: `(1, 1, *spatial)` on the fixed grid, in [0, 1].
        seen: `(1, 1, *spatial)`, 1 where the moving image has something to show.
        label: `(1, 1, *spatial)`, of the fixed image; None without labels.
        affine: `(4, 4)`, of the fixed image.
    """

    def __init__(
        self, paths: dict[str, Path], window: Sequence[float] | None, centre: bool = False
    ) -> None:
        data = read(paths)
        self.affine, came_from = data["fixed_image_affine"], data["moving_image_affine"]
        if centre:
            data = AlignCentresd(["moving_image"])(data)
        at_home = ResampleToMatchd("moving_image", "fixed_image")(data)["moving_image"]
        windows = [_window(key, paths[key], data[key], window) for key in IMAGES]
        self.to_unit = windows[1]
        self.fixed = windows[0].change(data["fixed_image"])[None]
        self.moving = windows[1].change(at_home)[None]
        self.label = data["fixed_label"][None] if "fixed_label" in data else None
        self._files = {
            key: data[key][None] for key in data if key in ("moving_image", "moving_label")
        }
        d = self.fixed.ndim - 2
        rows = [*range(d), 3]
        fixed, moving = self.affine[rows][:, rows], data["moving_image_affine"][rows][:, rows]
        self._theta = torch.linalg.solve(moving, fixed)[None, :-1].float()
        shift = came_from[:d, 3] - data["moving_image_affine"][:d, 3]
        self._shift = torch.linalg.solve(fixed[:d, :d], shift).float()
        nothing = torch.zeros(1, d, *self.fixed.shape[2:])
        everywhere = torch.ones_like(self._files["moving_image"])
        self.seen = self._pull(everywhere, nothing, "nearest", "zeros")

    def _pull(self, image: Tensor, ddf: Tensor, mode: str, beyond: str = "border") -> Tensor:
        places = apply_affine(self._theta, identity_grid(ddf.shape[2:]) + ddf)
        return sample(image, places, mode, beyond)

    def warped(self, ddf: Tensor) -> Tensor:
        """The moving file's intensities on the fixed grid, `(1, 1, *spatial)`."""
        return self._pull(self._files["moving_image"], ddf, "bilinear")

    def warped_label(self, ddf: Tensor) -> Tensor:
        """Its label map, by nearest; 0 beyond it."""
        return self._pull(self._files["moving_label"], ddf, "nearest", "zeros")

    def for_files(self, ddf: Tensor) -> Tensor:
        """The field that moves the moving file as it is, aligned or not."""
        return ddf + self._shift.view(1, -1, *[1] * (ddf.ndim - 2))

    def scores(self, ddf: Tensor) -> dict[str, float]:
        """What can be said of a field: overlap, folds, the longest way in mm."""
        found = {} if self.label is None else {"dice": _dice(self.warped_label(ddf), self.label)}
        axes = self.affine[:3, : ddf.shape[1]].float()
        longest = torch.einsum("ka,ba...->bk...", axes, ddf).norm(dim=1).max().item()
        return {**found, "folding": folding_fraction(ddf).item(), "largest_mm": longest}


def _window(
    key: str, path: Path, image: Tensor, window: Sequence[float] | None
) -> ScaleIntensityRanged:
    """What sends an image to [0, 1]."""
    low, high = window or np.percentile(image.numpy(), (0.5, 99.5)).tolist()
    remedy = "It is all but constant: give --range LOW HIGH."
    require(low < high, str(path), "a range of intensities", f"{low:g} to {high:g}", remedy)
    return ScaleIntensityRanged(key, low, high, 0.0, 1.0, clip=True)


def _dice(label: Tensor, truth: Tensor) -> float:
    """The mean over the structures of the truth; 0 is none."""
    structures = [n for n in truth.unique().tolist() if n != 0]
    each = [DiceMetric()((label == n).float(), (truth == n).float()) for n in structures]
    return torch.stack(each).mean().item() if each else float("nan")
