"""Vessels and airways: trees that fill the lungs, and the drawing of tubes into an image.

A branch walks part of the way to the middle of its territory; the territory is cut in two across
its long axis; each half has a branch; and so on. Radii follow the flow: r ∝ territory^0.3.
Source: Tawhai et al., "CT-based geometry analysis and finite element models of the human and
ovine bronchial tree", Journal of Applied Physiology 97, 2004, in its plainest form.

Convention: body mm as in `anatomy`; a curve is a quadratic Bézier `(M, 3, 3)`: start, pull, end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from regtutor.data.phantom.anatomy import Subject, lungs, survey

GENERATIONS = 10
CLOUD = ((240.0,), (170.0,), (270.0,))  # mm, a box round the lungs
# The trunks from heart and windpipe to the lungs: places in body mm, radius at either end.
ARTERY, VEIN, AIRWAY = 0, 1, 2
TRUNKS: Sequence[tuple[int, tuple[float, ...], float, float]] = (
    (ARTERY, (6, -22, -20, -4, -26, 16, -6, -24, 42), 15, 14),  # ascending aorta
    (ARTERY, (-6, -24, 42, -4, -16, 74, 12, 10, 62), 14, 12.5),  # its arch
    (ARTERY, (12, 10, 62, 21, 30, 56, 20, 36, 20), 12.5, 12),
    (ARTERY, (20, 36, 20, 20, 36, -60, 8, 33, -190), 12, 9.5),  # descending aorta
    (ARTERY, (-2, -10, 63, -10, -8, 78, -13, -2, 135), 6, 4),  # to the right arm and head
    (ARTERY, (4, -2, 64, 8, 0, 85, 14, 4, 140), 4, 3.5),
    (ARTERY, (10, 6, 62, 26, 10, 84, 38, 16, 116), 5, 4),
    (ARTERY, (20, -34, -10, 24, -30, 16, 14, -6, 22), 14, 11),  # pulmonary trunk
    (ARTERY, (14, -6, 22, 24, 6, 26, 38, 14, 12), 11, 8),  # left pulmonary artery
    (ARTERY, (14, -6, 22, -10, 4, 14, -36, 10, 2), 10, 8),  # right pulmonary artery
    (VEIN, (-25, -14, 0, -27, -14, 40, -22, -18, 70), 10, 8.5),  # superior vena cava
    (VEIN, (-22, -18, 70, -24, -18, 85, -26, -8, 125), 7, 5),
    (VEIN, (-22, -18, 70, 0, -36, 76, 26, -14, 112), 6, 5),
    (VEIN, (-16, 14, -30, -18, 16, -60, -14, 24, -190), 12, 10),  # inferior vena cava
    (VEIN, (8, 12, -6, -18, 16, -6, -34, 12, -14), 11, 6.5),  # into the left atrium
    (VEIN, (8, 12, -6, 26, 18, -6, 40, 16, -10), 11, 6.5),
    (VEIN, (4, 26, 195, 4, 14, 120, 5, 28, 50), 6, 6.5),  # gullet: flesh, as bright as blood
    (VEIN, (5, 28, 50, -2, 24, -20, 16, 14, -72), 6.5, 7),
    (AIRWAY, (-1, 2, 195, 0, -6, 120, 0, 9, 44), 8.5, 8),  # windpipe
    (AIRWAY, (0, 9, 44, -9, 12, 28, -34, 13, 8), 7, 6),  # right main bronchus
    (AIRWAY, (0, 9, 44, 12, 14, 26, 42, 18, 8), 6.5, 5.5),  # left main bronchus
)
HILA = (
    (-36, 10, 6),
    (36, 14, 18),
    (-34, 12, -10),
    (40, 16, -6),
)  # arteries, then veins: right, left


@dataclass(frozen=True)
class Tree:
    """Curves with a radius at either end, what each carries, and places where they part."""

    curves: Tensor  # (M, 3, 3) mm
    radii: Tensor  # (M, 2) mm
    kind: Tensor  # (M,) ARTERY, VEIN or AIRWAY
    trunk: Tensor  # (M,) bool: outside the lungs, where the trees begin
    forks: Tensor  # (F, 3) mm, of the fifth and sixth generation, about 3 mm wide


def grow(subject: Subject, generator: torch.Generator) -> Tree:
    """Fill a subject's lungs with arteries, veins, and airways beside the arteries.

    Args:
        subject: whose lungs.
        generator: for the places that the twigs must reach, and the tilt of each cut.
    """
    cloud = (torch.rand((3, 140_000), generator=generator) - 0.5) * torch.tensor(CLOUD)
    cloud = cloud[:, lungs(survey(cloud, subject), subject) < -2].T  # (N, 3)
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
        flow = share.pow(0.3)
        if generation:
            thick = torch.stack([radii[-1][parent, 1], 6.0 * flow], dim=1)
        else:
            thick = torch.stack([6.4 * flow, 6.0 * flow], dim=1)
        curves.append(torch.stack([start, pull, end], dim=1))
        radii.append(thick)
        kinds.append((parent >> generation) // 2)
        forks.append(end)
        place, heading = end, torch.nn.functional.normalize(end - pull, dim=1)
    return _assemble(curves, radii, kinds, torch.cat(forks[4:6]))


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
