"""Displacement fields made visible: as a bent grid, as arrows, by what they do to volume.

In a volume the slice shows the two components within it; the third cannot be seen there. Used
from notebook 01 on, taught in 02 and 03.

Convention: ddf `(1, d, *spatial)` in voxels of the fixed grid; it pulls: voxel x of the fixed
image is read at x + ddf(x) in the moving one, so bent grids and arrow tips lie on *moving*.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from regtutor.checks import require_count
from regtutor.deformation import identity_grid, jacobian_determinant, move_points
from regtutor.show.picture import BLUE, FOLD, INK, ORANGE, Picture, number, render
from regtutor.show.plane import MIDDLE, Plane, View, displacement, volume

_SHRINK_TO_GROW = LinearSegmentedColormap.from_list("volume", [BLUE, "#ffffff", ORANGE])
VOLUME_COLOURS = _SHRINK_TO_GROW.with_extremes(under=FOLD)


def grid(
    ddf: Tensor,
    *,
    image: Tensor | None = None,
    step: int | None = None,
    view: View = MIDDLE,
    title: str = "Where each grid line is read",
    alt: str | None = None,
) -> Picture:
    """The lines of the fixed grid, drawn at x + ddf(x). Lines that cross are folds.

    Args:
        ddf: `(1, d, *spatial)`, voxels.
        image: the moving image under it.
        step: a line every so many voxels; by default about 16 lines on the longer side.
    """
    ddf = displacement("ddf", ddf)
    plane = view.plane(ddf.shape[2:])
    figure, (axes,) = plane.panels(1, title)
    _underlay(axes, plane, image, view)
    draw_grid(axes, plane, ddf, step, BLUE if image is None else ORANGE)
    plane.frame(axes)
    return render(figure, title, alt or f"{title}. {plane.name}. {describe(ddf, plane)}")


def arrows(
    ddf: Tensor,
    *,
    image: Tensor | None = None,
    step: int | None = None,
    view: View = MIDDLE,
    title: str = "From each voxel to where it is read",
    alt: str | None = None,
) -> Picture:
    """An arrow from every `step`-th voxel x of the fixed grid to x + ddf(x), in true length.

    Args:
        ddf: `(1, d, *spatial)`, voxels.
        image: the moving image under it.
        step: by default about 16 arrows on the longer side.
    """
    ddf = displacement("ddf", ddf)
    plane = view.plane(ddf.shape[2:])
    figure, (axes,) = plane.panels(1, title)
    _underlay(axes, plane, image, view)
    every = slice(None, None, step or _default_step(plane))
    start, tip = (_places(plane, field)[:, every, every] for field in (torch.zeros_like(ddf), ddf))
    colour = BLUE if image is None else ORANGE
    axes.quiver(*start, *(tip - start), angles="xy", scale_units="xy", scale=1, color=colour)
    plane.frame(axes)
    return render(figure, title, alt or f"{title}. {plane.name}. {describe(ddf, plane)}")


def jacobian(
    ddf: Tensor,
    *,
    view: View = MIDDLE,
    title: str = "What the field does to volume",
    alt: str | None = None,
) -> Picture:
    """The Jacobian determinant: 1 is white, more is orange, less is blue, a fold is black.

    In grey print a line tells more from less: solid at 5/4 of the volume, dashed at 4/5.

    Args:
        ddf: `(1, d, *spatial)`, voxels.
    """
    ddf = displacement("ddf", ddf)
    plane = view.plane(ddf.shape[2:])
    determinant = jacobian_determinant(ddf)[0]
    figure, (axes,) = plane.panels(1, title, beside=0.8)
    values = plane.cut("ddf", determinant)
    least = np.finfo(np.float32).tiny  # zero is a fold too
    shown = plane.paint(axes, values, cmap=VOLUME_COLOURS, vmin=least, vmax=2.0)
    for level, style in ((1.25, "solid"), (0.8, "dashed")):
        plane.contour(axes, values, level, colors=INK, linewidths=0.7, linestyles=style)
    bar = figure.colorbar(shown, ax=axes, extend="both", ticks=[0, 0.5, 1, 1.5, 2])
    bar.set_label("Jacobian determinant (1 = volume kept, black = folded)", fontsize=8)
    bar.ax.axhline(1.25, color=INK, linewidth=0.7)
    bar.ax.axhline(0.8, color=INK, linewidth=0.7, linestyle="dashed")
    plane.frame(axes)
    words = (
        f"{title}: Jacobian determinant from {number(float(determinant.min()))} to "
        f"{number(float(determinant.max()))}, white at 1, orange above, blue below, black where "
        f"folded. {plane.name}. {describe(ddf, plane)}"
    )
    return render(figure, title, alt or words)


def landmarks(
    image: Tensor,
    fixed_points: Tensor,
    moving_points: Tensor,
    ddf: Tensor,
    *,
    view: View = MIDDLE,
    title: str = "Where the field puts each landmark",
    alt: str | None = None,
) -> Picture:
    """From where the field puts each fixed point (orange) a line to its true place (blue).

    All points of a volume are shown on the one slice, as if it were glass.

    Args:
        image: the moving image, `(1, 1, *spatial)`.
        fixed_points, moving_points: `(1, N, d)`, voxels.
        ddf: `(1, d, *spatial)`, voxels; zeros show the state before.
    """
    ddf, plane = displacement("ddf", ddf), view.plane(volume("image", image).shape)
    figure, (axes,) = plane.panels(1, title)
    _underlay(axes, plane, image, view)
    spacing = torch.tensor(plane.spacing)
    put, true = (p[0].detach().cpu().float() * spacing
                 for p in (move_points(fixed_points.to(ddf), ddf), moving_points))  # fmt: skip
    ends = torch.stack([put, true], dim=1)[..., [plane.across, plane.along]].numpy()  # (N, 2, 2)
    axes.add_collection(LineCollection(list(ends), colors="white", linewidths=1.0))
    for end, colour, name in ((0, ORANGE, "by the field"), (1, BLUE, "true place")):
        axes.scatter(ends[:, end, 0], ends[:, end, 1], s=10, color=colour, label=name)
    axes.legend(fontsize=8, loc="lower right")
    plane.frame(axes)
    mean = number(float((put - true).norm(dim=-1).nanmean()))
    words = f"{title}. {plane.name}, {len(ends)} points, {mean} {plane.unit} apart on average."
    return render(figure, title, alt or words)


def draw_grid(axes: Axes, plane: Plane, ddf: Tensor, step: int | None, colour: str) -> None:
    """Every `step`-th line of the grid, in both directions."""
    step = _default_step(plane) if step is None else step
    require_count("step", step)
    places = np.moveaxis(_places(plane, ddf), 0, -1)  # (n_along, n_across, 2)
    lines = [*places[::step], *places[:, ::step].swapaxes(0, 1)]
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.8))


def describe(ddf: Tensor, plane: Plane) -> str:
    """The longest displacement and the share of folded voxels, of the whole field."""
    spacing = torch.tensor(plane.spacing).view(1, -1, *[1] * (ddf.ndim - 2))
    longest = number(float((ddf * spacing).norm(dim=1).max()))
    folded = number(100 * float((jacobian_determinant(ddf) <= 0).float().mean()))
    return f"Longest displacement {longest} {plane.unit}, folded {folded} % of the voxels."


def _underlay(axes: Axes, plane: Plane, image: Tensor | None, view: View) -> None:
    if image is not None:
        values = plane.cut("image", volume("image", image))
        low, high = view.contrast(values)
        plane.paint(axes, values, vmin=low, vmax=high)


def _default_step(plane: Plane) -> int:
    return max(1, round(max(plane.size[plane.across], plane.size[plane.along]) / 16))


def _places(plane: Plane, ddf: Tensor) -> np.ndarray:
    """`(2, n_along, n_across)`: x + ddf(x) within the plane, across first, in its unit."""
    points = (identity_grid(ddf.shape[2:]) + ddf)[0]
    axes = (plane.across, plane.along)
    return np.stack([plane.cut("ddf", points[a]) * plane.spacing[a] for a in axes])
