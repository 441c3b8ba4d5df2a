"""What notebook 12's `take_a_loss` may be answered, and what is said to each wrong answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.exercises.evidence import (
    NAMES,
    backwards,
    before,
    gland_dice,
    loss_values,
    solution,
    table,
)
from regtutor.exercises.exercise import Wrong, alike, is_blank


def form(answer: Any) -> str | None:
    """A number for each loss, and one of them."""
    good = isinstance(answer, dict) and set(answer) == {*NAMES, "take"}
    if not good:
        return f'a dict with a number for each of {", ".join(NAMES)}, and "take", is asked for.'
    if not all(isinstance(answer[name], int | float | Tensor) for name in NAMES):
        return "each loss gets one number: its mean TRE in mm."
    if any(isinstance(x, Tensor) and x.numel() != 1 for x in answer.values()):
        return "each loss gets one number: take the mean over landmarks and patients."
    if answer["take"] not in NAMES:
        return f'"take" is one of {", ".join(NAMES)}.'
    finite = all(bool(torch.as_tensor(answer[name]).isfinite()) for name in NAMES)
    return None if finite else "there is a NaN among the numbers."


def observe(answer: dict[str, Any]) -> Any:
    """Numbers as floats."""
    return None if is_blank(answer) else {
        key: value if key == "take" else float(value) for key, value in answer.items()
    }  # fmt: skip


def _took(name: str) -> Callable[[Any], bool]:
    """The numbers are right, the choice is another."""

    def seen(answer: Any) -> bool:
        right = table()
        near = all(abs(answer[n] - right[n]) <= 0.05 * right[n] for n in NAMES)
        return near and answer["take"] == name

    return seen


def of_the_strangers(answer: dict[str, Any]) -> bool:
    """Within a twentieth, the means over those who were to be asked."""
    return alike(observe(answer), solution(), 0.05)


def _took_lowest_of(wrong: dict[str, float]) -> dict[str, Any]:
    return wrong | {"take": min(wrong, key=wrong.__getitem__)}


WRONG = (
    Wrong("took_squares", "MSE is taken against its own numbers",
          "It asks for equal values, and MR and ultrasound have none. What was the TRE of doing "
          "nothing?", lambda: solution("MSE"), _took("MSE")),
    Wrong("took_normalised", "LNCC is taken although another has a lower TRE",
          "That it is normalised takes out brightness and contrast, not that an echo is a line "
          "where MR has a step. Compare the means.", lambda: solution("LNCC"), _took("LNCC")),
    Wrong("took_by_fame", "GMI is taken although it gains nothing here",
          "It is made for two kinds of image, in which each grey has one partner. Compare the "
          "means.", lambda: solution("GMI"), _took("GMI")),
    Wrong("voxels", "the distances stay in voxels", "A voxel is not 1 mm here: give "
          "target_registration_error the fixed image's spacing.",
          lambda: solution(spacing=(1.0, 1.0))),
    Wrong("clamped", "GMI is fed images that are clamped to [0, 1] instead of scaled",
          "Of 0 to 255 nearly all becomes 1: nothing is left to tell. Divide by 255.",
          lambda: solution(clamped=True)),
    Wrong("before", "the fields are left out of the TRE: all losses score alike",
          "That is doing nothing. Give target_registration_error the ddf.",
          lambda: solution(measure=before)),
    Wrong("backwards", "the fields are gone the wrong way",
          "The ddf leads from fixed to moving: fixed points first, +ddf.",
          lambda: solution(measure=backwards)),
    Wrong("dice", "the gland's Dice is given, not the TRE",
          "The gland's rim can fit while its inside is elsewhere (10). Measure the landmarks.",
          lambda: solution(measure=gland_dice)),
    Wrong("one_patient", "one patient is asked", "Another patient may say the opposite, as one of "
          "the four does: take the mean over all four.",
          lambda: _took_lowest_of(table(summary=lambda values: values[0])),
          lambda answer: any(_is_patient(answer, n) for n in range(4))),
    Wrong("best_patient", "each loss is shown on its best patient",
          "The next patient is not chosen: take the mean.",
          lambda: _took_lowest_of(table(summary=min))),
    Wrong("worst_patient", "each loss is judged by its worst patient",
          "One may ask for that; here the mean is asked for.",
          lambda: _took_lowest_of(table(summary=max))),
    Wrong("sum", "the patients are summed", "A sum grows with the number of patients: divide by "
          "four.", lambda: solution(summary=sum)),
    Wrong("loss_values", "the losses' own values are compared",
          "Each has its own scale, and each is content with what it has done. Ask somebody who "
          "was not in the room: the landmarks.", loss_values),
)  # fmt: skip


def _is_patient(answer: Any, n: int) -> bool:
    values = table(summary=lambda values: values[n])
    return all(abs(answer[name] - values[name]) <= 0.05 * values[name] for name in NAMES)
