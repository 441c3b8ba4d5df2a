"""Data beside MONAI's: reading, transforms, cache, loader, and how long the import takes.

    python benchmarks/pipeline.py --sizes 192x192x208

Two cases of the breathing thorax are written to a temporary folder as .nii.gz (int16 and uint8, two
images and two labels each) and read from there by both. Random ranges have no width, so that both
libraries draw the same affine; then all values must agree.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import libraries  # noqa: F401  MONAI without its warnings
import monai.data
import monai.transforms
import torch
from measure import Call, side_by_side
from table import Table, named, parser, short, wanted
from torch import Tensor

import regtutor.data
import regtutor.transforms
from regtutor.data.thorax import write_collection

OURS = (regtutor.data, regtutor.transforms)
MONAI = (monai.data, monai.transforms)
IMAGES, LABELS = ["fixed_image", "moving_image"], ["fixed_label", "moving_label"]
KEYS = [*IMAGES, *LABELS]
MODES = ("bilinear", "bilinear", "nearest", "nearest")
HEAD = ("what", "size", "MONAI ms", "ours ms", "ratio", "MONAI MB", "ours MB", "difference")
IMPORTS = ("regtutor", "regtutor.transforms", "regtutor.data", "regtutor.training", "monai")

Library = tuple[Any, Any]
Items = Sequence[dict[str, str]]


def read(transforms: Any) -> list[Callable]:
    return [transforms.LoadImaged(KEYS), transforms.EnsureChannelFirstd(KEYS)]


def window(transforms: Any) -> list[Callable]:
    return [transforms.ScaleIntensityRanged(IMAGES, -1000, 500, 0.0, 1.0, clip=True)]


def resize(transforms: Any, size: Sequence[int]) -> list[Callable]:
    half, corners = [n // 2 for n in size], (True, True, None, None)
    modes = ("trilinear", "trilinear", "nearest", "nearest")
    return [transforms.Resized(KEYS, half, mode=modes, align_corners=corners)]


def augment(transforms: Any) -> list[Callable]:
    """The slides' RandAffined, but what it draws is given."""
    turn, scale = [(0.0, 0.0), (0.0, 0.0), (0.15, 0.15)], [(f, f) for f in (0.07, -0.05, 0.1)]
    return [
        transforms.RandAffined(KEYS, prob=1.0, rotate_range=turn, scale_range=scale, mode=MODES)
    ]


def tensors(items: Sequence[dict[str, Any]]) -> list[Tensor]:
    return [torch.as_tensor(item[key]) for item in items for key in KEYS]


def reading(library: Library, items: Items, size: Sequence[int]) -> Call:
    """A case's four files."""
    steps = library[1].Compose(read(library[1]))
    return lambda: tensors([steps(items[0])])


def augmenting(library: Library, items: Items, size: Sequence[int]) -> Call:
    """A case in memory, windowed: a random affine at full size, then half size."""
    transforms = library[1]
    case = transforms.Compose([*read(transforms), *window(transforms)])(items[0])
    steps = transforms.Compose([*augment(transforms), *resize(transforms, size)])
    return lambda: tensors([steps(case)])


def whole(library: Library, items: Items, size: Sequence[int]) -> Call:
    """From files to an augmented case, nothing kept."""
    transforms = library[1]
    first, last = [*read(transforms), *window(transforms)], resize(transforms, size)
    steps = transforms.Compose([*first, *augment(transforms), *last])
    return lambda: tensors([steps(items[0])])


def cached(library: Library, items: Items, size: Sequence[int]) -> Any:
    data, transforms = library
    steps = [*read(transforms), *window(transforms), *resize(transforms, size)]
    return data.CacheDataset(items, transforms.Compose(steps), progress=False)


def filling(library: Library, items: Items, size: Sequence[int]) -> Call:
    """The cache of all cases: read, window, half size."""
    return lambda: tensors(list(cached(library, items, size)))


def loading(library: Library, items: Items, size: Sequence[int]) -> Call:
    """An epoch over the cache, batches of 1."""
    loader = library[0].DataLoader(cached(library, items, size), batch_size=1)
    return lambda: tensors(list(loader))


ROWS = {
    "read four files": reading,
    "augment, resize": augmenting,
    "read, window, augment, resize": whole,
    "fill the cache, 2 cases": filling,
    "an epoch from the cache, 2 cases": loading,
}


def find(folder: Path) -> list[dict[str, str]]:
    return [{key: pair[key] for key in KEYS} for pair in regtutor.data.find_pairs(folder)]


def measure_size(size: Sequence[int], options: Namespace, table: Table) -> None:
    asked = {name: make for name, make in ROWS.items() if wanted(name, options.only)}
    if not asked:
        return
    with TemporaryDirectory() as folder:
        items = find(write_collection(folder, n=2, size=size, progress=False))
        for name, make in asked.items():
            ours, peer = (make(library, items, size) for library in (OURS, MONAI))
            tolerances = [1e-5] * len(ours())
            found = side_by_side(f"{name} at {named(size)}", ours, peer, tolerances)
            table.add(
                name,
                named(size),
                short(found.peer.ms),
                short(found.ours.ms),
                f"{found.ratio:.1f}",
                short(found.peer.mb),
                short(found.ours.mb),
                f"{max(found.differences):.0e}",
            )


def import_ms(module: str, times: int = 5) -> float:
    """Processor time of an import after torch's, each in a new Python."""
    program = f"import time, torch; t = time.process_time(); import {module}\n"
    words = [sys.executable, "-W", "ignore", "-c", program + "print(time.process_time() - t)"]
    run = partial(subprocess.run, words, capture_output=True, text=True, check=True)
    return statistics.median(float(run().stdout.split()[-1]) * 1e3 for _ in range(times))


def measure_imports(options: Namespace) -> None:
    if not wanted("import", options.only):
        return
    table = Table("imports", ("after `import torch`", "ms"), keys=1)
    for module in IMPORTS:
        table.add(f"`import {module}`", short(import_ms(module, options.imports)))
    table.write(options.out)


def main(options: Namespace) -> None:
    torch.set_num_threads(options.threads)
    table = Table("pipeline", HEAD, keys=2)
    for size in options.sizes:
        measure_size(size, options, table)
    table.write(options.out)
    measure_imports(options)


if __name__ == "__main__":
    words = parser(__doc__, sizes=["192x192x208"])
    words.add_argument("--imports", type=int, default=5, help="how often to import each")
    main(words.parse_args())
