"""A mask: what lies outside of it counts nowhere, and without one nothing has changed."""

import pytest
import torch
from torch import nn

from regtutor.losses import (
    GlobalMutualInformationLoss,
    LocalNormalizedCrossCorrelationLoss,
    MSELoss,
    SelfSimilarityLoss,
)

SIZES = [(16, 20), (10, 12, 11)]
# how far a loss sees beyond a voxel: half a window; a neighbour and the patch around it
LOSSES = {
    "squares": (lambda d: MSELoss(), 0),
    "correlation": (lambda d: LocalNormalizedCrossCorrelationLoss(d, kernel_size=3), 0),
    "gaussian information": (lambda d: GlobalMutualInformationLoss(), 0),
    "spline information": (lambda d: GlobalMutualInformationLoss("b-spline"), 0),
    "self-similarity": (lambda d: SelfSimilarityLoss(radius=1, distance=1), 2),
}


def images(size, batch=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.rand(batch, 1, *size, generator=generator, dtype=dtype) for _ in range(2)]


def half(image):
    """1 in the first 6 rows of the image."""
    mask = torch.zeros_like(image[:, :1])
    mask[:, :, :6] = 1
    return mask


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("name", LOSSES)
def test_what_lies_outside_does_not_count(name, size):
    make, reach = LOSSES[name]
    loss, (pred, target) = make(len(size)), images(size)
    mask = half(pred)
    changed = pred.clone()
    changed[:, :, 6 + reach :] = changed[:, :, 6 + reach :].flip(-1)
    inside, other = loss(pred, target, mask), loss(changed, target, mask)
    assert inside.item() == pytest.approx(other.item(), abs=1e-4 if reach else 1e-12)
    assert loss(pred, target).item() != pytest.approx(loss(changed, target).item(), abs=1e-3)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("name", LOSSES)
def test_no_gradient_from_outside(name, size):
    make, reach = LOSSES[name]
    pred, target = images(size)
    pred.requires_grad_()
    make(len(size))(pred, target, half(pred)).backward()
    assert pred.grad[:, :, 6 + reach :].abs().max() == 0
    assert pred.grad[:, :, :6].abs().max() > 0


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("name", ["squares", "gaussian information", "spline information"])
def test_of_a_box_it_is_the_loss_of_the_box(name, size):
    loss, (pred, target) = LOSSES[name][0](len(size)), images(size, batch=2)
    expected = loss(pred[:, :, :6], target[:, :, :6]).item()
    if name == "spline information":  # its range is the batch's: one case at a time
        each = [loss(p[None, :, :6], t[None, :, :6]) for p, t in zip(pred, target, strict=True)]
        expected = torch.stack(each).mean().item()
    assert loss(pred, target, half(pred)).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_correlation_of_a_box_is_that_of_its_valid_windows(size):
    pred, target = images(size)
    loss = LocalNormalizedCrossCorrelationLoss(len(size), 5, valid_window=True)
    expected = loss(pred[:, :, :6], target[:, :, :6]).item()
    assert loss(pred, target, half(pred)).item() == pytest.approx(expected, abs=1e-9)
    without = LocalNormalizedCrossCorrelationLoss(len(size), 5)
    assert without(pred, target, half(pred)).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_squares_are_torchs(reduction):
    pred, target = images((5, 6, 7), batch=2)
    expected = nn.MSELoss(reduction=reduction)(pred, target)
    assert torch.allclose(MSELoss(reduction=reduction)(pred, target), expected, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_a_mask_that_does_not_fit(name):
    loss, (pred, target) = LOSSES[name][0](2), images((16, 20))
    with pytest.raises(
        ValueError, match=r"mask: expected \(1, 1, 16, 20\) .*, got \(1, 1, 16, 19\)"
    ):
        loss(pred, target, half(pred)[..., 1:])
    with pytest.raises(ValueError, match="mask: expected at least one voxel"):
        loss(pred, target, 0 * half(pred))
