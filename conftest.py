"""Notebooks are compared by nbval, character by character; here decimals get a tolerance.

Words and whole numbers must agree exactly. Decimals agree within 5 % or 0.02: a training on one
thread or two, or on another processor, differs in its last digits. What differs by nature
(seconds, memory) is taken out by tests/sanitize.cfg.
"""

import re

import nbval.plugin

DECIMAL = re.compile(r"-?\d+\.\d+")


def close(stored: str, new: str) -> bool:
    a, b = float(stored), float(new)
    return abs(a - b) <= max(0.05 * max(abs(a), abs(b)), 0.02)


class Tolerant(str):
    """A text that equals another if they differ only in decimals, and in those only a little."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        other = str(other)
        if DECIMAL.sub("#", self) != DECIMAL.sub("#", other):
            return False
        return all(map(close, DECIMAL.findall(self), DECIMAL.findall(other)))

    def __ne__(self, other: object) -> bool:
        return not self == other


_sanitize = nbval.plugin.IPyNbCell.sanitize


def sanitize(cell: nbval.plugin.IPyNbCell, text: object) -> object:
    clean = _sanitize(cell, text)
    return Tolerant(clean) if isinstance(clean, str) else clean


nbval.plugin.IPyNbCell.sanitize = sanitize
