"""What the metrics on labels share: scores kept over the batches of an epoch, then one number.

    metric(y_pred, y)          # (B, C), and kept
    metric.aggregate()         # over all that was kept
    metric.reset()             # before the next epoch, or its cases join the old ones

A score that cannot be had (nothing to find) is NaN and does not count. The numbers are MONAI's.
Taught in notebook 08.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from regtutor.checks import complaint, require, require_choice

# Which axes of (cases, channels) a reduction runs over; "mean" goes by each case's own mean.
AXES: dict[str, tuple[int, ...]] = {
    "none": (),
    "mean": (1, 0),
    "sum": (1, 0),
    "mean_batch": (0,),
    "sum_batch": (0,),
    "mean_channel": (1,),
    "sum_channel": (1,),
}


SLAB = 2**18  # voxels


def slabs(labels: Tensor) -> tuple[Tensor, ...]:
    """Labels in pieces `(B, C, n)` that fit in the processor's cache.

    What is asked of a piece is asked while it is there, and no intermediate is as large as the
    labels: with three channels of 192³ that is three times as fast.
    """
    return labels.flatten(2).split(SLAB, dim=-1)


def survey(labels: Tensor) -> tuple[float, float, bool]:
    """The lowest value, the highest, and whether all are whole numbers; NaN if one of them is.

    >>> survey(torch.tensor([[[0.0, 1.0, 0.5]]]))
    (0.0, 1.0, False)
    """
    extremes, rests = [], []
    for part in labels.flatten().split(SLAB):
        extremes.append(torch.stack(torch.aminmax(part)))
        if labels.is_floating_point():
            rests.append(part.frac().sum())  # of numbers that are not below 0: 0 if each is 0
    low, high = torch.stack(extremes).aminmax(dim=0)
    least, most = float(low[0]), float(high[1])
    return least, most, not rests or (least >= 0 and not bool(torch.stack(rests).any()))


def reduce_scores(scores: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """Reduce what is not NaN.

    Args:
        scores: `(N, C)`.
        reduction: "mean_batch" leaves one number a channel `(C,)`, "mean_channel" one a case
            `(N,)`, "mean" one in all `(1,)`; sums alike, but "sum" is a scalar; "none" all.

    Returns:
        The result, and how many scores went into it (for "mean": how many cases).

    Warns:
        UserWarning: nothing went into a mean: it is 0 then, as in MONAI.

    >>> reduce_scores(torch.tensor([[1.0, 0.5], [1.0, torch.nan]]), "mean")
    (tensor([0.8750]), tensor(2.))
    """
    counts = ~scores.isnan()
    if reduction == "none":
        return scores, counts.float()
    combine = torch.nanmean if reduction.startswith("mean") else torch.nansum
    value, count = scores, counts.float()
    for axis in AXES[reduction]:
        value, count = combine(value, dim=axis), count.sum(dim=axis)
    if reduction == "mean":
        value, count = value.reshape(1), counts.any(dim=1).sum().float()
    if value.isnan().any():
        remedy = "A mean over none is given as 0: look for empty labels before believing it."
        warnings.warn(complaint("scores", "one that is not NaN", "none", remedy), stacklevel=3)
    return torch.where(value.isnan(), 0.0, value), count


class Scores:
    """The scores of one epoch, case by case.

    Args:
        reduction: as in `reduce_scores`.
        get_not_nans: `aggregate` also returns how many scores counted.
    """

    def __init__(self, reduction: str = "mean", get_not_nans: bool = False) -> None:
        require_choice("reduction", reduction, AXES)
        self.reduction = reduction
        self.get_not_nans = get_not_nans
        self._kept: list[Tensor] = []
        self._has_warned = False

    def __len__(self) -> int:
        """How many cases are kept."""
        return sum(map(len, self._kept))

    def reset(self) -> None:
        """Forget all cases."""
        self._kept = []

    def get_buffer(self) -> Tensor | None:
        """All that is kept, `(N, C)`; None if that is nothing."""
        return torch.cat(self._kept) if self._kept else None

    def aggregate(self, reduction: str | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """The kept scores reduced; with `get_not_nans` also how many counted.

        Raises:
            ValueError: nothing is kept, or an unknown reduction.
        """
        scores = self.get_buffer()
        if scores is None:
            remedy = "Call metric(y_pred, y) before aggregate(), and reset() after it."
            raise ValueError(complaint("aggregate", "at least one case", "none", remedy))
        reduction = reduction or self.reduction
        require_choice("reduction", reduction, AXES)
        value, count = reduce_scores(scores, reduction)
        return (value, count) if self.get_not_nans else value

    def _keep(self, scores: Tensor) -> Tensor:
        if self._kept:
            channels = self._kept[0].shape[1]
            require(scores.shape[1] == channels, "channels", channels, scores.shape[1])
        self._kept.append(scores)
        return scores

    def _require_labels(self, name: str, labels: Tensor, top: int) -> bool:
        """Whole numbers from 0 to `top`? Softer ones get a warning, once, and MONAI's number.

        Returns:
            Whether they are whole.
        """
        ask = "Pass num_classes to DiceMetric for a label map, or one label as (y == k).float()."
        low, high, whole = survey(labels)
        rounding = 1e-3  # a label warped by bilinear sampling may end a little above 1
        fits = -rounding <= low and high <= top + rounding
        require(fits, name, f"labels from 0 to {top}", f"values from {low:g} to {high:g}", ask)
        if not (whole or self._has_warned):
            self._has_warned = True
            ask = (
                "A score of soft labels is not the score of the segmentation: cut them first, "
                f"({name} > 0.5).float(), or take {name}.argmax(1, keepdim=True) and num_classes."
            )
            got = "values in between"
            warnings.warn(complaint(name, "0 and 1", got, ask), stacklevel=4)
        return whole


def require_label_pair(y_pred: Tensor, y: Tensor) -> None:
    """Two batches of labels `(B, …, *spatial)` on one grid; any dtype, any number of channels."""
    for name, labels in (("y_pred", y_pred), ("y", y)):
        require(isinstance(labels, Tensor), name, "a tensor", type(labels).__name__)
        shape = tuple(labels.shape)
        require(labels.ndim in (4, 5), name, "(B, C, H, W) or (B, C, H, W, D)", shape)
    same = len(y_pred) == len(y) and y_pred.shape[2:] == y.shape[2:]
    require(same, "y_pred", f"the batch and grid of y, {tuple(y.shape)}", tuple(y_pred.shape))
