"""The shift between two kinds of image, against a truth and against a loop."""

from itertools import product

import pytest
import torch

from regtutor.data.thorax import breathing_pair, breathing_slice
from regtutor.deformation.warp import warp
from regtutor.shift import _costs, expected_shift

WANTED = {2: (6.0, -4.0), 3: (4.0, -2.0, 3.0)}


def two_kinds(d):
    """A chest, and the same chest elsewhere with black and white exchanged."""
    chest = breathing_slice(0, (96, 80)) if d == 2 else breathing_pair(seed=0, size=(48, 40, 48))
    fixed = ((chest.fixed + 1000) / 1200).clamp(0, 1)
    shift = torch.tensor(WANTED[d]).view(1, d, *[1] * d).expand(1, d, *fixed.shape[2:])
    return fixed, (1 - warp(fixed, -shift, padding_mode="border")) ** 2, shift


@pytest.mark.parametrize("d", [2, 3])
def test_a_shift_is_found_in_another_contrast(d):
    fixed, moving, shift = two_kinds(d)
    found = expected_shift(fixed, moving, certainty=50.0)
    assert found.shape == shift.shape
    assert (found - shift).abs().max() < 0.6
    assert (found.flatten(2).std(dim=2) == 0).all()  # everywhere the same


@pytest.mark.parametrize("d", [2, 3])
def test_the_less_the_images_are_believed_the_less_is_moved(d):
    fixed, moving, shift = two_kinds(d)
    lengths = [
        expected_shift(fixed, moving, certainty=certainty).flatten(2)[..., 0].norm().item()
        for certainty in (0.0, 0.3, 3.0)
    ]
    assert lengths[0] == pytest.approx(0, abs=1e-4)
    assert lengths[0] < lengths[1] < lengths[2] <= shift.flatten(2)[..., 0].norm() + 0.6


def test_the_widest_search_reaches_the_whole_image():
    fixed, moving, _ = two_kinds(2)
    found = expected_shift(fixed, moving, spread=0.4)
    assert found.isfinite().all()
    assert found.abs().amax() < 96 / 2


def test_flat_images_say_nothing():
    flat = torch.full((1, 1, 32, 32), 0.5)
    assert expected_shift(flat, flat).abs().max() < 1e-3


def test_all_costs_at_once_are_those_of_a_loop():
    """Against the definition, shift by shift."""
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, 3, 7, 9)
    p, q = (torch.rand(2, 1, 1, 7, 9) > 0.3).float()
    reach = [2, 3]
    found = _costs(a, b, p, q, reach)
    for s, t in product(range(-2, 3), range(-3, 4)):
        total, voxels = 0.0, 0
        for x, y in product(range(7), range(9)):
            if 0 <= x + s < 7 and 0 <= y + t < 9 and p[0, 0, x, y] and q[0, 0, x + s, y + t]:
                total += (a[0, :, x, y] - b[0, :, x + s, y + t]).square().mean().item()
                voxels += 1
        assert found[s + 2, t + 3].item() == pytest.approx(total / voxels, abs=1e-6)


def test_what_a_mask_hides_does_not_count():
    fixed, moving, _ = two_kinds(2)
    mask = torch.ones_like(fixed)
    mask[..., 60:] = 0
    hidden = mask.clone()
    hidden[..., 50:60] = 0  # a descriptor sees six voxels further
    other = torch.where(mask > 0, moving, torch.rand_like(moving))
    hiding, seeing = (
        expected_shift(fixed, other, moving_mask=m) - expected_shift(fixed, moving, moving_mask=m)
        for m in (hidden, None)
    )
    assert hiding.abs().max() < 0.01 < 0.05 < seeing.abs().max()  # flat patches ask the mean of all


IMAGE = torch.rand(1, 1, 16, 16)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"moving": torch.rand(1, 1, 16, 17)}, "moving: expected"),
        ({"moving": IMAGE * torch.nan}, "moving: expected"),
        ({"fixed": torch.rand(2, 1, 16, 16), "moving": torch.rand(2, 1, 16, 16)}, "a batch of one"),
        ({"fixed": torch.rand(1, 1, 6, 16), "moving": torch.rand(1, 1, 6, 16)}, "8 voxels"),
        ({"fixed_mask": torch.zeros_like(IMAGE)}, "mask: expected"),
        ({"moving_mask": torch.ones(1, 1, 8, 8)}, "mask: expected"),
        ({"spread": 0.0}, "spread: expected"),
        ({"certainty": -1.0}, "certainty: expected"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(ValueError, match=message):
        expected_shift(**{"fixed": IMAGE, "moving": IMAGE, **given})
