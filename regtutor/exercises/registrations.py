"""The chest of notebook 01 and four registrations of it: one is good, three are not.

`breathing_slice(seed=7, size=(112, 140))` has voxels of 3.25 × 2.4 mm, so that millimetres and
voxels, rows and columns cannot be confused without being caught.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.deformation import Warp, resize_field
from regtutor.filters import gaussian_smooth


@lru_cache(maxsize=1)
def chest() -> BreathingPair:
    """The pair of this notebook."""
    return breathing_slice(seed=7, size=(112, 140))


@lru_cache(maxsize=1)
def four_fields() -> dict[str, Tensor]:
    """Four registrations of this notebook's pair, A to D: one is good, three are not.

    Returns:
        letter → ddf `(1, 2, 112, 140)`, voxels.
    """
    pair = chest()
    fixed, moving = (((image + 1000) / 1200).clamp(0, 1) for image in (pair.fixed, pair.moving))
    good = resize_field(resize_field(pair.ddf, (14, 20)), pair.fixed.shape[2:])
    deep = ((gaussian_smooth(pair.fixed_mask, 4.0) - 0.85) / 0.15).clamp(0, 1)
    labels = pair.ddf + gaussian_smooth(deep, 1.5) * torch.tensor([4.0, -3.0]).view(1, 2, 1, 1)
    folds = good.clone().requires_grad_()
    optimizer = torch.optim.Adam([folds], lr=0.4)
    for _ in range(20):  # nothing but likeness, voxel by voxel
        optimizer.zero_grad()
        (100 * (Warp()(moving, folds) - fixed) ** 2).mean().backward()
        optimizer.step()
    return {"A": labels, "B": folds.detach(), "C": good, "D": pair.ddf / 2}
