"""Images pulled through a matrix, all that share a grid at once.

    new(x) = old(M x)

Where to read is the same for an image, its partner and their labels: it is worked out once for all.
Taught in notebook 06.

Convention: voxels, about voxel (0, …, 0); M is (d+1, d+1), float64, from the new grid to the old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from regtutor.deformation.affine import affine_grid
from regtutor.deformation.warp import sample

_SLAB = 2**18  # voxels


def places(matrix: Tensor, size: Sequence[int]) -> Tensor:
    """Where the voxels of a new grid lie in the old one: `M x`, `(1, d, *size)`, float64."""
    return affine_grid(matrix[None, :-1], size)


def fold(points: Tensor, size: Sequence[int]) -> Tensor:
    """Bring points into the image by mirrors at its outer faces, as often as it takes.

    `sample` has its mirrors in the middle of the outer voxels; MONAI has them at the faces
    (align_corners=False), and for what lies between voxels the two agree.

    Args:
        points: `(1, d, *out)`, voxels.
        size: of the image.

    Returns:
        `(1, d, *out)`, in [−½, size − ½], to be sampled with padding "border".
    """
    n = torch.tensor(size).to(points).view(1, -1, *[1] * (points.ndim - 2))
    beyond = (points + 0.5).abs_()  # the first mirror, at −½
    far = beyond.flatten(2).amax(dim=2) > 2 * n.flatten(1)
    if bool(far.any()):  # rare; a remainder takes as long as all the rest
        beyond %= 2 * n
    return beyond.sub_(n).abs_().neg_().add_(n - 0.5)  # the second, at n − ½


def pull(
    images: Sequence[Tensor],
    matrix: Tensor,
    size: Sequence[int],
    modes: Sequence[str],
    padding_modes: Sequence[str],
) -> list[Tensor]:
    """Images of one grid through one matrix: `old(M x)` for every voxel x of a new grid.

    Args:
        images: each `(C, *spatial)`, float32.
        matrix: `(d+1, d+1)`.
        size: of the new grid.
        modes: "bilinear" or "nearest", one for each image.
        padding_modes: "border", "zeros" or "reflection" (mirrors at the outer faces), likewise.

    Returns:
        Each `(C, *size)`.
    """
    alike: dict[tuple[str, str], list[int]] = {}
    for number, how in enumerate(zip(modes, padding_modes, strict=True)):
        alike.setdefault(how, []).append(number)
    # As the channels of one image: the corners around a place are looked up once for all of them.
    stacks = {how: torch.cat([images[i] for i in some])[None] for how, some in alike.items()}
    moved = [image.new_empty(len(image), *size) for image in images]
    for rows, points in _slabs(matrix, size):
        mirrored = fold(points, images[0].shape[1:]) if "reflection" in padding_modes else points
        for (mode, padding), some in alike.items():
            mirror = padding == "reflection"
            where, beyond = (mirrored, "border") if mirror else (points, padding)
            values = sample(stacks[mode, padding], where, mode, beyond)[0]
            for i, own in zip(some, values.split([len(images[i]) for i in some]), strict=True):
                moved[i][:, rows] = own
    return moved


def _slabs(matrix: Tensor, size: Sequence[int]) -> Iterator[tuple[slice, Tensor]]:
    """`places` a few rows at a time: as much as stays in the cache, in a third of the time."""
    step = max(_SLAB // prod(size[1:]), 1)
    for start in range(0, size[0], step):
        rows = slice(start, min(start + step, size[0]))
        moved = matrix.clone()
        moved[:, -1] += start * matrix[:, 0]  # count from row `start` on
        yield rows, places(moved, (rows.stop - start, *size[1:])).float()
