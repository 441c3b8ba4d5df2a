"""Pictures that answer to the hand, with a kernel, without one; or that stand still.

A `Live` picture is a script, data as plain JSON, and a poster (a `Picture`). Beside a kernel it is
a widget; stored, it is one piece of HTML: the poster, and the same script, which takes its place
where scripts may run. Where they may not, the poster stays, with its words. Nothing is loaded from
elsewhere. A script is plain JavaScript that defines `mount(root, data, model)`: `root` is an empty
element, `model` the widget's, or null without a kernel. `scripts/shared.js` stands before each.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from PIL import Image

from regtutor.show.picture import Picture

_SCRIPTS = Path(__file__).with_name("scripts")
_EXPORT = """
export default { render({ model, el }) {
  let undo = mount(el, model.get("data"), model);
  return () => undo && undo();
} };
"""


def script(*names: str) -> str:
    """The text of `scripts/<name>.js`, one after the other, behind what all of them share."""
    return "\n".join((_SCRIPTS / f"{part}.js").read_text("utf-8") for part in ("shared", *names))


class Live(anywidget.AnyWidget):
    """A picture with controls. A subclass names its script: `_esm = widget_script("viewer")`.

    Args:
        data: what the script draws, plain JSON. Names in it are data: a script writes them as text.
        poster: what is seen where no script runs; its `alt` is the name of the whole.
    """

    data = traitlets.Dict().tag(sync=True)

    def __init__(self, data: dict[str, Any], poster: Picture) -> None:
        super().__init__(data={**data, "alt": poster.alt})
        self.poster = poster

    def __repr__(self) -> str:
        return self.poster.alt

    def stored(self) -> dict[str, Any]:
        """What the stored page starts from; a subclass adds what the hand has changed."""
        return self.data

    def to_html(self) -> str:
        """One element that needs no kernel and no network."""
        text = str(self._esm).removesuffix(_EXPORT)
        data = json.dumps(self.stored(), separators=(",", ":"), allow_nan=False)
        data = data.replace("<", "\\u003c")
        name = "rt-" + hashlib.sha256((text + data).encode()).hexdigest()[:12]
        poster = base64.b64encode(self.poster.png).decode("ascii")
        return (
            f'<figure class="{name}" style="margin:0"><img src="data:image/png;base64,{poster}" '
            f'alt="{html.escape(self.poster.alt)}" style="max-width:100%;height:auto"></figure>\n'
            f'<script type="module">\n{text}\n'
            f'for (const figure of document.querySelectorAll(".{name}:not(.on)")) {{\n'
            '  figure.classList.add("on");\n'
            f"  figure.replaceChildren();\n  mount(figure, {data}, null);\n}}\n</script>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget for a kernel's page; the HTML, the poster and its words for every other."""
        made: Any = super()._repr_mimebundle_(**kwargs)
        live = made[0] if isinstance(made, tuple) else made
        page = self.to_html()  # first: a subclass draws its poster there
        still, metadata = self.poster._repr_mimebundle_()
        return {**(live or {}), **still, "text/html": page}, metadata


def widget_script(*names: str) -> str:
    """For `_esm`: the scripts, exported as a widget's module; the last has `mount`."""
    return script(*names) + _EXPORT


def pack(values: np.ndarray, low: float, high: float, quality: int = 100) -> dict[str, Any]:
    """Numbers as one picture file, a tenth of their text; `unpack` in shared.js reads it.

    Args:
        values: `(n, rows, columns)`: n slices, laid side by side like tiles.
        low, high: stored as 0 and 255; what lies outside is clipped. Half a step of 255 is lost.
        quality: 100 keeps every step; 90 is a third of the size and about one step off.
    """
    count, rows, columns = values.shape
    across = max(1, round((count * rows / columns) ** 0.5))
    down = -(-count // across)
    steps = np.clip((values - low) / ((high - low) or 1.0), 0, 1) * 255
    tiles = np.zeros((across * down, rows, columns), np.uint8)
    tiles[:count] = np.rint(steps)
    mosaic = tiles.reshape(down, across, rows, columns).swapaxes(1, 2)
    file = io.BytesIO()
    picture = Image.fromarray(mosaic.reshape(down * rows, across * columns))
    if quality == 100:
        picture.save(file, "PNG", optimize=True)
    else:
        picture.save(file, "WEBP", quality=quality)
    kind = "png" if quality == 100 else "webp"
    code = base64.b64encode(file.getvalue()).decode("ascii")
    return {
        "src": f"data:image/{kind};base64,{code}",
        "shape": [count, rows, columns],
        "across": across,
        "low": float(low),
        "high": float(high),
    }


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """What the page will read: `(n, rows, columns)`, float32."""
    count, rows, columns = packed["shape"]
    file = io.BytesIO(base64.b64decode(packed["src"].partition(",")[2]))
    steps = np.asarray(Image.open(file).convert("RGB"))[..., 0].astype(np.float32)
    tiles = steps.reshape(-1, rows, packed["across"], columns).swapaxes(1, 2)
    values = packed["low"] + tiles.reshape(-1, rows, columns)[:count] / 255 * (
        packed["high"] - packed["low"]
    )
    return values.astype(np.float32)
