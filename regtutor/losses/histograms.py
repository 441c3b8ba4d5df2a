"""The joint histogram of two images, so counted that it has a gradient.

    joint(a, b) = mean over voxels of  w_a(pred) · w_b(target)

w_a says how much a value counts in bin a; a bell about the value instead of a single bin (a Parzen
window) makes it change smoothly. Sources: Viola & Wells, IJCV 24(2), 1997 (Gaussian); Mattes et
al., IEEE TMI 22(1), 2003 (spline). The numbers are MONAI's. Taught in notebook 04.

Convention: values `(B, N)`, the histogram `(B, num_bins, num_bins)` with `pred` along axis 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

_CHUNK = 4096  # voxels at a time: their weights stay in the processor's cache
_VOXELS = 2**15  # the same for a spline's, which are only four


def gaussian_weights(values: Tensor, num_bins: int, sigma_ratio: float) -> Tensor:
    """How much each value counts in each bin, by a Gaussian about centres from 0 to 1.

    Args:
        values: `(B, N)` in [0, 1].
        sigma_ratio: the Gaussian's σ in bins.

    Returns:
        `(B, num_bins, N)`, each value's weights sum to 1.
    """
    sigma = sigma_ratio / (num_bins - 1)
    squared = (values[:, None] - _centres(num_bins, values)).square_()  # (B, num_bins, N)
    # e⁻⁸⁰ of the nearest bin's is as good as 0; what is beneath the smallest normal number is slow.
    least = -80 - 0.125 / sigma_ratio**2  # a value is at most half a bin from the nearest
    return torch.softmax(squared.mul_(-0.5 / sigma**2).clamp_(min=least), dim=1)


def gaussian_histogram(pred: Tensor, target: Tensor, num_bins: int, sigma_ratio: float) -> Tensor:
    """Both images counted by Gaussians; values beyond [0, 1] count as 0 or 1."""
    return _GaussianHistogram.apply(pred.clamp(0, 1), target.clamp(0, 1), num_bins, sigma_ratio)


class _GaussianHistogram(torch.autograd.Function):
    """The sum over chunks of p tᵀ, p and t their weights, which its gradient finds anew.

    To keep them takes num_bins times the memory of both images, and to fetch them as long.
    """

    @staticmethod
    def forward(
        ctx: Any, pred: Tensor, target: Tensor, num_bins: int, sigma_ratio: float
    ) -> Tensor:
        ctx.save_for_backward(pred, target)
        ctx.window = num_bins, sigma_ratio
        joint = pred.new_zeros(len(pred), num_bins, num_bins)
        for _, p, _, t in _weighed(pred, target, ctx.window):
            joint += p @ t.mT
        return joint / pred.shape[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        pred, target = ctx.saved_tensors
        joint = gradients[0] / pred.shape[1]
        both = ctx.needs_input_grad[1]
        slopes: tuple[list[Tensor], list[Tensor]] = [], []
        for p_values, p, t_values, t in _weighed(pred, target, ctx.window):
            slopes[0].append(_slope(p_values, p, joint @ t, ctx.window))
            if both:
                slopes[1].append(_slope(t_values, t, joint.mT @ p, ctx.window))
        return torch.cat(slopes[0], 1), torch.cat(slopes[1], 1) if both else None, None, None


def _weighed(
    pred: Tensor, target: Tensor, window: tuple[int, float]
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Chunk by chunk the values of either image, each followed by their weights."""
    for p, t in zip(pred.split(_CHUNK, dim=1), target.split(_CHUNK, dim=1), strict=True):
        yield p, gaussian_weights(p, *window), t, gaussian_weights(t, *window)


def _slope(values: Tensor, weights: Tensor, outer: Tensor, window: tuple[int, float]) -> Tensor:
    """From the gradient of the weights, `(B, num_bins, N)`, to that of the values: `(B, N)`."""
    num_bins, sigma_ratio = window
    sigma = sigma_ratio / (num_bins - 1)
    exponent = (outer - (weights * outer).sum(dim=1, keepdim=True)).mul_(weights)  # of the softmax
    towards = _centres(num_bins, values) - values[:, None]
    return exponent.mul_(towards).sum(dim=1) / sigma**2


def _centres(num_bins: int, values: Tensor) -> Tensor:
    return torch.linspace(0, 1, num_bins, dtype=values.dtype, device=values.device)[:, None]


def spline_histogram(pred: Tensor, target: Tensor, num_bins: int) -> Tensor:
    """`pred` counted by a cubic B-spline, `target` by the nearest bin, as in ITK's Mattes metric.

    The bins span the values of the batch, and two more on either side take the spline's tails.
    A value half-way between two bins counts half in each. No gradient to `target`.
    """
    return _SplineHistogram.apply(
        _place(pred, num_bins), _place(target.detach(), num_bins), num_bins
    )


class _SplineHistogram(torch.autograd.Function):
    """The same, of places among the bins; its gradient looks the bins up where they were added to.

    A voxel touches 4 bins of num_bins: one by one they take a fortieth of the time of the product
    of two tall matrices, and in chunks, found anew on the way back, a sixth of their memory.
    """

    @staticmethod
    def forward(ctx: Any, place: Tensor, near: Tensor, num_bins: int) -> Tensor:
        ctx.save_for_backward(place, near)
        ctx.num_bins = num_bins
        # In double, for a float32 sum forgets what is added late; mps has none.
        wide = torch.float32 if place.device.type == "mps" else torch.float64
        joint = torch.zeros(len(place) * num_bins**2, dtype=wide, device=place.device)
        for f, bins in _touched(place, near, num_bins):
            for weight, (left, right) in zip(_cubic(f), bins, strict=True):
                half = weight.flatten().to(wide) / 2
                joint.index_add_(0, left, half).index_add_(0, right, half)
        return joint.view(-1, num_bins, num_bins).to(place) / place.shape[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        place, near = ctx.saved_tensors
        joint = gradients[0].flatten() / (2 * place.shape[1])
        slopes = []
        for f, bins in _touched(place, near, ctx.num_bins):
            slope = torch.zeros_like(f)
            for rise, (left, right) in zip(_cubic_slope(f), bins, strict=True):
                both = joint.index_select(0, left) + joint.index_select(0, right)
                slope = slope + rise * both.view_as(f)
            slopes.append(slope)
        return torch.cat(slopes, dim=1), None, None


def _touched(
    place: Tensor, near: Tensor, num_bins: int
) -> Iterator[tuple[Tensor, list[tuple[Tensor, Tensor]]]]:
    """Chunk by chunk how far each value lies beyond a bin, `(B, N)`, and which bins it touches.

    Four pairs of places in the flat histogram, one pair for each weight of `_cubic`; the two of a
    pair differ where `near` lies half-way between two bins.
    """
    case = torch.arange(len(place), dtype=torch.int32, device=place.device)[:, None]
    for p, t in zip(place.split(_VOXELS, dim=1), near.split(_VOXELS, dim=1), strict=True):
        low, left = p.detach().floor(), t.floor()
        first = (case * num_bins + low.int() - 1) * num_bins
        columns = [
            (first + (left + up)).int().flatten() for up in (t - left > 0.5, t - left >= 0.5)
        ]
        bins = [(columns[0] + tap * num_bins, columns[1] + tap * num_bins) for tap in range(4)]
        yield p - low, bins


def _place(values: Tensor, num_bins: int) -> Tensor:
    """Where each value lies among the bins, from 2 to num_bins − 3."""
    low, high = values.min(), values.max()
    width = (high - low) / (num_bins - 4)
    return (values / width - (low / width - 2)).clamp(2, num_bins - 3)


def _cubic(f: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The cubic B-spline at a value f beyond a bin: in the bin before, that one, the next two."""
    g = 1 - f
    return g**3 / 6, (4 - 6 * f**2 + 3 * f**3) / 6, (4 - 6 * g**2 + 3 * g**3) / 6, f**3 / 6


def _cubic_slope(f: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How the four weights change with f."""
    g = 1 - f
    return -(g**2) / 2, (3 * f - 4) * f / 2, (4 - 3 * g) * g / 2, f**2 / 2
