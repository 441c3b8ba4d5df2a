"""What one does with displacement fields: compose, invert, resize, move points.

    (outer ∘ inner)(x) = inner(x) + outer(x + inner(x))

Taught in notebook 03.

Convention: ddf in voxels of the fixed grid, channel k along axis k, it pulls; borders extend.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.checks import require, require_count, require_field, require_same_shape, require_size
from regtutor.deformation.warp import sample, warp

_LINEAR = {2: "bilinear", 3: "trilinear"}


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The field of `moving(outer∘inner)`: a point goes by `inner` first, then by `outer`.

    `warp(moving, compose(outer, inner))` is `warp(warp(moving, outer), inner)` with one
    interpolation of the image instead of two.

    Args:
        outer, inner: `(B, d, *spatial)`, voxels.

    Returns:
        `(B, d, *spatial)`, voxels.
    """
    require_field("outer", outer)
    require_same_shape("inner", inner, "outer", outer)
    return inner + warp(outer, inner)


def invert(ddf: Tensor, num_steps: int = 50, tolerance: float = 1e-3) -> Tensor:
    """The field that undoes `ddf`, by the fixed point `v(x) = −ddf(x + v(x))`.

    Source: Chen et al., "A simple fixed-point approach to invert a deformation field", Medical
    Physics 35(1), 2008. It converges where the field stretches and squeezes by less than its own
    length; a folded field has no inverse.

    Args:
        ddf: `(B, d, *spatial)`, voxels.
        num_steps: at most so many iterations.
        tolerance: voxels; stop when nothing moves by more.

    Returns:
        `(B, d, *spatial)`, voxels: `compose(ddf, inverse)` is close to zero.

    Warns:
        UserWarning: it has not settled, so somewhere `ddf` has no (or no easy) inverse.
    """
    require_field("ddf", ddf)
    require_count("num_steps", num_steps)
    inverse = -ddf
    change = float("inf")
    for _ in range(num_steps):
        previous, inverse = inverse, -warp(ddf, inverse)
        change = float((inverse - previous).detach().abs().max())
        if change <= tolerance:
            return inverse
    warnings.warn(
        f"invert: after {num_steps} steps the field still moves by {change:.2g} voxels; "
        "see folding_fraction(ddf): a folded field has no inverse.",
        stacklevel=2,
    )
    return inverse


def resize_field(ddf: Tensor, size: Sequence[int]) -> Tensor:
    """The same motion on a finer or coarser grid over the same field of view.

    A displacement is counted in voxels, so its values grow with the grid: a constant 3 on a grid
    of 16 is a constant 6 on a grid of 32.

    Args:
        ddf: `(B, d, *spatial)`, voxels.
        size: the new spatial size. Grids share their outer faces (not their corner voxels), as
            after average pooling.

    Returns:
        `(B, d, *size)`, voxels of the new grid.
    """
    require_field("ddf", ddf)
    d = ddf.ndim - 2
    require_size("size", size, d)
    scale = torch.tensor([new / old for new, old in zip(size, ddf.shape[2:], strict=True)])
    finer = F.interpolate(ddf, size=tuple(size), mode=_LINEAR[d], align_corners=False)
    return finer * scale.to(ddf).view(1, d, *[1] * d)


class ResizeField(nn.Module):
    """`resize_field` as a layer: lets a network work at half size and answer at full size."""

    def __init__(self, size: Sequence[int]) -> None:
        super().__init__()
        self.size = tuple(size)

    def forward(self, ddf: Tensor) -> Tensor:
        """`(B, d, *spatial)` → `(B, d, *size)`."""
        return resize_field(ddf, self.size)


def move_points(points: Tensor, ddf: Tensor) -> Tensor:
    """Carry points of the fixed image to their places in the moving image: `x + ddf(x)`.

    Args:
        points: `(B, N, d)`, voxels of the fixed grid; NaN rows (padding) stay NaN.
        ddf: `(B, d, *spatial)`, voxels.

    Returns:
        `(B, N, d)`, voxels of the moving image.
    """
    require_field("ddf", ddf)
    d = ddf.ndim - 2
    require(
        points.ndim == 3 and points.shape[-1] == d and len(points) == len(ddf),
        "points",
        f"({len(ddf)}, N, {d})",
        tuple(points.shape),
    )
    known = points.to(ddf).nan_to_num()  # at NaN torch's 2-D gradient writes beyond the image
    places = known.movedim(-1, 1)  # (B, d, N)
    places = places.reshape(*places.shape, *[1] * (d - 1))  # (B, d, N, 1[, 1])
    moves = sample(ddf, places).flatten(2).movedim(1, -1)  # (B, N, d)
    return points.to(ddf) + moves
