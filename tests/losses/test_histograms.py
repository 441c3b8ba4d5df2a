"""Joint histograms: weights that sum to one, and the fast forms against the plain ones."""

from functools import partial

import pytest
import torch

from regtutor.losses import histograms


@pytest.mark.parametrize("sigma_ratio", [0.5, 0.01])  # the latter's exponentials underflow
def test_weights_sum_to_one_and_look_near(sigma_ratio):
    values = torch.linspace(0, 1, 50)[None]
    weights = histograms.gaussian_weights(values, 10, sigma_ratio)
    assert torch.allclose(weights.sum(1), torch.ones(1, 50), atol=1e-6)
    assert (weights >= 0).all()
    assert torch.equal(weights.argmax(1), (9 * values).round().long())


@pytest.mark.parametrize("f", [0.0, 0.3, 0.5, 1.0])
def test_the_cubic_spline(f):
    weights = histograms._cubic(torch.tensor(f))
    assert sum(weights).item() == pytest.approx(1, abs=1e-6)
    assert sum(k * w for k, w in enumerate(weights, -1)).item() == pytest.approx(f, abs=1e-6)
    whole = {0.0: [1, 4, 1, 0], 1.0: [0, 1, 4, 1]}
    if f in whole:
        assert torch.allclose(torch.stack(weights), torch.tensor(whole[f]) / 6)


def image_pair(batch=2, n=5000, grey_levels=None):
    """Values `(B, N)`, more than a chunk of them; with grey levels, many half-way between bins."""
    generator = torch.Generator().manual_seed(3)
    a, b = torch.rand(2, batch, n, generator=generator, dtype=torch.float64)
    b = (a**2 + b) / 2
    return (a, b) if grey_levels is None else (a, (b * grey_levels).round())


def assert_same_histogram(fast, form, pred, target):
    """Values, and the gradients that an uneven function of the histogram sends to both images."""
    both, slopes = [], []
    for function in (fast, form):
        leaves = [x.clone().requires_grad_() for x in (pred, target)]
        both.append(function(*leaves))
        (both[-1] ** 2 * torch.arange(both[-1].numel()).view_as(both[-1])).sum().backward()
        slopes.append([x.grad for x in leaves])
    assert torch.allclose(*both, rtol=1e-10, atol=1e-15)
    for mine, theirs in zip(*slopes, strict=True):
        if mine is not None or theirs is not None:
            assert torch.allclose(mine, theirs, rtol=1e-8, atol=1e-12 * theirs.abs().max())


@pytest.mark.parametrize(("num_bins", "sigma_ratio"), [(23, 0.5), (8, 2.0), (64, 0.05)])
def test_in_chunks_it_is_the_gaussian_histogram(num_bins, sigma_ratio, plain):
    def form(p, t):
        weights = [plain.gaussian_weights(x, num_bins, sigma_ratio) for x in (p, t)]
        return plain.histogram(*weights)

    def fast(p, t):
        return histograms.gaussian_histogram(p, t, num_bins, sigma_ratio)

    pred, target = image_pair()
    assert_same_histogram(fast, form, 1.2 * pred - 0.1, target)  # some are beyond [0, 1]


@pytest.mark.parametrize("num_bins", [6, 23])
@pytest.mark.parametrize("grey_levels", [None, 2, 38])
def test_in_a_few_bins_it_is_the_spline_histogram(num_bins, grey_levels, plain, monkeypatch):
    monkeypatch.setattr(histograms, "_VOXELS", 100)

    def form(p, t):
        p, t = (plain.spline_weights(x, num_bins, order) for x, order in ((p, 3), (t, 0)))
        return plain.histogram(p, t.detach())

    fast = partial(histograms.spline_histogram, num_bins=num_bins)
    pred, target = image_pair(grey_levels=grey_levels)
    assert_same_histogram(fast, form, 900 * pred - 300, target)


def test_a_background_of_many_equal_voxels_is_counted():
    """Added up one after the other in float32 the last of them would be rounded away."""
    pred, target = image_pair(batch=1, n=2_000_000)
    pred[:, 1000:], target[:, 1000:] = 0, 0
    single = histograms.spline_histogram(pred.float(), target.float(), 23)
    double = histograms.spline_histogram(pred, target, 23)
    assert torch.allclose(single.double(), double, rtol=1e-5, atol=1e-8)
