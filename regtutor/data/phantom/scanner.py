"""From formula to image: the grids of the scanner, partial volume, vessels, noise.

    exhaled(x) = chest(x),   inhaled(y) = chest(φ⁻¹(y)),   vessel inhaled = φ(vessel)

No image is interpolated on the way. Taught in notebook 01.

Convention: a grid's voxel centres are integers; mm as in `anatomy`; values in HU.
"""

from __future__ import annotations

import torch
from torch import Tensor

from regtutor.data.phantom.anatomy import BLOOD, Subject, chest, from_body, lungs, to_body
from regtutor.data.phantom.breathing import Grid
from regtutor.data.phantom.trees import AIRWAY, Tree, beads, draw_tubes
from regtutor.deformation import identity_grid, jacobian_determinant, move_points
from regtutor.filters import gaussian_smooth

NOISE = 20.0  # HU
SLAB = 300_000  # voxels at a time: they stay in the cache, and the memory small


def image_and_mask(
    grid: Grid, subject: Subject, tree: Tree, ddf: Tensor | None, inverse: Tensor, thick: float
) -> tuple[Tensor, Tensor]:
    """The noiseless image and the lung mask; exhaled where `ddf` is None."""
    size = (1, 1, *grid.size)
    voxels = identity_grid(grid.size)
    squeeze = torch.ones(grid.size)
    if ddf is not None:
        squeeze = jacobian_determinant(inverse)[0]
        voxels = voxels + inverse
    hu, lung = [], []
    for slab, density in zip(
        voxels[0].flatten(1).split(SLAB, 1), squeeze.flatten().split(SLAB), strict=True
    ):
        places = to_body(grid.mm(slab), subject)
        parts = chest(places, subject, voxel=_voxel(grid), density=density)
        hu.append(parts[0])
        lung.append(parts[1])
    image = torch.cat(hu).view(grid.size)
    _draw_tree(image, grid, subject, tree, ddf, thick)
    return image.view(size), (torch.cat(lung) < 0).float().view(size)


def _voxel(grid: Grid) -> float:
    """The geometric mean of the voxel's sides, mm."""
    return float(grid.spacing.prod() ** (1 / len(grid.size)))


def _draw_tree(
    image: Tensor, grid: Grid, subject: Subject, tree: Tree, ddf: Tensor | None, thick: float
) -> None:
    """Blood vessels, then airways with their walls, into the image in place."""
    places, radii, owner = beads(tree.curves, tree.radii, step=0.45 * _voxel(grid))
    kept = tree.trunk[owner] | (lungs(places.T, subject) < 3)
    places, radii, owner = places[kept], radii[kept], owner[kept]
    voxels, aside = grid.voxels(from_body(places.T, subject))
    if ddf is not None:
        voxels = move_points(voxels[None], ddf)[0]
    airway = tree.kind[owner] == AIRWAY
    layers = (
        (~airway, radii, float(BLOOD)),
        (airway, 1.15 * radii + 0.5, 30.0),
        (airway, radii, -1000.0),
    )
    for chosen, thickness, value in layers:
        share = draw_tubes(
            grid.size, grid.spacing, voxels[chosen], thickness[chosen], aside[chosen] / thick
        )
        image += share * (value - image)


def scan(image: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of 20 HU, and the slight blur of a scanner, which leaves it a little grainy."""
    noise = torch.randn(image.shape, generator=generator)
    noise = gaussian_smooth(noise, sigma=0.5)
    return gaussian_smooth(image, sigma=0.4) + NOISE * noise / noise.std()


def affine_of(grid: Grid) -> Tensor:
    """Voxel → mm in RAS: x and y turn their signs, since i goes Left and j Posterior."""
    affine = torch.eye(4, dtype=torch.float64)
    turn = torch.tensor([[-1.0], [-1.0], [1.0]])
    affine[:3, : grid.matrix.shape[1]] = turn * grid.matrix
    affine[:3, 3:] = turn * grid.origin
    return affine
