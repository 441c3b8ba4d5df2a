"""The networks that come trained: small, ready, and as good on new chests as the card says."""

import json

import pytest
import torch

from regtutor.data.thorax import breathing_pair, breathing_slice
from regtutor.deformation import Warp, affine_to_ddf
from regtutor.metrics import folding_fraction, target_registration_error
from regtutor.networks import from_monai, to_monai, trained_globalnet, trained_localnet
from regtutor.networks.trained import SIZES, WEIGHTS, local_network
from regtutor.transforms import ScaleIntensityRanged

MAKE = {2: breathing_slice, 3: breathing_pair}


def pair_of(d, seed, size=None):
    pair = MAKE[d](seed, size or SIZES[d])
    scale = ScaleIntensityRanged(["fixed", "moving"], -1000, 200, 0, 1, clip=True)
    images = scale({"fixed": pair.fixed[0], "moving": pair.moving[0]})
    return pair, torch.cat([images["moving"], images["fixed"]])[None]


def tre(pair, ddf, moving_points=None):
    moving_points = pair.moving_points if moving_points is None else moving_points
    error = target_registration_error(pair.fixed_points, moving_points, ddf, pair.spacing)
    return error.mean().item()


def test_small_enough_to_come_along():
    files = sorted(WEIGHTS.glob("*.pt"))
    assert [file.stem for file in files] == [
        "globalnet_2d",
        "globalnet_3d",
        "localnet_2d",
        "localnet_3d",
    ]
    assert sum(file.stat().st_size for file in files) < 5e6


@pytest.mark.parametrize("d", [2, 3])
def test_localnet_on_chests_it_never_met(d):
    network = trained_localnet(d)
    assert not network.training
    for seed in (4000, 4001):
        pair, images = pair_of(d, seed)
        with torch.no_grad():
            ddf = network(images)
        most = min({2: 2.0, 3: 4.0}[d], tre(pair, 0 * ddf) / 2)  # mm; the card has the means
        assert tre(pair, ddf) < most
        assert folding_fraction(ddf).item() < 1e-3
        label = Warp()(pair.moving_mask, ddf) > 0.5
        overlap = (label & (pair.fixed_mask > 0.5)).sum() * 2
        assert overlap / (label.sum() + (pair.fixed_mask > 0.5).sum()) > 0.95


@pytest.mark.parametrize("d", [2, 3])
def test_globalnet_on_a_chest_lying_askew(d):
    """Moved by a theta: its inverse is what brings the image there."""
    network = trained_globalnet(d)
    pair, images = pair_of(d, 4002)
    shift = torch.tensor([0.06, -0.05, 0.04][:d]) * torch.tensor(SIZES[d])
    theta = torch.cat([torch.eye(d), shift[:, None]], dim=1)[None]
    moved = Warp()(images[:, :1], affine_to_ddf(theta, SIZES[d]))
    points = pair.moving_points - shift  # what stood at x stands at x − t now
    with torch.no_grad():
        ddf = network(torch.cat([moved, images[:, 1:]], dim=1))
    assert tre(pair, ddf, points) < {2: 5.0, 3: 5.0}[d] < tre(pair, 0 * ddf, points) / 1.5
    assert network[1].theta.shape == (1, d, d + 1)


def test_any_size_of_the_same_field_of_view():
    pair, images = pair_of(2, 4000, (96, 112))
    with torch.no_grad():
        ddf = trained_localnet(2, size=(96, 112))(images)
    assert ddf.shape == (1, 2, 96, 112)
    assert tre(pair, ddf) < 3.0


def test_the_weights_go_to_monai_and_back():
    network = trained_localnet(2)[1]
    weights = network.state_dict()
    fresh = local_network(2)[1]
    fresh.load_state_dict(from_monai(to_monai(weights, network), network))
    assert all(torch.equal(value, weights[name]) for name, value in fresh.state_dict().items())


def test_the_card_says_what_the_figures_say():
    figures = json.loads((WEIGHTS / "figures.json").read_text(encoding="utf-8"))
    card = (WEIGHTS / "CARD.md").read_text(encoding="utf-8")
    assert sorted(figures) == ["globalnet_2d", "globalnet_3d", "localnet_2d", "localnet_3d"]
    for name, line in figures.items():
        before, after = line["before"]["tre_mm"], line["after"]["tre_mm"]
        assert f"| {name} |" in card
        assert f"| {before:.1f} → {after:.1f} |" in card
        assert after < before / 2


@pytest.mark.parametrize("make", [trained_localnet, trained_globalnet])
def test_refused(make):
    with pytest.raises(ValueError, match="spatial_dims: expected 2 or 3, got 4"):
        make(4)
    with pytest.raises(ValueError, match="size: expected 3 numbers"):
        make(3, size=(64, 48))
    with pytest.raises(ValueError, match=r"size\[1\]: expected"):
        make(2, size=(64, 1))
