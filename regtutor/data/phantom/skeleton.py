"""Spine, ribs, sternum, clavicles and shoulder blades of the phantom.

The ribs follow the chest wall and hang down from back to front: rib k is where the height
ζ = z + drop(angle) is near 96 − 23 k, so all twelve pairs are one formula.

Convention: body mm as in `anatomy`; values in HU.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from regtutor.data.phantom.shapes import between, box, capsule, ellipsoid, paint, smooth_max

CORTEX, MARROW, CARTILAGE, DISC = 650, 210, 105, 85
PITCH = 23.0  # mm from vertebra to vertebra, and from rib to rib
TOP = 103.0  # mm, height of the first rib at the spine


def spine_line(z: Tensor) -> tuple[Tensor, Tensor]:
    """Where the middle of the vertebral bodies lies from front to back, and its slope."""
    return 49 - 0.0008 * (z + 5).square(), -0.0016 * (z + 5)


def paint_bone(hu: Tensor, distance: Tensor, voxel: float, marrow: float | Tensor = MARROW) -> None:
    """A dense shell of about 2 mm round a spongy inside."""
    paint(hu, distance, CORTEX, voxel)
    paint(hu, distance + 1.8, marrow, max(voxel * 0.6, 1.5))


def paint_skeleton(
    hu: Tensor, places: Tensor, wall: Tensor, angle: Tensor, grain: Tensor, voxel: float
) -> None:
    """All bones into the image, in place."""
    _paint_ribs(hu, places, wall, angle, voxel)
    side = places.clone()
    side[0] = side[0].abs()
    _paint_spine(hu, side, grain, voxel)
    _paint_sternum(hu, side, voxel)
    _paint_shoulder(hu, side, wall, angle, voxel)


def _paint_ribs(hu: Tensor, places: Tensor, wall: Tensor, angle: Tensor, voxel: float) -> None:
    z = places[2]
    low = between(z, 90, -60)
    turn = angle / math.pi
    drop = (34 + 44 * low) * torch.sin(1.15 * angle.clamp(max=2.73) / 2).square()
    drop = drop - (12 + 75 * low) * (turn - 0.8).clamp(min=0) / 0.2
    height = z + drop
    number = ((TOP - height) / PITCH).round().clamp(0, 11)
    along = 0.92 * (height - TOP + PITCH * number)
    across = wall - 6.5
    end = 0.80 - 0.05 * (number - 6).clamp(min=0) - 0.16 * (number - 9.5).clamp(min=0)
    beyond = (turn - end) * 300
    k0 = (across / 3.6).hypot(along / 6.6)
    k1 = (across / 3.6**2).hypot(along / 6.6**2).clamp_(min=1e-6)
    tube = k0 * (k0 - 1) / k1
    last = between(number, 6.5, 7.5) * 1000
    paint(hu, smooth_max([tube, -beyond, last + 0 * tube], 2), CARTILAGE, voxel)
    paint_bone(hu, smooth_max([tube, beyond, (0.06 - turn) * 300], 2), voxel, marrow=330)


def _paint_spine(hu: Tensor, side: Tensor, grain: Tensor, voxel: float) -> None:
    """Bodies and discs, the ring round the canal, spinous and transverse processes."""
    x, y, z = side
    line, slope = spine_line(z)
    back = y - line
    level = z - slope * back  # a vertebra stands square to the spine
    phase = (level - TOP - PITCH / 2) / PITCH
    step = (phase - phase.round()) * PITCH  # mm from the middle of the nearest disc
    size = 14 + 0.022 * (100 - z)
    column = x.hypot(back * 1.15) - size
    paint(hu, x.hypot(back - 26) - 13, CORTEX * 0.8, voxel)
    rise = (0.5 - (phase - phase.floor())) * PITCH  # mm above the middle of the vertebra
    process = torch.stack([x, back, -rise])
    spinous = capsule(process, (0, 34, -2), (0, 56, -14), 3.5)
    transverse = capsule(process, (10, 24, 0), (32, 33, 3), 4.5)
    paint_bone(hu, torch.minimum(spinous, transverse), voxel, marrow=300)
    paint(hu, x.hypot(back - 26) - 8.5, 30, voxel)
    paint(hu, column, DISC, voxel)
    bodies = smooth_max([column, 2.6 - step.abs()], 2)
    paint_bone(hu, bodies, voxel, marrow=MARROW + 12 * grain)


def _paint_sternum(hu: Tensor, side: Tensor, voxel: float) -> None:
    x, y, z = side
    front = y + 69 - 0.17 * (z.clamp(min=-40) + 20)
    local = torch.stack([x, front, z])
    body = box(local, (0, 0, 2), (15, 5, 48), 4)
    handle = box(local, (0, 0, 72), (25, 6, 20), 5)
    paint_bone(hu, torch.minimum(body, handle), voxel, marrow=150)


def _paint_shoulder(hu: Tensor, side: Tensor, wall: Tensor, angle: Tensor, voxel: float) -> None:
    inner = capsule(side, (20, -42, 98), (70, -30, 116), 5.5)
    outer = capsule(side, (70, -30, 116), (132, 6, 128), 5.5)
    paint_bone(hu, -smooth_max([-inner, -outer], 4), voxel, marrow=300)
    paint_bone(hu, ellipsoid(side, (150, 6, 104), (19, 20, 21)), voxel)
    z = side[2]
    reach = (angle - 0.98).abs() * 100 - 46 * between(z, -45, 60)
    blade = smooth_max([(wall - 22).abs() - 2.2, reach, z - 108, -38 - z], 3)
    ridge = capsule(side, (66, 84, 84), (138, 40, 116), 4.5)
    paint_bone(hu, -smooth_max([-blade, -ridge], 3), voxel, marrow=450)
