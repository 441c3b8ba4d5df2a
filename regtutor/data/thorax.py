"""The breathing thorax: a chest CT of nobody, exhaled and inhaled, whose motion is known.

    fixed(x) = chest(x),   moving(y) = chest(φ⁻¹(y)),   φ(x) = x + ddf(x)

The anatomy is a formula, so the inhaled image is computed at the places where its tissue came
from, vessels and landmarks are carried by φ, and no image is ever interpolated: the truth is the
truth. Notebook 01 looks at it, most others learn on it.

Convention: array axes i → Left, j → Posterior, k → Superior; HU; fields in voxels of the fixed
grid, `moving(x + ddf(x))` is `fixed(x)`; fixed is exhaled, moving inhaled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from regtutor.checks import require, require_count
from regtutor.data.phantom.anatomy import Subject, draw_subject, from_body, lungs, survey
from regtutor.data.phantom.breathing import Grid, breathe, grid_over
from regtutor.data.phantom.scanner import affine_of, image_and_mask, scan, string_beads
from regtutor.data.phantom.trees import Tree, grow
from regtutor.deformation import move_points
from regtutor.files import write_image, written_whole

VERSION = 1  # of the phantom: another version is another set of chests
FILES_A_CASE = 5


@dataclass(frozen=True)
class BreathingPair:
    """Two images of one chest, and all that is known of them."""

    fixed: Tensor  # (1, 1, *size) HU, exhaled
    moving: Tensor  # (1, 1, *size) HU, inhaled
    fixed_mask: Tensor  # (1, 1, *size) 1 in the lungs, else 0
    moving_mask: Tensor
    ddf: Tensor  # (1, d, *size) voxels: warp(moving, ddf) is fixed
    inverse: Tensor  # (1, d, *size) voxels: compose(ddf, inverse) is zero
    fixed_points: Tensor  # (1, N, d) voxels, where vessels branch
    moving_points: Tensor  # (1, N, d) voxels, the same places inhaled
    spacing: tuple[float, ...]  # mm
    affine: Tensor  # (4, 4) voxel → mm, RAS (of a slice: the plane it was cut in)


def breathing_pair(seed: int, size: Sequence[int] = (64, 64, 64)) -> BreathingPair:
    """One subject, exhaled and inhaled.

    Args:
        seed: whose chest; the same seed at another size is the same subject.
        size: three numbers ≥ 32; 336 × 240 × 364 mm are shared among them.

    Raises:
        ValueError: `seed` is not a whole number ≥ 0, or the size is not three numbers ≥ 32.
    """
    _require_size(size, 3)
    require_count("seed", seed, least=0)
    return _pair(seed, grid_over(size, axes=(0, 1, 2), signs=(1, 1, 1), depth=0), thick=1)


def breathing_slice(seed: int, size: Sequence[int] = (128, 128)) -> BreathingPair:
    """A coronal slice of a subject whose motion stays in the slice, so that the truth is exact.

    Vessels near the plane are drawn into it as if four times nearer, as in a thick slab.

    Convention: axis 0 runs from head to foot and axis 1 to the patient's left: shown with row 0
    at the top, the picture stands as radiologists hang it.

    Args:
        seed: whose chest.
        size: two numbers ≥ 32; 364 × 336 mm are shared among them.

    Raises:
        ValueError: as `breathing_pair`.
    """
    _require_size(size, 2)
    require_count("seed", seed, least=0)
    return _pair(seed, grid_over(size, axes=(2, 0), signs=(-1, 1), depth=12), thick=4)


def _require_size(size: Sequence[int], d: int) -> None:
    numbers = tuple(size) if isinstance(size, Sequence) else (size,)
    good = len(numbers) == d and all(isinstance(n, int) and n >= 32 for n in numbers)
    require(good, "size", f"{d} whole numbers ≥ 32", size)


def _pair(seed: int, grid: Grid, thick: float) -> BreathingPair:
    """The pair on any grid; what lies off its plane is drawn as if `thick` times nearer."""
    subject, generator = draw_subject(seed)
    tree = grow(subject, generator)
    ddf, inverse = breathe(grid, subject)
    tubes = string_beads(grid, subject, tree, thick)
    fixed, fixed_mask = image_and_mask(grid, subject, tubes, ddf=None, inverse=None)
    moving, moving_mask = image_and_mask(grid, subject, tubes, ddf, inverse)
    points = _landmarks(grid, subject, tree, thick)
    return BreathingPair(
        fixed=scan(fixed, generator),
        moving=scan(moving, generator),
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        ddf=ddf,
        inverse=inverse,
        fixed_points=points,
        moving_points=move_points(points, ddf),
        spacing=tuple(round(float(s), 6) for s in grid.spacing),
        affine=affine_of(grid),
    )


def _landmarks(grid: Grid, subject: Subject, tree: Tree, thick: float) -> Tensor:
    """About a hundred forks of vessels, well inside the lungs and all over them: `(1, N, d)`."""
    voxels, aside = grid.voxels(from_body(tree.forks.T, subject))
    deep = lungs(survey(tree.forks.T, subject), subject) < -4
    good = (deep & (aside / thick < 4)).nonzero()[:, 0]
    return voxels[good[:: max(1, len(good) // 100)]][None]


def write_collection(
    folder: str | Path,
    n: int = 20,
    size: Sequence[int] = (64, 48, 64),
    first_seed: int = 0,
    progress: bool = True,
) -> Path:
    """Write `n` subjects as files, laid out like the course's real lung scans.

    `scans/case_001_exp.nii.gz` and `_insp` (HU, int16), `lungMasks/…` (uint8),
    `landmarks/case_001.csv`: fixed i, j, k, moving i, j, k in voxels, no header.

    A case that is complete is left as it is, so a run that was broken off goes on. Nothing is
    ever overwritten by something else: `collection.json` says what the folder holds.

    Args:
        folder: made if it is not there.
        n: how many subjects, ≥ 1.
        size: three numbers ≥ 32.
        first_seed: of case 1; case k has seed `first_seed + k − 1`.
        progress: show a bar.

    Returns:
        The folder.

    Raises:
        ValueError: an argument is out of range, or the folder holds other cases.
    """
    require_count("n", n)
    require_count("first_seed", first_seed, least=0)
    _require_size(size, 3)
    folder = Path(folder).expanduser()
    _claim(folder, n, {"thorax": VERSION, "size": list(size), "first_seed": first_seed})
    for case in tqdm(range(1, n + 1), desc="Breathing thorax", disable=not progress):
        if len(list(folder.glob(f"*/case_{case:03d}[_.]*"))) < FILES_A_CASE:
            _write_case(folder, case, breathing_pair(first_seed + case - 1, size))
    return folder


def _claim(folder: Path, n: int, recipe: dict[str, object]) -> None:
    """Make the folders; refuse where somebody else's cases, or more of ours, are."""
    require(
        not folder.is_file(), "folder", "a folder", f"the file {folder}", "Choose another name."
    )
    label = folder / "collection.json"
    found = sorted(path.name for path in folder.glob("scans/case_*"))
    there = json.loads(label.read_text()) if label.is_file() else {"scans": len(found)}
    ours = there == recipe or not (label.is_file() or found)
    remedy = "Choose another folder, or remove this one."
    require(ours, "folder", f"an empty folder or one with {recipe}", there, remedy)
    beyond = [name for name in found if int(name.split("_")[1]) > n]
    require(not beyond, "folder", f"no more than {n} cases", f"{beyond[:1]} too", remedy)
    for name in ("scans", "lungMasks", "landmarks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with written_whole(label) as beside:
        beside.write_text(json.dumps(recipe) + "\n")


def _write_case(folder: Path, case: int, pair: BreathingPair) -> None:
    for phase, image, mask in (
        ("exp", pair.fixed, pair.fixed_mask),
        ("insp", pair.moving, pair.moving_mask),
    ):
        name = f"case_{case:03d}_{phase}.nii.gz"
        write_image(folder / "scans" / name, image[0, 0], pair.affine, torch.int16)
        write_image(folder / "lungMasks" / name, mask[0, 0], pair.affine, torch.uint8)
    rows = torch.cat([pair.fixed_points, pair.moving_points], dim=2)[0].tolist()
    lines = [",".join(f"{value:.3f}" for value in row) for row in rows]
    with written_whole(folder / "landmarks" / f"case_{case:03d}.csv") as beside:
        beside.write_text("\n".join(lines) + "\n")
