"""Pictures to leaf through by a slider, where a film would run past: every transform, every step.

Where no script runs they follow each other by themselves. Used in notebook 06.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from regtutor.show.live import Live, widget_script
from regtutor.show.picture import Picture, animate


class Leaves(Live):
    """Made by `leaf`."""

    _esm = widget_script("leaf")


def leaf(
    frames: Sequence[Picture],
    *,
    label: str = "step",
    seconds: float = 2.0,
    title: str | None = None,
    alt: str = "",
) -> Leaves:
    """One picture at a time, chosen by hand.

    Args:
        frames: at least one, all of one size, in their order; each has its own title and words.
        label: what the slider counts.
        seconds: how long each is seen where no script runs.
        title: of all; the first frame's by default.
        alt: by default the descriptions of the first and the last frame.
    """
    poster = animate(frames, seconds=seconds, title=title, alt=alt)
    pictures = [
        {"src": base64.b64encode(frame.png).decode("ascii"), "alt": frame.alt} for frame in frames
    ]
    return Leaves({"title": poster.title, "label": label, "frames": pictures}, poster)
