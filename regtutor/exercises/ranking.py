"""Notebook 10's four methods, as a table reports them, and what can be read into it.

One chest, four fields: one good, one that folds, one that goes part of the way and counts its TRE
in voxels, one that fits the outline of the lungs and displaces what is in them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.deformation import Warp, resize_field
from regtutor.exercises.exercise import Wrong
from regtutor.filters import gaussian_smooth
from regtutor.metrics import (
    DiceMetric,
    HausdorffDistanceMetric,
    SurfaceDistanceMetric,
    folding_fraction,
    log_jacobian_std,
    target_registration_error,
)

SIZE = (112, 140)
IN_VOXELS = "B"  # its authors count so
ORDER = ("D", "B", "A", "nothing", "C")
WHY = {"A": "folds", "B": "part", "C": "outline", "D": "good"}


@lru_cache(maxsize=1)
def patient() -> BreathingPair:
    """Not the one of notebook 01."""
    return breathing_slice(seed=23, size=SIZE)


@lru_cache(maxsize=1)
def four_methods() -> dict[str, Tensor]:
    """Letter → ddf `(1, 2, 112, 140)`, voxels."""
    pair = patient()
    fixed, moving = (((image + 1000) / 1200).clamp(0, 1) for image in (pair.fixed, pair.moving))
    deep = ((gaussian_smooth(pair.fixed_mask, 4.0) - 0.85) / 0.15).clamp(0, 1)
    outline = pair.ddf + gaussian_smooth(deep, 1.5) * torch.tensor([5.0, -3.0]).view(1, 2, 1, 1)
    folds = pair.ddf / 2
    folds.requires_grad_()
    optimizer = torch.optim.Adam([folds], lr=0.4)
    for _ in range(20):  # nothing but likeness, voxel by voxel
        optimizer.zero_grad()
        (100 * (Warp()(moving, folds) - fixed) ** 2).mean().backward()
        optimizer.step()
    good = resize_field(resize_field(pair.ddf, (7, 9)), SIZE)
    return {"A": folds.detach(), "B": 0.65 * pair.ddf, "C": outline, "D": good}


@lru_cache(maxsize=1)
def scores() -> dict[str, dict[str, float]]:
    """Row → column → number; TRE in mm for all, and in voxels too."""
    pair = patient()
    rows = {"nothing": torch.zeros_like(pair.ddf), **four_methods()}
    surfaces = {
        "HD95 (mm)": HausdorffDistanceMetric(percentile=95),
        "ASSD (mm)": SurfaceDistanceMetric(symmetric=True),
    }
    table = {}
    for name, ddf in rows.items():
        label = (Warp()(pair.moving_mask, ddf) > 0.5).float()
        errors = {
            f"TRE ({unit})": target_registration_error(
                pair.fixed_points, pair.moving_points, ddf, spacing
            )
            for unit, spacing in (("mm", pair.spacing), ("voxels", 1.0))
        }
        table[name] = {
            "Dice": DiceMetric()(label, pair.fixed_mask).item(),
            **{n: m(label, pair.fixed_mask, pair.spacing).item() for n, m in surfaces.items()},
            **{n: error.mean().item() for n, error in errors.items()},
            "folded (%)": 100 * folding_fraction(ddf).item(),
            "SD log J": log_jacobian_std(ddf).item(),
        }
    return table


def reported_table() -> str:
    """The table as it is handed in, in Markdown."""
    text = "| | Dice | HD95 (mm) | ASSD (mm) | TRE | folded (%) | SD log J |\n" + "|---" * 7 + "|\n"
    for name, row in scores().items():
        unit = "voxels" if name == IN_VOXELS else "mm"
        text += (
            f"| {name} | {row['Dice']:.3f} | {row['HD95 (mm)']:.1f} | {row['ASSD (mm)']:.1f} "
            f"| {row[f'TRE ({unit})']:.1f} {unit} | {row['folded (%)']:.1f} "
            f"| {row['SD log J']:.2f} |\n"
        )
    return text


def form(answer: Any) -> str | None:
    """An order of five rows, and a word for each of the four."""
    good = isinstance(answer, dict) and set(answer) == {"order", "why"}
    if good:
        order, why = answer["order"], answer["why"]
        good = isinstance(order, list | tuple) and isinstance(why, dict)
        good = good and sorted(map(str, order)) == sorted(ORDER) and set(why) == set(WHY)
        good = good and sorted(map(str, why.values())) == sorted(WHY.values())
    if good:
        return None
    return (
        '{"order": ["A", "B", "C", "D", "nothing"], "why": {"A": …, …}} is asked for: all five, '
        f"nearest first, and for each letter one of {', '.join(sorted(WHY.values()))}."
    )


def observe(answer: dict[str, Any]) -> dict[str, Any]:
    """Lists and tuples are one."""
    return {"order": list(answer["order"]), "why": dict(answer["why"])}


def solution(order: str = " ".join(ORDER), **why: str) -> dict[str, Any]:
    """Right, or with another order or other words."""
    return {"order": order.split(), "why": WHY | why}


def _first(letter: str) -> Callable[[Any], bool]:
    return lambda answer: answer["order"][0] == letter


def _before(one: str, other: str) -> Callable[[Any], bool]:
    return lambda answer: answer["order"].index(one) < answer["order"].index(other)


def _not_called(letter: str) -> Callable[[Any], bool]:
    return lambda answer: answer["why"][letter] != WHY[letter]


WRONG = (
    Wrong("worst_first", "the order runs from worst to best", "Turn it round.",
          lambda: solution("C nothing A B D")),
    Wrong("dice_order", "the highest Dice is taken for the best method",
          "C's outline fits. A needle goes inside: read C's TRE.",
          lambda: solution("C A D B nothing"), _first("C")),
    Wrong("voxels", "a TRE in voxels is read as one in mm",
          "A voxel is 3.25 × 2.4 mm here: what is B's TRE in mm?",
          lambda: solution("B D A nothing C"), _first("B")),
    Wrong("folds_first", "a field that folds comes first",
          "Look at A's share of folded voxels, and at its TRE beside D's.",
          lambda: solution("A D B nothing C"), _first("A")),
    Wrong("smoothest", "the calmest field is taken for the best",
          "Nothing is calmer than doing nothing. Regularity makes a field possible, not right.",
          lambda: solution("nothing D B A C"), _first("nothing")),
    Wrong("no_baseline", "C is not compared with doing nothing",
          "Read the first row: with C the needle ends further away than without.",
          lambda: solution("D B A C nothing"), _before("C", "nothing")),
    Wrong("baseline_too_good", "doing nothing is put before a method that helps",
          "Compare in mm: A and B both bring the landmarks nearer than nothing does.",
          lambda: solution("D B nothing A C"),
          lambda answer: answer["order"].index("nothing") < 3),
    Wrong("folds_before_part", "a field that folds is put before a calmer and closer one",
          "In mm B is closer than A, and it folds nowhere.",
          lambda: solution("D A B nothing C"), _before("A", "B")),
    Wrong("not_good", "the order is right, but D is called something else than good",
          "You put D first. No folds, least TRE: is there anything against it?",
          lambda: solution(D="part", B="good"), _not_called("D")),
    Wrong("not_outline", "the order is right, but C is called something else than outline",
          "The best Dice and the worst TRE: where is C right, and where not?",
          lambda: solution(C="folds", A="outline"), _not_called("C")),
    Wrong("folds_and_part", "the order is right, but A and B are exchanged",
          "Which of the two has folded voxels? The other stops on the way.",
          lambda: solution(A="part", B="folds"), _not_called("A")),
)  # fmt: skip
