"""Dice of what can be counted, and of what should not be scored."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.deformation import Warp
from regtutor.metrics import DiceMetric


def cube(start, size=(12, 12, 12), side=4):
    image = torch.zeros(1, 1, *size)
    image[(..., *[slice(start, start + side)] * len(size))] = 1
    return image


def blobs(seed=0, batch=2, channels=3):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(batch, channels, 6, 7, generator=generator) > 0.5).float()


@pytest.mark.parametrize("size", [(12, 12), (12, 12, 12)], ids=["2d", "3d"])
@pytest.mark.parametrize("shift", [0, 1, 3, 4, 6])
def test_shifted_cubes(size, shift):
    score = DiceMetric()(cube(shift, size), cube(0, size))
    assert score.shape == (1, 1)
    assert score.item() == pytest.approx(max(1 - shift / 4, 0) ** len(size), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), channels=st.integers(1, 4))
def test_range_and_symmetry(seed, channels):
    pred, truth = blobs(seed, channels=channels), blobs(seed + 1000, channels=channels)
    score = DiceMetric()(pred, truth)
    assert score.shape == (2, channels)
    assert ((score >= 0) & (score <= 1)).all()
    assert torch.equal(DiceMetric()(truth, pred), score)
    assert (DiceMetric()(pred, pred) == 1).all()


def test_every_dtype_and_no_gradient():
    pred, truth = blobs(), blobs(1)
    score = DiceMetric()(pred, truth)
    for dtype in (torch.bool, torch.uint8, torch.int64, torch.float64):
        assert torch.equal(DiceMetric()(pred.to(dtype), truth.to(dtype)), score)
    assert not DiceMetric()(pred.requires_grad_(), truth).requires_grad


def test_it_adds_up_until_reset():
    metric = DiceMetric()
    metric(cube(0), cube(0))
    metric(cube(8), cube(0))
    assert len(metric) == 2
    assert metric.get_buffer().tolist() == [[1], [0]]
    assert metric.aggregate().item() == 0.5
    assert metric.aggregate("none").shape == (2, 1)
    metric.reset()
    with pytest.raises(ValueError, match="aggregate: expected at least one case, got none"):
        metric.aggregate()
    metric(cube(8), cube(0))
    assert metric.aggregate().item() == 0  # not the mean with the epoch before


def test_a_label_map_of_many_labels():
    """Label 1 right and all others wrong: MONAI says 1.0 if it is not told how many there are."""
    truth = torch.arange(5).repeat(20).view(1, 1, 10, 10)
    pred = torch.where(truth == 1, 1, (truth + 1) % 5)
    pred = torch.where((truth != 1) & (pred == 1), 0, pred)
    with pytest.raises(ValueError, match=r"y_pred: expected labels from 0 to 1, .*num_classes"):
        DiceMetric()(pred, truth)
    score = DiceMetric(num_classes=5)(pred, truth)
    assert score[0, 1] == 1
    assert score[0, [2, 3, 4]].max() == 0
    assert DiceMetric(False, num_classes=5)(pred, truth).shape == (1, 4)


def test_a_warped_label():
    """A ball moved by half a voxel: as it comes only exact ones count; cut at ½ it is right."""
    axes = torch.meshgrid(*[torch.arange(16.0)] * 3, indexing="ij")
    ball, moved = (
        (sum((x - centre) ** 2 for x in axes).sqrt() <= 5).float()[None, None]
        for centre in (8, 7.5)
    )
    warped = Warp()(ball, torch.full((1, 3, 16, 16, 16), 0.5))
    metric = DiceMetric()
    with pytest.warns(UserWarning, match=r"y_pred: expected 0 and 1.*\(y_pred > 0.5\).float\(\)"):
        raw = metric(warped, moved).item()
    assert metric(warped, moved).item() == raw  # it warns once
    cut = DiceMetric()((warped > 0.5).float(), moved).item()
    assert cut > 0.9
    assert raw < cut - 0.1


def test_nothing_to_find():
    empty = torch.zeros(1, 1, 12, 12, 12)
    metric = DiceMetric()
    assert metric(cube(0), empty).isnan().all()
    with pytest.warns(UserWarning, match="A mean over none is given as 0"):
        assert metric.aggregate().item() == 0  # MONAI's number
    metric(cube(0), cube(0))
    assert metric.aggregate().item() == 1  # it does not count
    strict = DiceMetric(ignore_empty=False)
    assert strict(empty, empty).item() == 1
    assert strict(cube(0), empty).item() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "median"}, "reduction: expected one of 'none', 'mean'"),
        ({"num_classes": 0}, "num_classes: expected a whole number ≥ 1"),
        ({"return_with_label": True}, "reduction: expected 'mean_batch' for return_with_label"),
        ({"per_component": True}, "per_component: expected False"),
        ({"ignore_index": 0}, "ignore_index: expected None"),
    ],
)
def test_refuses_at_construction(options, message):
    with pytest.raises(ValueError, match=message):
        DiceMetric(**options)


@pytest.mark.parametrize(
    ("options", "pred", "truth", "message"),
    [
        ({}, cube(0), 255 * cube(0), "y: expected labels from 0 to 1, got values from 0 to 255"),
        ({}, 9 * blobs() - 4, blobs(), "y_pred: expected labels from 0 to 1"),
        ({}, cube(0) * torch.nan, cube(0), "y_pred: .*nan"),
        ({}, cube(0), cube(0)[:, :, :8], "y_pred: expected the batch and grid of y"),
        ({}, blobs(batch=1), blobs(), "y_pred: expected the batch and grid of y"),
        ({}, blobs(channels=1), blobs(), r"y: expected 1 channel or 1, got \(2, 3, 6, 7\)"),
        ({"num_classes": 5}, blobs(), blobs(), "y_pred: expected 1 channel or 5"),
        ({"num_classes": 2}, 2 * cube(0), cube(0), "y_pred: expected labels from 0 to 1"),
        ({}, cube(0)[0], cube(0)[0].numpy(), "y: expected a tensor, got ndarray"),
        ({}, cube(0)[0, 0], cube(0)[0, 0], r"y_pred: expected \(B, C, H, W\) or"),
    ],
)
def test_refuses(options, pred, truth, message):
    with pytest.raises(ValueError, match=message):
        DiceMetric(**options)(pred, truth)


def test_refuses_other_channels_in_one_epoch():
    metric = DiceMetric()
    metric(blobs(), blobs(1))
    with pytest.raises(ValueError, match="channels: expected 3, got 2"):
        metric(blobs(channels=2), blobs(channels=2))
    with pytest.raises(ValueError, match="reduction: expected one of"):
        metric.aggregate("median")


@pytest.mark.parametrize("include_background", [True, False])
@pytest.mark.parametrize("slab", [7, 2**18])
def test_counting_in_slabs_is_counting(plain, monkeypatch, slab, include_background):
    monkeypatch.setattr("regtutor.metrics.scores.SLAB", slab)
    maps = torch.randint(0, 4, (2, 2, 1, 5, 6, 7), generator=torch.Generator().manual_seed(0))
    pred, truth = (torch.cat([m == k for k in range(4)], dim=1) for m in maps)
    truth[1, 2] = False
    expected = plain.dice(pred, truth)[:, 0 if include_background else 1 :]
    score = DiceMetric(include_background)
    for dtype in (torch.float32, torch.float16, torch.bool):
        forms = [labels.to(dtype) for labels in (pred, truth)]
        assert torch.allclose(score(*forms), expected, atol=1e-7, equal_nan=True)
        turned = [labels.mT.contiguous().mT for labels in forms]  # the same, laid out otherwise
        assert torch.allclose(score(*turned), expected, atol=1e-7, equal_nan=True)
    both = DiceMetric(include_background, num_classes=4)(*maps)
    assert torch.allclose(both[0], expected[0], atol=1e-7)
    alone = DiceMetric()(pred[:, :1].float(), truth[:, :1].float())
    assert torch.allclose(alone, plain.dice(pred[:, :1], truth[:, :1]), atol=1e-7)


@pytest.mark.parametrize("value", [1e-30, 1 - 6e-8, 1 + 1e-4, -1e-4, 0.5])
@pytest.mark.parametrize("channels", [1, 2])
def test_one_soft_voxel_among_many_is_seen(monkeypatch, value, channels):
    """However little it adds to a sum, and in any slab; −1e-4 is given a voxel that cancels it."""
    monkeypatch.setattr("regtutor.metrics.scores.SLAB", 20_000)
    pred = torch.ones(1, channels, 40, 40, 40)
    pred[0, 0, 20, 20, 20] = value
    pred[0, 0, 3, 3, 3] = 1e-4 if value < 0 else 1
    with pytest.warns(UserWarning, match="y_pred: expected 0 and 1"):
        DiceMetric()(pred, torch.ones_like(pred))
