"""Notebook 13's folder: eight patients as files, six of which are not what they seem.

Layout as the course's (`scans/case_001_exp.nii.gz` …), one coronal slice a file. The files lie in a
temporary folder of this process; a second `turn` is another folder with the same faults in other
cases and on the other side of the pair.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.files import write_image

FAULTS = {
    "flip": "one header has left and right the other way round",
    "spacing": "both headers have lost the size of a voxel: 1 mm",
    "values": "one image is not in HU: 1024 has been added",
    "swapped": "the two breaths are under each other's name",
    "empty": "one label has no voxel",
    "duplicate": "the same scans were there before, under another name",
}
SIZE, FIRST_SEED = (56, 72), 400
# For each turn: fault → case; the duplicate is of the case behind it, which comes first.
_PLANS = (
    {"empty": 2, "values": 3, "flip": 4, "duplicate": 6, "spacing": 7, "swapped": 8},
    {"swapped": 1, "flip": 3, "spacing": 4, "empty": 5, "values": 7, "duplicate": 8},
)
_ORIGINAL = (1, 2)
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []  # each is removed when Python ends


class Scan(NamedTuple):
    """One breath of one patient, as it is written."""

    image: Tensor  # (H, W) HU
    label: Tensor  # (H, W)
    affine: Tensor  # (4, 4)


Scans = dict[str, Scan]  # "exp" and "insp"


@cache
def faulty_folder(turn: int = 0) -> Path:
    """The folder, written once. Eight pairs of scans with lung masks, six of them at fault."""
    folder = tempfile.TemporaryDirectory(prefix="patients-")
    _FOLDERS.append(folder)
    for name in ("scans", "lungMasks"):
        (Path(folder.name) / name).mkdir()
    for case in range(1, 9):
        for phase, scan in _scans(turn, case).items():
            file = f"case_{case:03d}_{phase}.nii.gz"
            write_image(Path(folder.name, "scans", file), scan.image, scan.affine, torch.int16)
            write_image(Path(folder.name, "lungMasks", file), scan.label, scan.affine, torch.uint8)
    return Path(folder.name)


def planted(turn: int = 0) -> dict[str, str]:
    """The truth: case → fault."""
    return {f"case_{case:03d}": fault for fault, case in sorted(_PLANS[turn].items())}


@cache
def _person(number: int) -> BreathingPair:
    return breathing_slice(FIRST_SEED + number, SIZE)


def _scans(turn: int, case: int) -> Scans:
    fault = planted(turn).get(f"case_{case:03d}", "")
    pair = _person(_ORIGINAL[turn] if fault == "duplicate" else case)
    scans = {
        "exp": Scan(pair.fixed[0, 0], pair.fixed_mask[0, 0], pair.affine),
        "insp": Scan(pair.moving[0, 0], pair.moving_mask[0, 0], pair.affine),
    }
    return _SPOIL[fault](scans, ("insp", "exp")[turn]) if fault in _SPOIL else scans


def _one(change: Callable[[Scan], Scan]) -> Callable[[Scans, str], Scans]:
    return lambda scans, side: {**scans, side: change(scans[side])}


def _mirrored(scan: Scan) -> Scan:
    """The header alone: it says that axis 1 runs the other way, in the same box."""
    affine = scan.affine.clone()
    affine[:3, 3] += affine[:3, 1] * (scan.image.shape[1] - 1)
    affine[:3, 1] *= -1
    return scan._replace(affine=affine)


def _unsized(scan: Scan) -> Scan:
    """Right axes, 1 mm a voxel."""
    affine = scan.affine.clone()
    affine[:3, :2] /= affine[:3, :2].norm(dim=0)
    return scan._replace(affine=affine)


_SPOIL: dict[str, Callable[[Scans, str], Scans]] = {
    "flip": _one(_mirrored),
    "spacing": lambda scans, side: {phase: _unsized(scan) for phase, scan in scans.items()},
    "values": _one(lambda scan: scan._replace(image=scan.image + 1024)),
    "swapped": lambda scans, side: {"exp": scans["insp"], "insp": scans["exp"]},
    "empty": _one(lambda scan: scan._replace(label=0 * scan.label)),
}
