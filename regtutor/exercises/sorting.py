"""The useless registration of notebook 10: it makes images alike and knows nothing of anatomy.

    the n-th darkest voxel of fixed reads the n-th darkest voxel of moving

After T. Rohlfing, Image similarity and tissue overlaps as surrogates for image registration
accuracy, IEEE Transactions on Medical Imaging 31(2), 2012, who named it so.
"""

from __future__ import annotations

import torch
from torch import Tensor

from regtutor.checks import require
from regtutor.deformation import identity_grid

SKIN = -500.0  # HU: what is brighter belongs to the body, or lies between two such places of a row


def sorted_by_brightness(fixed: Tensor, moving: Tensor) -> Tensor:
    """The field that lets each voxel of `fixed` read the one of the same rank in `moving`.

    Args:
        fixed, moving: `(1, 1, H, W)`, HU.

    Returns:
        ddf `(1, 2, H, W)`, whole voxels; no two voxels read the same place.
    """
    same = fixed.shape == moving.shape and fixed.ndim == 4 and fixed.shape[:2] == (1, 1)
    shapes = f"{tuple(fixed.shape)}, {tuple(moving.shape)}"
    require(same, "fixed, moving", "(1, 1, H, W) both, on one grid", shapes)
    height, width = fixed.shape[2:]
    read_at = torch.empty(height * width, dtype=torch.long)
    read_at[_darkest_first(fixed)] = _darkest_first(moving)
    places = torch.stack([read_at // width, read_at % width]).view(1, 2, height, width)
    return places - identity_grid((height, width))


def _darkest_first(image: Tensor) -> Tensor:
    """The voxels' numbers; the air around the body, row by row, before all others."""
    bright = (image > SKIN).int()
    body = bright.cummax(3).values * bright.flip(3).cummax(3).values.flip(3)
    return torch.where(body > 0, image, -2000.0).flatten().argsort(stable=True)
