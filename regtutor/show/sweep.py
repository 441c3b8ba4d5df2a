"""One weight turned from loose to stiff: what it does to a pair, and the score that is covered.

The fields of all weights are found beforehand. The page shows one at a time: the overlay, the grid,
the area, and curves of what can be known without landmarks. The landmarks' own curve is uncovered
when a weight has been chosen. Used in notebook 05.

Convention: ddf `(1, 2, H, W)` in voxels of the fixed grid; the grid is drawn at x + ddf(x).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from regtutor.checks import require, require_field, require_finite, require_same_shape
from regtutor.deformation import Warp, jacobian_determinant
from regtutor.show.fields import draw_grid
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.picture import BLUE, Picture, number, render
from regtutor.show.plane import MIDDLE, Plane, View, displacement, volume

_NODES = 2  # voxels between two of the field's numbers that the page is given


class Sweep(Live):
    """The fields of several weights. Made by `sweep`."""

    _esm = widget_script("chart", "sweep")


def sweep(
    fixed: Tensor,
    moving: Tensor,
    fields: Mapping[float, Tensor],
    seen: Mapping[str, Sequence[float]],
    covered: tuple[str, Sequence[float]],
    *,
    nothing: float,
    view: View = MIDDLE,
    title: str = "From loose to stiff",
    alt: str | None = None,
) -> Sweep:
    """Turn λ, choose one, and only then see how far the landmarks were.

    Args:
        fixed, moving: `(1, 1, H, W)`.
        fields: λ, rising → ddf `(1, 2, H, W)`, voxels.
        seen: the name of a score, as "MSE" → its value at each λ.
        covered: the name and values of the score that is uncovered at last; lower is better.
        nothing: what doing nothing has of it.
        view: spacing and window.

    Raises:
        ValueError: images or fields of another grid, fewer than three λ, a curve of another length.
    """
    a, b = volume("fixed", fixed), volume("moving", moving)
    require(a.ndim == 2, "fixed", "a plane image (1, 1, H, W)", tuple(fixed.shape), "Cut a slice.")
    require_same_shape("moving", b, "fixed", a)
    weights, (name, values) = list(fields), covered
    rising = len(weights) > 2 and weights == sorted(weights)
    require(rising, "fields", "three λ or more, rising", weights)
    curves = {key: [float(v) for v in curve] for key, curve in {**seen, name: values}.items()}
    for key, curve in curves.items():
        good = len(curve) == len(weights) and bool(np.isfinite(curve).all())
        require(good, key, f"{len(weights)} numbers, one for each λ", curve)
    ddfs = [displacement("fields", ddf) for ddf in fields.values()]
    for ddf in ddfs:
        require_field("fields", ddf, size=a.shape)
        require_finite("fields", ddf)
    plane = view.plane(a.shape)
    window = view.contrast(a.numpy(), b.numpy())
    data: dict[str, Any] = {
        "title": title,
        "spacing": list(plane.spacing),
        "weights": [f"{weight:g}" for weight in weights],
        "curves": curves,
        "covered": name,
        "nothing": float(nothing),
        "fixed": pack(a.numpy()[None], *window),
        "moving": pack(b.numpy()[None], *window),
        **_looks(b, ddfs, window),
    }
    return Sweep(data, _poster(plane, fields, curves, name, title, alt))


def _looks(moving: Tensor, ddfs: list[Tensor], window: tuple[float, float]) -> dict[str, Any]:
    """Of each weight: the warped image, the area, and the field where the grid is drawn."""
    warped = np.concatenate([Warp()(moving[None, None], ddf)[0].numpy() for ddf in ddfs])
    area = np.concatenate([jacobian_determinant(ddf).numpy() for ddf in ddfs])
    nodes = np.concatenate([ddf[0, :, ::_NODES, ::_NODES].numpy() for ddf in ddfs])
    most = float(np.abs(nodes).max()) or 1.0
    least = 1 / 254  # whatever is above 0 stays above 0, whatever folds is 0
    area = np.where(area > 0, area.clip(2 * least, 2), 0)
    return {
        "warped": pack(warped, *window, quality=90),
        "area": pack(area, 0, 2),
        "nodes": pack(nodes, -most, most),
        "every": _NODES,
    }


def _poster(
    plane: Plane,
    fields: Mapping[float, Tensor],
    curves: Mapping[str, Sequence[float]],
    covered: str,
    title: str,
    alt: str | None,
) -> Picture:
    """The grids of the smallest, a middle and the largest λ; in words the curves, but for one."""
    weights = list(fields)
    shown = [weights[0], weights[len(weights) // 2], weights[-1]]
    figure, axes = plane.panels(3, title)
    for place, weight in zip(axes, shown, strict=True):
        draw_grid(place, plane, displacement("fields", fields[weight]), None, BLUE)
        plane.frame(place, f"λ = {weight:g}", labelled=weight == shown[0])
    told = [
        f"{key} by λ: {', '.join(f'{w:g}: {_short(v)}' for w, v in zip(weights, c, strict=True))}."
        for key, c in curves.items()
        if key != covered
    ]
    stop = "" if title.endswith("?") else "."
    words = (
        f"{title}{stop} {plane.name}. {' '.join(told)} The grids of λ = {shown[0]:g}, {shown[1]:g} "
    )
    return render(figure, title, alt or f"{words}and {shown[2]:g}; {covered} is covered.")


def _short(value: float) -> str:
    """Three digits, however small."""
    return number(value) if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"
