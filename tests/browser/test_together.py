"""All moving pictures on one page: none styles another. Each looks as it does on its own page."""

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from regtutor import show
from regtutor.exercises.mysteries import SWITCHES, misread, mysteries
from tests.browser.test_landscape import LABEL, SHIFTS, mse, overlap, scene
from tests.browser.test_leaf import leaves
from tests.browser.test_monitor import trained
from tests.show.test_cliff import shifts
from tests.show.test_sweep import case

LOOKS = """
(figure) => [...figure.querySelectorAll("*")].map((element) => {
  const style = getComputedStyle(element);
  return element.tagName + [...style].filter((name) => !name.startsWith("--"))
    .map((name) => `${name}: ${style[name]}`).join("; ");
})
"""
SETTLED = """
Promise.all([...document.images].map((image) => image.decode()))
  .then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
"""
# As in Bootstrap, which many pages bring.
HOST = """<style>.row { margin: 9px -12px 0; } .row > * { flex-shrink: 0; width: 100%;
max-width: 100%; padding: 0 12px; margin-top: 9px; }</style>"""
STILL = "<style>* { transition: none !important; animation: none !important; }</style>"


@cache
def all_pictures():
    waves = (torch.arange(30.0)[:, None] / 4).sin() + (torch.arange(40.0) / 5).cos()
    fixed = waves[None, None]
    ddf = torch.stack([fixed[0], fixed[0].flip(2)], dim=1)
    return {
        "pad": show.field_pad(fixed, fixed.flip(3)),
        "viewer": show.view(fixed, fixed.flip(3), ddf=ddf),
        "switchboard": show.switchboard(misread, {name: name for name in SWITCHES}, mysteries()),
        "landscape": show.landscape(
            scene, {"MSE": mse}, switches={"dark": "inverted", "half": "half as bright"},
            labels=(LABEL, LABEL), label_losses={"Dice": overlap}, shifts=SHIFTS,
        ),
        "sweep": show.sweep(**case()),
        "cliff": show.cliff(shifts()),
        "flow": show.flow(fixed, 3 * ddf),
        "leaf": leaves()[0],
        "monitor": trained(),
    }  # fmt: skip


def test_all_are_here():
    scripts = Path(show.__file__).with_name("scripts").glob("*.js")
    moving = {path.stem for path in scripts if "\nfunction mount(" in path.read_text("utf-8")}
    assert moving == all_pictures().keys()


def looks(page, address, count):
    """What the browser has made of every element of every picture."""
    page.goto(address)
    figures = page.locator("body > figure.on")
    page.wait_for_function("(n) => document.querySelectorAll('.rt strong').length === n", arg=count)
    page.evaluate(SETTLED)
    assert figures.count() == count
    return [figure.evaluate(LOOKS) for figure in figures.all()]


@pytest.mark.parametrize(("width", "turn"), [(1000, 1), (390, -1)])
def test_none_styles_another(page, as_page, width, turn):
    page.set_viewport_size({"width": width, "height": 900})
    pictures = all_pictures()
    pages = {name: STILL + live.to_html() for name, live in list(pictures.items())[::turn]}
    together = SimpleNamespace(to_html=lambda: "\n".join(pages.values()))
    found = looks(page, as_page(together, "together.html"), len(pages))
    for (name, html), here in zip(pages.items(), found, strict=True):
        alone = SimpleNamespace(to_html=lambda html=html: html)
        (there,) = looks(page, as_page(alone, f"{name}.html"), 1)
        assert len(here) == len(there) > 5
        differ = [(a, b) for a, b in zip(here, there, strict=True) if a != b]
        assert not differ, (name, *_first_difference(*differ[0]))


def test_a_page_of_rows_does_not_style_them(page, as_page):
    pages = SimpleNamespace(to_html=lambda: STILL + "\n".join(p.to_html() for p in ours))
    ours = all_pictures().values()
    plain = looks(page, as_page(pages), len(ours))
    hosted = SimpleNamespace(to_html=lambda: HOST + pages.to_html())
    for there, here in zip(plain, looks(page, as_page(hosted), len(ours)), strict=True):
        differ = [(a, b) for a, b in zip(there, here, strict=True) if a != b]
        assert not differ, _first_difference(*differ[0])


def _first_difference(a, b):
    parts = zip(a.split("; "), b.split("; "), strict=True)
    return a.partition("accent-color")[0], *[pair for pair in parts if pair[0] != pair[1]][:4]
