"""How alike two images are, patch by patch: local normalised cross-correlation.

    loss = −mean over windows of  cov(pred, target)² / (var(pred) · var(target))

Window sums come from a separable filter, `cov = S(pt) − S(p) S(t) / n`. Source: Avants et al.,
"Symmetric diffeomorphic image registration with cross-correlation", Medical Image Analysis 12(1),
2008. The numbers are MONAI's. Taught in notebook 04; for images of two kinds see `information`.

Convention: `loss(pred, target)`, lower is better, images `(B, C, *spatial)`, best in [0, 1].
"""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.checks import (
    complaint,
    require,
    require_batch,
    require_choice,
    require_count,
    require_finite,
    require_same_shape,
)
from regtutor.filters import window_sum
from regtutor.losses.correlation import SquaredCorrelation
from regtutor.losses.reduction import REDUCTIONS, as_mask, reduce

WINDOWS = ("rectangular", "triangular", "gaussian")


def window(kernel_type: str, size: int) -> list[float]:
    """The `size` weights of a window along one axis, as MONAI has them.

    >>> [round(9 * weight) for weight in window("triangular", 5)]
    [1, 2, 3, 2, 1]
    """
    places = range(-(size // 2), size // 2 + 1)
    if kernel_type == "rectangular":
        return [1.0 for _ in places]
    if kernel_type == "gaussian":
        return [math.exp(-0.5 * (x / (size / 3)) ** 2) for x in places]
    box = (size + 1) // 2
    box -= 1 - box % 2  # MONAI's triangle is an odd box over itself: 7 is 5 between two zeros
    return [max(box - abs(x), 0) / box**2 for x in places]


class MSELoss(nn.MSELoss):
    """torch's mean squared difference, but it takes a mask: for images of one kind and scale."""

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """`pred`, `target`: `(B, C, *spatial)` → a scalar; gradients to both.

        Args:
            mask: `(B, 1, *spatial)`, 0 where nothing counts.

        Raises:
            ValueError: different shapes, an empty mask.
        """
        require_same_shape("target", target, "pred", pred)
        inside = None if mask is None else as_mask(mask, pred)
        return reduce((pred - target).square(), self.reduction, inside)


class LocalNormalizedCrossCorrelationLoss(nn.Module):
    """Minus the squared correlation under a sliding window, averaged over the windows.

    From −1 (best: within each window one image is a linear function of the other) to 0. Blind to
    brightness and contrast that change slowly, and, being squared, to which is bright and which
    is dark. Windows with a variance below `smooth_dr` count as flat and score about 0, so scale
    images to [0, 1] first.

    Args:
        spatial_dims: 2 or 3.
        kernel_size: the window's side, voxels; odd, at least 3.
        kernel_type: "rectangular", "triangular" or "gaussian" (σ a third of the side).
        reduction: "mean", "sum", or "none": `(B, C, *spatial)`.
        smooth_nr: added to the numerator.
        smooth_dr: the least a window's summed squares about its mean may be.
        valid_window: at the border, count only the voxels under the window. MONAI counts zeros
            beyond the image as well, so that there even two unrelated images look alike: two
            different constants score −0.7 on 24³ voxels with a window of 9. Not by default.

    Raises:
        ValueError: an even or too small window, an unknown name.

    Warns:
        UserWarning: a triangular window of 3, which is a single voxel: the loss is always 0.
    """

    def __init__(
        self,
        spatial_dims: int = 3,
        kernel_size: int = 3,
        kernel_type: str = "rectangular",
        reduction: str = "mean",
        smooth_nr: float = 0.0,
        smooth_dr: float = 1e-5,
        *,
        valid_window: bool = False,
    ) -> None:
        super().__init__()
        require_choice("spatial_dims", spatial_dims, (2, 3))
        require_count("kernel_size", kernel_size, least=3)
        require(kernel_size % 2 == 1, "kernel_size", "an odd number", kernel_size)
        require_choice("kernel_type", kernel_type, WINDOWS)
        require_choice("reduction", reduction, REDUCTIONS)
        if kernel_type == "triangular" and kernel_size == 3:
            remedy = "This window is [0, 1, 0]: the loss is 0 for any images and teaches nothing."
            warnings.warn(complaint("kernel_size", "5 or more", 3, remedy), stacklevel=2)
        self.spatial_dims = spatial_dims
        self.window = window(kernel_type, kernel_size)
        self.reduction = reduction
        self.smooth_nr = smooth_nr
        self.smooth_dr = smooth_dr
        self.valid_window = valid_window

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """`pred`, `target`: `(B, C, *spatial)` → a scalar; gradients to both.

        Args:
            mask: `(B, 1, *spatial)`, 0 where nothing counts: not in a window, not in the mean.

        Raises:
            ValueError: other spatial dimensions, different shapes, NaN, an empty mask.
        """
        for name, image in (("pred", pred), ("target", target)):
            require_batch(name, image, self.spatial_dims)
            require_finite(name, image)
        require_same_shape("target", target, "pred", pred)
        inside = None if mask is None else as_mask(mask, pred)
        if self.valid_window and inside is None:
            inside = torch.ones_like(pred[:1, :1])
        p, t = self._padded(pred, inside), self._padded(target, inside)
        sums = [window_sum(image, self.window) for image in (p, t, p * p, t * t, p * t)]
        given = *sums, self._weight(inside), self.smooth_nr, self.smooth_dr
        squared = SquaredCorrelation.apply(*given)  # of each window
        return -reduce(squared, self.reduction, None if mask is None else inside)

    def _padded(self, image: Tensor, inside: Tensor | None) -> Tensor:
        """The image about its own mean, with half a window more on every side.

        Correlation does not change with the mean, but differences of large squares drown in
        rounding: at an offset of 10 and a contrast of 0.01 MONAI's loss is −82.
        """
        axes = tuple(range(2, image.ndim))
        margin = [len(self.window) // 2] * (2 * self.spatial_dims)
        if inside is not None:
            total, count = (image.detach() * inside).sum(axes, True), inside.sum(axes, True)
            return F.pad((image - total / count) * inside, margin)
        mean = image.detach().mean(axes, True)
        return F.pad(image, margin) - mean  # MONAI's zeros beyond the image lie below the mean

    def _weight(self, inside: Tensor | None) -> Tensor | float:
        """The sum of the window's weights, or of those that lie on voxels that count."""
        if inside is None:
            return sum(self.window) ** self.spatial_dims
        margin = [len(self.window) // 2] * (2 * self.spatial_dims)
        return window_sum(F.pad(inside, margin), self.window).clamp(min=min(self.window))
