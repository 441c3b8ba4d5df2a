"""A case file: the symptom as any picture, the tests closed below it."""

import base64

import pytest
from bs4 import BeautifulSoup

from regtutor import show
from regtutor.show.picture import new_figure, render


def picture(title):
    figure = new_figure(2.0, 1.5, title)
    figure.subplots().plot([0, 1], [0, len(title)])
    return render(figure, title, alt=f'{title}: "1" & <2>')


def made():
    return show.orders(picture("Symptom"), {"A <map>": picture("Map"), "A number": "0.0 % <b>"})


def test_the_symptom_is_the_still_picture():
    data, metadata = made()._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == picture("Symptom").png
    assert data["text/plain"] == metadata["image/png"]["alt"] == 'Symptom: "1" & <2>'


def test_tests_are_closed_have_words_and_take_text_as_text():
    page = BeautifulSoup(made()._repr_mimebundle_()[0]["text/html"], "html.parser")
    assert [image["alt"] for image in page.select("img")] == [
        'Symptom: "1" & <2>',
        'Map: "1" & <2>',
    ]
    tests = page.select("details")
    assert [test.summary.text for test in tests] == ["A <map>", "A number"]
    assert not any(test.has_attr("open") for test in tests)
    assert tests[1].p.text == "0.0 % <b>"
    assert not page.select("script, b")


def test_two_files_on_one_page_have_styles_of_their_own():
    one, other = (
        BeautifulSoup(
            show.orders(picture("Symptom"), {name: "0"})._repr_mimebundle_()[0]["text/html"],
            "html.parser",
        )
        for name in ("A", "B")
    )
    names = [page.div["class"][0] for page in (one, other)]
    assert names[0] != names[1]
    for page, name in zip((one, other), names, strict=True):
        rules = [line for line in page.style.text.splitlines() if "{" in line]
        assert all(rule.startswith(f".{name} ") for rule in rules)


def test_a_file_without_tests_is_refused():
    with pytest.raises(ValueError, match="tests: expected at least one test to order, got none"):
        show.orders(picture("Symptom"), {})
