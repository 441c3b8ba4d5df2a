"""How much a map swells or shrinks at each voxel, and whether it folds: the Jacobian determinant.

    J(x) = ∇(x + ddf(x)) = I + ∇ddf(x)

Taught in notebook 03.

Convention: ddf in voxels of the fixed grid, channel k along axis k; derivatives a voxel.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from regtutor.checks import require, require_field


def jacobian_determinant(ddf: Tensor) -> Tensor:
    """How much volume the map x + ddf(x) makes of a unit of it: > 1 grows, < 1 shrinks, ≤ 0 folds.

    Central differences inside, one-sided at the border. Spacing cancels out.

    Args:
        ddf: `(B, d, *spatial)`, voxels.

    Returns:
        `(B, *spatial)`.

    >>> jacobian_determinant(torch.zeros(1, 2, 4, 4)).unique()
    tensor([1.])
    """
    require_field("ddf", ddf)
    small = "at least 2 voxels along every axis"
    require(min(ddf.shape[2:]) > 1, "ddf", small, tuple(ddf.shape[2:]))
    axes = range(1, ddf.ndim - 1)  # of one channel, (B, *spatial)
    return _determinant_of_map([[_Slope.apply(u, axis) for u in ddf.unbind(1)] for axis in axes])


def one_sided_determinants(ddf: Tensor) -> Iterator[Tensor]:
    """The determinant by each of the 2^d choices of forward or backward differences.

    They see what central differences step over: a field that flips sign from voxel to voxel.

    Args:
        ddf: `(B, d, *spatial)`, voxels.

    Yields:
        `(B, *spatial)`; where a voxel has no neighbour on that side, the other side's difference.
    """
    require_field("ddf", ddf)
    sides = []
    for axis in range(2, ddf.ndim):
        step = ddf.diff(dim=axis)
        forward = torch.cat([step, step.narrow(axis, -1, 1)], dim=axis)
        backward = torch.cat([step.narrow(axis, 0, 1), step], dim=axis)
        sides.append((forward.unbind(1), backward.unbind(1)))
    for gradients in itertools.product(*sides):
        yield _determinant_of_map(gradients)


def _stretches(n: int) -> list[tuple[float, int, int, int, int]]:
    """A weight, how many voxels of an axis, from where; the first one ahead of them, and behind."""
    return [(1.0, 1, 0, 1, 0), (0.5, n - 2, 1, 2, 0), (1.0, 1, n - 1, n - 1, n - 2)]


class _Slope(torch.autograd.Function):
    """The derivative along one axis: central inside, one-sided at the two ends.

    Written in place, and so is its gradient, which hands each difference back to its two voxels:
    half the time of letting autograd undo every slice.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, axis: int) -> Tensor:
        ctx.axis = axis
        slope = torch.empty_like(values)
        for weight, count, here, ahead, behind in _stretches(values.shape[axis]):
            pair = values.narrow(axis, ahead, count), values.narrow(axis, behind, count)
            torch.sub(*pair, out=slope.narrow(axis, here, count)).mul_(weight)
        return slope

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (slope,), axis = gradients, ctx.axis
        values = torch.zeros_like(slope)
        for weight, count, here, ahead, behind in _stretches(slope.shape[axis]):
            share = slope.narrow(axis, here, count)
            values.narrow(axis, ahead, count).add_(share, alpha=weight)
            values.narrow(axis, behind, count).sub_(share, alpha=weight)
        return values, None


def _determinant_of_map(gradients: Sequence[Sequence[Tensor]]) -> Tensor:
    """det(I + ∇ddf) from the derivatives along each axis of each component, all `(B, *spatial)`."""
    rows = [list(row) for row in zip(*gradients, strict=True)]  # a row a component
    for i, row in enumerate(rows):
        row[i] = row[i] + 1
    return _determinant(rows)


def _determinant(rows: list[list[Tensor]]) -> Tensor:
    """By cofactors: for 2 and 3 rows several times faster than a batched LU decomposition."""
    if len(rows) == 1:
        return rows[0][0]

    def minor(j: int) -> Tensor:
        return _determinant([row[:j] + row[j + 1 :] for row in rows[1:]])

    total = rows[0][0] * minor(0)
    for j in range(1, len(rows)):
        total = torch.addcmul(total, rows[0][j], minor(j), value=(-1) ** j)
    return total
