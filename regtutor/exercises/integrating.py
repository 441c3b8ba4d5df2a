"""Answers to notebook 11's `integrate`: scaling and squaring, and what comes of a slip in it.

    u₀ = v / 2ⁿ,   u ← u + u(x + u(x)), n times

Convention: velocities and fields `(B, 2, H, W)` in voxels, borders extend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import Warp, identity_grid
from regtutor.exercises.exercise import alike

Integrate = Callable[[Tensor, int], Tensor]
GRID = (18, 25)


def integrate(dvf: Tensor, num_steps: int) -> Tensor:
    """The worked solution: dvf → ddf, both `(B, 2, H, W)`."""
    ddf = dvf / 2**num_steps
    for _ in range(num_steps):
        ddf = ddf + Warp()(ddf, ddf)
    return ddf


def with_parts(
    parts: Callable[[int], float] = lambda n: 2.0**n,
    rounds: Callable[[int], int] = lambda n: n,
    double: Callable[[Tensor], Tensor] = lambda u: u + Warp()(u, u),
) -> Integrate:
    """So many parts, so many rounds, and what is done in each."""

    def answer(dvf: Tensor, num_steps: int) -> Tensor:
        ddf = dvf / parts(num_steps)
        for _ in range(rounds(num_steps)):
            ddf = double(ddf)
        return ddf

    return answer


def _one_small_step_a_round(dvf: Tensor, num_steps: int) -> Tensor:
    small = ddf = dvf / 2**num_steps
    for _ in range(num_steps):
        ddf = ddf + Warp()(small, ddf)
    return ddf


def _one_small_step_first(dvf: Tensor, num_steps: int) -> Tensor:
    small = ddf = dvf / 2**num_steps
    for _ in range(num_steps):
        ddf = small + Warp()(ddf, small)
    return ddf


def one_small_step(observed: list[Tensor]) -> bool:
    """Whether it comes last in each round or first."""
    return any(
        alike(observed, observe_integrate(slip), 1e-3)
        for slip in (_one_small_step_a_round, _one_small_step_first)
    )


def _one_by_one(dvf: Tensor, num_steps: int) -> Tensor:
    small = ddf = dvf / 2**num_steps
    for _ in range(2**num_steps - 1):
        ddf = ddf + Warp()(small, ddf)
    return ddf


INTEGRATE: dict[str, Integrate] = {
    "undivided": with_parts(parts=lambda n: 1.0),
    "by_num_steps": with_parts(parts=float),
    "twice_num_steps": with_parts(parts=lambda n: 2.0 * n),
    "added": with_parts(double=lambda u: u + u),
    "step_lost": with_parts(double=lambda u: Warp()(u, u)),
    "one_small_step": _one_small_step_a_round,
    "one_by_one": _one_by_one,
    "scaled_last": lambda dvf, n: with_parts(parts=lambda n: 1.0)(dvf, n) / 2**n,
    "halved_each_round": with_parts(parts=lambda n: 1.0, double=lambda u: u / 2 + Warp()(u, u) / 2),
    "always_seven": lambda dvf, n: integrate(dvf, 7),
    "one_round_less": with_parts(rounds=lambda n: n - 1),
    "one_round_more": with_parts(rounds=lambda n: n + 1),
    "backwards": with_parts(double=lambda u: u + Warp()(u, -u)),
    "subtracted": with_parts(double=lambda u: u - Warp()(u, u)),
    "zeros": with_parts(double=lambda u: u + Warp(padding_mode="zeros")(u, u)),
    "nearest": with_parts(double=lambda u: u + Warp(mode="nearest")(u, u)),
    "places": lambda dvf, n: identity_grid(dvf.shape[2:]) + integrate(dvf, n),
}


def velocity() -> Tensor:
    """`(1, 2, 18, 25)`, double: a turn and a wave, fast at the border."""
    row, column = identity_grid(GRID).double().unbind(1)
    down = 2.5 - column / 5 + (row / 3).sin()
    return torch.stack([down, row / 4 - 1 + 2 * (column / 4).cos()], dim=1)


def observe_once(answer: Integrate) -> Any:
    return answer(velocity(), 3)


def observe_integrate(answer: Integrate) -> Any:
    """By two numbers of steps."""
    once = observe_once(answer)
    return once if once is None or once is ... else [once, answer(velocity(), 5)]


def same_for_any_number(observed: list[Tensor]) -> bool:
    """Whatever it is: it never looks at the number."""
    return alike(observed[0], observed[1], 1e-3)


def even_speed_stays(answer: Integrate) -> bool:
    """Where all goes at 5 all has gone 5, up to the border; whatever grid, batch and number."""
    return all(
        (answer(torch.full((b, 2, *size), 5.0), n) - 5).abs().max() < 1e-3
        for b, size, n in ((1, (7, 11), 1), (2, (12, 9), 4), (1, (9, 14), 7))
    )
