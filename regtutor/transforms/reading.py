"""From file names to tensors with their channels first.

`fixed_image: "case_001_exp.nii.gz"` becomes a tensor; where it lies stays beside it, under
`fixed_image_affine` (4×4, voxel → mm, RAS). Taught in notebook 06.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from regtutor.checks import require
from regtutor.files import read_image, read_points
from regtutor.transforms.dictionary import Data, MapTransform, float32_only, kept_for_place

NO_CHANNEL = "no_channel"


class LoadImaged(MapTransform):
    """Read images, labels (both float32, as in MONAI) and points.

    Leaves `<key>_affine` beside each image, and `<key>_channel_dim` ("no_channel" or −1) for
    `EnsureChannelFirstd`, which takes it away.

    Args:
        keys: hold file names; see `read_image`.
        ensure_channel_first: do what `EnsureChannelFirstd` does.
        allow_missing_keys: pass over keys, of images and of points, that the data lacks.
        point_keys: key of points → key of the image whose voxels they count, for example
            `{"fixed_points": "fixed_image", "moving_points": "moving_image"}`. Keys that name one
            file share out its columns in the order given here. They become `(N, d)`, float32.
        reader and the others: kept for their place in MONAI's signature.

    Raises:
        ValueError, FileNotFoundError: see `read_image` and `read_points`; columns that are not d
            for each key.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        reader: None = None,
        dtype: type = np.float32,
        meta_keys: None = None,
        meta_key_postfix: str = "meta_dict",
        overwriting: bool = False,
        image_only: bool = True,
        ensure_channel_first: bool = False,
        simple_keys: bool = False,
        prune_meta_pattern: None = None,
        prune_meta_sep: str = ".",
        allow_missing_keys: bool = False,
        expanduser: bool = True,
        *,
        point_keys: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        kept_for_place("reader", reader, None)
        float32_only(dtype)
        kept_for_place("meta_keys", meta_keys, None)
        kept_for_place("meta_key_postfix", meta_key_postfix, "meta_dict")
        kept_for_place("overwriting", overwriting, False)
        kept_for_place("image_only", image_only, True)
        kept_for_place("simple_keys", simple_keys, False)
        kept_for_place("prune_meta_pattern", prune_meta_pattern, None)
        kept_for_place("prune_meta_sep", prune_meta_sep, ".")
        kept_for_place("expanduser", expanduser, True)
        self.ensure_channel_first = ensure_channel_first
        self.point_keys = dict(point_keys or {})

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict with tensors in place of file names."""
        got, remedy = type(data).__name__, "find_pairs makes one for each pair."
        require(isinstance(data, Mapping), "data", "a dict of file names", got, remedy)
        out = dict(data)
        for key in self.key_iterator(data):
            remedy = "LoadImaged comes first, and once."
            require(isinstance(data[key], str | Path), key, "a file name", type(data[key]), remedy)
            image, affine = read_image(data[key])
            out[key], out[f"{key}_affine"] = image, affine
            out[f"{key}_channel_dim"] = -1 if image.ndim == 4 else NO_CHANNEL
            if self.ensure_channel_first:
                out[key] = channel_first(image, out.pop(f"{key}_channel_dim"))
        return out | self._points(data)

    def _points(self, data: Data) -> dict[str, Tensor]:
        sharing: dict[str, list[str]] = {}
        for key in self.point_keys:
            if self.has(data, key):
                sharing.setdefault(str(data[key]), []).append(key)
        out: dict[str, Tensor] = {}
        for path, keys in sharing.items():
            table = read_points(path)
            d, rest = divmod(table.shape[1], len(keys))
            require(
                d in (2, 3) and rest == 0,
                path,
                f"2 or 3 columns for each of {keys}",
                f"{table.shape[1]} columns",
                "Name every key of points that is in the file, in the order of its columns.",
            )
            out |= dict(zip(keys, table.split(d, dim=1), strict=True))
        return {key: points.contiguous() for key, points in out.items()}


class EnsureChannelFirstd(MapTransform):
    """Channels first: `(H, W, D)` → `(1, H, W, D)`, and of a 4-D file the last axis comes first.

    It is done once. A second time is refused (MONAI adds a second channel in silence).

    Args:
        keys: images.
        strict_check: whether to refuse an image of which `LoadImaged` left no `<key>_channel_dim`;
            False warns and leaves it as it is.
        channel_dim: the axis of the channels, or "no_channel"; None takes what `LoadImaged` left.

    Raises:
        ValueError: nothing says where the channels are.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        strict_check: bool = True,
        allow_missing_keys: bool = False,
        channel_dim: int | str | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        known = channel_dim is None or channel_dim == NO_CHANNEL or isinstance(channel_dim, int)
        require(known, "channel_dim", f"an axis, {NO_CHANNEL!r} or None", repr(channel_dim))
        self.strict_check = strict_check
        self.channel_dim = channel_dim

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict with images `(C, *spatial)`."""
        out = dict(data)
        for key in self.key_iterator(data):
            left = out.pop(f"{key}_channel_dim", None)
            where = left if self.channel_dim is None else self.channel_dim
            if where is None:
                self._complain(key, out[key])
            else:
                axes = out[key].ndim
                inside = isinstance(where, str) or -axes <= where < axes
                require(inside, "channel_dim", f"an axis of {tuple(out[key].shape)}", where)
                out[key] = channel_first(out[key], where)
        return out

    def _complain(self, key: str, image: Tensor) -> None:
        expected = f"{key}_channel_dim beside it, which LoadImaged leaves and this takes away"
        remedy = "Are its channels first already? If not, give channel_dim."
        if self.strict_check:
            require(False, key, expected, tuple(image.shape), remedy)
        warnings.warn(f"{key}: left as it is, {tuple(image.shape)}. {remedy}", stacklevel=3)


def channel_first(image: Tensor, channel_dim: int | str) -> Tensor:
    """`(*spatial)` or an image with its channels anywhere → `(C, *spatial)`."""
    if isinstance(channel_dim, str):
        return image[None]
    return image.movedim(channel_dim, 0).contiguous()
