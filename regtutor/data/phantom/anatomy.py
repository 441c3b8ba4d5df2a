"""The book chest in signed distances, and how one subject differs from the next.

    body place = mm / scale + bend(mm)

An organ is a function of place that is negative inside. Every subject is the same book chest,
stretched and bent by a smooth map. Nothing here knows of grids or of breathing.

Convention: body coordinates in mm, `(3, N)`: x → Left, y → Posterior, z → Superior.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from regtutor.data.phantom.shapes import between, bump, ellipsoid, overlap
from regtutor.deformation import sample


@dataclass(frozen=True)
class Subject:
    """What makes one body differ from the next; all drawn from one seed."""

    scale: Tensor  # (3, 1): width, depth, height against the book
    bend: Tensor  # (3, 2, 5): two waves an axis, see `waves`
    drift: Tensor  # (3, 2, 5): the same, of the breathing's random part
    fat: float  # mm under the skin
    domes: tuple[float, float]  # mm, heights of the right and left diaphragm, exhaled
    heart: float  # size against the book
    breath: Tensor  # (5,) in [0, 1]: all motion; diaphragm; sternum; sides; lift of the front
    texture: Tensor  # (1, 1, 48, 48, 48), standard normal


@dataclass(frozen=True)
class Site:
    """Places, and what several organs ask of them, worked out once."""

    places: Tensor  # (3, N) body mm
    side: Tensor  # (3, N) the same with |x|: for what is the same on the left and the right
    wall: Tensor  # (N,) mm to the inner chest wall, negative inside
    angle: Tensor  # (N,) round the chest, 0 at the spine, π at the sternum
    floor: Tensor  # (N,) mm to the diaphragm, negative above it
    spine: Tensor  # (N,) mm to the axis of the vertebral bodies
    texture: Tensor  # the subject's

    @cached_property
    def fine(self) -> Tensor:
        """`(N,)` unevenness that goes with the tissue, about standard normal, 5 mm wide."""
        return self._grain(5)

    @cached_property
    def coarse(self) -> Tensor:
        """`(N,)` the same, 20 mm wide."""
        return self._grain(20)

    def _grain(self, width: float) -> Tensor:
        lattice = (self.places / width + 24)[None, :, :, None, None]
        return sample(self.texture, lattice, padding_mode="reflection").flatten()


def draw_subject(seed: int) -> tuple[Subject, torch.Generator]:
    """The subject of a seed, and the generator for what else is drawn of it."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *size: int) -> Tensor:
        return low + (high - low) * torch.rand(size, generator=generator)

    wave = torch.tensor([0.035, 0.035, 0.035, math.pi, 3.0])
    subject = Subject(
        scale=torch.stack([uniform(0.93, 1.03), uniform(0.92, 1.05), uniform(0.92, 1.06)])[:, None],
        bend=uniform(-1, 1, 3, 2, 5) * wave,
        drift=uniform(-1, 1, 3, 2, 5) * wave,
        fat=float(uniform(6, 16)),
        domes=(float(uniform(-46, -34)), float(uniform(-60, -50))),
        heart=float(uniform(0.9, 1.08)),
        breath=uniform(0, 1, 5),
        texture=torch.randn((1, 1, 48, 48, 48), generator=generator),
    )
    return subject, generator


def waves(mm: Tensor, coefficients: Tensor) -> Tensor:
    """A smooth random vector field of a few mm: `(3, N)` → `(3, N)`.

    Args:
        mm: `(3, N)`.
        coefficients: `(3, 2, 5)`: for each axis two waves of direction (3), phase and size.
    """
    phase = torch.einsum("awk,kn->awn", coefficients[..., :3], mm) + coefficients[..., 3:4]
    return (phase.sin_() * coefficients[..., 4:]).sum(1)


def to_body(mm: Tensor, subject: Subject) -> Tensor:
    """Scanner mm `(3, N)` → the book's body coordinates `(3, N)`."""
    return mm / subject.scale + waves(mm, subject.bend)


def from_body(places: Tensor, subject: Subject) -> Tensor:
    """The inverse of `to_body`, by fixed point (the bend is small and slow)."""
    mm = places * subject.scale
    for _ in range(12):
        mm = (places - waves(mm, subject.bend)) * subject.scale
    return mm


def survey(places: Tensor, subject: Subject) -> Site:
    """All that several organs ask of `(3, N)` places."""
    x, y, z = places
    wall, angle = _cage(places)
    return Site(
        places=places,
        side=torch.stack([x.abs(), y, z]),
        wall=wall,
        angle=angle,
        floor=_diaphragm(places, subject),
        spine=x.hypot(y - spine_line(z)[0]),
        texture=subject.texture,
    )


def spine_line(z: Tensor) -> tuple[Tensor, Tensor]:
    """How far back the middle of the vertebral bodies lies (mm) at a height, and the slope."""
    return 49 - 0.001 * (z + 5).square(), -0.002 * (z + 5)


def _cage(places: Tensor) -> tuple[Tensor, Tensor]:
    """Distance to the inner chest wall, an oval that narrows upwards, and the angle round it."""
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


def _diaphragm(places: Tensor, subject: Subject) -> Tensor:
    """Distance to the two domes, which fall steeply to the sides and the back."""
    x, y, z = places
    left = between(x, -14, 22)
    qx = (x + 62 - 126 * left) / 52
    qy = (y - 2) / 72
    lateral = torch.where(qx * (left - 0.5) > 0, 56.0, 14.0)
    back = torch.where(qy > 0, 74.0, 34.0)
    qx, qy = qx.abs().clamp(0.02, 2), qy.abs().clamp(0.02, 2)
    fall_x, fall_y = lateral * qx.pow(2.2), back * qy.pow(2.2)
    top = subject.domes[0] + (subject.domes[1] - subject.domes[0]) * left
    slope = (2.2 * fall_x / qx / 52).square() + (2.2 * fall_y / qy / 72).square()
    return (top - fall_x - fall_y - z) / (1 + slope).sqrt()


def heart(places: Tensor, subject: Subject) -> tuple[Tensor, Tensor]:
    """Distances to the ventricles and to the atria."""
    size = subject.heart
    ventricles = ellipsoid(
        places, (22, -20, -34), (66 * size, 45 * size, 44 * size), axis=(0.66, -0.45, -0.6)
    )
    atria = ellipsoid(places, (-12, -6, -14), (31 * size, 34 * size, 42 * size))
    return ventricles, atria


def lungs(site: Site, subject: Subject) -> Tensor:
    """Distance to the nearest lung: within the wall, above the domes, beside the middle."""
    x, y, z = site.places
    apex = z - 112 + 16 * ((x.abs() - 40) / 26).square() + 16 * ((y - 18) / 34).square()
    ventricles, atria = heart(site.places, subject)
    middle = 7 + 25 * bump(y - 4, 27) + 4 * bump(y + 2, 30) * between(z, 20, 90) - (x - 2).abs()
    column = 25 - x.hypot(y - spine_line(z)[0] - 4)
    aorta = 14.5 - (x - 19).hypot(y - 35)
    hole = overlap([middle, column, aorta, 4 - ventricles, 4 - atria], 6)
    outside = overlap([site.wall + 2, 0.6 * apex, site.floor], 3)
    return overlap([outside, hole], 4)
