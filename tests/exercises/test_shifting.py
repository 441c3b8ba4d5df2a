"""Notebook 13: shifts and their truth; what its prose says of the shipped networks is so."""

import pytest
import torch

from regtutor.data.thorax import breathing_slice
from regtutor.deformation import Warp
from regtutor.exercises import SHIFTS, rescuing, shifted
from regtutor.instance import Level, register
from regtutor.metrics import target_registration_error
from regtutor.networks import trained_globalnet, trained_localnet


def error(case, ddf):
    points = case.fixed_points, case.moving_points
    return target_registration_error(*points, ddf, case.spacing).mean().item()


def nothing(case):
    return error(case, torch.zeros(1, 2, *case.fixed.shape[2:]))


def test_the_first_amount_of_each_shift_is_the_chest_itself():
    plain = breathing_slice(907, (112, 140))
    for shift, amounts in SHIFTS.items():
        case = shifted(shift, next(iter(amounts)))
        assert (case.moving - ((plain.moving + 1000) / 1200).clamp(0, 1)).abs().max() < 1e-3, shift
        assert (case.fixed_points - plain.fixed_points).abs().max() < 1e-3, shift
        assert case.spacing == pytest.approx(plain.spacing)


def test_landmarks_go_along_with_what_is_seen():
    before = shifted("both turned", 0)
    for shift, amount in (("both turned", 45), ("voxel size", 1.5), ("blur", 2)):
        assert nothing(shifted(shift, amount)) == pytest.approx(nothing(before), rel=1e-3)
    assert nothing(shifted("moving lies lower", 40)) > nothing(before) + 25
    for shift, amount in (("both turned", 30), ("voxel size", 1.5), ("moving lies lower", 20)):
        case = shifted(shift, amount)
        for label, points in ((case.fixed_label, case.fixed_points),
                              (case.moving_label, case.moving_points)):  # fmt: skip
            row, column = points[0].round().long().unbind(1)
            inside = label[0, 0][row, column].mean()
            assert inside > 0.97, (shift, inside)


def test_the_other_organ_moves_as_the_chest_did():
    case, chest = shifted("another organ", 1), breathing_slice(907, (112, 140))
    after = (Warp()(case.moving, chest.ddf) - case.fixed).square().mean()
    assert after < 0.1 * (case.moving - case.fixed).square().mean()
    assert (case.fixed - shifted("another organ", 0).fixed).abs().mean() > 0.1


def refined(case, ddf):
    levels = [Level(shrink=2, spacing=4, steps=40)]
    return register(case.fixed, case.moving, start=ddf, levels=levels).ddf


@pytest.mark.parametrize(
    ("shift", "amount", "falls", "caught"),
    [
        ("gain, both scans", 0.2, True, True),
        ("gain, moving scan", 0.6, True, True),
        ("another organ", 1, True, True),
        ("blur", 1, False, True),
        ("both turned", 180, True, False),
        ("moving lies lower", 30, True, False),
    ],
)
def test_cliffs_fall_and_are_caught_as_the_notebook_says(shift, amount, falls, caught):
    case = shifted(shift, amount)
    ddf = rescuing.asked(trained_localnet(2), case.fixed, case.moving)
    assert (error(case, ddf) > nothing(case) / 2) == falls
    assert (error(case, refined(case, ddf)) < 0.2 * nothing(case)) == caught
    if amount == 180:
        assert error(case, ddf) > nothing(case)


def test_each_repair_of_the_notebook_mends_what_it_says():
    local, askew = trained_localnet(2), trained_globalnet(2)
    plain, dark = shifted("blur", 0), shifted("gain, moving scan", 0.6)
    clip = plain.moving.clone()
    clip[..., 30:33, 60:63] = 3
    good = error(plain, rescuing.asked(local, plain.fixed, plain.moving))
    stretched = rescuing.SLIPS["min_max"]
    assert good < 0.2 * nothing(plain)
    at_home = refined(plain, rescuing.asked(local, plain.fixed, plain.moving))
    assert good < error(plain, at_home) < 0.2 * nothing(plain)
    assert error(dark, stretched(local, dark.fixed, dark.moving)) < 1.1 * good
    assert error(plain, stretched(local, plain.fixed, clip)) > 2 * good
    assert error(plain, rescuing.asked(local, plain.fixed, clip.clamp(0, 1))) < 1.1 * good
    for mm in (20, 30, 40):
        case = shifted("moving lies lower", mm)
        ours, theirs = (rescuing.asked(n, case.fixed, case.moving) for n in (local, askew))
        assert error(case, theirs) < 0.6 * error(case, ours)
    assert error(case, refined(case, theirs)) < 3
