"""Notebook 10's useless registration is useless and looks like a good one; its table is whole."""

import pytest
import torch

from regtutor.deformation import Warp, identity_grid
from regtutor.exercises import sorted_by_brightness, tabulate
from regtutor.exercises.registrations import chest
from regtutor.metrics import folding_fraction, target_registration_error


def test_sorting_makes_images_alike_and_landmarks_stray():
    pair = chest()
    ddf = sorted_by_brightness(pair.fixed, pair.moving)
    warped = Warp()(pair.moving, ddf)
    apart, before = ((x - pair.fixed).square().mean() for x in (warped, pair.moving))
    assert apart < before / 5
    points = pair.fixed_points, pair.moving_points
    errors, nothing = (target_registration_error(*points, x, pair.spacing) for x in (ddf, None))
    assert errors.mean() > 3 * nothing.mean()
    assert folding_fraction(ddf) > 0.1


def test_the_n_th_darkest_reads_the_n_th_darkest_and_each_voxel_is_read_once():
    chance = torch.Generator().manual_seed(0)
    fixed, moving = (1000 * torch.rand((1, 1, 12, 17), generator=chance) for _ in range(2))
    ddf = sorted_by_brightness(fixed, moving)
    warped = Warp("nearest")(moving, ddf)
    assert torch.equal(warped.flatten().argsort(), fixed.flatten().argsort())
    assert torch.equal(warped.flatten().sort().values, moving.flatten().sort().values)
    rows, columns = (identity_grid((12, 17)) + ddf).flatten(2)[0].long()
    assert len((rows * 17 + columns).unique()) == 12 * 17


def test_two_grids_and_rows_of_other_columns_are_refused():
    with pytest.raises(ValueError, match="fixed, moving: expected"):
        sorted_by_brightness(torch.rand(1, 1, 6, 7), torch.rand(1, 1, 7, 6))
    with pytest.raises(ValueError, match=r"B: expected the columns \['Dice'\]"):
        tabulate({"A": {"Dice": 1.0}, "B": {"TRE": 1.0}})
