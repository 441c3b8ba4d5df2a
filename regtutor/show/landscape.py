"""One image slid over another by hand, and what five losses say to it. Used in notebook 04.

Every curve is computed beforehand, in Python, by the losses that are given: for each shift and each
set of switches. The page moves the picture, marks the place on every curve, shades the capture
ranges, and lets the picture fall down a curve until it rests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regtutor.checks import require
from regtutor.deformation import Warp
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.picture import Picture
from regtutor.show.plane import MIDDLE, View, volume
from regtutor.show.profiles import capture_range, profiles

Pair = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
_MOST = 4


class Landscape(Live):
    """An image to be slid over another. Made by `landscape`."""

    _esm = widget_script("chart", "landscape")

    def curves(self, on: Collection[str] = ()) -> dict[str, list[float]]:
        """Loss → its value at each shift, with these switches on."""
        unknown = set(on) - set(self.data["switches"])
        require(not unknown, "on", f"some of {', '.join(self.data['switches'])}", unknown)
        return dict(self.data["states"][_place(self.data["switches"], on)]["curves"])

    def captured(self, on: Collection[str] = ()) -> dict[str, tuple[float, float] | None]:
        """Loss → its capture range."""
        shifts = self.data["shifts"]
        return {name: capture_range(shifts, curve) for name, curve in self.curves(on).items()}


def landscape(
    scene: Callable[[frozenset[str]], Pair],
    losses: Mapping[str, Loss],
    *,
    switches: Mapping[str, str],
    labels: Pair,
    label_losses: Mapping[str, Loss],
    shifts: Sequence[int] = range(-60, 61),
    view: View = MIDDLE,
    title: str = "Slide one over the other",
    alt: str | None = None,
) -> Landscape:
    """Slide the moving image along axis 1; every loss is a curve with the present place marked.

    Args:
        scene: the names of the switches that are on → (fixed, moving), each `(1, 1, H, W)` in
            [0, 1], registered as they are.
        losses: name → `loss(moved, fixed)` of images.
        switches: name → a few words beside the box, up to four; the first is drawn in the still
            picture too.
        labels: (fixed, moving), each `(1, 1, H, W)`: what the label losses see, and outlined.
        label_losses: name → `loss(moved, fixed)` of labels.
        shifts: whole voxels that the picture is moved to the right, rising, 0 among them.
        view: its spacing.

    Raises:
        ValueError: no switch or more than four, no loss, shifts without 0.
    """
    require(1 <= len(switches) <= _MOST, "switches", f"1 to {_MOST}", len(switches))
    require(len(losses) > 0, "losses", "at least one", "none")
    require(0 in shifts, "shifts", "0 among them", list(shifts))
    shapes = [volume("labels", label) for label in labels]
    plane, window = view.plane(shapes[0].shape), view.window or (0.0, 1.0)
    outlined = np.stack([plane.cut("labels", shape) for shape in shapes])
    unmoved = _curves(label_losses, *labels, shifts)
    images: list[np.ndarray] = []
    states = []
    for on in _sets(switches):
        pair = scene(on)
        curves = {**_curves(losses, *pair, shifts), **unmoved}
        cuts = [plane.cut("scene", volume("scene", image)) for image in pair]
        places = [_kept(images, cut) for cut in cuts]
        reach = [capture_range(shifts, curve) for curve in curves.values()]
        states.append({"pair": places, "curves": curves, "reach": reach})
    data: dict[str, Any] = {
        "title": title, "spacing": list(plane.spacing), "unit": plane.unit,
        "shifts": list(shifts), "switches": dict(switches), "states": states,
        "images": pack(np.stack(images), *window),
        "labels": pack(outlined, 0, 1),
    }  # fmt: skip
    return Landscape(data, _poster(states, switches, shifts, title, alt))


def _sets(switches: Collection[str]) -> list[frozenset[str]]:
    """All sets of switches; read as a binary number, the first counting for most, in order."""
    return [frozenset(name for name, on in zip(switches, bits, strict=True) if on)
            for bits in product((False, True), repeat=len(switches))]  # fmt: skip


def _place(switches: Collection[str], on: Collection[str]) -> int:
    return _sets(switches).index(frozenset(on))


def _curves(
    losses: Mapping[str, Loss], fixed: Tensor, moving: Tensor, shifts: Sequence[int]
) -> dict[str, list[float]]:
    """Each loss at each shift, to five digits."""
    found: dict[str, list[float]] = {name: [] for name in losses}
    step = torch.zeros(1, 2, *fixed.shape[2:])
    for shift in shifts:
        step[:, 1] = -shift  # read further left: the picture moves to the right
        with torch.no_grad():
            moved = Warp()(moving, step)
            for name, loss in losses.items():
                found[name].append(float(f"{loss(moved, fixed).item():.5g}"))
    return found


def _kept(images: list[np.ndarray], image: np.ndarray) -> int:
    """Its place among the images; each is kept once."""
    for place, one in enumerate(images):
        if np.array_equal(one, image):
            return place
    images.append(image)
    return len(images) - 1


def _poster(
    states: list[dict[str, Any]],
    switches: Mapping[str, str],
    shifts: Sequence[int],
    title: str,
    alt: str | None,
) -> Picture:
    """The curves without a switch, and dashed with the first one."""
    plain, first = states[0]["curves"], states[2 ** (len(switches) - 1)]["curves"]
    words = next(iter(switches.values()))
    return profiles(
        shifts,
        plain,
        others={name: curve for name, curve in first.items() if curve != plain[name]},
        other=words,
        title=f"{title} (dashed: {words})",
        alt=alt,
    )
