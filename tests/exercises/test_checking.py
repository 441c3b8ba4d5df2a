"""Every exercise: its solution passes, each typical wrong answer is named, an empty one is not."""

import itertools

import pytest
import torch

from regtutor.exercises import check, hint, solution
from regtutor.exercises.checking import EXERCISES, MODULES
from regtutor.exercises.exercise import Exercise, Property, Wrong, alike, is_blank, judge

each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
each_wrong = pytest.mark.parametrize(
    ("exercise", "wrong"),
    [pytest.param(e, w, id=f"{e.name}-{w.name}") for e in EXERCISES.values() for w in e.wrong],
)


@each
def test_the_solution_is_right(exercise):
    verdict = judge(exercise, exercise.solution())
    assert verdict.name == "right", verdict
    assert exercise.why in verdict.text


@each_wrong
def test_a_wrong_answer_is_told_its_own_mistake(exercise, wrong):
    verdict = judge(exercise, wrong.answer())
    assert verdict.name == wrong.name, verdict
    assert wrong.slip in verdict.text
    assert wrong.look in verdict.text


@each
def test_wrong_answers_differ_from_each_other_and_from_the_right_one(exercise):
    answers = [exercise.solution(), *(wrong.answer() for wrong in exercise.wrong)]
    seen = [exercise.observe(answer) for answer in answers]
    for one, other in itertools.combinations(seen, 2):
        assert not alike(one, other, 2 * exercise.tolerance)


@each
def test_an_empty_answer_stops_nothing(exercise, capsys):
    for empty in (..., None, {"a": ...}, [1, ...]):
        check(exercise.name, empty)
        assert capsys.readouterr().out == "not answered yet\n"


@each
def test_nonsense_is_told_its_form_and_stops_nothing(exercise):
    for nonsense in ("nonsense", {"x": 1}, [], object(), float("nan"), (1, 2)):
        verdict = judge(exercise, nonsense)
        assert verdict.name not in ("right", "unanswered"), (nonsense, verdict)


@each
def test_there_is_enough_to_say(exercise, capsys):
    assert len(exercise.wrong) >= 5
    names = [wrong.name for wrong in exercise.wrong] + [p.name for p in exercise.properties]
    assert len(set(names)) == len(names)
    assert not set(names) & {"right", "unanswered", "form", "stopped", "unknown"}
    assert exercise.question
    for step in (1, 2, 3):
        hint(exercise.name, step)
        assert capsys.readouterr().out.startswith(f"Hint {step}: ")
    solution(exercise.name)
    printed = capsys.readouterr().out
    assert all(f"{part.__name__}(" in printed for part in exercise.code)
    assert exercise.code or "answer = " in printed


def test_names_are_unique_and_say_their_notebook():
    assert len(EXERCISES) == sum(len(module.EXERCISES) for module in MODULES)
    for module in MODULES:
        for exercise in module.EXERCISES:
            assert module.__name__.endswith(exercise.notebook)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="name: expected one of 'four_overlays'"):
        check("warp_in_five_lines", 3)
    with pytest.raises(ValueError, match="step: expected one of 1, 2, 3, got 4"):
        hint("clip_hu", 4)


SQUARE = Exercise(
    name="square", notebook="00", question="Square x.", solution=lambda: lambda x: x * x,
    why="Yes.", hints=("a", "b", "c"), worked="x · x",
    wrong=(Wrong("double", "x is doubled", "Multiply x by x.", lambda: lambda x: 2 * x),),
    observe=lambda answer: answer(3.0),
    properties=(Property("even", lambda f: f(-5.0) == f(5.0), "The sign must not matter."),),
)  # fmt: skip


def blanks(x):
    y = ...
    return y * x


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x: x**2, "right"),
        (lambda x: x + x, "double"),
        (lambda x: 9.0 if x > 0 else 0.0, "even"),  # learned by heart
        ({3.0: 9.0}.__getitem__, "even"),  # and stops on anything else
        (lambda x: 1 / 0, "stopped"),
        (lambda x: -7.0, "unknown"),
        (lambda x: None, "unanswered"),
        (blanks, "unanswered"),
    ],
)
def test_the_order_in_which_an_answer_is_judged(answer, name):
    assert judge(SQUARE, answer).name == name


def test_a_long_error_is_cut():
    def answer(x):
        raise ValueError("many numbers: " + "0.25 " * 1000)

    text = judge(SQUARE, answer).text
    assert text.startswith("Not yet: it stopped with ValueError: many numbers: 0.25")
    assert len(text) < 300
    assert text.endswith("…")


def test_alike_compares_structure_and_numbers():
    value = {"a": [1.0, torch.ones(2)], "b": "x"}
    assert alike(value, {"a": (1.0005, torch.ones(2)), "b": "x"}, 1e-3)
    for other in ({"a": [1.0, torch.ones(3)], "b": "x"}, {"a": [1.002, torch.ones(2)], "b": "x"},
                  {"a": [1.0, torch.ones(2)], "b": "y"}, {"a": [1.0], "b": "x"}):  # fmt: skip
        assert not alike(value, other, 1e-3)
    assert not alike(True, "True", 1e-3)
    assert is_blank((torch.ones(2), [...]))
    assert not is_blank((torch.ones(2), 0, "", []))
