"""One pelvis, two machines: magnetic resonance, and ultrasound while the probe pushes.

    fixed(x) = ultrasound of tissue(φ(x)),   moving(y) = MR of tissue(y),   φ(x) = x + ddf(x)

Each image has a grid of its own: another size, another spacing, turned and mirrored against the
other. As in `data.thorax`, the anatomy is a formula and no image is ever interpolated. The pictures
are drawn after the prostate pairs of DeepReg (MR 64 × 64 × 60, ultrasound 44 × 59 × 41), which are
blurred and whose motion nobody knows. Taught in notebook 12.

Convention: array axes i → Left, j → Posterior, k → Superior for the ultrasound volume; values 0 to
255, as 8-bit files have them; fields in voxels of the fixed grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from regtutor.checks import require, require_count
from regtutor.data.phantom.anatomy import waves
from regtutor.data.phantom.breathing import Grid
from regtutor.data.phantom.pelvis import blobs, draw_gland, echo, outline, resonance
from regtutor.data.phantom.scanner import affine_of
from regtutor.data.phantom.shapes import bump
from regtutor.deformation import exp, identity_grid, move_points, resize_field
from regtutor.filters import gaussian_smooth

FIXED_VIEW, MOVING_VIEW = (78.0, 60.0, 54.0), (104.0, 96.0, 84.0)  # mm: width, depth, height
FIXED_MIDDLE = (0.0, -4.0, 4.0)  # mm
DEPTH = 6.0  # mm towards the head: where the slice lies
BLOB = 2.0  # mm, the radius of a landmark's blob


def prostate_pair(
    seed: int, size: Sequence[int] = (52, 60, 36), moving_size: Sequence[int] = (64, 64, 28)
) -> dict[str, Any]:
    """One gland in two volumes: `fixed_…` is ultrasound, `moving_…` is MR.

    Args:
        seed: whose gland; the same seed at other sizes is the same gland.
        size, moving_size: three numbers ≥ 16 each.

    Returns:
        A data dict, as `LoadImaged` and `EnsureChannelFirstd` leave it, with the truth beside it:

        - `fixed_image`, `moving_image`: `(1, *size)`, 0 to 255, each with its `…_affine`;
        - `fixed_label`, `moving_label`: `(1 + N, *size)`, 0 or 1, with `…_affine`: the gland, then
          a small blob for each landmark, in the same order on both sides;
        - `fixed_points`, `moving_points`: `(N, d)`, the landmarks, voxels of the own grid;
        - `ddf`: `(d, *size)`, voxels of the fixed grid: with the moving image brought there
          (`ResampleToMatchd`), warp(moving, ddf) shows the fixed anatomy.

    Raises:
        ValueError: `seed` is not a whole number ≥ 0, or a size is too small.
    """
    _require(seed, size, moving_size, 3)
    return _pair(seed, size, moving_size, axes=(0, 1, 2), depth=0.0)


def prostate_slice(
    seed: int, size: Sequence[int] = (96, 120), moving_size: Sequence[int] = (96, 88)
) -> dict[str, Any]:
    """An axial slice whose motion stays in the slice: axis 0 runs to the back, axis 1 to the left.

    All is as in `prostate_pair`, with two axes instead of three.
    """
    _require(seed, size, moving_size, 2)
    return _pair(seed, size, moving_size, axes=(1, 0), depth=DEPTH)


def _require(seed: int, size: Sequence[int], moving_size: Sequence[int], d: int) -> None:
    require_count("seed", seed, least=0)
    for name, numbers in (("size", size), ("moving_size", moving_size)):
        many = isinstance(numbers, Sequence) and len(numbers) == d
        good = many and all(isinstance(n, int) and n >= 16 for n in numbers)
        require(good, name, f"{d} whole numbers ≥ 16", numbers)


def _pair(
    seed: int, size: Sequence[int], moving_size: Sequence[int], axes: tuple[int, ...], depth: float
) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    gland = draw_gland(generator, depth if len(axes) == 2 else None)
    pose = torch.rand(8, generator=generator) * 2 - 1
    drift = torch.rand((3, 2, 5), generator=generator) * 2 - 1
    middle = [m + 3 * float(p) for m, p in zip(FIXED_MIDDLE, pose, strict=False)]
    shift = [*middle[:2], depth if len(axes) == 2 else middle[2]]
    fixed = _grid(size, FIXED_VIEW, shift, axes, mirrored=False, turn=0.0)
    turn = 0.17 * float(pose[3])
    moving = _grid(moving_size, MOVING_VIEW, [0.0, 0.0, depth], axes, mirrored=True, turn=turn)

    beam = fixed.mm(identity_grid(size)[0].flatten(1))
    ddf = _motion(fixed, pose, drift)
    places = beam + fixed.matrix @ ddf.flatten(2)[0]
    points = _undone(fixed.voxels(gland.landmarks)[0], ddf)
    seen = fixed.mm(points.T)
    image = echo(beam, places, gland, seen, fixed.voxel, _speckle(size, generator))
    rest = moving.mm(identity_grid(moving_size)[0].flatten(1))
    scanned = resonance(rest, gland, moving.voxel, generator)
    return {
        **_side("fixed", fixed, image, outline(places, gland), blobs(beam, seen, BLOB)),
        **_side("moving", moving, scanned, outline(rest, gland),
                blobs(rest, gland.landmarks, BLOB)),
        "fixed_points": points,
        "moving_points": moving.voxels(gland.landmarks)[0],
        "ddf": ddf[0],
    }  # fmt: skip


def _grid(
    size: Sequence[int], view: Sequence[float], middle: Sequence[float], axes: tuple[int, ...],
    mirrored: bool, turn: float,
) -> Grid:  # fmt: skip
    """Voxels over a field of view; turned by so many radians about z, the left-right axis flipped.

    In a slice the middle's third coordinate is where it lies.
    """
    matrix = torch.zeros(3, len(size))
    for k, axis in enumerate(axes):
        sign = -1.0 if mirrored and axis == 0 else 1.0
        matrix[axis, k] = sign * view[axis] / size[k]
    cos, sin = math.cos(turn), math.sin(turn)
    matrix = torch.tensor([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ matrix
    half = torch.tensor([(n - 1) / 2 for n in size])
    return Grid(tuple(size), matrix, (torch.tensor(middle) - matrix @ half)[:, None])


def _motion(grid: Grid, pose: Tensor, drift: Tensor) -> Tensor:
    """The field, `(1, d, *size)`, voxels, integrated on a grid half as fine."""
    size = torch.tensor(grid.size)
    half = (size + 1) // 2
    ratio = (size / half)[:, None]
    voxels = (identity_grid(half.tolist())[0].flatten(1) + 0.5) * ratio - 0.5
    speed = torch.linalg.pinv(grid.matrix) @ _velocity(grid.mm(voxels), pose, drift) / ratio
    return resize_field(exp(speed.view(1, len(size), *half.tolist())), grid.size)


def _velocity(beam: Tensor, pose: Tensor, drift: Tensor) -> Tensor:
    """From where the probe sees tissue to where it is at rest: mm per unit of time, `(3, N)`.

    The probe has pushed the gland forward, flattened and widened it; the patient lies otherwise.
    """
    x, y, z = beam
    near = torch.exp((y - 22).clamp(max=0) / 24) * bump(x, 30)
    push, lift, turn = 8 + 2 * pose[4], 3.0 * pose[5:7], 0.07 * pose[7]
    still = torch.stack([lift[0] + turn * y, lift[1] - turn * x, 0 * z])
    squeeze = torch.stack([-0.13 * x * near, push * near, 0.04 * z * near])
    wave = torch.tensor([0.06, 0.06, 0.06, math.pi, 1.0])
    return still + squeeze + waves(beam, drift * wave)


def _undone(rest: Tensor, ddf: Tensor) -> Tensor:
    """The points `(N, d)` whose way by the field ends at these, by fixed point."""
    points = rest
    for _ in range(60):
        points = rest + points - move_points(points[None], ddf)[0]
    return points


def _speckle(size: Sequence[int], generator: torch.Generator) -> Tensor:
    """How loud scatterers within one beam are together: Rayleigh, about 1, `(N,)`."""
    waves_ = gaussian_smooth(torch.randn((1, 2, *size), generator=generator), 0.8)
    loud = waves_[0, 0].hypot(waves_[0, 1]).flatten()
    return loud / loud.mean()


def _side(name: str, grid: Grid, image: Tensor, gland: Tensor, spots: Tensor) -> dict[str, Tensor]:
    label = (torch.cat([gland[None], spots]) <= 0).float()
    affine = affine_of(grid)
    return {
        f"{name}_image": (255 * image).round().clamp(0, 255).view(1, *grid.size),
        f"{name}_image_affine": affine,
        f"{name}_label": label.view(-1, *grid.size),
        f"{name}_label_affine": affine.clone(),
    }
