"""From the sums under a window to the squared correlation in it, with its gradient.

    r = (c² + extra) / (v_p v_t),   c = S(pt) − S(p) S(t) / n,   v_p = max(S(pp) − S(p)² / n, floor)

The last step of the local correlation: see `similarity`, where its source stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

_CHUNK = 2**15  # voxels at a time: all that is computed from them stays in the processor's cache


class SquaredCorrelation(torch.autograd.Function):
    """r, `(B, C, *spatial)`, from S(p), S(t), S(pp), S(tt), S(pt), each of that shape.

    Then come n, a number or a tensor that expands to it, and the numbers extra and floor. Its
    gradient goes by the formula, in chunks: half the time of letting autograd undo each step.
    """

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        *sums, n, ctx.extra, ctx.floor = given
        ctx.save_for_backward(*sums)
        ctx.n = n
        parts = []
        for part in _chunks([*sums, n]):
            _, _, cross, p_var, t_var = _moments(*part)
            both = p_var.clamp_(min=ctx.floor).mul_(t_var.clamp_(min=ctx.floor))
            squared = torch.minimum(cross.square_(), both)  # Cauchy, Schwarz, whatever is rounded
            parts.append(squared.add_(ctx.extra).div_(both))
        return torch.cat(parts).view_as(sums[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        sums, wanted = ctx.saved_tensors, ctx.needs_input_grad[:5]
        parts = _chunks([*sums, ctx.n, gradients[0]])
        slopes = zip(*(_slopes(part, ctx.extra, ctx.floor, wanted) for part in parts), strict=True)
        whole = [s[0] if s[0] is None else torch.cat(s).view_as(sums[0]) for s in slopes]
        return *whole, None, None, None


def _chunks(given: Sequence[Any]) -> Iterator[Any]:
    """Piece by piece, flat, and all of the first's shape; a number is the same for each."""
    pieces = [
        x.expand_as(given[0]).flatten().split(_CHUNK) if isinstance(x, Tensor) else repeat(x)
        for x in given
    ]
    return zip(*pieces, strict=False)


def _moments(p: Tensor, t: Tensor, pp: Tensor, tt: Tensor, pt: Tensor, n: Any) -> list[Tensor]:
    """Both means, and n times covariance and variances."""
    p_mean, t_mean = p / n, t / n
    squares = (pt, p, t_mean), (pp, p, p_mean), (tt, t, t_mean)
    return [p_mean, t_mean, *(torch.addcmul(xy, x, y, value=-1) for xy, x, y in squares)]


def _slopes(
    part: Sequence[Any], extra: float, floor: float, wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """The gradients of the five sums from that of r, g; None for those that nobody wants.

    threshold_backward is what torch has for "x where y > a number, else 0" without the detour
    over booleans, which takes five times as long.
    """
    *moments, g = part
    where_above = torch.ops.aten.threshold_backward
    p_mean, t_mean, cross, *free = _moments(*moments)
    p_var, t_var = (var.clamp(min=floor) for var in free)
    both, squared = p_var * t_var, cross * cross
    share = g / both
    to_pt = where_above(2 * cross * share, both - squared, 0)  # elsewhere c² counts as both
    top = where_above(squared * share, both - squared, 0) + extra * share
    each = (p_mean, t_mean, p_var, free[0]), (t_mean, p_mean, t_var, free[1])
    found: list[Tensor | None] = []
    for (here, other, var, whole), is_wanted in zip(each, wanted[2:4], strict=True):
        if not is_wanted:
            found += [None, None]
            continue
        to_square = where_above(top / var, whole, floor).neg_()
        found += [torch.addcmul(other * to_pt, here, to_square, value=2).neg_(), to_square]
    to_p, to_pp, to_t, to_tt = found
    return to_p, to_t, to_pp, to_tt, to_pt
