"""Patient 8 of notebook 14: right in every number, shifted in every viewer.

A warped image lies where the *fixed* image lies: its voxels are read on that grid. The script gave
it the moving image's header. Observed is the file: its voxels and its affine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import Warp, affine_to_ddf
from regtutor.exercises.diagnosing import Diagnosis, Script
from regtutor.exercises.warping import SIZE, letter
from regtutor.files import read_image, write_image


def save(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    """The worked solution: an image `(H, W)` and two affines `(4, 4)`, voxel → mm."""
    write_image(path, warped, fixed_affine)


def as_it_came(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    """It was the moving image once, so it keeps its header."""
    write_image(path, warped, moving_affine)


def _rolled(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    shift = torch.linalg.solve(moving_affine, fixed_affine)[:2, 3].round().int().tolist()
    write_image(path, warped.roll(shift, (0, 1)), moving_affine)


def _resampled(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    write_image(path, seen_on(warped, fixed_affine, moving_affine), moving_affine)


def _no_header(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    write_image(path, warped, torch.eye(4))


def _corner(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    affine = moving_affine.clone()
    affine[:3, 3] = fixed_affine[:3, 3]
    write_image(path, warped, affine)


def _spacing(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    affine = fixed_affine.clone()
    affine[:3, 3] = moving_affine[:3, 3]
    write_image(path, warped, affine)


def _undone(path: Path, warped: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> None:
    write_image(path, warped, torch.linalg.inv(fixed_affine))


MASKS: dict[str, Script] = {
    "rolled": _rolled,
    "resampled": _resampled,
    "no_header": _no_header,
    "only_the_corner": _corner,
    "only_the_spacing": _spacing,
    "inverse": _undone,
}


def affine(spacing: tuple[float, float], corner: tuple[float, float]) -> Tensor:
    """Of a slice: `(4, 4)`, voxel → mm, a little oblique so that nothing is symmetric."""
    out = torch.eye(4, dtype=torch.float64)
    turn = torch.tensor([[0.98, -0.199], [0.199, 0.98]], dtype=torch.float64)
    out[:2, :2] = turn * torch.tensor(spacing, dtype=torch.float64)
    out[:2, 3] = torch.tensor(corner, dtype=torch.float64)
    return out


def seen_on(image: Tensor, of: Tensor, at: Tensor) -> Tensor:
    """What a viewer draws of an image `(H, W)` with one affine on the grid of another."""
    theta = torch.linalg.solve(of, at)[:2, [0, 1, 3]][None].float()  # at's voxels → of's
    size = image.shape
    return Warp(padding_mode="zeros")(image[None, None], affine_to_ddf(theta, size))[0, 0]


def case() -> tuple[Tensor, Tensor, Tensor]:
    """An image `(40, 56)`, where fixed and where moving lies."""
    return letter()[0, 0], affine((3.0, 0.8), (-40.0, 12.5)), affine((2.5, 1.1), (-25.0, -6.0))


def examine(script: Script) -> dict[str, Any]:
    """What the file holds."""
    return _facts(script, case())


def _facts(script: Script, known: tuple[Tensor, Tensor, Tensor]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warped.nii.gz"
        script(path, *(part.clone() for part in known))
        if not path.exists():
            return {"image": "no file"}
        image, header = read_image(path)
    return {"image": image, "affine": header}


def _no_file(out: Any) -> str | None:
    if isinstance(out["image"], str):
        return "no file was written at path: write_image(path, …)."
    shape = tuple(out["image"].shape)
    return None if shape == SIZE else f"the image in the file is {shape}; {SIZE} was given."


def elsewhere(answer: Any) -> bool:
    """Another image, another place."""
    image, fixed, moving = Warp()(letter((30, 22)), torch.ones(1, 2, 30, 22))[0, 0], *case()[:0:-1]
    facts = _facts(answer[0], (image, fixed, moving))
    same = torch.allclose(facts["affine"], fixed, atol=1e-4)
    return same and torch.allclose(facts["image"], image, atol=1e-5)


DIAGNOSIS = Diagnosis(
    cause="header",
    others={
        "field": "Order the overlay voxel by voxel: it fits. The field does what it should.",
        "viewer": "Order the fixed image in the same viewer: it lies right. The viewer believes "
        "what the file says.",
        "half_voxel": "Order the shift in mm: it is more than twenty. Half a voxel is under two.",
    },
    examine=examine, broken=as_it_came, repaired=save,
    try_out=lambda script: _facts(script, case()), complaint=_no_file,
)  # fmt: skip
