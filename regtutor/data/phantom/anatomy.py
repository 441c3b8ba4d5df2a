"""A chest in signed distances: how far each place is from the skin, the lungs, the heart …

    share(d) = clamp(½ − d / voxel, 0, 1),    image ← image + share · (value − image)

An organ is a function of place that is negative inside; painting its share of each voxel gives
the partial volume of a scanner. Every subject is the same book chest, stretched and bent by a
smooth map. Nothing here knows of grids or of breathing. Taught in notebook 01.

Convention: body coordinates in mm, `(3, N)`: x → Left, y → Posterior, z → Superior; values in HU.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regtutor.data.phantom.shapes import between, bump, capsule, ellipsoid, paint, smooth_max
from regtutor.data.phantom.skeleton import paint_skeleton, spine_line
from regtutor.deformation import sample

AIR, LUNG, FAT, MUSCLE, BLOOD, LIVER, SPLEEN, SKIN = -1000, -790, -100, 52, 45, 58, 50, 15


@dataclass(frozen=True)
class Subject:
    """What makes one body differ from the next; all drawn from one seed."""

    scale: Tensor  # (3, 1): width, depth, height against the book
    bend: Tensor  # (3, 2, 5): two waves an axis: direction (3), phase, size in mm
    drift: Tensor  # (3, 2, 5): the same, of the breathing's random part
    fat: float  # mm under the skin
    domes: tuple[float, float]  # mm, heights of the right and left diaphragm
    heart: float  # against the book
    breath: Tensor  # (6,): how far diaphragm, sternum and sides go, and more of that kind
    texture: Tensor  # (1, 1, 48, 48, 48), standard normal


def draw_subject(seed: int) -> tuple[Subject, torch.Generator]:
    """The subject of a seed, and the generator for what else is drawn of it."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *size: int) -> Tensor:
        return low + (high - low) * torch.rand(size, generator=generator)

    wave_scale = torch.tensor([0.035, 0.035, 0.035, 3.14, 3.0])
    subject = Subject(
        scale=torch.cat([uniform(0.93, 1.04, 1), uniform(0.92, 1.06, 1), uniform(0.92, 1.06, 1)])[
            :, None
        ],
        bend=uniform(-1, 1, 3, 2, 5) * wave_scale,
        drift=uniform(-1, 1, 3, 2, 5) * wave_scale,
        fat=float(uniform(7, 16)),
        domes=(float(uniform(-46, -34)), float(uniform(-58, -48))),
        heart=float(uniform(0.9, 1.08)),
        breath=uniform(0, 1, 6),
        texture=torch.randn((1, 1, 48, 48, 48), generator=generator),
    )
    return subject, generator


def to_body(mm: Tensor, subject: Subject) -> Tensor:
    """Scanner mm `(3, N)` → the book's body coordinates `(3, N)`."""
    return mm / subject.scale + waves(mm, subject.bend)


def from_body(places: Tensor, subject: Subject) -> Tensor:
    """The inverse of `to_body`, by fixed point (the bend is small and slow)."""
    mm = places * subject.scale
    for _ in range(12):
        mm = (places - waves(mm, subject.bend)) * subject.scale
    return mm


def waves(mm: Tensor, bend: Tensor) -> Tensor:
    """A smooth random vector field, two slow waves an axis: `(3, N)` mm → `(3, N)` mm."""
    phase = torch.einsum("awk,kn->awn", bend[..., :3], mm) + bend[..., 3:4]
    return (phase.sin_() * bend[..., 4:]).sum(1)


def cage(places: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to the inner chest wall (negative inside), and the angle round it.

    Returns:
        `(N,)` mm; `(N,)` radians, 0 at the spine, π at the sternum.
    """
    x, y, z = places
    level = ((112 - z) / 185).clamp(0, 1)
    opening = (level * (2 - level)).sqrt()  # 0 at the inlet, 1 at the widest
    neck = between(z, 100, 160)
    width = 58 + 58 * opening - 14 * neck
    depth = 46 + 30 * opening - 6 * neck
    u = x.abs() / width
    v = (y - 5 - 0.06 * z) / depth
    v = v + 0.1 * bump(x, 30) * v.clamp(min=0)  # the furrow of the back
    angle = torch.atan2(u, v)
    u, v = u.clamp(min=1e-3), v.abs().clamp(min=1e-3)
    r = (u.pow(2.3) + v.pow(2.3)).pow(1 / 2.3)
    slope = ((u / r).pow(1.3) / width).hypot((v / r).pow(1.3) / depth)
    return (r - 1) / slope, angle


def diaphragm(places: Tensor, subject: Subject) -> Tensor:
    """Distance above the two domes (negative above, where the lungs are)."""
    x, y, z = places
    left = between(x, -14, 22)
    qx = (x + 62 - 126 * left) / 52
    outward = torch.where(left > 0.5, qx, -qx)
    qy = (y - 2) / 72
    lateral = torch.where(outward > 0, 56.0, 14.0)
    back = torch.where(qy > 0, 74.0, 34.0)
    qx, qy = qx.abs().clamp(0.02, 2), qy.abs().clamp(0.02, 2)
    fall_x, fall_y = lateral * qx.pow(2.2), back * qy.pow(2.2)
    top = subject.domes[0] + (subject.domes[1] - subject.domes[0]) * left
    steep = (2.2 * fall_x / qx / 52).square() + (2.2 * fall_y / qy / 72).square()
    return (top - fall_x - fall_y - z) / (1 + steep).sqrt()


def heart(places: Tensor, subject: Subject) -> tuple[Tensor, Tensor]:
    """Distances to the ventricles and to the right atrium."""
    size = subject.heart
    main = ellipsoid(
        places, (22, -20, -34), (66 * size, 45 * size, 44 * size), axis=(0.66, -0.45, -0.6)
    )
    atrium = ellipsoid(places, (-12, -6, -14), (31 * size, 34 * size, 42 * size))
    return main, atrium


def lungs(places: Tensor, subject: Subject, wall: Tensor | None = None) -> Tensor:
    """Distance to the nearest lung (negative inside)."""
    x, y, z = places
    wall = cage(places)[0] if wall is None else wall
    apex = z - 112 + 16 * ((x.abs() - 40) / 26).square() + 16 * ((y - 18) / 34).square()
    main, atrium = heart(places, subject)
    middle = 7 + 25 * bump(y - 4, 27) + 4 * bump(y + 2, 30) * between(z, 20, 90)
    middle = middle - (x - 2).abs()
    column = 25 - (x.hypot(y - spine_line(z)[0] - 4))
    aorta = 14.5 - (x - 19).hypot(y - 35)
    hole = smooth_max([middle, column, aorta, 4 - main, 4 - atrium], 6)
    outside = smooth_max([wall + 2, 0.6 * apex, diaphragm(places, subject)], 3)
    return smooth_max([outside, hole], 4)


def chest(
    places: Tensor, subject: Subject, voxel: float, density: Tensor | float
) -> tuple[Tensor, Tensor]:
    """The image of the chest without its vessels, and the distance to the lungs.

    Args:
        places: `(3, N)`, body mm.
        voxel: mm, the width over which an edge is shared.
        density: the lung's against exhalation, `(N,)` or a number.

    Returns:
        `(N,)` HU; `(N,)` mm.
    """
    wall, angle = cage(places)
    grain = _grain(places, subject.texture)
    hu = torch.full_like(wall, AIR)
    _paint_wall(hu, places, subject, wall, grain, voxel)
    floor = diaphragm(places, subject)
    _paint_abdomen(hu, places, wall, floor, grain, voxel)
    main, atrium = heart(places, subject)
    beat = smooth_max([smooth_max([main, floor + 3], 4), wall], 4)
    paint(hu, beat, BLOOD + 4 * grain, voxel)
    paint(hu, smooth_max([atrium, wall], 4), BLOOD + 4 * grain, voxel)
    paint_skeleton(hu, places, wall, angle, grain, voxel)
    inside = lungs(places, subject, wall)
    gravity = 0.17 + 0.0009 * places[1] + 0.018 * grain + 0.02 * _grain(places / 3, subject.texture)
    fissure = bump(
        places[2] - 10 - 0.75 * (places[1] - 10) - 0.1 * places[0].abs(), 1.0 + 0.4 * voxel
    )
    gravity = gravity + 0.12 / (1 + 0.6 * voxel) * fissure
    paint(hu, inside, 1000 * (gravity + 0.055) * density - 1000, voxel)
    return hu, inside


def _grain(places: Tensor, texture: Tensor) -> Tensor:
    """Fine unevenness that goes with the tissue: a lattice of chance every 5 mm, repeated."""
    lattice = (places / 5.0 + 23.5)[None, :, :, None, None]
    return sample(texture, lattice, padding_mode="reflection").flatten()


def _paint_wall(
    hu: Tensor, places: Tensor, subject: Subject, wall: Tensor, grain: Tensor, voxel: float
) -> None:
    """Skin, fat and the muscles of trunk and shoulders, then the fat inside the cage."""
    x, y, z = places
    shoulders = ellipsoid(places, (0, 16, 88), (170, 62, 70))
    slope = (z - 178 + 0.62 * x.abs()) * 0.85
    muscle = -smooth_max([-(wall - 17), -smooth_max([shoulders, slope], 20)], 25)
    fat = (
        subject.fat
        * (1 - 0.5 * between(z, 60, 130))
        * (1 + 0.25 * bump(x.abs() - 70, 50) * (y < 0))
    )
    paint(hu, muscle - fat - 2, SKIN, voxel)
    paint(hu, muscle - fat, FAT + 5 * grain, voxel)
    paint(hu, muscle, MUSCLE + 6 * grain, voxel)
    plane = (wall - 12.5 - 1.5 * grain).abs() - 0.8
    paint(hu, torch.maximum(plane, muscle + 2), -80, voxel)
    side = places.clone()
    side[0] = x.abs()
    paint(hu, ellipsoid(side, (118, 0, 70), (20, 24, 52)), FAT + 8 * grain, voxel)
    paint(hu, wall, FAT + 6 * grain, voxel)
    paint(hu, smooth_max([wall, 118 - z], 6), MUSCLE - 5, voxel)


def _paint_abdomen(
    hu: Tensor, places: Tensor, wall: Tensor, floor: Tensor, grain: Tensor, voxel: float
) -> None:
    """Diaphragm, liver, stomach with its gas, spleen, kidneys, crura."""
    y = places[1]
    below = smooth_max([wall, -floor], 3)
    paint(hu, below, FAT + 6 * grain, voxel)
    paint(hu, smooth_max([below, floor - 4], 2), MUSCLE, voxel)
    inner = smooth_max([wall + 2, 2.5 - floor], 4)
    liver = ellipsoid(places, (-62, -4, -112), (72, 78, 88))
    lobe = ellipsoid(places, (4, -34, -86), (62, 30, 40))
    stomach = ellipsoid(places, (62, -12, -98), (34, 42, 46))
    paint(hu, smooth_max([-smooth_max([-liver, -lobe], 10), inner], 4), LIVER + 5 * grain, voxel)
    paint(
        hu,
        smooth_max([ellipsoid(places, (80, 46, -104), (26, 32, 48)), inner], 3),
        SPLEEN + 4 * grain,
        voxel,
    )
    wall_of_stomach = smooth_max([stomach, inner + 1], 5)
    paint(hu, wall_of_stomach, 40, voxel)
    paint(hu, wall_of_stomach + 4, 20 + 6 * grain, voxel)
    paint(hu, torch.maximum(wall_of_stomach + 4, y + 18), -950, voxel)
    for sign in (-1, 1):
        kidney = ellipsoid(places, (sign * 52, 50, -158), (24, 22, 45), axis=(1, 0.5, 0))
        paint(hu, smooth_max([kidney, inner], 3), 35 + 4 * grain, voxel)
    paint(hu, capsule(places, (-14, 24, -190), (-8, 22, -60), 12), 45, voxel)
