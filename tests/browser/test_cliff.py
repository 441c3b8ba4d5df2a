"""The cliff by its choice, its slider and its tick: overlays, curves and words move together."""

import pytest

from regtutor import show
from tests.show.test_cliff import shifts


@pytest.fixture
def opened(page, as_page):
    page.goto(as_page(show.cliff(shifts(), view=show.View(spacing=(2.0, 3.0)))))
    page.wait_for_selector("canvas")
    return page


def drawn(page):
    """The pixels of every overlay that is seen."""
    return page.evaluate("""() => [...document.querySelectorAll("figure:not([hidden]) > canvas")]
        .map((canvas) => canvas.toDataURL())""")


def dots(page):
    return [
        float(y)
        for y in page.locator("circle").evaluate_all("(c) => c.map((o) => o.cy.baseVal.value)")
    ]


def test_the_slider_moves_overlays_dots_and_words(opened):
    said, amount = opened.locator(".said"), opened.get_by_label("amount", exact=True)
    assert said.inner_text() == (
        "Turned, 0°: TRE (mm) nothing 8.00, frozen 1.25. Frozen: more than half is gone."
    )
    before, low = drawn(opened), dots(opened)
    assert len(before) == len(low) == 2
    amount.focus()
    opened.keyboard.press("End")
    assert amount.get_attribute("aria-valuetext") == "90°"
    assert said.inner_text().endswith("frozen 9.50. Frozen: worse than nothing.")
    after, high = drawn(opened), dots(opened)
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert low[1] > low[0]  # below the dashed line, then above
    assert high[1] < high[0]
    opened.keyboard.press("ArrowLeft")
    assert "more than half of the error is left" in said.inner_text()


def test_another_shift_begins_at_its_first_amount(opened):
    opened.get_by_label("amount", exact=True).fill("2")
    opened.get_by_label("shift", exact=True).select_option("blur")
    assert opened.locator(".said").inner_text().startswith("Blur, 0°:")
    amount = opened.get_by_label("amount", exact=True)
    assert amount.get_attribute("max") == "1"
    amount.fill("1")
    assert opened.locator(".said").inner_text().startswith("Blur, 2 voxels: TRE (mm) nothing 8.00")


def test_a_third_method_waits_for_its_tick(opened):
    opened.get_by_label("amount", exact=True).fill("1")
    assert "1.50" not in opened.locator("body").inner_text()
    opened.get_by_role("checkbox", name="refined").check()
    assert "refined 1.50" in opened.locator(".said").inner_text()
    assert len(drawn(opened)) == len(dots(opened)) == 3
    assert "refined: TRE (mm) 1.50, Dice 0.800" in opened.locator("body").inner_text()
    opened.get_by_role("checkbox", name="refined").press("Space")
    assert len(drawn(opened)) == 2


def test_every_picture_has_a_name_and_all_fits_a_phone(opened):
    opened.set_viewport_size({"width": 360, "height": 780})
    opened.get_by_role("checkbox", name="refined").check()
    for picture in opened.locator("canvas, svg").all():
        assert picture.get_attribute("role") == "img"
        assert picture.get_attribute("aria-label")
    assert opened.locator(".said").get_attribute("role") == "status"
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    chart = opened.locator("svg").bounding_box()
    assert chart["y"] + chart["height"] < 780


def test_stored_in_an_untrusted_notebook_it_is_a_picture_with_words(page, lab, as_notebook):
    page.goto(lab(as_notebook(show.cliff(shifts()))))
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=30_000)
    assert "frozen: TRE (mm) 1.25" in picture.get_attribute("alt")
    assert page.locator("canvas").count() == 0
