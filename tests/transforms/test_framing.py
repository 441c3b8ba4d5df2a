"""Pad and crop undo each other, and refuse what they do not know."""

from __future__ import annotations

import pytest
import torch

from regtutor.transforms import CenterSpatialCropd, SpatialPadd


@pytest.mark.parametrize("size", [(5, 6), (5, 6, 7)])
def test_a_crop_undoes_a_pad_of_even_widths(size):
    data = {"a": torch.randn(2, *size), "p": torch.rand(4, len(size))}
    wide = [n + 4 for n in size]
    padded = SpatialPadd("a", wide, point_keys={"p": "a"})(data)
    assert padded["a"].shape == (2, *wide)
    assert torch.equal(padded["p"], data["p"] + 2)
    again = CenterSpatialCropd("a", size, point_keys={"p": "a"})(padded)
    assert torch.equal(again["a"], data["a"])
    torch.testing.assert_close(again["p"], data["p"])


def test_air_around_a_chest():
    padded = SpatialPadd("a", (3, 3), value=-1000)({"a": torch.zeros(1, 1, 1)})["a"]
    assert padded.sum() == -8000


def test_what_is_large_enough_stays():
    data = {"a": torch.randn(1, 5, 6)}
    assert torch.equal(SpatialPadd("a", (4, -1))(data)["a"], data["a"])
    assert torch.equal(CenterSpatialCropd("a", (9, -1))(data)["a"], data["a"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "start"}, "method: expected one of 'symmetric', 'end', got 'start'"),
        ({"mode": "mean"}, "mode: expected one of 'constant'"),
        ({"fill": 3}, "keyword: expected one of 'value', 'constant_values', got 'fill'"),
        ({"lazy": True}, "lazy: expected False"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SpatialPadd("a", (4, 5), **arguments)
