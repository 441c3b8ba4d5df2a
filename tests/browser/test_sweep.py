"""The sweep by its slider and its button: covered until a λ is chosen, and told in words."""

import pytest

from regtutor import show
from tests.show.test_sweep import case


@pytest.fixture
def opened(page, as_page):
    page.goto(as_page(show.sweep(**case(), view=show.View(spacing=(2.0, 3.0)))))
    page.wait_for_selector("canvas")
    return page


def black(page, index):
    """The share of a canvas that is black."""
    return page.evaluate(
        """(index) => {
          const canvas = document.querySelectorAll("canvas")[index];
          const { data } = canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height);
          let dark = 0;
          for (let k = 0; k < data.length; k += 4) dark += !(data[k] + data[k + 1] + data[k + 2]);
          return 4 * dark / data.length;
        }""",
        index,
    )


def test_landmarks_are_covered_until_a_weight_is_chosen(opened):
    said, slider = opened.locator(".said"), opened.get_by_label("λ", exact=True)
    assert said.inner_text().startswith("λ = 0.01: MSE 0.0012, folded (%) 28.0. Which λ")
    assert black(opened, 2) > 0.1
    slider.focus()
    opened.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "100"
    assert "MSE 0.500" in said.inner_text()
    assert black(opened, 2) == 0
    assert opened.locator("circle.chosen").count() == 0
    assert "5.00" not in opened.locator("body").inner_text()
    opened.get_by_role("button", name="I choose this λ").press("Enter")
    assert "You chose 100: 8.00; the best, 1, has 1.25; doing nothing 9.00." in said.inner_text()
    assert opened.locator("circle.chosen").count() == 1
    assert opened.get_by_role("button").is_disabled()
    slider.fill("1")
    assert "TRE (mm) 1.25. You chose 100" in said.inner_text()


def test_the_best_choice_is_told(opened):
    opened.get_by_label("λ", exact=True).fill("1")
    opened.get_by_role("button").click()
    assert "nothing in the sweep is better" in opened.locator(".said").inner_text()


def test_every_picture_has_a_name_and_all_fits_a_phone(opened):
    opened.set_viewport_size({"width": 360, "height": 780})
    opened.get_by_role("button").click()
    for picture in opened.locator("canvas, svg").all():
        assert picture.get_attribute("role") == "img"
        assert picture.get_attribute("aria-label")
    assert opened.locator(".said").get_attribute("role") == "status"
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    area = opened.locator("svg").nth(2).bounding_box()
    assert area["y"] + area["height"] < 780


def test_stored_in_an_untrusted_notebook_it_is_a_picture_with_words(page, lab, as_notebook):
    page.goto(lab(as_notebook(show.sweep(**case()))))
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=30_000)
    assert "TRE (mm) is covered" in picture.get_attribute("alt")
    assert page.locator("canvas").count() == 0
