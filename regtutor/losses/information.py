"""How much one image tells about another: mutual information, for images of two kinds.

    MI = Σ_ab p(a, b) log( p(a, b) / (p(a) p(b)) ),    loss = −MI

p(a, b) is the joint histogram of the two images' values. So that it has a gradient, each voxel
counts a little in several bins (`histograms`). Sources: Viola & Wells, IJCV 24(2), 1997; Mattes et
al., IEEE TMI 22(1), 2003. The numbers are MONAI's. Taught in notebook 04.

Convention: `loss(pred, target)`, lower is better; channels count as further voxels.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from regtutor.checks import (
    require,
    require_batch,
    require_choice,
    require_count,
    require_finite,
    require_same_shape,
    require_within,
)
from regtutor.losses.histograms import gaussian_histogram, spline_histogram
from regtutor.losses.reduction import REDUCTIONS, as_mask, reduce

PARZEN_WINDOWS = ("gaussian", "b-spline")


class GlobalMutualInformationLoss(nn.Module):
    """Minus the mutual information of two images, in nats.

    Lower is better; 0 for images that tell nothing of each other. The best value depends on the
    image and grows with the bins: an image against itself gives about −2 with 23 bins, never −1,
    so look at differences. Blind to any relabelling of the intensities, and to where things are:
    the same pairs of values in another order score the same.

    Args:
        kernel_type: "gaussian", for images in [0, 1]; or "b-spline", which takes its range from
            the batch, counts `pred` by a cubic spline and `target` by the nearest bin (so that
            `target` has no gradient).
        num_bins: bins along each image's axis of the histogram.
        sigma_ratio: the Gaussian's σ in bins.
        reduction: "mean", "sum", or "none": `(B,)`.
        smooth_nr, smooth_dr: added to numerator and denominator within the logarithm.

    Raises:
        ValueError: an unknown name, fewer than 2 bins (6 for "b-spline": four are its margin).
    """

    def __init__(
        self,
        kernel_type: str = "gaussian",
        num_bins: int = 23,
        sigma_ratio: float = 0.5,
        reduction: str = "mean",
        smooth_nr: float = 1e-7,
        smooth_dr: float = 1e-7,
    ) -> None:
        super().__init__()
        require_choice("kernel_type", kernel_type, PARZEN_WINDOWS)
        require_count("num_bins", num_bins, least=2 if kernel_type == "gaussian" else 6)
        require(sigma_ratio > 0, "sigma_ratio", "a number > 0", sigma_ratio)
        require_choice("reduction", reduction, REDUCTIONS)
        self.kernel_type = kernel_type
        self.num_bins = num_bins
        self.sigma_ratio = sigma_ratio
        self.reduction = reduction
        self.smooth_nr = smooth_nr
        self.smooth_dr = smooth_dr

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """`pred`, `target`: `(B, C, *spatial)` → a scalar; gradients to both if "gaussian".

        Args:
            mask: `(B, 1, *spatial)`, 0 where nothing counts.

        Raises:
            ValueError: different shapes, NaN, an empty mask; for "gaussian" another scale than
                [0, 1] (HU), for "b-spline" a constant image.
        """
        for name, image in (("pred", pred), ("target", target)):
            require_batch(name, image)
            self._require_values(name, image)
        require_same_shape("target", target, "pred", pred)
        joint = self._joint(pred, target, mask)  # (B, num_bins, num_bins)
        apart = joint.sum(dim=2, keepdim=True) * joint.sum(dim=1, keepdim=True)
        ratio = (joint + self.smooth_nr) / (apart + self.smooth_dr)
        information = (joint * torch.log(ratio + self.smooth_dr)).sum(dim=(1, 2))
        return reduce(-information, self.reduction)

    def _require_values(self, name: str, image: Tensor) -> None:
        if self.kernel_type == "gaussian":
            remedy = "Scale it with ScaleIntensityRanged, or use kernel_type='b-spline'."
            require_within(name, image, 0, 1, remedy)
            return
        require_finite(name, image)
        first = image.flatten()[0]
        constant = bool((image == first).all())
        require(not constant, name, "an image with contrast", f"{first.item():g} everywhere")

    def _joint(self, pred: Tensor, target: Tensor, mask: Tensor | None) -> Tensor:
        """One histogram a case, of its voxels within the mask."""
        if mask is None:
            return self._histogram(pred.flatten(1), target.flatten(1))
        cases = zip(pred, target, as_mask(mask, pred).expand_as(pred) > 0, strict=True)
        return torch.cat(
            [self._histogram(p[inside][None], t[inside][None]) for p, t, inside in cases]
        )

    def _histogram(self, pred: Tensor, target: Tensor) -> Tensor:
        if self.kernel_type == "gaussian":
            return gaussian_histogram(pred, target, self.num_bins, self.sigma_ratio)
        if target.requires_grad:
            warnings.warn(
                "GlobalMutualInformationLoss('b-spline') counts target by its nearest bin: it gets "
                "no gradient. Put the image that moves first, or use 'gaussian'.",
                stacklevel=3,
            )
        return spline_histogram(pred, target, self.num_bins)
