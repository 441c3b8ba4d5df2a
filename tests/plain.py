"""The plain form of each thing the library does faster: what the notebooks derive, as an oracle."""

from __future__ import annotations

import torch
from torch import Tensor


def patches(image: Tensor, size: int) -> Tensor:
    """Every window in the image, as its own axis: `(B, C, *(spatial − size + 1), size^d)`."""
    d = image.ndim - 2
    for axis in range(2, 2 + d):
        image = image.unfold(axis, size, 1)
    return image.flatten(-d)


def weights(kernel: list[float], d: int) -> Tensor:
    """The window's weights in d dimensions, in the order of `patches`."""
    line = torch.tensor(kernel, dtype=torch.float64)
    full = line
    for _ in range(d - 1):
        full = full[..., None] * line
    return full.flatten()


def window_sum(image: Tensor, kernel: list[float]) -> Tensor:
    """Σ w · image under each window."""
    return (patches(image, len(kernel)) * weights(kernel, image.ndim - 2).to(image)).sum(-1)


def local_correlation(
    pred: Tensor, target: Tensor, kernel: list[float], count_zeros: bool, floor: float = 1e-5
) -> Tensor:
    """The squared correlation in each window, by its means: `(B, C, *spatial)`.

    Beyond the border are zeros, which count as voxels or do not.
    """
    d, half = pred.ndim - 2, len(kernel) // 2
    p, t, inside = (
        patches(torch.nn.functional.pad(x, [half] * (2 * d)), len(kernel))
        for x in (pred, target, torch.ones_like(pred))
    )
    w = weights(kernel, d).to(pred)
    w = w.expand_as(p) if count_zeros else w * inside
    total = w.sum(-1, keepdim=True)
    p, t = p - (w * p).sum(-1, keepdim=True) / total, t - (w * t).sum(-1, keepdim=True) / total
    cross, p_var, t_var = ((w * x).sum(-1) for x in (p * t, p * p, t * t))
    return cross**2 / (p_var.clamp(min=floor) * t_var.clamp(min=floor))
