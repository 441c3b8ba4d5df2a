"""From formula to image: the grids of the scanner, partial volume, vessels, noise.

    exhaled(x) = chest(x),   inhaled(y) = chest(φ⁻¹(y)),   vessel inhaled = φ(vessel)

No image is interpolated on the way. Taught in notebook 01.

Convention: a grid's voxel centres are integers; mm as in `anatomy`; values in HU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regtutor.data.phantom.anatomy import Subject, from_body, lungs, survey, to_body
from regtutor.data.phantom.breathing import Grid
from regtutor.data.phantom.organs import AIR, BLOOD, chest
from regtutor.data.phantom.trees import AIRWAY, Tree
from regtutor.data.phantom.tubes import beads, draw_tubes
from regtutor.deformation import identity_grid, jacobian_determinant, move_points
from regtutor.filters import gaussian_smooth

NOISE = 20.0  # HU
AIRWAY_WALL = 30  # HU
SLAB = 300_000  # voxels at a time: they stay in the cache, and the memory small


@dataclass(frozen=True)
class Beads:
    """Vessels and airways of a subject, finely enough for a grid; see `tubes`."""

    voxels: Tensor  # (N, d), exhaled
    aside: Tensor  # (N,) mm off the plane of a slice; zero in a volume
    radii: Tensor  # (N,) mm
    airway: Tensor  # (N,) bool


def string_beads(grid: Grid, subject: Subject, tree: Tree, thick: float) -> Beads:
    """A tree's curves as beads; in a slice those off its plane come `thick` times nearer."""
    places, radii, owner = beads(tree.curves, tree.radii, step=0.45 * grid.voxel)
    kept = tree.trunk[owner] | (lungs(survey(places.T, subject), subject) < 3)
    places, radii, owner = places[kept], radii[kept], owner[kept]
    voxels, aside = grid.voxels(from_body(places.T, subject))
    return Beads(voxels, aside / thick, radii, tree.kind[owner] == AIRWAY)


def image_and_mask(
    grid: Grid, subject: Subject, tubes: Beads, ddf: Tensor | None, inverse: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The noiseless image and the lung mask, `(1, 1, *size)`; exhaled without fields."""
    voxels, squeeze = identity_grid(grid.size), torch.ones(grid.size)
    if inverse is not None:
        voxels, squeeze = voxels + inverse, jacobian_determinant(inverse)[0]
    slabs = zip(voxels[0].flatten(1).split(SLAB, 1), squeeze.flatten().split(SLAB), strict=True)
    parts = [
        chest(survey(to_body(grid.mm(slab), subject), subject), subject, grid.voxel, density)
        for slab, density in slabs
    ]
    hu, lung = (torch.cat(part).view(1, 1, *grid.size) for part in zip(*parts, strict=True))
    _paint_tubes(hu[0, 0], grid, tubes, ddf)
    return hu, (lung < 0).float()


def _paint_tubes(image: Tensor, grid: Grid, tubes: Beads, ddf: Tensor | None) -> None:
    """Blood, then airways with their walls, into the image in place; inhaled where `ddf` leads."""
    voxels = tubes.voxels if ddf is None else move_points(tubes.voxels[None], ddf)[0]
    for chosen, radii, value in (
        (~tubes.airway, tubes.radii, BLOOD),
        (tubes.airway, 1.15 * tubes.radii + 0.5, AIRWAY_WALL),
        (tubes.airway, tubes.radii, AIR),
    ):
        share = draw_tubes(
            grid.size, grid.spacing, voxels[chosen], radii[chosen], tubes.aside[chosen]
        )
        image += share * (value - image)


def scan(image: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of 20 HU, and the slight blur of a scanner, which leaves it a little grainy."""
    noise = torch.randn(image.shape, generator=generator)
    noise = gaussian_smooth(noise, sigma=0.5)
    return gaussian_smooth(image, sigma=0.4) + NOISE * noise / noise.std()


def affine_of(grid: Grid) -> Tensor:
    """Voxel → mm in RAS: x and y turn their signs, since i goes Left and j Posterior.

    A slice is one voxel of 1 mm thick, along the axis that it lacks.
    """
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, :3] = torch.diag((grid.matrix == 0).all(1).double()).sum(1, keepdim=True)
    affine[:3, : len(grid.size)] = grid.matrix
    affine[:3, 3:] = grid.origin
    affine[:2] *= -1
    return affine
