"""The page of misconceptions has every wrong answer once, and gives no solution away."""

import re
from html import unescape

import pytest

from regtutor.exercises.checking import EXERCISES


@pytest.fixture(scope="module")
def made(docs_module):
    return docs_module("misconceptions")


@pytest.fixture(scope="module")
def text(made):
    return made.page(EXERCISES.values())


def plain(markup):
    """What a reader reads."""
    words = unescape(re.sub(r"</?(?:code|summary|details)>|(?<!\\)`", "", markup))
    return re.sub(r"\\([\\`*_{}\[\]<>#$|~])", r"\1", words)


def test_every_wrong_answer_is_there_with_its_words(made, text):
    wrong = [w for exercise in EXERCISES.values() for w in made.told(exercise)]
    assert text.count("<details>") == text.count("</details>") == len(wrong) > 300
    assert f"\n{len(wrong)} typical wrong answers to the {len(EXERCISES)} exercises" in text
    read = plain(text)
    for one in wrong:
        assert f"… when {one.slip}\n\n{one.look}\n" in read


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda exercise: exercise.name)
def test_the_question_is_asked_and_not_answered(made, exercise):
    section = made.section(exercise)
    lines = plain(section).splitlines()
    assert lines[0] == f"### {exercise.name}"
    assert exercise.question.startswith(lines[2])
    assert len(lines[2]) > 20
    for given_away in (exercise.worked, exercise.why, *exercise.hints, "answer = "):
        assert given_away not in plain(section)


def test_what_would_leave_the_right_choice_over_is_not_told(made):
    told = [wrong.name for wrong in made.told(EXERCISES["header"])]
    left = [wrong.name for wrong in EXERCISES["header"].wrong if wrong.name not in told]
    assert left == ["blames_field", "blames_viewer", "blames_half_voxel"]
    assert len(told) > 4
    assert made.told(EXERCISES["do_nothing_tre"]) == list(EXERCISES["do_nothing_tre"].wrong)


def test_notebooks_stand_in_order_each_once(text):
    numbers = re.findall(r"^## Notebook \{nb\}`(\d\d)`$", text, re.M)
    assert numbers == sorted({exercise.notebook for exercise in EXERCISES.values()})


def test_words_are_not_taken_for_markup(made):
    text = "a * b_c [x](y) <z> $t$ | `k`, call grid_sample(x, y), align_corners=False"
    assert made.readable(text) == (
        r"a \* `b_c` \[x\](y) \<z\> \$t\$ \| \`k\`, call `grid_sample(x, y)`, `align_corners=False`"
    )
    assert made.readable("x_y(a < b) & c", html=True) == "<code>x_y(a &lt; b)</code> &amp; c"
