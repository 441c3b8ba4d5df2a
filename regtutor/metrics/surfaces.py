"""How far apart two surfaces are, in mm: Hausdorff distance and average surface distance.

    d(a → b) = for each voxel on a's surface, the distance to the nearest one on b's

A surface voxel is one of the mask with a face neighbour outside it (beyond the border is outside).
Source: Huttenlocher et al., IEEE TPAMI 15(9), 1993. The numbers are MONAI's. Taught in notebook 10.

Convention: labels `(B, C, *spatial)`, 0 and 1, one structure a channel; spacing in mm a voxel.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from regtutor.checks import complaint, require, require_choice, require_same_shape
from regtutor.metrics.mapping import spacing_rows
from regtutor.metrics.scores import Scores, require_label_pair

NORMS = {"euclidean": 2.0, "chessboard": np.inf, "taxicab": 1.0}


def surface_points(mask: Tensor, spacing: Tensor) -> np.ndarray:
    """Where the surface of a mask `(*spatial)` is: `(N, d)`, mm."""
    inner = mask.clone()
    for axis, n in enumerate(mask.shape):
        inner.narrow(axis, 1, n - 1).logical_and_(mask.narrow(axis, 0, n - 1))
        inner.narrow(axis, 0, n - 1).logical_and_(mask.narrow(axis, 1, n - 1))
        inner.narrow(axis, 0, 1).fill_(False)
        inner.narrow(axis, n - 1, 1).fill_(False)
    surface = (mask ^ inner).cpu().numpy()
    # By one number a voxel and back: a tenth of the time of argwhere.
    places = np.unravel_index(np.flatnonzero(surface), surface.shape)
    return np.stack(places, axis=1) * spacing.numpy()


def distances(points: np.ndarray, others: np.ndarray, norm: float = 2.0) -> Tensor:
    """From each point to the nearest other, `(N,)`; infinite if one surface is empty, `(0,)` if
    both are."""
    from scipy.spatial import KDTree  # here: its import takes longer than all of regtutor's

    if len(points) == 0 or len(others) == 0:
        return torch.full((max(len(points), len(others)),), torch.inf)
    # A surface needs no balanced tree: built in half the time, asked as fast (32 points a leaf).
    tree = KDTree(others, leafsize=32, balanced_tree=False, compact_nodes=False)
    return torch.from_numpy(tree.query(points, p=norm)[0]).float()


class _SurfaceMetric(Scores):
    """What the two have in common: from two masks to the distances between their surfaces."""

    def __init__(
        self,
        include_background: bool,
        distance_metric: str,
        both_ways: bool,
        reduction: str,
        get_not_nans: bool,
        ignore_index: int | None,
    ) -> None:
        super().__init__(reduction, get_not_nans)
        require_choice("distance_metric", distance_metric, NORMS)
        ask = "Set those voxels to 0 in y_pred and y."
        require(ignore_index is None, "ignore_index", "None", ignore_index, ask)
        self.include_background = include_background
        self.distance_metric = distance_metric
        self.both_ways = both_ways

    def __call__(
        self, y_pred: Tensor, y: Tensor, spacing: float | Sequence | Tensor | None = None
    ) -> Tensor:
        """Score a batch, and keep the scores.

        Args:
            y_pred, y: `(B, C, *spatial)`, 0 and 1; channel 0 of several is the background.
            spacing: mm a voxel: one number, d numbers, or `(B, d)`. None counts in voxels.

        Returns:
            `(B, C)`, without the background if it does not count. Where one mask is empty it is
            infinite, and so is the mean; where both are, and for a percentile where one is, it
            is NaN, which does not count in the mean.

        Raises:
            ValueError: different shapes, labels that are not 0 and 1, a spacing that does not fit.

        Warns:
            UserWarning: an empty mask; values between 0 and 1 (once), of which only 1 counts.
        """
        require_label_pair(y_pred, y)
        require_same_shape("y_pred", y_pred, "y", y)
        euclidean = self.distance_metric == "euclidean"
        require(spacing is None or euclidean, "spacing", "None", spacing, "Only for 'euclidean'.")
        for name, labels in (("y_pred", y_pred), ("y", y)):
            self._require_labels(name, labels.detach(), top=1)
        first = 0 if self.include_background or y.shape[1] == 1 else 1
        pred, truth = y_pred[:, first:] == 1, y[:, first:] == 1
        rows = spacing_rows(1 if spacing is None else spacing, len(y), y.ndim - 2)
        scores = [
            [self._score(p, t, row) for p, t in zip(pred[b], truth[b], strict=True)]
            for b, row in enumerate(rows)
        ]
        return self._keep(torch.tensor(scores, device=y.device))

    def _score(self, pred: Tensor, truth: Tensor, spacing: Tensor) -> float:
        a, b = surface_points(pred, spacing), surface_points(truth, spacing)
        if len(a) == 0 or len(b) == 0:
            empty = "both are" if len(a) == len(b) else ("y_pred is" if len(a) == 0 else "y is")
            ask = "There is no distance: NaN, or infinite where one is empty (a percentile: NaN)."
            warnings.warn(complaint("y_pred, y", "a mask", f"{empty} empty", ask), stacklevel=5)
        norm = NORMS[self.distance_metric]
        ways = [distances(a, b, norm)]
        if self.both_ways:
            ways.append(distances(b, a, norm))
        return float("nan") if len(ways[0]) == 0 else float(self._summary(ways))

    def _summary(self, ways: list[Tensor]) -> Tensor:
        """One number from the distances one way, or both."""
        return torch.cat(ways).mean()


class SurfaceDistanceMetric(_SurfaceMetric):
    """The average distance between two surfaces; 0 is best.

    Blind to one far outlier, unlike the Hausdorff distance, and to what happens inside the organ.

    Args:
        include_background: count channel 0 (a single channel always counts).
        symmetric: over both ways, the ASSD; else only from the prediction to the truth, which
            does not see what the prediction misses.
        distance_metric: "euclidean"; "chessboard" or "taxicab" in voxels.
        reduction, get_not_nans: as in `DiceMetric`.
        ignore_index: kept for its place in MONAI's signature; only None.

    Raises:
        ValueError: an unknown name.
    """

    def __init__(
        self,
        include_background: bool = False,
        symmetric: bool = False,
        distance_metric: str = "euclidean",
        reduction: str = "mean",
        get_not_nans: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            include_background, distance_metric, symmetric, reduction, get_not_nans, ignore_index
        )


class HausdorffDistanceMetric(_SurfaceMetric):
    """The largest distance between two surfaces; 0 is best.

    One stray voxel decides it, so most reports give `percentile=95` (HD95).

    Args:
        include_background: count channel 0 (a single channel always counts).
        distance_metric: "euclidean"; "chessboard" or "taxicab" in voxels.
        percentile: in (0, 100], of each way's distances; None is the largest.
        directed: only from the prediction to the truth.
        reduction, get_not_nans: as in `DiceMetric`.
        ignore_index: kept for its place in MONAI's signature; only None.

    Raises:
        ValueError: an unknown name, a percentile outside (0, 100].
    """

    def __init__(
        self,
        include_background: bool = False,
        distance_metric: str = "euclidean",
        percentile: float | None = None,
        directed: bool = False,
        reduction: str = "mean",
        get_not_nans: bool = False,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__(
            include_background, distance_metric, not directed, reduction, get_not_nans, ignore_index
        )
        good = percentile is None or 0 < percentile <= 100
        require(good, "percentile", "None or a number in (0, 100]", percentile)
        self.percentile = percentile

    def _summary(self, ways: list[Tensor]) -> Tensor:
        if self.percentile is None:
            return torch.cat(ways).max()
        return torch.stack([torch.quantile(way, self.percentile / 100) for way in ways]).max()
