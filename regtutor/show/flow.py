"""A velocity to be followed by hand: how finely, how fast, and backwards. Used in notebook 11.

The page holds one image and one velocity, and does the scaling and squaring itself:

    u₀ = s v / 2ⁿ,   u ← u + u(x + u(x)), n times

with n and the speed s on sliders. At n = 0 the velocity is taken for a displacement.

Convention: dvf in voxels of the grid per unit of time, channel k along axis k; borders extend.
"""

from __future__ import annotations

import base64
from typing import Any

from torch import Tensor

from regtutor.checks import require, require_count, require_field, require_finite
from regtutor.deformation import exp
from regtutor.metrics import folding_fraction
from regtutor.show.fields import draw_grid
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.picture import BLUE, Picture, number, render
from regtutor.show.plane import MIDDLE, Plane, View, displacement, volume

_MOST = 10


class Flow(Live):
    """A plane image and a velocity. Made by `flow`."""

    _esm = widget_script("field", "flow")


def flow(
    moving: Tensor,
    dvf: Tensor,
    *,
    num_steps: int = 7,
    view: View = MIDDLE,
    title: str = "One velocity, followed more or less finely",
    alt: str | None = None,
) -> Flow:
    """Slide from no squaring to `num_steps`, and from backwards to full speed.

    Args:
        moving: `(1, 1, H, W)`, the image that is pulled.
        dvf: `(1, 2, H, W)`, voxels per unit of time.
        num_steps: the most squarings, up to 10; the page begins with none.
        view: its spacing and window.

    Raises:
        ValueError: not a plane image and a velocity on its grid, NaN, or more steps than 10.
    """
    image, dvf = volume("moving", moving), displacement("dvf", dvf)
    size = tuple(image.shape)
    plain = len(size) == 2 and min(size) > 2
    require(plain, "moving", "a plane image of 3 or more voxels a side", size, "Cut a slice.")
    require_field("dvf", dvf, size=size)
    require_finite("moving", image)
    require_finite("dvf", dvf)
    require_count("num_steps", num_steps)
    require(num_steps <= _MOST, "num_steps", f"at most {_MOST}", num_steps)
    plane = view.plane(size)
    cut = plane.cut("moving", image)
    field = dvf.contiguous().numpy().astype("<f4").tobytes()
    data: dict[str, Any] = {
        "title": title,
        "size": list(size),
        "spacing": list(plane.spacing),
        "moving": pack(cut[None], *view.contrast(cut)),
        "dvf": base64.b64encode(field).decode("ascii"),
        "most": num_steps,
    }
    return Flow(data, _poster(dvf, num_steps, plane, title, alt))


def _poster(dvf: Tensor, num_steps: int, plane: Plane, title: str, alt: str | None) -> Picture:
    """The grid by no squaring and by all, and what is folded by each number in words."""
    fields = {0: dvf} | {n: exp(dvf, n) for n in range(1, num_steps + 1)}
    folded = {n: number(100 * folding_fraction(ddf).item()) for n, ddf in fields.items()}
    figure, axes = plane.panels(2, title)
    for place, n in zip(axes, (0, num_steps), strict=True):
        draw_grid(place, plane, fields[n], None, BLUE)
        plane.frame(place, f"num_steps = {n}: {folded[n]} % folded", labelled=n == 0)
    told = ", ".join(f"{n}: {share} %" for n, share in folded.items())
    words = f"{title}. {plane.name}. Folded voxels by num_steps: {told}. The grid is drawn for 0 "
    return render(figure, title, alt or f"{words}and {num_steps}.")
