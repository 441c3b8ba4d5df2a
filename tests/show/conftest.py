"""A small pair to look at: nothing about it is symmetric, square or of one spacing."""

from types import SimpleNamespace

import pytest
import torch

from regtutor.deformation import Warp, identity_grid


@pytest.fixture(params=[2, 3])
def case(request):
    """Fixed, moving, warped, label, field and spacing on one grid."""
    size = (26, 34) if request.param == 2 else (18, 14, 22)
    d = len(size)
    place = identity_grid(size)
    generator = torch.Generator().manual_seed(d)
    moving = torch.rand(1, 1, *size, generator=generator)
    label = (
        (place - torch.tensor(size).view(1, -1, *[1] * d) / 3).norm(dim=1, keepdim=True) < 5
    ).float()
    ddf = torch.stack([torch.full(size, 2.0 - k) for k in range(d)])[None]
    ddf = ddf + 0.5 * torch.sin(place / 4)
    return SimpleNamespace(
        fixed=Warp()(moving, ddf) * 0.9, moving=moving, warped=Warp()(moving, ddf), label=label,
        ddf=ddf, spacing=(1.5, 2.5, 4.0)[:d], size=size,
    )  # fmt: skip
