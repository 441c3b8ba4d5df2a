"""Landmarks, folds and stretching of maps whose truth is known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.deformation import affine_to_ddf, exp, identity_grid, jacobian_determinant
from regtutor.filters import gaussian_smooth
from regtutor.metrics import folding_fraction, log_jacobian_std, target_registration_error

SIZES = [(12, 14), (9, 10, 11)]


def rotation(angle, d):
    """A rotation in the plane of the first two axes, about voxel 0: `(1, d, d+1)`."""
    theta = torch.eye(d, d + 1)
    theta[:2, :2] = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    return theta[None]


def points_in(size, n=6, batch=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, n, len(size), generator=generator) * (torch.tensor(size) - 1)


def checkerboard(size, amplitude=1.0):
    sign = 1 - 2 * (identity_grid(size).sum(1) % 2)
    return amplitude * sign[:, None].expand(-1, len(size), *[-1] * len(size))


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_tre_of_the_true_map_is_zero(size):
    theta = rotation(0.3, len(size))
    ddf = affine_to_ddf(theta, size)
    fixed = points_in(size)
    moving = fixed @ theta[0, :, :-1].T
    spacing = (0.7, 1.5, 2.5)[: len(size)]
    assert target_registration_error(fixed, moving, ddf, spacing).max() < 1e-4
    wrong_way = target_registration_error(moving, fixed, ddf, spacing)
    assert wrong_way.max() > 1


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_tre_of_a_shift_in_mm(size):
    d = len(size)
    fixed = points_in(size, batch=2)
    step, spacing = torch.arange(1.0, d + 1), torch.tensor([0.7, 1.5, 2.5])[:d]
    expected = (step * spacing).norm().item()
    moved = torch.zeros(2, d, *size)
    for ddf in (None, moved):
        errors = target_registration_error(fixed, fixed + step, ddf, spacing)
        assert errors.shape == (2, 6)
        assert torch.allclose(errors, torch.full((2, 6), expected), atol=1e-4)
    rows = torch.stack([spacing, 2 * spacing])
    errors = target_registration_error(fixed, fixed + step, moved, rows)
    assert torch.allclose(errors[1], torch.full((6,), 2 * expected), atol=1e-4)


def test_tre_of_padding_is_nan_and_gradients_flow():
    size = (12, 14)
    fixed = points_in(size, batch=2)
    fixed[1, 4:] = torch.nan
    ddf = torch.zeros(2, 2, *size, requires_grad=True)
    errors = target_registration_error(fixed, fixed + 1, ddf, (1.0, 1.0))
    assert errors.isnan().sum() == 2
    assert errors[1, 4:].isnan().all()
    assert errors.nanmean().item() == pytest.approx(2**0.5, abs=1e-5)
    errors[0].sum().backward()
    assert ddf.grad[0].abs().max() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fixed_points": torch.zeros(6, 2)}, r"fixed_points: expected \(B, N, d\)"),
        ({"moving_points": torch.zeros(1, 5, 2)}, "moving_points: expected the shape"),
        ({"spacing": (1.0, 1.0, 1.0)}, "spacing: expected 2 numbers"),
        ({"spacing": (1.0, -1.0)}, "spacing: expected numbers > 0"),
        ({"ddf": torch.zeros(1, 3, 8, 8, 8)}, r"points: expected \(1, N, 3\)"),
        ({"ddf": torch.zeros(2, 2, 8, 8)}, r"points: expected \(2, N, 2\)"),
    ],
)
def test_tre_refuses(change, message):
    points = torch.zeros(1, 6, 2)
    good = {
        "fixed_points": points,
        "moving_points": points,
        "ddf": torch.zeros(1, 2, 8, 8),
        "spacing": (1.0, 1.0),
    }
    with pytest.raises(ValueError, match=message):
        target_registration_error(**{**good, **change})


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_nothing_folds(size):
    noise = torch.randn(2, len(size), *size, generator=torch.Generator().manual_seed(0))
    for ddf in (torch.zeros_like(noise), exp(gaussian_smooth(noise, 3.0))):
        for one_sided in (False, True):
            share = folding_fraction(ddf, one_sided)
            assert share.shape == (2,)
            assert share.tolist() == [0, 0]


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_a_mirror_folds_everywhere(size):
    theta = torch.eye(len(size), len(size) + 1)[None]
    theta[:, 0, 0] = -1
    assert folding_fraction(affine_to_ddf(theta, size)).item() == 1


def test_a_map_onto_a_plane_folds():
    """All voxels land on one plane: J is exactly 0, and that is a fold."""
    ddf = torch.zeros(1, 2, 8, 8)
    ddf[:, 0] = -torch.arange(8.0).view(-1, 1)
    assert folding_fraction(ddf).item() == 1
    assert folding_fraction(ddf, one_sided=True).item() == 1


def test_a_known_share_of_folds():
    """Along axis 0 two planes of ten swap their places: between central differences, 2 of 10."""
    ddf = torch.zeros(1, 2, 10, 6)
    ddf[:, 0, 4], ddf[:, 0, 5] = 3, -3  # central: 1 + (−3 − 0)/2 at 4, 1 + (0 − 3)/2 at 5
    determinant = jacobian_determinant(ddf)[0, :, 0]
    assert determinant.tolist() == [1, 1, 1, 2.5, -0.5, -0.5, 2.5, 1, 1, 1]
    assert folding_fraction(ddf).item() == pytest.approx(0.2)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_one_sided_differences_see_the_checkerboard(size):
    ddf = checkerboard(size)
    inner = torch.zeros_like(ddf)
    inside = (..., *[slice(2, -2)] * len(size))
    inner[inside] = ddf[inside]
    assert folding_fraction(inner).item() < 0.2
    assert folding_fraction(inner, one_sided=True).item() > 0.2
    within = (..., *[slice(1, -1)] * len(size))
    assert jacobian_determinant(ddf)[within].unique().tolist() == [1]  # central ones: all is well


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), amplitude=st.floats(0, 3))
def test_shares_are_shares(seed, amplitude):
    noise = torch.randn(2, 2, 8, 9, generator=torch.Generator().manual_seed(seed))
    central = folding_fraction(amplitude * noise)
    assert ((central >= 0) & (central <= 1)).all()
    sided = folding_fraction(amplitude * noise, one_sided=True)
    assert ((sided >= 0) & (sided <= 1)).all()


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_affine_maps_stretch_evenly(size):
    theta = torch.eye(len(size), len(size) + 1)[None] * 1.3
    assert log_jacobian_std(affine_to_ddf(theta, size)).item() == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("d", [2, 3])
def test_two_halves_that_stretch_by_two(d):
    """log J is 0 in one half and log 2 in the other: their deviation is log(2) / 2."""
    size = (20, 6, 5)[:d]
    x = torch.arange(20.0)
    ddf = torch.zeros(1, d, *size)
    ddf[:, 0] = (x - 9).clamp(min=0).view(-1, *[1] * (d - 1))
    mask = torch.ones(1, 1, *size)
    mask[:, :, 9] = 0  # where the slope breaks
    halves = torch.cat([torch.zeros(9), torch.full((10,), math.log(2))])
    expected = halves.std(correction=0).item()
    assert log_jacobian_std(ddf, mask).item() == pytest.approx(expected, abs=1e-5)
    mask[:, :, :9] = 0
    assert log_jacobian_std(ddf, mask).item() == pytest.approx(0, abs=1e-5)
    both = log_jacobian_std(torch.cat([ddf, 0 * ddf]))
    assert both.shape == (2,)
    assert both[1] == 0
    everywhere = log_jacobian_std(ddf, torch.ones_like(mask)).item()
    assert both[0].item() == pytest.approx(everywhere, abs=1e-6)


def test_folds_weigh_heavily():
    noise = torch.randn(1, 2, 12, 12, generator=torch.Generator().manual_seed(0))
    assert log_jacobian_std(3 * noise).item() > 5
    assert log_jacobian_std(3 * noise).isfinite().all()


@pytest.mark.parametrize("judge", [folding_fraction, log_jacobian_std])
@pytest.mark.parametrize(
    ("ddf", "message"),
    [
        (torch.zeros(1, 3, 8, 8), "ddf: expected 2 channels"),
        (torch.full((1, 2, 8, 8), torch.nan), "ddf: expected finite values"),
        (torch.zeros(2, 8, 8), r"ddf: expected \(B, C, H, W\)"),
    ],
)
def test_refuses(judge, ddf, message):
    with pytest.raises(ValueError, match=message):
        judge(ddf)


def test_refuses_a_mask_that_does_not_fit():
    ddf = torch.zeros(2, 2, 8, 8)
    with pytest.raises(ValueError, match="mask: expected the shape"):
        log_jacobian_std(ddf, torch.ones(2, 1, 8, 7))
    mask = torch.ones(2, 1, 8, 8)
    mask[1] = 0
    with pytest.raises(ValueError, match="mask: expected voxels inside it for every case"):
        log_jacobian_std(ddf, mask)
