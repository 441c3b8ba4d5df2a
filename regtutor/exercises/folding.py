"""Answers to notebook 03's `jacobian`: the right determinant, and those with a slip.

    det ∇(x + ddf(x)) = (1 + a)(1 + d) − b c,   a = ∂u₀/∂0, b = ∂u₀/∂1, c = ∂u₁/∂0, d = ∂u₁/∂1

A field is shown to them that nowhere folds, and one that does: only the second tells |det| from
det, only the first has a logarithm. In double precision, so that 0.001 of a value is one gauge.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import affine_to_ddf, identity_grid
from regtutor.exercises.exercise import alike
from regtutor.exercises.forms import function_form

Determinant = Callable[[Tensor], Tensor]
Slopes = Callable[[Tensor, int], Tensor]


def jacobian_det(ddf: Tensor) -> Tensor:
    """The worked solution: ddf `(B, 2, H, W)` → `(B, H, W)`."""
    down, right = torch.gradient(ddf, dim=(2, 3))  # along axis 0, along axis 1: (B, 2, H, W)
    a, c = down.unbind(1)
    b, d = right.unbind(1)
    return (1 + a) * (1 + d) - b * c


def _central(ddf: Tensor, axis: int) -> Tensor:
    return torch.gradient(ddf, dim=axis)[0]


def _round_the_edge(ddf: Tensor, axis: int) -> Tensor:
    return (ddf.roll(-1, axis) - ddf.roll(1, axis)) / 2


def _forward(ddf: Tensor, axis: int) -> Tensor:
    step = ddf.diff(dim=axis)
    return torch.cat([step, step.narrow(axis, -1, 1)], dim=axis)


def with_parts(formula: Callable[..., Tensor], slopes: Slopes = _central) -> Determinant:
    """A formula of a, b, c, d, and a way to find these."""

    def determinant(ddf: Tensor) -> Tensor:
        (a, c), (b, d) = (slopes(ddf, axis).unbind(1) for axis in (2, 3))
        return formula(a, b, c, d)

    return determinant


def _right(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return (1 + a) * (1 + d) - b * c


WRONG: dict[str, Determinant] = {
    "no_identity": with_parts(lambda a, b, c, d: a * d - b * c),
    "absolute": with_parts(lambda a, b, c, d: _right(a, b, c, d).abs()),
    "logarithm": with_parts(lambda a, b, c, d: _right(a, b, c, d).log()),
    "axes_swapped": with_parts(lambda a, b, c, d: (1 + b) * (1 + c) - a * d),
    "plus": with_parts(lambda a, b, c, d: (1 + a) * (1 + d) + b * c),
    "diagonal": with_parts(lambda a, b, c, d: (1 + a) * (1 + d)),
    "divergence": with_parts(lambda a, b, c, d: 1 + a + d),
    "change": with_parts(lambda a, b, c, d: _right(a, b, c, d) - 1),
    "round_the_edge": with_parts(_right, _round_the_edge),
    "forward": with_parts(_right, _forward),
    "not_halved": with_parts(_right, lambda ddf, axis: 2 * _central(ddf, axis)),
}


def _waves(high: float) -> Tensor:
    """`(2, 2, 9, 14)`: two cases, no symmetry, other slopes along each axis of each component."""
    row, column = identity_grid((9, 14)).double().unbind(1)
    down = (row / 2 + column / 5).sin() + 0.1 * column
    right = (row / 3 - column / 2.5).cos() - 0.2 * row
    return high * torch.cat([torch.stack([down, right], 1), torch.stack([right, down], 1)])


def observe(answer: Determinant) -> Any:
    """What it makes of a field that does not fold, and of one that does."""
    out = answer(_waves(0.3))
    return None if out is None or out is ... else {"smooth": out, "folded": answer(_waves(3.0))}


def looks_like(name: str) -> Callable[[Any], bool]:
    """As this wrong answer, where nothing folds: a logarithm is no number where it does."""

    def seen(observed: dict[str, Tensor]) -> bool:
        return alike(observed["smooth"], WRONG[name](_waves(0.3)), 1e-3)

    return seen


def _not_a_number_each(out: Any) -> str | None:
    """One number a voxel."""
    if not isinstance(out, Tensor):
        return f"it must return a tensor, not {type(out).__name__}."
    if out.shape != (2, 9, 14):
        return (
            f"a field (2, 2, 9, 14) came back as {tuple(out.shape)}; one number for every voxel, "
            "those at the border too, is (2, 9, 14)."
        )
    return None if bool(out.isfinite().all()) else "there are NaN or infinite values in it."


form = function_form("jacobian_det", lambda answer: answer(_waves(0.3)), _not_a_number_each)


def nothing_is_one(answer: Determinant) -> bool:
    """Where nothing moves, volume is kept: 1 everywhere, whatever the grid."""
    return all(_is(answer(torch.zeros(b, 2, *size)), 1) for b, size in ((1, (4, 3)), (3, (5, 8))))


def affine_is_one_number(answer: Determinant) -> bool:
    """Of an affine map it is the determinant of A, a mirror's is negative."""
    for rows in ([[1.2, 0.3, 4.0], [-0.1, 0.9, -2.0]], [[-1.0, 0.0, 9.0], [0.0, 1.0, 0.0]]):
        theta = torch.tensor([rows])
        if not _is(answer(affine_to_ddf(theta, (6, 11))), theta[0, :, :2].det().item()):
            return False
    return True


def _is(values: Tensor, value: float) -> bool:
    return bool((values - value).abs().max() < 1e-3)
