"""Answers to notebook 13's `to_itk`: a field as SimpleITK takes it, and what comes of a slip.

    u = F M ddf,   F = diag(−1, −1, 1),   M = the block of the fixed image's affine

Convention: ddf `(1, 3, H, W, D)` in voxels, affine `(4, 4)` voxel → mm, RAS; the array `(D, W, H,
3)`, its last axis x, y, z in mm, LPS, as `SimpleITK.GetImageFromArray(array, isVector=True)` reads.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regtutor.deformation import affine_matrix, identity_grid
from regtutor.exercises.forms import function_form
from regtutor.files import write_displacement
from regtutor.files.nifti import read_array

ToItk = Callable[[Tensor, Tensor, Tensor], Any]
SIZE = (6, 9, 5)
_LPS = torch.tensor([-1.0, -1.0, 1.0])


def to_itk(ddf: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> Tensor:
    """The worked solution; what the moving image's header says is not needed."""
    block = fixed_affine[:3, :3].float()
    ras = torch.einsum("rk,khwd->dwhr", block, ddf[0])  # mm; axes turned round, components last
    return ras * torch.tensor([-1.0, -1.0, 1.0])


def _through(make: Callable[[Tensor], Tensor], lps: Tensor = _LPS) -> ToItk:
    """Another matrix, made of the fixed image's block."""

    def answer(ddf: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> Tensor:
        block = make(fixed_affine[:3, :3].float())
        return torch.einsum("rk,khwd->dwhr", block, ddf[0]) * lps

    return answer


def _after(change: Callable[[Tensor], Tensor]) -> ToItk:
    """Right, and then something is done to the array."""
    return lambda ddf, fixed, moving: change(to_itk(ddf, fixed, moving))


def _places(ddf: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> Tensor:
    return to_itk(ddf + identity_grid(ddf.shape[2:]), fixed_affine, moving_affine)


def _origin_added(ddf: Tensor, fixed_affine: Tensor, moving_affine: Tensor) -> Tensor:
    origin = fixed_affine[:3, 3].float() * _LPS
    return to_itk(ddf, fixed_affine, moving_affine) + origin


def _sizes(block: Tensor) -> Tensor:
    return block.norm(dim=0)


SLIPS: dict[str, ToItk] = {
    "axes_kept": _after(lambda array: array.permute(2, 1, 0, 3)),
    "components_first": _after(lambda array: array.permute(3, 0, 1, 2)),
    "components_reversed": _after(lambda array: array.flip(3)),
    "array_flipped": lambda ddf, fixed, moving: _through(lambda m: m, lps=torch.ones(3))(
        ddf, fixed, moving).flip(1, 2),
    "ras": _through(lambda block: block, lps=torch.ones(3)),
    "all_signs": _through(lambda block: block, lps=torch.tensor([-1.0, -1.0, -1.0])),
    "pushed": _through(lambda block: -block),
    "bare_voxels": _through(lambda block: torch.eye(3), lps=torch.ones(3)),
    "spacing_only": _through(lambda block: _sizes(block).diag(), lps=torch.ones(3)),
    "spacing_and_signs": _through(lambda block: _sizes(block).diag()),
    "directions_only": _through(lambda block: block / _sizes(block)),
    "divided": _through(lambda block: block / _sizes(block).square()),
    "transposed": _through(lambda block: block.T),
    "moving_header": lambda ddf, fixed, moving: to_itk(ddf, moving, fixed),
    "places": _places,
    "origin_added": _origin_added,
}  # fmt: skip


def case(size: tuple[int, int, int] = SIZE, seed: int = 13) -> tuple[Tensor, Tensor, Tensor]:
    """A field, and two headers: axes exchanged, turned a little, of three sizes, one flipped."""
    generator = torch.Generator().manual_seed(seed)
    ddf = 2 * torch.randn(1, 3, *size, generator=generator) + torch.tensor([1.0, -2, 3]).view(
        1, 3, 1, 1, 1
    )
    turn = affine_matrix([0.3, -0.2, 0.4], spatial_dims=3)[:3, :3].double()
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, :3] = turn @ torch.tensor([[0.0, -1.3, 0], [0.8, 0, 0], [0, 0, 2.5]]).double()
    affine[:3, 3] = torch.tensor([40.0, -70, 15])
    return ddf, affine, torch.tensor([-0.7, -1.1, 3.0, 1]).double().diag()


def observe_once(answer: ToItk) -> Any:
    return answer(*case())


def observe(answer: ToItk) -> Any:
    """Its numbers, float32; a NumPy array counts as a tensor."""
    out = observe_once(answer)
    return out if out is None or out is ... else torch.as_tensor(out).detach().float()


def _not_an_array(out: Any) -> str | None:
    if not isinstance(out, Tensor | np.ndarray):
        return f"it must return an array of numbers, not {type(out).__name__}."
    if sorted(out.shape) != sorted((*SIZE, 3)):
        return f"for a field of {(1, 3, *SIZE)} an array of {SIZE[::-1]} vectors of 3 should come "\
               f"back, not {tuple(out.shape)}."  # fmt: skip
    return None if bool(torch.as_tensor(out).isfinite().all()) else "there are NaN values in it."


form = function_form("to_itk", observe_once, _not_an_array)


def as_the_library(answer: ToItk) -> bool:
    """On another grid and header the same numbers as `write_displacement` puts into its file."""
    ddf, affine, moving = case((4, 3, 7), seed=5)
    affine = affine[:, [2, 0, 1, 3]].clone()
    affine[:3, 1] *= -2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ddf.nii"
        write_displacement(path, ddf, affine)
        stored = torch.from_numpy(read_array(path)[0][:, :, :, 0].copy())
    out = torch.as_tensor(answer(ddf, affine, moving)).float()
    expected = stored.permute(2, 1, 0, 3)
    return out.shape == expected.shape and torch.allclose(out, expected, atol=1e-3)
