"""How the clinic judges a patient: the script as it was mended, and the cause as it was named.

    answer = (function, "cause")

Asked first is whether the script hides its symptom, then whether the cause is another, then whether
anything was mended at all. So a right word does not pass with a broken script, nor a mended script
with a wrong word. Used in notebook 14.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from regtutor.exercises.exercise import Wrong, alike
from regtutor.exercises.forms import Form, function_form

Script = Callable[..., Any]


@dataclass(frozen=True)
class Diagnosis:
    """What is known of one patient.

    Attributes:
        cause: its name.
        others: other causes one may suspect → what speaks against each.
        examine: a script → what can be compared of it.
        broken: the script as it came in.
        repaired: the script as it should be.
        complaint: what the script returns (on `try_out`) → what is wrong with its form.
        try_out: a script → what it returns on some input.
        tolerance: relative, of the numbers compared.
    """

    cause: str
    others: Mapping[str, str]
    examine: Callable[[Script], Any]
    broken: Script
    repaired: Script
    try_out: Callable[[Script], Any]
    complaint: Form
    tolerance: float = 1e-3

    def solution(self) -> tuple[Script, str]:
        """The mended script and the cause."""
        return self.repaired, self.cause

    def observe(self, answer: Sequence[Any]) -> dict[str, Any]:
        """What the script does, and what is blamed."""
        script, known = answer[0], answer[0] is self.repaired
        facts = _examined(self.examine, script) if known else self.examine(script)
        return {"script": facts, "cause": answer[1]}

    def form(self, answer: Any) -> str | None:
        """A pair: a function that returns what it should, and one of the causes."""
        causes = sorted([self.cause, *self.others])
        if not (isinstance(answer, tuple | list) and len(answer) == 2 and callable(answer[0])):
            return f"a script and a cause are asked for: ({self.repaired.__name__}, cause)."
        if answer[1] not in causes:
            return f"the cause is one of {', '.join(causes)}."
        return function_form(self.repaired.__name__, self.try_out, self.complaint)(answer[0])

    def wrong(self, *masks: Wrong) -> tuple[Wrong, ...]:
        """The masks, the other causes, and the right word on a script that is as it was."""
        blamed = (self._blamed(name, look) for name, look in self.others.items())
        return (*masks, *blamed, self._as_it_was())

    def mask(
        self, name: str, slip: str, look: str, script: Script,
        seen: Callable[[Any], bool] | None = None,
    ) -> Wrong:  # fmt: skip
        """A script that hides the symptom, whatever is blamed; seen as equal, or by `seen`."""

        def equal(facts: Any) -> bool:
            return alike(facts, _examined(self.examine, script), self.tolerance)

        told = seen or equal
        return Wrong(name, slip, look, lambda: (script, self.cause),
                     lambda observed: told(observed["script"]))  # fmt: skip

    def _blamed(self, name: str, look: str) -> Wrong:
        return Wrong(f"blames_{name}", f"{name!r} is taken for the cause", look,
                     lambda: (self.repaired, name), lambda seen: seen["cause"] == name)  # fmt: skip

    def _as_it_was(self) -> Wrong:
        def unchanged(seen: Any) -> bool:
            facts = _examined(self.examine, self.broken)
            return alike(seen["script"], facts, self.tolerance)

        return Wrong("named_only", "the cause is named and the script is as sick as before",
                     "You have found it. Now mend the one line.",
                     lambda: (self.broken, self.cause), unchanged)  # fmt: skip


@lru_cache(maxsize=128)
def _examined(examine: Callable[[Script], Any], script: Script) -> Any:
    """Of a script that is ours, and stays as it is: once is enough."""
    return examine(script)
