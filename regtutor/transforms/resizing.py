"""Finer and coarser images over the same field of view; affine and points follow.

    M x = s x + (s − 1)/2,  s = old/new       the outer faces stay (align_corners False or None)
    M x = s x,  s = (old − 1)/(new − 1)       the centres of the corner voxels stay (True)

Taught in notebook 06.

Convention: M sends a voxel of the new grid to its place in the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.checks import require, require_choice, require_count
from regtutor.transforms.dictionary import Data, float32_only, kept_for_place, per_key
from regtutor.transforms.geometry import SpatialTransform, full_size

_LINEAR = {2: "bilinear", 3: "trilinear"}
_BLOCKY = ("area", "nearest", "nearest-exact")  # these have no align_corners
_RESIZE_MODES = (*_BLOCKY, "linear", "bilinear", "trilinear", "bicubic")


class Resized(SpatialTransform):
    """Make an image finer or coarser over the same field of view.

    The default mode, "area", averages, labels too ({0, 1, 3} become fractions): give them
    "nearest". That one takes the old voxel at or before each place, so that a label lies up to one
    old voxel beside its image; "nearest-exact" takes the nearest.

    Args:
        keys: images.
        spatial_size: the new size; −1 keeps an axis.
        size_mode: "all", or "longest": `spatial_size` is one number, for the longest axis.
        mode: "area", "nearest", "nearest-exact", "bilinear" (in 3-D too) or "bicubic" (2-D); one,
            or one for each key.
        align_corners: for the linear and cubic modes: True keeps the corner voxels' centres, False
            and None keep the outer faces. One, or one for each key.
        anti_aliasing, anti_aliasing_sigma: False and None, the mode "area" averages already.
        point_keys: see `SpatialTransform`.

    Raises:
        ValueError: an unknown mode, `align_corners` for a mode that has none, other dimensions.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        spatial_size: Sequence[int] | int,
        size_mode: str = "all",
        mode: Sequence[str] | str = "area",
        align_corners: Sequence[bool | None] | bool | None = None,
        anti_aliasing: bool = False,
        anti_aliasing_sigma: None = None,
        dtype: type = np.float32,
        allow_missing_keys: bool = False,
        lazy: bool = False,
        *,
        point_keys: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys, point_keys)
        require_choice("size_mode", size_mode, ("all", "longest"))
        if size_mode == "longest":
            require_count("spatial_size", spatial_size)
        kept_for_place("anti_aliasing", anti_aliasing, False)
        kept_for_place("anti_aliasing_sigma", anti_aliasing_sigma, None)
        float32_only(dtype)
        kept_for_place("lazy", lazy, False)
        self.spatial_size, self.size_mode = spatial_size, size_mode
        self.mode = per_key("mode", mode, self.keys, _RESIZE_MODES)
        self.align_corners = per_key("align_corners", align_corners, self.keys, (True, False, None))
        for one, corners in zip(self.mode, self.align_corners, strict=True):
            free = one not in _BLOCKY or corners is None
            require(free, "align_corners", f"None for mode {one!r}", corners)

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict with resized images."""
        out = dict(data)
        for key, mode, corners in self.key_iterator(data, self.mode, self.align_corners):
            image = self.image(data, key)
            old = tuple(image.shape[1:])
            new = self._new_size(old)
            if mode in ("linear", "bilinear", "trilinear"):
                mode = _LINEAR[len(old)]
            require(mode != "bicubic" or len(old) == 2, "mode", "another for volumes", mode)
            resized = F.interpolate(image[None], size=new, mode=mode, align_corners=corners)[0]
            self.put(out, key, resized, scaling(old, new, bool(corners)))
        return out

    def _new_size(self, old: tuple[int, ...]) -> tuple[int, ...]:
        if self.size_mode == "all":
            return full_size("spatial_size", self.spatial_size, old)
        scale = self.spatial_size / max(old)  # type: ignore[operator]
        return tuple(max(round(n * scale), 1) for n in old)


def scaling(old: Sequence[int], new: Sequence[int], align_corners: bool = False) -> Tensor:
    """M of a resize from one size to another, `(d+1, d+1)`."""
    d = len(old)
    matrix = torch.eye(d + 1, dtype=torch.float64)
    for axis in range(d):
        if old[axis] == new[axis]:
            continue
        if align_corners:
            remedy = "Give align_corners=False."
            require(min(old[axis], new[axis]) > 1, "spatial_size", "2 or more", new, remedy)
            matrix[axis, axis] = (old[axis] - 1) / (new[axis] - 1)
        else:
            matrix[axis, axis] = old[axis] / new[axis]
            matrix[axis, d] = (matrix[axis, axis] - 1) / 2
    return matrix
