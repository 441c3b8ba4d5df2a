"""The page "What everyone gets wrong", made of the bank of exercises.

Of each exercise it holds the question and its typical wrong answers, each with what is said about
it when it is met; no solution, no hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import groupby

from regtutor.exercises.exercise import Exercise, Wrong

OPENING = """\
# What everyone gets wrong

{count} typical wrong answers to the {exercises} exercises of the notebooks. Each is a belief that
somebody held for a reason, and the check of its exercise knows it by what comes out. Do the
exercise first; then see what else could have happened, and unfold where to look.
"""
CODE = re.compile(r"(?<![\w.`])(?:\w+(?:\.\w+)*\([^()]*\)|[A-Za-z]+(?:_\w+)+(?:=\S*\w)?)")


def page(exercises: Iterable[Exercise]) -> str:
    """The page as Markdown, notebook by notebook."""
    bank = sorted(exercises, key=lambda exercise: exercise.notebook)  # else in their own order
    count = sum(len(told(exercise)) for exercise in bank)
    parts = [OPENING.format(count=count, exercises=len(bank))]
    for number, those in groupby(bank, key=lambda exercise: exercise.notebook):
        parts += [f"## Notebook {{nb}}`{number}`\n", *map(section, those)]
    return "\n".join(parts)


def told(exercise: Exercise) -> list[Wrong]:
    """All but those that name a wrong choice: the right one is what they leave over."""
    return [wrong for wrong in exercise.wrong if not re.search(r"(?<!\w)'\w+'", wrong.slip)]


def section(exercise: Exercise) -> str:
    """An exercise: what is asked, and what goes wrong."""
    question = re.sub(r"\s*answer = .*", "", exercise.question, flags=re.S)
    lines = [f"### `{exercise.name}`\n", readable(question), "\n*Something else comes out …*\n"]
    for wrong in told(exercise):
        summary = f"<summary>… when {readable(wrong.slip, html=True)}</summary>"
        lines.append(f"<details>{summary}\n\n{readable(wrong.look)}\n\n</details>")
    return "\n".join(lines) + "\n"


def readable(text: str, html: bool = False) -> str:
    """Plain words as Markdown, or HTML: names and calls as code, and nothing taken for markup."""
    plain, code = (escape, "<code>{}</code>") if html else (escaped, "`{}`")
    parts, last = [], 0
    for found in CODE.finditer(text):
        parts += [
            plain(text[last : found.start()]),
            code.format(escape(found[0]) if html else found[0]),
        ]
        last = found.end()
    return "".join(parts) + plain(text[last:])


def escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#$|~])", r"\\\1", text)
