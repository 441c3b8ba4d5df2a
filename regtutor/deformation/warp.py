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

from regtutor.checks import require, require_batch, require_choice, require_field, require_size

MODES = ("bilinear", "nearest", "bicubic")
PADDING_MODES = ("zeros", "border", "reflection")


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
    require_size("size", size)
    dtype, device = torch.float32, None
    if like is not None:
        dtype, device = torch.promote_types(like.dtype, dtype), like.device
    axes = [torch.arange(n, dtype=dtype, device=device) for n in size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]


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

    >>> image = torch.tensor([[[[0.0, 10.0, 20.0]]]])                     # (1, 1, 1, 3)
    >>> sample(image, torch.tensor([0.0, 1.5]).view(1, 2, 1, 1)).item()   # between voxels 1 and 2
    15.0
    """
    require_batch("image", image)
    require_choice("mode", mode, MODES)
    require_choice("padding_mode", padding_mode, PADDING_MODES)
    d, shape = image.ndim - 2, tuple(points.shape)
    fits = points.ndim == image.ndim and shape[:2] == (len(image), d)
    require(fits, "points", f"({len(image)}, {d}, *out) with {d} axes of out", shape)
    dtype = torch.promote_types(torch.promote_types(image.dtype, points.dtype), torch.float32)
    points = points.to(dtype)
    last = torch.tensor([max(n - 1, 1) for n in image.shape[2:]], device=points.device)
    unit = (points * 2).div_(last.view(1, -1, *[1] * (points.ndim - 2))).sub_(1)
    grid = unit.flip(1).movedim(1, -1)  # (B, *out, d): grid_sample wants the last axis first
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
        ddf: `(B, d, *spatial)`, voxels.
        mode, padding_mode: as in `sample`.

    Returns:
        `(B, C, *spatial)`.
    """
    return sample(image, identity_grid(ddf.shape[2:], like=ddf) + ddf, mode, padding_mode)


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
