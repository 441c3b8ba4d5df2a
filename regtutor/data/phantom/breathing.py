"""The motion of breathing, and the grids on which it is looked at.

    φ = exp(v),   inhale(φ(x)) = exhale(x),   lung density · det ∇φ = const

The velocity v pushes the diaphragm down, the sternum forward, the ribs out, and holds the spine;
it is smooth, so φ can be undone. Taught in notebook 01.

Convention: velocities in mm per unit time at body places; fields in voxels of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from regtutor.data.phantom.anatomy import Subject, cage, diaphragm, to_body, waves
from regtutor.data.phantom.shapes import between, bump
from regtutor.data.phantom.skeleton import spine_line
from regtutor.deformation import exp, identity_grid, resize_field
from regtutor.deformation.warp import warp

FIELD_OF_VIEW = (336.0, 240.0, 364.0)  # mm: width, depth, height
LATTICE = 6.0  # mm, where the motion is integrated
ISOCENTRE = (0.0, 0.0, -12.0)  # body mm in the middle of the field of view


@dataclass(frozen=True)
class Grid:
    """Where the voxels of an image are: `mm = origin + matrix · voxel`."""

    size: tuple[int, ...]
    matrix: Tensor  # (3, d)
    origin: Tensor  # (3, 1)

    @property
    def spacing(self) -> Tensor:
        """`(d,)` mm."""
        return self.matrix.norm(dim=0)

    def mm(self, voxels: Tensor) -> Tensor:
        """`(d, N)` voxels → `(3, N)` mm."""
        return self.matrix @ voxels + self.origin

    def voxels(self, mm: Tensor) -> tuple[Tensor, Tensor]:
        """`(3, N)` mm → `(N, d)` voxels, and `(N,)` mm off the plane of a slice."""
        local = mm - self.origin
        voxels = torch.linalg.pinv(self.matrix) @ local
        return voxels.T, (local - self.matrix @ voxels).norm(dim=0)


def grid_over(size: Sequence[int], axes: Sequence[int], signs: Sequence[int], depth: float) -> Grid:
    """A grid of `size` voxels over the field of view.

    Args:
        size: d numbers.
        axes: which body axis each array axis runs along.
        signs: +1 along it, −1 against it.
        depth: mm, where a slice lies along the axis that it lacks.
    """
    matrix = torch.zeros(3, len(size))
    origin = torch.tensor(ISOCENTRE)
    origin[[axis for axis in range(3) if axis not in axes]] += depth
    for k, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        step = sign * FIELD_OF_VIEW[axis] / size[k]
        matrix[axis, k] = step
        origin[axis] -= step * (size[k] - 1) / 2
    return Grid(tuple(size), matrix, origin[:, None])


def breathe(grid: Grid, subject: Subject) -> tuple[Tensor, Tensor]:
    """The field from exhale to inhale and its inverse, `(1, d, *size)`, voxels.

    In a slice the part of the motion that leaves the plane is zero.
    """
    extent = grid.spacing * torch.tensor(grid.size)
    lattice = tuple(int(n) for n in (extent / LATTICE).round())
    ratio = torch.tensor(grid.size) / torch.tensor(lattice)
    places = (identity_grid(lattice)[0].flatten(1) + 0.5) * ratio[:, None] - 0.5
    speed = torch.linalg.pinv(grid.matrix) @ velocity(grid.mm(places), subject) / ratio[:, None]
    speed = speed.view(1, -1, *lattice)
    ddf, inverse = (resize_field(exp(v), grid.size) for v in (speed, -speed))
    for _ in range(2):  # what the lattice left of the difference goes by invert's fixed point
        inverse = -warp(ddf, inverse)
    return ddf, inverse


def velocity(mm: Tensor, subject: Subject) -> Tensor:
    """`(3, N)` mm → `(3, N)` mm per unit time."""
    places = to_body(mm, subject)
    x, y, z = places
    wall, _ = cage(places)
    much = 0.65 + 0.7 * subject.breath[0]
    held = 1 - bump((x.square() + (y - spine_line(z)[0] - 12).square()).sqrt(), 30)
    inside = 1 - between(wall, -14, 8)
    above = -diaphragm(places, subject)  # mm above the domes
    central = bump(x - 8, 34) * bump(y - 5, 60)
    down = (
        (1 - between(above, -10, 130))
        * (1 - 0.45 * central)
        * (0.45 + 0.55 * between(z, -190, -130))
    )
    down = (20 + 8 * subject.breath[1]) * down * inside
    chest = between(z, -190, -90) * (1 - between(z, 70, 130)) * (1 - between(wall, 20, 70) * 0.5)
    front = between(-y, -40, 75)
    forward = (6 + 5 * subject.breath[2]) * front * chest
    outward = (3 + 4 * subject.breath[3]) * (x / 100).clamp(-1.2, 1.2) * chest
    lift = (3 + 3 * subject.breath[4]) * front * chest * (1 - inside)
    speed = torch.stack([outward, -forward, lift - down]) * held
    drift = waves(1.6 * mm, subject.drift) * inside * held
    return much * (speed + drift)
