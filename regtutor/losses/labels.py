"""How far two segmentations overlap: the soft Dice loss.

    loss = 1 − (2 Σ p t + ε) / (Σ p + Σ t + ε)          for each case and channel

Source: Milletari et al., "V-Net", 3DV 2016. The numbers are MONAI's. Taught in notebook 04.

Convention: probabilities `(B, C, *spatial)` in [0, 1], one structure a channel; lower is better.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.checks import (
    complaint,
    require,
    require_batch,
    require_choice,
    require_same_shape,
    require_tensor,
    require_within,
)
from regtutor.losses.reduction import REDUCTIONS, reduce


class DiceLoss(nn.Module):
    """One minus the overlap of two (soft) segmentations, twice their common part by their sum.

    From 0 (best) to 1. For soft labels the best is above 0: two equal fields of ½ score ½, unless
    `soft_label` or `squared_pred` is set. Blind to how far apart things are that do not overlap,
    and to shape where the overlap is the same; empty against empty is 0.

    Args:
        include_background: count channel 0.
        to_onehot_y: `target` is a label map `(B, 1, *spatial)` of 0, 1, … one less than channels.
        sigmoid, softmax, other_act: what makes probabilities of `input`; at most one of them.
        squared_pred: squares in the denominator.
        jaccard: intersection over union instead.
        reduction: "mean", "sum", or "none": `(B, C, 1, 1[, 1])`.
        smooth_nr, smooth_dr: ε above and below.
        batch: one overlap over the whole batch instead of one a case.
        weight: a factor, or one for each channel that counts.
        soft_label: a form that is 0 for equal soft labels (Wang et al., NeurIPS 2023).
        ignore_index: voxels of `target` with this label count in neither.

    Raises:
        ValueError: an unknown reduction, two activations, a negative weight.
    """

    class_weight: Tensor | None

    def __init__(
        self,
        include_background: bool = True,
        to_onehot_y: bool = False,
        sigmoid: bool = False,
        softmax: bool = False,
        other_act: Callable[[Tensor], Tensor] | None = None,
        squared_pred: bool = False,
        jaccard: bool = False,
        reduction: str = "mean",
        smooth_nr: float = 1e-5,
        smooth_dr: float = 1e-5,
        batch: bool = False,
        weight: Sequence[float] | float | Tensor | None = None,
        soft_label: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__()
        activations = [sigmoid, softmax, other_act is not None]
        require(sum(activations) <= 1, "sigmoid, softmax, other_act", "at most one", activations)
        require(other_act is None or callable(other_act), "other_act", "a function", other_act)
        require_choice("reduction", reduction, REDUCTIONS)
        factors = None if weight is None else torch.as_tensor(weight)
        require(factors is None or bool((factors >= 0).all()), "weight", "factors ≥ 0", weight)
        self.include_background = include_background
        self.to_onehot_y = to_onehot_y
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.other_act = other_act
        self.squared_pred = squared_pred
        self.jaccard = jaccard
        self.reduction = reduction
        self.smooth_nr = smooth_nr
        self.smooth_dr = smooth_dr
        self.batch = batch
        self.soft_label = soft_label
        self.ignore_index = ignore_index
        self.register_buffer("class_weight", factors)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """`input` `(B, C, *spatial)`, `target` the same (or a label map) → a scalar.

        Raises:
            ValueError: different shapes, values that are no probabilities (labels 0 and 255,
                logits without an activation), NaN.

        Warns:
            UserWarning: an option that chooses among channels meets a single one: it is ignored.
        """
        require_batch("input", input)
        require_tensor("target", target)
        pred = self._activated(input)
        if self._several("to_onehot_y", self.to_onehot_y, pred):
            truth = one_hot(target, pred.shape[1], self.ignore_index).to(pred)
        else:
            truth = target.to(pred)
        require_same_shape("target", truth, "input", pred)
        if self.ignore_index is not None:
            counts = _counting(target.to(pred), self.ignore_index).to(pred)
            pred, truth = pred * counts, truth * counts
        if self._several("include_background=False", not self.include_background, pred):
            pred, truth = pred[:, 1:], truth[:, 1:]
        if self.other_act is None:  # what a function of the caller's own gives is the caller's
            require_within("input", pred, 0, 1, "Logits? Set sigmoid=True or softmax=True.")
        require_within("target", truth, 0, 1, "A label map? Set to_onehot_y=True, or use y == k.")
        loss = self._weighted(1 - self._overlap(pred, truth), truth)
        return reduce(loss.view(*loss.shape, *[1] * (pred.ndim - 2)), self.reduction)

    def _activated(self, input: Tensor) -> Tensor:
        if self.sigmoid:
            return torch.sigmoid(input)
        if self._several("softmax", self.softmax, input):
            return torch.softmax(input, dim=1)
        return input if self.other_act is None else self.other_act(input)

    def _overlap(self, pred: Tensor, truth: Tensor) -> Tensor:
        """Dice or Jaccard: `(B, C)`, or `(C,)` over the whole batch."""
        axes = list(range(2, pred.ndim))
        if self.batch:
            axes = [0, *axes]
        if self.squared_pred or self.soft_label:
            power = 2 if self.squared_pred else 1
            sums = [x.abs().pow(power).sum(axes) for x in (pred, truth, pred - truth)]
            pred_sum, truth_sum, apart = sums
            both = (pred_sum + truth_sum - apart) / 2  # |p| + |t| − |p − t| is 2 min(p, t)
        else:
            both = (pred * truth).sum(axes)
            pred_sum, truth_sum = pred.sum(axes), truth.sum(axes)
        share = 1.0 if self.jaccard else 0.5
        pred_only, truth_only = share * (pred_sum - both), share * (truth_sum - both)
        above = 2 * both + self.smooth_nr
        return above / (2 * (both + pred_only + truth_only) + self.smooth_dr)

    def _weighted(self, loss: Tensor, truth: Tensor) -> Tensor:
        if self.class_weight is None or not self._several("weight", True, truth):
            return loss
        channels = truth.shape[1]
        require(
            self.class_weight.ndim == 0 or len(self.class_weight) == channels,
            "weight",
            f"one factor or {channels}, one for each channel that counts",
            tuple(self.class_weight.shape),
        )
        return loss * self.class_weight.to(loss)

    def _several(self, option: str, is_set: bool, channels: Tensor) -> bool:
        """Whether an option holds that chooses among the channels of a tensor."""
        if is_set and channels.shape[1] == 1:
            warnings.warn(
                complaint(option, "several channels", "one", "It is ignored."), stacklevel=4
            )
        return is_set and channels.shape[1] > 1


def one_hot(labels: Tensor, num_classes: int, ignore_index: int | None = None) -> Tensor:
    """A label map `(B, 1, *spatial)` as one channel a label: `(B, num_classes, *spatial)`.

    Raises:
        ValueError: more than one channel, or labels that are not 0, 1, … num_classes − 1.

    >>> one_hot(torch.tensor([[[[0, 2]]]]), num_classes=3).squeeze()
    tensor([[1, 0],
            [0, 0],
            [0, 1]])
    """
    require(labels.shape[1] == 1, "target", "a label map (B, 1, *spatial)", tuple(labels.shape))
    if ignore_index is not None and not 0 <= ignore_index < num_classes:
        labels = torch.where(labels == ignore_index, torch.zeros_like(labels), labels)
    whole = labels.long()
    good = bool((whole == labels).all()) and 0 <= int(whole.min()) <= int(whole.max()) < num_classes
    require(good, "target", f"whole numbers from 0 to {num_classes - 1}", "others")
    return F.one_hot(whole[:, 0], num_classes).movedim(-1, 1)


def _counting(target: Tensor, ignore_index: int) -> Tensor:
    """Which voxels count: `(B, 1, *spatial)`. In one-hot form an ignored voxel of a label that is
    no channel is one with all channels 0."""
    if target.shape[1] == 1:
        return target != ignore_index
    if 0 <= ignore_index < target.shape[1]:
        return 1 - target[:, ignore_index : ignore_index + 1]
    return target.sum(dim=1, keepdim=True) > 0
