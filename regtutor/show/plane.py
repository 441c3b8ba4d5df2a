"""Which part of a grid is looked at: all of it in 2-D, one slice of it in 3-D; and how it lies.

Convention: a volume's axes i, j, k run to the patient's left, back and head, and the patient is
shown upright and facing us, as in radiology. A plane image's axis 0 runs down, axis 1 right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from regtutor.checks import require, require_choice
from regtutor.show.picture import new_figure

_NAMES = ("Sagittal", "Coronal", "Axial")
_TOWARDS = ("i, to the left", "j, to the back", "k, to the head")


@dataclass(frozen=True)
class View:
    """How to look, said once for many pictures: `view = show.View(spacing=pair.spacing)`.

    Attributes:
        spacing: mm along each axis; without it lengths are counted in voxels.
        axis: the axis of a volume that the slice stands across: 0 sagittal, 1 coronal (the
            default), 2 axial.
        index: which slice; by default the middle one.
        window: (low, high), the intensities shown black and white; by default the smallest and
            the largest in the picture.
    """

    spacing: Sequence[float] | Tensor | None = None
    axis: int | None = None
    index: int | None = None
    window: tuple[float, float] | None = None

    def plane(self, size: Sequence[int]) -> Plane:
        """This view of a grid of the given size."""
        d = len(size)
        axis, index = (1 if self.axis is None else self.axis), self.index
        if d == 3:
            require_choice("axis", axis, (0, 1, 2))
            index = size[axis] // 2 if index is None else index
            require(0 <= index < size[axis], "index", f"0 to {size[axis] - 1}", index)
        else:
            require(self.axis is None and index is None, "axis, index", "None in 2-D", self)
        unit = "voxels" if self.spacing is None else "mm"
        spacing = torch.ones(d) if self.spacing is None else torch.as_tensor(self.spacing).flatten()
        require(len(spacing) == d, "spacing", f"{d} numbers in mm", spacing.tolist())
        return Plane(tuple(size), tuple(spacing.tolist()), unit, axis if d == 3 else None, index)

    def contrast(self, *values: np.ndarray) -> tuple[float, float]:
        """The window, or from the smallest to the largest value; never empty."""
        if self.window is not None:
            return self.window
        low, high = float(min(v.min() for v in values)), float(max(v.max() for v in values))
        return low, high if high > low else low + 1


MIDDLE = View()


@dataclass(frozen=True)
class Plane:
    """A slice of one grid, laid out for the eye. Made by `View.plane`.

    Attributes:
        size, spacing, unit: of the whole grid; spacing counts in the unit, "mm" or "voxels".
        axis, index: where the slice is; None in 2-D.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    unit: str
    axis: int | None
    index: int | None

    @property
    def along(self) -> int:
        """The axis that runs up or down: up if it is the one to the head."""
        return 0 if self.axis is None else 1 + int(self.axis != 2)

    @property
    def across(self) -> int:
        """The axis that runs to the right."""
        return 1 if self.axis is None else int(self.axis == 0)

    @property
    def name(self) -> str:
        """In words."""
        if self.axis is None:
            return f"Image of {self.size[0]} by {self.size[1]} voxels"
        return f"{_NAMES[self.axis]} slice {self.index} of {self.size[self.axis]}"

    def cut(self, name: str, image: Tensor) -> np.ndarray:
        """`(*size)` → `(n_along, n_across)`."""
        expected = f"the grid {self.size} of the first image"
        require(tuple(image.shape) == self.size, name, expected, tuple(image.shape))
        flat = image if self.axis is None else image.select(self.axis, self.index)  # type: ignore[arg-type]
        return (flat if self.along < self.across else flat.T).numpy()

    def edges(self, axis: int) -> tuple[float, float]:
        """The outer faces of the first and last voxel; centres lie at multiples of the spacing."""
        return -0.5 * self.spacing[axis], (self.size[axis] - 0.5) * self.spacing[axis]

    def centres(self, axis: int) -> np.ndarray:
        """The places of the voxels along an axis."""
        return np.arange(self.size[axis]) * self.spacing[axis]

    def paint(self, axes: Axes, values: np.ndarray, **colours: Any) -> Any:
        """matplotlib's `imshow`, at this plane's lengths and the right way up."""
        far = self.edges(self.along)
        extent = (*self.edges(self.across), *(far if self.along == 2 else far[::-1]))
        origin = "lower" if self.along == 2 else "upper"
        colours = {"cmap": "gray", **colours}
        return axes.imshow(values, extent=extent, origin=origin, interpolation="nearest", **colours)  # type: ignore[arg-type]

    def contour(self, axes: Axes, values: np.ndarray, level: float, **look: Any) -> None:
        """The line where the values cross a level, if they do."""
        if values.min() < level < values.max():
            places = self.centres(self.across), self.centres(self.along)
            axes.contour(*places, values, [level], **look)

    def frame(self, axes: Axes, title: str = "", labelled: bool = True) -> None:
        """Limits, true proportions, a name; lengths on the axes only where `labelled`."""
        axes.set_title(title, fontsize=10)
        axes.set_aspect("equal")
        axes.set_xlim(*self.edges(self.across))
        far = self.edges(self.along)
        axes.set_ylim(*(far if self.along == 2 else far[::-1]))
        axes.tick_params(labelsize=8)
        if not labelled:
            axes.set(xticks=[], yticks=[])
            return
        names = ("axis 0", "axis 1") if self.axis is None else _TOWARDS
        axes.set_xlabel(f"{names[self.across]} ({self.unit})", fontsize=8)
        axes.set_ylabel(f"{names[self.along]} ({self.unit})", fontsize=8)

    def panels(
        self, count: int, title: str, columns: int = 4, beside: float = 0.0
    ) -> tuple[Figure, list[Axes]]:
        """A figure with `count` equal panels in the proportions of this plane.

        Args:
            columns: at most so many in a row.
            beside: inches to leave free on the right, for a colour bar.
        """
        columns = min(columns, count)
        rows = -(-count // columns)
        (top, bottom), (left, right) = self.edges(self.along), self.edges(self.across)
        width = min(8.4 / columns, 3.6)
        height = min(width * abs(bottom - top) / abs(right - left), 4.5)
        figure = new_figure(
            width=width * columns + 0.6 + beside, height=(height + 0.3) * rows + 0.7, title=title
        )
        axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
        for spare in axes[count:]:
            spare.set_axis_off()
        return figure, axes[:count]


def volume(name: str, image: Tensor) -> Tensor:
    """`(1, 1, *spatial)`, `(1, *spatial)` or `(*spatial)` → `(*spatial)`, float, off the graph."""
    require(isinstance(image, Tensor), name, "a tensor", type(image).__name__)
    given = tuple(image.shape)
    while image.ndim > 2 and len(image) == 1:
        image = image[0]
    require(image.ndim in (2, 3), name, "one image (1, 1, *spatial)", given, "Pick one: batch[:1].")
    return image.detach().cpu().float()


def displacement(name: str, field: Tensor) -> Tensor:
    """`(1, d, *spatial)` or `(d, *spatial)` → `(1, d, *spatial)`, float, off the graph."""
    require(isinstance(field, Tensor), name, "a tensor", type(field).__name__)
    given = tuple(field.shape)
    if len(field) == field.ndim - 1:
        field = field[None]
    fits = field.ndim in (4, 5) and len(field) == 1 and field.shape[1] == field.ndim - 2
    require(fits, name, "one field (1, d, *spatial)", given, "Pick one: batch[:1].")
    return field.detach().cpu().float()
