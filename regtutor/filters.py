"""One-dimensional kernels, applied along each axis in turn.

    S(x) = Σ_i w_i · image(x + i),   once for each axis

A separable filter in d dimensions is d filters in one dimension: k·d multiplications a voxel
instead of k^d. Local correlation, the multi-scale loss, image pyramids and the phantom share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def gaussian_kernel(sigma: float, truncated: float = 3.0) -> Tensor:
    """A Gaussian of standard deviation `sigma` (voxels), 2·⌊truncated·sigma + ½⌋ + 1 samples or 3.

    Density values, as MONAI's MultiScaleLoss has them: the sum is near 1, not 1.
    """
    tail = int(max(sigma * truncated, 0.5) + 0.5)
    x = torch.arange(-tail, tail + 1, dtype=torch.float32)
    width = torch.tensor(sigma, dtype=torch.float32)
    kernel = torch.exp(-0.5 / (width * width) * x**2)
    return kernel / (2.5066282 * width)


def cauchy_kernel(sigma: float) -> Tensor:
    """A Cauchy bell `1 / ((x/sigma)² + 1)`, 2·⌊5·sigma⌋ + 1 samples that sum to 1."""
    tail = int(sigma * 5)
    x = torch.arange(-tail, tail + 1, dtype=torch.float64)
    kernel = ((x / sigma) ** 2 + 1).float().reciprocal()
    return kernel / kernel.sum()


def filter_axes(image: Tensor, kernel: Tensor) -> Tensor:
    """Filter every channel along every axis with one odd 1-D kernel; zeros beyond the border.

    Args:
        image: `(B, C, *spatial)`.
        kernel: `(k,)`, k odd.

    Returns:
        `(B, C, *spatial)`.
    """
    for axis in range(2, image.ndim):
        band = _band(kernel, image.shape[axis]).to(image)
        if axis == image.ndim - 1:  # a line lies in one piece, a row of a matrix
            image = image @ band.T
        else:
            lines = image.flatten(0, axis - 1).flatten(2)  # (B·C·…, n, …)
            image = (band.expand(len(lines), -1, -1) @ lines).view(image.shape)
    return image


def _band(kernel: Tensor, n: int) -> Tensor:
    """The `(n, n)` matrix that filters a line of n voxels: the kernel about the diagonal.

    A whole matrix multiplies more numbers than the kernel has, most of them zeros, but processors
    are made for it: with scales up to 16 voxels a fortieth of the time of convolving.
    """
    place = torch.arange(n, device=kernel.device)
    tap = place - place[:, None] + len(kernel) // 2  # (n, n): which weight row i gives to voxel j
    inside = (tap >= 0) & (tap < len(kernel))
    return torch.where(inside, kernel[tap.clamp(0, len(kernel) - 1)], 0)


def gaussian_smooth(image: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing whose weights sum to 1 at the border too.

    Args:
        image: `(B, C, *spatial)`.
        sigma: voxels; 0 returns the image as it is.
    """
    if sigma == 0:
        return image
    kernel = gaussian_kernel(sigma)
    weight = filter_axes(torch.ones_like(image[:1, :1]), kernel)
    return filter_axes(image, kernel) / weight


_SLAB = 2**18  # voxels at a time: what lies between the axes stays in the processor's cache


class _WindowSum(torch.autograd.Function):
    """`window_sum`, adding in place: its gradient is a window sum as well, of the padded gradient.

    A third of the time of letting autograd undo every slice.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, kernel: tuple[float, ...]) -> Tensor:
        ctx.kernel = kernel
        k, n = len(kernel), image.shape[2]
        count, parts = n - k + 1, []
        step = max(_SLAB * n // image.numel(), 2 * k)
        for start in range(0, count, step):
            part = image.narrow(2, start, min(step, count - start) + k - 1)
            for axis in range(2, image.ndim):
                part = _line_sum(part, kernel, axis)
            parts.append(part)
        return torch.cat(parts, dim=2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        margin = [len(ctx.kernel) - 1] * (2 * (gradient.ndim - 2))
        return _WindowSum.apply(F.pad(gradient, margin), ctx.kernel[::-1]), None


def _line_sum(image: Tensor, kernel: Sequence[float], axis: int) -> Tensor:
    """The weighted sum along one axis, which is k − 1 shorter then."""
    if set(kernel) == {1.0}:
        return _run(image, len(kernel), axis)
    count = image.shape[axis] - len(kernel) + 1
    total = image.narrow(axis, 0, count) * kernel[0]
    for i, weight in enumerate(kernel[1:], start=1):
        total.add_(image.narrow(axis, i, count), alpha=weight)
    return total


def _run(image: Tensor, k: int, axis: int) -> Tensor:
    """The sum of k neighbours: two runs of half as many, and one more if k is odd.

    Of nine neighbours four additions instead of eight, and fewer roundings.
    """
    if k == 1:
        return image
    count = image.shape[axis] - k + 1
    half = _run(image, k // 2, axis)
    total = half.narrow(axis, 0, count) + half.narrow(axis, k // 2, count)
    return total.add_(image.narrow(axis, k - 1, count)) if k % 2 else total


def window_sum(image: Tensor, kernel: Sequence[float]) -> Tensor:
    """The weighted sum under a window, wherever the whole window lies in the image.

    Args:
        image: `(B, C, *spatial)`, each axis at least k long.
        kernel: k weights, the same along every axis.

    Returns:
        `(B, C, *spatial)`, each axis k − 1 shorter.

    >>> window_sum(torch.ones(1, 1, 3, 4), kernel=(1.0, 1.0, 1.0))
    tensor([[[[9., 9.]]]])
    """
    return _WindowSum.apply(image, tuple(kernel))
