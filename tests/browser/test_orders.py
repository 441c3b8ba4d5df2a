"""A case file is opened test by test, by hand and by keys, with scripts and without, and counts."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.show.test_orders import made

COUNT = "(file) => getComputedStyle(file.querySelector('.sum'), '::after').content"


@pytest.fixture
def address(tmp_path):
    path = tmp_path / "file.html"
    html = made()._repr_mimebundle_()[0]["text/html"]
    path.write_text(f"<!DOCTYPE html><meta charset=utf-8><title>A file</title>{html}", "utf-8")
    return path.as_uri()


def test_a_test_is_seen_only_when_ordered(page, address):
    page.goto(address)
    finding = page.get_by_text("0.0 % <b>")
    assert not finding.is_visible()
    page.get_by_text("A number").click()
    assert finding.is_visible()
    assert not page.get_by_alt_text("Map").is_visible()
    page.get_by_text("A <map>").focus()
    page.keyboard.press("Enter")
    assert page.get_by_alt_text("Map").is_visible()


def test_it_works_where_no_script_may_run(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.get_by_text("A number").click()
    assert page.get_by_text("0.0 % <b>").is_visible()
    context.close()


def test_it_counts_what_is_open_and_fits_a_phone(page, address):
    page.set_viewport_size({"width": 360, "height": 640})
    page.goto(address)
    rule = page.locator("body > div").evaluate(COUNT)
    assert rule == '"Tests ordered: " counter(ordered)'
    bars = page.locator("details").evaluate_all(
        "all => all.map(test => getComputedStyle(test).counterIncrement)"
    )
    assert bars == ["none", "none"]
    page.get_by_text("A number").click()
    bars = page.locator("details").evaluate_all(
        "all => all.map(test => getComputedStyle(test).counterIncrement)"
    )
    assert bars == ["none", "ordered 1"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_it_opens_in_an_untrusted_notebook(page, lab):
    data, metadata = made()._repr_mimebundle_()
    output = new_output("execute_result", data, metadata=metadata, execution_count=1)
    page.goto(lab(new_notebook(cells=[new_code_cell("made()", outputs=[output])])))
    file = page.locator(".jp-OutputArea")
    file.get_by_text("A number").click(timeout=30_000)
    assert file.get_by_text("0.0 % <b>").is_visible()
