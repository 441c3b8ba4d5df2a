"""centred.py: a layer learned about the middle says what it said, and turns about the middle."""

import importlib
from pathlib import Path

import pytest
import torch

from regtutor.networks import GlobalNet

SCRIPTS = Path(__file__).parents[2] / "data_scripts"


@pytest.fixture
def about_middle(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("centred").about_middle


@pytest.mark.parametrize("size", [(8, 12), (8, 4, 12)])
def test_the_layer_says_the_same_within_and_afterwards(about_middle, size):
    network = GlobalNet(size, len(size), 2, 2, depth=1).eval()
    torch.nn.init.normal_(network.fc.weight, std=0.01)
    images = torch.rand(3, 2, *size)
    names, before = list(network.state_dict()), network(images)
    with about_middle(network.fc, size):
        assert torch.allclose(network(images), before, atol=1e-4)
    assert sorted(network.state_dict()) == sorted(names)
    assert torch.allclose(network(images), before, atol=1e-4)


def test_what_is_learned_within_is_a_map_about_the_middle(about_middle):
    """A tenth more on the diagonal: the middle stays, the faces move by a twentieth of the grid."""
    size = (8, 4, 12)
    network = GlobalNet(size, 3, 2, 2, depth=1).eval()
    with about_middle(network.fc, size), torch.no_grad():
        network.fc.parametrizations.bias.original[[0, 5, 10]] += 0.1
    ddf = network(torch.rand(1, 2, *size))[0]
    for axis, n in enumerate(size):
        expected = 0.1 * (torch.arange(n) - (n - 1) / 2)
        lines = ddf[axis].movedim(axis, -1)
        assert torch.allclose(lines, expected.expand_as(lines), atol=1e-5)


def test_a_shift_counts_half_the_grid(about_middle):
    size = (8, 12)
    network = GlobalNet(size, 2, 2, 2, depth=1).eval()
    with about_middle(network.fc, size), torch.no_grad():
        network.fc.parametrizations.bias.original[[2, 5]] += torch.tensor([0.5, -0.25])
    ddf = network(torch.rand(1, 2, *size))[0]
    assert torch.allclose(ddf[0], torch.full(size, 2.0), atol=1e-5)
    assert torch.allclose(ddf[1], torch.full(size, -1.5), atol=1e-5)
