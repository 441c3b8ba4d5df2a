"""Rows of numbers as a table in Markdown. Used in notebook 10."""

from __future__ import annotations

from collections.abc import Mapping

from regtutor.checks import require


def tabulate(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Name of a row → name of a column → number; three digits of each.

    >>> print(tabulate({"nothing": {"Dice": 0.90814, "TRE (mm)": 10.02}}))
    | | Dice | TRE (mm) |
    |---|---|---|
    | nothing | 0.908 | 10 |
    <BLANKLINE>
    """
    require(len(rows) > 0, "rows", "at least one", "none")
    columns = list(next(iter(rows.values())))
    text = "| | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|\n"
    for name, row in rows.items():
        require(set(row) == set(columns), name, f"the columns {columns}", list(row))
        text += f"| {name} | " + " | ".join(f"{row[column]:.3g}" for column in columns) + " |\n"
    return text
