"""Drawing tubes into an image: beads on a string, each painted into the voxels near it.

    share(voxel) = max over beads of clamp(½ + (radius − distance) / voxel, 0, 1)

Ten thousand branches make a hundred thousand beads; all of one width are drawn at once.

Convention: curves in body mm, `(M, 3, 3)`: start, pull and end of a quadratic Bézier curve; beads
in voxels, `(N, d)`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def beads(curves: Tensor, radii: Tensor, step: float) -> tuple[Tensor, Tensor, Tensor]:
    """Places along curves, no more than `step` mm apart.

    Args:
        curves: `(M, 3, 3)`.
        radii: `(M, 2)`.

    Returns:
        `(N, 3)` places, `(N,)` radii, `(N,)` the curve each comes from.
    """
    length = (curves[:, 1:] - curves[:, :-1]).norm(dim=2).sum(1)
    number = (length / step).ceil().long() + 1
    owner = torch.repeat_interleave(torch.arange(len(curves)), number)
    first = torch.cumsum(number, 0) - number
    t = ((torch.arange(len(owner)) - first[owner]) / (number[owner] - 1).clamp(min=1))[:, None]
    a, b, c = curves[owner].unbind(1)
    places = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
    ends = radii[owner]
    return places, torch.lerp(ends[:, 0], ends[:, 1], t[:, 0]), owner


def draw_tubes(
    size: Sequence[int], spacing: Tensor, centres: Tensor, radii: Tensor, aside: Tensor
) -> Tensor:
    """The share of each voxel that tubes fill.

    A tube thinner than a voxel fills part of it: it is drawn one voxel wide and as faint as its
    cross-section is small, so that no mass is lost.

    Args:
        size: d numbers.
        spacing: `(d,)` mm.
        centres: `(N, d)` voxels, dense along the tubes.
        radii: `(N,)` mm.
        aside: `(N,)` mm, how far off the grid's plane (zero in a volume).

    Returns:
        `(*size,)`, in [0, 1].
    """
    voxel = float(spacing.prod() ** (1 / len(spacing)))
    # A soft edge adds voxel²/12 to the square of a radius: take it off. A tube so thin that less
    # than half a voxel is left is a cone of that width, which holds its mass at 3 r²/voxel².
    wide = (radii.square() - voxel**2 / 12).clamp(min=voxel**2 / 4).sqrt()
    faint = (3 * radii.square() / voxel**2).clamp(max=1)
    strides = torch.tensor([math.prod(size[axis + 1 :]) for axis in range(len(size))])
    image = torch.zeros(math.prod(size))
    reach = (wide + voxel / 2)[:, None] / spacing
    group = (wide / voxel * 2).ceil().long()
    for width in group.unique():
        chosen = (group == width).nonzero()[:, 0]
        half = (reach[chosen].amax(0) + 0.5).floor().long()
        steps = torch.cartesian_prod(*[torch.arange(-h, h + 1) for h in half.tolist()])
        for part in chosen.split(max(1, 2_000_000 // len(steps))):
            place = centres[part].round().long()[:, None] + steps  # (n, k, d)
            off = ((place - centres[part][:, None]) * spacing).square().sum(2)
            off = (off + aside[part][:, None].square()).sqrt_()
            share = ((wide[part][:, None] - off) / voxel + 0.5).clamp_(0, 1) * faint[part][:, None]
            inside = ((place >= 0) & (place < torch.tensor(size))).all(2) & (share > 0)
            image.scatter_reduce_(0, (place * strides).sum(2)[inside], share[inside], "amax")
    return image.view(*size)
