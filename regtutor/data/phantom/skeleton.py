"""Spine, ribs, sternum, clavicles and shoulder blades.

The ribs follow the chest wall and hang down from back to front: rib k is where the height
ζ = z + drop(angle) is near 103 − 23 k, so all twelve pairs are one formula.

Convention: body mm as in `anatomy`; values in HU.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from regtutor.data.phantom.anatomy import Site, spine_line
from regtutor.data.phantom.shapes import Canvas, between, box, capsule, ellipsoid, join, overlap

CORTEX, MARROW, DENSE, CARTILAGE, DISC, CORD = 650, 200, 330, 105, 85, 30
PITCH = 23.0  # mm from vertebra to vertebra, and from rib to rib
TOP = 103.0  # mm, height of the first rib at the spine


def paint_skeleton(canvas: Canvas, site: Site) -> None:
    """All bones into the image."""
    _paint_ribs(canvas, site)
    _paint_spine(canvas, site)
    _paint_sternum(canvas, site)
    _paint_shoulders(canvas, site)


def _paint_bone(canvas: Canvas, distance: Tensor, marrow: Tensor | float) -> None:
    """A dense shell of about 2 mm round a spongy inside."""
    canvas.paint(distance, CORTEX)
    canvas.paint(distance + 1.8, marrow)


def _paint_ribs(canvas: Canvas, site: Site) -> None:
    """Bone to the front of the side; cartilage goes on to the sternum from ribs 1 to 7."""
    z = site.places[2]
    low = between(z, 90, -60)
    turn = site.angle / math.pi
    hang = torch.sin(1.15 * site.angle.clamp(max=2.73) / 2).square()
    drop = (34 + 44 * low) * hang - (12 + 75 * low) * (turn - 0.8).clamp(min=0) / 0.2
    number = ((TOP - z - drop) / PITCH).round().clamp(0, 11)
    along = 0.92 * (z + drop - TOP + PITCH * number)
    across = site.wall - 6.5
    k0 = (across / 3.6).hypot(along / 6.6)
    k1 = (across / 3.6**2).hypot(along / 6.6**2).clamp_(min=1e-6)
    tube = k0 * (k0 - 1) / k1
    end = 0.80 - 0.05 * (number - 6).clamp(min=0) - 0.16 * (number - 9.5).clamp(min=0)
    beyond = (turn - end) * 300
    floating = (number - 6.5) * 100
    canvas.paint(overlap([tube, -beyond, floating], 2), CARTILAGE)
    _paint_bone(canvas, overlap([tube, beyond, (0.06 - turn) * 300], 2), DENSE)


def _paint_spine(canvas: Canvas, site: Site) -> None:
    """Bodies and discs, the ring round the canal, spinous and transverse processes."""
    x, y, z = site.side
    line, slope = spine_line(z)
    back = y - line
    phase = (z - slope * back - TOP - PITCH / 2) / PITCH  # a vertebra stands square to the spine
    to_disc = (phase - phase.round()) * PITCH
    above_middle = (phase - phase.floor() - 0.5) * PITCH
    short = 1 - 0.35 * between(z, 80, 150)
    process = torch.stack([x, back / short, above_middle])
    spinous = capsule(process, (0, 32, 2), (0, 50, -9), 3.0)
    transverse = capsule(process, (10, 24, 0), (30, 33, 3), 4.0)
    ring = x.hypot(back - 25)
    plates = overlap([ring - 12.5, to_disc.abs().neg() + 3], 2)
    _paint_bone(canvas, join([spinous, transverse, plates], 2), DENSE)
    canvas.paint(ring - 8.5, -40)
    canvas.paint(ring - 5, CORD)
    column = x.hypot(back * 1.12) - 13.5 - 0.022 * (100 - z)
    canvas.paint(column + 0.5, DISC)
    waist = 1.2 * between(to_disc.abs(), 4, 11)
    bodies = overlap([column + waist, 2.6 - to_disc.abs()], 2)
    _paint_bone(canvas, bodies, MARROW + 12 * site.fine)


def _paint_sternum(canvas: Canvas, site: Site) -> None:
    x, y, z = site.side
    local = torch.stack([x, y + 69 - 0.17 * (z.clamp(min=-40) + 20), z])
    body = box(local, (0, 0, 2), (15, 5, 48), round_off=4)
    handle = box(local, (0, 0, 72), (25, 6, 20), round_off=5)
    _paint_bone(canvas, torch.minimum(body, handle), MARROW - 50)


def _paint_shoulders(canvas: Canvas, site: Site) -> None:
    """Clavicle, head of the humerus, and the shoulder blade with its ridge."""
    z = site.side[2]
    inner = capsule(site.side, (20, -44, 97), (68, -34, 104), 5.5)
    outer = capsule(site.side, (68, -34, 104), (128, 0, 106), 5.5)
    _paint_bone(canvas, join([inner, outer], 4), DENSE)
    _paint_bone(canvas, ellipsoid(site.side, (148, 8, 78), (20, 21, 22)), MARROW)
    reach = (site.angle - 0.98).abs() * 100 - 46 * between(z, -55, 50)
    blade = overlap([(site.wall - 20).abs() - 2.2, reach, z - 96, -48 - z], 3)
    ridge = capsule(site.side, (62, 84, 72), (134, 36, 100), 4.5)
    socket = capsule(site.side, (112, 36, 72), (124, 20, 76), 8)
    _paint_bone(canvas, join([blade, ridge, socket], 3), DENSE + 100)
