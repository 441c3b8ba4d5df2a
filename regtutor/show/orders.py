"""A case file: one picture of the symptom, and tests that are looked at only when ordered.

Each test is a `<details>` element, so it opens without script or kernel, by mouse, keyboard or
finger; where a page strips even that, everything stands below each other. The page counts what was
ordered. Used in notebook 14.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Collection, Mapping
from typing import Any

from regtutor.checks import require
from regtutor.show.picture import Picture

_STYLE = """\
.NAME {counter-reset: ordered; max-width: 46em}
.NAME details {border-left: 3px solid #0072b2; margin: .35em 0; padding: .15em .7em}
.NAME details[open] {counter-increment: ordered; border-color: #e69f00}
.NAME summary {cursor: pointer; padding: .2em 0}
.NAME p {margin: .3em 0}
.NAME .sum::after {content: 'Tests ordered: ' counter(ordered)}"""


class CaseFile(Picture):
    """Made by `orders`: the symptom is its still picture."""

    def __init__(self, symptom: Picture, tests: Mapping[str, Picture | str]) -> None:
        super().__init__(symptom.png, symptom.title, symptom.alt)
        self.tests = dict(tests)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """The symptom as every picture; in the HTML the tests below it, closed."""
        data, metadata = super()._repr_mimebundle_(include, exclude)
        tests = "\n".join(map(_test, self.tests, self.tests.values()))
        name = "rt-" + hashlib.sha256((data["text/html"] + tests).encode()).hexdigest()[:12]
        page = (
            f'<div class="{name}"><style>{_STYLE.replace("NAME", name)}</style>\n'
            f"{data['text/html']}\n<p>Order a test:</p>\n{tests}\n"
            '<p class="sum"></p></div>'
        )
        return {**data, "text/html": page}, metadata


def _test(name: str, finding: Picture | str) -> str:
    """One test, closed: what it is called, and what it finds."""
    if isinstance(finding, str):
        inner = f"<p>{html.escape(finding)}</p>"
    else:
        code, (width, height) = base64.b64encode(finding.png).decode("ascii"), finding.size
        inner = (
            f'<img src="data:image/png;base64,{code}" alt="{html.escape(finding.alt)}" '
            f'width="{width}" height="{height}" style="max-width:100%;height:auto">'
        )
    return f"<details><summary>{html.escape(name)}</summary>{inner}</details>"


def orders(symptom: Picture, tests: Mapping[str, Picture | str]) -> CaseFile:
    """Show a symptom, and let the tests be ordered one by one.

    Args:
        symptom: what is seen at once.
        tests: what each is called → its picture, or a sentence.

    Raises:
        ValueError: no test to order.
    """
    require(len(tests) > 0, "tests", "at least one test to order", "none")
    return CaseFile(symptom, tests)
