"""Vessels and airways: trees that fill the lungs, and the drawing of tubes into an image.

A branch walks part of the way to the middle of its territory; the territory is cut in two across
its long axis; each half has a branch; and so on. Radii follow the flow: r ∝ territory^0.37.
Source: Tawhai et al., "CT-based geometry analysis and finite element models of the human and
ovine bronchial tree", Journal of Applied Physiology 97, 2004, in its plainest form.

Convention: body mm as in `anatomy`; a curve is a quadratic Bézier `(M, 3, 3)`: start, pull, end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

GENERATIONS = 9
# The trunks from heart and windpipe to the lungs: places in body mm, radius at either end.
ARTERY, VEIN, AIRWAY = 0, 1, 2
TRUNKS: Sequence[tuple[int, tuple[float, ...], float, float]] = (
    (ARTERY, (6, -22, -20, -4, -26, 10, -6, -26, 34), 15, 14),  # ascending aorta
    (ARTERY, (-6, -26, 34, -2, -14, 62, 12, 14, 52), 14, 12.5),  # its arch
    (ARTERY, (12, 14, 52, 21, 36, 48, 20, 36, 20), 12.5, 12),
    (ARTERY, (20, 36, 20, 20, 36, -60, 8, 33, -190), 12, 9.5),  # descending aorta
    (ARTERY, (0, -6, 55, -10, -8, 78, -13, -2, 135), 6, 4),  # to the right arm and head
    (ARTERY, (4, -2, 57, 8, 0, 85, 14, 4, 140), 4, 3.5),
    (ARTERY, (10, 8, 56, 26, 10, 84, 38, 16, 116), 5, 4),
    (ARTERY, (20, -34, -10, 24, -30, 16, 14, -6, 22), 14, 11),  # pulmonary trunk
    (ARTERY, (14, -6, 22, 24, 6, 24, 36, 14, 18), 11, 8.5),  # left pulmonary artery
    (ARTERY, (14, -6, 22, -10, 4, 14, -36, 10, 6), 10, 8.5),  # right pulmonary artery
    (VEIN, (-25, -14, 0, -27, -14, 40, -22, -18, 70), 10, 8.5),  # superior vena cava
    (VEIN, (-22, -18, 70, -24, -18, 85, -26, -8, 125), 7, 5),
    (VEIN, (-22, -18, 70, 0, -36, 76, 26, -14, 112), 6, 5),
    (VEIN, (-16, 14, -30, -18, 16, -60, -14, 24, -190), 12, 10),  # inferior vena cava
    (VEIN, (8, 12, -6, -18, 16, -4, -34, 12, -10), 11, 7),  # into the left atrium
    (VEIN, (8, 12, -6, 26, 18, -4, 40, 16, -6), 11, 7),
    (AIRWAY, (-1, 2, 195, 0, -4, 120, 0, 8, 34), 8.5, 8),  # windpipe
    (AIRWAY, (0, 8, 34, -10, 12, 22, -38, 14, 14), 7, 6),  # right main bronchus
    (AIRWAY, (0, 8, 34, 14, 14, 18, 42, 18, 10), 6.5, 5.5),  # left main bronchus
)
HILA = (
    (-36, 10, 6),
    (36, 14, 18),
    (-34, 12, -10),
    (40, 16, -6),
)  # arteries, then veins: right, left


@dataclass(frozen=True)
class Tree:
    """Curves with a radius at either end, what each carries, and the places where they part."""

    curves: Tensor  # (M, 3, 3) mm
    radii: Tensor  # (M, 2) mm
    kind: Tensor  # (M,) ARTERY, VEIN or AIRWAY
    trunk: Tensor  # (M,) bool: outside the lungs, where the trees begin
    forks: Tensor  # (F, 3) mm, the thick ones first


def grow(cloud: Tensor, generator: torch.Generator) -> Tree:
    """Fill the lungs with arteries, veins, and airways beside the arteries.

    Args:
        cloud: `(N, 3)` places inside the lungs, body mm, more than ten a twig.
        generator: for the tilt of each cut.
    """
    side = (cloud[:, 0] > 0).long()
    cloud = torch.cat([cloud, cloud])
    label = torch.cat([side, side + 2])
    place = torch.tensor(HILA, dtype=torch.float32)
    heading = torch.nn.functional.normalize(place * torch.tensor([1.0, 0, 0]), dim=1)
    whole = torch.bincount(label, minlength=4).float()
    curves: list[Tensor] = []
    radii: list[Tensor] = []
    kinds: list[Tensor] = []
    forks: list[Tensor] = []
    for generation in range(GENERATIONS):
        label = _cut(cloud, label, 4 << generation, generator)
        parent = torch.arange(4 << (generation + 1)) // 2
        count = torch.bincount(label, minlength=len(parent)).float()
        middle = _sums(cloud, label, len(parent)) / count.clamp(min=1)[:, None]
        start, end = place[parent], place[parent].lerp(middle, 0.42)
        pull = start + 0.4 * (end - start).norm(dim=1, keepdim=True) * heading[parent]
        share = (count / whole[parent >> generation]).clamp(min=1e-4)
        flow = share.pow(0.37)
        if generation:
            thick = torch.stack([radii[-1][parent, 1], 6.8 * flow], dim=1)
        else:
            thick = torch.stack([7.0 * flow, 6.8 * flow], dim=1)
        curves.append(torch.stack([start, pull, end], dim=1))
        radii.append(thick)
        kinds.append((parent >> generation) // 2)
        forks.append(end)
        place, heading = end, torch.nn.functional.normalize(end - pull, dim=1)
    return _assemble(curves, radii, kinds, torch.cat(forks[1:6]))


def _assemble(
    curves: list[Tensor], radii: list[Tensor], kinds: list[Tensor], forks: Tensor
) -> Tree:
    """Add to arteries and veins the airways, which run beside the arteries, and the trunks."""
    curve, radius, kind = torch.cat(curves), torch.cat(radii), torch.cat(kinds)
    beside = (kind == ARTERY) & (radius[:, 0] > 0.8)
    apart = torch.tensor([0.0, 0.6, 0.8]) * (2.1 * radius[beside]).mean(1)[:, None, None]
    trunks = torch.tensor([t[1] for t in TRUNKS]).view(-1, 3, 3)
    widths = torch.tensor([t[2:] for t in TRUNKS], dtype=torch.float32)
    return Tree(
        curves=torch.cat([curve, curve[beside] + apart, trunks]),
        radii=torch.cat([radius, 0.8 * radius[beside], widths]),
        kind=torch.cat([kind, kind[beside] * 0 + AIRWAY, torch.tensor([t[0] for t in TRUNKS])]),
        trunk=torch.arange(len(curve) + int(beside.sum()) + len(trunks))
        >= len(curve) + int(beside.sum()),
        forks=forks,
    )


def _sums(values: Tensor, label: Tensor, number: int) -> Tensor:
    """Row sums by label: `(N, k)` → `(number, k)`."""
    return values.new_zeros(number, values.shape[1]).index_add_(0, label, values)


def _cut(cloud: Tensor, label: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """Halve each territory across its long axis; the labels of the halves are 2 l and 2 l + 1."""
    count = torch.bincount(label, minlength=number).clamp(min=1)[:, None]
    local = cloud - (_sums(cloud, label, number) / count)[label]
    axis = torch.randn((number, 3), generator=generator)
    for _ in range(2):  # two steps of power iteration: near the long axis, never quite along it
        along = (local * axis[label]).sum(1, keepdim=True)
        axis = torch.nn.functional.normalize(_sums(local * along, label, number), dim=1)
    return 2 * label + ((local * axis[label]).sum(1) > 0)


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
    wide = radii.clamp(min=voxel / 2)
    faint = 0.75 * (radii / wide).square() + 0.25 * (radii / wide).pow(6)
    strides = torch.tensor(
        [int(torch.tensor(size[axis + 1 :]).prod()) for axis in range(len(size))]
    )
    image = torch.zeros(int(torch.tensor(size).prod()))
    reach = (wide + voxel / 2)[:, None] / spacing
    group = (wide / voxel * 2).ceil().long()
    for width in group.unique():
        chosen = (group == width).nonzero()[:, 0]
        half = (reach[chosen].amax(0) + 0.5).floor().long()
        steps = torch.cartesian_prod(*[torch.arange(-h, h + 1) for h in half.tolist()])
        for part in chosen.split(max(1, 4_000_000 // len(steps))):
            place = centres[part].round().long()[:, None] + steps  # (n, k, d)
            off = ((place - centres[part][:, None]) * spacing).square().sum(2)
            off = (off + aside[part][:, None].square()).sqrt_()
            share = ((wide[part][:, None] - off) / voxel + 0.5).clamp_(0, 1) * faint[part][:, None]
            inside = ((place >= 0) & (place < torch.tensor(size))).all(2) & (share > 0)
            image.scatter_reduce_(0, (place * strides).sum(2)[inside], share[inside], "amax")
    return image.view(*size)
