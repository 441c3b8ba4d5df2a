"""A wrong picture, and switches: set those that made it. Used in notebook 02.

Each switch is one bug. The pictures of all sets of switches are made beforehand, in Python, by the
function that is given; the page only shows and compares them. Two to the number of switches: with
five switches of a small image some tens of kilobytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
from torch import Tensor

from regtutor.checks import require
from regtutor.show.images import slices
from regtutor.show.live import Live, pack, widget_script
from regtutor.show.plane import MIDDLE, View, volume

_MOST = 6
_SAME = 1e-4  # of the window


class Switchboard(Live):
    """Pictures to be explained by switches. Made by `switchboard`."""

    _esm = widget_script("switchboard")


def switchboard(
    make: Callable[[frozenset[str]], Tensor],
    switches: Mapping[str, str],
    pictures: Mapping[str, Tensor],
    *,
    view: View = MIDDLE,
    title: str = "Which switches made this picture?",
    alt: str | None = None,
) -> Switchboard:
    """Set switches until your picture is the one that is to be explained.

    Args:
        make: the names of the switches that are on → `(1, 1, H, W)`; none on is the right picture.
        switches: name → a few words beside the box, up to six.
        pictures: name → `(1, 1, H, W)`, each made by exactly one set of switches.
        view: its spacing and window.

    Raises:
        ValueError: no switch or more than six, or a picture that no set makes, or more than one.
    """
    require(1 <= len(switches) <= _MOST, "switches", f"1 to {_MOST}", len(switches))
    require(len(pictures) > 0, "pictures", "at least one", "none")
    sets = [frozenset(name for name, on in zip(switches, bits, strict=True) if on)
            for bits in product((False, True), repeat=len(switches))]  # fmt: skip
    made = [volume("make", make(on)) for on in sets]
    plane = view.plane(made[0].shape)
    looks = np.stack([plane.cut("make", image) for image in made])  # (2 ** n, H, W)
    cuts = {name: plane.cut(name, volume(name, image)) for name, image in pictures.items()}
    low, high = view.contrast(looks, *cuts.values())
    data: dict[str, Any] = {
        "title": title,
        "spacing": list(plane.spacing),
        "switches": list(switches.values()),
        "looks": pack(looks, low, high),
        "pictures": [[name, _cause(name, cut, looks, high - low)] for name, cut in cuts.items()],
    }
    words = (
        f"{title}{'' if title.endswith('?') else '.'} Switches: {'; '.join(switches.values())}. "
        f"{plane.name}: first the right one, no switch on; then, to be explained, "
        f"{', '.join(cuts)}."
    )
    shown = {"right": made[0], **pictures}
    poster = slices(shown, view=View(view.spacing, window=(low, high)), title=title,
                    alt=alt or words)  # fmt: skip
    return Switchboard(data, poster)


def _cause(name: str, picture: np.ndarray, looks: np.ndarray, window: float) -> int:
    """Which set of switches made it."""
    apart = np.abs(looks - picture).max(axis=(1, 2)) / window
    (causes,) = np.nonzero(apart < _SAME)
    require(len(causes) == 1, name, "a picture that one set of switches makes", len(causes))
    return int(causes[0])
