"""GlobalNet: its counts, its start at the identity, theta, and the sizes that it refuses."""

import copy

import pytest
import torch

from regtutor.deformation import affine_to_ddf
from regtutor.networks import GlobalNet

SIZES = {2: (8, 12), 3: (8, 4, 12)}


def global_net(spatial_dims=2, **settings):
    torch.manual_seed(0)
    settings = {"image_size": SIZES[spatial_dims], "depth": 2, **settings}
    return GlobalNet(spatial_dims=spatial_dims, in_channels=2, num_channel_initial=2, **settings)


@pytest.mark.parametrize(
    ("size", "channels", "depth", "parameters", "keys"),
    [
        ((96, 96, 96), 16, 3, 4_121_868, 74),
        ((96, 96, 96), 16, 4, 6_556_428, 92),
        ((96, 96, 96), 32, 3, 11_174_412, 74),
        ((96, 96, 96), 32, 4, 24_890_892, 92),
        ((64, 64), 16, 3, 539_334, 74),
    ],
)
def test_counts(size, channels, depth, parameters, keys):
    with torch.device("meta"):
        network = GlobalNet(size, len(size), 2, channels, depth)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert len(network.state_dict()) == keys


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_starts_at_the_identity(spatial_dims, batch, dtype):
    network = global_net(spatial_dims).to(dtype)
    ddf = network(torch.rand(batch, 2, *SIZES[spatial_dims], dtype=dtype))
    assert torch.equal(ddf, torch.zeros(batch, spatial_dims, *SIZES[spatial_dims], dtype=dtype))


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_field_is_that_of_theta(spatial_dims):
    network = global_net(spatial_dims, save_theta=True)
    torch.nn.init.normal_(network.fc.weight, std=0.1)
    x = torch.rand(3, 2, *SIZES[spatial_dims])
    assert network.theta.shape == (0, spatial_dims, spatial_dims + 1)
    ddf = network(x)
    assert network.theta.shape == (3, spatial_dims, spatial_dims + 1)
    assert not network.theta.requires_grad
    assert torch.equal(ddf, affine_to_ddf(network.theta, SIZES[spatial_dims]))
    assert ddf.requires_grad


def test_a_bias_of_theta_moves_by_voxels():
    network = global_net()
    with torch.no_grad():
        network.fc.bias[2] = 3  # theta[0, 2]: the shift along axis 0
    ddf = network(torch.rand(1, 2, *SIZES[2]))
    assert torch.equal(ddf[0].amax(dim=(1, 2)), torch.tensor([3.0, 0.0]))
    assert torch.equal(ddf[0].amin(dim=(1, 2)), torch.tensor([3.0, 0.0]))


def test_theta_follows_the_network_and_is_no_weight():
    network = global_net(save_theta=True)
    network(torch.rand(1, 2, *SIZES[2]))
    assert "theta" not in network.state_dict()
    assert network.double().theta.dtype == torch.float64
    assert copy.deepcopy(network).theta.shape == (1, 2, 3)
    global_net().load_state_dict(network.state_dict())
    silent = global_net()
    silent(torch.rand(1, 2, *SIZES[2]))
    assert len(silent.theta) == 0


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_under_autocast_theta_keeps_its_digits(spatial_dims):
    """A shift of 300 + 1/8 voxels and a stretch of 1/512 would both be lost in bfloat16."""
    network = global_net(spatial_dims, save_theta=True)
    with torch.no_grad():
        network.fc.bias[0], network.fc.bias[spatial_dims] = 1 + 1 / 512, 300.125
    x = torch.rand(2, 2, *SIZES[spatial_dims])
    expected = network(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ddf = network(x)
    assert network.theta.dtype == ddf.dtype == torch.float32
    assert torch.equal(ddf, expected)
    ddf.sum().backward()
    assert network.fc.weight.grad.isfinite().all()


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_it_goes_to_any_device(spatial_dims):
    network = global_net(spatial_dims, save_theta=True).to("meta")
    ddf = network(torch.rand(1, 2, *SIZES[spatial_dims], device="meta"))
    assert (ddf.device.type, network.theta.device.type) == ("meta", "meta")


def test_kernel_sizes_one_for_each_level():
    network = global_net(encode_kernel_sizes=(7, 5, 3))
    sizes = [level.entry.conv.kernel_size[0] for level in network.encoder.levels]
    assert [*sizes, network.encoder.bottom.entry.conv.kernel_size[0]] == [7, 5, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": (8, 10)}, r"image_size: .*divisible by 4.*got \(8, 10\)\. .*\(8, 12\)"),
        ({"image_size": (8, 8, 8)}, r"image_size: expected 2 sizes \(spatial_dims\), got"),
        ({"image_size": 8}, r"image_size: expected 2 sizes \(spatial_dims\), got 8"),
        ({"image_size": (8.0, 8)}, r"image_size\[0\]: expected a whole number ≥ 1, got 8\.0"),
        ({"depth": 0}, "depth: expected a whole number ≥ 1, got 0"),
        ({"encode_kernel_sizes": [3, 3]}, r"encode_kernel_sizes: expected 3 sizes.*got \[3, 3\]"),
        (
            {"encode_kernel_sizes": 4},
            "encode_kernel_sizes: expected odd.*An even one has no middle",
        ),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        global_net(**settings)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(1, 2, 4, 24), r"x: expected the size \(8, 12\).*image_size\), got \(4, 24\)"),
        (torch.rand(1, 2, 8, 13), r"x: expected the size \(8, 12\).*got \(8, 13\)"),
        (torch.rand(2, 8, 12), r"x: expected \(B, C, H, W\), got \(2, 8, 12\)"),
        (torch.rand(1, 3, 8, 12), r"x: expected 2 channels \(in_channels\)"),
    ],
)
def test_images_that_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        global_net()(x)


def test_one_voxel_at_the_bottom_in_training():
    network = global_net(image_size=(4, 4))
    with pytest.raises(ValueError, match="x: expected more than one voxel a channel at the bottom"):
        network(torch.rand(1, 2, 4, 4))
    assert network.eval()(torch.rand(1, 2, 4, 4)).shape == (1, 2, 4, 4)
