"""Images side by side, over each other, in a checkerboard, as a difference.

Each is one line in a notebook and returns a `Picture`; `view` says which slice and how bright.
Labels are outlined at ½: what is fixed in solid orange, what moved in dashed blue. Used from
notebook 01 on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from regtutor.checks import require, require_count
from regtutor.show.picture import BLUE, ORANGE, Picture, number, render
from regtutor.show.plane import MIDDLE, Plane, View, volume


def slices(
    images: Mapping[str, Tensor],
    *,
    labels: Mapping[str, Tensor] | None = None,
    moving: Collection[str] | None = None,
    view: View = MIDDLE,
    title: str = "One slice of each",
    alt: str | None = None,
) -> Picture:
    """The same slice of several images, side by side and in one window.

    Args:
        images: name → `(1, 1, *spatial)`; the name stands above it.
        labels: name → the label of that image, `(1, K, *spatial)`, outlined.
        moving: the names whose outline is the moving side's, in blue; the others' are orange. By
            default all but the first.
    """
    require(len(images) > 0, "images", "at least one", "none")
    moving = list(images)[1:] if moving is None else moving
    require(set(moving) <= set(images), "moving", f"names among {', '.join(images)}", moving)
    volumes = {name: volume(name, image) for name, image in images.items()}
    plane = view.plane(next(iter(volumes.values())).shape)
    cuts = {name: plane.cut(name, image) for name, image in volumes.items()}
    low, high = view.contrast(*cuts.values())
    figure, axes = plane.panels(len(cuts), title)
    for place, (name, values) in enumerate(cuts.items()):
        plane.paint(axes[place], values, vmin=low, vmax=high)
        label = labels.get(name) if labels else None
        outline(axes[place], plane, label, BLUE if name in moving else ORANGE)
        plane.frame(axes[place], name, labelled=place == 0)
    words = f"{title}. {plane.name}, from left to right: {', '.join(cuts)}."
    return render(figure, title, alt or words + (" Labels are outlined." if labels else ""))


def overlay(
    fixed: Tensor,
    warped: Tensor,
    *,
    fixed_label: Tensor | None = None,
    warped_label: Tensor | None = None,
    view: View = MIDDLE,
    title: str = "Fixed in orange, warped in blue",
    alt: str | None = None,
) -> Picture:
    """Two images in one: orange where only the fixed is bright, blue where only the warped is.

    Where they agree the picture is grey; a coloured edge is a misregistration.

    Args:
        fixed, warped: `(1, 1, *spatial)` on one grid.
        fixed_label, warped_label: `(1, K, *spatial)`, outlined.
    """
    plane, a, b = _two(fixed, warped, view)
    low, high = view.contrast(a, b)
    figure, (axes,) = plane.panels(1, title)
    draw_overlay(axes, plane, a, b, (low, high))
    for label, colour in ((fixed_label, ORANGE), (warped_label, BLUE)):
        outline(axes, plane, label, colour)
    plane.frame(axes)
    words = (
        f"{title}. {plane.name}; grey where the two agree. Mean absolute difference: "
        f"{number(100 * np.abs(a - b).mean() / (high - low))} % of the window."
    )
    return render(figure, title, alt or words)


def checkerboard(
    fixed: Tensor,
    warped: Tensor,
    *,
    tiles: int = 8,
    view: View = MIDDLE,
    title: str = "Checkerboard of fixed and warped",
    alt: str | None = None,
) -> Picture:
    """Tiles of the fixed and of the warped image in turn; edges that break are misregistered.

    Args:
        fixed, warped: `(1, 1, *spatial)` on one grid.
        tiles: how many along the longer side.
    """
    require_count("tiles", tiles)
    plane, a, b = _two(fixed, warped, view)
    side = -(-max(a.shape) // tiles)
    rows, columns = (np.arange(n) // side for n in a.shape)
    board = np.where((rows[:, None] + columns) % 2 == 0, a, b)
    low, high = view.contrast(a, b)
    figure, (axes,) = plane.panels(1, title)
    plane.paint(axes, board, vmin=low, vmax=high)
    plane.frame(axes)
    words = f"{title}. {plane.name} in tiles of {side} voxels, the fixed image's and the other's."
    return render(figure, title, alt or words)


def difference(
    fixed: Tensor,
    warped: Tensor,
    *,
    view: View = MIDDLE,
    title: str = "Warped minus fixed",
    alt: str | None = None,
) -> Picture:
    """The difference of two images. A wide window makes every registration look good.

    Args:
        fixed, warped: `(1, 1, *spatial)` on one grid.
        view: its window is that of the *difference*; by default ± the largest.
    """
    plane, a, b = _two(fixed, warped, view)
    top = float(np.abs(b - a).max()) or 1.0
    low, high = view.window or (-top, top)
    figure, (axes,) = plane.panels(1, title, beside=0.8)
    shown = plane.paint(axes, b - a, vmin=low, vmax=high)
    figure.colorbar(shown, ax=axes, label="difference of intensities")
    plane.frame(axes)
    words = (
        f"{title}. {plane.name}, from {number(low)} in black to {number(high)} in white. "
        f"Mean absolute difference: {number(np.abs(b - a).mean())}."
    )
    return render(figure, title, alt or words)


def draw_overlay(
    axes: Axes, plane: Plane, fixed: np.ndarray, warped: np.ndarray, window: tuple[float, float]
) -> None:
    """Orange light for the fixed image, blue for the warped: together they are white light."""
    low, high = window
    a, b = (np.clip((x - low) / (high - low), 0, 1)[..., None] for x in (fixed, warped))
    orange = np.array([1.0, 0.55, 0.0])
    plane.paint(axes, a * orange + b * (1 - orange))


def outline(axes: Axes, plane: Plane, label: Tensor | None, colour: str) -> None:
    """The ½-contour of each channel of a label `(1, K, *spatial)`, if there is one."""
    if label is None:
        return
    style = "solid" if colour == ORANGE else "dashed"
    for channel in label.detach().cpu().float().reshape(-1, *plane.size):
        values, look = plane.cut("label", channel), {"linewidths": 1.5, "linestyles": style}
        plane.contour(axes, values, 0.5, colors=colour, **look)


def _two(fixed: Tensor, warped: Tensor, view: View) -> tuple[Plane, np.ndarray, np.ndarray]:
    """The plane, and both images cut by it."""
    a, b = volume("fixed", fixed), volume("warped", warped)
    plane = view.plane(a.shape)
    return plane, plane.cut("fixed", a), plane.cut("warped", b)
