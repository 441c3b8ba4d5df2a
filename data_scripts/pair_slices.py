"""Turn a stack of 2-D slices of different people into a folder of pairs for train.py.

    python data_scripts/pair_slices.py oasis_2d.npz pairs/oasis_2d

The .npz holds `slices` (people, rows, columns). People are split, not pairs: the last ones are
held out, and nobody is in both. Each person is the fixed image of `--partners` pairs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("npz", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--held-out", type=int, default=20, help="people")
    parser.add_argument("--partners", type=int, default=2)
    options = parser.parse_args()
    with np.load(require_file("npz", options.npz, "a .npz of slices")) as arrays:
        require("slices" in arrays, str(options.npz), "an array 'slices'", arrays.files)
        slices = torch.from_numpy(arrays["slices"])
    require(slices.ndim == 3, "slices", "(people, rows, columns)", tuple(slices.shape))
    most = min(options.held_out, len(slices) - options.held_out) - 1
    require(1 <= options.partners <= most, "--partners", f"1 to {most}", options.partners)
    split = {"train": slices[: -options.held_out], "test": slices[-options.held_out :]}
    for seed, (part, people) in enumerate(split.items()):
        number = write_pairs(options.folder / part, people, options.partners, seed)
        print(f"{part}: {len(people)} people, {number} pairs")


if __name__ == "__main__":
    main()
