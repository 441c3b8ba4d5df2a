"""Patient 1 of notebook 14: labels that smear, and what is done to hide it.

Observed is whether a value comes out that no label has, or one that no label has *there*; whether
a label is lost; and whether the labels went along. So every right way passes: nearest, or each
label by itself and the largest wins.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.deformation import Warp, identity_grid, sample
from regtutor.exercises.diagnosing import Diagnosis, Script

SIZE = (33, 46)


def carry(label: Tensor, ddf: Tensor) -> Tensor:
    """The worked solution: label `(B, 1, H, W)` of whole numbers, and a field → the label."""
    return Warp("nearest")(label, ddf)


def as_it_came(label: Tensor, ddf: Tensor) -> Tensor:
    """Linear: between 0 and 3 lies everything in between."""
    return Warp()(label, ddf)


MASKS: dict[str, Script] = {
    "rounded": lambda label, ddf: Warp()(label, ddf).round(),
    "thresholded": lambda label, ddf: (Warp()(label, ddf) > 0.5).float(),
    "left_where_it_was": lambda label, ddf: label.clone(),
    "erased": lambda label, ddf: Warp()(label, ddf) * (Warp()(label, ddf) % 1 == 0),
}


def case(ids: tuple[float, ...] = (1, 2, 3)) -> tuple[Tensor, Tensor]:
    """Two label maps `(2, 1, 33, 46)`, one large and two small organs; and their fields."""
    row, column = identity_grid(SIZE).unbind(1)
    label = torch.zeros(1, *SIZE)
    for value, (i, j, radius) in zip(ids, ((9, 12, 6), (24, 30, 3), (16, 31, 11)), strict=True):
        inside = (row - i) ** 2 + (column - j) ** 2 < radius**2
        label = torch.where(inside & (label == 0), value, label)
    step = torch.stack([2.3 + (column / 6).sin(), -3.4 + (row / 5).cos()], dim=1)
    return torch.stack([label, label.flip(2)]), torch.cat([step, 0.7 * step])


def examine(script: Script) -> dict[str, Any]:
    """Facts, so that it does not matter how it is done; two sets of labels."""
    facts = [_facts(script, *case(ids)) for ids in ((1, 2, 3), (4, 9, 7))]
    return {name: any(fact[name] for fact in facts) for name in facts[0]}


def _facts(script: Script, label: Tensor, ddf: Tensor) -> dict[str, bool]:
    out = script(label, ddf)
    places = identity_grid(SIZE) + ddf
    corners = [
        sample(label, places.floor() + torch.tensor([i, j]).view(1, 2, 1, 1), "nearest")
        for i in (0, 1)
        for j in (0, 1)
    ]
    near = torch.stack([(out - corner).abs() < 1e-3 for corner in corners]).any(dim=0)
    expected = sample(label, places, "nearest")
    known = (out[..., None] - label.unique()).abs().amin(dim=-1) < 1e-3
    whole, organs = (out - out.round()).abs() < 1e-3, (out > 0.5) | (expected > 0.5)
    away = ((out - expected).abs() > 0.5)[organs].float().mean()
    return {
        "in between": bool((~whole).any()),
        "invented": bool((whole & ~known).any()),
        "not there": bool((known & ~near).any()),
        "lost": len(out.round().unique()) < len(label.unique()),
        "shrunk": bool((out > 0.5).sum() < 0.8 * (expected > 0.5).sum()),
        "elsewhere": bool(away > 0.35),
    }


def _not_a_label(out: Any) -> str | None:
    if not isinstance(out, Tensor) or tuple(out.shape) != (2, 1, *SIZE):
        return f"a label {(2, 1, *SIZE)} should come back for one of that shape."
    return None if bool(out.isfinite().all()) else "there is NaN in the label."


def gentle(answer: Any) -> bool:
    """On another grid, with no motion, a label is itself."""
    label = F.pad(case()[0], (3, 0, 0, 5))
    return bool((answer[0](label, torch.zeros(2, 2, 38, 49)) - label).abs().max() < 1e-3)


DIAGNOSIS = Diagnosis(
    cause="linear",
    others={
        "folds": "Order the fold count: nothing folds. And a fold tears a label, it does not rim "
        "it.",
        "drawing": "Order the values: the drawing has four. And order a drawing of 0 and 3 alone: "
        "it smears as well.",
        "stiffness": "Order the stiff field: half a voxel everywhere is as stiff as can be, and "
        "smears too.",
    },
    examine=examine, broken=as_it_came, repaired=carry,
    try_out=lambda script: script(*case()), complaint=_not_a_label,
)  # fmt: skip
