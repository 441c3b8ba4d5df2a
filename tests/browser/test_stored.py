"""Every stored picture that moves, of every notebook, opened without a kernel and moved."""

from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LOOK = """
(figure) => [...figure.querySelectorAll("canvas")].map((c) => c.toDataURL()).join()
  + [...figure.querySelectorAll("svg")].map((s) => s.innerHTML).join() + figure.innerText
"""
SETTLED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))"
CONTROLS = "input:visible:enabled, select:visible:enabled, button:visible:enabled"


def moving_pictures(path):
    """The HTML of its outputs that bring a script."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pages = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
    return [page for page in pages if "<script" in page]


def act(control):
    """Move one control as a hand would, to somewhere else than it is."""
    kind = control.evaluate("c => c.type")
    if kind == "range":
        low, high, now = (control.evaluate(f"c => +c.{name}") for name in ("min", "max", "value"))
        control.press("End" if now < (low + high) / 2 else "Home")
    elif kind == "select-one":
        control.select_option(index=(control.evaluate("c => c.selectedIndex") + 1) % 2)
    else:
        control.click()


def moves(figure):
    """Whether a control changes what is painted or said; the first one that does is enough."""
    for control in figure.locator(CONTROLS).all():
        if not control.is_visible():  # an earlier one hid it
            continue
        before = figure.evaluate(LOOK)
        act(control)
        figure.evaluate(SETTLED)
        if figure.evaluate(LOOK) != before:
            return True
    return False


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_stored_picture_moves(page, as_page, path):
    stored = moving_pictures(path)
    if not stored:
        pytest.skip("no stored picture of this notebook needs a script")
    page.goto(as_page(SimpleNamespace(to_html=lambda: "\n".join(stored)), "stored.html"))
    figures = page.locator("figure.on")
    page.wait_for_function(
        "(n) => document.querySelectorAll('figure.on').length === n", arg=len(stored)
    )
    still = [figure.inner_text()[:60] for figure in figures.all() if not moves(figure)]
    assert still == []


def test_most_notebooks_have_one():
    assert sum(bool(moving_pictures(path)) for path in NOTEBOOKS) >= 11
