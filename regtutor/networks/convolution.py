"""A 3-D convolution that takes the fastest way a CPU has; weights and numbers are nn.Conv3d's.

A large kernel goes by the Fourier transform (`fourier`), a small one past two of torch's slow ways.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.networks.fourier import ConvolutionByFourier


class Convolution3d(nn.Conv3d):
    """`nn.Conv3d` with one kernel size and stride, and faster on a CPU in float32.

    Three cases leave torch's own way, each for large inputs only; the result differs by rounding.
    They cannot be differentiated twice where the Fourier transform is taken.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, *spatial)` → `(B, out_channels, *spatial / stride)`."""
        plain = self.stride[0] == 1 and x.dtype == self.weight.dtype == torch.float32
        plain = plain and x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        if not plain or x.numel() < 2**15:
            return super().forward(x)
        if self.kernel_size[0] == 7 and _pays(x, self.weight):
            return ConvolutionByFourier.apply(x, self.weight)
        if self.kernel_size[0] == 3:
            return _convolve_small(x, self.weight)
        return super().forward(x)


def _pays(x: Tensor, weight: Tensor) -> bool:
    """Whether 7³ is faster by the Fourier transform (measured on one core).

    The kernel's transform is one for each pair of channels, the volume's one for each channel.
    """
    channels = weight.shape[:2]
    return min(channels) >= 4 and x[:, 0].numel() >= 1000 * max(channels)


def _convolve_small(x: Tensor, weight: Tensor) -> Tensor:
    """3³ without two of torch's slow ways."""
    form = torch.contiguous_format if x.is_contiguous() else torch.channels_last_3d
    # With 8 channels oneDNN goes back twice as fast through channels that lie side by side.
    inside = torch.channels_last_3d if max(weight.shape[:2]) <= 8 else form
    weight = weight.contiguous(memory_format=inside)
    if len(x) > 1 or x[0, :, :, :, 0].numel() > 20480 or x.shape[2] % 2 == 1:
        y = F.conv3d(x.contiguous(memory_format=inside), weight, padding=1)
        return y.contiguous(memory_format=form)
    # Torch sends one small volume to slow_conv3d (here 3 to 10 times slower), but not a batch: so
    # it goes as two halves, each with the slice that it sees of the other.
    half, x = x.shape[2] // 2, F.pad(x, (0, 0, 0, 0, 1, 1))
    halves = torch.cat([x[:, :, : half + 2], x[:, :, half:]]).contiguous(memory_format=inside)
    y = F.conv3d(halves, weight, padding=(0, 1, 1))
    return torch.cat(y.chunk(2), dim=2).contiguous(memory_format=form)
