"""The way to the best map: coarse to fine, on each level down the slope of the loss by Adam.

    step = lr · m / (√v + eps),   m and v the running mean of the gradient and of its square

Source: Kingma & Ba, "Adam: a method for stochastic optimization", 2015. Taught in notebook 05.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR
from tqdm.auto import tqdm

from regtutor.checkpoint import Record
from regtutor.checks import require

MOST_VOXELS = 3e6  # of the finest image
VOXEL_STEPS = 30e6  # a level's budget: some ten seconds of one core

AFFINE = ((2, 60), (1, 40))  # of the affine map: how much coarser than the first level, and steps


class Level(NamedTuple):
    """A stage of coarse to fine: the image at 1/shrink, a control point every `spacing` voxels."""

    shrink: int
    spacing: int  # voxels of the whole image
    steps: int  # at most


def coarse_to_fine(size: Sequence[int]) -> list[Level]:
    """The levels for a grid: control points 8, 4 and 2 voxels apart, the image twice as fine.

    An image that is too large for this is shrunk further; there are as many steps as a budget
    allows, 60 at most; a level whose image would be under 16 voxels is left out.

    >>> [tuple(level) for level in coarse_to_fine((64, 48, 64))]
    [(2, 4, 60), (1, 2, 60)]
    >>> [tuple(level) for level in coarse_to_fine((160, 192, 224))]
    [(4, 8, 60), (2, 4, 34), (2, 2, 34)]
    """
    finest = 1
    while prod(size) / finest ** len(size) > MOST_VOXELS:
        finest *= 2
    levels = []
    for spacing in (8, 4, 2):
        shrink = max(spacing // 2, finest)
        steps = int(min(60, VOXEL_STEPS * shrink ** len(size) / prod(size)))
        if spacing == 2 or min(size) >= 16 * shrink:
            levels.append(Level(shrink, max(spacing, shrink), steps))
    return levels


def require_levels(levels: Sequence[Level]) -> None:
    """At least one, each of whole numbers from 1 on."""
    require(len(levels) > 0, "levels", "at least one Level", "none")
    for level in levels:
        whole = all(isinstance(number, int) and number >= 1 for number in level)
        require(whole, "levels", "whole numbers ≥ 1 for shrink, spacing, steps", tuple(level))


def step_bar(levels: Sequence[Level], affine: bool, shown: bool) -> tqdm:
    """A bar for all steps that there may be, those of the affine map first."""
    before = sum(steps for _, steps in AFFINE) if affine else 0
    total = before + sum(level.steps for level in levels)
    return tqdm(total=total, desc="affine", unit="step", disable=not shown)


def descend(
    parameters: Tensor,
    terms: Callable[[Tensor], dict[str, Tensor]],
    *,
    lr: float,
    steps: int,
    tolerance: float,
    bar: tqdm | None = None,
) -> Record:
    """Change `parameters`, in place, until the sum of the terms is small.

    Args:
        parameters: any shape.
        terms: parameters → named terms, each a scalar.
        lr: the first steps' length, for each parameter; the last ones are a tenth of it.
        steps: at most so many.
        tolerance: stop when ten steps gain less than this share of what all have gained; 0: never.
        bar: moves with every step, and in the end over those that were not needed.

    Returns:
        The steps taken, and from the last of them "loss" and each term.
    """
    parameters.requires_grad_()
    # Adam steps as far on a small gradient as on a large one. Where both images are flat that is
    # rounding noise, and the map would fold there; a gradient below eps is given shorter steps. The
    # loss is a mean, so each of n parameters has about 1/n of it.
    optimizer = Adam([parameters], lr, eps=0.1 / parameters.numel())
    schedule = CosineAnnealingLR(optimizer, steps, lr / 10)
    losses: list[float] = []
    named: dict[str, Tensor] = {}
    while len(losses) < steps and not _settled(losses, tolerance):
        optimizer.zero_grad()
        named = terms(parameters)
        total = torch.stack(list(named.values())).sum()
        total.backward()
        optimizer.step()
        schedule.step()
        losses.append(total.item())
        if bar is not None:
            bar.update()
    if bar is not None:
        bar.update(steps - len(losses))
    parameters.requires_grad_(False)
    last = {name: term.item() for name, term in named.items()}
    return {"steps": len(losses), "loss": losses[-1], **last}


def _settled(losses: list[float], tolerance: float) -> bool:
    """The last ten steps gained less than that share of what all have gained."""
    if tolerance == 0 or len(losses) < 20:
        return False
    before, now = sum(losses[-20:-10]) / 10, sum(losses[-10:]) / 10
    return before - now < tolerance * (losses[0] - now)
