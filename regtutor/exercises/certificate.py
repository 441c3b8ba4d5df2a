"""What a learner has met and beaten in this kernel, as a page: `Markdown(certificate("14"))`.

`check` remembers its verdicts as long as the kernel lives. Nothing is written and nothing leaves:
whoever wants to keep the page keeps the notebook. Used in notebook 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from regtutor.checks import require_choice
from regtutor.exercises.checking import EXERCISES, MET
from regtutor.exercises.exercise import Exercise


def certificate(notebook: str, met: Mapping[str, Sequence[str]] = MET) -> str:
    """Markdown: a row for each exercise of a notebook, and the mistakes that were made on the way.

    Args:
        notebook: two digits.
        met: exercise → names of its verdicts in their order; those of this kernel by default.

    Raises:
        ValueError: no exercise belongs to that notebook.
    """
    require_choice("notebook", notebook, sorted({e.notebook for e in EXERCISES.values()}))
    rows = [exercise for exercise in EXERCISES.values() if exercise.notebook == notebook]
    done = sum("right" in met.get(exercise.name, ()) for exercise in rows)
    text = f"**{done} of {len(rows)} solved in this kernel.**\n\n"
    text += "| | state | mistakes met on the way |\n|---|---|---|\n"
    for exercise in rows:
        verdicts = [v for v in met.get(exercise.name, ()) if v != "unanswered"]
        state = "solved" if "right" in verdicts else "open" if verdicts else "not seen yet"
        text += f"| {exercise.name} | {state} | {_mistakes(exercise, verdicts) or '–'} |\n"
    return text


def _mistakes(exercise: Exercise, verdicts: Sequence[str]) -> str:
    """Each once, in the order in which it was met; struck out when the exercise is solved."""
    slips = {wrong.name: wrong.slip for wrong in exercise.wrong}
    seen = [slips[name] for name in dict.fromkeys(verdicts) if name in slips]
    beaten = "right" in verdicts
    return "; ".join(f"~~{slip}~~" if beaten else slip for slip in seen)
