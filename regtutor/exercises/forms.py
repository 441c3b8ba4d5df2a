"""What an answer has to be before it can be judged: its form, and what is said when it is another.

A form takes an answer and returns what is wrong with it, in the learner's words, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from regtutor.exercises.exercise import is_blank

Form = Callable[[Any], str | None]


def not_a_number(answer: Any) -> str | None:
    """The form of an answer that is one number."""
    if isinstance(answer, Tensor) and answer.numel() > 1:
        return f"one number is asked for, not {tuple(answer.shape)} of them: is a mean missing?"
    try:
        value = float(answer)
    except (TypeError, ValueError):
        return f"one number is asked for, not {type(answer).__name__}."
    return None if value == value else "it is NaN: look for 0 / 0, or for an empty label."


def function_form(name: str, call: Callable[[Any], Any], complaint: Form) -> Form:
    """The form of an answer that is a function, by what it returns.

    Args:
        name: what the exercise calls it.
        call: answer → what it returns on some input.
        complaint: that → what is wrong with it, or None.
    """

    def form(answer: Any) -> str | None:
        if not callable(answer):
            return f"a function is asked for: give check {name} itself, without calling it."
        out = call(answer)
        return None if is_blank(out) else complaint(out)

    return form


def not_a_loss(out: Any) -> str | None:
    """The form of what a loss returns: one number, as a tensor."""
    if not isinstance(out, Tensor):
        return f"it must return a tensor, so that it has a gradient, not {type(out).__name__}."
    if out.ndim > 0:
        return f"one number is asked for, not {tuple(out.shape)}: take the mean."
    return None if bool(out.isfinite()) else "it is NaN or infinite where it should be a number."


def not_a_field(shape: Sequence[int]) -> Form:
    """The form of a field of one shape."""

    def complaint(out: Any) -> str | None:
        if not isinstance(out, Tensor):
            return f"it must return a field, a tensor, not {type(out).__name__}."
        if tuple(out.shape) != tuple(shape):
            return f"a field of shape {tuple(shape)} should come back, not {tuple(out.shape)}."
        return None if bool(out.isfinite().all()) else "there are NaN or infinite values in it."

    return complaint
