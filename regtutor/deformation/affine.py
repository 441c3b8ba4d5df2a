"""The affine map in its three forms: theta, the homogeneous matrix, a displacement field.

    y = A x + t,   theta = [A | t],   matrix = [[A, t], [0 … 0, 1]]

The bottom row is 0 … 0 1. (One public slide of the field prints ones: with those a point is
divided by the sum of its coordinates, and nothing composes.) Taught in notebook 11.

Convention: voxel coordinates about voxel (0, …, 0); fixed → moving, like every field here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from regtutor.checks import require, require_size
from regtutor.deformation.warp import axis_counts


def apply_affine(theta: Tensor, points: Tensor) -> Tensor:
    """Move points by theta: `A x + t`.

    Args:
        theta: `(B, d, d+1)`.
        points: `(B, d, *out)` or `(1, d, *out)`.

    Returns:
        `(B, d, *out)`.
    """
    _require_theta(theta, points.shape[1])
    flat = points.flatten(2)  # (B, d, N)
    moved = theta[:, :, :-1] @ flat + theta[:, :, -1:]
    return moved.reshape(len(moved), -1, *points.shape[2:])


def affine_to_ddf(theta: Tensor, size: Sequence[int]) -> Tensor:
    """The displacement field of an affine map on a grid: `ddf(x) = A x + t − x`.

    Args:
        theta: `(B, d, d+1)`, voxels.
        size: the grid, d numbers.

    Returns:
        `(B, d, *size)`, voxels.

    >>> theta = torch.tensor([[[1.0, 0.0, 3.0], [0.0, 1.0, 0.0]]])   # 3 voxels along axis 0
    >>> affine_to_ddf(theta, (4, 5))[0, :, 0, 0]
    tensor([3., 0.])
    """
    require_size("size", size)
    _require_theta(theta, len(size))
    # (A − I) x + t, an axis at a time: only the last sum is as large as the grid, and no digit is
    # lost to A x − x.
    rest = theta - torch.eye(*theta.shape[1:]).to(theta)
    return affine_grid(rest, size)


def affine_grid(theta: Tensor, size: Sequence[int]) -> Tensor:
    """`A x + t` at every voxel of a grid: `apply_affine(theta, identity_grid(size))`, but faster.

    Args:
        theta: `(B, d, d+1)`.
        size: the grid, d numbers.

    Returns:
        `(B, d, *size)`.
    """
    *columns, total = theta.view(*theta.shape, *[1] * len(size)).unbind(2)  # (B, d, 1, …, 1)
    for column, count in zip(columns, axis_counts(size, like=theta), strict=True):
        total = total + column * count
    return total


def _require_theta(theta: Tensor, d: int) -> None:
    require(
        theta.ndim == 3 and tuple(theta.shape[1:]) == (d, d + 1),
        "theta",
        f"(B, {d}, {d + 1}) in {d}-D",
        tuple(theta.shape),
        "A square matrix goes through matrix_to_theta.",
    )


def theta_to_matrix(theta: Tensor) -> Tensor:
    """`(B, d, d+1)` → the homogeneous matrix `(B, d+1, d+1)`, bottom row 0 … 0 1."""
    _require_theta(theta, theta.shape[-1] - 1)
    bottom = torch.zeros_like(theta[:, :1])
    bottom[..., -1] = 1
    return torch.cat([theta, bottom], dim=1)


def matrix_to_theta(matrix: Tensor) -> Tensor:
    """`(B, d+1, d+1)` → theta `(B, d, d+1)`.

    Raises:
        ValueError: not square, or the bottom row is not 0 … 0 1.
    """
    require(
        matrix.ndim == 3 and matrix.shape[1] == matrix.shape[2] and matrix.shape[1] in (3, 4),
        "matrix",
        "(B, 3, 3) or (B, 4, 4)",
        tuple(matrix.shape),
        "A batch axis missing? Add it with matrix[None].",
    )
    bottom = matrix[:, -1].detach()
    expected = torch.zeros_like(bottom)
    expected[:, -1] = 1
    require(
        torch.allclose(bottom, expected, atol=1e-6),
        "matrix",
        f"a bottom row of {expected[0].tolist()}",
        bottom[0].tolist(),
        "A homogeneous affine leaves the last coordinate 1.",
    )
    return matrix[:, :-1]


def affine_matrix(
    rotate: Sequence[float] = (),
    shear: Sequence[float] = (),
    translate: Sequence[float] = (),
    scale: Sequence[float] = (),
    *,
    spatial_dims: int,
) -> Tensor:
    """Rotate · shear · translate · scale, in MONAI's order and signs.

    Args:
        rotate: radians: one angle in 2-D; about axis 0, 1, 2 in 3-D (applied 2 first).
        shear: 2 coefficients in 2-D, 6 in 3-D: one elementary shear for each off-diagonal place,
            row by row, the first applied first, so that the volume stays.
        translate: voxels an axis.
        scale: factors an axis.
        spatial_dims: d; what is not given, or ends early, does nothing.

    Returns:
        `(d+1, d+1)`, float64.

    Raises:
        ValueError: more parameters than there are in d dimensions.
    """
    d = spatial_dims
    most = {"rotate": d * (d - 1) // 2, "shear": d * (d - 1), "translate": d, "scale": d}
    for (name, n), given in zip(most.items(), (rotate, shear, translate, scale), strict=True):
        require(len(given) <= n, name, f"at most {n} numbers in {d}-D", given)
    matrix = torch.eye(d + 1, dtype=torch.float64)
    planes = [(0, 1)] if d == 2 else [(1, 2), (2, 0), (0, 1)]  # the plane that turns
    for angle, (a, b) in zip(rotate, planes):  # noqa: B905  a short list is allowed
        turn = torch.eye(d + 1, dtype=torch.float64)
        turn[a, a] = turn[b, b] = math.cos(angle)
        turn[b, a] = math.sin(angle)
        turn[a, b] = -math.sin(angle)
        matrix = matrix @ turn
    skew = torch.eye(d + 1, dtype=torch.float64)
    places = [(i, j) for i in range(d) for j in range(d) if i != j]
    for value, place in zip(shear, places):  # noqa: B905
        slant = torch.eye(d + 1, dtype=torch.float64)
        slant[place] = value
        skew = slant @ skew
    shift = torch.eye(d + 1, dtype=torch.float64)
    shift[: len(translate), -1] = torch.as_tensor(translate, dtype=torch.float64)
    size = torch.eye(d + 1, dtype=torch.float64)
    for axis, factor in enumerate(scale):
        size[axis, axis] = factor
    return matrix @ skew @ shift @ size


def about_centre(
    matrix: Tensor, size: Sequence[int], source_size: Sequence[int] | None = None
) -> Tensor:
    """The same map, but about the middle of a grid instead of voxel (0, …, 0).

    Args:
        matrix: `(d+1, d+1)`, homogeneous.
        size: the grid whose voxels come in; its middle `(size − 1)/2` is sent …
        source_size: … to the middle of this one (the same grid by default).

    Returns:
        `(d+1, d+1)`.
    """
    come, go = torch.eye(len(matrix)).to(matrix), torch.eye(len(matrix)).to(matrix)
    come[:-1, -1] = -(torch.as_tensor(size).to(matrix) - 1) / 2
    go[:-1, -1] = (torch.as_tensor(size if source_size is None else source_size).to(matrix) - 1) / 2
    return go @ matrix @ come
