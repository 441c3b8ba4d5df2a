"""Mutual information: against the histogram it is, and what it is blind to."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.losses import GlobalMutualInformationLoss as Information
from regtutor.losses import histograms


def noise(size=(16, 18), seed=0, batch=1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 1, *size, generator=generator, dtype=dtype)


def histogram_information(a, b, bins):
    """By NumPy's joint histogram, in nats."""
    joint, _, _ = np.histogram2d(a.flatten().numpy(), b.flatten().numpy(), bins=bins)
    joint /= joint.sum()
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())


@pytest.mark.parametrize("size", [(40, 40), (12, 12, 12)], ids=["2d", "3d"])
def test_of_images_that_sit_on_the_bins_it_is_the_histograms(size):
    bins = 8
    a = (noise(size) * (bins - 1)).round() / (bins - 1)
    b = ((a + 0.2 * noise(size, 1)) / 1.2 * (bins - 1)).round() / (bins - 1)
    loss = Information(num_bins=bins, sigma_ratio=0.05)
    assert loss(a, b).item() == pytest.approx(-histogram_information(a, b, bins), abs=1e-3)


def test_how_much_an_image_tells_of_itself():
    """At most the logarithm of the bins, more with more of them; never −1 by any rule."""
    image = noise((32, 32))
    values = [-Information(num_bins=n)(image, image).item() for n in (8, 23, 64)]
    assert values == sorted(values)
    for value, n in zip(values, (8, 23, 64), strict=True):
        assert 0 < value < np.log(n)
    assert -Information()(image, noise((32, 32), 1)).item() < 0.3


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), bins=st.integers(2, 30))
def test_never_negative_and_symmetric(seed, bins):
    a, b = noise(seed=seed), noise(seed=seed + 1000)
    loss = Information(num_bins=bins)
    assert loss(a, b).item() <= 1e-4
    assert loss(b, a).item() == pytest.approx(loss(a, b).item(), abs=1e-5)


@pytest.mark.parametrize("kernel_type", ["gaussian", "b-spline"])
def test_blind_to_inversion_and_to_order(kernel_type):
    a, b = noise(seed=1), (noise(seed=1) ** 2 + noise(seed=2)) / 2
    loss = Information(kernel_type)
    close = 1e-4 if kernel_type == "gaussian" else 1e-2  # the spline's last two bins share one
    assert loss(1 - a, b).item() == pytest.approx(loss(a, b).item(), abs=close)
    order = torch.randperm(a.numel(), generator=torch.Generator().manual_seed(0))
    shuffled = [x.flatten()[order].view_as(x) for x in (a, b)]
    assert loss(*shuffled).item() == pytest.approx(loss(a, b).item(), abs=1e-5)
    assert loss(shuffled[0], b).item() > loss(a, b).item() + 0.05


def test_the_spline_finds_its_range():
    a, b = noise(seed=1), (noise(seed=1) ** 2 + noise(seed=2)) / 2
    loss = Information("b-spline")
    assert loss(3000 * a - 1000, 7 * b).item() == pytest.approx(loss(a, b).item(), abs=1e-3)


@pytest.mark.parametrize("size", [(4, 5), (3, 3, 4)], ids=["2d", "3d"])
def test_gradients(size, monkeypatch):
    monkeypatch.setattr(histograms, "_VOXELS", 5)
    monkeypatch.setattr(histograms, "_CHUNK", 7)
    a, b = noise(size, 0, 2, torch.float64), noise(size, 1, 2, torch.float64)
    loss = Information(num_bins=6, reduction="none")
    leaves = (a.requires_grad_(), b.requires_grad_())
    spline = Information("b-spline", num_bins=8, reduction="none")
    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(loss, leaves)
        assert check(lambda x: spline(x, b.detach()), a)


def test_the_spline_says_that_its_target_gets_no_gradient():
    target = noise(seed=1).requires_grad_()
    with pytest.warns(UserWarning, match="no gradient"):
        Information("b-spline")(noise(), target)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_type": "spline"}, "kernel_type: expected one of 'gaussian', 'b-spline'"),
        ({"num_bins": 1}, "num_bins: expected a whole number ≥ 2, got 1"),
        ({"num_bins": 5, "kernel_type": "b-spline"}, "num_bins: expected a whole number ≥ 6"),
        ({"sigma_ratio": 0}, "sigma_ratio: expected a number > 0"),
        ({"reduction": None}, "reduction: expected one of"),
    ],
)
def test_refuses_at_construction(options, message):
    with pytest.raises(ValueError, match=message):
        Information(**options)


@pytest.mark.parametrize(
    ("kernel_type", "pred", "target", "message"),
    [
        ("gaussian", 2000 * noise() - 1000, noise(), r"pred: expected values in \[0, 1\], got -99"),
        ("gaussian", noise(), 255 * noise(), "target: .*ScaleIntensityRanged"),
        ("gaussian", noise() * torch.nan, noise(), r"pred: expected values in \[0, 1\], got nan"),
        ("gaussian", noise(), noise((16, 17)), "target: expected the shape"),
        (
            "b-spline",
            noise() * 0 + 3,
            noise(),
            "pred: expected an image with contrast, got 3 every",
        ),
        ("b-spline", noise(), noise() * 0, "target: expected an image with contrast"),
        ("b-spline", noise(), noise() / 0, "target: expected finite values"),
    ],
)
def test_refuses(kernel_type, pred, target, message):
    with pytest.raises(ValueError, match=message):
        Information(kernel_type)(pred, target)
