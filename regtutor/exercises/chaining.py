"""Answers to notebook 03's `compose`, `theta` and `upsample`: the right ones, and those with slips.

    (outer ∘ inner)(x) = inner(x) + outer(x + inner(x)),   θ: x → A (x − c) + c

Convention: fields `(B, 2, H, W)` in voxels, theta `(2, 3)` in voxels about voxel (0, 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.deformation import Warp, identity_grid

Compose = Callable[[Tensor, Tensor], Tensor]
Upsample = Callable[[Tensor], Tensor]
GRID, ANGLE = (40, 56), 20.0  # of `theta`; degrees


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The worked solution: first `inner`, then `outer`; all `(B, 2, H, W)`, voxels."""
    return inner + Warp()(outer, inner)


COMPOSE: dict[str, Compose] = {
    "added": lambda outer, inner: outer + inner,
    "other_order": lambda outer, inner: compose(inner, outer),
    "step_lost": lambda outer, inner: Warp()(outer, inner),
    "wrong_step_added": lambda outer, inner: outer + Warp()(outer, inner),
    "wrong_one_warped": lambda outer, inner: inner + Warp()(inner, outer),
    "places": lambda outer, inner: identity_grid(inner.shape[2:]) + compose(outer, inner),
    "backwards": lambda outer, inner: inner + Warp()(outer, -inner),
    "zeros": lambda outer, inner: inner + Warp(padding_mode="zeros")(outer, inner),
    "nearest": lambda outer, inner: inner + Warp(mode="nearest")(outer, inner),
}


def two_fields() -> tuple[Tensor, Tensor]:
    """A turn and a wave, `(1, 2, 18, 25)`, double; both look past the border somewhere."""
    row, column = identity_grid((18, 25)).double().unbind(1)
    turn = torch.stack([1 - column / 6, row / 4 - 2], dim=1)
    wave = torch.stack([3 * (column / 4).sin() + 1, row / 5 + 2 * (row / 3).cos()], dim=1)
    return turn, wave


def observe_compose(answer: Compose) -> Any:
    return answer(*two_fields())


def same_as_warping_twice(answer: Compose) -> bool:
    """Whole steps: moving read through the composed field is moving warped by outer, then inner."""
    image = torch.rand(2, 1, 12, 9, generator=torch.Generator().manual_seed(3))
    outer, inner = torch.zeros(2, 2, 12, 9), torch.zeros(2, 2, 12, 9)
    outer[:, 0, 4:], outer[:, 1, :, 5:] = 2, 1
    inner[:, 0, :, 3:], inner[1, 1, 6:] = -3, -2
    twice = Warp()(Warp()(image, outer), inner)
    inside = (slice(None), slice(None), slice(3, 9), slice(2, 7))
    return torch.allclose(Warp()(image, answer(outer, inner))[inside], twice[inside], atol=1e-4)


def _turn(degrees: float) -> Tensor:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


def _theta(a: Tensor, t: Tensor) -> Tensor:
    return torch.cat([a, t[:, None]], dim=1)


def _about(centre: Tensor, degrees: float = ANGLE) -> Tensor:
    """A (x − c) + c, as [A | c − A c]."""
    return _theta(_turn(degrees), centre - _turn(degrees) @ centre)


MIDDLE = (torch.tensor(GRID, dtype=torch.float64) - 1) / 2


def theta() -> Tensor:
    """The worked solution: `(2, 3)`, voxels."""
    return _about(MIDDLE)


def _squared(*bottom: float) -> Tensor:
    return torch.cat([theta(), torch.tensor([bottom], dtype=torch.float64)])


THETA: dict[str, Callable[[], Tensor]] = {
    "corner": lambda: _about(0 * MIDDLE),
    "degrees": lambda: _about(MIDDLE, math.degrees(ANGLE)),
    "inverse": lambda: _about(MIDDLE, -ANGLE),
    "half_the_size": lambda: _about(MIDDLE + 0.5),
    "exchanged": lambda: _about(MIDDLE.flip(0)),
    "not_taken_away": lambda: _theta(_turn(ANGLE), MIDDLE),
    "not_brought_back": lambda: _theta(_turn(ANGLE), -_turn(ANGLE) @ MIDDLE),
    "sign_of_t": lambda: _theta(_turn(ANGLE), _turn(ANGLE) @ MIDDLE - MIDDLE),
    "column_first": lambda: torch.cat([theta()[:, :2].flip(0, 1), theta()[:, 2:].flip(0)], dim=1),
    "identity_lost": lambda: theta() - torch.eye(2, 3, dtype=torch.float64),
    "ones": lambda: _squared(1, 1, 1),
    "square": lambda: _squared(0, 0, 1),
}


def observe_theta(answer: Any) -> Tensor:
    return torch.as_tensor(answer, dtype=torch.float64).detach().squeeze(0)


def form_theta(answer: Any) -> str | None:
    """Two rows of three, with or without a batch axis; three rows are told what is wrong."""
    try:
        shape = tuple(observe_theta(answer).shape)
    except (TypeError, ValueError, RuntimeError):
        return "a tensor or a list of two rows of three numbers is asked for."
    return None if shape in ((2, 3), (3, 3)) else f"theta is (2, 3), not {shape}."


def upsample(ddf: Tensor) -> Tensor:
    """The worked solution: `(B, 2, H, W)` → `(B, 2, 2 H, 2 W)`, voxels of the finer grid."""
    return 2 * F.interpolate(ddf, scale_factor=2, mode="bilinear", align_corners=False)


def _finer(ddf: Tensor, corners: bool | None, mode: str = "bilinear") -> Tensor:
    return F.interpolate(ddf, scale_factor=2, mode=mode, align_corners=corners)


def _corner_to_corner(ddf: Tensor) -> Tensor:
    size = torch.tensor(ddf.shape[2:]).view(1, 2, 1, 1)
    return _finer(ddf, True) * (2 * size - 1) / (size - 1)


UPSAMPLE: dict[str, Upsample] = {
    "unscaled": lambda ddf: _finer(ddf, False),
    "halved": lambda ddf: _finer(ddf, False) / 2,
    "squared": lambda ddf: _finer(ddf, False) * 4,
    "align_corners": lambda ddf: 2 * _finer(ddf, True),
    "both": lambda ddf: _finer(ddf, True),
    "corner_to_corner": _corner_to_corner,
    "nearest": lambda ddf: 2 * _finer(ddf, None, "nearest"),
}


def observe_upsample(answer: Upsample) -> Any:
    return answer(two_fields()[1][..., :11, :7])


def three_becomes_six(answer: Upsample) -> bool:
    """Whatever grid and batch."""
    return all(
        (answer(torch.full((b, 2, *size), 3.0)) - 6).abs().max() < 1e-4
        for b, size in ((1, (4, 9)), (2, (8, 5)))
    )
