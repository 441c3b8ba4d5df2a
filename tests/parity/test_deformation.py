"""Warp and DVF2DDF equal MONAI's to the bit, values and gradients; the affine matrix to 1e-12."""

import pytest
import torch
from monai.networks import blocks as monai_blocks
from monai.transforms.utils import create_rotate, create_scale, create_shear, create_translate

from regtutor.deformation import DVF2DDF, Warp, affine_matrix

pytestmark = pytest.mark.filterwarnings("ignore:monai.networks.blocks.Warp:UserWarning")

SIZES = [(31, 40), (17, 20, 23)]


def twins(*tensors):
    """Each tensor twice, as two leaves of their own."""
    return [[t.clone().requires_grad_() for t in tensors] for _ in range(2)]


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("padding_mode", ["border", "zeros", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_warp(size, batch, mode, padding_mode):
    torch.manual_seed(0)
    image, ddf = torch.rand(batch, 3, *size), 3 * torch.randn(batch, len(size), *size)
    weight = torch.rand_like(image)
    ours, monai = twins(image, ddf)
    if mode == "nearest":  # no gradient to compare: ours warns about it
        assert torch.equal(
            Warp(mode, padding_mode)(image, ddf), monai_blocks.Warp(mode, padding_mode)(image, ddf)
        )
        return
    mine, theirs = Warp(mode, padding_mode)(*ours), monai_blocks.Warp(mode, padding_mode)(*monai)
    assert torch.equal(mine, theirs)
    (mine * weight).sum().backward()
    (theirs * weight).sum().backward()
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(ours, monai, strict=True))


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("num_steps", [1, 4, 7])
@pytest.mark.parametrize("padding_mode", ["border", "zeros"])
def test_dvf2ddf(size, num_steps, padding_mode):
    torch.manual_seed(1)
    (ours,), (monai,) = twins(torch.randn(2, len(size), *size))
    mine = DVF2DDF(num_steps, padding_mode=padding_mode)(ours)
    theirs = monai_blocks.DVF2DDF(num_steps, padding_mode=padding_mode)(monai)
    assert torch.equal(mine, theirs)
    weight = torch.rand_like(mine)
    (mine * weight).sum().backward()
    (theirs * weight).sum().backward()
    assert torch.equal(ours.grad, monai.grad)


def test_defaults_are_monais():
    for ours, monai in [(Warp(), monai_blocks.Warp()), (DVF2DDF(), monai_blocks.DVF2DDF())]:
        image, field = torch.rand(1, 2, 9, 9), 4 * torch.randn(1, 2, 9, 9)
        inputs = (image, field) if isinstance(ours, Warp) else (field,)
        assert torch.equal(ours(*inputs), monai(*inputs))


@pytest.mark.parametrize(
    ("d", "rotate", "shear", "translate", "scale"),
    [
        (2, (0.3,), (0.1, -0.2), (3.0, -1.0), (1.1, 0.9)),
        (3, (0.3, -0.2, 0.5), (0.1, 0.2, -0.1, 0.05, 0.3, -0.2), (1.0, 2.0, -3.0), (0.8, 1.2, 1.1)),
    ],
)
def test_affine_matrix(d, rotate, shear, translate, scale):
    theirs = (
        create_rotate(d, rotate)
        @ create_shear(d, shear)
        @ create_translate(d, translate)
        @ create_scale(d, scale)
    )
    ours = affine_matrix(rotate, shear, translate, scale, spatial_dims=d)
    assert torch.allclose(ours, torch.as_tensor(theirs), atol=1e-12, rtol=0)
