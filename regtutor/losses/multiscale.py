"""A loss at several scales: blur both, compare, and average over the blurs.

    loss = mean over σ of loss( G_σ * pred, G_σ * target )

Two small organs that do not touch have no gradient towards each other. Blurred, they touch; the
mean over several blurs keeps the detail of the sharp ones. Source: Hu et al., "Weakly-supervised
convolutional neural networks for multimodal image registration", Medical Image Analysis 49, 2018.
The numbers are MONAI's. Taught in notebook 04.

Convention: σ in voxels; zeros beyond the border; lower is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from regtutor.checks import require, require_batch, require_choice, require_same_shape
from regtutor.filters import cauchy_kernel, filter_axes, gaussian_kernel
from regtutor.losses.reduction import REDUCTIONS, reduce

KERNELS = {"gaussian": gaussian_kernel, "cauchy": cauchy_kernel}


class MultiScaleLoss(nn.Module):
    """Another loss of both images blurred, averaged over several blurs.

    Range and best value are those of the loss inside, for soft images: with `DiceLoss` the best is
    above 0 (identical balls: about 0.5 with scales 0 to 16), because soft Dice is; with an
    `MSELoss` it is 0. Blind to what all its blurs remove; 0 among the scales keeps the detail.

    Args:
        loss: anything called as `loss(pred, target)`.
        scales: σ of each blur, voxels; 0 is the image as it is. None: the loss alone.
        kernel: "gaussian" or "cauchy".
        reduction: of the scales' values: "mean", "sum", or "none": `(len(scales), …)`.
        pred_first: take `(pred, target)`, as every other loss does. MONAI takes `(y_true,
            y_pred)`, which goes unnoticed with a symmetric loss.

    Raises:
        ValueError: no scales, a negative one, an unknown name.
    """

    def __init__(
        self,
        loss: Callable[[Tensor, Tensor], Tensor],
        scales: Sequence[float] | None = None,
        kernel: str = "gaussian",
        reduction: str = "mean",
        *,
        pred_first: bool = False,
    ) -> None:
        super().__init__()
        require(callable(loss), "loss", "a function of (pred, target)", loss)
        sigmas = [-1.0] if not isinstance(scales, Iterable) else list(scales) or [-1.0]
        good = scales is None or all(0 <= sigma < float("inf") for sigma in sigmas)
        require(good, "scales", "None or numbers ≥ 0, at least one", scales)
        require_choice("kernel", kernel, KERNELS)
        require_choice("reduction", reduction, REDUCTIONS)
        self.loss = loss
        self.scales = scales
        self.kernel = kernel
        self.reduction = reduction
        self.pred_first = pred_first

    def forward(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """`y_true`, then `y_pred`, `(B, C, *spatial)` → a scalar; gradients to both.

        Raises:
            ValueError: different shapes, or what the loss inside refuses.
        """
        target, pred = (y_pred, y_true) if self.pred_first else (y_true, y_pred)
        require_batch("y_true", y_true)
        require_batch("y_pred", y_pred)
        require_same_shape("y_true", y_true, "y_pred", y_pred)
        if self.scales is None:
            return reduce(self.loss(pred, target), self.reduction)
        values = [
            self.loss(self._blurred(pred, sigma), self._blurred(target, sigma))
            for sigma in self.scales
        ]
        return reduce(torch.stack(values), self.reduction)

    def _blurred(self, image: Tensor, sigma: float) -> Tensor:
        return image if sigma == 0 else filter_axes(image, KERNELS[self.kernel](sigma))
