"""The determinant of known maps, at the border too, and against that of the matrix itself."""

import pytest
import torch

from regtutor.deformation import (
    affine_to_ddf,
    identity_grid,
    jacobian_determinant,
    one_sided_determinants,
)

SIZES = [(7, 6), (2, 3), (3, 4, 2), (2, 2, 3)]


@pytest.mark.parametrize("d", [2, 3])
def test_the_determinant_of_an_affine_field_is_that_of_its_matrix(d):
    torch.manual_seed(0)
    theta = torch.eye(d, d + 1)[None] + 0.2 * torch.randn(2, d, d + 1)
    ddf = affine_to_ddf(theta, (6, 7, 8)[:d])
    expected = torch.linalg.det(theta[:, :, :d]).view(2, *[1] * d).expand(2, *(6, 7, 8)[:d])
    assert torch.allclose(jacobian_determinant(ddf), expected, atol=1e-4)
    assert all(torch.allclose(det, expected, atol=1e-4) for det in one_sided_determinants(ddf))


def test_the_determinant_is_central_inside_and_one_sided_at_the_border():
    ddf = torch.zeros(1, 2, 5, 4)
    ddf[0, 0, :, :] = torch.tensor([0.0, 1.0, 4.0, 9.0, 16.0])[:, None]
    assert jacobian_determinant(ddf)[0, :, 0].tolist() == [2, 3, 5, 7, 8]


def test_a_reflection_folds_everywhere():
    ddf = affine_to_ddf(torch.tensor([[[-1.0, 0, 7], [0, 1, 0]]]), (8, 8))
    assert torch.allclose(jacobian_determinant(ddf), torch.tensor(-1.0))


def test_one_sided_differences_see_a_checkerboard():
    place = identity_grid((8, 8)).sum(dim=1)
    ddf = torch.zeros(1, 2, 8, 8)
    ddf[:, 0] = 0.9 * (-1) ** place
    assert jacobian_determinant(ddf)[0, 1:-1, 1:-1].min() == 1
    assert min(det.min().item() for det in one_sided_determinants(ddf)) == pytest.approx(-0.8)
    assert len(list(one_sided_determinants(ddf))) == 4


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_cofactors_in_place_are_the_determinant_of_the_matrix(plain, size):
    torch.manual_seed(0)
    ddf = torch.randn(2, len(size), *size, dtype=torch.float64)
    weight = torch.rand(2, *size, dtype=torch.float64)
    ours, theirs = (ddf.clone().requires_grad_() for _ in range(2))
    det, expected = jacobian_determinant(ours), plain.jacobian_determinant(theirs)
    assert torch.allclose(det, expected, atol=1e-12, rtol=1e-12)
    (det * weight).sum().backward()
    (expected * weight).sum().backward()
    assert torch.allclose(ours.grad, theirs.grad, atol=1e-12, rtol=1e-12)
    last = ddf.movedim(1, -1).contiguous().movedim(-1, 1)  # the same field, laid out otherwise
    assert torch.equal(jacobian_determinant(last), det)
    assert torch.allclose(jacobian_determinant(ddf.float()), det.float(), atol=1e-4)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_gradients(size):
    torch.manual_seed(0)
    ddf = torch.randn(1, len(size), *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(jacobian_determinant, ddf)
    assert torch.autograd.gradgradcheck(jacobian_determinant, ddf)
