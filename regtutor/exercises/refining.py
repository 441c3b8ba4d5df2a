"""What notebook 05's sections 2 and 3 build in plain cells: a field on control points, and a rule.

    ddf = start + control points, brought to the grid;   loss = MSE + λ · bending energy

Fourteen weights λ on one chest; a table of what can be known of each run without landmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.deformation import Warp, resize_field
from regtutor.descent import descend
from regtutor.exercises.exercise import Wrong
from regtutor.losses import BendingEnergyLoss
from regtutor.metrics import DiceMetric, folding_fraction, target_registration_error

SIZE, SEED, SPACING = (80, 104), 3, 4
WEIGHTS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
GOOD = (0.1, 0.3)  # the last ones before the MSE climbs
REASONS = ("calmest", "elbow", "highest Dice", "lowest MSE", "lowest TRE", "no folds")


def refine(
    fixed: Tensor,
    moving: Tensor,
    start: Tensor,
    weight: float = 0.1,
    steps: int = 60,
    lr: float = 0.5,
) -> Tensor:
    """A field near `start`, `(1, 2, H, W)`, by a control point every fourth voxel; lr in voxels."""
    size = fixed.shape[2:]
    control = torch.zeros(1, 2, *[-(-n // SPACING) for n in size])

    def to_ddf(control: Tensor) -> Tensor:
        return start + resize_field(control, size)

    def terms(control: Tensor) -> dict[str, Tensor]:
        image = F.mse_loss(Warp()(moving, to_ddf(control)), fixed)
        return {"image": image, "smooth": weight * BendingEnergyLoss()(control)}

    descend(control, terms, lr=lr / SPACING, steps=steps, tolerance=0)
    return to_ddf(control)


def scaled(pair: BreathingPair) -> tuple[Tensor, Tensor]:
    """Fixed and moving in [0, 1]."""
    fixed, moving = (((image + 1000) / 1200).clamp(0, 1) for image in (pair.fixed, pair.moving))
    return fixed, moving


@lru_cache(maxsize=1)
def runs() -> dict[float, dict[str, float]]:
    """λ → MSE, Dice, folded (%), TRE (mm), of a chest that the notebook has not seen."""
    pair = breathing_slice(SEED, SIZE)
    fixed, moving = scaled(pair)
    found = {}
    for weight in WEIGHTS:
        ddf = refine(fixed, moving, torch.zeros(1, 2, *SIZE), weight)
        label = (Warp()(pair.moving_mask, ddf) > 0.5).float()
        points = pair.fixed_points, pair.moving_points, ddf, pair.spacing
        found[weight] = {
            "MSE": F.mse_loss(Warp()(moving, ddf), fixed).item(),
            "Dice": DiceMetric()(label, pair.fixed_mask).item(),
            "folded (%)": 100 * folding_fraction(ddf, one_sided=True).item(),
            "TRE (mm)": target_registration_error(*points).mean().item(),
        }
    return found


def lambda_table(tre: bool = False) -> str:
    """The runs in Markdown; the landmarks stay covered unless asked for."""
    text = "| λ | MSE | Dice | folded (%) |" + (" TRE (mm) |" if tre else "")
    text += "\n" + "|---" * (5 if tre else 4) + "|\n"
    for weight, run in runs().items():
        text += (f"| {weight:g} | {run['MSE']:.5f} | {run['Dice']:.4f} | {run['folded (%)']:.2f} |"
                 + (f" {run['TRE (mm)']:.2f} |" if tre else "") + "\n")  # fmt: skip
    return text


def solution(weight: float = 0.3, because: str = "elbow") -> dict[str, Any]:
    """Right, or with another λ or reason."""
    return {"lambda": weight, "because": because}


def form(answer: Any) -> str | None:
    """A λ of the table and a reason of the list."""
    if isinstance(answer, dict) and set(answer) == {"lambda", "because"}:
        known = isinstance(answer["lambda"], int | float) and _row(answer["lambda"]) is not None
        if known and answer["because"] in REASONS:
            return None
    return (
        '{"lambda": …, "because": …} is asked for: a λ that stands in the table, and one of '
        f"{', '.join(repr(reason) for reason in REASONS)}."
    )


def _row(weight: float) -> float | None:
    near = [known for known in WEIGHTS if abs(weight / known - 1) < 1e-3]
    return near[0] if near else None


def observe(answer: dict[str, Any]) -> dict[str, Any]:
    """The reason, and the λ; those that are as good are one."""
    weight = _row(float(answer["lambda"])) or 0.0
    return {"because": answer["because"], "lambda": "good" if weight in GOOD else weight}


def _reason(name: str, word: str, weight: float, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: solution(weight, word), lambda a: a["because"] == word)


def _weight(name: str, weight: float, test: Callable[[float], bool], slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: solution(weight),
                 lambda a: a["lambda"] != "good" and test(a["lambda"]))  # fmt: skip


WRONG = (
    Wrong("another_reason", "a good λ gets a reason that leads to another one",
          "Which λ of the table comes out by that rule? Name what made you stop before λ = 1.",
          lambda: solution(0.3, "no folds"),
          lambda a: a["lambda"] == "good" and a["because"] not in ("elbow", "lowest TRE")),
    _reason("lowest_mse", "lowest MSE", 1e-3, "the lowest MSE is taken for the best registration",
            "That is what was minimised: with a small λ it fits noise, whether it folds or not."),
    _reason("highest_dice", "highest Dice", 3e-3, "the highest Dice is chosen",
            "From λ = .003 to 0.3 it changes by .006: Dice sees the rim, and the rim is easy."),
    _reason("calmest", "calmest", 30.0, "the calmest field is chosen",
            "Nothing is calmer than no registration at all. What did it cost in MSE?"),
    _reason("no_folds", "no folds", 3e-3, "the first λ without folds is chosen",
            "Not folding is the least to ask. How much further can λ go before the MSE notices?"),
    _reason("lowest_tre", "lowest TRE", 0.1, "λ is chosen by landmarks",
            "The next patient has none. And what was used to choose cannot be used to judge."),
    _weight("folds", 1e-4, lambda w: w < 3e-3, "the field still folds",
            "The reason is good, the λ is not: read the last column."),
    _weight("too_soon", 0.01, lambda w: w < 0.1, "calm is left lying about",
            "No folds, yes. But go on: up to λ = 0.3 the MSE rises by less than a fifth a row."),
    _weight("too_late", 3.0, lambda w: w > 0.3, "the elbow is passed",
            "Compare its MSE with that of λ = 0.3: it has doubled, or worse."),
)  # fmt: skip
