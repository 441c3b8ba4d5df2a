"""From one loss a voxel, a channel or a case to one number."""

from __future__ import annotations

from torch import Tensor

REDUCTIONS = ("mean", "sum", "none")


def reduce(loss: Tensor, reduction: str) -> Tensor:
    """The mean, the sum, or (for "none") the tensor as it is.

    A sum grows with the image and the batch, so weights tuned for a mean do not carry over.
    """
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()
