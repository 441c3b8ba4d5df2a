"""regtutor and MONAI under the same names.

Most of it has one name and one signature in both. Where the two differ (what is one call in one and
two in the other) the function that does the same stands here.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from types import SimpleNamespace

import torch
from torch import Tensor, nn

import regtutor.deformation
import regtutor.losses
import regtutor.metrics
import regtutor.networks

warnings.filterwarnings("ignore", module="monai")  # its own, in its own code
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # about packages that it could use
    import monai.losses
    import monai.metrics
    import monai.networks.blocks
    import monai.networks.nets
    from monai.networks.nets.regunet import AffineHead

Library = SimpleNamespace


def library(*modules: object) -> Library:
    """All classes of some modules."""
    return Library(**{n: getattr(m, n) for m in modules for n in dir(m) if n[0].isupper()})


OURS = library(regtutor.deformation, regtutor.losses, regtutor.metrics, regtutor.networks)
MONAI = library(monai.losses, monai.metrics, monai.networks.blocks, monai.networks.nets)
OURS.name, MONAI.name = "ours", "MONAI"


def _warp_together(image: Tensor, label: Tensor, ddf: Tensor) -> tuple[Tensor, ...]:
    """One sampling, as in `regtutor.evaluation.predict`."""
    return tuple(regtutor.deformation.Warp()(torch.cat([image, label], dim=1), ddf).split(1, dim=1))


def _warp_each(image: Tensor, label: Tensor, ddf: Tensor) -> tuple[Tensor, ...]:
    """Two, as in MONAI's tutorials."""
    warp = MONAI.Warp()
    return warp(image, ddf), warp(label, ddf)


def _affine_head(theta: Tensor, size: Sequence[int]) -> Tensor:
    """What MONAI's GlobalNet does with its theta."""
    head = AffineHead(len(size), size, decode_size=[1] * len(size), in_channels=1)
    return head.affine_transform(theta) - head.grid


def _torch_determinant(ddf: Tensor) -> Tensor:
    """MONAI has none: the same derivatives, and torch.linalg.det of the matrix at each voxel."""
    rows = torch.stack(torch.gradient(ddf, dim=list(range(2, ddf.ndim))), dim=2)  # ∂u_k/∂x_a
    matrices = rows.flatten(3).permute(0, 3, 1, 2) + torch.eye(ddf.shape[1])
    return torch.linalg.det(matrices).view(len(ddf), *ddf.shape[2:])


OURS.warp_both, MONAI.warp_both = _warp_together, _warp_each
OURS.affine_to_ddf, MONAI.affine_to_ddf = regtutor.deformation.affine_to_ddf, _affine_head
OURS.determinant, MONAI.determinant = regtutor.deformation.jacobian_determinant, _torch_determinant


def local_net(library: Library, size: Sequence[int], channels: int, head: str) -> nn.Module:
    """LocalNet as on the slides; one seed makes the same weights in both libraries."""
    torch.manual_seed(0)
    d = len(size)
    made = library.LocalNet(
        spatial_dims=d,
        in_channels=2,
        out_channels=d,
        num_channel_initial=channels,
        extract_levels=[0, 1, 2, 3],
        out_kernel_initializer=head,
    )
    return made if library is OURS else _in_our_order(made, local_net(OURS, size, channels, head))


def global_net(library: Library, size: Sequence[int], channels: int) -> nn.Module:
    """GlobalNet with a last layer that predicts something: with MONAI's zeros all would agree."""
    torch.manual_seed(0)
    d = len(size)
    made = library.GlobalNet(size, d, in_channels=2, num_channel_initial=channels, depth=4)
    layer = made.fc if library is OURS else made.output_block.fc
    nn.init.normal_(layer.weight, std=0.1 / layer.in_features**0.5)
    return made if library is OURS else _in_our_order(made, global_net(OURS, size, channels))


def _in_our_order(network: nn.Module, twin: nn.Module) -> nn.Module:
    """MONAI's network, which lists its weights as ours does: so gradients can be compared."""
    named = regtutor.networks.from_monai(network.state_dict(keep_vars=True), twin)
    ordered = [named[name] for name, _ in twin.named_parameters()]
    network.parameters = lambda recurse=True: iter(ordered)
    return network
