"""Blurring makes what does not touch feel each other."""

import pytest
import torch
from torch.nn import MSELoss

from regtutor.filters import cauchy_kernel, filter_axes, gaussian_kernel
from regtutor.losses import DiceLoss, LocalNormalizedCrossCorrelationLoss, MultiScaleLoss
from regtutor.losses.multiscale import KERNELS


def ball(size, centre, radius=3.0):
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float32) for n in size), indexing="ij")
    distance = sum((x - c) ** 2 for x, c in zip(axes, centre, strict=True)).sqrt()
    return (distance <= radius).float()[None, None]


def test_it_says_how_far():
    target = ball((40, 40), (20, 8))
    apart = [ball((40, 40), (20, 8 + n)) for n in (8, 14, 20)]
    alone = [DiceLoss()(pred, target).item() for pred in apart]
    assert alone[0] == pytest.approx(alone[2], abs=1e-6)
    scaled = [MultiScaleLoss(DiceLoss(), [0, 1, 2, 4, 8])(target, pred).item() for pred in apart]
    assert scaled[0] < scaled[1] < scaled[2]


def test_identical_balls_do_not_score_zero():
    """FACTS: 0.54 in 3-D, because soft Dice has a floor; by scale 0, .21, .41, .71, .93, .98."""
    image = ball((48, 48, 48), (24, 24, 24), radius=8)
    scales = [0, 1, 2, 4, 8]
    values = MultiScaleLoss(DiceLoss(), scales, reduction="none")(image, image)
    assert values[0].item() == pytest.approx(0, abs=1e-5)
    assert (values.diff() > 0.05).all()
    assert MultiScaleLoss(MSELoss(), scales)(image, image).item() == 0


@pytest.mark.parametrize("kernel", ["gaussian", "cauchy"])
def test_scales_are_what_they_say(kernel):
    pred, target = torch.rand(2, 1, 1, 12, 14).unbind()
    values = MultiScaleLoss(MSELoss(), [0, 1.5], kernel, reduction="none")(target, pred)
    assert values[0] == MSELoss()(pred, target)
    blur = KERNELS[kernel](1.5)
    assert values[1] == MSELoss()(filter_axes(pred, blur), filter_axes(target, blur))
    assert MultiScaleLoss(MSELoss())(target, pred) == MSELoss()(pred, target)


def test_kernels():
    for sigma in (0.5, 1, 2.5, 4):
        for kernel in (gaussian_kernel(sigma), cauchy_kernel(sigma)):
            assert torch.equal(kernel, kernel.flip(0))
            assert kernel.argmax() == len(kernel) // 2
        assert cauchy_kernel(sigma).sum().item() == pytest.approx(1, abs=1e-6)
    assert gaussian_kernel(4).sum().item() == pytest.approx(0.9983, abs=1e-4)
    half = cauchy_kernel(4)[16:25] / cauchy_kernel(4).max()
    assert half[0].item() == pytest.approx(0.5, abs=1e-6)  # σ is half the width at half the height


@pytest.mark.parametrize("size", [(6, 7), (4, 5, 6)], ids=["2d", "3d"])
@pytest.mark.parametrize("taps", [1, 3, 15])  # the last is longer than any line
def test_a_band_matrix_filters_as_a_window_does(size, taps, plain):
    kernel = torch.arange(1.0, 1 + taps)  # not symmetric: it cannot be turned round unnoticed
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    margin = [taps // 2] * (2 * len(size))
    expected = plain.window_sum(torch.nn.functional.pad(image, margin), kernel.tolist())
    assert torch.allclose(filter_axes(image, kernel), expected, rtol=1e-12)
    turned = image.movedim(1, -1).contiguous().movedim(-1, 1)  # lies otherwise in memory
    assert torch.allclose(filter_axes(turned, kernel), expected, rtol=1e-12)
    leaf = image[:1, :1].requires_grad_()
    assert torch.autograd.gradcheck(lambda x: filter_axes(x, kernel), leaf)


def test_any_loss_inside():
    pred, target = torch.rand(2, 1, 1, 8, 9, 10).unbind()
    for inner in (LocalNormalizedCrossCorrelationLoss(), torch.nn.functional.l1_loss):
        assert MultiScaleLoss(inner, [0, 1])(target, pred).isfinite()


def test_gradients_to_both():
    pair = [torch.rand(1, 1, 5, 6, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(MultiScaleLoss(DiceLoss(), [0, 1, 2]), pair)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": []}, r"scales: expected None or numbers ≥ 0, at least one, got \[\]"),
        ({"scales": [1, -1]}, "scales: expected None or numbers ≥ 0"),
        ({"scales": [float("nan")]}, "scales: expected"),
        ({"kernel": "box"}, "kernel: expected one of 'gaussian', 'cauchy', got 'box'"),
        ({"reduction": "avg"}, "reduction: expected one of"),
        ({"loss": "dice"}, "loss: expected a function"),
    ],
)
def test_refuses_at_construction(options, message):
    with pytest.raises(ValueError, match=message):
        MultiScaleLoss(**{"loss": DiceLoss(), **options})


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 9), "y_true: expected the shape"),
        (torch.ones(1, 1, 8, 8).long(), torch.rand(1, 1, 8, 8), "y_true: expected floating-point"),
        (torch.rand(1, 8, 8), torch.rand(1, 8, 8), r"y_true: expected \(B, C, H, W\)"),
        (255 * torch.ones(1, 1, 8, 8), torch.rand(1, 1, 8, 8), "target: expected values in"),
    ],
)
def test_refuses(y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        MultiScaleLoss(DiceLoss(), [0, 1])(y_true, y_pred)
