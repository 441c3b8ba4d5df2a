"""One-dimensional kernels, applied along each axis in turn.

A separable filter in d dimensions is d filters in one dimension: k·d multiplications a voxel
instead of k^d. Local correlation, the multi-scale loss, image pyramids and the phantom share it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def gaussian_kernel(sigma: float, truncated: float = 3.0) -> Tensor:
    """A Gaussian of standard deviation `sigma` (voxels), 2·⌊truncated·sigma + ½⌋ + 1 samples.

    Density values, as MONAI's MultiScaleLoss has them: the sum is near 1, not 1.
    """
    tail = int(sigma * truncated + 0.5)
    x = torch.arange(-tail, tail + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 / (sigma * sigma) * x**2)
    return kernel / (2.5066282 * sigma)


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
