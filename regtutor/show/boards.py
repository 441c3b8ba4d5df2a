"""Several views of one pair on a board, and pictures that blink.

Used from notebook 01 on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from regtutor.checks import require
from regtutor.show.fields import draw_grid
from regtutor.show.images import draw_overlay, outline, slices
from regtutor.show.picture import BLUE, ORANGE, Picture, animate, new_figure, number, render
from regtutor.show.plane import MIDDLE, View, displacement, volume

_BELOW = ("fixed and moving", "fixed and warped", "grid, read at x + ddf(x)")


def before_after(
    fixed: Tensor,
    moving: Tensor,
    warped: Tensor,
    ddf: Tensor,
    *,
    fixed_label: Tensor | None = None,
    moving_label: Tensor | None = None,
    warped_label: Tensor | None = None,
    view: View = MIDDLE,
    title: str = "One pair, before and after",
    alt: str | None = None,
) -> Picture:
    """Fixed, moving, warped; the overlay before, the overlay after, the grid.

    Args:
        fixed, moving, warped: `(1, 1, *spatial)` on one grid.
        ddf: `(1, d, *spatial)`, voxels.
        fixed_label, moving_label, warped_label: `(1, K, *spatial)`, outlined: the fixed one in
            solid orange, the others in dashed blue.
    """
    images = {"fixed": fixed, "moving": moving, "warped": warped}
    plane = view.plane(volume("fixed", fixed).shape)
    cuts = {name: plane.cut(name, volume(name, image)) for name, image in images.items()}
    low, high = view.contrast(*cuts.values())
    figure, axes = plane.panels(6, title, columns=3)
    for place, values in enumerate(cuts.values()):
        plane.paint(axes[place], values, vmin=low, vmax=high)
    draw_overlay(axes[3], plane, cuts["fixed"], cuts["moving"], (low, high))
    draw_overlay(axes[4], plane, cuts["fixed"], cuts["warped"], (low, high))
    draw_grid(axes[5], plane, displacement("ddf", ddf), None, BLUE)
    for place in (0, 3, 4):
        outline(axes[place], plane, fixed_label, ORANGE)
    for label, places in ((moving_label, (1, 3)), (warped_label, (2, 4))):
        for place in places:
            outline(axes[place], plane, label, BLUE)
    for place, name in enumerate((*cuts, *_BELOW)):
        plane.frame(axes[place], name, labelled=place == 0)
    before, after = (
        number(100 * float(abs(cuts[name] - cuts["fixed"]).mean()) / (high - low))
        for name in ("moving", "warped")
    )
    words = (
        f"{title}. {plane.name}; above: {', '.join(cuts)}; below: {', '.join(_BELOW)}. "
        f"Mean absolute difference {before} % of the window before, {after} % after."
    )
    return render(figure, title, alt or words)


def planes(
    image: Tensor,
    *,
    label: Tensor | None = None,
    view: View = MIDDLE,
    title: str = "Three planes of a volume",
    alt: str | None = None,
) -> Picture:
    """A volume from the side, from the front and from below, to one scale.

    Args:
        image: `(1, 1, *spatial)`, 3-D.
        label: `(1, K, *spatial)`, outlined.
        view: its index holds on its own axis; the other two are cut in the middle.
    """
    values = volume("image", image)
    require(values.ndim == 3, "image", "a volume (1, 1, H, W, D)", tuple(image.shape))
    chosen = view.plane(values.shape)
    three = [
        View(view.spacing, axis, chosen.index if axis == chosen.axis else None).plane(values.shape)
        for axis in range(3)
    ]
    low, high = view.contrast(values.numpy())
    wide = [float(np.ptp(plane.edges(plane.across))) for plane in three]
    tall = [float(np.ptp(plane.edges(plane.along))) for plane in three]
    inches = min(8.0 / sum(wide), 4.0 / max(tall))  # a unit of length
    figure = new_figure(inches * sum(wide) + 1.8, inches * max(tall) + 1.0, title)
    for place, plane in zip(figure.subplots(1, 3, width_ratios=wide), three, strict=True):
        plane.paint(place, plane.cut("image", values), vmin=low, vmax=high)
        outline(place, plane, label, ORANGE)
        plane.frame(place, plane.name)
    names = ", ".join(plane.name for plane in three)
    words = f"{title}. {names}; black at {number(low)}, white at {number(high)}."
    return render(figure, title, alt or words)


def blink(
    images: Mapping[str, Tensor],
    *,
    labels: Mapping[str, Tensor] | None = None,
    view: View = MIDDLE,
    seconds: float = 0.8,
    title: str = "Blinking",
    alt: str | None = None,
) -> Picture:
    """The same slice of several images, one after the other: what moves is not registered.

    Args:
        images: name → `(1, 1, *spatial)` on one grid.
        labels: name → the label of that image, outlined.
        seconds: how long each is seen.
    """
    plane = view.plane(volume("images", next(iter(images.values()))).shape)
    cuts = [plane.cut(name, volume(name, image)) for name, image in images.items()]
    same = View(view.spacing, view.axis, view.index, view.contrast(*cuts))
    frames = [slices({name: image}, labels=labels, view=same, title=title)
              for name, image in images.items()]  # fmt: skip
    words = f"{title}: {plane.name}, {', then '.join(images)}, and again."
    return animate(frames, seconds=seconds, alt=alt or words)
