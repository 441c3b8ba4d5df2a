"""LocalNet: its counts, its start at rest, what its levels and its head do to the field."""

import pytest
import torch
from torch.nn import functional as F

from regtutor.networks import LocalNet

SIZES = {2: (16, 24), 3: (16, 8, 24)}
LINEAR = {2: "bilinear", 3: "trilinear"}


def local_net(spatial_dims=2, extract_levels=(0, 1, 2), **settings):
    settings.setdefault("out_channels", spatial_dims)
    torch.manual_seed(0)
    return LocalNet(spatial_dims, 2, 2, extract_levels, **settings)


@pytest.mark.parametrize(
    ("spatial_dims", "levels", "parameters", "keys"),
    [
        (3, [0, 1, 2, 3], 5_937_120, 136),
        (3, [0, 3], 5_921_568, 134),
        (3, [3], 3_014_144, 61),
        (3, [0, 1, 2, 3, 4], 21_907_936, 179),
        (3, [4], 10_114_816, 79),
        (2, [0, 1, 2, 3], 1_839_168, 136),
        (2, [3], 865_664, 61),
    ],
)
def test_counts(spatial_dims, levels, parameters, keys):
    with torch.device("meta"):
        network = LocalNet(spatial_dims, 2, 32, levels, out_channels=spatial_dims)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert len(network.state_dict()) == keys


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("levels", [[0, 1, 2], [2], [2, 0], [1, 2], (1,), [0, 3]], ids=str)
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_field_on_the_grid_of_the_images(spatial_dims, levels, batch, dtype):
    network = local_net(spatial_dims, levels).to(dtype)
    x = torch.rand(batch, 2, *SIZES[spatial_dims], dtype=dtype)
    kept = x.clone()
    ddf = network(x)
    assert ddf.shape == (batch, spatial_dims, *SIZES[spatial_dims])
    assert ddf.dtype == dtype
    assert torch.equal(x, kept)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_zeros_start_at_rest_and_only_the_heads_learn_at_first(spatial_dims):
    network = local_net(spatial_dims, out_kernel_initializer="zeros")
    ddf = network(torch.rand(2, 2, *SIZES[spatial_dims]))
    assert torch.equal(ddf, torch.zeros_like(ddf))
    (ddf - 1).square().mean().backward()
    moved = {n.split(".")[0] for n, p in network.named_parameters() if p.grad.abs().max() > 0}
    assert moved == {"heads"}


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_default_start_moves_by_voxels(spatial_dims):
    ddf = local_net(spatial_dims)(torch.rand(2, 2, *SIZES[spatial_dims]))
    assert 0.1 < ddf.abs().mean() < 10


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_deepest_level_alone_gives_blocks_and_a_linear_head_smooths_them(spatial_dims):
    x = torch.rand(2, 2, *[8 * n for n in (2, 3, 4)[:spatial_dims]])
    blocky = local_net(spatial_dims, [3])(x)
    every_8th = (..., *[slice(None, None, 8)] * spatial_dims)
    coarse = blocky[every_8th]
    assert torch.equal(F.interpolate(coarse, scale_factor=8, mode="nearest"), blocky)
    smooth = local_net(spatial_dims, [3], head_mode=LINEAR[spatial_dims])(x)
    expected = F.interpolate(coarse, scale_factor=8, mode=LINEAR[spatial_dims])
    assert torch.allclose(smooth, expected, atol=1e-6)
    steps = [field.diff(dim=-1).abs().max() for field in (smooth, blocky)]
    assert steps[0] < steps[1] / 4


def test_the_order_of_the_levels_is_the_order_of_the_heads():
    network, reordered = local_net(extract_levels=[0, 1, 2]), local_net(extract_levels=[2, 0, 1])
    weights = network.state_dict()
    for new, old in enumerate([2, 0, 1]):
        weights[f"heads.{new}.conv.weight"] = network.heads[old].conv.weight
    reordered.load_state_dict(weights)
    x = torch.rand(1, 2, *SIZES[2])
    assert torch.allclose(network(x), reordered(x), atol=1e-6)


def test_an_activation_bounds_the_field():
    ddf = local_net(out_activation="tanh")(100 * torch.rand(1, 2, *SIZES[2]))
    assert 0.5 < ddf.abs().max() <= 1


def test_in_evaluation_a_pair_does_not_feel_its_neighbour_in_the_batch():
    network = local_net(3).eval()
    x = torch.rand(2, 2, *SIZES[3])
    assert torch.allclose(network(x)[:1], network(x[:1]), atol=1e-5)


def test_it_learns_a_constant_shift():
    network = local_net(out_kernel_initializer="zeros")
    x, target = torch.rand(2, 2, *SIZES[2]), torch.tensor([2.0, -1.0]).view(1, 2, 1, 1)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(60):
        loss = (network(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.5  # 2.5 at rest


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"extract_levels": []}, r"extract_levels: expected a list of levels ≥ 0.*\[0, 1, 2, 3\]"),
        ({"extract_levels": 3}, r"extract_levels: expected a list of levels.* got 3\."),
        ({"extract_levels": [0, -1]}, r"extract_levels\[1\]: expected a whole number ≥ 0, got -1"),
        ({"extract_levels": [0.5]}, r"extract_levels\[0\]: expected a whole number"),
        ({"extract_levels": [0]}, r"the deepest ≥ 1, got \[0\].*as in \[0, 3\]"),
        ({"out_kernel_initializer": "ones"}, "out_kernel_initializer: .*'zeros', got 'ones'"),
        ({"out_kernel_initializer": None}, "out_kernel_initializer: .*got None"),
        ({"out_activation": "softsign"}, "out_activation: expected one of 'relu'.*got 'softsign'"),
        ({"out_channels": 0}, "out_channels: expected a whole number ≥ 1, got 0"),
        ({"mode": "trilinear"}, "mode: expected one of 'nearest'.*'bilinear'.*got 'trilinear'"),
        ({"head_mode": "linear"}, "head_mode: expected one of 'nearest'.*got 'linear'"),
        ({"align_corners": True}, "align_corners: expected None with mode 'nearest', got True"),
    ],
)
def test_settings_that_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        local_net(**settings)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(2, 16, 24), r"x: expected \(B, C, H, W\), got \(2, 16, 24\).*image\[None\]"),
        (torch.rand(1, 2, 8, 8, 8), r"x: expected \(B, C, H, W\), got \(1, 2, 8, 8, 8\)"),
        (torch.rand(1, 1, 16, 24), r"x: expected 2 channels \(in_channels\).*torch\.cat"),
        (torch.ones(1, 2, 16, 24, dtype=torch.long), "x: expected floating-point values"),
        (torch.rand(1, 2, 16, 24).double(), r"x: expected torch.float32, as the weights are"),
        (torch.rand(1, 2, 16, 22), r"divisible by 4.*got \(16, 22\).*\(16, 24\).*\(16, 20\)"),
        (torch.rand(1, 2, 3, 24), r"divisible by 4.*got \(3, 24\).*\(4, 24\).*below is \(4, 24\)"),
        (torch.rand(1, 2, 4, 4), r"x: expected more than one voxel.*a batch of 1 of \(4, 4\)"),
    ],
)
def test_images_that_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        local_net()(x)


def test_one_voxel_at_the_bottom_is_enough_for_two_pairs_or_in_evaluation():
    assert local_net()(torch.rand(2, 2, 4, 4)).shape == (2, 2, 4, 4)
    assert local_net().eval()(torch.rand(1, 2, 4, 4)).shape == (1, 2, 4, 4)


def test_autocast_is_not_mistaken_for_a_wrong_dtype():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert local_net()(torch.rand(2, 2, 16, 24).bfloat16()).shape == (2, 2, 16, 24)
