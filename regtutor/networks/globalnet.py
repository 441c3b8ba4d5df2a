"""GlobalNet: from two images to one affine map, given as a displacement field.

    theta = W · features + b,    ddf(x) = A x + t − x,    theta = [A | t]

W starts at 0 and b at the identity, so an untrained GlobalNet moves nothing. Source: Hu et al.,
"Label-driven weakly-supervised learning for multimodal deformable image registration", ISBI 2018;
structure, numbers and initial weights are MONAI's. Taught in notebook 11.

Convention: theta is in voxels about voxel (0, …, 0), fixed → moving. A small change of A turns and
stretches about that corner, so it moves the far corner by far: learning rates must be small.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from regtutor.checks import require, require_batch, require_count
from regtutor.deformation import affine_to_ddf
from regtutor.networks.blocks import Encoder


class GlobalNet(nn.Module):
    """An encoder and one linear layer that predict an affine map.

    Args:
        image_size: the spatial size of the images; the linear layer is made for it alone.
        spatial_dims: 2 or 3.
        in_channels: of the input: 2 for a moving and a fixed image of one channel each.
        num_channel_initial: channels at level 0; they double from level to level.
        depth: how often the encoder halves the size.
        out_kernel_initializer, out_activation: kept for their place in MONAI's signature, where
            they do nothing: the linear layer always starts at the identity.
        pooling: halve by the maximum of each 2×2(×2), else by a convolution that learns.
        concat_skip: kept for its place; there is no decoder.
        encode_kernel_sizes: odd; one, or one for each of the depth + 1 levels.
        save_theta: keep what was last predicted in `theta`, `(B, d, d+1)`, without gradient (not
            among the weights; `(0, d, d+1)` before the first call).

    Raises:
        ValueError: a size that does not fit `depth`, or a number that makes no network.

    >>> network = GlobalNet([8, 12], 2, 2, 4, depth=1, save_theta=True)
    >>> ddf = network(torch.rand(1, 2, 8, 12))
    >>> ddf.shape, ddf.abs().max().item(), network.theta[0].tolist()
    (torch.Size([1, 2, 8, 12]), 0.0, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    """

    theta: Tensor

    def __init__(
        self,
        image_size: Sequence[int],
        spatial_dims: int,
        in_channels: int,
        num_channel_initial: int,
        depth: int,
        out_kernel_initializer: str | None = "kaiming_uniform",
        out_activation: str | None = None,
        pooling: bool = True,
        concat_skip: bool = False,
        encode_kernel_sizes: int | Sequence[int] = 3,
        save_theta: bool = False,
    ) -> None:
        super().__init__()
        require_count("depth", depth)
        self.encoder = Encoder(
            spatial_dims,
            in_channels,
            num_channel_initial,
            kernel_sizes=_kernel_sizes(encode_kernel_sizes, depth),
            pooling=pooling,
            residual_bottom=True,
        )
        _require_image_size(image_size, spatial_dims, depth)
        self.image_size = tuple(image_size)
        self.save_theta = save_theta
        d, voxels = spatial_dims, math.prod(n // 2**depth for n in image_size)
        self.fc = nn.Linear(self.encoder.channels[-1] * voxels, d * (d + 1))
        nn.init.zeros_(self.fc.weight)
        with torch.no_grad():
            self.fc.bias.copy_(torch.eye(d, d + 1).flatten())
        self.register_buffer("theta", torch.empty(0, d, d + 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, *image_size)` → ddf `(B, d, *image_size)`, voxels.

        Raises:
            ValueError: other channels, dimensions or size than the network's, or one voxel at the
                bottom in training.
        """
        d = len(self.image_size)
        require_batch("x", x, spatial_dims=d)
        require(
            tuple(x.shape[2:]) == self.image_size,
            "x",
            f"the size {self.image_size} that this GlobalNet was made for (image_size)",
            tuple(x.shape[2:]),
            "Resize the images with Resized, or make a GlobalNet of their size.",
        )
        self.encoder.require_input(x)
        bottom = self.encoder(x)[-1].flatten(1)
        with _without_autocast(x.device.type):
            theta = self.fc(bottom.to(self.fc.weight.dtype)).unflatten(1, (d, d + 1))
            if self.save_theta:
                self.theta = theta.detach()
            return affine_to_ddf(theta, self.image_size)


def _without_autocast(device: str) -> AbstractContextManager[object]:
    """Theta keeps the weights' precision: in bfloat16 one could not count voxels beyond 256."""
    if not torch.amp.is_autocast_available(device):
        return nullcontext()
    return torch.autocast(device, enabled=False)


def _kernel_sizes(sizes: int | Sequence[int], depth: int) -> list[int]:
    """One odd kernel size for each level."""
    sizes = [sizes] * (depth + 1) if isinstance(sizes, int) else list(sizes)
    require(
        len(sizes) == depth + 1,
        "encode_kernel_sizes",
        f"{depth + 1} sizes, for depth {depth} and the bottom",
        sizes,
    )
    odd = all(isinstance(k, int) and k > 0 and k % 2 == 1 for k in sizes)
    require(odd, "encode_kernel_sizes", "odd whole numbers", sizes, "An even one has no middle.")
    return sizes


def _require_image_size(image_size: Sequence[int], spatial_dims: int, depth: int) -> None:
    expected = f"{spatial_dims} sizes (spatial_dims)"
    is_list = isinstance(image_size, Sequence)
    require(is_list and len(image_size) == spatial_dims, "image_size", expected, image_size)
    for axis, n in enumerate(image_size):
        require_count(f"image_size[{axis}]", n)
    factor = 2**depth
    fitting = tuple(-(-n // factor) * factor for n in image_size)
    require(
        tuple(image_size) == fitting,
        "image_size",
        f"sizes divisible by {factor}, as the encoder halves them {depth} times",
        tuple(image_size),
        f"The nearest above is {fitting}.",
    )
