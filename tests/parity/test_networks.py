"""LocalNet and GlobalNet against MONAI's.

LocalNet to the bit: the first weights from one seed, the field, every gradient, the running
statistics (mode "nearest"; linear resizing adds in another order). GlobalNet's theta to the bit,
its field and gradients to the rounding of `A x + t` in float32. What is not to the bit is within
1e-5 (fields) and 1e-4 (gradients) of the largest value. The grids here are small, so all
convolutions are torch's own; the last test takes large ones.
"""

import copy
import inspect
import itertools

import pytest
import torch
from monai.networks import nets as monai_nets

from regtutor import networks

SIZES = {2: (16, 24), 3: (16, 8, 24)}
LEVELS = [[0, 1, 2, 3], [3, 0], [3], [2, 1], [1, 3, 3], (0, 2)]


def local_nets(spatial_dims, extract_levels, seed=0, **settings):
    """MONAI's and ours, made from one seed."""
    for library in (monai_nets, networks):
        torch.manual_seed(seed)
        settings.setdefault("out_channels", spatial_dims)
        yield library.LocalNet(spatial_dims, 2, 2, extract_levels, **settings)


def global_nets(spatial_dims, **settings):
    """MONAI's and ours from one seed, with linear layers that predict something."""
    for library in (monai_nets, networks):
        torch.manual_seed(0)
        settings.setdefault("depth", 2)
        network = library.GlobalNet(SIZES[spatial_dims], spatial_dims, 2, 2, **settings)
        fc = network.fc if library is networks else network.output_block.fc
        torch.manual_seed(1)
        torch.nn.init.normal_(fc.weight, std=0.02)
        yield network


def weights(network, theirs):
    """The weights, or what hangs on them, under our names."""
    return networks.from_monai(network.state_dict(), theirs)


def same(ours, theirs, close=0.0):
    """Equal, or within the share `close` of the largest value."""
    return bool((ours - theirs).abs().max() <= close * theirs.abs().max())


def compare(monai, ours, batch=2, exact=True):
    """Field, gradients and running statistics in training, then the field in evaluation."""
    close, grad_close = (0, 0) if exact else (1e-5, 1e-4)
    torch.manual_seed(2)
    d = len(ours.image_size) if isinstance(ours, networks.GlobalNet) else ours.encoder.spatial_dims
    x, fields, images = torch.rand(batch, 2, *SIZES[d]), [], []
    for network in (monai, ours):
        images.append(x.clone().requires_grad_())
        fields.append(network.train()(images[-1]))
        weight = torch.linspace(-1, 1, fields[-1].numel()).view_as(fields[-1])
        (fields[-1] * weight).mean().backward()
    assert fields[0].detach().abs().max() > 0.01
    assert same(fields[1], fields[0], close)
    assert images[0].grad.abs().max() > 0
    assert same(images[1].grad, images[0].grad, grad_close)
    theirs = networks.from_monai(
        {n: p.grad for n, p in monai.named_parameters()} | dict(monai.named_buffers()), ours
    )
    mine = {n: p.grad for n, p in ours.named_parameters()} | dict(ours.named_buffers())
    assert [n for n in theirs if not same(mine[n], theirs[n], grad_close)] == []
    with torch.no_grad():
        assert same(ours.eval()(x), monai.eval()(x), close)


@pytest.mark.parametrize("name", ["LocalNet", "GlobalNet"])
def test_arguments_their_order_and_defaults(name):
    theirs, ours = (
        [(p.name, p.default) for p in inspect.signature(getattr(library, name)).parameters.values()]
        for library in (monai_nets, networks)
    )
    assert ours[: len(theirs)] == theirs
    assert ours[len(theirs) :] == ([("head_mode", "nearest")] if name == "LocalNet" else [])


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("levels", LEVELS, ids=str)
@pytest.mark.parametrize("initializer", ["kaiming_uniform", "zeros"])
def test_one_seed_makes_the_same_network(spatial_dims, levels, initializer):
    """So every layer's first weights have MONAI's distribution."""
    monai, ours = local_nets(spatial_dims, levels, out_kernel_initializer=initializer)
    theirs = weights(monai, ours)
    assert set(ours.state_dict()) == set(theirs)
    assert all(torch.equal(theirs[name], value) for name, value in ours.state_dict().items())


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("levels", LEVELS, ids=str)
@pytest.mark.parametrize("batch", [1, 2])
def test_local_net(spatial_dims, levels, batch):
    compare(*local_nets(spatial_dims, levels), batch=batch)


SETTINGS = [
    ({"pooling": False}, True),
    ({"use_additive_sampling": False}, True),
    ({"concat_skip": True}, True),
    ({"concat_skip": True, "use_additive_sampling": False, "pooling": False}, True),
    ({"out_channels": 5}, True),
    ({"mode": "area"}, True),
    ({"mode": "linear"}, False),
    ({"mode": "linear", "align_corners": True}, False),
    *[
        ({"out_activation": name}, True)
        for name in ("tanh", "TANH", "relu", "leakyrelu", "prelu", "elu", "gelu", "sigmoid")
    ],
]


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize(("settings", "exact"), SETTINGS, ids=str)
def test_local_net_settings(spatial_dims, settings, exact):
    if settings.get("mode") == "linear":
        settings = settings | {"mode": {2: "bilinear", 3: "trilinear"}[spatial_dims]}
    compare(*local_nets(spatial_dims, [0, 1, 2], **settings), exact=exact)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_several_steps_of_training_stay_the_same_to_the_bit(spatial_dims):
    pair = list(local_nets(spatial_dims, [0, 1, 2, 3], out_kernel_initializer="zeros"))
    torch.manual_seed(3)
    batches = torch.rand(4, 1, 2, *SIZES[spatial_dims])
    for network in pair:
        optimizer = torch.optim.Adam(network.parameters(), 1e-2)
        for x in batches:
            optimizer.zero_grad()
            (network(x) - 1).square().mean().backward()
            optimizer.step()
    monai, ours = pair
    theirs = weights(monai, ours)
    assert [n for n, v in ours.state_dict().items() if not torch.equal(v, theirs[n])] == []


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(
    "settings", [{}, {"pooling": False}, {"encode_kernel_sizes": [5, 7, 3]}, {"depth": 3}], ids=str
)
def test_global_net(spatial_dims, batch, settings):
    monai, ours = global_nets(spatial_dims, save_theta=True, **settings)
    compare(monai, ours, batch, exact=False)
    assert ours.theta.shape == (batch, spatial_dims, spatial_dims + 1)
    assert torch.equal(ours.theta.flatten(1), monai.output_block.theta)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_global_net_from_one_seed(spatial_dims):
    pair = []
    for library in (monai_nets, networks):
        torch.manual_seed(0)
        pair.append(library.GlobalNet(SIZES[spatial_dims], spatial_dims, 2, 2, depth=2))
    theirs = weights(*pair)
    assert all(torch.equal(theirs[name], value) for name, value in pair[1].state_dict().items())


@pytest.mark.parametrize(
    ("spatial_dims", "settings"),
    [
        (d, {"pooling": p, "use_additive_sampling": a, "concat_skip": c})
        for d, p, a, c in itertools.product((2, 3), *[(True, False)] * 3)
    ],
    ids=str,
)
def test_weights_go_there_and_back(spatial_dims, settings):
    monai, ours = local_nets(spatial_dims, [2, 0], out_activation="prelu", **settings)
    torch.manual_seed(4)
    for value in monai.state_dict().values():
        value.copy_(torch.rand(value.shape))  # norms and statistics too
    there = networks.from_monai(monai.state_dict(), ours)
    assert not ours.load_state_dict(there).missing_keys
    x = torch.rand(1, 2, *SIZES[spatial_dims])
    assert torch.equal(ours.eval()(x), monai.eval()(x))
    back = networks.to_monai(ours.state_dict(), ours)
    assert set(back) == set(monai.state_dict())
    assert all(torch.equal(back[name], value) for name, value in monai.state_dict().items())


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_weights_of_global_net_go_there_and_back(spatial_dims):
    monai, ours = global_nets(spatial_dims, pooling=False)
    back = networks.to_monai(networks.from_monai(monai.state_dict(), ours), ours)
    assert set(back) == set(monai.state_dict())
    assert all(torch.equal(back[name], value) for name, value in monai.state_dict().items())


@pytest.mark.parametrize("name", ["LocalNet", "GlobalNet"])
def test_checkpoints_are_read_by_the_other(tmp_path, name):
    """Files of weights that differ from those of the network they are read into."""

    def trained(network):
        torch.manual_seed(6)
        for value in network.state_dict().values():
            value.copy_(torch.rand(value.shape) / 4)
        torch.save(network.state_dict(), tmp_path / "weights.pt")
        return network.eval()(x), torch.load(tmp_path / "weights.pt", weights_only=True)

    x = torch.rand(1, 2, *SIZES[2])
    monai, ours = local_nets(2, [2, 0]) if name == "LocalNet" else global_nets(2)
    expected, weights = trained(monai)
    assert not torch.equal(ours.eval()(x), expected)
    ours.load_state_dict(networks.from_monai(weights, ours))
    assert same(ours(x), expected, 1e-6)
    monai, ours = local_nets(2, [2, 0]) if name == "LocalNet" else global_nets(2)
    expected, weights = trained(ours)
    assert not torch.equal(monai.eval()(x), expected)
    monai.load_state_dict(networks.to_monai(weights, ours))
    assert same(monai(x), expected, 1e-6)


@pytest.mark.parametrize(("batch", "size"), [(2, (24, 16, 24)), (1, (32, 16, 24))])
def test_where_the_fast_convolution_is_taken(batch, size):
    """Both in float32 against ours in float64: the field to 2e-5, and no further than MONAI's.

    A value within rounding of 0 passes a ReLU or does not, which moves a gradient by up to 1e-2 in
    either library (MONAI's from its own in float64 too): so the median over the weights, to 5e-3.
    A convolution alone is held to 1e-5 in tests/networks/test_convolution.py.
    """
    torch.manual_seed(5)
    x, made = torch.rand(batch, 2, *size), []
    for library in (monai_nets, networks):
        torch.manual_seed(0)
        made.append(library.LocalNet(3, 2, 8, [0, 1, 2, 3]))
    made.append(copy.deepcopy(made[1]).double())  # torch's own convolutions
    fields, slopes = [], []
    for network, image in zip(made, (x, x, x.double()), strict=True):
        field = network(image)
        weight = torch.linspace(-1, 1, field.numel(), dtype=field.dtype).view_as(field)
        (field * weight).mean().backward()
        fields.append(field.detach().double())
        slopes.append({n: p.grad.double() for n, p in network.named_parameters()})
    slopes[0] = networks.from_monai(slopes[0] | dict(made[0].named_buffers()), made[1])
    errors = [
        torch.stack([(of[n] - v).abs().max() / v.abs().max() for n, v in slopes[2].items()])
        for of in slopes[:2]
    ]
    assert same(fields[1], fields[2], 2e-5)
    assert same(fields[1], fields[0], 4e-5)
    assert (fields[1] - fields[2]).abs().max() <= 1.5 * (fields[0] - fields[2]).abs().max()
    assert max(error.median() for error in errors) <= 5e-3
