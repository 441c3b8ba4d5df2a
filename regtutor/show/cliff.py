"""A frozen method on data that drift away from what it has learned: where does it fall?

Each shift has amounts, each amount a trial: the fixed image, what every method makes of the moving
one, and the scores. All is computed beforehand, in Python; the page shows one trial at a time as
overlays, one a method, and a curve over the amounts. The first method is doing nothing, the dashed
line; methods after the second are shown when they are ticked. Used in notebook 13.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor
from torch.nn import functional as F

from regtutor.checks import require, require_same_shape
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.picture import BLUE, INK, ORANGE, Picture, new_figure, number, render
from regtutor.show.plane import MIDDLE, Plane, View, volume

_LOOKS = ((INK, "--"), (BLUE, "-"), (ORANGE, "-"), ("#8c3a1f", "-"))  # as in scripts/cliff.js


@dataclass(frozen=True)
class Trial:
    """One amount of a shift.

    Attributes:
        amount: the words beside the slider, as "20°".
        fixed: `(1, 1, H, W)`.
        warped: method → `(1, 1, H, W)`; the first method is doing nothing, so the moving image.
        scores: method → score → its value; the first score is drawn as a curve, lower is better.
    """

    amount: str
    fixed: Tensor
    warped: Mapping[str, Tensor]
    scores: Mapping[str, Mapping[str, float]]


class Cliff(Live):
    """Shifts on sliders. Made by `cliff`."""

    _esm = widget_script("chart", "cliff")


def cliff(
    shifts: Mapping[str, Sequence[Trial]],
    *,
    view: View = MIDDLE,
    title: str = "Where does it fall?",
    alt: str | None = None,
) -> Cliff:
    """Choose a shift and push its slider: overlays, scores, and the curve that they lie on.

    Args:
        shifts: name → its trials, from none to much, two or more.
        view: spacing and window. An image on another grid is shown on the first trial's.

    Raises:
        ValueError: no shift, fewer than two trials, other methods or scores than the first has, a
            score that is not finite, a volume.
    """
    require(len(shifts) > 0, "shifts", "at least one", "none")
    first = next(iter(shifts.values()))[0]
    methods, scores = list(first.warped), list(next(iter(first.scores.values())))
    require(2 <= len(methods) <= len(_LOOKS), "warped", f"2 to {len(_LOOKS)} methods", methods)
    size = volume("fixed", first.fixed).shape
    require(len(size) == 2, "fixed", "a plane image (1, 1, H, W)", tuple(first.fixed.shape))
    plane, window, images = view.plane(size), view.window or (0.0, 1.0), _Images(view.plane(size))
    told = [_pack(name, trials, methods, scores, images) for name, trials in shifts.items()]
    data: dict[str, Any] = {
        "title": title,
        "spacing": list(plane.spacing),
        "methods": methods,
        "scores": scores,
        "shifts": told,
        "images": pack(np.stack(images.kept), *window, quality=70),
    }
    return Cliff(data, _poster(told, methods, scores[0], title, alt))


class _Images:
    """Each image once, on the first one's grid."""

    def __init__(self, plane: Plane) -> None:
        self.plane, self.kept = plane, list[np.ndarray]()

    def keep(self, name: str, image: Tensor) -> int:
        """Its place among those that are kept."""
        values, size = volume(name, image), [self.plane.size[k] for k in (0, 1)]
        if list(values.shape) != size:
            how: dict[str, Any] = {"mode": "bilinear", "antialias": True}
            values = F.interpolate(values[None, None], size=size, **how)[0, 0]
        cut = values.numpy()
        for place, one in enumerate(self.kept):
            if np.array_equal(one, cut):
                return place
        self.kept.append(cut)
        return len(self.kept) - 1


def _pack(
    name: str, trials: Sequence[Trial], methods: list[str], scores: list[str], images: _Images
) -> dict[str, Any]:
    """One shift: its words, its pictures by place, its scores."""
    require(len(trials) >= 2, name, "two trials or more", len(trials))
    for trial in trials:
        require(list(trial.warped) == methods, name, f"the methods {methods}", list(trial.warped))
        given = {m: {s: float(v) for s, v in trial.scores.get(m, {}).items()} for m in methods}
        good = all(
            list(g) == scores and all(map(math.isfinite, g.values())) for g in given.values()
        )
        require(good, name, f"finite {', '.join(scores)} of every method", given)
        for image in trial.warped.values():
            require_same_shape("warped", image, "fixed", trial.fixed)
    return {
        "name": name,
        "amounts": [trial.amount for trial in trials],
        "fixed": [images.keep("fixed", trial.fixed) for trial in trials],
        "warped": [[images.keep(m, t.warped[m]) for t in trials] for m in methods],
        "values": [
            [[float(f"{t.scores[m][s]:.4g}") for t in trials] for s in scores] for m in methods
        ],
    }


def _poster(
    told: list[dict[str, Any]], methods: list[str], score: str, title: str, alt: str | None
) -> Picture:
    """A small curve for every shift, and all of its numbers in words."""
    columns = min(4, len(told))
    rows = -(-len(told) // columns)
    figure = new_figure(2.4 * columns + 0.4, 2.3 * rows + 0.7, title)
    axes: list[Axes] = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for spare in axes[len(told) :]:
        spare.set_axis_off()
    words = [title if title.endswith("?") else f"{title}."]
    for place, shift in zip(axes, told, strict=False):
        for (colour, dash), method, values in zip(_LOOKS, methods, shift["values"], strict=False):
            place.plot(range(len(values[0])), values[0], dash, color=colour, label=method)
            listed = ", ".join(map(number, values[0]))
            words.append(f"{shift['name']}, {method}: {score} {listed}.")
        words.insert(-len(methods), f"{shift['name']} from {shift['amounts'][0]} to "
                     f"{shift['amounts'][-1]}.")  # fmt: skip
        place.set_title(shift["name"], fontsize=10)
        place.set_xticks(range(len(shift["amounts"])), shift["amounts"], fontsize=7, rotation=40)
        place.set_ylim(bottom=0)
        place.tick_params(axis="y", labelsize=8)
    for place in axes[: len(told) : columns]:
        place.set_ylabel(score, fontsize=8)
    axes[0].legend(fontsize=7)
    return render(figure, title, alt or " ".join(words))
