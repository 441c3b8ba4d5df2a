"""Values: known windows and statistics, and what is refused."""

from __future__ import annotations

import pytest
import torch

from regtutor.transforms import NormalizeIntensityd, ScaleIntensityd, ScaleIntensityRanged


def test_a_window():
    image = torch.tensor([[-2000.0, -1000.0, -250.0, 500.0, 3000.0]])
    window = ScaleIntensityRanged("a", -1000, 500, 0.0, 1.0, clip=True)
    assert window({"a": image})["a"].tolist() == [[0, 0, 0.5, 1, 1]]


def test_whole_numbers_become_float32():
    out = ScaleIntensityd("a")({"a": torch.tensor([[0, 128, 255]], dtype=torch.uint8)})["a"]
    assert out.dtype == torch.float32
    assert out[0, 0] == 0
    assert out[0, 2] == 1


def test_normalised():
    image = torch.randn(2, 20, 20) * 3 + 5
    image[:, :10] = 0
    out = NormalizeIntensityd("a", nonzero=True, channel_wise=True)({"a": image})["a"]
    assert (out[:, :10] == 0).all()
    for channel in out[:, 10:]:
        assert channel.mean().abs() < 1e-5
        assert channel.std(correction=0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ScaleIntensityRanged("a", 1, 1, 0, 1), "a_max: expected another value than a_min"),
        (lambda: ScaleIntensityRanged("a", 0, 1, clip=True), "clip: expected b_min or b_max"),
        (lambda: ScaleIntensityRanged("a", 0, 1, dtype=int), "dtype: expected float32"),
        (lambda: ScaleIntensityd("a", None, None), "factor: expected a range or a factor"),
        (lambda: ScaleIntensityd("a", factor=0.1), "factor: expected a range or a factor"),
        (
            lambda: NormalizeIntensityd("a", [1, 2], channel_wise=True)({"a": torch.ones(3, 2, 2)}),
            "subtrahend: expected 3 numbers, got 2",
        ),
        (lambda: ScaleIntensityd("a")({"b": 0}), "ScaleIntensityd, key 'a': expected one of"),
    ],
)
def test_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
