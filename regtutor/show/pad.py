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
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from regtutor.checks import require, require_finite, require_same_shape
from regtutor.metrics import DiceMetric, target_registration_error
from regtutor.show.images import overlay
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.picture import Picture, number
from regtutor.show.plane import MIDDLE, Plane, View, displacement, volume


class FieldPad(Live):
    """A plane pair and the field that a hand gives it. Made by `field_pad`."""

    _esm = widget_script("field", "pad")
    field = traitlets.Bytes().tag(sync=True, from_json=lambda value, widget: bytes(value))

    def __init__(self, data: dict[str, Any], poster: Picture) -> None:
        super().__init__(data, poster)
        self.field = bytes(8 * data["size"][0] * data["size"][1])

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
        return {**self.data, "field": base64.b64encode(self.field).decode("ascii")}


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
    alt = alt or f"{title}. {_words(plane, labels, points)}"
    outlined = dict(zip(("fixed_label", "warped_label"), labels, strict=False))
    return FieldPad(data, overlay(fixed, moving, **outlined, view=view, title=title, alt=alt))


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


def _words(plane: Plane, labels: list[Tensor], points: list[Tensor]) -> str:
    """What the still picture shows, and the score to beat."""
    words = [f"{plane.name}, the moving one in blue over the fixed one in orange, to be dragged."]
    if labels:
        words.append(f"Doing nothing: Dice {number(float(DiceMetric()(*labels[::-1]).nanmean()))}.")
    if points:
        fixed, moving = points
        errors = target_registration_error(fixed, moving, ddf=None, spacing=plane.spacing)
        words.append(f"Landmarks are {number(float(errors.mean()))} {plane.unit} apart.")
    return " ".join(words)
