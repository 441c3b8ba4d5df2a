"""Answers to notebook 10's `hd95`: how far two outlines are apart, in mm, without the worst 5 %.

    d(a → b) = for each place of a's rim, the distance to the nearest place of b's
    HD95 = the larger of the 95th percentiles of d(a → b) and d(b → a)

Two pairs of masks: in the one the prediction has an island of its own, in the other it lacks one,
so that no way alone is enough. Voxels are four times as long as wide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.deformation import identity_grid
from regtutor.exercises.forms import function_form, not_a_number
from regtutor.metrics import HausdorffDistanceMetric

SIZE, SPACING = (40, 56), (3.2, 0.8)
Answer = Callable[[Tensor, Tensor, Sequence[float]], Any]


def rim(mask: Tensor) -> Tensor:
    """Mask `(rows, columns)`, bool → its voxels with a neighbour outside: `(N, 2)`, voxels."""
    near = F.pad(mask, (1, 1, 1, 1))
    inner = near[2:, 1:-1] & near[:-2, 1:-1] & near[1:-1, 2:] & near[1:-1, :-2]
    return (mask & ~inner).nonzero().float()


def hd95(a: Tensor, b: Tensor, spacing: Sequence[float]) -> Tensor:
    """The worked solution."""
    mm = torch.tensor(spacing)
    apart = torch.cdist(rim(a) * mm, rim(b) * mm)  # (N, M), every place to every other
    there, back = apart.min(dim=1).values, apart.min(dim=0).values
    return torch.maximum(there.quantile(0.95), back.quantile(0.95))


def _larger(there: Tensor, back: Tensor) -> Tensor:
    return torch.maximum(there.quantile(0.95), back.quantile(0.95))


def with_slip(
    places: Callable[[Tensor], Tensor] = rim,
    scale: Callable[[Sequence[float]], Sequence[float]] = lambda spacing: spacing,
    norm: float = 2.0,
    summary: Callable[[Tensor, Tensor], Tensor] = _larger,
    farthest: bool = False,
) -> Answer:
    """The same in parts, each of which can be another."""

    def answer(a: Tensor, b: Tensor, spacing: Sequence[float]) -> Tensor:
        mm = torch.tensor([*map(float, scale(spacing))])
        apart = torch.cdist(places(a) * mm, places(b) * mm, p=norm)
        if farthest:
            return summary(apart.max(dim=1).values, apart.max(dim=0).values)
        return summary(apart.min(dim=1).values, apart.min(dim=0).values)

    return answer


def _filled(mask: Tensor) -> Tensor:
    return mask.nonzero().float()


WRONG: dict[str, Answer] = {
    "no_percentile": with_slip(summary=lambda there, back: torch.maximum(there.max(), back.max())),
    "one_way": with_slip(summary=lambda there, back: there.quantile(0.95)),
    "other_way": with_slip(summary=lambda there, back: back.quantile(0.95)),
    "voxels": with_slip(scale=lambda spacing: (1, 1)),
    "filled": with_slip(places=_filled),
    "mean": with_slip(summary=lambda there, back: torch.cat([there, back]).mean()),
    "spacing_exchanged": with_slip(scale=lambda spacing: spacing[::-1]),
    "one_spacing": with_slip(scale=lambda spacing: (spacing[0], spacing[0])),
    "mean_spacing": with_slip(scale=lambda spacing: (sum(spacing) / 2, sum(spacing) / 2)),
    "smaller_way": with_slip(
        summary=lambda there, back: torch.minimum(there.quantile(0.95), back.quantile(0.95))
    ),
    "mean_of_ways": with_slip(
        summary=lambda there, back: (there.quantile(0.95) + back.quantile(0.95)) / 2
    ),
    "pooled": with_slip(summary=lambda there, back: torch.cat([there, back]).quantile(0.95)),
    "half_a_percent": with_slip(
        summary=lambda there, back: torch.maximum(there.quantile(0.0095), back.quantile(0.0095))
    ),
    "squared": with_slip(summary=lambda there, back: _larger(there**2, back**2)),
    "along_axes": with_slip(norm=1.0),
    "farthest": with_slip(farthest=True),
}


def _disc(row: float, column: float, down: float, across: float) -> Tensor:
    middle, radius = (torch.tensor(p).view(1, 2, 1, 1) for p in ((row, column), (down, across)))
    return (((identity_grid(SIZE) - middle) / radius) ** 2).sum(1)[0] < 1


def pairs() -> list[tuple[Tensor, Tensor]]:
    """Two pairs of masks (prediction, truth): an island too many, an island too few."""
    truth = _disc(20.0, 24.0, 9.0, 15.0)
    near = _disc(21.0, 27.0, 8.0, 17.0)
    island, hole = _disc(33.0, 50.0, 2.5, 4.0), _disc(5.0, 8.0, 3.0, 5.0)
    return [(near | island, truth), (near, truth | hole)]


def observe(answer: Answer) -> Any:
    """Its two numbers."""
    out = [answer(a, b, SPACING) for a, b in pairs()]
    return None if any(x is None or x is ... for x in out) else [float(x) for x in out]


form = function_form("hd95", lambda answer: answer(*pairs()[0], SPACING), not_a_number)


def same_is_nothing(answer: Answer) -> bool:
    """A mask and itself; `cdist` is exact to some hundredths of a mm."""
    mask = _disc(11.0, 30.0, 6.0, 9.0)[:30]
    return abs(float(answer(mask, mask, (2.0, 5.0)))) < 0.05


def either_order(answer: Answer) -> bool:
    """The prediction and the truth may change places."""
    return all(
        abs(float(answer(a, b, (1.5, 2.0))) - float(answer(b, a, (1.5, 2.0)))) < 1e-3
        for a, b in pairs()
    )


def as_the_library(answer: Answer) -> bool:
    """On masks that nobody has seen."""
    metric = HausdorffDistanceMetric(percentile=95)
    generator = torch.Generator().manual_seed(10)
    for spacing in ((0.7, 1.9), (4.0, 1.0)):
        noise = torch.rand(2, 1, 24, 31, generator=generator)
        a, b = (F.avg_pool2d(noise, 5, 1, 2) > 0.52)[:, 0]
        wanted = metric(a[None, None].float(), b[None, None].float(), spacing).item()
        if abs(float(answer(a, b, spacing)) - wanted) > 1e-3 * wanted:
            return False
    return True
