"""A pair to bend by hand: what a deformation field is, found out by making one.

A push of the picture from p to q is a small field of its own, composed onto the one before it:

    w(x) = −(q − p) exp(−2 |x − q|² / R²),    ddf ← w + ddf(x + w)

so what was under the finger is under it still. A push longer than 0.82 R folds; pushed in small
steps, one composed onto the other, it does not. Used in notebook 01, taught in 03.

Convention: ddf in voxels of the fixed grid, channel k along axis k; it pulls, so it points against
the push. Bilinear, borders extend; a label counts where it is above ½ after warping.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from regtutor.checks import require, require_finite, require_same_shape
from regtutor.deformation import Warp
from regtutor.metrics import DiceMetric, target_registration_error
from regtutor.show.images import overlay
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.picture import Picture, number
from regtutor.show.plane import MIDDLE, Plane, View, displacement, volume

_warp = Warp(padding_mode="border")


class FieldPad(Live):
    """A plane pair and the field that a hand gives it. Made by `field_pad`."""

    _esm = widget_script("field", "pad")
    field = traitlets.Bytes().tag(sync=True, from_json=lambda value, widget: bytes(value))

    def __init__(self, data: dict[str, Any], draw: Callable[[Tensor], Picture]) -> None:
        super().__init__(data, draw(torch.zeros(1, 2, *data["size"])))
        self.field = bytes(8 * data["size"][0] * data["size"][1])
        self._draw = draw

    @property
    def ddf(self) -> Tensor:
        """What the page shows: `(1, 2, H, W)`, float32, voxels. Set it, and the page shows that."""
        values = np.frombuffer(self.field, dtype="<f4").reshape(1, 2, *self.data["size"])
        return torch.from_numpy(values.astype(np.float32))

    @ddf.setter
    def ddf(self, ddf: Tensor) -> None:
        ddf = displacement("ddf", ddf)
        require_same_shape("ddf", ddf, "the pad's field", self.ddf)
        require_finite("ddf", ddf)
        self.field = ddf.contiguous().numpy().astype("<f4").tobytes()

    def stored(self) -> dict[str, Any]:
        """The data, and the field unless it is zero."""
        if not self.ddf.any():
            return self.data
        field = base64.b64encode(self.field).decode("ascii")
        return {**self.data, "alt": self.poster.alt, "field": field}

    def to_html(self) -> str:
        """As the field is now, the poster too."""
        self.poster = self._draw(self.ddf)
        return super().to_html()


@dataclass(frozen=True)
class _Pair:
    """What a poster is drawn from: images `(H, W)`; labels, points: (fixed, moving), or none."""

    fixed: Tensor
    moving: Tensor
    labels: list[Tensor]
    points: list[Tensor]
    plane: Plane
    view: View


def field_pad(
    fixed: Tensor,
    moving: Tensor,
    *,
    fixed_label: Tensor | None = None,
    moving_label: Tensor | None = None,
    fixed_points: Tensor | None = None,
    moving_points: Tensor | None = None,
    view: View = MIDDLE,
    title: str = "Bend the moving image onto the fixed one",
    alt: str | None = None,
) -> FieldPad:
    """Drag the picture, and see the field, what it does to area, and how well it scores.

    With a kernel, `pad.ddf` is the field on the page as soon as the finger is lifted.

    Args:
        fixed, moving: `(1, 1, H, W)` on one grid.
        fixed_label, moving_label: `(1, K, H, W)`, 0 and 1, outlined and scored by Dice (the mean
            over K).
        fixed_points, moving_points: `(1, N, 2)`, voxels, scored by their mean distance.
        view: its spacing and window; without a spacing lengths are counted in voxels.

    Raises:
        ValueError: not a plane pair of one grid, or a label or points without the other's.
    """
    planes = {"fixed": volume("fixed", fixed), "moving": volume("moving", moving)}
    size = tuple(planes["fixed"].shape)
    plain = len(size) == 2 and min(size) > 2
    require(plain, "fixed", "a plane image of 3 or more voxels a side", size, "Cut a slice.")
    plane = view.plane(size)
    cuts = {name: plane.cut(name, image) for name, image in planes.items()}
    low, high = view.contrast(*cuts.values())
    labels = _labels(size, fixed_label=fixed_label, moving_label=moving_label)
    points = _points(fixed_points=fixed_points, moving_points=moving_points)
    data: dict[str, Any] = {
        "title": title,
        "size": list(size),
        "spacing": list(plane.spacing),
        "unit": plane.unit,
        **{name: pack(cut[None], low, high) for name, cut in cuts.items()},
        "labels": [pack(label[0].numpy(), 0, 1) for label in labels],
        "points": [[[round(x, 4) for x in row] for row in p[0].tolist()] for p in points],
    }
    pair = _Pair(planes["fixed"], planes["moving"], labels, points, plane, view)
    return FieldPad(data, partial(_poster, pair, title=title, alt=alt))


def _both(**pair: Tensor | None) -> dict[str, Tensor]:
    """The fixed one and the moving one, off the graph; or neither."""
    given = {name: t.detach().cpu().float() for name, t in pair.items() if t is not None}
    require(len(given) != 1, " and ".join(pair), "both or neither", f"{[*given]} alone")
    if given:
        (first, a), (second, b) = given.items()
        require_same_shape(second, b, first, a)
    return given


def _labels(size: tuple[int, ...], **pair: Tensor | None) -> list[Tensor]:
    """Both, on the grid, of 0 and 1 and not empty; or neither."""
    labels = _both(**pair)
    for name, label in labels.items():
        fits = label.ndim == 4 and len(label) == 1 and tuple(label.shape[2:]) == size
        require(fits, name, f"(1, K, {size[0]}, {size[1]})", tuple(label.shape))
        require(bool(((label == 0) | (label == 1)).all()), name, "0 and 1", "other values")
        require(bool(label.any()), name, "a voxel inside it", "none")
    return [*labels.values()]


def _points(**pair: Tensor | None) -> list[Tensor]:
    """The rows that are known in both images, for NaN pads the others; or neither."""
    points = _both(**pair)
    for name, places in points.items():
        fits = places.ndim == 3 and len(places) == 1 and places.shape[-1] == 2
        require(fits, name, "(1, N, 2), voxels", tuple(places.shape))
    if not points:
        return []
    known = ~torch.cat([*points.values()], dim=-1).isnan().any(-1)  # (1, N)
    require(bool(known.any()), " and ".join(points), "a row known in both images", "none")
    return [places[known][None] for places in points.values()]


def _poster(pair: _Pair, ddf: Tensor, *, title: str, alt: str | None) -> Picture:
    """The moving image, bent, over the fixed one; the score to beat, and what it is now."""
    words = [
        pair.plane.name + ", the moving one in blue over the fixed one in orange, to be dragged."
    ]
    told = {"Doing nothing": torch.zeros_like(ddf), **({"Bent as here": ddf} if ddf.any() else {})}
    words += [f"{name}: {said}" for name, field in told.items() if (said := _scores(pair, field))]
    fixed_label, moving_label = pair.labels or (None, None)
    return overlay(
        pair.fixed,
        _warp(pair.moving[None, None], ddf),
        fixed_label=fixed_label,
        warped_label=None if moving_label is None else _warp(moving_label, ddf),
        view=pair.view,
        title=title,
        alt=alt or f"{title}. {' '.join(words)}",
    )


def _scores(pair: _Pair, ddf: Tensor) -> str:
    words = []
    if pair.labels:
        fixed, moving = pair.labels
        dice = DiceMetric()((_warp(moving, ddf) > 0.5).float(), fixed).nanmean()
        words.append(f"Dice {number(float(dice))}.")
    if pair.points:
        fixed, moving = pair.points
        errors = target_registration_error(fixed, moving, ddf=ddf, spacing=pair.plane.spacing)
        words.append(f"Landmarks are {number(float(errors.mean()))} {pair.plane.unit} apart.")
    return " ".join(words)
