"""Answers to notebook 05's `coarse_to_fine`: a pair that lies 20 voxels apart, level by level.

    images shrunk by 8, 4, 2, 1; each level refines the field of the level before, resized

An answer is right if it arrives, whatever its way; the `refine` that it is given notes how it was
called, and for an answer that is lost these notes tell why. Right answers are observed as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.data.thorax import breathing_slice
from regtutor.deformation import Warp, move_points, resize_field
from regtutor.exercises.forms import function_form
from regtutor.exercises.refining import SIZE, refine, scaled

Refine = Callable[..., Tensor]
Answer = Callable[[Tensor, Tensor, Refine], Tensor]
MARGIN, AWAY = 24, (0.0, 20.0)  # voxels
MOST = 60  # steps that the check really takes: more of them do not arrive either
STEPS, LR = 60, 0.5  # of `refine`, unless it is told others


def coarse_to_fine(fixed: Tensor, moving: Tensor, refine: Refine) -> Tensor:
    """The worked solution: the ddf `(1, 2, H, W)`, voxels of the whole grid."""
    ddf = torch.zeros(1, 2, 1, 1)
    for shrink in (8, 4, 2, 1):
        small_fixed, small_moving = F.avg_pool2d(fixed, shrink), F.avg_pool2d(moving, shrink)
        ddf = resize_field(ddf, small_fixed.shape[2:])
        ddf = refine(small_fixed, small_moving, ddf)
    return ddf


def with_slip(slip: str) -> Answer:
    """`coarse_to_fine` with one thing wrong."""
    shrinks = {"too_fine": (4, 2, 1), "fine_to_coarse": (1, 2, 4, 8)}.get(slip, (8, 4, 2, 1))
    more: dict[str, dict[str, Any]] = {
        "only_fine": {},
        "more_steps": {"steps": 600},
        "larger_lr": {"lr": 20.0},
    }

    def answer(fixed: Tensor, moving: Tensor, refine: Refine) -> Tensor:
        if slip in more:
            return refine(fixed, moving, torch.zeros(1, 2, *fixed.shape[2:]), **more[slip])
        ddf = torch.zeros(1, 2, 1, 1)
        for shrink in shrinks:
            small = [F.avg_pool2d(image, shrink) for image in (fixed, moving)]
            if slip == "strided":
                small = [image[:, :, ::shrink, ::shrink] for image in (fixed, moving)]
            size, before = small[0].shape[2:], ddf
            ddf = resize_field(before, size)
            if slip == "unscaled":
                ddf = F.interpolate(before, size=size, mode="bilinear", align_corners=False)
            if slip == "not_carried":
                ddf = torch.zeros_like(ddf)
            if slip == "warped_too":
                small[1] = Warp()(small[1], ddf)
            ddf = refine(*(small[::-1] if slip == "exchanged" else small), ddf)
        return resize_field(ddf, fixed.shape[2:])

    return answer


class Call(NamedTuple):
    """How `refine` was called, and what it gave back."""

    fixed: Tensor
    moving: Tensor
    start: Tensor
    steps: int
    lr: float
    out: Tensor


@dataclass
class Watched:
    """`refine`, taking notes."""

    calls: list[Call] = field(default_factory=list)

    def __call__(
        self, fixed: Tensor, moving: Tensor, start: Tensor, steps: int = STEPS, lr: float = LR
    ) -> Tensor:
        """As `refining.refine`."""
        out = refine(fixed, moving, start, steps=min(steps, MOST), lr=lr)
        self.calls.append(Call(fixed, moving, start.detach().clone(), steps, lr, out))
        return out


@lru_cache(maxsize=2)
def far_pair(seed: int = 11, away: tuple[float, float] = AWAY) -> tuple[Tensor, ...]:
    """Fixed and moving `(1, 1, 128, 152)` in [0, 1] with air around, and their landmarks, voxels.

    The moving chest lies `away` voxels further up and to the left on the table.
    """
    pair = breathing_slice(seed, SIZE)
    fixed, moving = (F.pad(image, [MARGIN] * 4) for image in scaled(pair))
    step = torch.tensor(away).view(1, 2, 1, 1)
    moving = Warp()(moving, step.expand(1, 2, *moving.shape[2:]))
    return fixed, moving, pair.fixed_points + MARGIN, pair.moving_points + MARGIN - step.view(2)


def error(ddf: Tensor, far: tuple[Tensor, ...]) -> float:
    """How far the landmarks end from their partners, on average, in voxels."""
    return float((move_points(far[2], ddf) - far[3]).norm(dim=-1).mean())


def observe(answer: Answer) -> Any:
    """Whether it arrives; if not, which slip its calls show."""
    far, watched = far_pair(), Watched()
    out = answer(far[0], far[1], watched)
    if out is None or out is ...:
        return None
    arrived = error(out.detach(), far) < 1
    return {"arrived": arrived, "slip": "" if arrived else told_by(watched.calls, far)}


def told_by(calls: list[Call], far: tuple[Tensor, ...]) -> str:
    """The slip that the calls show, the coarsest first."""
    if not calls:
        return ""
    sizes = [call.fixed.shape[2] for call in calls]
    if max(sizes) == min(sizes):
        more = any(call.steps > STEPS for call in calls)
        return "larger_lr" if calls[0].lr > LR else "more_steps" if more else "only_fine"
    if sizes[0] > sizes[-1]:
        return "fine_to_coarse"
    shrink = far[0].shape[2] // sizes[0]
    pooled = [F.avg_pool2d(image, shrink) for image in far[:2]]
    first, later = calls[0], [*pairwise(calls)]
    if _same(first.fixed, pooled[1]):
        return "exchanged"
    if not _same(first.fixed, pooled[0]):
        return "strided"
    if all(not after.start.any() for _, after in later):
        return "not_carried"
    if any(_unscaled(before, after) for before, after in later):
        return "unscaled"
    grid = calls[-1].fixed.shape[2:]
    if not _same(calls[-1].moving, F.interpolate(far[1], size=grid, mode="area")):
        return "warped_too"
    return "too_fine" if shrink < 8 else ""


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool((one - other).abs().mean() < 1e-3)


def _unscaled(before: Call, after: Call) -> bool:
    """The field is larger, the numbers in it are not."""
    right = resize_field(before.out, after.start.shape[2:])
    ratio = (after.start * right).sum() / (right * right).sum()
    return bool((ratio - before.start.shape[2] / after.start.shape[2]).abs() < 0.1)


def _at_once(answer: Answer) -> Any:
    """What it returns with a `refine` that finds nothing, and so is quick."""
    far = far_pair()
    return answer(far[0], far[1], lambda fixed, moving, start, **more: start)


def _not_a_ddf(out: Any) -> str | None:
    wanted = (1, 2, *far_pair()[0].shape[2:])
    if not isinstance(out, Tensor) or tuple(out.shape) != wanted:
        got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        return f"it must return a ddf on the grid of fixed, {wanted}, not {got}."
    return None if bool(out.isfinite().all()) else "there is NaN in the ddf."


form = function_form("coarse_to_fine", _at_once, _not_a_ddf)


def arrives_elsewhere(answer: Answer) -> bool:
    """Another chest that lies further up and to the other side: not learned by heart."""
    far = far_pair(3, (10.0, -18.0))
    return error(answer(far[0], far[1], refine).detach(), far) < 1
