"""One pair without training: known maps are found, within stated errors, and nothing folds."""

import functools
import math
import re

import pytest
import torch
from tqdm import tqdm

from regtutor.data.thorax import breathing_pair, breathing_slice
from regtutor.deformation import (
    about_centre,
    affine_matrix,
    affine_to_ddf,
    exp,
    jacobian_determinant,
)
from regtutor.deformation.warp import warp
from regtutor.filters import gaussian_smooth
from regtutor.instance import Level, Registration, coarse_to_fine, register
from regtutor.losses import (
    BendingEnergyLoss,
    GlobalMutualInformationLoss,
    MSELoss,
    SelfSimilarityLoss,
)
from regtutor.metrics import folding_fraction, target_registration_error


def scaled(hounsfield):
    return ((hounsfield + 1000) / 1200).clamp(0, 1)


def blobs(size, seed=0):
    """A smooth random image in [0, 1], fading to a flat rim."""
    generator = torch.Generator().manual_seed(seed)
    image = gaussian_smooth(torch.rand(1, 1, *size, generator=generator), 2.0)
    return (image - image.min()) / (image.max() - image.min())


@pytest.fixture(scope="module")
def slices():
    return breathing_slice(3, (96, 96))


def tre(pair, ddf):
    errors = target_registration_error(pair.fixed_points, pair.moving_points, ddf, pair.spacing)
    return errors.mean().item()


@pytest.mark.parametrize("seed", [118, 119])
def test_a_chest_within_a_millimetre_by_defaults(seed):
    pair = breathing_pair(seed, (64, 48, 64))
    result = register(scaled(pair.fixed), scaled(pair.moving))
    assert tre(pair, None) > 10
    assert tre(pair, result.ddf) < 1.0
    assert folding_fraction(result.ddf).item() == 0
    assert folding_fraction(result.ddf, one_sided=True).item() < 1e-4
    assert torch.equal(result.warped, warp(scaled(pair.moving), result.ddf))


def test_a_slice_and_twice_the_same(slices):
    fixed, moving = scaled(slices.fixed), scaled(slices.moving)
    first, second = register(fixed, moving), register(fixed, moving)
    assert tre(slices, first.ddf) < 0.25 * tre(slices, None)
    assert folding_fraction(first.ddf).item() == 0
    assert torch.equal(first.ddf, second.ddf)


@pytest.mark.parametrize("size", [(50, 61), (33, 40, 36)], ids=["2d", "3d"])
def test_the_affine_map_is_found(size):
    """moving = fixed seen through the inverse of a known theta; sizes that do not halve evenly."""
    d = len(size)
    rotate = [0.15] if d == 2 else [0.1, -0.05, 0.15]
    matrix = affine_matrix(rotate, (), [2.0, -3.0, 1.0][:d], [1.1, 0.95, 1.05][:d], spatial_dims=d)
    truth = about_centre(matrix, size)[None].float()
    moving = blobs(size)
    fixed = warp(moving, affine_to_ddf(truth[:, :d], size))
    result = register(fixed, moving, levels=[Level(2, 4, 1)])
    known = affine_to_ddf(truth[:, :d], size)
    found = affine_to_ddf(result.theta, size)
    middle = (slice(None), slice(None), *[slice(n // 4, -(n // 4)) for n in size])
    assert known[middle].abs().mean() > 1
    assert (found - known)[middle].abs().mean() < 0.25


def test_an_affine_map_that_goes_astray_is_left_out():
    """A blob and one of more than twice its width: to match them a sixth of the area is read."""
    y, x = (torch.linspace(-1, 1, n) for n in (48, 48))
    squared = (y[:, None] ** 2 + x**2)[None, None]
    narrow, wide = torch.exp(-squared / 0.05), torch.exp(-squared / 0.3)
    with pytest.warns(UserWarning, match=r"affine map multiplies volumes by 0.1"):
        result = register(wide, narrow, levels=[Level(1, 4, 1)])
    assert torch.allclose(result.theta, torch.eye(2, 3)[None], atol=1e-4)


def test_without_an_affine_map(slices):
    result = register(scaled(slices.fixed), scaled(slices.moving), affine=False)
    assert result.theta is None
    assert tre(slices, result.ddf) < 0.25 * tre(slices, None)


def test_a_velocity_does_not_fold_where_a_displacement_does():
    """Blobs that have nothing to do with each other, and hardly any smoothness."""
    images = blobs((64, 64)), blobs((64, 64), seed=1)
    folded = register(*images, velocity=False, smoothness=0.01).ddf
    whole = register(*images, velocity=True, smoothness=0.01).ddf
    assert folding_fraction(folded).item() > 0.02
    assert folding_fraction(whole).item() < 0.1 * folding_fraction(folded).item()


def test_it_goes_on_from_a_start(slices):
    fixed, moving = scaled(slices.fixed), scaled(slices.moving)
    start = 0.7 * slices.ddf
    result = register(fixed, moving, start=start)
    assert result.theta is None
    assert [record["shrink"] for record in result.history] == [1]
    assert tre(slices, result.ddf) < 0.5 * tre(slices, start)
    at_once = register(fixed, moving, start=start, levels=[Level(1, 2, 1)], smoothness=0)
    assert (
        at_once.ddf - start
    ).abs().max() < 0.75  # one step of Adam, half a voxel, read on a sloping start


def test_flat_regions_stay_still():
    """Adam takes a full step on rounding noise; here the rim is flat but for the ninth digit."""
    size = (64, 64)
    disc = blobs(size) * torch.hann_window(64, periodic=False)[:, None] ** 4
    fixed = disc * torch.hann_window(64, periodic=False)[None] ** 4
    moving = warp(fixed, torch.full((1, 2, *size), 3.0))
    noise = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(0)) * 1e-6
    ddf = register(fixed, moving + noise, affine=False).ddf
    assert ddf[0, :, 20:44, 20:44].mean().item() == pytest.approx(-3, abs=0.5)
    rim = jacobian_determinant(ddf)[0]
    rim[8:-8, 8:-8] = 1
    assert (rim - 1).abs().max() < 1  # 34 without the eps


def test_labels_alone_move_the_map():
    flat = torch.full((1, 1, 48, 56), 0.5)
    labels = [torch.zeros_like(flat) for _ in range(2)]
    labels[0][..., 14:30, 18:40] = 1
    labels[1][..., 20:34, 12:36] = 1
    ddf = register(flat, flat, labels=tuple(labels), affine=False, smoothness=0.01).ddf
    warped = warp(labels[1], ddf)
    dice = 2 * (warped * labels[0]).sum() / (warped + labels[0]).sum()
    before = 2 * (labels[1] * labels[0]).sum() / (labels[1] + labels[0]).sum()
    assert before < 0.6
    assert dice > 0.95


def test_landmarks_alone_move_the_map():
    flat = torch.full((1, 1, 48, 56), 0.5)
    fixed_points = torch.tensor([[[12.0, 14.0], [30.0, 20.0], [24.0, 44.0]]])
    moving_points = fixed_points + torch.tensor([[[3.0, -2.0], [1.0, 4.0], [-3.0, 2.0]]])
    ddf = register(flat, flat, points=(fixed_points, moving_points), affine=False).ddf
    errors = target_registration_error(fixed_points, moving_points, ddf, 1.0)
    assert errors.max() < 0.5


def test_what_lies_outside_the_mask_changes_nothing(slices):
    fixed, moving = scaled(slices.fixed), scaled(slices.moving)
    mask = torch.zeros_like(fixed)
    mask[:, :, 20:76, 20:76] = 1
    spoilt = torch.where(mask > 0, fixed, fixed.flip(-1).roll(20, dims=2))
    results = [
        register(image, moving, mask=mask, levels=[Level(1, 4, 30)]) for image in (fixed, spoilt)
    ]
    assert torch.allclose(results[0].ddf, results[1].ddf, atol=1e-2)
    other = register(spoilt, moving, levels=[Level(1, 4, 30)])
    assert (other.ddf - results[0].ddf).abs().max() > 1


@pytest.mark.parametrize(
    "image_loss", [SelfSimilarityLoss(), GlobalMutualInformationLoss()], ids=["mind", "gmi"]
)
def test_of_two_kinds(slices, image_loss):
    """Air white, bone black in one of them: squares and the eye are lost."""
    fixed, moving = scaled(slices.fixed), 1 - scaled(slices.moving)
    ddf = register(fixed, moving, image_loss=image_loss, affine=False).ddf
    assert tre(slices, ddf) < 0.5 * tre(slices, None)
    lost = register(fixed, moving, image_loss=MSELoss(), affine=False, smoothness=0.001).ddf
    assert tre(slices, lost) > tre(slices, ddf)


def test_another_regulariser(slices):
    images = scaled(slices.fixed), scaled(slices.moving)
    bent = register(*images, regulariser=BendingEnergyLoss(), smoothness=10.0).ddf
    stiff = register(*images, regulariser=BendingEnergyLoss(), smoothness=1000.0).ddf
    assert BendingEnergyLoss()(stiff) < 0.2 * BendingEnergyLoss()(bent)


def test_the_history_tells_what_each_level_did(slices):
    labels = slices.fixed_mask, slices.moving_mask
    result = register(scaled(slices.fixed), scaled(slices.moving), labels=labels)
    levels = coarse_to_fine((96, 96))
    assert [record["shrink"] for record in result.history] == [level.shrink for level in levels]
    for record, level in zip(result.history, levels, strict=True):
        assert 20 <= record["steps"] <= level.steps
        total = record["image"] + record["label"] + record["smooth"]
        assert record["loss"] == pytest.approx(total, abs=1e-5)
    full = register(scaled(slices.fixed), scaled(slices.moving), tolerance=0)
    assert [record["steps"] for record in full.history] == [level.steps for level in levels]


def test_the_bar_moves_with_every_step(slices, monkeypatch, capsys):
    """In the affine stage too; a level that ends early leaves no gap."""
    monkeypatch.setattr("regtutor.descent.tqdm", functools.partial(tqdm, mininterval=0))
    images = scaled(slices.fixed), scaled(slices.moving)
    levels = [Level(4, 8, 30), Level(2, 4, 30)]
    early = register(*images, levels=levels, tolerance=0.5, progress=True).history
    assert any(record["steps"] < 30 for record in early)
    said = capsys.readouterr().err
    assert {int(n) for n in re.findall(r"affine: .*?(\d+)/160", said)} >= set(range(1, 101))
    assert re.search(r"level 2 of 2: 100%.* 160/160 ", said)
    register(*images, levels=levels, start=torch.zeros(1, 2, 96, 96), progress=True)
    assert "level 1 of 2:   0%|          | 0/60" in capsys.readouterr().err
    register(*images, levels=levels)
    assert capsys.readouterr().err == ""


def test_levels_for_any_size():
    for size in [(8, 8), (20, 300), (64, 64, 64), (192, 192, 208), (512, 512, 400)]:
        levels = coarse_to_fine(size)
        assert levels[-1].spacing == max(2, levels[-1].shrink)
        for level in levels:
            assert level.spacing >= level.shrink
            assert math.prod(size) / level.shrink ** len(size) <= 3e6
            assert 10 <= level.steps <= 60
    assert isinstance(register(blobs((8, 8)), blobs((8, 8), seed=1)), Registration)


def test_it_stands_where_the_images_are():
    """Double precision in, double precision out; the images are as they were."""
    fixed, moving = blobs((32, 32)).double(), blobs((32, 32), seed=1).double()
    before = fixed.clone(), moving.clone()
    result = register(fixed, moving)
    assert result.ddf.dtype == result.warped.dtype == torch.float64
    assert torch.equal(fixed, before[0])
    assert torch.equal(moving, before[1])
    assert not result.ddf.requires_grad


def test_a_known_velocity_is_found():
    size = (40, 36, 32)
    generator = torch.Generator().manual_seed(5)
    velocity = gaussian_smooth(torch.randn(1, 3, *size, generator=generator), 5.0)
    truth = exp(velocity * 3 / velocity.abs().max())
    moving = blobs(size)
    ddf = register(warp(moving, truth), moving, affine=False).ddf
    middle = (slice(None), slice(None), slice(5, -5), slice(5, -5), slice(5, -5))
    assert (ddf - truth)[middle].norm(dim=1).mean() < 0.25 * truth[middle].norm(dim=1).mean()


IMAGE = blobs((24, 28))
LABEL = (IMAGE > 0.5).float()
POINTS = torch.ones(1, 4, 2)


@pytest.mark.parametrize(
    ("fixed", "moving", "options", "message"),
    [
        (IMAGE[0], IMAGE[0], {}, r"fixed: expected \(B, C, H, W\)"),
        (IMAGE, IMAGE[..., 1:], {}, r"moving: expected .*24, 28.*got .*24, 27"),
        (IMAGE.repeat(2, 1, 1, 1), IMAGE.repeat(2, 1, 1, 1), {}, "fixed: expected one case"),
        (IMAGE * 1000 - 1000, IMAGE, {}, r"fixed: expected values in \[0, 1\]"),
        (IMAGE, IMAGE * torch.nan, {}, "moving: expected"),
        (IMAGE, IMAGE, {"labels": (LABEL, LABEL[..., 1:])}, "moving_label: expected"),
        (IMAGE, IMAGE, {"labels": (LABEL, None)}, "moving_label: expected a tensor"),
        (IMAGE, IMAGE, {"points": (POINTS, POINTS[:, 1:])}, "moving_points: expected the shape"),
        (IMAGE, IMAGE, {"points": (POINTS[0], POINTS[0])}, r"fixed_points: expected \(1, N, 2\)"),
        (IMAGE, IMAGE, {"points": (POINTS, POINTS * torch.nan)}, "moving_points: expected finite"),
        (IMAGE, IMAGE, {"mask": torch.zeros_like(IMAGE)}, "mask: expected at least one voxel"),
        (IMAGE, IMAGE, {"mask": LABEL[..., 1:]}, "mask: expected"),
        (IMAGE, IMAGE, {"start": torch.zeros(1, 3, 24, 28)}, "start: expected 2 channels"),
        (IMAGE, IMAGE, {"start": torch.zeros(1, 2, 24, 27)}, "start: expected the grid"),
        (IMAGE[:, :, :4], IMAGE[:, :, :4], {}, "fixed: expected at least 5 voxels an axis"),
        (IMAGE, IMAGE, {"levels": []}, "levels: expected at least one Level"),
        (IMAGE, IMAGE, {"levels": [Level(0, 2, 5)]}, "levels: expected"),
        (IMAGE, IMAGE, {"smoothness": -1.0}, "smoothness: expected a number ≥ 0"),
    ],
)
def test_refused(fixed, moving, options, message):
    with pytest.raises(ValueError, match=message):
        register(fixed, moving, **options)
