"""What an exercise is, and how an answer is judged: not only whether it is wrong, but how.

An exercise keeps, beside the right answer, the answers that typical mistakes give. All are reduced
to what can be *observed* of them on the same input: a number is itself, a function is what it makes
of images of odd shape and spacing. An answer that looks like a mistake's is told which one.

The order: nothing there yet → it cannot be judged (type, shape, NaN) → a known mistake → a
property that any right answer has, on inputs of its own, so that a copied result does not pass →
right → wrong in a way nobody foresaw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any, NamedTuple

import torch
from torch import Tensor

LONGEST = 240  # letters of an error that are shown


@dataclass(frozen=True)
class Wrong:
    """A typical wrong answer.

    Attributes:
        name: its id.
        slip: what was done or believed, to complete "This is what comes out when …".
        look: what to look at next.
        answer: makes the wrong answer.
        seen: whether an observation shows this mistake; by default, whether it equals that of
            `answer`.
    """

    name: str
    slip: str
    look: str
    answer: Callable[[], Any]
    seen: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Property:
    """What every right answer has: `holds(answer)`; `look` is said when it does not."""

    name: str
    holds: Callable[[Any], bool]
    look: str


@dataclass(frozen=True)
class Exercise:
    """A question with its right and its typical wrong answers.

    Attributes:
        name: its id, as `check` takes it.
        notebook: two digits.
        question: in a sentence or two.
        solution: makes the right answer.
        why: one sentence, said when it is right.
        hints: three, each going further than the one before.
        worked: the way to the solution, in words.
        code: the functions or classes that are the solution, if it is code.
        wrong: the typical wrong answers; the first that is seen is told.
        observe: answer → what can be compared.
        form: answer → what is wrong with its form, or None.
        properties: asked before an answer is called right.
        tolerance: relative, of numbers.
    """

    name: str
    notebook: str
    question: str
    solution: Callable[[], Any]
    why: str
    hints: tuple[str, str, str]
    worked: str
    wrong: tuple[Wrong, ...]
    observe: Callable[[Any], Any] = field(default=lambda answer: answer)
    form: Callable[[Any], str | None] = field(default=lambda answer: None)
    properties: tuple[Property, ...] = ()
    code: tuple[Any, ...] = ()
    tolerance: float = 1e-3


class Verdict(NamedTuple):
    """`name` is "right", "unanswered", "form", "stopped", "unknown", or the mistake's."""

    name: str
    text: str


def judge(exercise: Exercise, answer: Any) -> Verdict:
    """Look at an answer in the order this module describes. Never raises."""
    if is_blank(answer):
        return Verdict("unanswered", "not answered yet")
    try:
        complaint = exercise.form(answer)
        if complaint:
            return Verdict("form", f"Not yet: {complaint}")
        observed = exercise.observe(answer)
    except Exception as error:
        if ... in getattr(getattr(answer, "__code__", None), "co_consts", ()):
            return Verdict("unanswered", "not answered yet (there is still a ... in it)")
        said = shorten(str(error), LONGEST, placeholder=" …")
        return Verdict("stopped", f"Not yet: it stopped with {type(error).__name__}: {said}")
    if is_blank(observed):
        return Verdict("unanswered", "not answered yet (or is a return missing?)")
    for wrong in exercise.wrong:
        if _is_seen(exercise, wrong, observed):
            text = f"Not yet. This is what comes out when {wrong.slip}. {wrong.look}"
            return Verdict(wrong.name, text)
    for quality in exercise.properties:
        if not _holds(quality, answer):
            return Verdict(quality.name, f"Not yet. {quality.look}")
    if alike(observed, exercise.observe(exercise.solution()), exercise.tolerance):
        return Verdict("right", f"Right. {exercise.why}")
    text = f"Not right, and none of the mistakes we know. hint({exercise.name!r}) helps on."
    return Verdict("unknown", text)


def _is_seen(exercise: Exercise, wrong: Wrong, observed: Any) -> bool:
    if wrong.seen is not None:
        return wrong.seen(observed)
    return alike(observed, exercise.observe(wrong.answer()), exercise.tolerance)


def _holds(quality: Property, answer: Any) -> bool:
    """Also not if the answer stops on the property's inputs: it was made for one image only."""
    try:
        return quality.holds(answer)
    except Exception:
        return False


def is_blank(answer: Any) -> bool:
    """None, `...`, or something that holds one of these."""
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return any(is_blank(part) for part in answer)
    return answer is None or answer is ...


def alike(a: Any, b: Any, tolerance: float) -> bool:
    """Equal in structure, and in numbers within the relative tolerance."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(alike(a[key], b[key], tolerance) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(alike(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, str | bool) or isinstance(b, str | bool):
        return bool(a == b)
    if isinstance(a, int | float | Tensor) and isinstance(b, int | float | Tensor):
        x, y = torch.as_tensor(a).double(), torch.as_tensor(b).double()
        return x.shape == y.shape and torch.allclose(x, y, rtol=tolerance, atol=1e-6)
    return bool(a == b)
