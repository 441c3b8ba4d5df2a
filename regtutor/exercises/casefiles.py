"""Answers to notebook 06's `data_dicts`, and what is looked at in one: whose file is where.

Not the order of the cases nor the folder counts, but that each of 20 patients is in one part, with
four files of his own under the right keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

ROLES = {
    "fixed_image": ("scans", "exp"),
    "moving_image": ("scans", "insp"),
    "fixed_label": ("lungMasks", "exp"),
    "moving_label": ("lungMasks", "insp"),
}


def data_dicts(folder: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Twenty cases of the course's layout, 18 to train on and 2 held out."""
    files = [
        {
            "fixed_image": f"{folder}/scans/case_{case:03d}_exp.nii.gz",
            "moving_image": f"{folder}/scans/case_{case:03d}_insp.nii.gz",
            "fixed_label": f"{folder}/lungMasks/case_{case:03d}_exp.nii.gz",
            "moving_label": f"{folder}/lungMasks/case_{case:03d}_insp.nii.gz",
        }
        for case in range(1, 21)
    ]
    return files[:18], files[18:]


def dicts(
    cases: Sequence[int] = range(1, 21), roles: dict[str, tuple[str, str]] = ROLES, offset: int = 0
) -> list[dict[str, str]]:
    """The same with a slip; `offset` pairs each fixed image with another's moving one."""
    return [
        {
            key: f"lungs/{folder}/case_{case + offset * key.startswith('moving'):03d}_{b}.nii.gz"
            for key, (folder, b) in roles.items()
        }
        for case in cases
    ]


def split(dicts: list[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    return dicts[:18], dicts[18:]


def _parse(path: object) -> tuple[str, int, str]:
    """Folder, case and breath of a file name."""
    name = PurePath(str(path))
    case, breath = re.fullmatch(r"case_(\d{3})_(exp|insp)\.nii\.gz", name.name).groups()  # type: ignore[union-attr]
    return name.parent.name, int(case), breath


def form(answer: Any) -> str | None:
    parts = answer if isinstance(answer, tuple | list) else ()
    if len(parts) != 2 or not all(isinstance(part, tuple | list) for part in parts):
        return "two lists are asked for: answer = train_files, val_files."
    rows = [*answer[0], *answer[1]]
    lacking = next((key for key in ROLES for row in rows if key not in row), None)
    if lacking:
        return f"every dict needs the keys {', '.join(ROLES)}; {lacking} is not in each."
    try:
        for row in rows:
            for key in ROLES:
                _parse(row[key])
    except AttributeError:
        return f"{row[key]} is no file of the folder: they are named scans/case_001_exp.nii.gz …"
    if len(rows) == 20 and len(answer[0]) != 18:
        return f"18 to train on and 2 held out are asked for, not {len(answer[0])} and the rest."
    return None


def facts(answer: Any) -> dict[str, Any]:
    train, held_out = ([{k: _parse(row[k]) for k in ROLES} for row in part] for part in answer)
    of = [{row["fixed_image"][1] for row in part} for part in (train, held_out)]
    rows, all_cases = train + held_out, set(range(1, 21))
    return {
        "counts": [len(train), len(held_out)],
        "in both": sorted(of[0] & of[1]),
        "not there": sorted((of[0] | of[1]) - all_cases),
        "left out": sorted(all_cases - of[0] - of[1]),
        "roles": {k: sorted({(row[k][0], row[k][2]) for row in rows}) for k in ROLES},
        "of two patients": sum(len({case for _, case, _ in row.values()}) > 1 for row in rows),
    }


def has(fact: str) -> Callable[[Any], bool]:
    return lambda seen: bool(seen[fact])


def role(key: str, expected: tuple[str, str]) -> Callable[[Any], bool]:
    return lambda seen: seen["roles"][key] == [expected]


def with_roles(**changed: tuple[str, str]) -> Callable[[], Any]:
    return lambda: split(dicts(roles=ROLES | changed))
