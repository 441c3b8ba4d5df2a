"""The shift between two images of two kinds: every one is tried, and their mean is the answer.

    shift = Σ w(s) s / Σ w(s)
    w(s)  = exp(−certainty · cost(s) / deviation of all costs − |s / spread|² / 2)

Descent ends in the nearest valley; an MR image and an ultrasound image make many, and the deepest
is often false. The cost of all shifts at once is a correlation, which the Fourier transform does.
The mean over what is likely is the answer with the smallest expected squared error: where the
images say little it stays near zero, where the grids' middles lie on each other.

Sources: Heinrich et al., MICCAI 2013 (MIND-SSC, which is compared); Padfield, "Masked object
registration in the Fourier domain", IEEE TIP 21(5), 2012 (masks in correlations); the mean of the
posterior is Bayes' estimate under squared error.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.checks import require, require_batch, require_finite, require_same_shape
from regtutor.losses.descriptor import self_similarity
from regtutor.losses.reduction import as_mask

SHRINK = 2  # shifts are tried in steps of two voxels; their mean lies between
DEVIATIONS = 2.5  # how far
FLAT = 1e-5  # costs that differ by less say nothing


def expected_shift(
    fixed: Tensor,
    moving: Tensor,
    *,
    fixed_mask: Tensor | None = None,
    moving_mask: Tensor | None = None,
    spread: float = 0.1,
    certainty: float = 2.0,
) -> Tensor:
    """Where the moving image lies, as far as its self-similarity says.

    Args:
        fixed, moving: `(1, C, *spatial)` on one grid.
        fixed_mask, moving_mask: `(1, 1, *spatial)`, 0 where an image shows nothing: outside the
            fan of an ultrasound image, beyond the border of a resampled one. Give them where there
            is such a border: it is an edge, and would be compared.
        spread: standard deviation of the shifts that are expected before one looks, as a share of
            the size along each axis.
        certainty: how much the images are believed; 0: not at all, the shift is zero.

    Returns:
        ddf `(1, d, *spatial)`, voxels, everywhere the same: `register(start=…)` goes on from it.

    Raises:
        ValueError: different shapes, values that are not finite, an empty mask, a batch of more
            than one, `spread` not in (0, 0.4], `certainty` below 0, an axis of under 8 voxels.
    """
    for name, image in (("fixed", fixed), ("moving", moving)):
        require_batch(name, image)
        require_finite(name, image)
    require_same_shape("moving", moving, "fixed", fixed)
    size = fixed.shape[2:]
    require(len(fixed) == 1, "fixed", "a batch of one", tuple(fixed.shape))
    require(min(size) >= 8, "fixed", "at least 8 voxels an axis", tuple(size))
    require(0 < spread <= 0.4, "spread", "a share above 0 and at most 0.4", spread)
    require(certainty >= 0, "certainty", "a number ≥ 0", certainty)
    a, b = (self_similarity(_shrunk(image)) for image in (fixed, moving))
    deviation = torch.tensor([spread * n / SHRINK for n in size]).to(fixed)
    far = (DEVIATIONS * deviation).round().int().clamp(min=1).tolist()
    reach = [min(r, n - 1) for r, n in zip(far, a.shape[2:], strict=True)]
    steps = [torch.arange(-r, r + 1).to(fixed) for r in reach]
    shifts = torch.stack(torch.meshgrid(steps, indexing="ij"), dim=-1)
    p, q = (
        _shrunk(torch.ones_like(fixed[:, :1]) if mask is None else as_mask(mask, fixed))
        for mask in (fixed_mask, moving_mask)
    )
    cost = _costs(a, b, p, q, reach)
    deviates = cost.std().clamp(min=FLAT)
    likely = -certainty * cost / deviates - (shifts / deviation).square().sum(dim=-1) / 2
    weight = likely.flatten().softmax(dim=0)
    shift = SHRINK * (weight[:, None] * shifts.flatten(0, -2)).sum(dim=0)
    return shift.view(1, -1, *[1] * len(size)).expand(1, -1, *size).contiguous()


def _shrunk(image: Tensor) -> Tensor:
    pool = F.avg_pool2d if image.ndim == 4 else F.avg_pool3d
    return pool(image, SHRINK)


def _costs(a: Tensor, b: Tensor, inside_a: Tensor, inside_b: Tensor, reach: list[int]) -> Tensor:
    """For every shift s the mean of (a(x) − b(x + s))² over the x where both images show something.

    Multiplied out, Σ p a² + Σ q b² − 2 Σ p a q b: three correlations, of the masks p and q with the
    images. Padded by the reach, so that nothing comes in from the other side.
    """
    axes = tuple(range(2, a.ndim))
    padded = [n + r for n, r in zip(a.shape[2:], reach, strict=True)]

    def correlation(x: Tensor, y: Tensor) -> Tensor:
        x, y = (torch.fft.rfftn(image.double(), s=padded, dim=axes) for image in (x, y))
        found = torch.fft.irfftn(x.conj() * y, s=padded, dim=axes).sum(dim=1)[0]
        for axis, r in enumerate(reach):  # from −r, which stands at the end, to r
            found = found.roll(r, axis).narrow(axis, 0, 2 * r + 1)
        return found

    every = torch.ones_like(a)
    total = (
        correlation(inside_a * a * a, inside_b * every)
        + correlation(inside_a * every, inside_b * b * b)
        - 2 * correlation(inside_a * a, inside_b * b)
    )
    voxels = correlation(inside_a, inside_b).clamp(min=1)  # under one: nothing in common
    return (total / voxels / a.shape[1]).to(a.dtype)
