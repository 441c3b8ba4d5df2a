"""The flow by sliders and by keys; what it follows is held against `exp`."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from regtutor import show
from regtutor.deformation import Warp, exp, identity_grid, jacobian_determinant
from regtutor.metrics import folding_fraction
from regtutor.show.live import script

SIZE = (20, 27)


@pytest.fixture(scope="module")
def case():
    """Neither square nor of one spacing; it folds unless it is followed."""
    row, column = identity_grid(SIZE).unbind(1)
    dvf = torch.stack([8 * (column / 3).sin() * (row / 4).cos(), 6 * (row / 3).sin()], dim=1)
    return {"moving": ((row / 3).sin() + (column / 5).cos())[None], "dvf": dvf}


@pytest.fixture
def opened(page, as_page, case):
    page.goto(as_page(show.flow(**case, view=show.View(spacing=(2.5, 1.5)))))
    page.wait_for_selector("canvas")
    return page


def settle(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def agree(page, dvf, n):
    """The row of folded shares, the sentence, the map of area."""
    settle(page)
    fields = [dvf, *(exp(dvf, k) for k in range(1, 8))]
    shares = [100 * folding_fraction(ddf).item() for ddf in fields]
    cells = page.evaluate("[...document.querySelectorAll('td data')].map((d) => Number(d.value))")
    assert cells == pytest.approx(shares, abs=1e-3)
    assert page.locator("td.on data").get_attribute("value") is not None
    assert page.locator("th.on").inner_text() == str(n)
    said = page.locator(".said").inner_text()
    number = show.picture.number
    assert f"{number(shares[n])} % of the voxels fold" in said
    assert f"the mean way is {number(fields[n].norm(dim=1).mean().item())} voxels" in said
    determinant = jacobian_determinant(fields[n])[0].numpy()
    dark = voxels(page, 1).max(-1) == 0
    sure = np.abs(determinant) > 1e-3
    assert (dark == (determinant <= 0))[sure].all()


def voxels(page, index):
    """One pixel from near the middle of each voxel of a canvas."""
    url = page.evaluate("(i) => document.querySelectorAll('canvas')[i].toDataURL()", index)
    file = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    image = np.asarray(Image.open(file).convert("RGB")).astype(int)
    rows, columns = (((np.arange(n) + 0.5) * side / n).astype(int)
                     for n, side in zip(SIZE, image.shape[:2], strict=True))  # fmt: skip
    return image[rows[:, None], columns]


def test_it_follows_as_exp_does(opened, case):
    dvf = case["dvf"]
    assert folding_fraction(dvf) > 0.2
    agree(opened, dvf, 0)
    steps, speed = (opened.get_by_label(name, exact=True) for name in ("num_steps", "speed"))
    steps.focus()
    opened.keyboard.press("ArrowRight")
    agree(opened, dvf, 1)
    opened.keyboard.press("End")
    agree(opened, dvf, 7)
    assert "In 128 steps, by 7 squarings" in opened.locator(".said").inner_text()
    speed.focus()
    opened.keyboard.press("Home")
    agree(opened, -dvf, 7)
    assert "Backwards" in opened.locator(".said").inner_text()
    speed.fill("40")
    agree(opened, 0.4 * dvf, 7)
    assert speed.get_attribute("aria-valuetext") == "40 % of v"


def test_the_image_is_warped(opened, case):
    opened.get_by_label("num_steps", exact=True).fill("7")
    settle(opened)
    warped, image = Warp()(case["moving"], exp(case["dvf"]))[0, 0], case["moving"]
    wanted = 255 * (warped - image.min()) / (image.max() - image.min())
    assert np.abs(voxels(opened, 2)[..., 0] - wanted.numpy()).max() <= 3


def test_every_picture_has_a_name_and_all_fits_a_phone(opened):
    for canvas in opened.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert canvas.get_attribute("aria-label")
    assert opened.locator(".said").get_attribute("role") == "status"
    opened.set_viewport_size({"width": 360, "height": 780})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    area = opened.locator("canvas").nth(1).bounding_box()  # beside the sliders, what they change
    assert area["y"] + area["height"] < 780


def test_beside_a_kernel_it_is_the_same_and_leaves_quietly(page, case):
    page.set_content("<!doctype html><title>A widget</title>")
    data = json.dumps(show.flow(**case).data)
    page.add_script_tag(
        type="module",
        content=f"{script('field', 'flow')}\nwindow.leave = mount(document.body, {data}, {{}});",
    )
    page.wait_for_selector("canvas")
    agree(page, case["dvf"], 0)
    page.evaluate("leave()")


def test_stored_in_an_untrusted_notebook_it_is_a_picture_with_words(page, lab, as_notebook, case):
    page.goto(lab(as_notebook(show.flow(**case))))
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=30_000)
    assert "Folded voxels by num_steps: 0:" in picture.get_attribute("alt")
    assert page.locator("canvas").count() == 0


def test_stored_in_a_trusted_notebook_keys_are_its_own(page, lab, as_notebook, case):
    page.goto(lab(as_notebook(show.flow(**case)), trusted=True))
    slider = page.get_by_label("num_steps", exact=True)
    slider.wait_for(timeout=60_000)
    slider.focus()
    page.keyboard.press("ArrowRight")
    agree(page, case["dvf"], 1)
