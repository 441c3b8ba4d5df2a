"""The four pictures of notebook 02: one letter, one field, warped by code with one bug or two.

A bug is a switch. Each changes the step or the place that is read; with all five off the warp is
right. Every set of switches makes a picture of its own.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import identity_grid, sample
from regtutor.exercises.exercise import Wrong
from regtutor.exercises.warping import SIZE, half_off, letter, turned

STEP, SPACING = (6.0, -2.0), (1.5, 2.0)  # voxels; mm a voxel
SWITCHES = ("sign", "components", "millimetres", "order", "align_corners")
CAUSES = {
    "A": {"order"},
    "B": {"align_corners"},
    "C": {"sign"},
    "D": {"components", "millimetres"},
}


def misread(bugs: Collection[str]) -> Tensor:
    """The letter, `(1, 1, *SIZE)`, warped by a warp with these bugs."""
    step, spacing = (torch.tensor(pair).view(1, 2, 1, 1) for pair in (STEP, SPACING))
    if "millimetres" in bugs:
        step = step * spacing
    if "components" in bugs:
        step = step.flip(1)
    if "sign" in bugs:
        step = -step
    places, last = identity_grid(SIZE) + step, torch.tensor(SIZE).view(1, 2, 1, 1) - 1
    if "order" in bugs:
        places = turned(places, last)
    if "align_corners" in bugs:
        places = half_off(places, last)
    return sample(letter(), places)


def mysteries() -> dict[str, Tensor]:
    """Four wrong pictures of the letter, A to D, each `(1, 1, 40, 56)`."""
    return {name: misread(bugs) for name, bugs in CAUSES.items()}


def form(answer: Any) -> str | None:
    """A set of switches for each picture."""
    expected = (
        'a dict is asked for that gives each of A, B, C, D a set of switches: {"A": {"sign"}, …}; '
        f"switches are {', '.join(SWITCHES)}."
    )
    if not (isinstance(answer, dict) and set(answer) == set(CAUSES)):
        return expected
    sets = answer.values()
    named = all(
        isinstance(s, set | frozenset | list | tuple) and set(s) <= {*SWITCHES} for s in sets
    )
    return None if named else expected


def observe(answer: dict[str, Collection[str]]) -> dict[str, list[str]]:
    """In one order, whatever holds the switches."""
    return {name: sorted(answer[name]) for name in CAUSES}


def _missed(
    name: str, slip: str, look: str, picture: str, cause: str, instead: str, always: bool = False
) -> Wrong:
    """Told if a cause is lacking and `instead` is there ("": nothing is); `always`: or whatever."""

    def seen(answer: dict[str, list[str]]) -> bool:
        given = answer[picture]
        return cause not in given and (always or (instead in given if instead else not given))

    wrong = {instead} if instead else set()
    return Wrong(name, f"{picture} {slip}", look, lambda: CAUSES | {picture: wrong}, seen)


WRONG = (
    _missed("sign_for_order", "is explained by the sign",
            "A sign moves the F the other way. In A it lies on its side: nothing that is done to "
            "the field alone turns a picture.", "A", "order", "sign"),
    _missed("components_for_order", "is explained by swapped components",
            "They move the F elsewhere and leave it upright. In A whole places are swapped, voxel "
            "and step alike.", "A", "order", "components"),
    _missed("order_missed", "is not explained by the order of a place's numbers",
            "In A the F lies on its side: rows are read as columns.", "A", "order", "", True),
    _missed("right_for_half", "is taken for the right warp",
            "Set no switch and look at the difference: there is a rim at the edges of the F.",
            "B", "align_corners", ""),
    _missed("half_missed", "is explained by a bug that moves the F",
            "In B the F is where it belongs, to within half a voxel.", "B", "align_corners",
            "sign", True),
    _missed("components_for_sign", "is explained by swapped components",
            "The right F went 6 up and 2 to the right. Swapped, it goes 2 down and 6 to the left. "
            "Count how far down C's has gone.", "C", "sign", "components"),
    _missed("sign_missed", "is not explained by the sign",
            "C's F went as far down and to the left as the right one went up and right.",
            "C", "sign", "", True),
    _missed("sign_for_components", "is explained by the sign",
            "With the sign alone the F goes further down than to the left. D's goes further to "
            "the left.", "D", "components", "sign"),
    _missed("components_missed", "is not explained by swapped components",
            "D's F goes further across than down, but the step is longer along axis 0.",
            "D", "components", "", True),
    _missed("millimetres_missed", "has its direction explained, and not how far it goes",
            "Components, yes. But what are 6 voxels in mm?", "D", "millimetres", "components",
            True),
    Wrong("too_many", "more switches are set than a picture needs",
          "Set them one by one: each picture takes the fewest that make it.",
          lambda: CAUSES | {"C": {"sign", "align_corners"}},
          lambda answer: any(CAUSES[name] < set(bugs) for name, bugs in answer.items())),
)  # fmt: skip
