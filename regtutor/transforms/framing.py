"""More or less of the same voxels: pad and crop; affine and points follow.

    M x = x + start

`start` is the old voxel at which the new grid begins, below 0 for a pad. Taught in notebook 06.

Convention: M sends a voxel of the new grid to its place in the old one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.checks import require, require_choice
from regtutor.transforms.dictionary import Data, kept_for_place, per_key
from regtutor.transforms.geometry import SpatialTransform, full_size

_PAD_MODES = {
    "constant": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
    "edge": "replicate",  # NumPy's names, which MONAI takes too
    "wrap": "circular",
}


def shift(start: Sequence[int]) -> Tensor:
    """M of a crop that begins at voxel `start`, or of a pad (start < 0)."""
    matrix = torch.eye(len(start) + 1, dtype=torch.float64)
    matrix[:-1, -1] = torch.as_tensor(start, dtype=torch.float64)
    return matrix


class SpatialPadd(SpatialTransform):
    """Pad images up to a size; an axis that is as long already stays.

    Args:
        keys: images.
        spatial_size: the least size; −1 keeps an axis.
        method: "symmetric" (half on either side, the odd voxel after) or "end".
        mode: "constant", "reflect", "replicate" or "circular"; one, or one for each key.
        kwargs: MONAI's `value` (or `constant_values`): the constant, 0 by default; −1000 is air
            in a CT.
        point_keys: see `SpatialTransform`.

    Raises:
        ValueError: an unknown method, mode or keyword.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        spatial_size: Sequence[int] | int,
        method: str = "symmetric",
        mode: Sequence[str] | str = "constant",
        allow_missing_keys: bool = False,
        lazy: bool = False,
        *,
        point_keys: Mapping[str, str] | None = None,
        **kwargs: float,
    ) -> None:
        super().__init__(keys, allow_missing_keys, point_keys)
        require_choice("method", method, ("symmetric", "end"))
        kept_for_place("lazy", lazy, False)
        for name in kwargs:
            require_choice("keyword", name, ("value", "constant_values"))
        self.value = next(iter(kwargs.values()), 0.0)
        self.spatial_size, self.method = spatial_size, method
        self.mode = per_key("mode", mode, self.keys, tuple(_PAD_MODES))

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict with padded images."""
        out = dict(data)
        for key, mode in self.key_iterator(data, self.mode):
            image = self.image(data, key)
            old = image.shape[1:]
            new = full_size("spatial_size", self.spatial_size, old)
            missing = [max(n - o, 0) for n, o in zip(new, old, strict=True)]
            self._require_enough(key, mode, old, missing)
            before = [n // 2 if self.method == "symmetric" else 0 for n in missing]
            sides: list[int] = []  # F.pad wants the last axis first
            for total, first in zip(reversed(missing), reversed(before), strict=True):
                sides += [first, total - first]
            value = self.value if mode == "constant" else None
            padded = F.pad(image[None], sides, mode=_PAD_MODES[mode], value=value)[0]
            self.put(out, key, padded, shift([-n for n in before]))
        return out

    def _require_enough(
        self, key: str, mode: str, old: Sequence[int], missing: Sequence[int]
    ) -> None:
        """What is mirrored or repeated is no longer than the image."""
        half = 2 if self.method == "symmetric" else 1
        spare = {"reflect": 1, "circular": 0}.get(_PAD_MODES[mode])
        fits = spare is None or all(
            -(-m // half) <= n - spare for m, n in zip(missing, old, strict=True)
        )
        remedy = "Take mode='constant' or 'replicate', or pad twice."
        require(fits, key, f"a pad within the image for mode {mode!r}", list(missing), remedy)


class CenterSpatialCropd(SpatialTransform):
    """Crop the middle out of images; an axis that is as short already stays.

    Args:
        keys: images.
        roi_size: the most size; −1 keeps an axis.
        point_keys: see `SpatialTransform`. Points outside keep their place, outside.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        roi_size: Sequence[int] | int,
        allow_missing_keys: bool = False,
        lazy: bool = False,
        *,
        point_keys: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys, point_keys)
        kept_for_place("lazy", lazy, False)
        self.roi_size = roi_size

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict with cropped images."""
        out = dict(data)
        for key in self.key_iterator(data):
            image = self.image(data, key)
            start = []
            for axis, n in enumerate(full_size("roi_size", self.roi_size, image.shape[1:])):
                first = max(image.shape[axis + 1] // 2 - n // 2, 0)
                image = image.narrow(axis + 1, first, min(n, image.shape[axis + 1] - first))
                start.append(first)
            self.put(out, key, image.contiguous(), shift(start))
        return out
