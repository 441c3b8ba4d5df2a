"""The three words a notebook uses: `check`, `hint`, `solution`.

    check("do_nothing_tre", answer)    says whether it is right, or which mistake it shows
    hint("do_nothing_tre", 2)          three hints, each going further
    solution("do_nothing_tre")         the worked solution

A check prints and returns nothing; a question that is not answered yet stops no Run All.
"""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

from regtutor.checks import require_choice
from regtutor.exercises import (
    affine_11,
    alike_04,
    bending_01,
    clinic_14,
    elsewhere_13,
    export_13,
    fields_03,
    files_06,
    judging_10,
    modalities_12,
    networks_07,
    pairing_05,
    seeing_01,
    supervising_09,
    training_08,
    velocities_11,
    ward_14,
    warp_02,
)
from regtutor.exercises.exercise import Exercise, judge

MODULES = (
    seeing_01,
    bending_01,
    warp_02,
    fields_03,
    alike_04,
    pairing_05,
    files_06,
    networks_07,
    training_08,
    supervising_09,
    judging_10,
    velocities_11,
    affine_11,
    modalities_12,
    elsewhere_13,
    export_13,
    clinic_14,
    ward_14,
)
EXERCISES: dict[str, Exercise] = {e.name: e for module in MODULES for e in module.EXERCISES}
MET: dict[str, list[str]] = {}  # exercise → its verdicts so far: this kernel's memory, no more


def check(name: str, answer: Any) -> None:
    """Print one plain message about an answer; an empty one (`...`) raises nothing."""
    verdict = judge(_find(name), answer)
    MET.setdefault(name, []).append(verdict.name)
    print(textwrap.fill(verdict.text, 100))


def hint(name: str, step: int = 1) -> None:
    """Print hint 1, 2 or 3."""
    require_choice("step", step, (1, 2, 3))
    more = f" (hint({name!r}, {step + 1}) says more.)" if step < 3 else ""
    print(textwrap.fill(f"Hint {step}: {_find(name).hints[step - 1]}{more}", 100))


def solution(name: str) -> None:
    """Print the worked solution; of code, the very code that the tests run."""
    exercise = _find(name)
    print(textwrap.fill(exercise.worked, 100))
    if exercise.code:
        print("\n" + "\n\n".join(inspect.getsource(part) for part in exercise.code))
    else:
        print(f"\nanswer = {exercise.solution()!r}")


def _find(name: str) -> Exercise:
    require_choice("name", name, tuple(EXERCISES))
    return EXERCISES[name]
