"""Local correlation: what it rewards, what it cannot see, where MONAI's form breaks."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.filters import gaussian_smooth
from regtutor.losses import LocalNormalizedCrossCorrelationLoss as Correlation
from regtutor.losses import correlation
from regtutor.losses.similarity import window

SIZES = [(12, 14), (8, 9, 10)]


def noise(size, seed=0, batch=1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 1, *size, generator=generator, dtype=dtype)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("kernel_type", ["rectangular", "triangular", "gaussian"])
@pytest.mark.parametrize("valid_window", [False, True])
def test_it_is_the_correlation_of_each_patch(size, kernel_type, valid_window, plain):
    pred, target = noise(size, 0, dtype=torch.float64), noise(size, 1, dtype=torch.float64)
    options = {"kernel_size": 5, "kernel_type": kernel_type, "reduction": "none"}
    loss = Correlation(len(size), **options, valid_window=valid_window)
    expected = plain.local_correlation(
        pred, target, window(kernel_type, 5), count_zeros=not valid_window
    )
    assert torch.allclose(loss(pred, target), -expected, atol=1e-9)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_an_image_correlates_with_itself(size):
    image = noise(size)
    assert Correlation(len(size))(image, image).item() == pytest.approx(-1, abs=1e-6)
    assert Correlation(len(size))(image, noise(size, seed=1)).item() > -0.5


@pytest.mark.parametrize("kernel_type", ["rectangular", "triangular", "gaussian"])
@pytest.mark.parametrize("valid_window", [False, True])
@pytest.mark.parametrize("size", [(5, 6), (4, 3, 5)], ids=["2d", "3d"])
def test_gradients_to_both(size, kernel_type, valid_window):
    images = [noise(size, seed, batch=2, dtype=torch.float64).requires_grad_() for seed in (0, 1)]
    loss = Correlation(
        len(size), 5, kernel_type, reduction="none", smooth_nr=0.1, valid_window=valid_window
    )
    assert torch.autograd.gradcheck(loss, images)


@pytest.mark.parametrize("valid_window", [False, True])
@pytest.mark.parametrize("floor", [1e-5, 1.0])  # above the variance of about half of the windows
@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_gradients_are_those_of_each_patchs_correlation(
    size, floor, valid_window, plain, monkeypatch
):
    """Of two images, or of either alone, weighing every window otherwise; in several chunks."""
    monkeypatch.setattr(correlation, "_CHUNK", 100)
    images = [noise(size, seed, batch=2, dtype=torch.float64) for seed in (0, 1)]
    uneven = noise(size, 2, batch=2, dtype=torch.float64)
    loss = Correlation(len(size), 3, reduction="none", smooth_dr=floor, valid_window=valid_window)

    def form(pred, target):
        options = {"count_zeros": not valid_window, "floor": floor}
        return -plain.local_correlation(pred, target, [1.0] * 3, **options)

    for wanted in ([True, True], [True, False], [False, True]):
        slopes = []
        for function in (loss, form):
            pair = [x.clone().requires_grad_(w) for x, w in zip(images, wanted, strict=True)]
            (function(*pair) * uneven).sum().backward()
            slopes.append([x.grad for x, w in zip(pair, wanted, strict=True) if w])
        for mine, theirs in zip(*slopes, strict=True):
            assert (mine - theirs).abs().max() < 1e-8 * theirs.abs().max()


def test_second_derivatives():
    images = [noise((3, 4), seed, dtype=torch.float64).requires_grad_() for seed in (0, 1)]
    assert torch.autograd.gradgradcheck(Correlation(2, smooth_nr=0.1), images)


@settings(max_examples=25, deadline=None)
@given(
    slope=st.floats(0.2, 5).flatmap(lambda a: st.sampled_from([a, -a])),
    offset=st.floats(-3, 3),
    seed=st.integers(0, 99),
)
def test_blind_to_contrast_and_brightness(slope, offset, seed):
    """Of either sign; at the border only with a valid window."""
    size = (11, 13)
    pred, target = noise(size, seed), noise(size, seed + 100)
    loss = Correlation(2, 5, valid_window=True)
    assert loss(slope * pred + offset, target).item() == pytest.approx(
        loss(pred, target).item(), abs=1e-3
    )
    assert loss(slope * pred + offset, pred).item() == pytest.approx(-1, abs=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), kernel_size=st.sampled_from([3, 5, 9]), scale=st.floats(0.01, 1e4))
def test_range_and_symmetry(seed, kernel_size, scale):
    pred, target = scale * noise((10, 12), seed), noise((10, 12), seed + 1000)
    loss = Correlation(2, kernel_size)
    value = loss(pred, target).item()
    assert -1 - 1e-6 <= value <= 0
    assert loss(target, pred).item() == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("offset", [10.0, 1000.0, -1000.0])
def test_an_offset_does_not_drown_it(offset):
    """MONAI's single precision gives −82 to −5e9 for such images (FACTS, trap 16)."""
    size = (24, 24, 24)
    contrast = 0.01 if offset == 10 else 1.0
    image, other = offset + contrast * noise(size), offset + contrast * noise(size, seed=1)
    for pair in ((image, image), (image, other)):
        single = Correlation(reduction="none")(*pair)
        double = Correlation(reduction="none")(*(x.double() for x in pair))
        assert single.min() >= -1
        inside = (..., *[slice(2, -2)] * 3)
        assert (single - double)[inside].abs().max() < 0.02


@pytest.mark.parametrize("kernel_size", [3, 9])
def test_the_border(kernel_size):
    """Two constant images tell nothing of each other; MONAI's zeros beyond the border do."""
    dark, bright = torch.full((1, 1, 24, 24, 24), 0.4), torch.full((1, 1, 24, 24, 24), 0.9)
    assert Correlation(3, kernel_size)(dark, bright).item() < -0.2
    assert Correlation(3, kernel_size, valid_window=True)(dark, bright).item() == pytest.approx(
        0, abs=1e-6
    )
    smooth = gaussian_smooth(noise((24, 24, 24)), 1.0)
    both = [
        Correlation(3, kernel_size, reduction="none", valid_window=valid)(
            smooth, noise((24, 24, 24), 1)
        )
        for valid in (False, True)
    ]
    half = kernel_size // 2
    inside = (..., *[slice(half, -half)] * 3)
    assert torch.allclose(both[0][inside], both[1][inside], atol=1e-5)


def test_a_shift_costs():
    image = gaussian_smooth(noise((32, 32)), 1.5)
    shifts = [Correlation(2, 5)(image.roll(n, 2), image).item() for n in range(4)]
    assert shifts == sorted(shifts)


def test_triangular_3_teaches_nothing():
    with pytest.warns(UserWarning, match="teaches nothing"):
        loss = Correlation(2, 3, "triangular")
    pred = noise((8, 8)).requires_grad_()
    value = loss(pred, noise((8, 8), seed=1))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert pred.grad.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "kernel_size: expected an odd number, got 4"),
        ({"kernel_size": 1}, "kernel_size: expected a whole number ≥ 3, got 1"),
        ({"kernel_size": 3.0}, "kernel_size: expected a whole number"),
        ({"kernel_type": "box"}, "kernel_type: expected one of 'rectangular'"),
        ({"reduction": "avg"}, "reduction: expected one of 'mean', 'sum', 'none', got 'avg'"),
        ({"spatial_dims": 4}, "spatial_dims: expected one of 2, 3, got 4"),
    ],
)
def test_refuses_at_construction(options, message):
    with pytest.raises(ValueError, match=message):
        Correlation(**options)


@pytest.mark.parametrize(
    ("pred", "target", "message"),
    [
        (noise((8, 8)), noise((8, 8)), r"pred: expected \(B, C, H, W, D\)"),
        (noise((8, 8, 8)), noise((8, 8, 7)), r"target: expected the shape \(1, 1, 8, 8, 8\)"),
        (noise((8, 8, 8)).long(), noise((8, 8, 8)), "pred: expected floating-point"),
        (noise((8, 8, 8)), noise((8, 8, 8)) / 0, "target: expected finite values, got 512 of 512"),
        (noise((8, 8, 8)) * torch.nan, noise((8, 8, 8)), "pred: expected finite values"),
    ],
)
def test_refuses(pred, target, message):
    with pytest.raises(ValueError, match=message):
        Correlation()(pred, target)


def test_windows():
    sizes = itertools.product(["rectangular", "triangular", "gaussian"], [3, 5, 7, 9])
    for kernel_type, size in sizes:
        weights = window(kernel_type, size)
        assert len(weights) == size
        assert weights == weights[::-1]
    assert window("triangular", 3) == [0, 1, 0]
    assert window("triangular", 7) == [0, *window("triangular", 5), 0]
