"""How far two segmentations overlap: the Dice score.

    Dice = 2 |pred ∩ truth| / (|pred| + |truth|)

Source: Dice, "Measures of the amount of ecologic association between species", Ecology 26(3), 1945.
The numbers are MONAI's. Taught in notebook 10.

Convention: labels `(B, C, *spatial)`: 0 and 1, one structure a channel, or a label map (C = 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from regtutor.checks import require, require_count
from regtutor.metrics.scores import Scores, require_label_pair, slabs


class DiceMetric(Scores):
    """The Dice score of hard labels: 1 the same, 0 no voxel in common.

    Blind to where the difference is: a thin rim all round and a missing lobe may score the same,
    and a field may fold at will inside an organ. Small structures score lower at the same error.

    Args:
        include_background: count channel (or label) 0; a single channel always counts.
        reduction: "mean", "sum", "mean_batch", "sum_batch", "mean_channel", "sum_channel", "none".
        get_not_nans: `aggregate` also returns how many scores counted.
        ignore_empty: an empty truth is NaN, not counted; else 1 if the prediction is empty too
            and 0 if not.
        num_classes: how many labels a label map holds, 0 included.
        return_with_label: `aggregate` returns a dict by label, "label_1" or these names, rounded
            to 4 digits; with "mean_batch" only.
        per_component, ignore_index: kept for their places in MONAI's signature.

    Raises:
        ValueError: an unknown name, or an option that is not offered.
    """

    def __init__(
        self,
        include_background: bool = True,
        reduction: str = "mean",
        get_not_nans: bool = False,
        ignore_empty: bool = True,
        num_classes: int | None = None,
        return_with_label: bool | Sequence[str] = False,
        per_component: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(reduction, get_not_nans)
        if num_classes is not None:
            require_count("num_classes", num_classes)
        labelled = not return_with_label or reduction == "mean_batch"
        require(labelled, "reduction", "'mean_batch' for return_with_label", repr(reduction))
        ask = "Label the components and score them with num_classes."
        require(not per_component, "per_component", "False", per_component, ask)
        ask = "Set those voxels to 0 in y_pred and y."
        require(ignore_index is None, "ignore_index", "None", ignore_index, ask)
        self.include_background = include_background
        self.ignore_empty = ignore_empty
        self.num_classes = num_classes
        self.return_with_label = return_with_label

    def __call__(self, y_pred: Tensor, y: Tensor) -> Tensor:
        """Score a batch, and keep the scores.

        Args:
            y_pred, y: `(B, C, *spatial)`, 0 and 1; or either a label map `(B, 1, *spatial)` of
                `num_classes` (or the other's C) labels.

        Returns:
            `(B, C)`, without the background if it does not count.

        Raises:
            ValueError: different grids, or labels beyond what is declared.

        Warns:
            UserWarning: values between 0 and 1, once. The number is MONAI's: in a label map only
                an exact 1 counts, among channels anything above 0.
        """
        require_label_pair(y_pred, y)
        count = self.num_classes or y_pred.shape[1]
        whole = [self._are_whole("y_pred", y_pred, count), self._are_whole("y", y, count)]
        counts = []
        for p, t in zip(slabs(y_pred.detach()), slabs(y.detach()), strict=True):
            pred, truth = self._channels(p, whole[0], count), self._channels(t, whole[1], count)
            if not whole[0]:
                pred = (pred != 0).float()
            counts.append(torch.stack([(pred * truth).sum(-1), pred.sum(-1), truth.sum(-1)]))
        common, in_pred, in_truth = torch.stack(counts).sum(0)
        dice = 2.0 * common / (in_truth + in_pred)  # (B, C)
        empty = (in_pred == 0).float()
        if self.ignore_empty:
            empty = torch.full_like(empty, torch.nan)
        return self._keep(torch.where(in_truth > 0, dice, empty))

    def aggregate(self, reduction: str | None = None) -> Any:
        """The kept scores reduced: a tensor; a pair with `get_not_nans`; a dict by label.

        Raises:
            ValueError: nothing is kept, or an unknown reduction.
        """
        result = super().aggregate(reduction)
        if not self.return_with_label:
            return result
        scores = result[0] if self.get_not_nans else result
        first = 0 if self.include_background else 1
        names = self.return_with_label
        if names is True:
            names = [f"label_{first + i}" for i in range(len(scores))]
        named = {name: round(score.item(), 4) for name, score in zip(names, scores, strict=True)}
        return (named, result[1]) if self.get_not_nans else named

    def _are_whole(self, name: str, labels: Tensor, count: int) -> bool:
        """Labels, of so many channels or in a map: are they whole numbers?"""
        channels, shape = labels.shape[1], tuple(labels.shape)
        require(channels in (1, count), name, f"1 channel or {count}", shape)
        top = max(count - 1, 1) if channels == 1 else 1
        return self._require_labels(name, labels.detach(), top)

    def _channels(self, labels: Tensor, whole: bool, count: int) -> Tensor:
        """One channel for each label that counts, `(B, C, n)` in float32."""
        first = 0 if self.include_background else 1
        if labels.shape[1] > 1:
            labels = labels[:, first:]
        elif count > 1 or not whole:  # a single channel of 0 and 1 is what it should be
            kept = torch.arange(first, count) if count > 1 else torch.ones(1)
            labels = labels == kept.to(labels).view(1, -1, 1)
        return labels.float()
