"""Collections whose folders `find_pairs` could not read, or not without a trap, put in order.

Each function gets the folder of what is unpacked and moves files in it: pairs to train on into
`train`, pairs of other patients into `test`, each in a layout that `find_pairs` reads. Used by
data/download.py.

Source: `NLST_dataset.json` of Learn2Reg 2023; Learn2Reg 2021 task 3, whose validation pairs are
neighbours among the people 0438 to 0457 of neurite-OASIS.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path

from regtutor.checks import require, require_file

# By the loaders of others: the headers do not tell. One of them has 0206 in place of 0260.
TURNED = ("NLST_0208", "NLST_0260", "NLST_0298")
FIRST_HELD_OUT = 438  # of the people of OASIS


def part_nlst(folder: Path) -> None:
    """Take validation pairs, which are listed as training pairs too, and turned ones apart.

    Args:
        folder: `NLST_dataset.json`, `imagesTr/NLST_0001_0000.nii.gz`, `masksTr`, `keypointsTr`;
            files move to `train/imagesTr` …, `test/…` and `turned/…`.
    """
    table = require_file("NLST", folder / "NLST_dataset.json", "the list of its pairs")
    listed = json.loads(table.read_text(encoding="utf-8"))
    require("registration_val" in listed, table.name, "a list 'registration_val'", sorted(listed))
    held_out = {Path(pair["fixed"]).name[:9] for pair in listed["registration_val"]}
    for file in sorted(folder.glob("*Tr/NLST_*")):
        case = file.name[:9]
        part = "turned" if case in TURNED else "test" if case in held_out else "train"
        place = folder / part / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)


def pair_brains(folder: Path) -> None:
    """Make pairs of neighbours by number; nobody is in both parts.

    A brain is the moving image of one pair and the fixed image of the next: one file, two names.

    Args:
        folder: `OASIS_OAS1_0001_MR1/aligned_norm.nii.gz` and `aligned_seg35.nii.gz` …; they move to
            `train/fixed_images/0001-0002.nii.gz`, `fixed_labels`, `moving_…`, and `test/…`.
    """
    people = {person.name.split("_")[2]: person for person in folder.glob("OASIS_OAS1_*_MR1")}
    for part, held_out in (("train", False), ("test", True)):
        numbers = [n for n in sorted(people) if (int(n) >= FIRST_HELD_OUT) is held_out]
        for pair in itertools.pairwise(numbers):
            for side, number in zip(("fixed", "moving"), pair, strict=True):
                for kind, name in (("images", "aligned_norm"), ("labels", "aligned_seg35")):
                    place = folder / part / f"{side}_{kind}" / f"{'-'.join(pair)}.nii.gz"
                    _name_too(people[number] / f"{name}.nii.gz", place)
    for person in people.values():
        shutil.rmtree(person)


def _name_too(file: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, place)
    except OSError:  # a disk on which a file has one name only
        shutil.copyfile(file, place)
