"""Distances of surfaces: cubes and balls one can measure with a ruler, and ITK's filter."""

import pytest
import SimpleITK as sitk  # noqa: N813  everybody's name for it
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.metrics import HausdorffDistanceMetric, SurfaceDistanceMetric
from regtutor.metrics.surfaces import NORMS, distances, surface_points

METRICS = [HausdorffDistanceMetric, SurfaceDistanceMetric]


def cube(start, size=(16, 16, 16), side=5):
    image = torch.zeros(1, 1, *size)
    image[(..., *[slice(s, s + side) for s in start])] = 1
    return image


def ball(centre, radius, size=(24, 24, 24)):
    axes = torch.meshgrid(*(torch.arange(float(n)) for n in size), indexing="ij")
    distance = sum((x - c) ** 2 for x, c in zip(axes, centre, strict=True)).sqrt()
    return (distance <= radius).float()[None, None]


def blob(seed, size=(9, 10)):
    noise = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(seed))
    return (noise > 0.7).float()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shift", [0, 1, 4])
def test_a_shifted_cube(axis, shift):
    """Its far face is the shift away, in mm along that axis."""
    spacing = (0.5, 1.0, 2.5)
    moved = [3, 3, 3]
    moved[axis] += shift
    a, b = cube(moved), cube((3, 3, 3))
    hausdorff = HausdorffDistanceMetric()(a, b, spacing=spacing)
    assert hausdorff.item() == pytest.approx(shift * spacing[axis], abs=1e-5)
    assert HausdorffDistanceMetric()(a, b).item() == pytest.approx(shift)
    assert SurfaceDistanceMetric(symmetric=True)(a, b).item() <= shift


def test_balls_in_one_another():
    """Two spheres of radius 9 and 6 about one centre are 3 apart everywhere, within a voxel."""
    outer, inner = ball((12, 12, 12), 9), ball((12, 12, 12), 6)
    for symmetric in (False, True):
        apart = SurfaceDistanceMetric(symmetric=symmetric)(outer, inner).item()
        assert apart == pytest.approx(3, abs=0.3)
    assert HausdorffDistanceMetric()(outer, inner).item() == pytest.approx(3, abs=0.8)
    assert HausdorffDistanceMetric()(outer, inner, spacing=2.0).item() == pytest.approx(6, abs=1.6)


def test_one_stray_voxel():
    """It is the whole Hausdorff distance, and nothing of HD95."""
    truth = ball((12, 12, 12), 6)
    stray = truth.clone()
    stray[0, 0, 1, 1, 1] = 1
    assert HausdorffDistanceMetric()(stray, truth).item() > 10
    assert HausdorffDistanceMetric(percentile=95)(stray, truth).item() == 0
    assert HausdorffDistanceMetric(directed=True)(truth, stray).item() == 0  # it looks one way
    assert SurfaceDistanceMetric()(stray, truth).item() < 0.1


@pytest.mark.parametrize("size", [(16, 18), (10, 12, 11)], ids=["2d", "3d"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hausdorff_is_itks(size, seed):
    """ITK measures between the masks, we between their surfaces: the same maximum.

    (For masks without holes that the other fills; here, two boxes and a few voxels beside.)
    """
    generator = torch.Generator().manual_seed(seed)
    spacing = [0.7, 1.3, 2.0][: len(size)]
    masks = []
    for _ in range(2):
        mask = torch.zeros(1, 1, *size)
        low = [int(torch.randint(1, 4, (), generator=generator)) for _ in size]
        mask[(..., *[slice(a, a + 4) for a in low])] = 1
        corner = [int(torch.randint(n - 2, n, (), generator=generator)) for n in size]
        mask[(0, 0, *corner)] = 1
        masks.append(mask)
    images = [sitk.GetImageFromArray(m[0, 0].numpy().astype("uint8")) for m in masks]
    for image in images:
        image.SetSpacing(spacing[::-1])  # ITK counts x, y, z
    itk = sitk.HausdorffDistanceImageFilter()
    itk.Execute(*images)
    ours = HausdorffDistanceMetric()(*masks, spacing=spacing).item()
    assert ours == pytest.approx(itk.GetHausdorffDistance(), abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), factor=st.floats(0.2, 5))
def test_symmetric_and_in_mm(seed, factor):
    a, b = blob(seed), blob(seed + 1000)
    for metric in (HausdorffDistanceMetric(), SurfaceDistanceMetric(symmetric=True)):
        apart = metric(a, b).item()
        assert apart >= 0
        assert metric(b, a).item() == pytest.approx(apart, abs=1e-5)
        assert metric(a, a).item() == 0
        assert metric(a, b, spacing=factor).item() == pytest.approx(factor * apart, rel=1e-4)
    largest = HausdorffDistanceMetric()(a, b)
    assert HausdorffDistanceMetric(percentile=95)(a, b) <= largest
    assert HausdorffDistanceMetric(directed=True)(a, b) <= largest


def test_spacing_of_each_case():
    a, b = (torch.cat([cube(at)] * 2) for at in ((3, 3, 5), (3, 3, 3)))
    rows = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 3.0]])
    for spacing in (rows, rows.tolist(), rows.numpy()):
        assert HausdorffDistanceMetric()(a, b, spacing=spacing).flatten().tolist() == [2, 6]


@pytest.mark.parametrize("metric", METRICS)
def test_background_and_buffer(metric):
    a, b = (torch.cat([1 - cube(at), cube(at)], dim=1) for at in ((3, 3, 5), (3, 3, 3)))
    assert metric()(a, b).shape == (1, 1)
    assert metric(include_background=True)(a, b).shape == (1, 2)
    kept = metric()
    kept(a, b)
    kept(b, b)
    assert len(kept) == 2
    assert kept.aggregate().item() == pytest.approx(metric()(a, b).item() / 2)
    kept.reset()
    with pytest.raises(ValueError, match="aggregate: expected at least one case"):
        kept.aggregate()


@pytest.mark.parametrize("metric", METRICS)
def test_empty_masks(metric):
    empty = torch.zeros(1, 1, 16, 16, 16)
    for pair, which, value in [
        ((empty, cube((3, 3, 3))), "y_pred is empty", float("inf")),
        ((cube((3, 3, 3)), empty), "y is empty", float("inf")),
        ((empty, empty), "both are empty", float("nan")),
    ]:
        with pytest.warns(UserWarning, match=f"expected a mask, got {which}. There is no distance"):
            assert metric()(*pair).item() == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance_metric": "l2"}, "distance_metric: expected one of 'euclidean', 'chessboard'"),
        ({"reduction": "max"}, "reduction: expected one of"),
        ({"ignore_index": 1}, "ignore_index: expected None"),
    ],
)
def test_refuses_at_construction(metric, options, message):
    with pytest.raises(ValueError, match=message):
        metric(**options)


@pytest.mark.parametrize("percentile", [0, -5, 101, float("nan")])
def test_refuses_a_percentile(percentile):
    with pytest.raises(ValueError, match=r"percentile: expected None or a number in \(0, 100\]"):
        HausdorffDistanceMetric(percentile=percentile)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("pred", "truth", "spacing", "message"),
    [
        (255 * cube((3, 3, 3)), cube((3, 3, 3)), None, "y_pred: expected labels from 0 to 1"),
        (cube((3, 3, 3)), cube((3, 3, 3), (16, 16, 15)), None, "y_pred: expected the batch and"),
        (
            cube((3, 3, 3)),
            cube((3, 3, 3)).expand(1, 2, 16, 16, 16),
            None,
            "y_pred: expected the sh",
        ),
        (cube((3, 3, 3)), cube((3, 3, 3)), (1, 1), r"spacing: expected 3 numbers, or \(1, 3\)"),
        (cube((3, 3, 3)), cube((3, 3, 3)), (1, 0, 1), "spacing: expected numbers > 0"),
    ],
)
def test_refuses(metric, pred, truth, spacing, message):
    with pytest.raises(ValueError, match=message):
        metric()(pred, truth, spacing=spacing)


def test_spacing_is_for_euclidean_distances():
    with pytest.raises(ValueError, match="spacing: expected None"):
        HausdorffDistanceMetric(distance_metric="taxicab")(blob(0), blob(1), spacing=2.0)


def test_a_soft_mask_warns_once():
    metric = HausdorffDistanceMetric()
    with pytest.warns(UserWarning, match="y_pred: expected 0 and 1"):
        metric(0.5 * blob(0) + 0.5 * blob(1), blob(0))
    metric(0.5 * blob(0) + 0.5 * blob(1), blob(0))


@pytest.mark.parametrize("size", [(9, 11), (6, 7, 8), (1, 5, 4)], ids=str)
@pytest.mark.parametrize("share", [0.1, 0.8, 1.0])
def test_shifted_masks_find_the_surface(plain, size, share):
    mask = torch.rand(size, generator=torch.Generator().manual_seed(0)) < share
    spacing = torch.tensor([0.5, 1.0, 2.5][: len(size)], dtype=torch.float64)
    points = torch.from_numpy(surface_points(mask, spacing))
    assert torch.equal(points, plain.surface(mask) * spacing)
    turned = mask.mT.contiguous().mT  # the same, laid out otherwise
    assert torch.equal(torch.from_numpy(surface_points(turned, spacing)), points)


@pytest.mark.parametrize("norm", NORMS.values(), ids=NORMS)
def test_the_tree_finds_the_nearest(norm):
    """More points than a leaf holds, on a lattice, so that many are equally far."""
    generator = torch.Generator().manual_seed(0)
    points, others = (torch.randint(0, 20, (n, 3), generator=generator).double() for n in (300, 90))
    nearest = torch.cdist(points, others, p=norm).amin(dim=1).float()
    assert torch.allclose(distances(points.numpy(), others.numpy(), norm), nearest, atol=1e-6)
