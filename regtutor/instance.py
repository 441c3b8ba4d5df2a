"""One pair, no training: what is learned is the field itself, coarse to fine.

    ddf = theta ∘ exp(v),   v = argmin  image_loss(warped, fixed) + smoothness · mean |∇v|²

First an affine map; then a velocity on a control grid coarser than the image, averaged with its
neighbours and integrated (`exp`), so that the map does not fold. Each level starts from the level
before and puts its control points closer. Sources: Rueckert et al., IEEE TMI 18(8), 1999 (control
points); Arsigny et al., MICCAI 2006 (velocities); Siebert et al., "Fast 3D registration with
accurate optimisation and little learning", 2021 (Adam on averaged control points). Taught in
notebook 05; what is compared stands in `mismatch`, the levels and the steps in `descent`.

Convention: both images on one grid, in [0, 1]; ddf in voxels, channel k along axis k, it pulls.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from regtutor.checkpoint import Record
from regtutor.checks import require, require_field
from regtutor.deformation import affine_to_ddf, compose, exp, resize_field
from regtutor.deformation.warp import warp
from regtutor.descent import AFFINE, descend, require_levels, step_bar
from regtutor.descent import Level as Level
from regtutor.descent import coarse_to_fine as coarse_to_fine
from regtutor.filters import window_sum
from regtutor.losses import DiffusionLoss, LocalNormalizedCrossCorrelationLoss, MSELoss
from regtutor.mismatch import ImageLoss, Pair, Terms, mismatch

SQUARINGS = 5
WINDOW = {2: 5, 3: 3}  # for local correlation: 25 and 27 voxels


@dataclass(frozen=True)
class Registration:
    """What `register` found.

    Attributes:
        ddf: `(1, d, *spatial)`, voxels: all of the map, the affine part included.
        warped: `(1, C, *spatial)`, the moving image through it.
        theta: `(1, d, d+1)`, the affine part; None if there was none.
        history: for each level its shrink, spacing, steps taken and seconds, and where it ended
            "loss" and its terms.
    """

    ddf: Tensor
    warped: Tensor
    theta: Tensor | None
    history: list[Record]


def register(
    fixed: Tensor,
    moving: Tensor,
    *,
    image_loss: ImageLoss | None = None,
    smoothness: float = 0.1,
    regulariser: Callable[[Tensor], Tensor] | None = None,
    labels: tuple[Tensor, Tensor] | None = None,
    points: tuple[Tensor, Tensor] | None = None,
    mask: Tensor | None = None,
    affine: bool = True,
    velocity: bool = True,
    start: Tensor | None = None,
    levels: Sequence[Level] | None = None,
    tolerance: float = 0.03,
    progress: bool = False,
) -> Registration:
    """Find the field that brings `moving` onto `fixed`.

    Args:
        fixed, moving: `(1, C, *spatial)` on one grid, in [0, 1].
        image_loss: `(warped, fixed, mask)` → a scalar, as the losses here have it. Without: mean
            squares for the affine map, then local correlation. For two kinds of image
            `SelfSimilarityLoss()`, or `GlobalMutualInformationLoss()`.
        smoothness: weight of the regulariser; more where the map is rough. 0.1 suits losses that
            run from −1 to 0; mean squares are far smaller and want about a hundredth of it.
        regulariser: velocity `(1, d, *control)`, in control points' distances → a scalar. Without:
            diffusion. `BendingEnergyLoss()` leaves free what is linear.
        labels: of fixed and moving, `(1, K, *spatial)` in [0, 1].
        points: of fixed and moving, `(1, N, d)`, voxels, row by row.
        mask: `(1, 1, *spatial)` of the fixed image, 0 where images do not count. Where the map
            reads beyond the moving image they never count.
        affine: look for an affine map first; for two kinds of image rather not, it may go astray.
            What they do say is a shift: `start=expected_shift(…)` of `regtutor.shift`.
        velocity: if False what is found is a displacement: quicker, and it may fold.
        start: ddf `(1, d, *spatial)` to refine in place of the affine map, a network's for
            instance; the finest level only, unless `levels` says otherwise.
        levels: from coarse to fine; without, `coarse_to_fine(size)`.
        tolerance: a level ends when ten steps gain less than this share of what all have gained;
            0: never before its time.
        progress: show a bar, that moves with every step.

    Returns:
        A `Registration`.

    Raises:
        ValueError: shapes or grids differ, values are not finite or not in [0, 1], one of two
            labels or point sets is missing, a mask leaves nothing, an axis has under 5 voxels.

    Warns:
        UserWarning: the affine map made the image four times as large or small, or mirrored it; it
            is left out.
    """
    fixed_label, moving_label = labels or (None, None)
    fixed_points, moving_points = points or (None, None)
    pair = Pair(fixed, moving, fixed_label, moving_label, fixed_points, moving_points, mask)
    pair.check()
    require(min(pair.size) >= 5, "fixed", "at least 5 voxels an axis", tuple(pair.size))
    if levels is None:
        levels = coarse_to_fine(pair.size)[0 if start is None else -1 :]
    require_levels(levels)
    require(smoothness >= 0, "smoothness", "a number ≥ 0", smoothness)
    d = len(pair.size)
    similarity = image_loss or LocalNormalizedCrossCorrelationLoss(d, WINDOW[d], smooth_dr=1e-3)
    smooth = regulariser or DiffusionLoss(one_sided=True)
    unit, bar = None, step_bar(levels, affine and start is None, progress)
    if start is not None:
        require_field("start", start, pair.size)
        start = start.detach()  # a network's field brings its graph, which one descent uses up
    elif affine:
        unit = _fit_affine(pair, image_loss or MSELoss(), levels[0].shrink, bar)
    to_ddf = _Map(velocity, unit, start)
    control, history = fixed.new_zeros(1, d, *[1] * d), []
    for number, level in enumerate(levels, start=1):
        bar.set_description(f"level {number} of {len(levels)}")
        began, small = perf_counter(), pair.at(level.shrink)
        control = resize_field(control, [-(-n // level.spacing) for n in pair.size])

        def terms(control: Tensor, small: Pair = small) -> Terms:
            image = mismatch(small, to_ddf(control, small.size), similarity)
            return {**image, "smooth": smoothness * smooth(control)}

        lr = 0.5 * level.shrink / level.spacing  # half a voxel of the small image
        ended = descend(control, terms, lr=lr, steps=level.steps, tolerance=tolerance, bar=bar)
        history.append({**level._asdict(), "seconds": perf_counter() - began, **ended})
    bar.close()
    ddf = to_ddf(control, pair.size)
    theta = None if unit is None else _theta_on(unit, pair.size)
    return Registration(ddf, warp(moving, ddf), theta, history)


@dataclass(frozen=True)
class _Map:
    """From control points to a ddf on any grid, on top of the affine map or the start."""

    velocity: bool
    unit: Tensor | None
    start: Tensor | None

    def __call__(self, control: Tensor, size: Sequence[int]) -> Tensor:
        margin = [1] * (2 * len(size))
        ddf = window_sum(F.pad(control, margin, mode="replicate"), [1 / 3] * 3)
        ddf = resize_field(exp(ddf, SQUARINGS) if self.velocity else ddf, size)
        if self.start is not None:
            return compose(resize_field(self.start, size), ddf)
        if self.unit is None:
            return ddf
        theta = _theta_on(self.unit, size)  # A (x + u) + t − x
        return affine_to_ddf(theta, size) + torch.einsum("bij,bj...->bi...", theta[..., :-1], ddf)


def _fit_affine(pair: Pair, image_loss: ImageLoss, shrink: int, bar: tqdm) -> Tensor:
    """The affine map in units of half the grid about its middle, so that it holds on every grid."""
    d = len(pair.size)
    unit = torch.eye(d, d + 1)[None].to(pair.fixed)
    for coarser, steps in AFFINE:
        small = pair.at(coarser * shrink)

        def terms(unit: Tensor, small: Pair = small) -> Terms:
            return mismatch(
                small, affine_to_ddf(_theta_on(unit, small.size), small.size), image_loss
            )

        descend(unit, terms, lr=0.02, steps=steps, tolerance=0, bar=bar)
    volume = torch.linalg.det(unit[..., :-1]).item()
    if 0.25 < volume < 4:
        return unit
    warnings.warn(
        f"register: the affine map multiplies volumes by {volume:.2g}, so it is left out. Do the "
        "images share what image_loss compares? Without the attempt: affine=False.",
        stacklevel=3,
    )
    return torch.eye(d, d + 1)[None].to(unit)


def _theta_on(unit: Tensor, size: Sequence[int]) -> Tensor:
    """`unit` in the voxels of a grid, about voxel (0, …, 0)."""
    half = torch.tensor(size).to(unit)[:, None] / 2
    matrix = half * unit[..., :-1] / half.T
    middle = half - 0.5
    return torch.cat([matrix, middle - matrix @ middle + half * unit[..., -1:]], dim=2)
