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


def _central(field: Tensor, axis: int, one_sided: bool = False) -> Tensor:
    """Half of what lies on either side, an axis two voxels shorter; or the next less this one."""
    n = field.shape[axis]
    ahead, here, behind = (field.narrow(axis, start, n - 2) for start in (2, 1, 0))
    return ahead - here if one_sided else (ahead - behind) / 2


def _inside(field: Tensor, *done: int) -> Tensor:
    """Without the border along the axes that are not `done`."""
    for axis in {*range(2, field.ndim)} - {*done}:
        field = field.narrow(axis, 1, field.shape[axis] - 2)
    return field


def bending(field: Tensor) -> Tensor:
    """Σ_a (∂²u/∂a²)² + 2 Σ_{a<b} (∂²u/∂a∂b)² at each inner voxel."""
    total = torch.zeros(())
    for a in range(2, field.ndim):
        n = field.shape[a] - 2
        ahead, here, behind = (field.narrow(a, start, n) for start in (2, 1, 0))
        total = total + _inside(ahead - 2 * here + behind, a) ** 2
        for b in range(a + 1, field.ndim):
            total = total + 2 * _inside(_central(_central(field, a), b), a, b) ** 2
    return total


def diffusion(field: Tensor, one_sided: bool = False) -> Tensor:
    """Σ_a (∂u/∂a)² at each inner voxel."""
    axes = range(2, field.ndim)
    return sum(_inside(_central(field, a, one_sided), a) ** 2 for a in axes)


def fold(points: Tensor, size: tuple[int, ...]) -> Tensor:
    """Mirrors at −½ and size − ½: a triangular wave of period 2·size, place by place."""
    n = torch.tensor(size).to(points).view(1, -1, *[1] * (points.ndim - 2))
    return n - (n - (points + 0.5) % (2 * n)).abs() - 0.5
