"""What of a pair is compared: known terms under known fields, the same on every grid."""

import pytest
import torch

from regtutor.deformation import sample
from regtutor.losses import DiceLoss, MSELoss
from regtutor.mismatch import Pair, inside, mismatch


def ramp(size):
    """Rises evenly along both axes, from 0 to 1."""
    rows, columns = (torch.linspace(0, 0.5, n) for n in size)
    return (rows[:, None] + columns)[None, None]


def shifted(size, *voxels):
    return torch.tensor(voxels).view(1, -1, *[1] * len(size)).expand(1, -1, *size).clone()


@pytest.mark.parametrize("shrink", [2, 4])
def test_points_keep_their_places_on_a_coarser_grid(shrink):
    """A ramp averaged over voxels is a ramp: at a point it says where the point is."""
    image = ramp((32, 48))
    points = torch.tensor([[[8.0, 11.0], [20.25, 30.5], [15.5, 40.0]]])
    pair = Pair(image, image, fixed_points=points, moving_points=points)
    small = pair.at(shrink)
    assert small.size == (32 // shrink, 48 // shrink)
    before = sample(image, points.movedim(-1, 1)[..., None])
    after = sample(small.fixed, small.fixed_points.movedim(-1, 1)[..., None])
    assert torch.allclose(before, after, atol=1e-5)
    assert pair.at(1) is pair


def test_sizes_that_do_not_halve_keep_their_faces():
    points = torch.tensor([[[-0.5, -0.5], [32.5, 18.5]]])  # the outer corners of 33 × 19 voxels
    image = ramp((33, 19))
    small = Pair(image, image, fixed_points=points, moving_points=points).at(2)
    assert small.size == (17, 10)
    assert torch.allclose(small.fixed_points, torch.tensor([[[-0.5, -0.5], [16.5, 9.5]]]))


def test_each_term_is_what_it_says():
    image, label = ramp((16, 20)), (ramp((16, 20)) > 0.4).float()
    points = torch.tensor([[[4.0, 5.0], [9.0, 12.0]]])
    pair = Pair(image, image, label, label, points, points + torch.tensor([3.0, 4.0]))
    still = torch.zeros(1, 2, 16, 20)
    terms = mismatch(pair, still, MSELoss())
    assert terms["image"].item() < 1e-12
    assert terms["label"].item() == pytest.approx(DiceLoss()(label, label).item(), abs=1e-6)
    assert terms["points"].item() == pytest.approx(0.1 * 5, abs=1e-4)
    there = shifted((16, 20), 3.0, 4.0)
    terms = mismatch(pair, there, MSELoss())
    assert terms["points"].item() < 2e-4
    assert terms["image"].item() > 0.01
    assert list(mismatch(Pair(image, image), still, MSELoss())) == ["image"]


def test_what_is_read_beyond_the_image_does_not_count():
    """All that is in sight moves by whole voxels: nothing differs, whatever was pulled in."""
    moving = torch.rand(1, 1, 16, 20, generator=torch.Generator().manual_seed(0))
    fixed = moving.roll((-3, 2), dims=(2, 3))
    ddf = shifted((16, 20), 3.0, -2.0)
    assert inside(ddf).sum() == 13 * 18
    assert mismatch(Pair(fixed, moving), ddf, MSELoss())["image"].item() < 1e-12
    mask = torch.ones_like(fixed)
    mask[..., :10] = 0
    spoilt = torch.where(mask > 0, fixed, 1 - fixed)
    assert mismatch(Pair(spoilt, moving, mask=mask), ddf, MSELoss())["image"].item() < 1e-12
    assert mismatch(Pair(spoilt, moving), ddf, MSELoss())["image"].item() > 0.01
