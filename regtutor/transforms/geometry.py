"""What moves an image moves its affine and its points along.

    new(x) = old(M x),   affine_new = affine_old · M,   a point p of old becomes M⁻¹ p

M sends a voxel of the new grid to its place in the old one: images are pulled, so points go by the
inverse. A landmark stays on its anatomy, and a voxel keeps its place in the patient.
Taught in notebook 06.

Convention: voxels, about voxel (0, …, 0); M is (d+1, d+1), float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regtutor.checks import require, require_tensor
from regtutor.deformation.affine import apply_affine
from regtutor.deformation.warp import MODES, PADDING_MODES, sample
from regtutor.transforms.dictionary import Data, MapTransform, kept_for_place, per_key
from regtutor.transforms.pulling import fold, places


class SpatialTransform(MapTransform):
    """What all that moves an image shares: the affine and the points follow.

    Args:
        keys, allow_missing_keys: as in `MapTransform`.
        point_keys: key of points → key of the image whose voxels they count. Name them to every
            transform that moves the image: points that are not named stay behind.

    Raises:
        ValueError: points of an image that is not among the keys.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        allow_missing_keys: bool = False,
        point_keys: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        pairs = isinstance(point_keys or {}, Mapping)
        require(pairs, "point_keys", "a dict: key of points → key of their image", point_keys)
        self.point_keys = dict(point_keys or {})
        strangers = set(self.point_keys.values()) - set(self.keys)
        require(not strangers, "point_keys", f"images among the keys {self.keys}", strangers)

    def image(self, data: Data, key: str) -> Tensor:
        """The image under a key, `(C, *spatial)`, float32."""
        require_tensor(key, data[key], "Use LoadImaged before.")
        image, shapes = data[key], "(C, H, W) or (C, H, W, D)"
        shape = tuple(image.shape)
        require(image.ndim in (3, 4), key, shapes, shape, "Use EnsureChannelFirstd before.")
        first = f"{key}_channel_dim" not in data
        require(first, key, shapes, f"{shape} as loaded", "Use EnsureChannelFirstd before.")
        return image.float()

    def put(self, data: dict[str, Any], key: str, image: Tensor, matrix: Tensor) -> None:
        """Set the moved image; let its affine and its points follow by M, `matrix`."""
        data[key] = image
        if f"{key}_affine" in data:
            data[f"{key}_affine"] = data[f"{key}_affine"].double() @ in_space(matrix)
        for name, owner in self.point_keys.items():
            if owner == key and self.has(data, name):
                data[name] = move(data[name], matrix, name)


def in_space(matrix: Tensor) -> Tensor:
    """`(d+1, d+1)` → `(4, 4)`: in 2-D the third axis stays as it is."""
    d = len(matrix) - 1
    full = torch.eye(4, dtype=torch.float64)
    full[:d, :d], full[:d, 3] = matrix[:d, :d], matrix[:d, d]
    return full


def move(points: Tensor, matrix: Tensor, name: str = "points") -> Tensor:
    """Points `(N, d)` of the old grid, in voxels of the new one: `M⁻¹ p`, float32."""
    d = len(matrix) - 1
    require(
        points.ndim == 2 and points.shape[1] == d, name, f"(N, {d}) voxels", tuple(points.shape)
    )
    inverse = torch.linalg.inv(matrix)[None, :-1]
    return apply_affine(inverse, points.double().T[None])[0].T.float().contiguous()


def full_size(name: str, wanted: Any, size: Sequence[int]) -> tuple[int, ...]:
    """A spatial size in full: one number is for every axis; what is not positive keeps `size`."""
    many = isinstance(wanted, Sequence)
    numbers = tuple(wanted) if many else (wanted,) * len(size)
    require(len(numbers) == len(size), name, f"{len(size)} numbers", numbers)
    whole = all(n is None or (isinstance(n, Real) and n % 1 == 0) for n in numbers)
    require(whole, name, "whole numbers", wanted)
    return tuple(int(n) if n and n > 0 else old for n, old in zip(numbers, size, strict=True))


class ResampleToMatchd(SpatialTransform):
    """Bring images onto the grid of another, by where both lie in the patient (their affines).

    What registration needs first: fixed and moving image on one grid.

    Args:
        keys: images, each with `<key>_affine` beside it.
        key_dst: the image whose grid to take; it stays.
        mode: "bilinear", or "nearest" for labels; one, or one for each key.
        padding_mode: what lies beyond an image: its "border" values, "zeros", its "reflection".
        align_corners: where a "reflection" has its mirrors, at the outer faces (False) or in the
            middle of the outer voxels; it makes no other difference.
        point_keys: see `SpatialTransform`.

    Raises:
        ValueError: an unknown mode or padding, no affine beside an image, one without inverse;
            images that do not overlap.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        key_dst: str,
        mode: Sequence[str] | str = "bilinear",
        padding_mode: Sequence[str] | str = "border",
        align_corners: Sequence[bool] | bool = False,
        dtype: type = np.float64,
        allow_missing_keys: bool = False,
        lazy: bool = False,
        *,
        point_keys: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys, point_keys)
        kept_for_place("dtype", dtype, np.float64)
        kept_for_place("lazy", lazy, False)
        self.key_dst = key_dst
        self.mode = per_key("mode", mode, self.keys, MODES)
        self.padding_mode = per_key("padding_mode", padding_mode, self.keys, PADDING_MODES)
        self.align_corners = per_key("align_corners", align_corners, self.keys, (True, False))

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict with images on the grid of `key_dst`."""
        require(self.key_dst in data, "key_dst", f"one of {sorted(data)}", repr(self.key_dst))
        size = self.image(data, self.key_dst).shape[1:]
        fixed = self._affine(data, self.key_dst)
        out = dict(data)
        per_image = (self.mode, self.padding_mode, self.align_corners)
        for key, mode, padding_mode, corners in self.key_iterator(data, *per_image):
            image = self.image(data, key)
            same_dims = image.ndim - 1 == len(size)
            require(same_dims, key, f"{len(size)} spatial dimensions", tuple(image.shape))
            matrix = torch.linalg.solve(self._affine(data, key), fixed)
            points = places(matrix, size)
            self._require_overlap(key, points, image.shape[1:])
            if padding_mode == "reflection" and not corners:
                points, padding_mode = fold(points, image.shape[1:]), "border"
            self.put(out, key, sample(image[None], points, mode, padding_mode)[0], matrix)
            out[f"{key}_affine"] = data[f"{self.key_dst}_affine"].clone()  # without rounding
        return out

    def _require_overlap(self, key: str, points: Tensor, size: Sequence[int]) -> None:
        """Some voxel of the new grid lies in the image, or nothing but its border would come."""
        last = (torch.tensor(size).to(points) - 0.5).view(1, -1, *[1] * (points.ndim - 2))
        inside = bool(((points >= -0.5) & (points <= last)).all(dim=1).any())
        expected = f"an image that overlaps {self.key_dst}"
        remedy = "Do their affines count from one origin? Align their centres first."
        require(inside, key, expected, "one wholly beside it", remedy)

    def _affine(self, data: Data, key: str) -> Tensor:
        """Voxel → mm, `(d+1, d+1)`: in 2-D the block of the first two axes."""
        name, d = f"{key}_affine", data[key].ndim - 1
        require(name in data, name, f"the affine of {key!r}", "none", "LoadImaged leaves it there.")
        kept = [*range(d), 3]
        shape = tuple(data[name].shape)
        require(shape == (4, 4), name, "(4, 4), voxel → mm", shape)
        affine = data[name].double()[kept][:, kept]
        require(bool(affine.det() != 0), name, "an affine with an inverse", affine.tolist())
        return affine
