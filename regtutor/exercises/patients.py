"""What the clinic's patients are examined on, where they can be seen: notebook 14's own chests.

The checks use others (`carrying`, `taming`, …), so that no repair is made for one picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from regtutor.data.thorax import BreathingPair
from regtutor.deformation import Warp, identity_grid
from regtutor.exercises.diagnosing import Script
from regtutor.losses import DiffusionLoss, MSELoss

WINDOW = (-1000.0, 200.0)  # HU


def organs(pair: BreathingPair) -> Tensor:
    """The inhaled chest's labels `(1, 1, H, W)`: 1 and 3 the lungs, 2 a nodule in the first."""
    mask = pair.moving_mask
    row, column = identity_grid(mask.shape[2:]).unbind(1)
    lungs = torch.where(column < mask.shape[3] / 2, 1.0, 3.0) * mask[:, 0]
    tall = torch.tensor(pair.spacing)
    where = mask[0, 0, :, : mask.shape[3] // 2].nonzero().float().mean(dim=0)
    away = ((row - where[0]) * tall[0]) ** 2 + ((column - where[1]) * tall[1]) ** 2
    return torch.where(away < 11.0**2, 2.0, lungs)[None]


def by_control_points(
    spread: Script, pair: BreathingPair, grid: Sequence[int], steps: int = 60, weight: float = 0.0
) -> list[Tensor]:
    """Register by control points, squares and a penalty on neighbouring points.

    Args:
        spread: `(control, size)` → ddf.
        grid: how many control points along each axis.
        steps: of Adam.
        weight: of the penalty.

    Returns:
        The ddf `(1, 2, H, W)` before each step, and after the last.
    """
    low, high = WINDOW
    fixed, moving = (
        ((image - low) / (high - low)).clamp(0, 1) for image in (pair.fixed, pair.moving)
    )
    control = torch.zeros(1, 2, *grid).requires_grad_()
    optimizer, fields = torch.optim.Adam([control], lr=0.15), []
    for _ in range(steps):
        optimizer.zero_grad()
        ddf = spread(control, pair.fixed.shape[2:])
        loss = 100 * MSELoss()(Warp()(moving, ddf), fixed)
        (loss + weight * DiffusionLoss(one_sided=True)(control)).backward()
        optimizer.step()
        fields.append(ddf.detach())
    return [*fields, spread(control, pair.fixed.shape[2:]).detach()]


def off(ddf: Tensor, pair: BreathingPair) -> dict[str, float]:
    """What is left between warped and fixed, as `show.curves` takes it: hundreds of HU."""
    apart = (Warp()(pair.moving, ddf) - pair.fixed).abs().mean().item() / 100
    return {"loss": apart, "image": apart}
