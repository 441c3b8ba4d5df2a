"""Recomputing changes what is kept in memory, and no number: not the running statistics either."""

import copy

import pytest
import torch
from torch import nn

from regtutor.networks import GlobalNet, LocalNet, recompute

SIZES = {2: (16, 24), 3: (16, 8, 24)}


def local_net(d):
    torch.manual_seed(0)
    return LocalNet(d, 2, 2, [0, 1, 2], out_channels=d)


def global_net(d):
    torch.manual_seed(0)
    network = GlobalNet(SIZES[d], d, 2, 2, 2)
    nn.init.normal_(network.fc.weight, std=0.1)
    return network


def train(network, x):
    """Two steps: the second shows what the first left in the running statistics."""
    for _ in range(2):
        network.zero_grad()
        field = network(x)
        field.square().sum().backward()
    return field.detach(), [p.grad for p in network.parameters()]


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("make", [local_net, global_net])
@pytest.mark.parametrize("training", [True, False])
def test_it_changes_no_number(d, make, training):
    plain = make(d).train(training)
    saving = recompute(copy.deepcopy(plain))
    x = torch.rand(2, 2, *SIZES[d])
    fields, slopes = zip(*(train(network, x) for network in (plain, saving)), strict=True)
    assert torch.equal(*fields)
    assert all(torch.equal(a, b) for a, b in zip(*slopes, strict=True))
    expected, got = plain.state_dict(), saving.state_dict()
    assert all(torch.equal(got[name], value) for name, value in expected.items())
    if training:
        assert got["encoder.levels.0.entry.norm.num_batches_tracked"] == 2


def kept(network, x):
    """Bytes that a forward pass leaves for the backward one, each tensor once."""
    storages = {}

    def note(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        field = network(x)
    del field
    return sum(storages.values())


def test_it_keeps_less():
    x = torch.rand(1, 2, 32, 32, 32)
    network = local_net(3)
    whole = kept(network, x)
    assert kept(recompute(network), x) < 0.7 * whole
    assert kept(recompute(network, on=False), x) == whole
    recompute(network.encoder.levels[0])
    assert kept(network, x) < 0.9 * whole
