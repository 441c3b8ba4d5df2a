"""The plain form of each thing the library does faster: what the notebooks derive, as an oracle."""

from __future__ import annotations

import itertools

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


def warp(image: Tensor, ddf: Tensor) -> Tensor:
    """image(x + ddf(x)): the 2^d voxels around each place, weighted by how near; borders extend."""
    d = ddf.ndim - 2
    voxels = torch.stack(torch.meshgrid(*map(torch.arange, ddf.shape[2:]), indexing="ij"))
    last = torch.tensor(image.shape[2:]).view(-1, *[1] * d) - 1
    warped = []
    for values, field in zip(image, ddf, strict=True):
        place = (voxels + field).clamp(min=torch.zeros_like(last), max=last)
        low = place.detach().floor().long()
        total = torch.zeros(())
        for corner in itertools.product((0, 1), repeat=d):
            at = torch.minimum(low + torch.tensor(corner).view(-1, *[1] * d), last)
            weight = 1 - (place - low - torch.tensor(corner).view(-1, *[1] * d)).abs()
            total = total + weight.prod(dim=0) * values[(slice(None), *at)]
        warped.append(total)
    return torch.stack(warped)


def affine_to_ddf(theta: Tensor, size: tuple[int, ...]) -> Tensor:
    """A x + t − x at every voxel of a grid, by a product of matrices."""
    voxels = torch.stack(torch.meshgrid(*map(torch.arange, size), indexing="ij")).to(theta)
    moved = theta[:, :, :-1] @ voxels.flatten(1) + theta[:, :, -1:]
    return moved.view(len(theta), -1, *size) - voxels


def jacobian_determinant(ddf: Tensor) -> Tensor:
    """det of the matrix I + ∇ddf at every voxel."""
    axes = tuple(range(2, ddf.ndim))
    matrix = torch.stack(torch.gradient(ddf, dim=axes), dim=-1).movedim(1, -2)
    return torch.linalg.det(matrix + torch.eye(len(axes)).to(ddf))


def dice(pred: Tensor, truth: Tensor) -> Tensor:
    """2 |pred ∩ truth| / (|pred| + |truth|) of each channel `(B, C)`; NaN without a truth."""
    pred, truth = pred.bool().flatten(2), truth.bool().flatten(2)
    score = 2 * (pred & truth).sum(-1) / (pred.sum(-1) + truth.sum(-1))
    return torch.where(truth.any(-1), score, torch.nan)


def surface(mask: Tensor) -> Tensor:
    """The voxels of a mask with a face neighbour outside it: `(N, d)`."""
    found = []
    for voxel in mask.nonzero().tolist():
        for axis, step in itertools.product(range(mask.ndim), (-1, 1)):
            other = [*voxel[:axis], voxel[axis] + step, *voxel[axis + 1 :]]
            inside = all(0 <= i < n for i, n in zip(other, mask.shape, strict=True))
            if not (inside and mask[tuple(other)]):
                found.append(voxel)
                break
    return torch.tensor(found, dtype=torch.float64).view(-1, mask.ndim)


def convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Σ w · x under each window, over channels too; zeros beyond the border: `(B, O, *spatial)`."""
    k, d = weight.shape[2], x.ndim - 2
    windows = patches(torch.nn.functional.pad(x, [k // 2] * (2 * d)), k)
    return torch.einsum("bi...k,oik->bo...", windows, weight.flatten(2))


def gaussian_weights(values: Tensor, num_bins: int, sigma_ratio: float) -> Tensor:
    """How much each value counts in each bin, by a Gaussian: `(B, N, num_bins)`."""
    centres = torch.linspace(0, 1, num_bins, dtype=values.dtype)
    sigma = sigma_ratio / (num_bins - 1)
    squared = (values.clamp(0, 1)[..., None] - centres) ** 2
    return torch.softmax(-squared / (2 * sigma**2), dim=-1)


def spline_weights(values: Tensor, num_bins: int, order: int) -> Tensor:
    """The same by a cubic B-spline (order 3) or the nearest bin (order 0)."""
    low, high = values.min(), values.max()
    width = (high - low) / (num_bins - 4)
    place = (values / width - (low / width - 2)).clamp(2, num_bins - 3)
    distance = (place[..., None] - torch.arange(num_bins, dtype=values.dtype)).abs()
    if order == 0:
        return (distance < 0.5).to(values) + 0.5 * (distance == 0.5)
    near = (4 - 6 * distance**2 + 3 * distance**3) / 6
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def histogram(pred_weights: Tensor, target_weights: Tensor) -> Tensor:
    """The mean of the products of two images' weights, `(B, N, num_bins)` each."""
    return pred_weights.transpose(1, 2) @ target_weights / pred_weights.shape[1]
