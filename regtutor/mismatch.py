"""What of one pair is compared, on any grid from coarse to fine: images, labels, landmarks.

    terms = {"image": image_loss, "label": 1 − Dice, "points": 0.1 · mean |x + ddf(x) − y|}

`instance.register` makes their sum small. Taught in notebook 05.

Convention: everything on the fixed grid, points in its voxels; a coarser grid has the same faces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.checks import (
    require,
    require_batch,
    require_finite,
    require_grid,
    require_same_shape,
    require_tensor,
    require_within,
)
from regtutor.deformation import move_points
from regtutor.deformation.warp import axis_counts, warp
from regtutor.losses import DiceLoss
from regtutor.losses.reduction import as_mask

ImageLoss = Callable[[Tensor, Tensor, Tensor], Tensor]  # (warped, fixed, mask) → a scalar
Terms = dict[str, Tensor]

POINT_WEIGHT = 0.1  # ten voxels of mean distance weigh as much as a Dice of 0


@dataclass(frozen=True)
class Pair:
    """Two images and what is known of them.

    Attributes:
        fixed, moving: `(1, C, *spatial)`, in [0, 1].
        fixed_label, moving_label: `(1, K, *spatial)`, in [0, 1].
        fixed_points, moving_points: `(1, N, d)`, voxels, row by row.
        mask: `(1, 1, *spatial)`, 0 where the images do not count.
    """

    fixed: Tensor
    moving: Tensor
    fixed_label: Tensor | None = None
    moving_label: Tensor | None = None
    fixed_points: Tensor | None = None
    moving_points: Tensor | None = None
    mask: Tensor | None = None

    def check(self) -> None:
        """Ask once whether all of it fits.

        Raises:
            ValueError: shapes or grids differ, values are not finite or not in [0, 1], one of two
                labels or point sets is missing, the mask is empty.
        """
        for name in ("fixed", "moving", "fixed_label", "moving_label"):
            image = getattr(self, name)
            if image is None and name.endswith("label"):
                continue
            require_batch(name, image)
            require(len(image) == 1, name, "one case, (1, C, *spatial)", tuple(image.shape))
            require_grid(name, image, self.fixed)
            require_within(name, image, 0, 1, "Scale it with ScaleIntensityRanged.")
        require_same_shape("moving", self.moving, "fixed", self.fixed)
        if self.mask is not None:
            as_mask(self.mask, self.fixed)
        for fixed, moving in (("fixed_label", "moving_label"), ("fixed_points", "moving_points")):
            one, other = getattr(self, fixed), getattr(self, moving)
            if one is not None or other is not None:
                require_tensor(fixed, one)
                require_tensor(moving, other)
                require_same_shape(moving, other, fixed, one)
        if self.fixed_points is not None and self.moving_points is not None:
            shape, d = tuple(self.fixed_points.shape), len(self.size)
            fits = shape[::2] == (1, d) and len(shape) == 3
            require(fits, "fixed_points", f"(1, N, {d})", shape)
            require_finite("fixed_points", self.fixed_points)
            require_finite("moving_points", self.moving_points)

    @property
    def size(self) -> torch.Size:
        """The grid."""
        return self.fixed.shape[2:]

    def at(self, shrink: int) -> Pair:
        """The same on a grid of 1/shrink, each voxel the mean of those that it covers."""
        if shrink == 1:
            return self
        size = [-(-n // shrink) for n in self.size]
        factor = torch.tensor([new / n for new, n in zip(size, self.size, strict=True)])

        def smaller(tensor: Tensor | None) -> Any:
            if tensor is None:
                return None
            if tensor.ndim == 3:  # points; a voxel's centre is half a voxel from its face
                return (tensor + 0.5) * factor.to(tensor) - 0.5
            return F.interpolate(tensor, size=size, mode="area")

        return Pair(**{name: smaller(tensor) for name, tensor in vars(self).items()})


def mismatch(pair: Pair, ddf: Tensor, image_loss: ImageLoss) -> Terms:
    """How far the pair is from matching under a field: one term for each thing that is known.

    Args:
        ddf: `(1, d, *spatial)`, voxels.
        image_loss: sees only what lies in the pair's mask and is read within the moving image.

    Returns:
        "image", and "label" and "points" where there are any; lower is better.
    """
    layers = [pair.moving] if pair.moving_label is None else [pair.moving, pair.moving_label]
    warped = warp(torch.cat(layers, dim=1), ddf)  # one sampling serves image and label
    image, label = warped.tensor_split([pair.moving.shape[1]], dim=1)
    seen = inside(ddf) if pair.mask is None else inside(ddf) * (pair.mask > 0)
    terms = {"image": image_loss(image, pair.fixed, seen)}
    if pair.fixed_label is not None:
        terms["label"] = DiceLoss()(label, pair.fixed_label)
    if pair.fixed_points is not None and pair.moving_points is not None:
        apart = move_points(pair.fixed_points, ddf) - pair.moving_points
        distance = (apart.square().sum(dim=-1) + 1e-6).sqrt()  # smooth where a point has arrived
        terms["points"] = POINT_WEIGHT * distance.mean()
    return terms


def inside(ddf: Tensor) -> Tensor:
    """1 where a field reads within the image, 0 where it reads beyond: `(B, 1, *spatial)`."""
    seen = torch.ones_like(ddf[:, :1], dtype=torch.bool)
    with torch.no_grad():
        for axis, count in enumerate(axis_counts(ddf.shape[2:], like=ddf)):
            place = count + ddf[:, axis]
            seen[:, 0] &= (place >= -0.5) & (place <= ddf.shape[2 + axis] - 0.5)
    return seen.to(ddf)
