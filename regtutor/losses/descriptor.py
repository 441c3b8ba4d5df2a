"""How alike two images of different kinds are, by what surrounds each voxel: MIND-SSC.

    D_ij(x) = exp( −(S_ij(x) − min S(x)) / V(x) ),   S_ij(x) = Σ over a patch (I(x+i) − I(x+j))²
    loss    = mean of (D(pred) − D(target))²

i and j are two neighbours of x along different axes, V the mean of S over the pairs: D says between
which of them the image changes, not how bright it is. MR and ultrasound share no intensity, but
the gland's rim. Source: Heinrich et al., "Towards realtime multimodal fusion for image-guided
interventions using self-similarities", MICCAI 2013. Taught in notebook 12.

Convention: `loss(pred, target)`, lower is better, images `(B, C, *spatial)`.
"""

from __future__ import annotations

from itertools import combinations, product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.checks import (
    require_batch,
    require_choice,
    require_count,
    require_finite,
    require_same_shape,
)
from regtutor.filters import window_sum
from regtutor.losses.reduction import REDUCTIONS, as_mask, reduce


def self_similarity(image: Tensor, radius: int = 1, distance: int = 2) -> Tensor:
    """Which neighbours of a voxel look alike: MIND-SSC.

    Args:
        image: `(B, C, *spatial)`; channels are described one by one.
        radius: of the patch in which two neighbours are compared, voxels.
        distance: of the neighbours from the voxel, voxels.

    Returns:
        `(B, C·P, *spatial)` in [0, 1], P pairs of neighbours: 4 in 2-D, 12 in 3-D.
    """
    require_batch("image", image)
    require_count("radius", radius)
    require_count("distance", distance)
    axes = range(2, image.ndim)
    padded = F.pad(image, [distance + radius] * (2 * len(axes)), mode="replicate")

    def seen_from(steps: dict[int, int]) -> Tensor:
        """The image so many voxels further along some axes, a patch's radius around it."""
        view = padded
        for axis in axes:
            view = view.narrow(axis, distance + steps.get(axis, 0), image.shape[axis] + 2 * radius)
        return view

    patch = [1.0] * (2 * radius + 1)
    apart = []
    for a, b in combinations(axes, 2):
        for i, j in product((-distance, distance), repeat=2):
            difference = seen_from({a: i}) - seen_from({b: j})
            apart.append(window_sum(difference * difference, patch))
    distances = torch.stack(apart, dim=2)  # (B, C, P, *spatial)
    distances = distances - distances.amin(dim=2, keepdim=True)
    scale = distances.mean(dim=2, keepdim=True)
    typical = scale.detach().mean()  # flat patches have no scale of their own
    scale = scale.clamp(min=1e-3 * typical + 1e-12, max=1e3 * typical + 1e-12)
    return torch.exp(-distances / scale).flatten(1, 2)


class SelfSimilarityLoss(nn.Module):
    """The mean squared difference of two images' MIND-SSC: for images of two kinds.

    From 0 (the same edges everywhere) to 1. Blind to brightness and contrast, and to which side of
    an edge is bright.

    Args:
        radius, distance: of patch and neighbours, as in `self_similarity`.
        reduction: "mean", "sum", or "none": `(B, C·P, *spatial)`.

    Raises:
        ValueError: an unknown reduction, a radius or distance below 1.
    """

    def __init__(self, radius: int = 1, distance: int = 2, reduction: str = "mean") -> None:
        super().__init__()
        require_count("radius", radius)
        require_count("distance", distance)
        require_choice("reduction", reduction, REDUCTIONS)
        self.radius = radius
        self.distance = distance
        self.reduction = reduction

    def forward(self, pred: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """`pred`, `target`: `(B, C, *spatial)` → a scalar; gradients to both.

        Args:
            mask: `(B, 1, *spatial)`, 0 where nothing counts.

        Raises:
            ValueError: different shapes, NaN, an empty mask.
        """
        for name, image in (("pred", pred), ("target", target)):
            require_batch(name, image)
            require_finite(name, image)
        require_same_shape("target", target, "pred", pred)
        described = (self_similarity(image, self.radius, self.distance) for image in (pred, target))
        difference = torch.sub(*described)
        inside = None if mask is None else as_mask(mask, pred)
        return reduce(difference * difference, self.reduction, inside)
