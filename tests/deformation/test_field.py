"""Composition, inversion, resizing and points against known truths."""

import pytest
import torch

from regtutor.deformation import (
    ResizeField,
    affine_to_ddf,
    compose,
    exp,
    identity_grid,
    invert,
    jacobian_determinant,
    move_points,
    resize_field,
)
from regtutor.deformation.warp import warp
from regtutor.filters import gaussian_smooth

SIZES = [(30, 34), (18, 20, 24)]


def smooth_field(size, amplitude=2.0, seed=0):
    noise = torch.randn(1, len(size), *size, generator=torch.Generator().manual_seed(seed))
    field = gaussian_smooth(noise, 4.0)
    return field * amplitude / field.abs().max()


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_composing_is_warping_twice(size):
    outer, inner = smooth_field(size, seed=1), smooth_field(size, seed=2)
    image = gaussian_smooth(torch.rand(1, 1, *size), 4.0)
    inside = (..., *[slice(4, -4)] * len(size))
    twice = warp(warp(image, outer), inner)[inside]
    assert torch.allclose(warp(image, compose(outer, inner))[inside], twice, atol=4e-3)


def test_the_order_of_composition_is_exact_for_affine_fields():
    shift = affine_to_ddf(torch.tensor([[[1.0, 0, 3], [0, 1, 0]]]), (20, 20))
    stretch = affine_to_ddf(torch.tensor([[[1.5, 0, 0], [0, 1, 0]]]), (20, 20))
    assert compose(stretch, shift)[0, 0, 4, 4].item() == pytest.approx(1.5 * (4 + 3) - 4, abs=1e-4)
    assert compose(shift, stretch)[0, 0, 4, 4].item() == pytest.approx(1.5 * 4 + 3 - 4, abs=1e-4)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_the_inverse_undoes(size):
    ddf = smooth_field(size, amplitude=3)
    inverse = invert(ddf)
    assert compose(ddf, inverse).abs().max() < 2e-3
    inside = (..., *[slice(4, -4)] * len(size))
    assert compose(inverse, ddf)[inside].abs().max() < 0.1
    assert compose(ddf, -ddf).abs().max() > 0.3  # −ddf is no inverse


def test_inverting_a_folded_field_warns():
    ddf = torch.zeros(1, 2, 16, 16)
    ddf[:, 0] = 6 * torch.sin(identity_grid((16, 16))[:, 0])
    with pytest.warns(UserWarning, match="a folded field has no inverse"):
        invert(ddf)


def test_resizing_scales_the_values():
    constant = torch.full((1, 2, 16, 8), 3.0)
    assert torch.equal(resize_field(constant, (32, 8))[0, :, 5, 5], torch.tensor([6.0, 3.0]))
    assert torch.equal(ResizeField((8, 4))(constant), torch.full((1, 2, 8, 4), 1.5))


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_a_resized_field_makes_the_same_picture(size):
    ddf = smooth_field(size)
    double = tuple(2 * n for n in size)
    image = gaussian_smooth(torch.rand(1, 1, *double), 6.0)
    pool = torch.nn.functional.avg_pool2d if len(size) == 2 else torch.nn.functional.avg_pool3d
    fine = pool(warp(image, resize_field(ddf, double)), 2)
    inside = (..., *[slice(4, -4)] * len(size))
    assert torch.allclose(fine[inside], warp(pool(image, 2), ddf)[inside], atol=2e-3)


def test_points_go_where_the_field_reads():
    size = (12, 15, 18)
    ddf = smooth_field(size)
    points = torch.tensor([[[3.0, 4.0, 5.0], [6.5, 7.25, 8.0], [float("nan")] * 3]])
    moved = move_points(points, ddf)
    assert torch.equal(moved[0, 0], points[0, 0] + ddf[0, :, 3, 4, 5])
    assert moved[0, 2].isnan().all()
    half = (ddf[0, :, 6:8, 7:9, 8].mean(dim=1) * torch.tensor([0.75, 0.25])).sum(dim=1)
    assert torch.allclose(moved[0, 1], points[0, 1] + half, atol=1e-5)


def test_volume_is_what_the_determinant_says():
    ddf = exp(smooth_field((40, 40), amplitude=3, seed=5))
    label = torch.zeros(1, 1, 40, 40)
    label[..., 12:28, 10:30] = 1
    soft = gaussian_smooth(label, 2.0)
    pulled = (warp(soft, ddf) * jacobian_determinant(ddf)).sum()
    assert pulled == pytest.approx(soft.sum().item(), rel=0.02)
