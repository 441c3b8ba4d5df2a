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

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from regtutor.checks import require, require_choice, require_field, require_finite
from regtutor.losses.reduction import REDUCTIONS, reduce


def _inner(field: Tensor, steps: dict[int, int]) -> Tensor:
    """The field as each inner voxel sees it so many voxels further along some axes."""
    for axis in range(2, field.ndim):
        field = field.narrow(axis, 1 + steps.get(axis, 0), field.shape[axis] - 2)
    return field


class _Term(NamedTuple):
    """A squared derivative: weight · (scale · Σ factor · u(x + steps))², the first factor 1."""

    taps: list[tuple[int, dict[int, int]]]  # factors, each with its steps along axes
    weight: float
    axes: tuple[int, ...]  # along which it differentiates
    scale: float = 1.0

    def relative(self, size: torch.Size, component: int) -> _Term:
        """In shares of the grid: the sizes along the axes by that of the component's own."""
        along = math.prod(size[axis - 2] for axis in self.axes)
        return self._replace(scale=along / size[component])

    def derivative(self, field: Tensor) -> Tensor:
        (_, here), (factor, there), *others = self.taps
        total = torch.add(_inner(field, here), _inner(field, there), alpha=factor)
        for factor, steps in others:
            total.add_(_inner(field, steps), alpha=factor)
        return total if self.scale == 1 else total.mul_(self.scale)

    def give_back(self, gradient: Tensor, derivative: Tensor) -> None:
        """To each neighbour its part of the square's gradient: the factor that it came in with."""
        for factor, steps in self.taps:
            share = 2 * self.weight * self.scale * factor
            _inner(gradient, steps).add_(derivative, alpha=share)


class _Energy(torch.autograd.Function):
    """The sum of squared terms (a list for each component), with the gradient 2 Dᵀ D u.

    It is found on the way, in a fifth of the time of letting autograd undo every slice. Where each
    voxel has a factor of its own (reduction "none") or a second derivative is asked for, later.
    """

    @staticmethod
    def forward(ctx: Any, field: Tensor, terms: list[list[_Term]], reduction: str) -> Tensor:
        energy = torch.zeros_like(_inner(field, {}))
        at_once = ctx.needs_input_grad[0] and reduction != "none"
        gradient = torch.zeros_like(field) if at_once else None
        for k in range(len(terms)):  # one component at a time stays in the processor's cache
            one = slice(None), slice(k, k + 1)
            for term in terms[k]:
                derivative = term.derivative(field[one])
                energy[one].add_(derivative.square(), alpha=term.weight)
                if gradient is not None:
                    term.give_back(gradient[one], derivative)
        ctx.save_for_backward(field, gradient)
        ctx.terms = terms
        ctx.share = 1 / energy.numel() if reduction == "mean" else 1.0
        return reduce(energy, reduction)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        field, found = ctx.saved_tensors
        factor = gradients[0] * ctx.share
        if found is not None and not torch.is_grad_enabled():
            return found * factor, None, None
        factor = factor.expand_as(_inner(field, {}))
        gradient = torch.zeros_like(field)
        for k in range(len(ctx.terms)):
            one = slice(None), slice(k, k + 1)
            for term in ctx.terms[k]:
                term.give_back(gradient[one], term.derivative(field[one]) * factor[one])
        return gradient, None, None


class _SmoothnessLoss(nn.Module):
    """What the two have in common: MONAI's arguments and the questions at the door."""

    def __init__(self, normalize: bool = False, reduction: str = "mean") -> None:
        super().__init__()
        require_choice("reduction", reduction, REDUCTIONS)
        self.normalize = normalize
        self.reduction = reduction

    def _energy(self, pred: Tensor, terms: list[_Term]) -> Tensor:
        require_field("pred", pred)
        size, least = pred.shape[2:], "at least 3 voxels along every axis"
        require(min(size) > 2, "pred", least, tuple(size))
        require_finite("pred", pred)
        if not torch.is_grad_enabled():  # else the gradient would be found on the way for nothing
            pred = pred.detach()
        each = [[t.relative(size, k) for t in terms] for k in range(len(size))]
        return _Energy.apply(pred, each if self.normalize else [terms] * len(size), self.reduction)


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
        terms = []
        for a in range(2, pred.ndim):
            second = [(1, {a: 1}), (-2, {}), (1, {a: -1})]
            terms.append(_Term(second, weight=1, axes=(a, a)))
            for b in range(a + 1, pred.ndim):
                mixed = [(i * j, {a: i, b: j}) for i in (1, -1) for j in (1, -1)]  # four times it
                terms.append(_Term(mixed, weight=2 / 4**2, axes=(a, b)))  # stands twice in ∇∇u
        return self._energy(pred, terms)


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
        terms = []
        for a in range(2, pred.ndim):
            back, width = ({}, 1) if self.one_sided else ({a: -1}, 2)
            terms.append(_Term([(1, {a: 1}), (-1, back)], weight=1 / width**2, axes=(a,)))
        return self._energy(pred, terms)
