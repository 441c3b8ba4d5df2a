"""Notebook 05: other loops that are right, every λ and reason is told, other ways from afar."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from regtutor.deformation import Warp, compose, resize_field
from regtutor.exercises import approaching, lambda_table, looping, refining
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge


def another_loop(fixed, moving, parameters, to_ddf, steps, lr):
    """A copy of the parameters, a sum for a mean, gradients forgotten at the end."""
    mine = parameters.clone().requires_grad_()
    optimizer = torch.optim.Adam([mine], lr)
    for _ in range(steps):
        (Warp()(moving, to_ddf(mine)) - fixed).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return to_ddf(mine)


def without_gradients(fixed, moving, parameters, to_ddf, steps, lr):
    parameters.requires_grad_()
    with torch.no_grad():
        loss = F.mse_loss(Warp()(moving, to_ddf(parameters)), fixed)
    loss.backward()


def two_numbers_only(fixed, moving, parameters, to_ddf, steps, lr):
    assert tuple(parameters.shape) == (2, 2)
    return looping.descent(fixed, moving, parameters, to_ddf, steps, lr)


def this_grid_only(fixed, moving, parameters, to_ddf, steps, lr):
    ddf = looping.descent(fixed, moving, parameters, to_ddf, steps, lr)
    return ddf if tuple(ddf.shape[2:]) == looping.SIZE else 0 * ddf


def blank(fixed, moving, parameters, to_ddf, steps, lr):
    for _ in range(steps):
        ...
    return to_ddf(...)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (another_loop, "right"),
        (without_gradients, "detached"),
        (two_numbers_only, "arrives"),
        (this_grid_only, "arrives"),
        (blank, "unanswered"),
        (lambda *all: None, "unanswered"),
        (lambda *all: looping.descent(*all)[0], "form"),
        (lambda *all: looping.descent(*all) / 0, "form"),
        (lambda fixed, moving: fixed, "stopped"),
    ],
)
def test_other_loops(answer, name):
    assert judge(EXERCISES["seven_steps"], answer).name == name


def test_the_loop_finds_what_moved_the_image():
    fixed, moving, to_ddf = looping.case()
    ddf = looping.descent(fixed, moving, torch.zeros(2, 2), to_ddf, 100, 0.2)
    assert F.mse_loss(Warp()(moving, ddf), fixed) < 1e-3 * F.mse_loss(moving, fixed)


def test_the_table_shows_what_its_exercise_says():
    runs = refining.runs()
    column = {name: {w: run[name] for w, run in runs.items()} for name in runs[0.1]}
    mse, dice, folded, tre = column.values()
    assert min(mse, key=mse.get) in (1e-3, 3e-3)
    assert max(dice, key=dice.get) in (1e-3, 3e-3)
    assert max(dice.values()) - dice[0.3] == pytest.approx(0.006, abs=6e-4)
    assert [w for w in runs if folded[w] > 0] == [w for w in runs if w < 3e-3]
    assert mse[1.0] > 2 * mse[0.3]
    assert mse[0.3] / mse[3e-3] == pytest.approx(1.5, abs=0.1)
    assert mse[0.1] / mse[0.01] < 1.3
    good = max(tre[w] for w in refining.GOOD)
    assert good < 1.1
    assert all(run > 1.5 * good for w, run in tre.items() if w >= 1 or w <= 3e-3)
    assert "TRE" not in lambda_table()
    assert "| TRE (mm) |" in lambda_table(tre=True)
    assert lambda_table().count("\n") == 16


def test_every_lambda_with_every_reason_is_told():
    named = {wrong.name for wrong in refining.WRONG}
    for weight, because in itertools.product(refining.WEIGHTS, refining.REASONS):
        verdict = judge(EXERCISES["choose_lambda"], {"lambda": weight, "because": because})
        good = weight in refining.GOOD and because == "elbow"
        assert verdict.name in ({"right"} if good else named), (weight, because)
    for other in ({"lambda": 0.2, "because": "elbow"}, {"lambda": 0.3, "because": "it looks good"}):
        assert judge(EXERCISES["choose_lambda"], other).name == "form"


def composed(fixed, moving, refine):
    """Each level registers what the one before has warped."""
    ddf = torch.zeros(1, 2, *fixed.shape[2:])
    for shrink in (8, 2, 1):
        warped = F.avg_pool2d(Warp()(moving, ddf), shrink)
        small = refine(F.avg_pool2d(fixed, shrink), warped, torch.zeros(1, 2, *warped.shape[2:]))
        ddf = compose(ddf, resize_field(small, fixed.shape[2:]))
    return ddf


def by_a_shift_first(fixed, moving, refine):
    """No pyramid: a shift, then the field."""
    small = F.avg_pool2d(fixed, 8), F.avg_pool2d(moving, 8)

    def to_ddf(shift):
        return shift.view(1, 2, 1, 1).expand(1, 2, *small[0].shape[2:])

    shift = looping.descent(*small, torch.zeros(2), to_ddf, 60, 0.1)
    return refine(fixed, moving, resize_field(shift, fixed.shape[2:]))


def by_heart(fixed, moving, refine):
    step = torch.tensor([0.0, -20.0]).view(1, 2, 1, 1).expand(1, 2, *fixed.shape[2:])
    return refine(fixed, moving, step)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (composed, "right"),
        (by_a_shift_first, "right"),
        (by_heart, "elsewhere"),
        (lambda fixed, moving, refine: torch.zeros(1, 2, 128, 152), "elsewhere"),
        (lambda fixed, moving, refine: torch.zeros(1, 2, 16, 19), "form"),
        (lambda fixed, moving, refine: None, "unanswered"),
        (lambda fixed, moving: None, "stopped"),
    ],
)
def test_other_ways_from_afar(answer, name):
    assert judge(EXERCISES["coarse_to_fine"], answer).name == name


def test_the_pair_is_twenty_voxels_apart_and_more():
    far = approaching.far_pair()
    nothing = torch.zeros(1, 2, *far[0].shape[2:])
    assert 20 < approaching.error(nothing, far) < 24
    found = approaching.coarse_to_fine(far[0], far[1], approaching.refine)
    assert approaching.error(found, far) < 0.5
