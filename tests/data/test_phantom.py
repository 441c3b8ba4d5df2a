"""The parts of the phantom: solids, tubes, trees, the map from one body to another."""

from __future__ import annotations

import math

import pytest
import torch

from regtutor.data.phantom.anatomy import draw_subject, from_body, lungs, survey, to_body
from regtutor.data.phantom.breathing import grid_over
from regtutor.data.phantom.shapes import Canvas, box, capsule, ellipsoid, join, overlap
from regtutor.data.phantom.trees import AIRWAY, GENERATIONS, HILA, grow
from regtutor.data.phantom.tubes import beads, draw_tubes


def column(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers)[:, None]


def test_distances_of_solids():
    place = column(3.0, 4.0, 0.0)
    assert ellipsoid(place, (0, 0, 0), (2, 2, 2)).item() == pytest.approx(3)
    assert capsule(place, (0, 0, 0), (3, 0, 0), 1).item() == pytest.approx(3)
    assert box(place, (0, 0, 0), (1, 1, 1), round_off=0).item() == pytest.approx(math.hypot(2, 3))
    # The first radius points along the axis: on the surface the distance is zero.
    along = ellipsoid(column(4 * 0.6, 4 * 0.8, 0), (0, 0, 0), (4, 1, 1), axis=(0.6, 0.8, 0))
    assert along.item() == pytest.approx(0, abs=1e-5)


def test_overlap_and_join_are_rounded_maximum_and_minimum():
    a, b = torch.tensor([-5.0, 0, 9]), torch.tensor([2.0, 0, -9])
    assert torch.allclose(overlap([a, b], 4), torch.tensor([2.0, 1, 9]))
    assert torch.allclose(join([a, b], 4), torch.tensor([-5.0, -1, -9]))


def test_paint_shares_the_edge():
    canvas = Canvas(torch.full((3,), -1000.0), voxel=2)
    canvas.paint(torch.tensor([-2.0, 0, 2]), 0.0)
    assert canvas.hu.tolist() == [0, -500, -1000]


@pytest.mark.parametrize("radius", [0.2, 0.5, 0.6, 1.0, 2.5, 5.0])
def test_a_tube_keeps_its_mass(radius):
    """Thin or thick, the shares sum to the volume π r² l, to 5 %."""
    curve = torch.tensor([[[20.0, 20.3, 4.0], [20.2, 20.4, 20.0], [20.4, 20.7, 36.0]]])
    places, radii, _ = beads(curve, torch.full((1, 2), radius), step=0.4)
    share = draw_tubes((40, 40, 40), torch.ones(3), places, radii, torch.zeros(len(places)))
    middle = share[:, :, 12:28].sum() / 16  # without the round ends
    assert middle == pytest.approx(math.pi * radius**2, rel=0.05)
    assert share.max() <= 1


def test_a_tube_off_the_plane_is_fainter():
    places, radii = torch.full((1, 2), 8.0), torch.tensor([3.0])
    sums = [
        float(draw_tubes((17, 17), torch.ones(2), places, radii, torch.tensor([far])).sum())
        for far in (0.0, 2.0, 4.0)
    ]
    assert sums[0] == pytest.approx(math.pi * 9, rel=0.05)
    assert sums[0] > sums[1] > sums[2] == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_body_map_and_back(seed):
    subject, generator = draw_subject(seed)
    mm = (torch.rand((3, 500), generator=generator) - 0.5) * 300
    assert (from_body(to_body(mm, subject), subject) - mm).abs().max() < 1e-3


def test_grid_places_and_back():
    """Voxel centres lie half a voxel within the field of view, about the same middle."""
    for size, axes, signs in (((32, 40, 64), (0, 1, 2), (1, 1, 1)), ((64, 32), (2, 0), (-1, 1))):
        grid = grid_over(size, axes, signs, depth=5)
        voxels = torch.rand(len(size), 20) * 30
        back, aside = grid.voxels(grid.mm(voxels))
        assert torch.allclose(back.T, voxels, atol=1e-3)
        assert aside.max() < 1e-3
        off = grid.mm(voxels) + torch.tensor([[0.0], [3.0], [0.0]])
        assert grid.voxels(off)[1].mean() == pytest.approx(0 if len(size) == 3 else 3, abs=1e-3)


def test_trees_fill_the_lungs():
    subject, generator = draw_subject(0)
    tree = grow(subject, generator)
    branches = sum(len(HILA) << (generation + 1) for generation in range(GENERATIONS))
    assert int((~tree.trunk & (tree.kind != AIRWAY)).sum()) == branches
    assert (tree.radii > 0).all()
    twigs = tree.curves[:branches][-2048:, 2].T  # ends of the last generation
    assert (lungs(survey(twigs, subject), subject) < 2).float().mean() > 0.97
    inside = lungs(survey(tree.forks.T, subject), subject) < 0
    assert inside.float().mean() > 0.9
    # Every place deep in the lungs has a twig near: nothing is left bare.
    cloud = (torch.rand((3, 4000), generator=generator) - 0.5) * 220
    deep = cloud[:, lungs(survey(cloud, subject), subject) < -5].T
    assert torch.cdist(deep, twigs.T).amin(1).max() < 25
