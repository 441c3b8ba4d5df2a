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

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


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
    d, channels = image.ndim - 2, image.shape[1]
    kernel = kernel.to(image)
    for axis in range(d):
        shape = [1] * d
        shape[axis] = -1
        weight = kernel.view(1, 1, *shape).expand(channels, 1, *[-1] * d)
        padding = [0] * d
        padding[axis] = len(kernel) // 2
        image = _CONV[d](image, weight, padding=padding, groups=channels)
    return image


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


class _WindowSum(torch.autograd.Function):
    """`window_sum`, adding in place: its gradient is a window sum as well, of the padded gradient.

    A third of the time of letting autograd undo every slice.
    """

    @staticmethod
    def forward(ctx: Any, image: Tensor, kernel: Sequence[float]) -> Tensor:
        ctx.kernel = kernel
        for axis in range(2, image.ndim):
            count = image.shape[axis] - len(kernel) + 1
            total = image.narrow(axis, 0, count) * kernel[0]
            for i, weight in enumerate(kernel[1:], start=1):
                total.add_(image.narrow(axis, i, count), alpha=weight)
            image = total
        return image

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        margin = [len(ctx.kernel) - 1] * (2 * (gradient.ndim - 2))
        return _WindowSum.apply(F.pad(gradient, margin), ctx.kernel[::-1]), None


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
