"""Notebook 02: warps as learners type them, every wrong choice, pictures that tell bugs apart."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from regtutor.deformation import Warp, identity_grid
from regtutor.exercises import letter, mysteries, wrong_warps
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.exercises.labelling import PURPOSES, WAYS
from regtutor.exercises.mysteries import CAUSES, SWITCHES, misread
from regtutor.exercises.warping import PLACES, reading, uneven_field, warp


def typed(image, ddf, slip=""):
    """The five lines as a learner writes them, with one slip."""
    rows, columns = image.shape[2:]
    if slip == "swapped":
        ddf = ddf[:, [1, 0]]
    if slip == "sign":
        ddf = -ddf
    places = ddf if slip == "no_identity" else identity_grid((rows, columns)) + ddf
    if slip == "normalised_units":
        places = identity_grid((rows, columns))
    more = 0 if slip == "divided_by_n" else 1
    row = 2 * places[:, 0] / (rows - more) - 1
    column = 2 * places[:, 1] / (columns - more) - 1
    if slip == "normalised_units":
        row, column = row + ddf[:, 0], column + ddf[:, 1]
    if slip == "not_normalised":
        row, column = places[:, 0], places[:, 1]
    if slip == "reshaped":
        grid = torch.stack([column, row], dim=1).reshape(-1, rows, columns, 2)
    elif slip == "layout":
        grid = torch.stack([column, row], dim=1)
    elif slip == "order":
        grid = torch.stack([row, column], dim=-1)
    else:
        grid = torch.stack([column, row], dim=-1)
    if slip == "defaults":
        return F.grid_sample(image, grid, align_corners=False)
    mode = "nearest" if slip == "nearest" else "bilinear"
    padding = "zeros" if slip == "zeros" else "border"
    corners = slip != "align_corners"
    return F.grid_sample(image, grid, mode, padding, align_corners=corners)


def as_an_answer(slip):
    return lambda image, ddf: typed(image, ddf, slip)


@pytest.mark.parametrize("slip", [w.name for w in EXERCISES["warp"].wrong if w.name != "pushed"])
def test_a_warp_that_is_typed_is_told_its_slip(slip):
    assert judge(EXERCISES["warp"], as_an_answer(slip)).name == slip


def test_of_several_slips_one_is_told():
    """And when it is mended the next, until it is right."""
    names = [wrong.name for wrong in EXERCISES["warp"].wrong]
    places, settings = names[1 : names.index("order")], ("", "align_corners", "zeros", "defaults")
    for place, turn, setting in itertools.product((None, *places), (False, True), settings):
        rims = setting in ("align_corners", "defaults")
        padding = "zeros" if setting in ("zeros", "defaults") else "border"
        answer = reading(PLACES.get(place, lambda x, u, last: x + u), turn, rims,
                         padding_mode=padding)  # fmt: skip
        told = judge(EXERCISES["warp"], answer).name
        assert told == (place or ("order" if turn else setting) or "right"), (place, turn, setting)


def test_pushing_voxel_by_voxel_is_told():
    def push(image, ddf):
        out, (rows, columns) = torch.zeros_like(image), image.shape[2:]
        for r, c in itertools.product(range(rows), range(columns)):
            to_row = min(max(round(r + ddf[0, 0, r, c].item()), 0), rows - 1)
            to_column = min(max(round(c + ddf[0, 1, r, c].item()), 0), columns - 1)
            out[:, :, to_row, to_column] = image[:, :, r, c]
        return out

    assert judge(EXERCISES["warp"], push).name == "pushed"


def test_other_right_warps_are_right():
    assert judge(EXERCISES["warp"], as_an_answer("")).name == "right"
    assert judge(EXERCISES["warp"], Warp()).name == "right"


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda image, ddf: typed(image, ddf).detach(), "gradient"),
        (lambda image, ddf: typed(image, ddf[:1].expand_as(ddf)), "whole_steps"),
        (lambda image, ddf: typed(image, ddf) if image.shape[3] == 56 else image + 1, "identity"),
        (lambda image, ddf: typed(image, ddf)[0], "form"),
        (lambda image, ddf: typed(image, ddf).double(), "form"),
        (lambda image, ddf: typed(image, ddf) / 0 * 0, "form"),
        (lambda image, ddf: typed(image, ddf).numpy(), "form"),
        (lambda image: image, "stopped"),
        (lambda image, ddf: ddf @ image, "stopped"),
        (lambda image, ddf: None, "unanswered"),
        (lambda image, ddf: typed(image, 0.9 * ddf), "whole_steps"),
        (lambda image, ddf: Warp(mode="bicubic")(image, ddf), "unknown"),
    ],
)
def test_what_else_can_be_wrong_with_a_warp(answer, name):
    assert judge(EXERCISES["warp"], answer).name == name


def test_the_solution_is_the_librarys_warp():
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 9, 14, generator=generator)
    ddf = 4 * torch.randn(2, 2, 9, 14, generator=generator)
    torch.testing.assert_close(warp(image, ddf), Warp()(image, ddf), atol=1e-5, rtol=0)


def passes(image, ddf):
    """The wrong warps that give the right picture, to a hundredth of its range."""
    right = Warp()(image, ddf)
    return {name for name, wrong in wrong_warps().items()
            if (wrong(image, ddf) - right).abs().max() < 0.01}  # fmt: skip


def test_the_letter_shows_every_wrong_warp_and_a_disc_does_not():
    assert passes(letter(), uneven_field()) == set()
    places = identity_grid((41, 41))
    disc = ((places - 20).norm(dim=1, keepdim=True) < 8).float()
    same_step = torch.full((1, 2, 41, 41), 5.0)
    assert {"swapped", "order", "zeros", "nearest"} <= passes(disc, same_step)
    assert {"swapped", "sign", "normalised_units", "order"} <= passes(disc, 0 * same_step)


def test_every_set_of_switches_has_a_picture_of_its_own():
    sets = [set(s) for n in range(6) for s in itertools.combinations(SWITCHES, n)]
    made = [misread(bugs) for bugs in sets]
    for one, other in itertools.combinations(made, 2):
        assert (one - other).abs().max() > 0.2
    for name, picture in mysteries().items():
        causes = [bugs for bugs, image in zip(sets, made, strict=True) if image.equal(picture)]
        assert causes == [CAUSES[name]]
    assert set().union(*CAUSES.values()) == set(SWITCHES)


def test_the_letter_goes_where_the_words_of_the_exercise_say():
    def corner(image):
        row, column = (image[0, 0] > 0.9).nonzero().min(dim=0).values.tolist()
        return row, column

    start = corner(letter())
    moved = {
        bugs: tuple(a - b for a, b in zip(corner(misread(bugs)), start, strict=True))
        for bugs in [(), ("sign",), ("components",), ("components", "millimetres")]
    }
    assert list(moved.values()) == [(-6, 2), (6, -2), (2, -6), (4, -9)]


def test_every_wrong_choice_is_told():
    subsets = [set(s) for n in range(6) for s in itertools.combinations(SWITCHES, n)]
    named = {wrong.name for wrong in EXERCISES["switches"].wrong}
    for name, bugs in itertools.product(CAUSES, subsets):
        verdict = judge(EXERCISES["switches"], CAUSES | {name: bugs})
        assert verdict.name in (named if bugs != CAUSES[name] else {"right"}), (name, bugs)
    named = {wrong.name for wrong in EXERCISES["label_ways"].wrong}
    for ways in itertools.product(WAYS, repeat=3):
        answer = dict(zip(PURPOSES, ways, strict=True))
        verdict = judge(EXERCISES["label_ways"], answer)
        assert verdict.name in (named if answer != PURPOSES else {"right"}), answer


def test_other_forms_of_a_right_answer():
    sets = {name: tuple(bugs) for name, bugs in CAUSES.items()}
    assert judge(EXERCISES["switches"], sets).name == "right"
    places = {"read": torch.tensor([58, 90]), "shown": [42.0, 90.0]}
    assert judge(EXERCISES["arrow"], places).name == "right"
