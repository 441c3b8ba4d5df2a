"""Weights from elsewhere: a MONAI checkpoint's names into ours, and back.

    network.load_state_dict(from_monai(torch.load("monai.pt"), network))

The networks are the same, layer by layer; only the names of the layers differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from torch import Tensor, nn

from regtutor.checks import complaint, require
from regtutor.networks.globalnet import GlobalNet
from regtutor.networks.localnet import LocalNet

# Our name, and MONAI's; tried one after the other.
_NAMES = [
    (r"^encoder\.levels\.", "encode_convs."),
    (r"^encoder\.downs\.(\d+)", r"encode_pools.\1.layer"),
    (r"^encoder\.bottom\.", "bottom_block."),
    (r"^ups\.", "decode_deconvs."),
    (r"^merges\.", "decode_convs."),
    (r"^heads\.", "output_block.layers."),
    (r"^fc\.", "output_block.fc."),
    (r"\.residual\.first\.conv\.", ".1.layers.0.conv."),
    (r"\.residual\.first\.norm\.", ".1.norms.0."),
    (r"\.residual\.conv\.", ".1.layers.1.conv."),
    (r"\.residual\.norm\.", ".1.norms.1."),
    (r"\.entry\.", ".0."),
    (r"\.norm\.", ".adn.N."),
    (r"\.activation\.", ".adn.A."),
]


def from_monai(state_dict: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights of a MONAI network under our names.

    Args:
        state_dict: of MONAI's LocalNet or GlobalNet.
        network: ours, of the same settings; it is not changed.

    Returns:
        For `network.load_state_dict`; the tensors are shared, not copied.

    Raises:
        ValueError: the weights are of other settings; named is what differs first.
    """
    names = {_monai_name(name): name for name in _own(network)}
    _require_match(state_dict, {theirs: _own(network)[ours] for theirs, ours in names.items()})
    return {names[name]: value for name, value in state_dict.items()}


def to_monai(state_dict: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights of our network under MONAI's names.

    Args:
        state_dict: of our LocalNet or GlobalNet.
        network: ours, of the same settings; it is not changed.

    Returns:
        For the `load_state_dict` of MONAI's network; the tensors are shared, not copied.

    Raises:
        ValueError: the weights are of other settings; named is what differs first.
    """
    _require_match(state_dict, _own(network))
    return {_monai_name(name): value for name, value in state_dict.items()}


def _monai_name(name: str) -> str:
    for ours, theirs in _NAMES:
        name = re.sub(ours, theirs, name)
    return name


def _own(network: nn.Module) -> dict[str, Tensor]:
    require(
        isinstance(network, LocalNet | GlobalNet),
        "network",
        "a LocalNet or GlobalNet of regtutor",
        type(network).__name__,
        "Is it in an nn.Sequential? Take it out: network[0].",
    )
    return network.state_dict()


def _require_match(state_dict: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """The same names with the same shapes."""
    given = {name: tuple(value.shape) for name, value in state_dict.items()}
    wanted = {name: tuple(value.shape) for name, value in expected.items()}
    for name in [*wanted, *given]:
        ours, theirs = wanted.get(name, "no such weight"), given.get(name, "no such weight")
        if ours != theirs:
            remedy = f"Make the network as it was trained. {_settings(given)}".rstrip()
            raise ValueError(complaint(f"state_dict[{name!r}]", ours, theirs, remedy))


def _settings(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """What the weights of a MONAI LocalNet say of the settings they were made with."""
    first = shapes.get("encode_convs.0.0.conv.weight")
    heads = [s for n, s in shapes.items() if re.match(r"output_block\.layers\.\d+\.conv", n)]
    if first is None or not heads:
        return ""
    levels = [round(math.log2(shape[1] / first[0])) for shape in heads]
    return f"These weights say num_channel_initial={first[0]}, extract_levels={levels}."
