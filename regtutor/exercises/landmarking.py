"""Answers to notebook 12's `blob_tre`: how far landmarks end up, when each is a blob of a label.

    TRE = mean over n of |(c_n + ddf(c_n) − c'_n) · spacing|,   c_n the middle of blob n

Voxels are four times as high as wide, the field changes from place to place, two blobs lie near
each other, and one was cut off by the edge of the moving image.

Convention: labels `(1, 1 + N, *spatial)` on the fixed grid, the gland first; ddf
`(1, d, *spatial)` in voxels; mm a voxel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import Warp, identity_grid, move_points
from regtutor.exercises.exercise import is_blank
from regtutor.exercises.forms import function_form, not_a_number
from regtutor.metrics import target_registration_error

Answer = Callable[[Tensor, Tensor, Tensor, Sequence[float]], Any]
SIZE, SPACING = (32, 44), (3.2, 0.8)
MOVED = ((9.0, 12.5), (20.5, 15.0), (20.5, 23.5), (26.0, 36.0))  # voxels, in the fixed image
STEPS = ((-2.0, 6.0), (3.0, 5.0), (3.0, -8.0), (1.0, 3.0))  # from fixed to moving
RADII = (1.5, 0.5, 1.5, 1.5)  # voxels: the second is a single one


def blob_tre(
    fixed_label: Tensor, moving_label: Tensor, ddf: Tensor, spacing: Sequence[float]
) -> Tensor:
    """The worked solution: mm, over the landmarks that both images have."""
    errors = []
    for fixed, moving in zip(fixed_label[0, 1:], moving_label[0, 1:], strict=True):
        if fixed.any() and moving.any():
            place, partner = fixed.nonzero().float().mean(0), moving.nonzero().float().mean(0)
            moved = move_points(place[None, None], ddf)[0, 0]
            errors.append(((moved - partner) * torch.tensor(spacing)).norm())
    return torch.stack(errors).mean()


def _middles(blobs: Tensor) -> Tensor:
    """Blobs `(1, N, *spatial)` → `(1, N, d)`, voxels; NaN where there is none."""
    return torch.stack([blob.nonzero().float().mean(0) for blob in blobs[0]])[None]


def _distances(a: Tensor, b: Tensor, spacing: Sequence[float]) -> Tensor:
    return ((a - b) * torch.tensor([*map(float, spacing)])).norm(dim=-1)[0]


def with_slip(
    places: Callable[[Tensor], Tensor] = _middles,
    moved: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] = (
        lambda a, b, ddf: (move_points(a, ddf), b)
    ),
    scale: Callable[[Sequence[float]], Sequence[float]] = lambda spacing: spacing,
    summary: Callable[[Tensor], Tensor] = torch.nanmean,
    first: int = 1,
) -> Answer:
    """The same in parts, each of which can be another."""

    def answer(
        fixed_label: Tensor, moving_label: Tensor, ddf: Tensor, spacing: Sequence[float]
    ) -> Tensor:
        a, b = places(fixed_label[:, first:]), places(moving_label[:, first:])
        return summary(_distances(*moved(a, b, ddf), scale(spacing)))

    return answer


def _by_warped_blobs(
    fixed_label: Tensor, moving_label: Tensor, ddf: Tensor, spacing: Sequence[float]
) -> Tensor:
    warped = (Warp()(moving_label, ddf) > 0.5).float()[:, 1:]
    return _distances(_middles(fixed_label[:, 1:]), _middles(warped), spacing).nanmean()


def _nearest(
    fixed_label: Tensor, moving_label: Tensor, ddf: Tensor, spacing: Sequence[float]
) -> Tensor:
    moved, partners = move_points(_middles(fixed_label[:, 1:]), ddf), _middles(moving_label[:, 1:])
    there = partners[:, ~partners[0].isnan().any(1)]
    mm = torch.tensor([*map(float, spacing)])
    return torch.cdist(moved * mm, there * mm).min(dim=2).values.mean()


def _as_one(blobs: Tensor) -> Tensor:
    return blobs.sum(1)[0].nonzero().float().mean(0)[None, None]


def _pushed(a: Tensor, b: Tensor, ddf: Tensor) -> tuple[Tensor, Tensor]:
    """The moving landmarks are sent by the field, and compared with the fixed ones."""
    return move_points(b, ddf).where(~b.isnan(), torch.nan), a


def _rounded(a: Tensor, b: Tensor, ddf: Tensor) -> tuple[Tensor, Tensor]:
    """The field is read at the voxel nearest to the middle."""
    return a + move_points(a.round(), ddf) - a.round(), b


ANSWERS: dict[str, Answer] = {
    "lost_is_nan": with_slip(summary=torch.mean),
    "lost_at_the_corner": with_slip(places=lambda blobs: _middles(blobs).nan_to_num()),
    "lost_is_perfect": with_slip(summary=lambda e: e.nan_to_num().mean()),
    "voxels": with_slip(scale=lambda spacing: [1.0] * len(spacing)),
    "spacing_exchanged": with_slip(scale=lambda spacing: [*spacing][::-1]),
    "one_spacing": with_slip(scale=lambda spacing: [spacing[0]] * len(spacing)),
    "mean_spacing": with_slip(scale=lambda s: [sum(s) / len(s)] * len(s)),
    "nothing_moved": with_slip(moved=lambda a, b, ddf: (a, b)),
    "against_the_field": with_slip(moved=lambda a, b, ddf: (2 * a - move_points(a, ddf), b)),
    "pushed": with_slip(moved=_pushed),
    "rounded": with_slip(moved=_rounded),
    "warped_blobs": _by_warped_blobs,
    "nearest_partner": _nearest,
    "all_as_one": with_slip(places=_as_one),
    "gland_too": with_slip(first=0),
    "rms": with_slip(summary=lambda e: e.square().nanmean().sqrt()),
    "worst": with_slip(summary=lambda e: e.nan_to_num().max()),
}


def _ball(middle: Sequence[float], radius: float, size: Sequence[int] = SIZE) -> Tensor:
    """`(1, 1, *size)`, 0 or 1."""
    d = len(size)
    away = identity_grid(size) - torch.tensor(middle).view(1, d, *[1] * d)
    return (away.square().sum(1, keepdim=True) <= radius**2).float()


def blobs() -> tuple[Tensor, Tensor, Tensor, Sequence[float]]:
    """Two labels of a gland and four landmarks, of which the last is lost, and a field."""
    gland = _ball((16.0, 20.0), 14.0)
    fixed = [gland] + [_ball(middle, r) for middle, r in zip(MOVED, RADII, strict=True)]
    moving = [_ball((17.0, 24.0), 13.0)]
    for (row, column), (down, right), radius in zip(MOVED, STEPS, RADII, strict=True):
        moving.append(_ball((row + down, column + right), radius))
    moving[-1] = 0 * gland
    rows, columns = identity_grid(SIZE).unbind(1)
    ddf = torch.stack([1.2 + (columns / 7).sin(), 3 * (rows / 5).cos()], dim=1)
    return torch.cat(fixed, 1), torch.cat(moving, 1), ddf, SPACING


def observe(answer: Answer) -> Any:
    """The number, or the word NaN."""
    out = answer(*blobs())
    if is_blank(out):
        return None
    return "NaN" if float(out) != float(out) else float(out)


def _number_or_nan(out: Any) -> str | None:
    """NaN has a message of its own, and is no matter of form."""
    several = isinstance(out, Tensor) and out.numel() != 1
    lost = not several and isinstance(out, int | float | Tensor) and float(out) != float(out)
    return None if lost else not_a_number(out)


form = function_form("blob_tre", lambda answer: answer(*blobs()), _number_or_nan)


def perfect_is_zero(answer: Answer) -> bool:
    """Blobs that all went the field's way."""
    fixed = torch.cat([_ball(m, 2.0) for m in ((14.0, 20.0), (10.0, 14.0), (18.0, 25.0))], 1)
    ddf = torch.tensor([3.0, -5.0]).view(1, 2, 1, 1).expand(1, 2, *SIZE)
    return abs(float(answer(fixed, Warp()(fixed, -ddf).round(), ddf, (1.5, 0.7)))) < 1e-3


def as_the_library(answer: Answer) -> bool:
    """In 3-D, with other numbers of landmarks and other voxels."""
    generator = torch.Generator().manual_seed(12)
    size, spacing = (13, 17, 15), (2.0, 0.9, 1.4)
    ddf = torch.randn((1, 3, *size), generator=generator)
    places = 3 + torch.rand((2, 6, 3), generator=generator) * 8
    fixed, moving = (torch.cat([_ball(p.tolist(), 1.6, size) for p in side], 1) for side in places)
    wanted = target_registration_error(
        _middles(fixed[:, 1:]), _middles(moving[:, 1:]), ddf, spacing
    ).mean()
    return abs(float(answer(fixed, moving, ddf, spacing)) - wanted.item()) < 1e-3 * wanted.item()
