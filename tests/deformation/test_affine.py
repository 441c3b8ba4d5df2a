"""theta, matrix and field say the same; the bottom row is 0 … 0 1."""

import math

import pytest
import torch

from regtutor.deformation import (
    about_centre,
    affine_matrix,
    affine_to_ddf,
    apply_affine,
    compose,
    identity_grid,
    matrix_to_theta,
    theta_to_matrix,
)
from regtutor.deformation.affine import affine_grid


@pytest.mark.parametrize("d", [2, 3])
def test_the_identity_moves_nothing(d):
    theta = torch.eye(d + 1)[None, :d].repeat(2, 1, 1)
    assert torch.equal(affine_to_ddf(theta, (4, 5, 6)[:d]), torch.zeros(2, d, *(4, 5, 6)[:d]))


@pytest.mark.parametrize("d", [2, 3])
def test_the_field_carries_each_voxel_where_theta_says(d):
    torch.manual_seed(0)
    theta, size = torch.randn(2, d, d + 1), (5, 7, 6)[:d]
    voxel = torch.tensor([3.0, 4.0, 2.0][:d])
    moved = affine_to_ddf(theta, size)[(slice(None), slice(None), 3, 4, 2)[: d + 2]] + voxel
    assert torch.allclose(moved, theta[:, :, :d] @ voxel + theta[:, :, d], atol=1e-5)


def test_matrices_compose_as_fields_do():
    size = (24, 30)
    first = affine_matrix(rotate=(0.05,), translate=(1.0, -0.5), spatial_dims=2).float()
    then = affine_matrix(scale=(1.05, 0.95), shear=(0.02,), spatial_dims=2).float()
    together = affine_to_ddf(matrix_to_theta((then @ first)[None]), size)
    fields = [affine_to_ddf(matrix_to_theta(m[None]), size) for m in (then, first)]
    inside = (slice(None), slice(None), slice(5, -5), slice(5, -5))
    assert torch.allclose(compose(*fields)[inside], together[inside], atol=1e-4)


def test_theta_and_matrix_round_trip():
    theta = torch.randn(3, 3, 4)
    assert torch.equal(matrix_to_theta(theta_to_matrix(theta)), theta)


def test_a_bottom_row_of_ones_is_refused():
    matrix = torch.eye(4)[None].clone()
    matrix[:, -1] = 1
    with pytest.raises(ValueError, match=r"bottom row of \[0.0, 0.0, 0.0, 1.0\], got \[1.0"):
        matrix_to_theta(matrix)


def test_about_the_centre_the_centre_stays():
    size = (9, 13)
    matrix = about_centre(affine_matrix(rotate=(0.7,), scale=(1.3, 0.6), spatial_dims=2), size)
    centre = torch.tensor([4.0, 6.0], dtype=torch.float64).view(1, 2, 1, 1)
    assert torch.allclose(apply_affine(matrix_to_theta(matrix[None]), centre), centre)


def test_a_quarter_turn():
    matrix = about_centre(affine_matrix(rotate=(math.pi / 2,), spatial_dims=2), (5, 5))
    moved = apply_affine(matrix_to_theta(matrix[None]), identity_grid((5, 5)).double())
    assert torch.allclose(moved[0, :, 0, 0], torch.tensor([4.0, 0.0], dtype=torch.float64))


def test_theta_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"theta: expected \(B, 2, 3\).*matrix_to_theta"):
        affine_to_ddf(torch.eye(3)[None], (4, 4))


@pytest.mark.parametrize("size", [(9, 7), (5, 8, 6)], ids=["2d", "3d"])
@pytest.mark.parametrize("batch", [1, 2])
def test_an_axis_at_a_time_is_the_product_of_matrices(plain, size, batch):
    torch.manual_seed(0)
    theta = torch.randn(batch, len(size), len(size) + 1, dtype=torch.float64)
    weight = torch.rand(batch, len(size), *size, dtype=torch.float64)
    ours, theirs = (theta.clone().requires_grad_() for _ in range(2))
    ddf, expected = affine_to_ddf(ours, size), plain.affine_to_ddf(theirs, size)
    assert torch.allclose(ddf, expected, atol=1e-12)
    (ddf * weight).sum().backward()
    (expected * weight).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-10)
    grid = identity_grid(size).double()
    assert torch.allclose(affine_grid(theta, size), apply_affine(theta, grid), atol=1e-12)


def test_no_digit_is_lost_far_from_the_origin(plain):
    """A x − x cancels: at voxel 200 the product of matrices is off by 1e-5, (A − I) x is not."""
    theta = torch.eye(2, 3, dtype=torch.float64)[None] + 1e-3 * torch.rand(1, 2, 3)
    exact = plain.affine_to_ddf(theta, (200, 210))
    errors = [
        (form(theta.float(), (200, 210)) - exact).abs().max()
        for form in (affine_to_ddf, plain.affine_to_ddf)
    ]
    assert errors[1] > 3e-6
    assert errors[0] < 4e-7 + 200 * 6e-8  # theta itself is rounded to 6e-8
