"""Two images of one gland: their truth is true, their grids differ, their contrasts disagree."""

import time

import pytest
import torch

from regtutor.data.modalities import prostate_pair, prostate_slice
from regtutor.deformation import Warp, move_points
from regtutor.losses import MSELoss, SelfSimilarityLoss
from regtutor.metrics import DiceMetric, folding_fraction
from regtutor.transforms import ResampleToMatchd

BOTH = pytest.mark.parametrize("make", [prostate_slice, prostate_pair])
MATCH = ResampleToMatchd(
    ["moving_image", "moving_label"],
    "fixed_image",
    mode=["bilinear", "nearest"],
    point_keys={"moving_points": "moving_image"},
)


def mm(affine, points):
    """Voxels `(N, d)` → RAS `(N, 3)`."""
    full = torch.zeros(len(points), 4, dtype=torch.float64)
    full[:, : points.shape[1]], full[:, 3] = points.double(), 1
    return (full @ affine.T)[:, :3]


def at(image, points):
    return image[(0, *points.round().long().T)]


@BOTH
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_true_field_brings_the_gland_over(make, seed):
    data = MATCH(make(seed))
    moving, fixed = (data[f"{side}_label"][None, :1] for side in ("moving", "fixed"))
    warped = (Warp()(moving, data["ddf"][None]) > 0.5).float()
    before, after = (DiceMetric()(label, fixed).item() for label in (moving, warped))
    assert after > 0.95
    assert before < after - 0.03
    assert folding_fraction(data["ddf"][None]).item() == 0


@BOTH
def test_landmarks_follow_the_true_field(make):
    data = MATCH(make(5))
    moved = move_points(data["fixed_points"][None], data["ddf"][None])[0]
    assert (moved - data["moving_points"]).norm(dim=1).max() < 1e-3
    assert (data["fixed_points"] - data["moving_points"]).norm(dim=1).mean() > 0.5


@BOTH
@pytest.mark.parametrize("side", ["fixed", "moving"])
def test_blobs_lie_at_the_landmarks_in_their_order(make, side):
    data = make(5)
    label, points = data[f"{side}_label"], data[f"{side}_points"]
    assert set(label.unique().tolist()) == {0, 1}
    assert len(label) == 1 + len(points)
    for blob, point in zip(label[1:], points, strict=True):
        middle = blob.nonzero().float().mean(dim=0)
        assert (middle - point).abs().max() < 0.5  # of a voxel: a blob is cut to whole voxels
        assert label[0][tuple(point.round().long())] == 1


@BOTH
def test_the_grids_differ_in_size_spacing_and_direction(make):
    data = make(1)
    fixed, moving = data["fixed_image_affine"], data["moving_image_affine"]
    assert data["fixed_image"].shape != data["moving_image"].shape
    assert not torch.allclose(fixed.norm(dim=0), moving.norm(dim=0), rtol=0.1)
    assert torch.linalg.det(fixed[:3, :3]) * torch.linalg.det(moving[:3, :3]) < 0  # mirrored
    assert data["ddf"].shape[1:] == data["fixed_image"].shape[1:]
    rest, pushed = (mm(data[f"{s}_image_affine"], data[f"{s}_points"]) for s in ("moving", "fixed"))
    assert 0.3 < (rest - pushed).norm(dim=1).mean() < 15


def test_a_seed_is_a_gland_whatever_the_grid():
    one, other = prostate_slice(4), prostate_slice(4, size=(64, 60), moving_size=(50, 70))
    for side in ("fixed", "moving"):
        places = [mm(d[f"{side}_image_affine"], d[f"{side}_points"]) for d in (one, other)]
        assert (places[0] - places[1]).norm(dim=1).max() < 0.1


@BOTH
def test_the_same_seed_is_the_same_and_another_is_another(make):
    one, again, other = make(2), make(2), make(3)
    for key in one:
        assert torch.equal(one[key], again[key])
    for key in ("fixed_image", "moving_image", "fixed_points", "ddf", "moving_image_affine"):
        assert not torch.equal(one[key], other[key])


@BOTH
def test_bright_is_dark_and_bright_is_bright(make):
    """Cysts: bright in MR, dark in ultrasound. Calcifications the other way round."""
    data = make(6)
    mr, us = (at(data[f"{s}_image"], data[f"{s}_points"]) for s in ("moving", "fixed"))
    assert mr[:2].min() > 170
    assert us[:2].max() < 40
    assert mr[2:].max() < 60
    assert us[2:].min() > 80
    for side in ("fixed", "moving"):
        image = data[f"{side}_image"]
        assert torch.equal(image, image.round())
        assert 0 <= image.min() < 5
        assert 200 < image.max() <= 255


def test_a_calcification_throws_a_shadow_away_from_the_probe():
    data = prostate_slice(1)
    image, (row, column) = data["fixed_image"][0], data["fixed_points"][4].round().long().tolist()
    behind = image[row - 16 : row - 5, column - 1 : column + 2].mean()
    beside = image[row - 16 : row - 5, column + 10 : column + 14].mean()
    assert behind < 0.6 * beside


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_squares_do_not_find_the_alignment_and_self_similarity_does(seed):
    data = MATCH(prostate_slice(seed))
    fixed = data["fixed_image"][None] / 255
    aligned = Warp()(data["moving_image"][None], data["ddf"][None]) / 255

    def lowest(loss):
        step = torch.zeros(1, 2, *fixed.shape[2:])
        values = {}
        for shift in range(-40, 41, 4):
            step[:, 1] = shift
            values[shift] = loss(Warp()(aligned, step), fixed).item()
        return min(values, key=values.get)

    assert lowest(SelfSimilarityLoss()) == 0
    assert lowest(MSELoss()) != 0


def test_it_is_quick():
    prostate_pair(0, (64, 64, 64))
    began = time.process_time()
    prostate_pair(1, (64, 64, 64))
    assert time.process_time() - began < 1.0  # 0.15 s on a quiet core


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: prostate_slice(-1), "seed"),
        (lambda: prostate_slice(0, (64, 64, 64)), "size: expected 2 whole numbers"),
        (lambda: prostate_pair(0, (64, 64, 8)), "size: expected 3 whole numbers"),
        (lambda: prostate_pair(0, moving_size=(64, 64.0, 64)), "moving_size"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
