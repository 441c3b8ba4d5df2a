"""Random transforms: one draw for all keys, from torch's generator, of the range asked for."""

from __future__ import annotations

import math

import pytest
import torch

from regtutor.seeds import set_determinism
from regtutor.transforms import RandAffined, RandFlipd, RandGaussianNoised

KEYS = ("a", "b")


def case(size=(9, 10, 8)):
    image = torch.rand(1, *size, generator=torch.Generator().manual_seed(0))
    return {"a": image, "b": image.clone()}


def every():
    return [
        RandAffined(KEYS, prob=1.0, rotate_range=(1, 1, 1), translate_range=(3, 3, 3)),
        RandFlipd(KEYS, prob=0.5),
        RandGaussianNoised(KEYS, prob=1.0),
    ]


@pytest.mark.parametrize("transform", every(), ids=lambda t: type(t).__name__)
def test_one_draw_for_all_keys_and_again_by_the_seed(transform):
    runs = []
    for _ in range(2):
        set_determinism(3)
        runs.append([transform(case()) for _ in range(8)])
    for first, second in zip(*runs, strict=True):
        assert torch.equal(first["a"], first["b"])
        assert torch.equal(first["a"], second["a"])
    assert len({run["a"].sum().item() for run in runs[0]}) > 1 or isinstance(transform, RandFlipd)
    assert any(not torch.equal(run["a"], case()["a"]) for run in runs[0])
    assert transform.is_random


@pytest.mark.parametrize("kind", [RandAffined, RandFlipd, RandGaussianNoised])
@pytest.mark.parametrize("prob", [-0.1, 1.1, float("nan")])
def test_no_probability(kind, prob):
    with pytest.raises(ValueError, match=r"prob: expected a number in \[0, 1\]"):
        kind(KEYS, prob=prob)


@pytest.mark.parametrize(("prob", "low", "high"), [(0.0, 0, 0), (0.3, 40, 80), (1.0, 200, 200)])
def test_how_often(prob, low, high):
    torch.manual_seed(0)
    flip, data = RandFlipd("a", prob=prob, spatial_axis=0), {"a": torch.tensor([[[0.0], [1.0]]])}
    flipped = sum(int(flip(data)["a"][0, 0, 0]) for _ in range(200))
    assert low <= flipped <= high  # 200 · 0.3 = 60, three deviations are 20


def test_the_draws_fill_their_ranges():
    torch.manual_seed(0)
    affine = RandAffined("a", prob=1, rotate_range=(0.5,), translate_range=((2, 3), 1, (-4, -4)))
    draws = torch.stack([affine.draw({"a": torch.zeros(1, 2, 2, 2)}) for _ in range(300)])
    angles = torch.atan2(draws[:, 2, 1], draws[:, 2, 2])
    assert -0.5 <= angles.min() < -0.45
    assert 0.45 < angles.max() < 0.5
    shift = (torch.linalg.inv(draws[:, :3, :3]) @ draws[:, :3, 3:])[..., 0]
    assert 2 <= shift[:, 0].min() < 2.05
    assert 2.95 < shift[:, 0].max() < 3.0001
    assert shift[:, 1].abs().max() < 1.0001
    torch.testing.assert_close(shift[:, 2], torch.full((300,), -4.0).double())


def test_one_number_is_for_the_first_parameter_alone():
    for ranges in ({"rotate_range": 0.3}, {"scale_range": 0.3}, {"translate_range": 5}):
        matrix = RandAffined("a", prob=1, **ranges).draw({"a": torch.zeros(1, 4, 4, 4)})
        moved = (matrix - torch.eye(4)).abs() > 1e-9
        if "rotate_range" in ranges:
            assert moved[1:3, 1:3].all()
            assert not moved[0].any()
        else:
            assert moved.sum() == 1
            assert moved[0].any()


def test_it_pulls():
    data = {"a": torch.zeros(1, 21, 21)}
    data["a"][0, 10, 8] = 1
    shifted = RandAffined("a", prob=1, translate_range=((0, 0), (3, 3)))(data)["a"]
    assert shifted.argmax() == 10 * 21 + 5
    data["a"][:] = 0
    data["a"][0, 5:16, 5:16] = 1
    shrunk = RandAffined("a", prob=1, scale_range=((0.25, 0.25),) * 2)(data)["a"]
    assert shrunk.sum() / data["a"].sum() == pytest.approx(1 / 1.25**2, rel=0.06)


def test_no_turn_no_work():
    data = case()
    out = RandAffined(KEYS, prob=0.0, rotate_range=(1, 1, 1))(data)
    assert out["a"] is data["a"]


def test_images_on_different_grids_are_refused():
    data = case() | {"b": torch.zeros(1, 9, 10, 9)}
    with pytest.raises(
        ValueError, match=r"RandAffined: expected images on one grid, got .*ResampleToMatchd"
    ):
        RandAffined(KEYS, prob=1.0)(data)
    with pytest.raises(ValueError, match=r"b: expected the shape \(1, 9, 10, 9\)|b: expected"):
        RandGaussianNoised(KEYS, prob=1.0)(data)


def test_missing_keys():
    data = {"b": torch.zeros(1, 4, 4, 4)}
    for transform in every():
        transform.prob = 1.0
        with pytest.raises(ValueError, match="key 'a': expected one of the data's keys"):
            transform(data)
    for kind in (RandAffined, RandFlipd, RandGaussianNoised):
        assert kind(KEYS, prob=1.0, allow_missing_keys=True)(data).keys() == {"b"}
        assert kind(KEYS, prob=1.0, allow_missing_keys=True)({}) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "trilinear"}, "mode: expected one of"),
        ({"padding_mode": "mirror"}, "padding_mode: expected one of"),
        ({"padding_mode": ("zeros",)}, "padding_mode: expected one value, or one for each"),
        ({"rotate_range": ((1, 2, 3),)}, "rotate_range: expected numbers or pairs"),
        ({"scale_range": (0.1, -1.0)}, "scale_range: expected entries above −1"),
        ({"lazy": True}, "lazy: expected False"),
    ],
)
def test_refused_at_construction(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandAffined(KEYS, **arguments)


def test_more_entries_than_parameters():
    flat = {"a": torch.zeros(1, 5, 5)}
    with pytest.raises(ValueError, match="rotate_range: expected at most 1 entries in 2-D"):
        RandAffined("a", prob=1.0, rotate_range=(0, 0, math.pi / 15))(flat)
    RandAffined("a", prob=1.0, rotate_range=(None,), shear_range=(None, 0.1))(flat)
    with pytest.raises(ValueError, match=r"spatial_axis: expected axes of 2 dimensions, got 2"):
        RandFlipd("a", prob=1.0, spatial_axis=2)(flat)


def test_noise_is_refused_without_sense():
    with pytest.raises(ValueError, match="std: expected a number ≥ 0, got -1"):
        RandGaussianNoised("a", std=-1)
