"""A convolution with a large kernel by way of the Fourier transform, and that by matrix products.

    y(x) = Σ_k w(k) · x(x + k)    ⇔    ŷ(f) = conj(ŵ(f)) · x̂(f)

A kernel of 7³ costs 343 products a voxel on the left, but one a frequency on the right. The
transform of a few samples is a small matrix, exp(−2πi f x / N): with channels last it is one matrix
product an axis, and samples that are zero or not wanted are columns and rows that are not there.

The right side is true of a periodic x. So the volume is cut into tiles, and each is read with the
k // 2 voxels beyond it on either side: of what comes back only the tile is kept, as no window of
its voxels goes around (*overlap-save*). Channels mix at each frequency by a matrix product, too:

    ŷ[f, tile, o] = Σ_i x̂[f, tile, i] · conj(ŵ[f, i, o])

Source: Stockham, "High-speed convolution and correlation", AFIPS 1966; Mathieu et al., "Fast
training of convolutional networks through FFTs", ICLR 2014.

Convention: as in torch, what is called convolution does not turn the kernel around; zeros outside.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_TILE = 26  # voxels: smaller tiles read more than they keep, larger ones outgrow the cache


class ConvolutionByFourier(torch.autograd.Function):
    """`F.conv3d(x, weight, padding=k // 2)` for an odd k, and its two gradients.

    Takes x `(B, I, *spatial)` and weight `(O, I, k, k, k)`; gives `(B, O, *spatial)`, contiguous.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        axes = _cut(x, weight.shape[2])
        kernel = _kernel(weight.transpose(0, 1), axes, sign=1)  # conj(ŵ): (f, I, O)
        forth, back = _wide(axes), [axis.back(0, axis.tile) for axis in axes]
        y = x.new_empty(len(x), len(weight), *[axis.tile * axis.tiles for axis in axes])
        for seen, target in zip(_rows(x, axes, rim=1), _views(y, axes, rim=0), strict=True):
            target.copy_(_volumes(_spectra(seen, forth) @ kernel, back))
        return _crop(y, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        """To x by ŵ · ĝ: from there the kernel is turned. To the weights by conj(x̂) · ĝ."""
        x, weight = ctx.saved_tensors
        axes, k = _cut(x, weight.shape[2]), weight.shape[2]
        kernel = _kernel(weight, axes, sign=-1)  # ŵ: (f, O, I)
        forth, back = _wide(axes), [axis.back(0, axis.tile) for axis in axes]
        conj = [axis.waves(0, axis.tile, sign=1) for axis in axes]
        slope = x.new_empty(len(x), x.shape[1], *[axis.tile * axis.tiles for axis in axes])
        total = torch.zeros_like(kernel).transpose(1, 2).contiguous()  # (f, I, O)
        grads, targets = _rows(grad, axes, rim=1), _views(slope, axes, rim=0)
        for seen, tiles, target in zip(grads, _rows(x, axes, rim=0), targets, strict=True):
            g = _spectra(seen, forth)
            target.copy_(_volumes(g @ kernel, back))
            total.baddbmm_(_spectra(tiles, conj).transpose(1, 2), g)
        lags = _volumes(total.flatten(1)[:, None], [axis.back(k // 2, k) for axis in axes])
        lags = lags.view(k, k, k, *total.shape[1:]).flip(0, 1, 2)  # they come backwards
        return _crop(slope, x), lags.permute(4, 3, 0, 1, 2)


class _Axis(NamedTuple):
    """How an axis is cut: into so many tiles, each read with a rim, periodic over `length`."""

    tile: int
    tiles: int
    rim: int
    length: int
    half: bool  # of a real signal, half of the frequencies along one axis tell all
    dtype: torch.dtype

    def waves(self, before: int, count: int, sign: int) -> Tensor:
        """`exp(sign · 2πi f x / N)`, `(frequencies, count)`; x from `before` places before 0."""
        return _waves(self.length, self.half, before, count, sign).to(self.dtype)

    def back(self, before: int, count: int) -> Tensor:
        """The way back, `(count, frequencies)`; a frequency that stands for two counts twice."""
        waves = self.waves(before, count, sign=1).T / self.length
        twice = slice(1, (self.length + 1) // 2) if self.half else slice(0)
        waves[:, twice] *= 2
        return waves.contiguous()


@functools.lru_cache(maxsize=64)
def _waves(length: int, half: bool, before: int, count: int, sign: int) -> Tensor:
    frequencies = torch.arange(length // 2 + 1 if half else length, dtype=torch.float64)
    places = torch.arange(-before, count - before, dtype=torch.float64)
    angle = sign * 2 * math.pi / length * torch.outer(frequencies, places)
    return torch.polar(torch.ones_like(angle), angle)


def _cut(x: Tensor, k: int) -> list[_Axis]:
    """As few tiles as there are of 26. A single one has zeros beyond: half the rim will do."""
    axes, dtype = [], torch.promote_types(x.dtype, torch.complex64)
    for axis, n in enumerate(x.shape[2:]):
        count = 1 if n <= 4 * _TILE // 3 else -(-n // _TILE)
        tile, rim = -(-n // count), k // 2 if count > 1 else 0
        axes.append(_Axis(tile, count, rim, tile + k // 2 + rim, axis == 2, dtype))
    return axes


def _wide(axes: Sequence[_Axis]) -> list[Tensor]:
    return [axis.waves(axis.rim, axis.tile + 2 * axis.rim, sign=-1) for axis in axes]


def _kernel(weight: Tensor, axes: Sequence[_Axis], sign: int) -> Tensor:
    """`(I, O, k, k, k)` → its spectrum (conjugate with sign 1), `(f, I, O)`."""
    k, channels = weight.shape[2], weight.shape[:2]
    rows = weight.permute(2, 3, 4, 0, 1).reshape(1, k, k, k, -1)
    return _spectra(rows, [axis.waves(k // 2, k, sign) for axis in axes]).view(-1, *channels)


def _spectra(volumes: Tensor, waves: Sequence[Tensor]) -> Tensor:
    """`(V, X, Y, Z, C)`, real → `(f, V, C)`, complex; waves `(frequencies, places)` an axis."""
    v, x, y, z, channels = volumes.shape
    last, n = waves[2], len(waves[2])
    parts = torch.cat([last.real, last.imag]) @ volumes.reshape(-1, z, channels)
    part = torch.complex(parts[:, :n], parts[:, n:])
    part = waves[1] @ part.view(v * x, y, -1)
    part = waves[0] @ part.view(v, x, -1)
    return part.view(v, -1, channels).transpose(0, 1)


def _volumes(spectra: Tensor, back: Sequence[Tensor]) -> Tensor:
    """`(f, V, C)`, complex → `(V, X, Y, Z, C)`, real: the way back, the halved axis last."""
    _, v, channels = spectra.shape
    first, second, last = back
    part = first @ spectra.transpose(0, 1).reshape(v, first.shape[1], -1)
    part = second @ part.view(v * len(first), second.shape[1], -1)
    part = part.view(-1, last.shape[1], channels)
    real = torch.cat([last.real, -last.imag], dim=1) @ torch.cat([part.real, part.imag], dim=1)
    return real.view(v, *map(len, back), channels)


def _rows(x: Tensor, axes: Sequence[_Axis], rim: int) -> Iterator[Tensor]:
    """The tiles with (1) or without (0) their rims, zeros beyond the volume; see `_views`."""
    pads: list[int] = []  # F.pad begins with the last axis
    for n, axis in zip(reversed(x.shape[2:]), reversed(axes), strict=True):
        pads += [rim * axis.rim, axis.tile * axis.tiles - n + rim * axis.rim]
    yield from _views(F.pad(x, pads) if any(pads) else x, axes, rim)


def _views(x: Tensor, axes: Sequence[_Axis], rim: int) -> Iterator[Tensor]:
    """The tiles in a volume of whole ones, a row at a time, as views: `(V, *tile, C)`.

    So what is made of them stays small: glibc gives memory above 32 MiB back, to fetch it again.
    """
    for dim, axis in enumerate(axes, start=2):
        x = x.unfold(dim, axis.tile + 2 * rim * axis.rim, axis.tile)
    for volume in x.movedim(1, -1):
        for slab in volume:
            yield from slab


def _crop(y: Tensor, like: Tensor) -> Tensor:
    """What of whole tiles lies in the volume."""
    first, second, last = like.shape[2:]
    return y[:, :, :first, :second, :last].contiguous()
