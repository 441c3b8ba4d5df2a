"""Answers to notebook 04's `bending_energy`: what five fields cost, and which of them fold.

    energy = mean of Σ_a (∂²u/∂a²)² + 2 Σ_{a<b} (∂²u/∂a∂b)²   over voxels and components

An affine field has no second derivative. The sine, u = (HEIGHT · sin(x₁ / LENGTH), 0), has one:
HEIGHT / LENGTH² · sin. Squared, its mean over the wave is half of the peak, and over the two
components half of that.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import affine_to_ddf, identity_grid
from regtutor.exercises.exercise import Wrong
from regtutor.losses import BendingEnergyLoss

SIZE = (112, 140)
HEIGHT, LENGTH = 5.0, 6.0  # voxels
NAMES = ("translation", "rotation", "shear", "reflection", "sine")


@lru_cache(maxsize=1)
def five_fields() -> dict[str, Tensor]:
    """Name → ddf `(1, 2, 112, 140)`, voxels."""
    cos, sin = math.cos(math.radians(20)), math.sin(math.radians(20))
    thetas = {
        "translation": [[1.0, 0.0, 5.0], [0.0, 1.0, -3.0]],
        "rotation": [[cos, -sin, 0.0], [sin, cos, 0.0]],
        "shear": [[1.0, 0.3, 0.0], [0.0, 1.0, 0.0]],
        "reflection": [[-1.0, 0.0, SIZE[0] - 1.0], [0.0, 1.0, 0.0]],
    }
    fields = {name: affine_to_ddf(torch.tensor([rows]), SIZE) for name, rows in thetas.items()}
    column = identity_grid(SIZE)[:, 1]
    wave = torch.stack([HEIGHT * (column / LENGTH).sin(), 0 * column], dim=1)
    return {**fields, "sine": wave}


def solution(**energies: float) -> dict[str, Any]:
    """As measured, or with others."""
    measured = {name: BendingEnergyLoss()(ddf).item() for name, ddf in five_fields().items()}
    whole = {name: round(value, 7) for name, value in measured.items()}
    return {"energy": whole | energies, "folds": {"reflection"}}


def form(answer: Any) -> str | None:
    """Five numbers, and a set of names."""
    try:
        energy, folds = answer["energy"], answer["folds"]
        numbers = {name: float(energy[name]) for name in NAMES}
        good = set(folds) <= {*NAMES} and not isinstance(folds, str)
    except (TypeError, KeyError, ValueError, IndexError):
        good, numbers = False, {}
    if not good:
        return (
            '{"energy": {"translation": …, …}, "folds": {…}} is asked for: five numbers, and the '
            f"names of the fields that fold; names are {', '.join(NAMES)}."
        )
    least = min(numbers.values())
    return None if least >= 0 else "an energy is a mean of squares: never below 0, never NaN."


def observe(answer: dict[str, Any]) -> dict[str, Any]:
    """Numbers as numbers, names in order."""
    energy = {name: float(answer["energy"][name]) for name in NAMES}
    return {"energy": energy, "folds": sorted(answer["folds"])}


def _costs(name: str, look: str) -> Wrong:
    """An affine field is thought to cost something."""
    return Wrong(f"{name}_costs", f"a {name} is thought to cost something", look,
                 lambda: solution(**{name: 0.1}), lambda a: a["energy"][name] > 1e-6)  # fmt: skip


def _sine(name: str, slip: str, look: str, value: float) -> Wrong:
    near = 0.06 * value + 1e-6
    return Wrong(name, slip, look, lambda: solution(sine=value),
                 lambda a: abs(a["energy"]["sine"] - value) <= near)  # fmt: skip


_BEND, _SLOPE = HEIGHT / LENGTH**2, HEIGHT / LENGTH

WRONG = (
    _costs("translation", "All voxels take the same step: there is not even a first derivative."),
    _costs("rotation", "Its steps grow evenly with the place, so their slope is the same "
           "everywhere: no second derivative."),
    _costs("shear", "It leans every line by as much: a constant slope, no second derivative."),
    _costs("reflection", "x goes to 111 − x, which is a straight line too: the energy does not "
           "see which way it runs."),
    Wrong("no_energy_no_fold", "no bending energy is taken for no folding",
          "The reflection turns every voxel over, det = −1, and costs nothing.",
          lambda: solution() | {"folds": set()}, lambda a: "reflection" not in a["folds"]),
    Wrong("sine_folds", "what bends is thought to fold", "The sine moves columns up and down, "
          "each as a whole: its determinant is 1.",
          lambda: solution() | {"folds": {"reflection", "sine"}}, lambda a: "sine" in a["folds"]),
    Wrong("others_fold", "more is thought to fold than does", "A field folds where its "
          "determinant is 0 or less. A shear keeps area, a turn and a shift too.",
          lambda: solution() | {"folds": {"reflection", "shear"}}, lambda a: len(a["folds"]) > 1),
    _sine("sine_is_free", "a sine is thought to be free", "It keeps area, but it bends: take its "
          "second derivative.", 0.0),
    _sine("first_derivative", "slopes are squared, not second derivatives",
          "That is the diffusion loss. Differentiate once more.", _SLOPE**2 / 4),
    _sine("not_squared", "the second derivative is not squared", "Square it, then take the mean.",
          _BEND),
    _sine("no_mean", "the peak is taken, of one component",
          "Two means are missing: sin² over a wave is ½, and the second component is 0.", _BEND**2),
    _sine("one_mean", "one of two halves is forgotten",
          "The mean of sin² is ½. And the mean runs over both components, one of which is 0.",
          _BEND**2 / 2),
    _sine("thrice_halved", "a half too many is taken", "Two halves: of sin², of the components.",
          _BEND**2 / 8),
)  # fmt: skip
