"""The Dice loss: overlaps that can be counted by hand, and what it refuses."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.losses import DiceLoss


def cube(size, start, side=4):
    """A cube of ones at `start` along every axis: `(1, 1, *size)`."""
    image = torch.zeros(1, 1, *size)
    image[(..., *[slice(start, start + side)] * len(size))] = 1
    return image


def soft(seed=0, channels=3, batch=2, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, channels, 5, 6, generator=generator, dtype=dtype)


@pytest.mark.parametrize("size", [(12, 12), (12, 12, 12)], ids=["2d", "3d"])
@pytest.mark.parametrize("shift", [0, 1, 2, 4, 8])
def test_shifted_cubes(size, shift):
    d, common = len(size), max(4 - shift, 0)
    dice, jaccard = (DiceLoss(jaccard=j)(cube(size, shift), cube(size, 0)) for j in (False, True))
    overlap, union = common**d, 2 * 4**d - common**d
    assert dice.item() == pytest.approx(1 - 2 * overlap / (2 * 4**d), abs=1e-5)
    assert jaccard.item() == pytest.approx(1 - overlap / union, abs=1e-5)


def test_apart_it_cannot_say_how_far():
    """No overlap: the same loss at any distance, and no gradient that would bring them nearer."""
    near, far = cube((20, 20), 5), cube((20, 20), 14)
    pred = cube((20, 20), 0).requires_grad_()
    assert DiceLoss()(pred, near).item() == pytest.approx(DiceLoss()(pred, far).item(), abs=1e-6)


def test_soft_labels_and_their_floor():
    half = torch.full((1, 1, 6, 6), 0.5)
    assert DiceLoss()(half, half).item() == pytest.approx(0.5, abs=1e-3)
    assert DiceLoss(soft_label=True)(half, half).item() == pytest.approx(0, abs=1e-3)
    assert DiceLoss(squared_pred=True)(half, half).item() == pytest.approx(0, abs=1e-3)
    empty = torch.zeros(1, 1, 6, 6)
    assert DiceLoss()(empty, empty).item() == 0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 999),
    jaccard=st.booleans(),
    soft_label=st.booleans(),
    squared_pred=st.booleans(),
    batch=st.booleans(),
)
def test_range_and_symmetry(seed, **options):
    pred, target = soft(seed), soft(seed + 1000)
    loss = DiceLoss(**options)
    assert 0 <= loss(pred, target).item() <= 1
    assert loss(target, pred).item() == pytest.approx(loss(pred, target).item(), abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"jaccard": True}, {"squared_pred": True}, {"soft_label": True}, {"softmax": True}],
    ids=str,
)
def test_gradients_to_both(options):
    pair = [soft(seed, dtype=torch.float64).requires_grad_() for seed in (0, 1)]
    assert torch.autograd.gradcheck(DiceLoss(**options, reduction="none"), pair)


def test_integer_and_boolean_targets():
    pred, target = soft(), soft(1) > 0.5
    expected = DiceLoss()(pred, target.float())
    assert torch.equal(DiceLoss()(pred, target), expected)
    assert torch.equal(DiceLoss()(pred, target.long()), expected)
    ignoring = DiceLoss(ignore_index=1)
    assert torch.equal(ignoring(pred, target), ignoring(pred, target.float()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "avg"}, "reduction: expected one of"),
        ({"sigmoid": True, "softmax": True}, "sigmoid, softmax, other_act: expected at most one"),
        ({"other_act": "tanh"}, "other_act: expected a function"),
        ({"weight": [1.0, -1.0]}, "weight: expected factors ≥ 0"),
    ],
)
def test_refuses_at_construction(options, message):
    with pytest.raises(ValueError, match=message):
        DiceLoss(**options)


@pytest.mark.parametrize(
    ("options", "pred", "target", "message"),
    [
        ({}, soft(), 255 * (soft(1) > 0.5), r"target: expected values in \[0, 1\], got 0 to 255"),
        ({}, 2.0 * (soft() > 0.5), soft(), r"input: expected values in \[0, 1\]"),
        ({}, 20 * soft() - 10, soft(), "Logits"),
        ({}, soft() * torch.nan, soft(), "input: .*nan"),
        ({}, soft(), soft(channels=1), r"target: expected the shape \(2, 3, 5, 6\) of input"),
        ({}, soft()[0], soft()[0], r"input: expected \(B, C, H, W\)"),
        ({"weight": [1.0, 2.0]}, soft(), soft(1), "weight: expected one factor or 3"),
        ({"to_onehot_y": True}, soft(), soft(1), r"target: expected a label map \(B, 1"),
        ({"to_onehot_y": True}, soft(), soft(1, 1), "target: expected whole numbers from 0 to 2"),
        (
            {"to_onehot_y": True},
            soft(),
            (9 * soft(1, 1)).long(),
            "target: expected whole numbers from 0 to 2",
        ),
    ],
)
def test_refuses(options, pred, target, message):
    with pytest.raises(ValueError, match=message):
        DiceLoss(**options)(pred, target)


def test_bicubic_overshoot_and_noise_pass():
    pred = 1.2 * soft() - 0.1
    assert DiceLoss()(pred, soft(1)).isfinite()
