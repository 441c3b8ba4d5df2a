"""Random views of a pair: one draw for a case, applied to all its keys.

The same affine moves fixed and moving image, their labels and their points: it teaches pose, not
deformation, for the motion between the two stays what it was. Taught in notebook 06.

Convention: it *pulls*, like everything here: scale 1.1 shrinks what is seen, translate +3 moves it
3 voxels back. Voxels, about the middle of the grid; angles in radians, also in voxels (where a
voxel is not a cube, a rotation shears: resample to cubes first).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from regtutor.checks import require
from regtutor.deformation.affine import about_centre, affine_matrix
from regtutor.deformation.warp import MODES, PADDING_MODES
from regtutor.seeds import uniform
from regtutor.transforms.dictionary import Data, RandomTransform, kept_for_place, per_key
from regtutor.transforms.geometry import SpatialTransform, full_size
from regtutor.transforms.pulling import pull

Range = Sequence[tuple[float, float] | float] | float | None


class RandAffined(RandomTransform, SpatialTransform):
    """A random affine, the same for every key: rotate · shear · translate · scale.

    A range is a sequence of one entry a parameter: f draws from [−f, f), (low, high) from
    [low, high). A single number is for the first parameter *alone* (MONAI's rule): a rotation of
    0.3 about every axis of a volume is `(0.3, 0.3, 0.3)`.

    Args:
        keys: images on one grid.
        spatial_size: of the result, cut from the middle or padded; that of the image by default.
        prob: how often.
        rotate_range: radians: 1 angle in 2-D, 3 in 3-D, about axis 0, 1, 2.
        shear_range: 2 or 6 coefficients.
        translate_range: voxels an axis.
        scale_range: factors an axis, less 1: 0.1 draws from [0.9, 1.1).
        mode: "bilinear", or "nearest" for labels; one, or one for each key.
        padding_mode: "reflection" mirrors anatomy, and labels, in from beyond the border; or
            "zeros" or "border". One, or one for each key.
        cache_grid, device: without effect.
        point_keys: see `SpatialTransform`.

    Raises:
        ValueError: images on different grids, `prob` outside [0, 1], an unknown mode or padding,
            more entries than parameters, a factor that may not be above 0.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        spatial_size: Sequence[int] | int | None = None,
        prob: float = 0.1,
        rotate_range: Range = None,
        shear_range: Range = None,
        translate_range: Range = None,
        scale_range: Range = None,
        mode: Sequence[str] | str = "bilinear",
        padding_mode: Sequence[str] | str = "reflection",
        cache_grid: bool = False,
        device: torch.device | None = None,
        allow_missing_keys: bool = False,
        lazy: bool = False,
        *,
        point_keys: Mapping[str, str] | None = None,
    ) -> None:
        SpatialTransform.__init__(self, keys, allow_missing_keys, point_keys)
        RandomTransform.__init__(self, prob)
        kept_for_place("lazy", lazy, False)
        self.spatial_size = spatial_size
        self.rotate_range = _pairs("rotate_range", rotate_range)
        self.shear_range = _pairs("shear_range", shear_range)
        self.translate_range = _pairs("translate_range", translate_range)
        self.scale_range = _pairs("scale_range", scale_range)
        for low, high in self.scale_range:
            require(min(low, high) > -1, "scale_range", "entries above −1", (low, high))
        self.mode = per_key("mode", mode, self.keys, MODES)
        self.padding_mode = per_key("padding_mode", padding_mode, self.keys, PADDING_MODES)

    def draw(self, data: Data) -> Tensor:
        """The affine about the middle, `(d+1, d+1)`."""
        d = len(self._size(data))
        ranges = {
            "rotate_range": (self.rotate_range, d * (d - 1) // 2),
            "shear_range": (self.shear_range, d * (d - 1)),
            "translate_range": (self.translate_range, d),
            "scale_range": (self.scale_range, d),
        }
        drawn = []
        for name, (pairs, most) in ranges.items():
            require(len(pairs) <= most, name, f"at most {most} entries in {d}-D", pairs)
            drawn.append([uniform(low, high) for low, high in pairs])
        rotate, shear, translate, scale = drawn
        return affine_matrix(rotate, shear, translate, [1 + f for f in scale], spatial_dims=d)

    def apply(self, data: dict[str, Any], drawn: Tensor | None) -> dict[str, Any]:
        """Pull every image through one affine."""
        if not any(key in data for key in self.keys):
            return data
        old = self._size(data)
        new = (
            old if self.spatial_size is None else full_size("spatial_size", self.spatial_size, old)
        )
        if drawn is None and new == old:
            return data
        matrix = torch.eye(len(old) + 1, dtype=torch.float64) if drawn is None else drawn
        matrix = about_centre(matrix, new, old)
        keys, modes, paddings = zip(
            *self.key_iterator(data, self.mode, self.padding_mode), strict=True
        )
        images = [self.image(data, key) for key in keys]
        moved = pull(images, matrix, size=new, modes=modes, padding_modes=paddings)
        for key, image in zip(keys, moved, strict=True):
            self.put(data, key, image, matrix)
        return data

    def _size(self, data: Data) -> tuple[int, ...]:
        sizes = {key: tuple(self.image(data, key).shape[1:]) for key in self.key_iterator(data)}
        remedy = "Bring them to one grid first, with ResampleToMatchd or Resized."
        require(len(set(sizes.values())) <= 1, "RandAffined", "images on one grid", sizes, remedy)
        return next(iter(sizes.values()), ())


def _pairs(name: str, given: Range) -> list[tuple[float, float]]:
    """A range as (low, high) for each parameter; None for one leaves it as it is."""
    entries = given if isinstance(given, Sequence) else () if given is None else (given,)
    pairs = []
    for entry in entries:
        pair = entry if isinstance(entry, Sequence) else (-(entry or 0.0), entry or 0.0)
        require(len(pair) == 2, name, "numbers or pairs (low, high)", given)
        pairs.append((float(pair[0]), float(pair[1])))
    return pairs


class RandFlipd(RandomTransform, SpatialTransform):
    """Flip every image along the same axes, or none.

    A flip changes left and right: the heart moves to the other side.

    Args:
        keys: images.
        prob: how often.
        spatial_axis: an axis or several; None flips them all.
        point_keys: see `SpatialTransform`.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        prob: float = 0.1,
        spatial_axis: Sequence[int] | int | None = None,
        allow_missing_keys: bool = False,
        lazy: bool = False,
        *,
        point_keys: Mapping[str, str] | None = None,
    ) -> None:
        SpatialTransform.__init__(self, keys, allow_missing_keys, point_keys)
        RandomTransform.__init__(self, prob)
        kept_for_place("lazy", lazy, False)
        self.spatial_axis = spatial_axis

    def apply(self, data: dict[str, Any], drawn: bool | None) -> dict[str, Any]:
        """Flip, or not."""
        for key in self.key_iterator(dict(data)) if drawn else ():
            image = self.image(data, key)
            d = image.ndim - 1
            given = range(d) if self.spatial_axis is None else self.spatial_axis
            axes = [given] if isinstance(given, int) else list(given)
            inside = all(-d <= axis < d for axis in axes)
            require(inside, "spatial_axis", f"axes of {d} dimensions", self.spatial_axis)
            matrix = torch.eye(d + 1, dtype=torch.float64)
            for axis in {axis % d for axis in axes}:
                matrix[axis, axis], matrix[axis, d] = -1, image.shape[axis + 1] - 1
                image = image.flip(axis + 1)
            self.put(data, key, image, matrix)
        return data
