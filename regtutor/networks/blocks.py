"""The pieces that networks here are made of: convolution, residual, down, up, and the encoder.

    conv_block(x) = relu(norm(conv(x))),    residual(x) = relu(norm(conv(conv_block(x))) + x)

A level of the encoder is one of each; the next level has half the size and twice the channels.
Source: Hu et al., "Weakly-supervised convolutional neural networks for multimodal image
registration", Medical Image Analysis 49, 2018; layers and initial weights are MONAI's. Taught in
notebook 07.

A convolution before a batch norm has no bias: the norm would take it away again.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.checks import require, require_batch, require_choice, require_count
from regtutor.networks.convolution import Convolution3d
from regtutor.networks.recompute import Forgetful

_CONV = {2: nn.Conv2d, 3: Convolution3d}
_TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_NORM = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_POOL = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


def convolution(
    spatial_dims: int, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1
) -> nn.Module:
    """A convolution without bias that keeps the size, or divides it by `stride`."""
    return _CONV[spatial_dims](
        in_channels,
        out_channels,
        kernel_size=kernel_size,
        stride=stride,
        padding=(kernel_size - stride) // 2,
        bias=False,
    )


def norm_relu(spatial_dims: int, conv: nn.Module, channels: int) -> nn.Sequential:
    """A convolution, followed by batch norm and ReLU (in place: the norm does not need its own)."""
    norm, relu = _NORM[spatial_dims](channels), nn.ReLU(inplace=True)
    return nn.Sequential(OrderedDict(conv=conv, norm=norm, relu=relu))


def conv_block(
    spatial_dims: int, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1
) -> nn.Sequential:
    """relu(norm(conv(x))), with Kaiming's normal weights of standard deviation √(2 / inputs)."""
    conv = convolution(spatial_dims, in_channels, out_channels, kernel_size, stride)
    nn.init.kaiming_normal_(conv.weight)  # type: ignore[arg-type]
    return norm_relu(spatial_dims, conv, out_channels)


def deconv_block(spatial_dims: int, in_channels: int, out_channels: int) -> nn.Sequential:
    """The same with a transposed convolution that doubles the size; torch's initial weights."""
    conv = _TRANSPOSED[spatial_dims](
        in_channels, out_channels, kernel_size=3, stride=2, padding=1, output_padding=1, bias=False
    )
    return Forgetful(OrderedDict(norm_relu(spatial_dims, conv, out_channels).named_children()))


class ResidualBlock(nn.Module):
    """Two convolutions that learn what to add to their input; torch's initial weights."""

    def __init__(self, spatial_dims: int, channels: int, kernel_size: int = 3) -> None:
        super().__init__()
        first = convolution(spatial_dims, channels, channels, kernel_size)
        self.first = norm_relu(spatial_dims, first, channels)
        self.conv = convolution(spatial_dims, channels, channels, kernel_size)
        self.norm = _NORM[spatial_dims](channels)

    def forward(self, x: Tensor) -> Tensor:
        change = self.norm(self.conv(self.first(x)))
        return F.relu(change.add_(x), inplace=True)


def level_block(
    spatial_dims: int, in_channels: int, out_channels: int, kernel_size: int = 3
) -> nn.Sequential:
    """What stands at each level: a convolution to the level's channels, and a residual block."""
    entry = conv_block(spatial_dims, in_channels, out_channels, kernel_size)
    residual = ResidualBlock(spatial_dims, out_channels, kernel_size)
    return Forgetful(OrderedDict(entry=entry, residual=residual))


class AdditiveUp(nn.Module):
    """Twice the size and half the channels, by two ways that are added: one learns, one does not.

        up(x) = deconv(x) + resize(first half of the channels + second half)

    Args:
        in_channels: even.
        mode, align_corners: of `torch.nn.functional.interpolate`.
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, mode: str, align_corners: bool | None
    ) -> None:
        super().__init__()
        self.deconv = deconv_block(spatial_dims, in_channels, in_channels // 2)
        self.mode = mode
        self.align_corners = align_corners

    def forward(self, x: Tensor) -> Tensor:
        learned = self.deconv(x)
        halves = torch.add(*x.chunk(2, dim=1))  # added before resizing: a small tensor, not a big
        resized = F.interpolate(
            halves, size=learned.shape[2:], mode=self.mode, align_corners=self.align_corners
        )
        return resized.add_(learned)


class Encoder(nn.Module):
    """Down from the image to small, rich features: what LocalNet and GlobalNet share.

    Args:
        spatial_dims: 2 or 3.
        in_channels: of the image.
        num_channel_initial: channels at level 0; they double from level to level.
        kernel_sizes: odd, one for each level; the last is the bottom's.
        pooling: halve by the maximum of each 2×2(×2), else by a convolution that learns.
        residual_bottom: whether the bottom has a residual block too.

    Raises:
        ValueError: a number that is none of these.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        num_channel_initial: int,
        kernel_sizes: Sequence[int],
        *,
        pooling: bool,
        residual_bottom: bool,
    ) -> None:
        super().__init__()
        require_choice("spatial_dims", spatial_dims, (2, 3))
        require_count("in_channels", in_channels)
        require_count("num_channel_initial", num_channel_initial)
        d, self.depth = spatial_dims, len(kernel_sizes) - 1
        self.spatial_dims, self.in_channels = spatial_dims, in_channels
        self.channels = [num_channel_initial * 2**level for level in range(self.depth + 1)]
        sources = [in_channels, *self.channels]
        shapes = list(zip(sources, self.channels, kernel_sizes, strict=False))
        self.levels = nn.ModuleList(level_block(d, *shape) for shape in shapes[:-1])
        self.downs = nn.ModuleList(
            _POOL[d](kernel_size=2) if pooling else conv_block(d, c, c, kernel_size=2, stride=2)
            for c in self.channels[:-1]
        )
        self.bottom = (level_block if residual_bottom else conv_block)(d, *shapes[-1])

    def forward(self, x: Tensor) -> list[Tensor]:
        """The features of every level, the bottom's last: `(B, channels[l], *spatial / 2^l)`."""
        features = []
        for level, down in zip(self.levels, self.downs, strict=True):
            features.append(level(x))
            x = down(features[-1])
        return [*features, self.bottom(x)]

    def require_input(self, x: Tensor) -> None:
        """Ask at the network's door whether `x` can be encoded."""
        require_batch("x", x, self.spatial_dims)
        size, factor = tuple(x.shape[2:]), 2**self.depth
        require(
            x.shape[1] == self.in_channels,
            "x",
            f"{self.in_channels} channels (in_channels)",
            tuple(x.shape),
            "Two images enter as torch.cat([moving, fixed], dim=1).",
        )
        dtype = next(self.parameters()).dtype
        fits = x.dtype == dtype or torch.is_autocast_enabled(x.device.type)
        require(fits, "x", f"{dtype}, as the weights are", x.dtype, f"Call .to({dtype}).")
        above = tuple(max(-(-n // factor), 1) * factor for n in size)
        below = tuple(max(n // factor, 1) * factor for n in size)
        require(
            size == above,
            "x",
            f"a size divisible by {factor}, as the encoder halves it {self.depth} times",
            size,
            f"Pad the images to {above} with SpatialPadd; the nearest size below is {below}.",
        )
        require(
            not self.training or len(x) * math.prod(size) > factor**self.spatial_dims,
            "x",
            "more than one voxel a channel at the bottom, for batch norm to train on",
            f"a batch of {len(x)} of {size}, halved {self.depth} times",
            "Take larger images, fewer levels or two pairs a batch, or call .eval().",
        )
