"""Answers to notebook 11's `chain` and `cascade`: two maps in a row, as matrices and as fields.

    [A₂ | t₂] ∘ [A₁ | t₁] = [A₂ A₁ | A₂ t₁ + t₂],     moving((affine ∘ deformable)(x))

Convention: theta `(B, 2, 3)` about voxel (0, 0), fields `(B, 2, H, W)`, voxels, fixed → moving.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import Warp, affine_to_ddf, compose, identity_grid, theta_to_matrix
from regtutor.exercises.forms import function_form

Chain = Callable[[Tensor, Tensor], Tensor]
Cascade = Callable[[Tensor, Tensor, Tensor], Tensor]


def chain(outer: Tensor, inner: Tensor) -> Tensor:
    """The worked solution: the theta of `inner`, then `outer`; all `(B, 2, 3)`."""
    bottom = torch.tensor([0.0, 0.0, 1.0]).expand(len(outer), 1, 3)
    first, second = (torch.cat([theta, bottom], dim=1) for theta in (inner, outer))
    return (second @ first)[:, :2]


def _by_parts(make: Callable[..., tuple[Tensor, Tensor]]) -> Chain:
    """A and t of the answer, from A and t of outer, then of inner."""

    def answer(outer: Tensor, inner: Tensor) -> Tensor:
        parts = [part for theta in (outer, inner) for part in (theta[..., :2], theta[..., 2:])]
        return torch.cat(make(*parts), dim=2)

    return answer


def _with_bottom(row: tuple[float, float, float]) -> Chain:
    def answer(outer: Tensor, inner: Tensor) -> Tensor:
        bottom = torch.tensor(row).expand(len(outer), 1, 3)
        first, second = (torch.cat([theta, bottom], dim=1) for theta in (inner, outer))
        return (second @ first)[:, :2]

    return answer


CHAIN: dict[str, Chain] = {
    "other_order": lambda outer, inner: chain(inner, outer),
    "ones": _with_bottom((1.0, 1.0, 1.0)),
    "zeros": _with_bottom((0.0, 0.0, 0.0)),
    "t_not_moved": _by_parts(lambda a, t, b, s: (a @ b, t + s)),
    "t_moved_by_inner": _by_parts(lambda a, t, b, s: (a @ b, b @ t + s)),
    "added": lambda outer, inner: outer + inner,
    "steps_added": lambda outer, inner: outer + inner - torch.eye(2, 3),
    "elementwise": lambda outer, inner: outer * inner,
    "square": lambda outer, inner: theta_to_matrix(outer) @ theta_to_matrix(inner),
    "step": lambda outer, inner: chain(outer, inner) - torch.eye(2, 3),
}


def two_thetas() -> tuple[Tensor, Tensor]:
    """Two cases each; no entry is 0, none is another's."""
    outer = [[[1.1, -0.3, 6.0], [0.2, 0.9, -4.0]], [[0.8, 0.5, -3.0], [-0.4, 1.2, 9.0]]]
    inner = [[[0.7, 0.6, 2.0], [-0.5, 1.3, 5.0]], [[1.4, 0.1, -7.0], [0.3, 0.6, 8.0]]]
    return torch.tensor(outer), torch.tensor(inner)


def observe_chain(answer: Chain) -> Any:
    return answer(*two_thetas())


def _not_a_theta(out: Any) -> str | None:
    """Three rows pass: they are told what is wrong."""
    if not isinstance(out, Tensor):
        return f"it must return theta, a tensor, not {type(out).__name__}."
    good = tuple(out.shape) in ((2, 2, 3), (2, 3, 3))
    return (
        None if good else f"of two thetas (2, 2, 3) comes one of that shape, not {(*out.shape,)}."
    )


form_chain = function_form("chain", observe_chain, _not_a_theta)


def point_by_point(answer: Chain) -> bool:
    """A point sent by the answer ends where inner, then outer send it; whatever the batch."""
    inner, outer = (theta.flip(0)[:1] for theta in two_thetas())
    point = torch.tensor([[3.0], [8.0]])
    for theta in (inner, outer):
        point = theta[0, :, :2] @ point + theta[0, :, 2:]
    both = answer(outer, inner)[0]
    return torch.allclose(both[:, :2] @ torch.tensor([[3.0], [8.0]]) + both[:, 2:], point)


def cascade(moving: Tensor, affine: Tensor, deformable: Tensor) -> Tensor:
    """The worked solution: `(B, 1, H, W)` and two fields → the warped image, read once."""
    return Warp()(moving, compose(affine, deformable))


CASCADE: dict[str, Cascade] = {
    "warped_twice": lambda m, affine, rest: Warp()(Warp()(m, affine), rest),
    "added": lambda m, affine, rest: Warp()(m, affine + rest),
    "other_order": lambda m, affine, rest: Warp()(m, compose(rest, affine)),
    "twice_other_order": lambda m, affine, rest: Warp()(Warp()(m, rest), affine),
    "rest_alone": lambda m, affine, rest: Warp()(m, rest),
    "affine_alone": lambda m, affine, rest: Warp()(m, affine),
    "step_lost": lambda m, affine, rest: Warp()(m, Warp()(affine, rest)),
    "black_beyond": lambda m, affine, rest: Warp(padding_mode="zeros")(m, compose(affine, rest)),
    "nearest": lambda m, affine, rest: Warp(mode="nearest")(m, compose(affine, rest)),
}


def pair_of_steps() -> tuple[Tensor, Tensor, Tensor]:
    """Noise `(1, 1, 20, 27)`, a turn with a shift, a wave: each changes what it reads by much."""
    moving = torch.rand(1, 1, 20, 27, generator=torch.Generator().manual_seed(5))
    affine = affine_to_ddf(torch.tensor([[[0.9, -0.3, 5.0], [0.3, 1.0, -2.5]]]), (20, 27))
    row, column = identity_grid((20, 27)).unbind(1)
    return moving, affine, torch.stack([2 * (column / 3).sin(), 1.5 * (row / 4).cos()], dim=1)


def observe_cascade(answer: Cascade) -> Any:
    return answer(*pair_of_steps())


def half_there_and_back(answer: Cascade) -> bool:
    """Half a voxel forth and half back is no step, and blurs nothing; whatever grid and batch."""
    moving = torch.rand(2, 1, 9, 12, generator=torch.Generator().manual_seed(6))
    half = torch.full((2, 2, 9, 12), 0.5)
    return torch.allclose(answer(moving, half, -half), moving, atol=1e-3)


def _not_warped(out: Any) -> str | None:
    """A field is told apart."""
    if not isinstance(out, Tensor):
        return f"it must return an image, a tensor, not {type(out).__name__}."
    if tuple(out.shape) == (1, 2, 20, 27):
        return "the field came back; it is the warped image that is asked for."
    good = tuple(out.shape) == (1, 1, 20, 27)
    return None if good else f"an image (1, 1, 20, 27) should come back, not {(*out.shape,)}."


form_cascade = function_form("cascade", observe_cascade, _not_warped)
