"""Where each voxel is, what an image holds anywhere, and the two together: warping.

    warped(x) = moving(x + ddf(x))

The field *pulls*: it says, for each voxel x of the fixed grid, where in the moving image to read.
All of regtutor comes to the one call of `grid_sample` below. Source: Jaderberg et al., "Spatial
Transformer Networks", 2015; the numbers are MONAI's. Taught in notebook 02.

Convention: voxels; channel k along array axis k; voxel centres at integers (align_corners=True).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.checks import (
    require,
    require_batch,
    require_choice,
    require_field,
    require_finite,
    require_size,
)

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


def axis_counts(size: Sequence[int], like: Tensor | None = None) -> list[Tensor]:
    """0, 1, 2 … along each axis by itself: d tensors `(1, 1, …, n, …, 1)` that broadcast to a grid.

    >>> [tuple(count.shape) for count in axis_counts((2, 3))]
    [(1, 2, 1), (1, 1, 3)]
    """
    require_size("size", size)
    dtype, device = torch.float32, None
    if like is not None:
        dtype, device = torch.promote_types(like.dtype, dtype), like.device
    return [
        torch.arange(n, dtype=dtype, device=device).view(1, *[1] * axis, n, *[1] * after)
        for axis, (n, after) in enumerate(zip(size, reversed(range(len(size))), strict=True))
    ]


def identity_grid(size: Sequence[int], like: Tensor | None = None) -> Tensor:
    """The place of every voxel: `(1, d, *size)`, channel k counts 0, 1, 2 … along axis k.

    Args:
        size: the spatial size, d numbers.
        like: a tensor whose device and precision to take, single at least: half of it loses a
            quarter of a voxel in ninety-six. float32 on the CPU without.

    >>> identity_grid((2, 3))[0, 1]
    tensor([[0., 1., 2.],
            [0., 1., 2.]])
    """
    return torch.stack(torch.broadcast_tensors(*axis_counts(size, like)), dim=1)


def sample(
    image: Tensor, points: Tensor, mode: str = "bilinear", padding_mode: str = "border"
) -> Tensor:
    """The values of an image at given places.

    Args:
        image: `(B, C, *spatial)`, floating point.
        points: `(B, d, *out)`, voxels of `image`; channel k along axis k.
        mode: "bilinear" (linear along each axis, in 3-D too), "nearest", or "bicubic" (2-D).
        padding_mode: what lies beyond the image: its "border" values, "zeros" or its "reflection".

    Returns:
        `(B, C, *out)`, in the image's dtype.

    Raises:
        ValueError: shapes that do not belong together, an unknown name, or NaN among the points
            where a gradient is asked for.

    >>> image = torch.tensor([[[[0.0, 10.0, 20.0]]]])                     # (1, 1, 1, 3)
    >>> sample(image, torch.tensor([0.0, 1.5]).view(1, 2, 1, 1)).item()   # between voxels 1 and 2
    15.0
    """
    _require_places("points", points, image)
    return _read(image, points.unbind(1), mode, padding_mode)


def _require_places(name: str, places: Tensor, image: Tensor) -> None:
    """For each case of the image and each of its axes; known, where a gradient is asked for.

    At a place that is NaN, torch's 2-D gradient reads far beyond the image: the process dies.
    """
    require_batch("image", image)
    d, shape = image.ndim - 2, tuple(places.shape)
    fits = places.ndim == image.ndim and shape[:2] == (len(image), d)
    require(fits, name, f"({len(image)}, {d}, *out) with {d} axes of out", shape)
    if torch.is_grad_enabled() and (places.requires_grad or image.requires_grad):
        require_finite(name, places)


def _read(image: Tensor, places: Sequence[Tensor], mode: str, padding_mode: str) -> Tensor:
    """`image` `(B, C, *spatial)` at the places, `(B, *out)` along each axis."""
    require_choice("mode", mode, MODES)
    require_choice("padding_mode", padding_mode, PADDING_MODES)
    dtype = torch.promote_types(torch.promote_types(image.dtype, places[0].dtype), torch.float32)
    # grid_sample counts from −1 to 1. Axis by axis a plane stays in the cache for all three steps,
    # and the stack puts the last axis first, as grid_sample wants it: two thirds of the passes.
    unit = [
        (place.to(dtype) / (max(n - 1, 1) / 2)).sub_(1)
        for place, n in zip(places, image.shape[2:], strict=True)
    ]
    grid = torch.stack(unit[::-1], dim=1).movedim(1, -1)  # (B, *out, d)
    values = F.grid_sample(
        image.to(dtype), grid, mode=mode, padding_mode=padding_mode, align_corners=True
    )
    return values.to(image.dtype)


def warp(
    image: Tensor, ddf: Tensor, mode: str = "bilinear", padding_mode: str = "border"
) -> Tensor:
    """Pull an image through a displacement field: `image(x + ddf(x))`.

    Args:
        image: `(B, C, *spatial)`.
        ddf: `(B, d, *out)`, voxels.
        mode, padding_mode: as in `sample`.

    Returns:
        `(B, C, *out)`.
    """
    _require_places("ddf", ddf, image)
    counts = axis_counts(ddf.shape[2:], like=ddf)
    places = [count + u for count, u in zip(counts, ddf.unbind(1), strict=True)]
    return _read(image, places, mode, padding_mode)


class Warp(nn.Module):
    """`warp` as a layer, with MONAI's arguments.

    Args:
        mode: "bilinear", "nearest" or "bicubic" (2-D only).
        padding_mode: "border", "zeros" or "reflection".
        jitter: kept for its place in MONAI's signature; only False.

    Raises:
        ValueError: a name that is not among these (MONAI takes any and uses the default).
    """

    def __init__(
        self, mode: str = "bilinear", padding_mode: str = "border", jitter: bool = False
    ) -> None:
        super().__init__()
        require_choice("mode", mode, MODES)
        require_choice("padding_mode", padding_mode, PADDING_MODES)
        require(
            jitter is False,
            "jitter",
            "False",
            jitter,
            "Jitter moves the image by up to a voxel, always the same way; add noise to the ddf.",
        )
        self.mode = mode
        self.padding_mode = padding_mode

    def forward(self, image: Tensor, ddf: Tensor) -> Tensor:
        """`image` `(B, C, *spatial)` pulled through `ddf` `(B, d, *spatial)` in voxels.

        Raises:
            ValueError: the grids differ, the image is not floating point, the field's channels
                are not the spatial axes, or mode "bicubic" meets a volume.
        """
        require_batch("image", image)
        require_field("ddf", ddf, size=image.shape[2:])
        require(len(image) == len(ddf), "ddf", f"the image's batch of {len(image)}", f"{len(ddf)}")
        require(
            self.mode != "bicubic" or image.ndim == 4, "mode", "'bilinear' for volumes", "'bicubic'"
        )
        if self.mode == "nearest" and ddf.requires_grad:
            warnings.warn(
                "Warp(mode='nearest') has no gradient: a network behind it learns nothing. "
                "Train with 'bilinear'; keep 'nearest' for looking at label maps.",
                stacklevel=2,
            )
        return warp(image, ddf, self.mode, self.padding_mode)
