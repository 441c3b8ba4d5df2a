"""The switchboard by mouse and by keys; what it draws is held against the pictures it was given."""

import base64
import io
import json

import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from regtutor import show
from regtutor.exercises.mysteries import CAUSES, SWITCHES, misread, mysteries
from regtutor.show.live import script

WORDS = {name: f"{name} is wrong" for name in SWITCHES}


@pytest.fixture(scope="module")
def board():
    view = show.View(spacing=(1.5, 2.0), window=(0.0, 1.0))
    return show.switchboard(misread, WORDS, mysteries(), view=view)


def light(page, index):
    """Canvas number `index`, one pixel from near the middle of each of 40 × 56 voxels."""
    url = page.evaluate("(i) => document.querySelectorAll('canvas')[i].toDataURL()", index)
    file = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    image = np.asarray(Image.open(file).convert("RGB")).astype(int)
    rows, columns = (((np.arange(n) + 0.5) * side / n).astype(int)
                     for n, side in zip((40, 56), image.shape[:2], strict=True))  # fmt: skip
    return image[rows[:, None], columns]


def shows(page, index, wanted):
    """The canvas has these values of 0 to 1, but for the orange line."""
    pixels = light(page, index)
    grey = np.ptp(pixels, axis=-1) == 0
    assert grey.mean() > 0.85
    assert np.abs(pixels[grey][:, 0] / 255 - wanted[grey]).max() < 0.006


def set_switches(page, names):
    for name in SWITCHES:
        page.get_by_role("checkbox", name=WORDS[name]).set_checked(name in names)


def test_each_picture_is_explained_by_its_switches_alone(page, as_page, board):
    page.goto(as_page(board))
    page.wait_for_selector("canvas")
    said = page.locator(".said")
    right = misread(())[0, 0].numpy()
    for count, (name, bugs) in enumerate(CAUSES.items()):
        set_switches(page, ())
        page.get_by_label("Picture to explain").select_option(name)
        wanted = mysteries()[name][0, 0].numpy()
        shows(page, 0, wanted)
        shows(page, 1, right)
        shows(page, 2, 0.5 + (right - wanted) / 2)
        share = 100 * np.abs(right - wanted).mean()
        told = said.inner_text()
        assert told.startswith("Not yet")
        assert float(told.split(" by ")[1].split()[0]) == pytest.approx(share, rel=0.02)
        assert f"explained: {count} of 4" in page.locator(".rt").inner_text()
        set_switches(page, bugs)
        shows(page, 1, wanted)
        assert np.ptp(light(page, 2)) <= 1
        assert said.inner_text().startswith(f"That is it. {name} is made by")
        assert all((WORDS[bug] in said.inner_text()) == (bug in bugs) for bug in SWITCHES)
    assert "explained: 4 of 4" in page.locator(".rt").inner_text()


def test_keys_are_enough_and_a_screen_reader_hears_it(page, as_page, board):
    page.goto(as_page(board))
    page.wait_for_selector("canvas")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # from A to B
    for _ in range(len(SWITCHES)):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("[role=status]").inner_text().startswith("That is it. B")
    names = [canvas.get_attribute("aria-label") for canvas in page.locator("canvas").all()]
    assert names[0].startswith("B, to be explained")
    assert all(canvas.get_attribute("role") == "img" for canvas in page.locator("canvas").all())
    assert page.get_by_role("group", name="Which bugs are in the code?").count() == 1


def test_all_is_in_sight_on_a_phone(page, as_page, board):
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(as_page(board))
    page.wait_for_selector("canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator(".said").bounding_box()
    assert box["y"] + box["height"] < 780


def test_beside_a_kernel_it_is_the_same_and_leaves_quietly(page, board):
    page.set_content("<!doctype html><title>A widget</title>")
    page.add_script_tag(
        type="module",
        content=f"{script('switchboard')}\n"
        f"window.leave = mount(document.body, {json.dumps(board.data)}, {{}});",
    )
    page.wait_for_selector("canvas")
    page.get_by_role("checkbox", name=WORDS["order"]).check()
    assert "That is it. A" in page.locator(".said").inner_text()
    page.evaluate("leave()")


CELL = """from regtutor import show
from regtutor.exercises.mysteries import SWITCHES, misread, mysteries
show.switchboard(misread, {name: f"{name} is wrong" for name in SWITCHES}, mysteries())"""


def explain_a(page):
    """By keys, which JupyterLab must leave alone."""
    box = page.get_by_role("checkbox", name=WORDS["order"])
    box.wait_for(timeout=60_000)
    box.focus()
    page.keyboard.press("Space")
    assert "That is it. A" in page.locator(".said").inner_text()


def test_live_in_jupyterlab(page, lab, run_cell):
    page.goto(lab(new_notebook(cells=[new_code_cell(CELL)])))
    run_cell(page, 0)
    explain_a(page)


def test_stored_in_a_trusted_notebook(page, lab, as_notebook, board):
    page.goto(lab(as_notebook(board), trusted=True))
    explain_a(page)


def test_stored_in_an_untrusted_notebook_it_is_a_picture_with_words(page, lab, as_notebook, board):
    page.goto(lab(as_notebook(board)))
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=30_000)
    assert "to be explained, A, B, C, D" in picture.get_attribute("alt")
    assert page.locator("canvas").count() == 0


def test_stored_on_an_nbconvert_page(page, as_notebook, as_site, board):
    page.goto(as_site(as_notebook(board)))
    explain_a(page)
