"""The landscape by mouse, by keys and in free fall; what it draws is held against the images."""

import base64
import io

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from regtutor import show
from regtutor.show.profiles import _bottom

COLUMN = torch.arange(40.0)
ROW = torch.arange(30.0)[:, None]
FIXED = torch.exp(-(((COLUMN - 18) / 6) ** 2) - ((ROW - 12) / 8) ** 2)[None, None]
LABEL = (FIXED > 0.6).float()
SHIFTS = range(-15, 16)
WORDS = {"dark": "contrast inverted", "half": "half as bright"}


def scene(on):
    moving = FIXED / 2 if "half" in on else FIXED
    return FIXED, 1 - moving if "dark" in on else moving


def mse(moved, fixed):
    return ((moved - fixed) ** 2).mean()


def overlap(moved, fixed):
    return 1 - 2 * (moved * fixed).sum() / (moved + fixed).sum()


@pytest.fixture(scope="module")
def land():
    return show.landscape(
        scene, {"MSE": mse}, switches=WORDS, labels=(LABEL, LABEL), label_losses={"Dice": overlap},
        shifts=SHIFTS, view=show.View(spacing=(1.0, 2.0)),
    )  # fmt: skip


def shows(page, on, shift):
    """Orange light of the fixed image, blue of the moving one, but for the outlines."""
    url = page.evaluate("document.querySelector('canvas').toDataURL()")
    file = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    image = np.asarray(Image.open(file).convert("RGB")).astype(float)
    rows, columns = (((np.arange(n) + 0.5) * side / n).astype(int)
                     for n, side in zip((30, 40), image.shape[:2], strict=True))  # fmt: skip
    fixed, moving = (x[0, 0].numpy()[..., None] for x in scene(on))
    moved = moving[:, (np.arange(40) - shift).clip(0, 39)]
    wanted = fixed * np.array([255, 140, 0]) + moved * np.array([0, 115, 255])
    off = np.abs(image[rows[:, None], columns] - wanted).max(axis=-1)
    assert (off < 3).mean() > 0.85


def rest(land, on, shift):
    """Where MSE leads from there: the page's walk is Python's."""
    curve = land.curves(on)["MSE"]
    step = 1e-4 * (max(curve) - min(curve))
    return SHIFTS[_bottom(SHIFTS.index(shift), curve, step)]


def said(page):
    return page.locator("[role=status]").inner_text()


def test_slider_switches_and_the_words_that_follow(page, as_page, land):
    page.goto(as_page(land))
    page.wait_for_selector("canvas")
    slider = page.get_by_label("Shift", exact=True)
    slider.evaluate("(s) => s.set(15 + 12)")
    shows(page, (), 12)
    assert "12 voxels, 24.0 mm off" in said(page)
    assert "to the truth by MSE" in said(page)
    assert "nowhere by Dice" in said(page)
    assert page.locator("rect.reach").count() == 2
    value = land.curves()["MSE"][15 + 12]
    assert f"MSE {value:.3f}" in page.locator(".hills").inner_text()
    page.get_by_role("checkbox", name="contrast inverted").check()
    shows(page, ("dark",), 12)
    assert page.locator("rect.reach").count() == 1
    assert rest(land, {"dark"}, 12) > 12
    assert f"to {rest(land, {'dark'}, 12)} by MSE" in said(page)
    assert "to the truth" not in said(page)
    page.get_by_role("checkbox", name="half as bright").check()
    shows(page, ("dark", "half"), 12)


def test_a_picture_falls_to_where_the_loss_leads(page, as_page, land):
    page.goto(as_page(land))
    page.wait_for_selector("canvas")
    page.get_by_label("Shift", exact=True).evaluate("(s) => s.set(15 - 13)")
    page.get_by_role("button", name="Dice: let it fall").click()
    assert said(page) == "Dice stays at -13: 26.0 mm off. From here it does not lead anywhere."
    page.get_by_role("button", name="MSE: let it fall").click()
    page.get_by_text("MSE falls from -13 to 0: the truth.").wait_for(timeout=5000)
    shows(page, (), 0)
    page.get_by_role("checkbox", name="contrast inverted").check()
    assert "falls" not in said(page)  # the hand has taken over
    page.get_by_label("Shift", exact=True).evaluate("(s) => s.set(16)")
    page.get_by_role("button", name="MSE: let it fall").click()
    end = rest(land, {"dark"}, 1)
    assert end > 10
    page.get_by_text(f"MSE falls from 1 to {end}: {2 * end:.1f} mm off.").wait_for(timeout=5000)


def test_who_wants_no_motion_gets_the_end_at_once(page, as_page, land):
    page.emulate_media(reduced_motion="reduce")
    page.goto(as_page(land))
    page.wait_for_selector("canvas")
    page.get_by_label("Shift", exact=True).evaluate("(s) => s.set(2)")
    page.get_by_role("button", name="MSE: let it fall").click()
    assert said(page) == "MSE falls from -13 to 0: the truth."


def test_it_is_dragged_by_the_picture_and_by_a_curve(page, as_page, land):
    page.goto(as_page(land))
    page.wait_for_selector("canvas")
    slider = page.get_by_label("Shift", exact=True)
    slider.evaluate("(s) => s.set(15)")
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - box["width"] / 4, y)  # a quarter of 40 columns to the left
    page.mouse.up()
    assert slider.get_attribute("aria-valuetext") == "-10 voxels"
    page.mouse.move(x, y)  # let go: nothing follows
    assert slider.get_attribute("aria-valuetext") == "-10 voxels"
    curve = page.locator(".hills svg").first.bounding_box()
    page.mouse.click(curve["x"] + curve["width"] * 254 / 260, curve["y"] + curve["height"] / 2)
    assert slider.get_attribute("aria-valuetext") == "15 voxels"


def test_keys_are_enough_and_a_screen_reader_hears_it(page, as_page, land):
    page.goto(as_page(land))
    page.wait_for_selector("canvas")
    for _ in range(3):  # two switches, then the slider
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    assert page.get_by_label("Shift", exact=True).get_attribute("aria-valuetext") == "8 voxels"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("MSE falls from 8 to 0: the truth.").wait_for(timeout=5000)
    assert page.locator("canvas").get_attribute("role") == "img"
    assert "0 voxels to the right" in page.locator("canvas").get_attribute("aria-label")


def test_all_is_in_sight_on_a_phone(page, as_page, land):
    page.set_viewport_size({"width": 390, "height": 780})
    page.goto(as_page(land))
    page.wait_for_selector("canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.scrollHeight") <= 780


def test_stored_in_an_untrusted_notebook_it_is_a_picture_with_words(page, lab, as_notebook, land):
    page.goto(lab(as_notebook(land)))
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=30_000)
    assert "MSE: 0.000 at a shift of 0" in picture.get_attribute("alt")
    assert page.locator("canvas").count() == 0


def test_stored_on_an_nbconvert_page(page, as_notebook, as_site, land):
    page.goto(as_site(as_notebook(land)))
    page.get_by_role("button", name="Dice: let it fall").wait_for(timeout=30_000)
    assert "Downhill from here" in said(page)


CELL = """from regtutor import show
import torch
x = torch.rand(1, 1, 8, 20, generator=torch.Generator().manual_seed(0))
mse = lambda moved, fixed: ((moved - fixed) ** 2).mean()
show.landscape(lambda on: (x, x), {"MSE": mse}, switches={"none": "no change"}, labels=(x, x),
               label_losses={}, shifts=range(-5, 6))"""


def test_live_in_jupyterlab_its_keys_are_left_alone(page, lab, run_cell):
    page.goto(lab(new_notebook(cells=[new_code_cell(CELL)])))
    run_cell(page, 0)
    slider = page.get_by_label("Shift", exact=True)
    slider.wait_for(timeout=60_000)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "2 voxels"
    assert said(page).startswith("2 voxels, 2.00 voxels off.")
