"""How good a map is in itself: landmarks, folds, and how evenly it stretches.

    TRE = |x_fixed + ddf(x_fixed) − x_moving| in mm,    J = det ∇(x + ddf(x))

Labels see only their own rim; these see the map. Sources: Fitzpatrick & West, IEEE TMI 20(9), 2001
(TRE); Leow et al., IEEE TMI 26(6), 2007 (the log-Jacobian). Taught in notebook 10.

Convention: points and ddf in voxels, spacing in mm a voxel along each axis; TRE in mm.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from regtutor.checks import complaint, require, require_field, require_finite, require_same_shape
from regtutor.deformation import jacobian_determinant, move_points, one_sided_determinants


def spacing_rows(spacing: float | Sequence | Tensor, batch: int, d: int) -> Tensor:
    """One number, d numbers or `(B, d)` as `(B, d)` in float64, a row for each case.

    >>> spacing_rows((1.5, 2.0), batch=2, d=2)
    tensor([[1.5000, 2.0000],
            [1.5000, 2.0000]], dtype=torch.float64)
    """
    rows = torch.as_tensor(spacing, dtype=torch.float64)
    fits = rows.ndim == 0 or tuple(rows.shape) in {(d,), (1, d), (batch, d)}
    require(fits, "spacing", f"{d} numbers, or ({batch}, {d})", tuple(rows.shape))
    require(bool((rows > 0).all()), "spacing", "numbers > 0, in mm", rows.tolist())
    return rows.expand(batch, d)


def target_registration_error(
    fixed_points: Tensor,
    moving_points: Tensor,
    ddf: Tensor | None,
    spacing: float | Sequence | Tensor,
) -> Tensor:
    """How far from its partner each landmark of the fixed image ends, in mm.

    0 is best; doing nothing (`ddf=None`) is what to compare with. Blind between the landmarks.

    Args:
        fixed_points, moving_points: `(B, N, d)`, voxels, row n of one belongs to row n of the
            other; NaN rows (padding) stay NaN.
        ddf: `(B, d, *spatial)`, voxels; None moves nothing.
        spacing: mm a voxel: d numbers, or `(B, d)`.

    Returns:
        `(B, N)`, mm. Average with `nanmean`.

    Raises:
        ValueError: shapes that do not belong together, a spacing that is not positive.

    >>> points = torch.tensor([[[4.0, 4.0]]])
    >>> target_registration_error(points, points + 1, None, spacing=(3.0, 4.0))
    tensor([[5.]])
    """
    require(fixed_points.ndim == 3, "fixed_points", "(B, N, d)", tuple(fixed_points.shape))
    require_same_shape("moving_points", moving_points, "fixed_points", fixed_points)
    moved = fixed_points if ddf is None else move_points(fixed_points, ddf)
    batch, _, d = fixed_points.shape
    scale = spacing_rows(spacing, batch, d).to(moved)
    return ((moved - moving_points.to(moved)) * scale[:, None]).norm(dim=-1)


def folding_fraction(ddf: Tensor, one_sided: bool = False) -> Tensor:
    """The share of voxels where the map folds: a determinant of 0 or less.

    0 is best, and 0 everywhere still allows any smooth nonsense.

    Args:
        ddf: `(B, d, *spatial)`, voxels.
        one_sided: a voxel folds if any of the 2^d choices of forward and backward differences
            says so. Central differences step over a field that flips from voxel to voxel.

    Returns:
        `(B,)`, in [0, 1]; `.item()` for a single case.

    Raises:
        ValueError: no field, NaN.
    """
    require_field("ddf", ddf)
    require_finite("ddf", ddf)
    if not one_sided:
        folded = jacobian_determinant(ddf) <= 0
    else:
        folded = torch.zeros_like(ddf[:, 0], dtype=torch.bool)
        for determinant in one_sided_determinants(ddf):
            folded |= determinant <= 0
    return folded.float().flatten(1).mean(dim=1)


def log_jacobian_std(ddf: Tensor, mask: Tensor | None = None) -> Tensor:
    """How unevenly the map stretches: the standard deviation of log J.

    0 is best, and any affine map has it; the logarithm makes halving weigh as doubling. Folds are
    counted as a J of 1e-9.

    Args:
        ddf: `(B, d, *spatial)`, voxels.
        mask: `(B, 1, *spatial)`; only where it is not 0.

    Returns:
        `(B,)`.

    Raises:
        ValueError: no field, NaN, a mask of another grid or an empty one.
    """
    require_field("ddf", ddf)
    require_finite("ddf", ddf)
    logs = jacobian_determinant(ddf).clamp(min=1e-9).log()  # (B, *spatial)
    if mask is None:
        return logs.flatten(1).std(dim=1, correction=0)
    require_same_shape("mask", mask, "one channel of ddf", ddf[:, :1])
    inside = mask[:, 0] != 0
    if not bool(inside.flatten(1).any(dim=1).all()):
        raise ValueError(complaint("mask", "voxels inside it for every case", "none for one"))
    return torch.stack(
        [log[here].std(correction=0) for log, here in zip(logs, inside, strict=True)]
    )
