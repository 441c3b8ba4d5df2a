"""Answers to notebook 02's `label_ways`: how to warp labels, and what for."""

from __future__ import annotations

from typing import Any

from regtutor.exercises.exercise import Wrong

WAYS = ("linear_ids", "nearest_ids", "soft", "argmax")
PURPOSES = {"loss": "soft", "dice": "argmax", "atlas": "nearest_ids"}


def form(answer: Any) -> str | None:
    """A way for each purpose."""
    if isinstance(answer, dict) and set(answer) == set(PURPOSES) and {*answer.values()} <= {*WAYS}:
        return None
    return f"a dict from each of {', '.join(PURPOSES)} to one of {', '.join(WAYS)} is asked for."


def _way(name: str, slip: str, look: str, **other: str) -> Wrong:
    """This way is chosen for this purpose, whatever for the others."""
    ((purpose, way),) = other.items()
    return Wrong(name, slip, look, lambda: PURPOSES | other, lambda answer: answer[purpose] == way)


WRONG = (
    *(_way(f"linear_ids_{purpose}", f"ids are interpolated for the {purpose}",
           "Halfway between 1 and 3 lies 2, another organ's number. Look at the ids that "
           "came out.", **{purpose: "linear_ids"}) for purpose in PURPOSES),
    _way("nearest_in_loss", "the loss is given nearest labels",
         "Their gradient is 0 everywhere: nothing trains, and nothing says so.",
         loss="nearest_ids"),
    _way("argmax_in_loss", "the loss is given a decision",
         "Arg-max has no gradient, however soft the labels were before it.",
         loss="argmax"),
    _way("soft_dice", "soft labels are scored", "A Dice score counts voxels that are in "
         "or out: decide first.", dice="soft"),
    _way("decided_before", "the arg-max is taken before warping",
         "Nearest moves decisions already made, by whole voxels. Compare the two Dice "
         "scores.", dice="nearest_ids"),
    _way("soft_atlas", "200 channels are made for a look", "Count their bytes.",
         atlas="soft"),
    _way("argmax_atlas", "200 channels are warped for a look",
         "They would all have to be there before the arg-max. Count their bytes.",
         atlas="argmax"),
)  # fmt: skip
