"""A training watched while it runs, kept as a scrubber over its epochs.

    monitor = show.monitor(nothing=nothing, image=pair["moving_image"], view=view)
    for record in fit(…):
        monitor.add(record, ddf=predict(network, pair).ddf)
    monitor

The first `add` opens the live picture under the cell; `monitor`, last in the cell, puts the one
that is stored in its place. Each message to the page is the whole, so a page that is late misses
nothing; it stays small, for a field is sent as the nodes of the grid that is drawn, a byte a
component. Used in notebook 08.

Convention: ddf `(1, d, *spatial)` in voxels of the fixed grid; the grid is drawn at x + ddf(x), on
the moving image.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import traitlets
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from torch import Tensor

from regtutor.checks import require, require_finite
from regtutor.show.fields import grid
from regtutor.show.history import SCORES, Record, curves, scores_of, terms_of
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.picture import BLUE, CYCLE, ORANGE, Picture, stack
from regtutor.show.plane import MIDDLE, Plane, View, displacement, volume

LINES, FIELDS = 32, 100  # at most so many grid lines in a direction, and so many fields
PAUSE = 0.1  # seconds between two messages: a page cannot be seen to move faster


def monitor(
    *,
    nothing: Record | None = None,
    image: Tensor | None = None,
    view: View = MIDDLE,
    title: str = "Training, epoch by epoch",
) -> Monitor:
    """Loss terms, scores and the grid of one validation pair, live while `fit` runs.

    Args:
        nothing: the scores of doing nothing, `validate(DoNothing(), loader)`: the dashed line.
        image: the moving image of that pair, `(1, 1, *spatial)`, under the grid.
        view: which slice of it.

    Returns:
        What takes one record an epoch, `add(record, ddf=…)`, and is shown last in the cell.
    """
    return Monitor(nothing or {}, image, view, title)


class Monitor(Live):
    """Made by `monitor`.

    Attributes:
        history: the records so far, as `curves` takes them.
    """

    _esm = widget_script("chart", "monitor")
    fields = traitlets.Bytes().tag(sync=True)

    def __init__(self, nothing: Record, image: Tensor | None, view: View, title: str) -> None:
        super().__init__({}, Picture(b"", title, f"{title}: no epoch yet."))
        self.history: list[Record] = []
        self._nothing, self._view, self._title = nothing, view, title
        self._image = None if image is None else volume("image", image)
        self._kept: list[tuple[int, float, np.ndarray]] = []  # place in history, longest, bytes
        self._plane: Plane | None = None
        self._layout: dict[str, Any] = {}
        self._last: Tensor | None = None
        self._opened: Any = None
        self._sent = -math.inf

    def add(self, record: Record, ddf: Tensor | None = None) -> None:
        """One more epoch; about a millisecond.

        Args:
            record: from `fit`: "epoch", "loss", the terms, the scores.
            ddf: the field of the validation pair now, `(1, d, *spatial)`, voxels. Without it the
                last one stays; a resumed training's first records have none of their own.
        """
        for name in ("epoch", "loss"):
            require(name in record, "record", f"the key {name!r}", sorted(record))
        if ddf is not None:
            self._keep(displacement("ddf", ddf))
        self.history.append(dict(record))
        if time.monotonic() - self._sent > PAUSE:
            self._tell()
        if self._opened is None and InteractiveShell.initialized():
            live, _ = super(Live, self)._repr_mimebundle_()  # type: ignore[misc]
            del live["text/plain"]  # a notebook keeps none of this output: see `bake`
            self._opened = display(live, raw=True, display_id=True)

    def _tell(self) -> None:
        """All there is, as one message."""
        shown = self._chosen()
        with self.hold_sync():
            self.fields = b"".join(steps.tobytes() for *_, steps in shown)
            self.data = self._state(shown)
        self._sent = time.monotonic()

    def _keep(self, ddf: Tensor) -> None:
        """The in-plane displacement at the nodes of the drawn grid, in 127 steps to either side."""
        require_finite("ddf", ddf)
        plane = self._plane = self._plane or self._view.plane(ddf.shape[2:])
        self._layout = self._layout or self._laid_out(plane)
        every = slice(None, None, self._layout["every"])
        within = [plane.cut("ddf", ddf[0, a])[every, every] for a in (plane.across, plane.along)]
        moved = np.stack(within)  # (2, rows, columns)
        longest = float(np.abs(moved).max())
        steps = np.rint(moved * (127 / (longest or 1))).astype(np.int16) + 128
        self._kept.append((len(self.history), longest, steps.astype(np.uint8)))
        self._last = ddf

    def _laid_out(self, plane: Plane) -> dict[str, Any]:
        """What the page has to know of the slice, once."""
        rows, columns = plane.size[plane.along], plane.size[plane.across]
        every = -(-max(rows, columns) // LINES)
        where = "" if self._image is None else ", on the moving image"
        layout = {
            "words": f"{plane.name}: a line of the fixed grid every {every} voxels, where "
            f"it is read, at x + ddf(x){where}.",
            "size": [rows, columns],
            "spacing": [plane.spacing[plane.along], plane.spacing[plane.across]],
            "upwards": plane.along == 2,
            "every": every,
            "nodes": [-(-rows // every), -(-columns // every)],
            "colour": BLUE if self._image is None else ORANGE,
        }
        if self._image is not None:
            values = plane.cut("image", self._image)
            layout["image"] = pack(values[None], *self._view.contrast(values), quality=90)
        return layout

    def _chosen(self) -> list[tuple[int, float, np.ndarray]]:
        """At most `FIELDS` of the fields, evenly spread, the newest always among them."""
        every = -(-len(self._kept) // FIELDS) or 1
        return self._kept[::-every][::-1]

    def _state(self, shown: list[tuple[int, float, np.ndarray]]) -> dict[str, Any]:
        """All that the page shows but the fields."""
        scores = {
            name: {"label": SCORES[name], "nothing": _short(self._nothing.get(name))}
            for name in scores_of(self.history)
        }
        terms = terms_of(self.history)
        names = ("epoch", "loss", *terms, *scores)
        return {
            "title": self._title,
            "terms": dict(zip(terms, CYCLE * len(terms), strict=False)),
            "scores": scores,
            "values": {name: [_short(r.get(name)) for r in self.history] for name in names},
            "layout": self._layout,
            "shown": [[place, _short(longest)] for place, longest, _ in shown],
            "alt": self._title,
        }

    def stored(self) -> dict[str, Any]:
        """All epochs, the fields as one picture file."""
        shown = self._chosen()
        packed = pack(np.concatenate([steps for *_, steps in shown]), 0, 255) if shown else None
        return {**self._state(shown), "fields": packed, "alt": self.poster.alt}

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is stored; the live picture makes room for it."""
        if not self.history:
            return {"text/plain": repr(self)}, {}
        if self._opened is not None:
            self._opened.update({}, raw=True)
            self._opened = None
        self.poster = self._poster()
        still, metadata = self.poster._repr_mimebundle_()
        return {**still, "text/html": self.to_html()}, metadata

    def _poster(self) -> Picture:
        """Curves over all epochs, and the last grid."""
        pictures = [curves(self.history, nothing=self._nothing, title=self._title)]
        if self._last is not None:
            last = "The validation pair's grid at the last epoch"
            pictures.append(grid(self._last, image=self._image, view=self._view, title=last))
        return stack(pictures)


def _short(value: float | None) -> float | None:
    """Four digits; None for what is not there or not a number, for JSON has no NaN."""
    return float(f"{value:.4g}") if value is not None and math.isfinite(value) else None
