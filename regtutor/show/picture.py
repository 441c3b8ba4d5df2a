"""What every function of `show` returns: a picture, and the words for who does not see it.

A picture is PNG bytes, so it stays in the stored notebook and needs neither kernel nor script; an
animated one is the same file format with several frames. The colours are few and mean the same
everywhere: orange is fixed, blue is moving or warped. They differ in lightness as well as in hue,
so that they hold in grey print and to colour-blind eyes. Used from notebook 01 on.
"""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from regtutor.checks import require
from regtutor.files import written_whole

ORANGE, BLUE = "#ff8c00", "#0073ff"  # together they are white
INK, FOLD = "#222222", "#000000"
CYCLE = ("#0072b2", "#e69f00", "#1b2a49", "#f0e442", "#8c3a1f", "#f05484")
DPI = 100


class Picture:
    """A still or moving picture with its title and its description.

    Args:
        png: the bytes of a PNG file; with several frames it moves.
        title: what stands above it.
        alt: what it shows, in words: read aloud in its place, and its `text/plain`.
    """

    def __init__(self, png: bytes, title: str, alt: str) -> None:
        self.png, self.title, self.alt = png, title, alt

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the file's header has them."""
        return int.from_bytes(self.png[16:20], "big"), int.from_bytes(self.png[20:24], "big")

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """For Jupyter. JupyterLab and nbconvert drop the alt text of a bare PNG: hence the HTML."""
        (width, height), code = self.size, base64.b64encode(self.png).decode("ascii")
        element = (
            f'<img src="data:image/png;base64,{code}" alt="{html.escape(self.alt)}" '
            f'width="{width}" height="{height}" style="max-width:100%;height:auto">'
        )
        data = {"text/html": element, "image/png": code, "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt, "width": width, "height": height}}

    def save(self, path: str | Path) -> None:
        """Write the PNG file; a file that is there is replaced whole or not at all."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as beside:
            beside.write_bytes(self.png)


def new_figure(width: float, height: float, title: str) -> Figure:
    """An empty figure of so many inches. It belongs to no global list: nothing shows it twice."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    figure.suptitle(textwrap.fill(title, round(11 * width)), fontsize=12)
    return figure


def render(figure: Figure, title: str, alt: str) -> Picture:
    """Draw a figure into a `Picture`."""
    return Picture(_png([_draw(figure)]), title, alt)


def animate(
    frames: Sequence[Picture], *, seconds: float = 0.8, title: str | None = None, alt: str = ""
) -> Picture:
    """Show pictures one after the other, for ever.

    It is one file of type image/png, so it moves wherever a picture is shown, without a script.

    Args:
        frames: at least one, all of one size.
        seconds: how long each is seen.
        title: for the words only; the first frame's by default.
        alt: by default the descriptions of the first and the last frame.
    """
    require(len(frames) > 0, "frames", "at least one picture", "none")
    sizes = sorted({frame.size for frame in frames})
    require(len(sizes) == 1, "frames", "pictures of one size", sizes)
    images = [Image.open(io.BytesIO(frame.png)).convert("RGB") for frame in frames]
    title = title or frames[0].title
    words = f"Moving picture of {len(frames)} frames. First: {frames[0].alt} Last: {frames[-1].alt}"
    return Picture(_png(images, seconds), title, alt or words)


def stack(pictures: Sequence[Picture], *, title: str | None = None, alt: str = "") -> Picture:
    """Put pictures below each other.

    Args:
        pictures: at least one.
        title: for the words only; the first picture's by default.
        alt: by default all their descriptions.
    """
    require(len(pictures) > 0, "pictures", "at least one picture", "none")
    images = [Image.open(io.BytesIO(picture.png)).convert("RGB") for picture in pictures]
    height = sum(image.height for image in images)
    whole = Image.new("RGB", (max(image.width for image in images), height), "white")
    for row, image in enumerate(images):
        whole.paste(image, (0, sum(above.height for above in images[:row])))
    words = alt or " ".join(picture.alt for picture in pictures)
    return Picture(_png([whole]), title or pictures[0].title, words)


def number(value: float) -> str:
    """A number as prose has it: three digits or so, always with a decimal point.

    >>> number(0.0417), number(2), number(37.42)
    ('0.042', '2.00', '37.4')
    """
    decimals = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1
    return f"{value:.{decimals}f}"


def _draw(figure: Figure) -> Image.Image:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _png(images: Sequence[Image.Image], seconds: float = 0.0) -> bytes:
    """One palette of 128 colours for all frames: a third of the bytes, and no difference seen."""
    width, height = images[0].size
    strip = Image.new("RGB", (width, height * len(images)))
    for row, image in enumerate(images):
        strip.paste(image, (0, row * height))
    strip = strip.quantize(128, dither=Image.Dither.NONE)
    frames = [strip.crop((0, top, width, top + height)) for top in range(0, strip.height, height)]
    file, moving = io.BytesIO(), len(frames) > 1
    how = {"append_images": frames[1:], "duration": round(1000 * seconds), "loop": 0}
    frames[0].save(file, "PNG", optimize=True, save_all=moving, **(how if moving else {}))
    return file.getvalue()
