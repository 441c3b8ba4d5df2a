"""The pieces of the networks: sizes, first weights, what they do when their learned part is off."""

import math

import pytest
import torch
from torch.nn import functional as F

from regtutor.networks.blocks import (
    AdditiveUp,
    Encoder,
    ResidualBlock,
    conv_block,
    convolution,
    deconv_block,
)

SIZES = {2: (6, 10), 3: (4, 6, 8)}
LINEAR = {2: "bilinear", 3: "trilinear"}


def encoder(spatial_dims=2, in_channels=2, channels=3, kernel_sizes=(3, 3), pooling=True):
    return Encoder(
        spatial_dims, in_channels, channels, kernel_sizes, pooling=pooling, residual_bottom=True
    )


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_convolution_keeps_the_size_or_divides_it(spatial_dims):
    x = torch.rand(1, 2, *SIZES[spatial_dims])
    for kernel_size in (1, 3, 5, 7):
        assert convolution(spatial_dims, 2, 3, kernel_size)(x).shape[2:] == x.shape[2:]
    halved = conv_block(spatial_dims, 2, 3, kernel_size=2, stride=2)(x)
    assert halved.shape == (1, 3, *[n // 2 for n in SIZES[spatial_dims]])
    doubled = deconv_block(spatial_dims, 2, 3)(x)
    assert doubled.shape == (1, 3, *[n * 2 for n in SIZES[spatial_dims]])


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_first_weights(spatial_dims):
    """Kaiming's normal for the blocks, torch's uniform for residual and transposed convolutions."""
    torch.manual_seed(0)
    inputs = 32 * 3**spatial_dims
    normal = conv_block(spatial_dims, 32, 32).conv.weight.detach()
    assert normal.std() == pytest.approx(math.sqrt(2 / inputs), rel=0.03)
    assert normal.abs().max() > 3 * normal.std()  # a normal has tails
    residual = ResidualBlock(spatial_dims, 32)
    for conv in (residual.first.conv, residual.conv, deconv_block(spatial_dims, 32, 32).conv):
        uniform = conv.weight.detach()
        assert uniform.std() == pytest.approx(1 / math.sqrt(3 * inputs), rel=0.03)
        assert uniform.abs().max() < 1 / math.sqrt(inputs)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_residual_block_that_has_learned_nothing_returns_its_input(spatial_dims):
    block = ResidualBlock(spatial_dims, 3)
    torch.nn.init.zeros_(block.norm.weight)
    x = torch.randn(2, 3, *SIZES[spatial_dims])
    kept = x.clone()
    assert torch.equal(block(x), x.relu())
    assert torch.equal(x, kept)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("linear", [False, True])
def test_additive_up_without_its_learned_half(spatial_dims, linear):
    mode = LINEAR[spatial_dims] if linear else "nearest"
    up = AdditiveUp(spatial_dims, 6, mode, None)
    torch.nn.init.zeros_(up.deconv.norm.weight)
    x = torch.randn(2, 6, *SIZES[spatial_dims])
    resized = F.interpolate(x, scale_factor=2, mode=mode)
    assert torch.allclose(up(x), resized[:, :3] + resized[:, 3:], atol=1e-6)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(
    "make", [lambda: ResidualBlock(2, 2), lambda: AdditiveUp(2, 2, "area", None)]
)
def test_gradients_survive_what_is_done_in_place(make, train):
    torch.manual_seed(0)
    block = make().double().train(train)
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block, (x,))


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("pooling", [True, False])
def test_the_encoder_halves_the_size_and_doubles_the_channels(spatial_dims, pooling):
    size = tuple(4 * n for n in SIZES[spatial_dims])
    features = encoder(spatial_dims, kernel_sizes=(3, 3, 3), pooling=pooling)(
        torch.rand(2, 2, *size)
    )
    shapes = [(2, 3 * 2**level, *[n // 2**level for n in size]) for level in range(3)]
    assert [tuple(f.shape) for f in features] == shapes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spatial_dims": 1}, r"spatial_dims: expected one of 2, 3, got 1"),
        ({"in_channels": 0}, r"in_channels: expected a whole number ≥ 1, got 0"),
        ({"channels": 2.5}, r"num_channel_initial: expected a whole number ≥ 1, got 2\.5"),
    ],
)
def test_numbers_that_make_no_encoder_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        encoder(**arguments)
