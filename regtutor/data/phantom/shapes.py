"""Signed distances of simple solids, negative inside, and how they are joined and painted.

    share(d) = clamp(½ − d / voxel, 0, 1),    image ← image + share · (value − image)

Painting a solid by the share of each voxel that it fills gives the partial volume of a scanner.

Source: the approximate distances are Quilez's, "Distance functions", iquilezles.org.

Convention: places `(3, N)` in mm; a distance is `(N,)` in mm.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Triple = Sequence[float]


def _column(triple: Triple) -> Tensor:
    return torch.tensor(triple, dtype=torch.float32)[:, None]


def ellipsoid(places: Tensor, centre: Triple, radii: Triple, axis: Triple | None = None) -> Tensor:
    """Near the surface exact to first order; `axis` is where the first radius points."""
    local = places - _column(centre)
    if axis is not None:
        local = _frame(axis) @ local
    inner = local / _column(radii)
    k0 = inner.square().sum(0).sqrt_()
    k1 = (inner / _column(radii)).square_().sum(0).sqrt_().clamp_(min=1e-6)
    return k0 * (k0 - 1) / k1


def _frame(axis: Triple) -> Tensor:
    """Three orthonormal rows, the first along `axis`."""
    first = torch.nn.functional.normalize(torch.tensor(axis, dtype=torch.float32), dim=0)
    second = torch.linalg.cross(torch.tensor([0.0, 0.0, 1.0]), first)
    second = torch.nn.functional.normalize(second, dim=0)
    return torch.stack([first, second, torch.linalg.cross(first, second)])


def capsule(places: Tensor, start: Triple, end: Triple, radius: float) -> Tensor:
    """A straight tube with round ends."""
    local, along = places - _column(start), _column(end) - _column(start)
    share = ((local * along).sum(0) / along.square().sum()).clamp_(0, 1)
    return (local - along * share).square_().sum(0).sqrt_() - radius


def box(places: Tensor, centre: Triple, half: Triple, round_off: float) -> Tensor:
    """A brick with rounded edges."""
    beyond = (places - _column(centre)).abs_() - _column(half) + round_off
    outside = beyond.clamp(min=0).square_().sum(0).sqrt_()
    return outside + beyond.amax(0).clamp_(max=0) - round_off


def overlap(distances: Sequence[Tensor], width: float) -> Tensor:
    """What lies in all the solids, edges rounded over `width` mm: a smooth maximum."""
    result = distances[0]
    for other in distances[1:]:
        near = (width - (result - other).abs()).clamp_(min=0)
        result = torch.maximum(result, other) + near.square_() / (4 * width)
    return result


def join(distances: Sequence[Tensor], width: float) -> Tensor:
    """What lies in any of the solids, the groove between them filled over `width` mm."""
    return -overlap([-distance for distance in distances], width)


def bump(t: Tensor, width: float | Tensor) -> Tensor:
    """1 at 0, falling like a Gaussian of that standard deviation."""
    return torch.exp(-0.5 * (t / width).square())


def between(t: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, smooth between."""
    share = ((t - low) / (high - low)).clamp_(0, 1)
    return share * share * (3 - 2 * share)


class Canvas:
    """An image in the making.

    Args:
        hu: `(N,)`, HU; painted on in place.
        voxel: mm, the width over which an edge is shared.
    """

    def __init__(self, hu: Tensor, voxel: float) -> None:
        self.hu = hu
        self.voxel = voxel

    def paint(self, distance: Tensor, value: Tensor | float) -> None:
        """Mix a solid into the image by the share of each voxel that it fills."""
        share = (0.5 - distance / self.voxel).clamp_(0, 1)
        self.hu += share * (value - self.hu)
