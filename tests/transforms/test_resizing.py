"""Resized: what it refuses, and what its default does to labels."""

from __future__ import annotations

import pytest
import torch

from regtutor.transforms import Resized


def test_area_mixes_labels_and_nearest_does_not():
    label = torch.tensor([[[0.0, 1.0, 3.0, 3.0], [1.0, 0.0, 3.0, 1.0]]])
    assert Resized("a", (1, 2))({"a": label})["a"].tolist() == [[[0.5, 2.5]]]
    assert Resized("a", (1, 2), mode="nearest")({"a": label})["a"].tolist() == [[[0, 3]]]


def test_the_longest_side_sets_the_scale():
    out = Resized("a", 50, size_mode="longest")({"a": torch.zeros(1, 100, 31, 1)})
    assert out["a"].shape == (1, 50, 16, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "cubic"}, "mode: expected one of 'area', 'nearest'"),
        ({"mode": ("area", "area")}, "mode: expected one value, or one for each of"),
        ({"mode": "nearest", "align_corners": True}, "align_corners: expected None for mode 'near"),
        ({"align_corners": False}, "align_corners: expected None for mode 'area', got False"),
        ({"size_mode": "shortest"}, "size_mode: expected one of 'all', 'longest'"),
        ({"size_mode": "longest"}, r"spatial_size: expected a whole number ≥ 1, got \(4, 5\)"),
        ({"anti_aliasing": True}, "anti_aliasing: expected False"),
        ({"lazy": True}, "lazy: expected False"),
        ({"dtype": torch.float64}, "dtype: expected float32"),
    ],
)
def test_refused_at_construction(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resized("a", (4, 5), **arguments)


def test_refused_when_the_image_is_seen():
    volume = {"a": torch.zeros(1, 6, 7, 8)}
    with pytest.raises(ValueError, match=r"spatial_size: expected 3 numbers, got \(4, 5\)"):
        Resized("a", (4, 5))(volume)
    with pytest.raises(ValueError, match="mode: expected another for volumes, got bicubic"):
        Resized("a", (4, 5, 6), mode="bicubic")(volume)
    with pytest.raises(ValueError, match=r"spatial_size: expected 2 or more, got \(1, 7, 8\)"):
        Resized("a", (1, -1, -1), mode="trilinear", align_corners=True)(volume)
