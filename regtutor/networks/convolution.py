"""A 3-D convolution that takes the fastest way a CPU has; weights and numbers are nn.Conv3d's.

    y(x) = Σ_k w(k) · x(x + k)    ⇔    ŷ(f) = conj(ŵ(f)) · x̂(f)

A kernel of 7³ costs 343 products a voxel on the left, but one a frequency on the right, and the
Fourier transform between them is cheap. That is true of a periodic x, and ŵ is as large as x̂. So
the volume is cut into tiles, and each is read with the k − 1 voxels that its windows reach beyond
it: of what the periodic product gives, the first `tile` voxels an axis are right, as no window of
theirs goes around; the last k − 1 are not, and are left. (This is *overlap-save*.) A tile of about
24³ fits in the cache. Channels mix at each frequency by a matrix product:

    ŷ[f, tile, o] = Σ_i x̂[f, tile, i] · conj(ŵ[f, i, o])

Source: Stockham, "High-speed convolution and correlation", AFIPS 1966; Mathieu et al., "Fast
training of convolutional networks through FFTs", ICLR 2014.

Convention: as in torch, what is called convolution does not turn the kernel around; zeros outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_AXES = (2, 3, 4)
_TILE = 24
_LENGTHS = (
    8,
    12,
    16,
    18,
    20,
    24,
    28,
    30,
)  # of a tile with its rim: what a Fourier transform is quick at


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
            return _ByFourier.apply(x, self.weight)
        if self.kernel_size[0] == 3:
            return _convolve_small(x, self.weight)
        return super().forward(x)


def _pays(x: Tensor, weight: Tensor) -> bool:
    """Whether 7³ is faster by the Fourier transform (measured on one core).

    The kernel's transform is one for each pair of channels, the volume's one for each channel.
    """
    channels = weight.shape[:2]
    return min(channels) >= 8 and x[:, 0].numel() >= 1000 * max(channels)


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


class _ByFourier(torch.autograd.Function):
    """The convolution and its two gradients, which are convolutions too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return convolve(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        turned = weight.transpose(0, 1).flip(_AXES)  # from the outputs back to the inputs
        return (
            convolve(grad, turned) if ctx.needs_input_grad[0] else None,
            kernel_gradient(x, grad, weight.shape[2]) if ctx.needs_input_grad[1] else None,
        )


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """`F.conv3d(x, weight, padding=k // 2)` for an odd k, tile by tile."""
    size, k = x.shape[2:], weight.shape[2]
    tile, lengths = _plan(size, k)
    kernel = _kernel_spectrum(weight, lengths)
    whole = [-(-n // t) * t for n, t in zip(size, tile, strict=True)]
    y = x.new_empty(len(x), len(weight), *whole)
    sources = _rows(_pad(x, tile, lengths, before=k // 2), lengths, step=tile)
    for source, target in zip(sources, _rows(y, tile, step=tile), strict=True):
        product = (_spectrum(source, lengths) @ kernel).permute(1, 2, 0)  # (tiles, O, f)
        periodic = torch.fft.irfftn(product.unflatten(2, _half(lengths)), s=lengths, dim=_AXES)
        target.copy_(periodic[..., : tile[0], : tile[1], : tile[2]])
    return y[..., : size[0], : size[1], : size[2]].contiguous()


def kernel_gradient(x: Tensor, grad: Tensor, k: int) -> Tensor:
    """`Σ_x grad(x) · x(x + k)`: a convolution whose kernel is a tile of grad, at k³ places."""
    tile, lengths = _plan(x.shape[2:], k)
    n, *rest = _half(lengths)
    dtype = torch.promote_types(x.dtype, torch.complex64)
    total = x.new_zeros(n * rest[0] * rest[1], grad.shape[1], x.shape[1], dtype=dtype)
    sources = _rows(_pad(x, tile, lengths, before=k // 2), lengths, step=tile)
    grads = _rows(_pad(grad, tile, tile, before=0), tile, step=tile)
    for source, tiles in zip(sources, grads, strict=True):
        weights = _spectrum(tiles, lengths).conj_physical_().transpose(1, 2)
        total.baddbmm_(weights, _spectrum(source, lengths))
    back = torch.fft.ifft(torch.eye(n, dtype=x.dtype), dim=0)[:k]
    part = (back @ total.view(n, -1)).view(k, *rest, *total.shape[1:])
    part = torch.fft.irfftn(part.permute(3, 4, 0, 1, 2), s=lengths[1:], dim=_AXES[1:])
    return part[..., :k, :k]


def _kernel_spectrum(weight: Tensor, lengths: Sequence[int]) -> Tensor:
    """conj(ŵ), `(f, I, O)`; the first axis by a matrix, as all but k of its rows are zeros."""
    part = torch.fft.rfftn(weight, s=lengths[1:], dim=_AXES[1:]).permute(2, 3, 4, 1, 0)
    matrix = torch.fft.fft(torch.eye(len(part), dtype=weight.dtype), n=lengths[0]).T
    return (matrix @ part.flatten(1)).conj_physical_().view(-1, *part.shape[3:])


def _spectrum(tiles: Tensor, lengths: Sequence[int]) -> Tensor:
    """`(tiles, C, *spatial)` → `(f, tiles, C)`, with zeros behind up to the lengths."""
    return torch.fft.rfftn(tiles, s=lengths, dim=_AXES).flatten(2).permute(2, 0, 1).contiguous()


def _half(lengths: Sequence[int]) -> tuple[int, int, int]:
    """The frequencies that are kept of a real signal's."""
    return lengths[0], lengths[1], lengths[2] // 2 + 1


def _plan(size: Sequence[int], k: int) -> tuple[list[int], list[int]]:
    """For each axis the tile, and the length that is transformed: the tile with its rim.

    Where one tile is all there is, the zeros of one rim serve both ends, as it is periodic.
    """
    tile, lengths = [], []
    for n in size:
        count = -(-n // _TILE)
        rim = k - 1 if count > 1 else k // 2
        least = -(-n // count) + rim
        lengths.append(next(length for length in _LENGTHS if length >= least))
        tile.append(lengths[-1] - rim)
    return tile, lengths


def _pad(x: Tensor, tile: Sequence[int], lengths: Sequence[int], before: int) -> Tensor:
    """Zeros around, so that whole tiles of the lengths fit."""
    pads: list[int] = []
    for n, t, length in zip(x.shape[2:], tile, lengths, strict=True):
        whole = (-(-n // t) - 1) * t + length
        pads = [before, whole - n - before, *pads]  # F.pad begins with the last axis
    return F.pad(x.contiguous(), pads) if any(pads) else x


def _rows(x: Tensor, width: Sequence[int], step: Sequence[int]) -> Iterator[Tensor]:
    """The tiles, a row along the last axis at a time: `(tiles, C, *width)`, a view."""
    for axis in _AXES:
        x = x.unfold(axis, width[axis - 2], step[axis - 2])
    for volume in x.permute(0, 2, 3, 4, 1, 5, 6, 7):
        for plane in volume:
            yield from plane
