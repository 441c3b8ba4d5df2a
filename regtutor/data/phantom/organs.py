"""The chest as a scanner sees it: body wall, belly, heart, bones, lungs, painted in that order.

Convention: values in HU: air −1000, fat −100, water 0, muscle 50, bone several hundred.
"""

from __future__ import annotations

import torch
from torch import Tensor

from regtutor.data.phantom.anatomy import Site, Subject, heart, lungs
from regtutor.data.phantom.shapes import Canvas, between, box, bump, ellipsoid, join, overlap
from regtutor.data.phantom.skeleton import paint_skeleton

AIR, FAT, SKIN, MUSCLE, BLOOD, LIVER, SPLEEN, KIDNEY = -1000, -100, 15, 52, 43, 60, 50, 34


def chest(
    site: Site, subject: Subject, voxel: float, density: Tensor | float
) -> tuple[Tensor, Tensor]:
    """The image without its vessels, and the distance to the lungs.

    Args:
        site: N places.
        voxel: mm, the width over which an edge is shared.
        density: the lung's against exhalation, `(N,)` or a number.

    Returns:
        `(N,)` HU; `(N,)` mm.
    """
    canvas = Canvas(torch.full_like(site.wall, AIR), voxel)
    _paint_wall(canvas, site, subject)
    _paint_belly(canvas, site)
    _paint_heart(canvas, site, subject)
    paint_skeleton(canvas, site)
    lung = lungs(site, subject)
    canvas.paint(lung, 1000 * _lung_tissue(site, voxel) * density + AIR)
    return canvas.hu, lung


def _lung_tissue(site: Site, voxel: float) -> Tensor:
    """The part of the exhaled lung that is not air: more where it lies low, on the back."""
    x, y, z = site.places
    tissue = 0.225 + 0.0009 * y + 0.018 * site.fine + 0.015 * site.coarse
    oblique = z - 10 - 0.75 * (y - 10) - 0.1 * x.abs()
    level = torch.where((x < 0) & (oblique > 0), z - 12 - 0.1 * y, torch.inf)  # right side only
    film = 1 + 0.4 * voxel  # a fissure is thinner than any voxel: it blurs and pales
    return tissue + 0.12 / (1 + 0.6 * voxel) * (bump(oblique, film) + 0.7 * bump(level, film))


def _paint_wall(canvas: Canvas, site: Site, subject: Subject) -> None:
    """Skin, fat and the muscles of trunk, shoulders and neck, then the fat inside the cage."""
    x, y, z = site.places
    brick = box(site.places, (0, 15, 72), (176, 52, 52), round_off=44)
    shoulders = overlap([brick, 0.9 * (z - 170 + 0.4 * x.abs())], 20)
    muscle = join([site.wall - 17, shoulders], 25)
    fat = subject.fat * (1 - 0.5 * between(z, 60, 130))
    fat = fat * (1 + 0.3 * bump(x.abs() - 70, 50) * between(-y, -20, 40))
    canvas.paint(muscle - fat - 2, SKIN)
    canvas.paint(muscle - fat, FAT + 5 * site.fine + 5 * site.coarse)
    canvas.paint(muscle, MUSCLE + 6 * site.fine)
    seam = (site.wall - 12.5 - 2 * site.coarse).abs() - 1.2 * between(site.coarse, -1.5, 1)
    canvas.paint(overlap([seam, muscle + 2, z - 100], 1), -70)
    canvas.paint(ellipsoid(site.side, (122, 2, 62), (16, 22, 46)), FAT + 8 * site.fine)
    canvas.paint(site.wall, FAT + 6 * site.fine + 6 * site.coarse)
    inlet = z - 104 + 0.15 * (y - 10)
    canvas.paint(overlap([site.wall, -site.wall - 24, -inlet], 8), MUSCLE + 4 * site.fine)
    canvas.paint(overlap([site.spine - 26, site.wall, 90 - z], 8), MUSCLE + 4 * site.fine)


def _paint_belly(canvas: Canvas, site: Site) -> None:
    """The diaphragm, liver, spleen, stomach with its gas, kidneys, bowel."""
    y = site.places[1]
    below = overlap([site.wall, -site.floor], 3)
    inner = overlap([site.wall + 2, 2.5 - site.floor], 4)
    canvas.paint(below, FAT + 6 * site.fine + 6 * site.coarse)
    canvas.paint(overlap([below, site.floor - 4], 2), MUSCLE)
    bowel = ellipsoid(site.places, (38, -28, -186), (82, 44, 62))
    loops = -85 + 120 * between(site.coarse, -0.7, 0.1)
    canvas.paint(overlap([bowel, inner], 6), loops)
    canvas.paint(overlap([bowel + 4, 12 * (0.9 - site.coarse), y + 20, inner + 4], 3), -850)
    liver = ellipsoid(site.places, (-62, -2, -112), (72, 78, 88))
    lobe = ellipsoid(site.places, (4, -34, -86), (62, 30, 40))
    canvas.paint(overlap([join([liver, lobe], 10), inner], 4), LIVER + 5 * site.fine)
    spleen = ellipsoid(site.places, (80, 46, -104), (26, 32, 48))
    canvas.paint(overlap([spleen, inner], 3), SPLEEN + 4 * site.fine)
    stomach = overlap([ellipsoid(site.places, (62, -12, -98), (38, 44, 46)), inner + 1], 5)
    canvas.paint(stomach, 40)
    canvas.paint(stomach + 4, 20 + 8 * site.fine)
    canvas.paint(torch.maximum(stomach + 4, y + 18), AIR + 50)
    kidneys = ellipsoid(site.side, (52, 46, -160), (24, 22, 45), axis=(0.3, -0.2, -1))
    canvas.paint(overlap([kidneys, inner], 3), KIDNEY + 4 * site.fine)


def _paint_heart(canvas: Canvas, site: Site, subject: Subject) -> None:
    """Muscle round blood; the diaphragm cuts it flat below."""
    ventricles, atria = heart(site.places, subject)
    walls = overlap([ventricles, site.floor + 3, site.wall], 4)
    canvas.paint(walls, MUSCLE + 4 * site.fine)
    canvas.paint(overlap([atria, site.floor + 3, site.wall], 4), BLOOD + 4 * site.fine)
    canvas.paint(walls + 10, BLOOD - 6 + 4 * site.fine)
