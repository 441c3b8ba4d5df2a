"""What a page is given of an image, a label, a field: few bytes, and how to count in them.

An image of more than about 64³ voxels (256² in 2-D) is reduced; a field is stored on the coarsest
grid that loses less than 0.1 voxel there. Each says for each axis how a place of the true grid is
counted in it: `index = scale · place + shift`. A picture is stored as a volume one slice thick.

Convention: images share their outer faces with the true grid, fields their corner voxels;
displacements stay in voxels of the true grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.show.live import pack, unpack
from regtutor.show.plane import Plane, View

_SIDE = {2: 256, 3: 64}
_QUALITY = {2: 100, 3: 90}
_COARSER = (64, 32, 16, 8, 4, 2)
_LOSS = 0.1
_LINEAR = {2: "bilinear", 3: "trilinear"}


def pack_image(
    image: Tensor, low: float, high: float, quality: int | None = None
) -> dict[str, Any]:
    """`(*spatial)`; what lies outside of low to high is clipped."""
    size, small = tuple(image.shape), image
    for axis, (n, m) in enumerate(zip(size, page_size(size), strict=True)):
        lines = small.movedim(axis, -1)  # one axis after the other: torch smooths in 2-D only
        rows = lines.reshape(1, 1, -1, n)
        rows = F.interpolate(rows, (rows.shape[2], m), mode="bilinear", antialias=True)
        small = rows.reshape(*lines.shape[:-1], m).movedim(-1, axis)
    packed = _pack(small, low, high, quality or _QUALITY[image.ndim])
    ratio = [m / n for n, m in zip(size, small.shape, strict=True)]
    return {**packed, **_counted(ratio, [0.5 * r - 0.5 for r in ratio])}


def pack_label(label: Tensor) -> list[dict[str, Any]]:
    """`(1, K, *spatial)` in [0, 1], channel by channel."""
    return [pack_image(channel, 0, 1, quality=100) for channel in label.detach().cpu().float()[0]]


def pack_field(ddf: Tensor) -> list[dict[str, Any] | None]:
    """`(1, d, *spatial)`, component by component; a picture has none across itself."""
    size = tuple(ddf.shape[2:])
    most = page_size(size)
    known = _resample(ddf, most)  # more the page cannot show
    grids = [
        [min(-(-(n - 1) // step) + 1, m) for n, m in zip(size, most, strict=True)]
        for step in _COARSER
    ]
    for grid, quality in [*((grid, 100) for grid in grids), (most, 97), (most, 100)]:
        coarse = _resample(ddf, grid)[0]
        packed = [_pack(u, float(u.min()), float(u.max()), quality) for u in coarse]
        read = torch.stack([torch.from_numpy(unpack(p)).reshape(*grid) for p in packed])
        if float((_resample(read[None], most) - known).abs().max()) < _LOSS:
            break
    scale = [(m - 1) / max(n - 1, 1) for n, m in zip(size, grid, strict=True)]
    counted = _counted(scale, [0.0] * len(size))
    return [None] * (3 - len(size)) + [{**p, **counted} for p in packed]


def pack_points(points: tuple[Tensor, Tensor]) -> list[list[list[float]]]:
    """(fixed, moving), each `(1, N, d)`, voxels → for each: rows of three."""
    known = torch.cat(points, dim=-1)[0].isfinite().all(dim=-1)  # (N,)
    return [
        [_lift([round(x, 2) for x in row], 0.0) for row in p[0, known].tolist()] for p in points
    ]


def layout(plane: Plane, window: tuple[float, float]) -> dict[str, Any]:
    """The true grid, its planes, the slice and the window to begin with."""
    size, d = plane.size, len(plane.size)
    planes = [plane] if d == 2 else [View(axis=a).plane(size) for a in (1, 0, 2)]
    start = [n // 2 for n in size]
    if plane.axis is not None and plane.index is not None:
        start[plane.axis] = plane.index
    return {
        "dims": d, "size": _lift(size, 1), "spacing": _lift(plane.spacing, 1.0),
        "unit": plane.unit, "window": list(window), "start": _lift(start, 0),
        "plane": [p.axis for p in planes].index(plane.axis),
        "planes": [
            {
                "name": p.name.split(" ")[0],
                "axis": p.axis or 0,
                "across": p.across + 3 - d,
                "along": p.along + 3 - d,
                "up": p.along == 2,
            }
            for p in planes
        ],
    }  # fmt: skip


def page_size(size: Sequence[int]) -> list[int]:
    """Of the grid that a page holds: the same shape, at most about 64³ or 256² voxels."""
    d = len(size)
    voxels = float(torch.tensor(size).double().prod())
    shrink = max(1.0, voxels ** (1 / d) / _SIDE[d] / 1.05)
    return [max(1, round(n / shrink)) for n in size]


def _pack(values: Tensor, low: float, high: float, quality: int) -> dict[str, Any]:
    return pack(values.reshape(-1, *values.shape[-2:]).numpy(), low, high, quality)


def _counted(scale: Sequence[float], shift: Sequence[float]) -> dict[str, list[float]]:
    return {"scale": _lift(scale, 1.0), "shift": _lift(shift, 0.0)}


def _resample(ddf: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(ddf, tuple(size), mode=_LINEAR[len(size)], align_corners=True)


def _lift(values: Sequence[Any], one: Any) -> list[Any]:
    """Two numbers as three: the axis across a picture comes first."""
    return [one] * (3 - len(values)) + list(values)
