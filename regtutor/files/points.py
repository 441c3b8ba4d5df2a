"""Points on disk: plain numbers in a CSV file, a row a point. Taught in notebook 06."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from regtutor.checks import require, require_file


def read_points(path: str | Path) -> Tensor:
    """Points from a table without header: a row a point, numbers parted by commas or white space.

    Args:
        path: a CSV or text file.

    Returns:
        `(N, columns)`, float32.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no rows, a row of another length, or what is not a finite number; with its line.
    """
    path = require_file("points", path)
    rows: list[list[float]] = []
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        cells = line.split(",") if "," in line else line.split()
        if not cells:
            continue
        place = f"{path}, line {number}"
        rows.append([_number(cell, place) for cell in cells])
        expected = f"{len(rows[0])} numbers as in the first row"
        require(len(cells) == len(rows[0]), place, expected, len(cells))
    require(len(rows) > 0, str(path), "a row of numbers a point", "an empty file")
    return torch.tensor(rows, dtype=torch.float32)


def _number(cell: str, place: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    require(math.isfinite(value), place, "a number", repr(cell), "The table has no header.")
    return value
