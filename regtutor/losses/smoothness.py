"""What a field costs for not being smooth: bending energy and diffusion.

    bending = mean of Σ_a (∂²u/∂a²)² + 2 Σ_{a<b} (∂²u/∂a∂b)²,    diffusion = mean of Σ_a (∂u/∂a)²

The mean runs over batch, components and the inner voxels (those with a neighbour on either side):
with three components it is a third of what formulas with ‖·‖² over the whole vector give. Sources:
Rueckert et al., IEEE TMI 18(8), 1999 (bending); Balakrishnan et al., IEEE TMI 38(8), 2019
(diffusion). The numbers are those of MONAI 1.6.1; up to 1.6.0 its bending energy used a wider
stencil and is another quantity. Taught in notebook 05.

Convention: ddf in voxels, channel k along axis k; derivatives a voxel, whatever the spacing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regtutor.checks import require, require_choice, require_field, require_finite
from regtutor.losses.reduction import REDUCTIONS, reduce


def _inner(field: Tensor, steps: dict[int, int] | None = None) -> Tensor:
    """The field at each inner voxel, or so many voxels further along some axes."""
    index = [slice(None), slice(None)]
    for axis in range(2, field.ndim):
        step = 0 if steps is None else steps.get(axis, 0)
        index.append(slice(1 + step, field.shape[axis] - 1 + step))
    return field[tuple(index)]


def _relative_size(field: Tensor, *axes: int) -> Tensor:
    """The sizes along `axes` by the size along each component's own: `(1, d, 1 …)`."""
    size = torch.tensor(field.shape[2:], dtype=field.dtype, device=field.device)
    size = size.view(1, -1, *[1] * len(size))
    along = 1
    for axis in axes:
        along *= field.shape[axis]
    return along / size


class _SmoothnessLoss(nn.Module):
    """What the two have in common: MONAI's arguments and the question at the door."""

    def __init__(self, normalize: bool = False, reduction: str = "mean") -> None:
        super().__init__()
        require_choice("reduction", reduction, REDUCTIONS)
        self.normalize = normalize
        self.reduction = reduction

    def _check(self, pred: Tensor) -> None:
        require_field("pred", pred)
        require(
            min(pred.shape[2:]) > 2,
            "pred",
            "at least 3 voxels along every axis",
            tuple(pred.shape[2:]),
        )
        require_finite("pred", pred)


class BendingEnergyLoss(_SmoothnessLoss):
    """The squared second derivatives of a field: what a thin plate would cost to bend that way.

    Lower is better, from 0 upwards. Blind to every affine map, however large (so it is useless
    for a `GlobalNet`), and to folds that are smooth.

    Args:
        normalize: measure in shares of the grid's size, so that one weight serves all sizes;
            it multiplies the value by about n² on a grid of n³.
        reduction: "mean", "sum", or "none": `(B, d, *(spatial − 2))`.

    Raises:
        ValueError: an unknown reduction.
    """

    def forward(self, pred: Tensor) -> Tensor:
        """`pred`: ddf `(B, d, *spatial)`, voxels → a scalar.

        Raises:
            ValueError: no field, an axis of fewer than 3 voxels, NaN.
        """
        self._check(pred)
        energy = torch.zeros((), dtype=pred.dtype, device=pred.device)
        for a in range(2, pred.ndim):
            second = _inner(pred, {a: 1}) - 2 * _inner(pred) + _inner(pred, {a: -1})
            energy = energy + self._scaled(second, pred, a, a) ** 2
            for b in range(a + 1, pred.ndim):
                ahead = _inner(pred, {a: 1, b: 1}) - _inner(pred, {a: 1, b: -1})
                mixed = (ahead - _inner(pred, {a: -1, b: 1}) + _inner(pred, {a: -1, b: -1})) / 4
                energy = energy + 2 * self._scaled(mixed, pred, a, b) ** 2  # stands twice in ∇∇u
        return reduce(energy, self.reduction)

    def _scaled(self, second: Tensor, pred: Tensor, a: int, b: int) -> Tensor:
        return second * _relative_size(pred, a, b) if self.normalize else second


class DiffusionLoss(_SmoothnessLoss):
    """The squared first derivatives of a field: what differs between neighbours.

    Lower is better, from 0 upwards. Blind to a translation only: a rotation costs, ‖A‖²/d for a
    field A x. As MONAI has it, by central differences, it is also blind to a checkerboard: it
    compares a voxel's neighbours and never the voxel itself.

    Args:
        normalize: measure in shares of the grid's size, so that one weight serves all sizes.
        reduction: "mean", "sum", or "none": `(B, d, *(spatial − 2))`.
        one_sided: forward differences, `u(x+1) − u(x)`, which see the checkerboard.

    Raises:
        ValueError: an unknown reduction.
    """

    def __init__(
        self, normalize: bool = False, reduction: str = "mean", *, one_sided: bool = False
    ) -> None:
        super().__init__(normalize, reduction)
        self.one_sided = one_sided

    def forward(self, pred: Tensor) -> Tensor:
        """`pred`: ddf `(B, d, *spatial)`, voxels → a scalar.

        Raises:
            ValueError: no field, an axis of fewer than 3 voxels, NaN.
        """
        self._check(pred)
        energy = torch.zeros((), dtype=pred.dtype, device=pred.device)
        for axis in range(2, pred.ndim):
            if self.one_sided:
                slope = _inner(pred, {axis: 1}) - _inner(pred)
            else:
                slope = (_inner(pred, {axis: 1}) - _inner(pred, {axis: -1})) / 2
            if self.normalize:
                slope = slope * _relative_size(pred, axis)
            energy = energy + slope**2
        return reduce(energy, self.reduction)
