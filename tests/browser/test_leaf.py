"""Leafing through pictures: by slider and by keys, and each with its own words."""

import torch

from regtutor import show

EVIL = "<img src=x onerror=document.title='hurt'>"


def leaves():
    image = torch.zeros(1, 1, 12, 16)
    pictures = [
        show.slices({"a": image + n, "b": image}, title=f"Step {n} {EVIL}") for n in range(3)
    ]
    return show.leaf(pictures, label="transform", title=f"A life {EVIL}"), pictures


def test_the_slider_and_the_keys_turn_the_leaf(page, as_page):
    live, pictures = leaves()
    page.goto(as_page(live))
    picture, slider = page.locator("figure img"), page.get_by_label("transform", exact=True)
    assert picture.get_attribute("alt") == pictures[0].alt
    assert page.locator("output").inner_text() == "1 of 3"
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert picture.get_attribute("alt") == pictures[1].alt
    assert slider.get_attribute("aria-valuetext") == f"2 of 3. {pictures[1].alt}"
    page.keyboard.press("End")
    assert page.locator("output").inner_text() == "3 of 3"
    size = picture.evaluate("async e => (await e.decode(), [e.naturalWidth, e.naturalHeight])")
    assert tuple(size) == pictures[2].size
    assert page.locator("strong").inner_text() == f"A life {EVIL}"
    assert page.title() == "A stored output"


def test_it_fits_a_phone(page, as_page):
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(as_page(leaves()[0]))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
