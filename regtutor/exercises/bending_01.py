"""An exercise of notebook 01: a chest bent by hand onto its other breath, with a field pad.

A push from p to q with a brush of R voxels is the pad's own (`show.field_pad`):

    w(x) = −(q − p) exp(−2 |x − q|² / R²),    ddf ← w + ddf(x + w)

Convention: fields `(1, 2, 112, 140)` in voxels, on the grid of `registrations.chest`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import compose, identity_grid, move_points
from regtutor.exercises.exercise import Exercise, Wrong
from regtutor.exercises.registrations import chest
from regtutor.metrics import folding_fraction, target_registration_error

GOAL = 2.0  # mm
Place = tuple[int, int]
PUSHES: tuple[tuple[Place, Place, int], ...] = (  # from, to (row, column), brush
    ((64, 35), (60, 36), 40),
    ((64, 105), (60, 104), 28),
    ((84, 36), (80, 36), 28),
    ((84, 97), (80, 96), 28),
)


def push(ddf: Tensor, start: Place, end: Place, brush: float) -> Tensor:
    """One push of the picture, composed onto the field so far."""
    p, q = (torch.tensor(place, dtype=ddf.dtype).view(1, 2, 1, 1) for place in (start, end))
    away = ((identity_grid(ddf.shape[2:]) - q) ** 2).sum(dim=1, keepdim=True)
    return compose(ddf, (p - q) * torch.exp(-2 * away / brush**2))


def pushed(*pushes: tuple[Place, Place, int]) -> Tensor:
    """The field that these pushes make: `(1, 2, 112, 140)`, voxels."""
    ddf = torch.zeros_like(chest().ddf)
    for start, end, brush in pushes:
        ddf = push(ddf, start, end, brush)
    return ddf


def four_pushes() -> Tensor:
    """Each lung by its base, then each dome."""
    return pushed(*PUSHES)


def dots() -> Tensor:
    """The true field at the landmarks and nothing between them."""
    pair = chest()
    near = torch.zeros_like(pair.fixed_mask)
    rows, columns = pair.fixed_points[0].round().long().T
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            near[0, 0, rows + down, columns + across] = 1
    return pair.ddf * near


def form(answer: Any) -> str | None:
    """A field on this grid that is not zero everywhere."""
    size = tuple(chest().ddf.shape)
    if not isinstance(answer, Tensor) or tuple(answer.shape) != size:
        return f"a field {size} is asked for: pad.ddf."
    if not answer.isfinite().all():
        return "the field holds NaN or infinity."
    return None if answer.any() else "the field is zero. Drag the picture, then run this again."


def finding(ddf: Tensor) -> str:
    """What is wrong with a field, in a word; "good" if nothing is."""
    pair, ddf = chest(), ddf.float()
    errors = _errors(ddf)
    tre, nothing = errors.mean(), _errors(None).mean()
    left = pair.fixed_points[..., 1] > ddf.shape[-1] / 2  # in the picture's right half
    sides = sorted(float(errors[side].mean()) for side in (left, ~left))
    mm = torch.tensor(pair.spacing).view(1, 2, 1, 1)
    lungs = pair.fixed_mask[:, 0] > 0.5
    inside = ((ddf - pair.ddf) * mm).norm(dim=1)[lungs].mean()
    asked = pair.moving_points - pair.fixed_points
    share = ((move_points(pair.fixed_points, ddf) - pair.fixed_points) * asked).sum()
    facts = {
        "dots": tre < GOAL < inside / 2,
        "truth": tre < 0.05,
        "folds": folding_fraction(ddf) > 0,
        "good": tre < GOAL,
        "block": ddf.flatten(2).std(dim=-1).max() < 0.3,
        "too_far": share > 1.2 * (asked**2).sum(),
        "away": tre > nothing + 1,
        "elsewhere": tre > nothing - 0.5,
        "one_lung": sides[0] < 4 and sides[1] > 2 * sides[0],
    }
    return next((name for name, seen in facts.items() if seen), "short")


def _errors(ddf: Tensor | None) -> Tensor:
    pair = chest()
    return target_registration_error(pair.fixed_points, pair.moving_points, ddf, pair.spacing)


EXERCISES = (
    Exercise(
        name="by_hand",
        notebook="01",
        question="Bend the inhaled chest onto the exhaled one with the field pad, until its "
        "landmarks are less than 2 mm off and nothing folds. answer = pad.ddf",
        solution=four_pushes,
        why="Less than 2 mm off and no fold, by hand, for one slice. A network has to do it alone.",
        hints=(
            "What must go up? Show both: where orange meets nothing, blue has to be pushed there.",
            "Begin with a large brush in the middle of each lung's base; then each dome.",
            "Pushes of 4 voxels upwards: at row 64 with a brush of 40, at row 84 with one of 28.",
        ),
        worked="Four pushes, each 4 voxels up: the base of both lungs, then both domes. The large "
        "movement first and with a large brush; then what is left.",
        wrong=(
            Wrong("dots", "the landmarks are moved and nothing between them",
                  "The score is 0 at the dots, but the lung around them stays. Landmarks are a "
                  "sample of the lung, not the goal.", dots),
            Wrong("truth", "the phantom's own field is handed in",
                  "No patient brings that along. Drag.", lambda: chest().ddf.clone()),
            Wrong("folds", "the field folds somewhere",
                  "A push that is long for its brush does that. Look for black on the map of area; "
                  "undo, and take a larger brush or small steps.",
                  lambda: pushed(*PUSHES, ((40, 36), (26, 36), 10))),
            Wrong("block", "the whole picture is shifted as one",
                  "Domes go far, tips hardly move: what a lung needs is not one step.",
                  lambda: torch.zeros(1, 2, 112, 140) + torch.tensor([3.0, 0.0]).view(1, 2, 1, 1)),
            Wrong("too_far", "the push went too far",
                  "Show both: where blue has come out beyond orange, push it back, or Undo.",
                  lambda: 1.6 * four_pushes()),
            Wrong("away", "the picture is pushed the wrong way",
                  "The inhaled domes lie too low. Push them up; the field then points down.",
                  lambda: pushed(*[(end, start, brush) for start, end, brush in PUSHES])),
            Wrong("elsewhere", "something else is moved than the lungs",
                  "Tick the landmarks: all of them lie in the lungs. Begin at the domes.",
                  lambda: pushed(((104, 70), (98, 70), 20))),
            Wrong("one_lung", "only one lung is registered", "Now the same on the other side.",
                  lambda: pushed(PUSHES[0], PUSHES[2])),
            Wrong("short", "the push ended on the way",
                  "The right direction, and not yet below 2 mm: where is most colour left?",
                  lambda: chest().ddf / 2),
        ),
        form=form, observe=finding,
        code=(push, pushed, four_pushes),
    ),
)  # fmt: skip
