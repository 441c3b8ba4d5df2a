"""The metrics give MONAI 1.6.1's numbers: Dice to 1e-7, distances to 1e-5; reductions to 1e-6."""

import itertools

import pytest
import torch
from monai import metrics as monai_metrics

from regtutor import metrics

SIZES = [(14, 17), (10, 12, 11)]
BATCHES = [1, 2]
REDUCTIONS = ["none", "mean", "sum", "mean_batch", "sum_batch", "mean_channel", "sum_channel"]


@pytest.fixture(params=itertools.product(SIZES, BATCHES), ids=lambda p: f"{len(p[0])}d-b{p[1]}")
def shape(request):
    size, batch = request.param
    return batch, size


def label_maps(shape, num_classes=3, seed=0):
    """A label map of blobs, and one that differs from it in places: `(B, 1, *spatial)`."""
    batch, size = shape
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, num_classes, *[4] * len(size), generator=generator)
    mode = "bilinear" if len(size) == 2 else "trilinear"
    smooth = torch.nn.functional.interpolate(coarse, size, mode=mode)
    noise = 0.4 * torch.rand(batch, num_classes, *size, generator=generator)
    return (smooth + noise).argmax(1, keepdim=True), smooth.argmax(1, keepdim=True)


def channels(labels, num_classes=3):
    return torch.nn.functional.one_hot(labels[:, 0], num_classes).movedim(-1, 1).float()


def same(mine, theirs, atol=1e-7):
    assert mine.shape == theirs.shape
    assert mine.dtype == theirs.dtype
    return torch.allclose(mine, theirs, atol=atol, rtol=0, equal_nan=True)


@pytest.mark.parametrize("include_background", [True, False])
@pytest.mark.parametrize("form", ["channels", "maps", "channels and map"])
def test_dice(shape, form, include_background):
    pred, truth = label_maps(shape)
    options = {"include_background": include_background}
    if form == "maps":
        options["num_classes"] = 3
    else:
        pred = channels(pred)
        truth = truth if form == "channels and map" else channels(truth)
    ours, monai = metrics.DiceMetric(**options), monai_metrics.DiceMetric(**options)
    for _ in range(2):
        assert same(ours(pred, truth), monai(pred, truth))
    assert len(ours) == len(monai) == 2 * shape[0]
    assert same(ours.get_buffer(), monai.get_buffer())
    assert same(ours.aggregate(), monai.aggregate())
    ours.reset()
    assert ours.get_buffer() is None
    assert len(ours) == 0


@pytest.mark.parametrize("ignore_empty", [True, False])
@pytest.mark.filterwarnings("ignore:scores")
def test_dice_of_empty_labels(shape, ignore_empty):
    pred, truth = (channels(labels) for labels in label_maps(shape))
    truth[0, 1] = 0
    pred[-1, 2] = truth[-1, 2] = 0
    options = {"ignore_empty": ignore_empty, "get_not_nans": True}
    ours, monai = metrics.DiceMetric(**options), monai_metrics.DiceMetric(**options)
    assert same(ours(pred, truth), monai(pred, truth))
    for reduction in REDUCTIONS:
        pairs = zip(ours.aggregate(reduction), monai.aggregate(reduction), strict=True)
        for mine, theirs in pairs:
            assert same(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("one_channel", [True, False])
def test_dice_of_a_soft_prediction_is_monais_with_a_warning(shape, one_channel):
    pred, truth = (channels(labels) for labels in label_maps(shape))
    soft = pred.clone()
    soft[..., ::3] *= 0.7  # in one channel no longer 1, so gone
    soft[..., ::5] += 0.1  # in channels above 0, so there
    soft = soft.clamp(max=1)
    if one_channel:
        soft, truth = soft[:, :1], truth[:, :1]
    ours, monai = metrics.DiceMetric(), monai_metrics.DiceMetric()
    with pytest.warns(UserWarning, match=r"y_pred: expected 0 and 1, .*\(y_pred > 0.5\)"):
        mine = ours(soft, truth)
    assert same(mine, monai(soft, truth))
    assert not same(mine, metrics.DiceMetric()((soft > 0.5).float(), truth))  # what it should be


def test_dice_of_a_soft_truth_is_monais_with_a_warning(shape):
    pred, truth = (channels(labels) for labels in label_maps(shape))
    truth[..., ::3] *= 0.7
    ours, monai = metrics.DiceMetric(), monai_metrics.DiceMetric()
    with pytest.warns(UserWarning, match="y: expected 0 and 1"):
        mine = ours(pred, truth)
    assert same(mine, monai(pred, truth), atol=1e-6)


@pytest.mark.parametrize("names", [True, ["air", "lung", "bone"]])
@pytest.mark.parametrize("get_not_nans", [True, False])
def test_dice_with_labels(shape, names, get_not_nans):
    pred, truth = label_maps(shape)
    options = {"num_classes": 3, "reduction": "mean_batch", "return_with_label": names}
    ours = metrics.DiceMetric(**options, get_not_nans=get_not_nans)
    monai = monai_metrics.DiceMetric(**options, get_not_nans=get_not_nans)
    ours(pred, truth)
    monai(pred, truth)
    mine, theirs = ours.aggregate(), monai.aggregate()
    if get_not_nans:
        assert same(mine[1], theirs[1])
        mine, theirs = mine[0], theirs[0]
    assert mine == pytest.approx(theirs, abs=1e-4)
    assert list(mine) == list(theirs)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_reductions(reduction):
    """The scores of FACTS 1.5: a channel and a case of which nothing is known."""
    scores = torch.tensor([[1.0, 2 / 3, torch.nan], [1.0, torch.nan, torch.nan]])
    from monai.metrics.utils import do_metric_reduction

    from regtutor.metrics.scores import reduce_scores

    theirs = do_metric_reduction(scores.clone(), reduction)
    if reduction == "mean_batch":
        with pytest.warns(UserWarning, match="A mean over none is given as 0"):
            ours = reduce_scores(scores, reduction)
    else:
        ours = reduce_scores(scores, reduction)
    assert all(same(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True))


SPACINGS = [None, 0.7, "sequence", "per case"]


def spacing_of(kind, shape):
    batch, size = shape
    if kind == "sequence":
        return [0.7, 1.5, 2.5][: len(size)]
    if kind == "per case":
        return [[1.0 + b, 1.5, 2.5][: len(size)] for b in range(batch)]
    return kind


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("percentile", [None, 95, 50])
def test_hausdorff(shape, percentile, directed, spacing):
    pred, truth = (channels(labels) for labels in label_maps(shape))
    options = {"percentile": percentile, "directed": directed}
    ours = metrics.HausdorffDistanceMetric(**options)
    monai = monai_metrics.HausdorffDistanceMetric(**options)
    mm = spacing_of(spacing, shape)
    assert same(ours(pred, truth, spacing=mm), monai(pred, truth, spacing=mm), atol=1e-5)
    assert same(ours.aggregate(), monai.aggregate(), atol=1e-5)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("symmetric", [False, True])
def test_surface_distance(shape, symmetric, spacing):
    pred, truth = (channels(labels) for labels in label_maps(shape))
    ours = metrics.SurfaceDistanceMetric(symmetric=symmetric)
    monai = monai_metrics.SurfaceDistanceMetric(symmetric=symmetric)
    mm = spacing_of(spacing, shape)
    assert same(ours(pred, truth, spacing=mm), monai(pred, truth, spacing=mm), atol=1e-5)
    assert same(ours.aggregate(), monai.aggregate(), atol=1e-5)


@pytest.mark.parametrize("distance_metric", ["euclidean", "chessboard", "taxicab"])
@pytest.mark.parametrize("include_background", [False, True])
@pytest.mark.parametrize("name", ["HausdorffDistanceMetric", "SurfaceDistanceMetric"])
def test_surface_options(shape, name, include_background, distance_metric):
    pred, truth = (channels(labels) for labels in label_maps(shape))
    options = {"include_background": include_background, "distance_metric": distance_metric}
    ours = getattr(metrics, name)(**options, reduction="mean_batch", get_not_nans=True)
    monai = getattr(monai_metrics, name)(**options, reduction="mean_batch", get_not_nans=True)
    assert same(ours(pred, truth), monai(pred, truth), atol=1e-5)
    ours.reset()
    monai.reset()
    pred, truth = pred[:, :1], truth[:, :1]  # a single channel is never dropped
    assert same(ours(pred, truth), monai(pred, truth), atol=1e-5)


@pytest.mark.filterwarnings("ignore:y_pred, y")
@pytest.mark.parametrize("percentile", [None, 95])
@pytest.mark.parametrize("options", [{}, {"directed": True}, {"symmetric": True}], ids=str)
def test_surfaces_of_empty_masks(shape, options, percentile):
    """Both: NaN; one: infinite, but a percentile of that is NaN."""
    pred, truth = (channels(labels) for labels in label_maps(shape, num_classes=3))
    pred[:, 1] = 0
    truth[0, 1] = 0
    truth[:, 2] = 0
    if "symmetric" in options:
        ours = metrics.SurfaceDistanceMetric(**options)
        monai = monai_metrics.SurfaceDistanceMetric(**options)
    else:
        ours = metrics.HausdorffDistanceMetric(**options, percentile=percentile)
        monai = monai_metrics.HausdorffDistanceMetric(**options, percentile=percentile)
    mine = ours(pred, truth)
    assert mine[0, 0].isnan()
    no_percentile = percentile is None or "symmetric" in options
    assert mine[0, 1].isinf() if no_percentile else mine[0, 1].isnan()
    assert same(mine, monai(pred, truth))
