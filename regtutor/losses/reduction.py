"""From one loss a voxel, a channel or a case to one number; over the whole image or a mask."""

from __future__ import annotations

from torch import Tensor

from regtutor.checks import require, require_tensor

REDUCTIONS = ("mean", "sum", "none")


def reduce(loss: Tensor, reduction: str, mask: Tensor | None = None) -> Tensor:
    """The mean, the sum, or (for "none") the tensor as it is.

    A sum grows with the image and the batch, so weights tuned for a mean do not carry over.

    Args:
        loss: `(B, C, *spatial)` where there is a mask, else anything.
        mask: `(B, 1, *spatial)` of 0 and 1: only where it is 1 does a voxel count.
    """
    if mask is not None:
        loss = loss * mask
        if reduction == "mean":
            return loss.sum() / mask.expand_as(loss).sum()
    if reduction == "none":
        return loss
    return loss.mean() if reduction == "mean" else loss.sum()


def as_mask(mask: Tensor, image: Tensor) -> Tensor:
    """A mask as 0 and 1 in the image's dtype.

    Raises:
        ValueError: not `(B, 1, *spatial)` of the image, or zero everywhere.
    """
    require_tensor("mask", mask)
    expected, got = (len(image), 1, *image.shape[2:]), tuple(mask.shape)
    require(got == expected, "mask", f"{expected} to match the image", got)
    inside = (mask > 0).to(image)
    for case in inside:
        require(bool(case.any()), "mask", "at least one voxel that counts in each case", "none")
    return inside
