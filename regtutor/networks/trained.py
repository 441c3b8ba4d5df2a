"""Networks that come trained, on the breathing thorax: none has to be trained to see one at work.

    network = trained_localnet(spatial_dims=2)
    ddf = network(torch.cat([moving, fixed], dim=1))

Each works on a small grid: the images are averaged onto it, the field is brought back. Who taught
them, on what and how well they do on chests they never met is in `shipped/CARD.md`, written by the
program that trained them, `data_scripts/train_shipped.py`. Used in notebooks 10 and 13.

Convention: images in [0, 1], −1000 to 200 HU; the whole field of view of `breathing_slice` (2-D) or
`breathing_pair` (3-D), at any size. The ddf is in voxels of that size, and pulls.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from regtutor.checks import require, require_count
from regtutor.deformation import ResizeField
from regtutor.networks.globalnet import GlobalNet
from regtutor.networks.localnet import LocalNet

WEIGHTS = Path(__file__).parent / "shipped"
SIZES = {2: (112, 140), 3: (64, 48, 64)}
_LOCAL = {2: (56, 72), 3: (32, 24, 32)}
_GLOBAL = {2: (28, 36), 3: (16, 12, 16)}
_POOL: dict[int, type[nn.Module]] = {2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}


def trained_localnet(spatial_dims: int = 3, size: Sequence[int] | None = None) -> nn.Sequential:
    """A LocalNet that brings the inhaled chest onto the exhaled one.

    Args:
        spatial_dims: 2 for slices, 3 for volumes.
        size: of the images; (112, 140) or (64, 48, 64) by default.

    Returns:
        moving and fixed, `(B, 2, *size)` → ddf `(B, d, *size)`, voxels; in `eval` mode. The
        LocalNet itself is `[1]`.

    Raises:
        ValueError: neither 2 nor 3 dimensions, or a size of others.

    >>> trained_localnet(2)(torch.rand(1, 2, 112, 140)).shape
    torch.Size([1, 2, 112, 140])
    """
    return _load(local_network(spatial_dims, size), f"localnet_{spatial_dims}d")


def trained_globalnet(spatial_dims: int = 3, size: Sequence[int] | None = None) -> nn.Sequential:
    """A GlobalNet that brings an inhaled chest, lying askew, onto the exhaled one: affine alone.

    Args:
        spatial_dims, size: as for `trained_localnet`.

    Returns:
        moving and fixed, `(B, 2, *size)` → ddf `(B, d, *size)`, voxels; in `eval` mode. The
        GlobalNet itself is `[1]`; what it said last is `[1].theta`, in voxels of its own
        `[1].image_size`.

    Raises:
        ValueError: as `trained_localnet`.
    """
    return _load(global_network(spatial_dims, size), f"globalnet_{spatial_dims}d")


def local_network(spatial_dims: int, size: Sequence[int] | None = None) -> nn.Sequential:
    """The LocalNet before training: it moves nothing."""
    size = _size(spatial_dims, size)
    linear = {2: "bilinear", 3: "trilinear"}[spatial_dims]
    network = LocalNet(
        spatial_dims,
        in_channels=2,
        num_channel_initial={2: 16, 3: 8}[spatial_dims],
        extract_levels={2: [0, 1, 2, 3], 3: [0, 1, 2]}[spatial_dims],
        out_kernel_initializer="zeros",
        out_channels=spatial_dims,
        mode=linear,
        head_mode=linear,
    )
    return nn.Sequential(_POOL[spatial_dims](_LOCAL[spatial_dims]), network, ResizeField(size))


def global_network(spatial_dims: int, size: Sequence[int] | None = None) -> nn.Sequential:
    """The GlobalNet before training: it moves nothing."""
    size = _size(spatial_dims, size)
    grid = _GLOBAL[spatial_dims]
    network = GlobalNet(grid, spatial_dims, 2, 8, depth=2, save_theta=True)
    return nn.Sequential(_POOL[spatial_dims](grid), network, ResizeField(size))


def _size(spatial_dims: int, size: Sequence[int] | None) -> tuple[int, ...]:
    require(spatial_dims in SIZES, "spatial_dims", "2 or 3", spatial_dims)
    size = SIZES[spatial_dims] if size is None else tuple(size)
    require(len(size) == spatial_dims, "size", f"{spatial_dims} numbers", size)
    for axis, n in enumerate(size):
        require_count(f"size[{axis}]", n, least=2)
    return size


def _load(network: nn.Sequential, name: str) -> nn.Sequential:
    weights = torch.load(WEIGHTS / f"{name}.pt", map_location="cpu", weights_only=True)
    network[1].load_state_dict(weights)
    return network.eval()
