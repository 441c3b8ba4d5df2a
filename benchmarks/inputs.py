"""What the components are given: smooth images, blobs, fields. One seed, the same every time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def smooth(channels: int, size: Sequence[int], seed: int) -> Tensor:
    """Smooth chance in [0, 1): `(1, channels, *size)`."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, *[max(n // 8, 2) for n in size], generator=generator)
    return F.interpolate(coarse, size=tuple(size), mode={2: "bilinear", 3: "trilinear"}[len(size)])


def image(size: Sequence[int], seed: int = 0) -> Tensor:
    """Smooth, with noise: `(1, 1, *size)`, in [0, 1]."""
    noise = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(seed + 100))
    return 0.8 * smooth(1, size, seed) + 0.2 * noise


def label(size: Sequence[int], seed: int = 0) -> Tensor:
    """Blobs: 0 and 1, `(1, 1, *size)`."""
    return (smooth(1, size, seed) > 0.5).float()


def field(size: Sequence[int], voxels: float = 3.0) -> Tensor:
    """A smooth field whose steps stay clear of whole voxels, where a gradient has its kinks."""
    ddf = voxels * (2 * smooth(len(size), size, seed=2) - 1)
    return (ddf.floor() + 0.1 + 0.8 * (ddf - ddf.floor())).requires_grad_()


def theta(size: Sequence[int]) -> Tensor:
    """A small affine: `(1, d, d+1)`."""
    d = len(size)
    bend = 0.1 * torch.randn(1, d, d + 1, generator=torch.Generator().manual_seed(3))
    return (torch.eye(d, d + 1) + bend).requires_grad_()
