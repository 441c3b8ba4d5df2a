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

from regtutor.data.phantom.anatomy import Subject, survey, to_body, waves
from regtutor.data.phantom.shapes import between, bump
from regtutor.deformation import compose, exp, identity_grid, resize_field

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

    @property
    def voxel(self) -> float:
        """The geometric mean of the voxel's sides, mm."""
        return float(self.spacing.prod() ** (1 / len(self.size)))

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
    for _ in range(2):  # what the lattice left of the difference, the inverse itself undoes
        inverse = compose(inverse, -compose(ddf, inverse))
    return ddf, inverse


def velocity(mm: Tensor, subject: Subject) -> Tensor:
    """How the body moves while it breathes in: `(3, N)` mm → `(3, N)` mm per unit time."""
    site = survey(to_body(mm, subject), subject)
    x, y, z = site.places
    whole, diaphragm, sternum, sides, lift = subject.breath
    free = 1 - bump(site.spine, 32)  # the spine holds still
    inside = 1 - between(site.wall, -16, 10)  # the lung glides along the wall
    middle = 1 - 0.45 * bump(x - 8, 34) * bump(y - 5, 60)  # the heart is held by its vessels
    depth = 1 - between(-site.floor, -10, 130)  # all at the domes, nothing at the apex
    down = (20 + 8 * diaphragm) * depth * middle * inside * (0.45 + 0.55 * between(z, -190, -130))
    ribs = (
        between(z, -190, -90) * (1 - between(z, 70, 130)) * (1 - 0.5 * between(site.wall, 20, 70))
    )
    front = between(-y, -40, 75) * ribs
    motion = torch.stack(
        [
            (3 + 4 * sides) * (x / 100).clamp(-1.2, 1.2) * ribs,
            -(6 + 5 * sternum) * front,
            (3 + 3 * lift) * front * (1 - inside) - down,
        ]
    )
    return (0.6 + 0.6 * whole) * free * (motion + inside * waves(1.6 * mm, subject.drift))
