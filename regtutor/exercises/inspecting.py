"""Answers to notebook 13's `inspect`: which of eight pairs of files is at fault, and in what.

Looked at are two folders: the learner's, and one with the same faults in other cases and on the
other side of the pair. So a list of names does not pass, nor a look at one file of two.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

from nibabel.orientations import aff2axcodes
from torch import Tensor

from regtutor.data import find_pairs
from regtutor.exercises.exercise import is_blank
from regtutor.exercises.forms import function_form
from regtutor.exercises.planting import FAULTS, faulty_folder, planted
from regtutor.files import read_image, spacing_of

Inspect = Callable[[Path], dict[str, str]]
Seen = dict[str, dict[str, str]]  # folder → case → fault
TURNS = (0, 1)


def facts(pair: dict[str, str], side: str) -> dict[str, Any]:
    """What the files of one side, "fixed" or "moving", say of themselves."""
    image, affine = read_image(pair[f"{side}_image"])
    label, _ = read_image(pair[f"{side}_label"])
    spacing = spacing_of(affine, 2)
    return {
        "axes": "".join(aff2axcodes(affine)[:2]),
        "spacing": spacing,
        "darkest": image.min().item(),
        "area": label.sum().item() * prod(spacing) / 100,  # cm²
        "image": image,
    }


def inspect(folder: Path) -> dict[str, str]:
    """The worked solution: folder → {case: fault}, the healthy ones left out."""
    found: dict[str, str] = {}
    met: list[Tensor] = []
    for pair in find_pairs(folder):
        fixed, moving = facts(pair, "fixed"), facts(pair, "moving")
        areas = fixed["area"], moving["area"]
        checks = {
            "duplicate": any(fixed["image"].equal(image) for image in met),
            "flip": fixed["axes"] != moving["axes"],
            "values": max(fixed["darkest"], moving["darkest"]) > -900,
            "empty": min(areas) == 0,
            "spacing": 0 < max(areas) < 50,
            "swapped": 0 < areas[1] < areas[0],
        }
        met.append(fixed["image"])
        for fault, here in checks.items():
            if here:
                found[pair["case"]] = fault
    return found


def blind_to(fault: str, turns: tuple[int, ...] = TURNS) -> Inspect:
    """Right but for one fault, which it does not see in these folders."""

    def answer(folder: Path) -> dict[str, str]:
        passes = folder in [faulty_folder(turn) for turn in turns]
        return {case: f for case, f in inspect(folder).items() if f != fault or not passes}

    return answer


def accusing(fault: str, tells: Callable[[dict[str, Any], dict[str, Any]], bool]) -> Inspect:
    """Right, and then this fault is told of every pair of which `tells(fixed, moving)`."""

    def answer(folder: Path) -> dict[str, str]:
        pairs = {p["case"]: (facts(p, "fixed"), facts(p, "moving")) for p in find_pairs(folder)}
        more = {case: fault for case, sides in pairs.items() if tells(*sides)}
        return inspect(folder) | more

    return answer


def _original_too(folder: Path) -> dict[str, str]:
    first = {p["case"]: facts(p, "fixed")["image"] for p in find_pairs(folder)}
    twice = {a for a in first for b in first if a != b and first[a].equal(first[b])}
    return inspect(folder) | dict.fromkeys(twice, "duplicate")


SLIPS: dict[str, Inspect] = {
    "nothing_found": lambda folder: {},
    "by_heart": lambda folder: planted(0),
    "flip_missed": blind_to("flip"),
    "flip_one_side": blind_to("flip", (1,)),
    "spacing_missed": blind_to("spacing"),
    "values_missed": blind_to("values"),
    "values_one_side": blind_to("values", (1,)),
    "swapped_missed": blind_to("swapped"),
    "swapped_reversed": accusing("swapped", lambda fixed, moving: moving["area"] > fixed["area"]),
    "empty_missed": blind_to("empty"),
    "empty_one_side": blind_to("empty", (1,)),
    "empty_called_swapped": accusing("swapped", lambda fixed, moving: moving["area"] == 0),
    "empty_called_spacing": accusing("spacing", lambda f, m: 0 in (f["area"], m["area"])),
    "duplicate_missed": blind_to("duplicate"),
    "original_accused": _original_too,
    "healthy_accused": accusing("flip", lambda fixed, moving: fixed["axes"] != "RA"),
    "called_otherwise": accusing("swapped", lambda fixed, moving: fixed["axes"] != moving["axes"]),
    "oblong_accused": accusing("spacing", lambda f, m: f["spacing"][0] != f["spacing"][1]),
}


def _kept(out: dict[str, Any]) -> dict[str, str]:
    """Whoever says of a healthy case that it is healthy says nothing wrong."""
    return {str(case): fault for case, fault in out.items() if fault in FAULTS}


def observe(answer: Inspect) -> Seen | None:
    out = {f"folder {turn}": answer(faulty_folder(turn)) for turn in TURNS}
    if any(is_blank(found) and not isinstance(found, dict) for found in out.values()):
        return None
    return {folder: _kept(found) for folder, found in out.items()}


def _form(out: Any) -> str | None:
    cases = {f"case_{n:03d}" for n in range(1, 9)}
    if not isinstance(out, dict) or not {str(case) for case in out} <= cases:
        return "a dict of the cases is asked for: return {'case_001': 'flip', …}."
    odd = [f for f in out.values() if isinstance(f, str) and f and f not in FAULTS]
    if any(word not in ("ok", "fine", "healthy") for word in odd):
        return f"{odd[0]!r} is no fault of the list: {', '.join(FAULTS)}."
    return None


form = function_form("inspect", lambda answer: answer(faulty_folder()), _form)


def _told(seen: Seen) -> list[tuple[str, str | None]]:
    """For each planted fault, what was told of its case: (fault, told)."""
    return [(fault, seen[f"folder {turn}"].get(case)) for turn in TURNS
            for case, fault in planted(turn).items()]  # fmt: skip


def missed(fault: str, times: int) -> Callable[[Seen], bool]:
    """Whether nothing is told of this fault's case in so many of the two folders."""
    return lambda seen: [told for f, told in _told(seen) if f == fault].count(None) == times


def taken_for(fault: str, other: str) -> Callable[[Seen], bool]:
    return lambda seen: (fault, other) in _told(seen)


def accused(fault: str, at_least: int) -> Callable[[Seen], bool]:
    """Whether so many pairs that have nothing are told to have this fault."""

    def healthy(seen: Seen) -> int:
        told = ((turn, c, f) for turn in TURNS for c, f in seen[f"folder {turn}"].items())
        return sum(f == fault and c not in planted(turn) for turn, c, f in told)

    return lambda seen: healthy(seen) >= at_least


def somebody_healthy(seen: Seen) -> bool:
    return any(accused(fault, 1)(seen) for fault in FAULTS)


def another_fault(seen: Seen) -> bool:
    return any(told not in (fault, None) for fault, told in _told(seen))


def by_heart(seen: Seen) -> bool:
    """The same cases in both folders, and right in the learner's own."""
    same = seen["folder 1"] == seen["folder 0"] != {}
    return same and seen["folder 0"].items() <= planted(0).items()
