"""Turn a stack of 2-D slices of different people into a folder of pairs for train.py.

    python data_scripts/pair_slices.py oasis_2d.npz pairs/oasis_2d

The .npz holds `slices` (people, rows, columns). People are split, not pairs: the last ones are
held out, and nobody is in both. Each person is the fixed image of `--partners` pairs.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
import torch
from program import Parser, run
from tqdm.auto import tqdm

from regtutor.checks import require, require_file
from regtutor.files import write_image
from regtutor.seeds import generator


def write_pairs(folder: Path, slices: torch.Tensor, partners: int, seed: int) -> int:
    """Everybody with `partners` others, drawn without repetition; how many pairs that makes."""
    drawn = generator(seed)
    for side in ("fixed_images", "moving_images"):
        (folder / side).mkdir(parents=True, exist_ok=True)
    number = 0
    for person in tqdm(range(len(slices)), desc=folder.name, leave=False):
        others = torch.randperm(len(slices) - 1, generator=drawn)[:partners]
        for other in (others + (others >= person)).tolist():
            name = f"pair_{number:04d}.nii.gz"
            write_image(folder / "fixed_images" / name, slices[person], torch.eye(4))
            write_image(folder / "moving_images" / name, slices[other], torch.eye(4))
            number += 1
    return number


def read_slices(path: Path) -> torch.Tensor:
    """The array `slices` of a .npz, `(people, rows, columns)`."""
    path = require_file("npz", path, "a .npz of slices")
    require(is_zipfile(path), str(path), "a .npz of slices", "another or a broken file")
    with np.load(path) as arrays:
        require("slices" in arrays, str(path), "an array 'slices'", arrays.files)
        slices = torch.from_numpy(arrays["slices"])
    require(slices.ndim == 3, "slices", "(people, rows, columns)", tuple(slices.shape))
    return slices


def require_room(folder: Path, count: int) -> None:
    """No pairs of an earlier run would be left among these."""
    beyond = [p.name for p in folder.glob("*_images/pair_*") if int(p.name[5:9]) >= count]
    remedy = "Choose another folder, or remove this one."
    require(not beyond, str(folder), f"no more than {count} pairs", f"{beyond[:1]} too", remedy)


def arguments() -> Parser:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held-out", type=int, default=20, help="people")
    parser.add_argument("--partners", type=int, default=2)
    return parser


def main(options: Namespace) -> None:
    slices = read_slices(options.npz)
    most = len(slices) - 2
    fits = 2 <= options.held_out <= most
    require(fits, "--held-out", f"2 to {most} of {len(slices)} people", options.held_out)
    most = min(options.held_out, len(slices) - options.held_out) - 1
    require(1 <= options.partners <= most, "--partners", f"1 to {most}", options.partners)
    split = {"train": slices[: -options.held_out], "test": slices[-options.held_out :]}
    for part, people in split.items():
        require_room(options.folder / part, len(people) * options.partners)
    for seed, (part, people) in enumerate(split.items()):
        number = write_pairs(options.folder / part, people, options.partners, seed)
        print(f"{part}: {len(people)} people, {number} pairs")


if __name__ == "__main__":
    run(main, arguments())
