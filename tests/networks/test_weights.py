"""The names of weights, ours and MONAI's; what does not fit is named. (Values: tests/parity.)"""

import pytest
import torch
from torch import nn

from regtutor.networks import GlobalNet, LocalNet, from_monai, to_monai

NETWORKS = [
    LocalNet(2, 2, 2, [0, 2], out_channels=2, pooling=False, concat_skip=True),
    LocalNet(3, 2, 2, [1], out_activation="prelu", use_additive_sampling=False),
    GlobalNet((8, 8), 2, 2, 2, depth=2),
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: type(n).__name__)
def test_there_and_back(network):
    weights = network.state_dict()
    theirs = to_monai(weights, network)
    assert len(theirs) == len(weights)
    assert not any("entry" in name or "encoder" in name for name in theirs)
    back = from_monai(theirs, network)
    assert back.keys() == weights.keys()
    assert all(back[name] is value for name, value in weights.items())


def test_names_of_monai():
    names = to_monai(LocalNet(2, 2, 2, [0, 1]).state_dict(), LocalNet(2, 2, 2, [0, 1]))
    assert {
        "encode_convs.0.0.conv.weight",
        "encode_convs.0.0.adn.N.running_var",
        "encode_convs.0.1.layers.0.conv.weight",
        "encode_convs.0.1.layers.1.conv.weight",
        "encode_convs.0.1.norms.0.bias",
        "encode_convs.0.1.norms.1.num_batches_tracked",
        "bottom_block.conv.weight",
        "decode_deconvs.0.deconv.conv.weight",
        "decode_deconvs.0.deconv.adn.N.weight",
        "decode_convs.0.1.norms.1.weight",
        "output_block.layers.1.conv.weight",
    } < names.keys()


def test_weights_of_other_levels_are_refused_and_say_which():
    shallow, full = LocalNet(2, 2, 4, [3]), LocalNet(2, 2, 2, [0, 1, 2, 3])
    weights = to_monai(shallow.state_dict(), shallow)
    with pytest.raises(ValueError, match=r"num_channel_initial=4, extract_levels=\[3\]"):
        from_monai(weights, full)
    with pytest.raises(ValueError, match=r"'heads.0.conv.weight'\]: expected \(3, 16, 3, 3\)"):
        to_monai(full.state_dict(), LocalNet(2, 2, 2, [3]))


def test_a_weight_that_lacks_or_has_another_shape_is_named():
    network = GlobalNet((8, 8), 2, 2, 2, depth=2)
    weights = to_monai(network.state_dict(), network)
    lacking = {name: value for name, value in weights.items() if name != "output_block.fc.bias"}
    with pytest.raises(ValueError, match=r"'output_block.fc.bias'\]: expected \(6,\), got no such"):
        from_monai(lacking, network)
    weights["output_block.fc.weight"] = torch.zeros(6, 5)
    with pytest.raises(ValueError, match=r"fc.weight'\]: expected \(6, 32\), got \(6, 5\)"):
        from_monai(weights, network)


def test_only_the_networks_themselves():
    inside = nn.Sequential(LocalNet(2, 2, 2, [0, 1]))
    with pytest.raises(
        ValueError, match=r"network: expected a LocalNet or GlobalNet.*network\[0\]"
    ):
        from_monai({}, inside)
