"""Known truths of sampling and warping, on grids where axes cannot be mistaken for each other."""

import pytest
import torch

from regtutor.deformation import Warp, exp, identity_grid, sample
from regtutor.deformation.warp import warp

SIZES = [(7, 11), (5, 7, 9)]


def ramp(size, axis):
    """An image whose value is the voxel's own index along `axis`."""
    return identity_grid(size)[:, axis : axis + 1]


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_the_identity_grid_counts_along_each_axis(size):
    grid = identity_grid(size)
    assert grid.shape == (1, len(size), *size)
    place = tuple(n - 2 for n in size)
    assert tuple(grid[(0, slice(None), *place)].tolist()) == place


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_channel_k_moves_along_axis_k_and_pulls(size):
    for axis in range(len(size)):
        ddf = torch.zeros(1, len(size), *size)
        ddf[:, axis] = 2
        warped = warp(ramp(size, axis), ddf)
        inside = warped.narrow(2 + axis, 0, size[axis] - 2)
        expected = (ramp(size, axis) + 2).narrow(2 + axis, 0, size[axis] - 2)
        assert torch.allclose(inside, expected, atol=1e-5)
        for other in set(range(len(size))) - {axis}:
            assert torch.allclose(warp(ramp(size, other), ddf), ramp(size, other), atol=1e-5)


def test_a_bright_pixel_moves_against_the_field():
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 4] = 1
    ddf = torch.zeros(1, 2, 9, 9)
    ddf[:, 0] = 2
    assert warp(image, ddf)[0, 0].nonzero().tolist() == [[2, 4]]


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_the_zero_field_moves_nothing(size):
    image = torch.rand(2, 3, *size)
    assert torch.allclose(warp(image, torch.zeros(2, len(size), *size)), image, atol=1e-5)


def test_half_way_between_voxels_is_the_mean():
    image = torch.rand(1, 2, 4, 5, 6)
    ddf = torch.zeros(1, 3, 4, 5, 6)
    ddf[:, 1] = 0.5
    warped = warp(image, ddf)[:, :, :, :-1]
    assert torch.allclose(warped, (image[:, :, :, :-1] + image[:, :, :, 1:]) / 2, atol=1e-5)


def test_padding():
    image = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1).expand(1, 1, 3, 2).contiguous()
    ddf = torch.zeros(1, 2, 3, 2)
    ddf[:, 0] = 2
    rows = {m: warp(image, ddf, padding_mode=m)[0, 0, :, 0].tolist() for m in ("border", "zeros")}
    assert rows == {"border": [3, 3, 3], "zeros": [3, 0, 0]}
    assert warp(image, ddf, padding_mode="reflection")[0, 0, :, 0].tolist() == [3, 2, 1]


def test_half_precision_fields_do_not_lose_the_place():
    """bfloat16 has 8 bits: near voxel 95 it knows half voxels only. The grid is kept in float32."""
    image = ramp((96, 96), 0)
    ddf = torch.full((1, 2, 96, 96), 0.25, dtype=torch.bfloat16)
    warped = warp(image, ddf)
    assert warped.dtype == torch.float32
    assert (warped[0, 0, :95, 0] - torch.arange(95) - 0.25).abs().max() < 2e-5
    assert warp(image.bfloat16(), ddf).dtype == torch.bfloat16


def test_an_axis_of_one_voxel():
    image = torch.rand(1, 1, 1, 6)
    assert torch.allclose(warp(image, torch.zeros(1, 2, 1, 6)), image, atol=1e-6)


def test_gradients_to_image_and_field():
    torch.manual_seed(0)
    image = torch.rand(1, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    ddf = 0.3 * torch.rand(1, 2, 4, 5, dtype=torch.float64) + 0.1  # away from the kinks at 0
    assert torch.autograd.gradcheck(warp, (image, ddf.requires_grad_()))


def test_nearest_warns_that_nothing_will_learn():
    with pytest.warns(UserWarning, match="no gradient"):
        Warp("nearest")(torch.rand(1, 1, 4, 4), torch.zeros(1, 2, 4, 4, requires_grad=True))


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("batch", [1, 2])
def test_warping_is_a_weighted_mean_of_the_voxels_around(plain, size, batch):
    torch.manual_seed(0)
    image = torch.rand(batch, 2, *size, dtype=torch.float64)
    ddf = 2 * torch.randn(batch, len(size), *size, dtype=torch.float64)
    weight = torch.rand_like(image)
    ours, theirs = ([t.clone().requires_grad_() for t in (image, ddf)] for _ in range(2))
    warped, expected = warp(*ours), plain.warp(*theirs)
    assert torch.allclose(warped, expected, atol=1e-12)
    (warped * weight).sum().backward()
    (expected * weight).sum().backward()
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine.grad, other.grad, atol=1e-10)
    assert torch.equal(sample(image, identity_grid(size) + ddf), warped)
    last = ddf.movedim(1, -1).contiguous().movedim(-1, 1)  # the same field, laid out otherwise
    assert torch.equal(warp(image, last), warped)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("learns", ["image", "ddf"])
def test_a_field_that_is_not_finite_is_refused_before_its_gradient_crashes(size, bad, learns):
    """torch's 2-D gradient at a NaN reads beyond the image and takes the process with it."""
    image, ddf = torch.rand(1, 1, *size), torch.zeros(1, len(size), *size)
    ddf[(0, 0, *[2] * len(size))] = bad
    Warp()(image, ddf)  # without a gradient nothing happens
    (image if learns == "image" else ddf).requires_grad_()
    message = rf"expected finite values, got 1 of {ddf.numel()} NaN or infinite"
    with pytest.raises(ValueError, match="ddf: " + message):
        Warp()(image, ddf)
    with pytest.raises(ValueError, match="points: " + message):
        sample(image, ddf)
    with torch.no_grad():
        Warp()(image, ddf)
    if learns == "ddf":
        with pytest.raises(ValueError, match="ddf: expected finite values"):
            exp(ddf)


def test_places_of_another_dimension_are_refused():
    with pytest.raises(ValueError, match=r"ddf: expected \(1, 3, \*out\) with 3 axes of out, got"):
        warp(torch.rand(1, 1, 4, 5, 6), torch.zeros(1, 2, 4, 5))
    with pytest.raises(
        ValueError, match=r"points: expected \(1, 3, \*out\) with 3 axes of out, got"
    ):
        sample(torch.rand(1, 1, 4, 5, 6), torch.zeros(1, 3, 7))


def test_an_image_given_to_the_constructor_is_named_by_its_shape():
    with pytest.raises(
        ValueError, match=r"mode: expected one of .*, got a tensor \(1, 1, 5, 7\)\.$"
    ):
        Warp(torch.zeros(1, 1, 5, 7), torch.zeros(1, 2, 5, 7))
