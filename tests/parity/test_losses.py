"""Every loss gives MONAI 1.6.1's number and gradients, 2-D and 3-D, batch 1 and 2.

Tolerances: Dice, bending and diffusion equal to the bit (what is not is marked), bending's and
diffusion's gradients to 1e-6 of their largest; MultiScale 2e-7, LNCC 1e-6 on images in [0, 1],
mutual information 2e-6 (MONAI's own distance from float64); their gradients, in float64, to 1e-9 of
their largest; where MONAI keeps weights or bins in float32 (LNCC's other windows, Gaussian mutual
information) to 1e-5.
"""

import itertools

import pytest
import torch
from monai import losses as monai_losses

from regtutor import losses

SIZES = [(13, 16), (9, 12, 11)]
BATCHES = [1, 2]


@pytest.fixture(params=itertools.product(SIZES, BATCHES), ids=lambda p: f"{len(p[0])}d-b{p[1]}")
def shape(request):
    size, batch = request.param
    return batch, size


def images(shape, channels=1, seed=0, dtype=torch.float32):
    """Two images in [0, 1] that have something to do with each other."""
    batch, size = shape
    generator = torch.Generator().manual_seed(seed)
    pred = torch.rand(batch, channels, *size, generator=generator, dtype=dtype)
    noise = torch.rand(batch, channels, *size, generator=generator, dtype=dtype)
    return pred, (0.6 * pred**2 + 0.4 * noise)


def gradients(loss, *inputs):
    leaves = [x.clone().requires_grad_() for x in inputs]
    loss(*leaves).backward(torch.ones_like(loss(*leaves)))
    return [x.grad for x in leaves]


def assert_equal(ours, monai, *inputs):
    assert torch.equal(ours(*inputs), monai(*inputs))
    pairs = zip(gradients(ours, *inputs), gradients(monai, *inputs), strict=True)
    for mine, theirs in pairs:
        assert theirs.abs().max() > 0
        assert torch.equal(mine, theirs)


def assert_near(ours, monai, *inputs, atol, rtol=0.0, gradient=1e-9):
    assert torch.allclose(ours(*inputs), monai(*inputs), atol=atol, rtol=rtol)
    doubles = [x.double() for x in inputs]
    pairs = zip(gradients(ours, *doubles), gradients(monai, *doubles), strict=True)
    for mine, theirs in pairs:
        assert theirs.abs().max() > 0
        assert (mine - theirs).abs().max() <= gradient * theirs.abs().max()


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("kernel_type", "kernel_size"),
    [
        *itertools.product(["rectangular", "gaussian"], [3, 5, 9]),
        *itertools.product(["triangular"], [5, 7, 9]),
    ],
)
def test_lncc(shape, channels, kernel_type, kernel_size):
    options = {
        "spatial_dims": len(shape[1]),
        "kernel_size": kernel_size,
        "kernel_type": kernel_type,
    }
    ours = losses.LocalNormalizedCrossCorrelationLoss(**options)
    monai = monai_losses.LocalNormalizedCrossCorrelationLoss(**options)
    gradient = 1e-9 if kernel_type == "rectangular" else 1e-5
    assert_near(ours, monai, *images(shape, channels), atol=1e-6, gradient=gradient)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_lncc_options(shape, reduction):
    options = {"spatial_dims": len(shape[1]), "smooth_nr": 1e-3, "smooth_dr": 0.2}
    ours = losses.LocalNormalizedCrossCorrelationLoss(**options, reduction=reduction)
    monai = monai_losses.LocalNormalizedCrossCorrelationLoss(**options, reduction=reduction)
    pred, target = images(shape)
    assert torch.allclose(ours(pred, target), monai(pred, target), atol=1e-6, rtol=1e-5)


def test_lncc_defaults():
    pred, target = images((1, (9, 12, 11)))
    ours = losses.LocalNormalizedCrossCorrelationLoss()
    monai = monai_losses.LocalNormalizedCrossCorrelationLoss()
    assert_near(ours, monai, pred, target, atol=1e-6)


def test_lncc_triangular_3_warns_and_gives_monais_number():
    pred, target = images((1, (9, 12, 11)))
    with pytest.warns(UserWarning, match="kernel_size: expected 5 or more, got 3"):
        ours = losses.LocalNormalizedCrossCorrelationLoss(kernel_type="triangular")
    monai = monai_losses.LocalNormalizedCrossCorrelationLoss(kernel_type="triangular")
    assert ours(pred, target).item() == pytest.approx(monai(pred, target).item(), abs=1e-6)


@pytest.mark.parametrize("num_bins", [2, 8, 23, 64])
@pytest.mark.parametrize("sigma_ratio", [0.5, 2.0])
def test_gaussian_mutual_information(shape, num_bins, sigma_ratio):
    options = {"num_bins": num_bins, "sigma_ratio": sigma_ratio}
    ours = losses.GlobalMutualInformationLoss(**options)
    monai = monai_losses.GlobalMutualInformationLoss(**options)
    assert_near(ours, monai, *images(shape, channels=2), atol=2e-6, gradient=1e-5)


def test_mutual_information_options(shape):
    pred, target = images(shape)
    for reduction in ("mean", "sum", "none"):
        ours = losses.GlobalMutualInformationLoss(reduction=reduction, smooth_nr=1e-3)
        monai = monai_losses.GlobalMutualInformationLoss(reduction=reduction, smooth_nr=1e-3)
        assert torch.allclose(ours(pred, target), monai(pred, target), atol=1e-6, rtol=1e-6)
    defaults = losses.GlobalMutualInformationLoss(), monai_losses.GlobalMutualInformationLoss()
    assert_near(*defaults, pred, target, atol=1e-6, gradient=1e-5)


@pytest.mark.parametrize("num_bins", [6, 23])
@pytest.mark.parametrize("grey_levels", [None, 12])
def test_spline_mutual_information(shape, num_bins, grey_levels):
    pred, target = images(shape)
    pred, target = 900 * pred - 300, 70 * target + 5  # it finds its range itself
    if grey_levels:  # values on the very edge of a bin
        target = (target / 70 * grey_levels).round()
    ours = losses.GlobalMutualInformationLoss("b-spline", num_bins)
    monai = monai_losses.GlobalMutualInformationLoss("b-spline", num_bins)
    assert_near(
        lambda p: ours(p, target.to(p)),
        lambda p: monai(p, target.to(p)).to(p),
        pred,
        atol=2e-6,
        rtol=1e-5,
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"include_background": False},
        {"sigmoid": True},
        {"softmax": True},
        {"other_act": torch.tanh},
        {"jaccard": True},
        {"reduction": "sum"},
        {"reduction": "none"},
        {"batch": True},
        {"batch": True, "reduction": "none"},
        {"smooth_nr": 0.0, "smooth_dr": 1.0},
        {"weight": 2.0},
        {"weight": [1.0, 0.0, 3.0]},
        {"weight": [1.0, 3.0], "include_background": False, "batch": True},
        {"ignore_index": 1},
        {"ignore_index": -1},
    ],
    ids=str,
)
def test_dice_loss(shape, options):
    ours, monai = losses.DiceLoss(**options), monai_losses.DiceLoss(**options)
    assert_equal(ours, monai, *images(shape, channels=3))


@pytest.mark.parametrize("jaccard", [False, True])
@pytest.mark.parametrize("form", ["squared_pred", "soft_label", "both"])
def test_dice_loss_of_soft_labels(shape, form, jaccard):
    """Not to the bit: MONAI squares a root."""
    names = ["squared_pred", "soft_label"] if form == "both" else [form]
    options = {"jaccard": jaccard, **dict.fromkeys(names, True)}
    ours, monai = losses.DiceLoss(**options), monai_losses.DiceLoss(**options)
    assert_near(ours, monai, *images(shape, channels=3), atol=1e-6)


@pytest.mark.parametrize("ignore_index", [None, 1, 255])
def test_dice_loss_of_a_label_map(shape, ignore_index):
    pred, _ = images(shape, channels=3)
    generator = torch.Generator().manual_seed(1)
    target = torch.randint(0, 3, (shape[0], 1, *shape[1]), generator=generator)
    if ignore_index == 255:
        target[..., :4] = 255
    options = {"to_onehot_y": True, "softmax": True, "ignore_index": ignore_index}
    ours, monai = losses.DiceLoss(**options), monai_losses.DiceLoss(**options)
    assert_equal(lambda p: ours(p, target), lambda p: monai(p, target), pred)


@pytest.mark.filterwarnings("ignore:single channel prediction:UserWarning")  # MONAI's own
@pytest.mark.parametrize("option", ["to_onehot_y", "softmax", "include_background", "weight"])
def test_dice_loss_of_one_channel_ignores_with_a_warning(shape, option):
    options = {option: option != "include_background"}
    ours, monai = losses.DiceLoss(**options), monai_losses.DiceLoss(**options)
    pred, target = images(shape)
    with pytest.warns(UserWarning, match=f"{option}.*: expected several channels, got one"):
        mine = ours(pred, target)
    assert torch.equal(mine, monai(pred, target))


@pytest.mark.parametrize("inner", ["DiceLoss", "MSELoss", "L1Loss"])
@pytest.mark.parametrize(
    ("kernel", "scales"),
    [
        ("gaussian", None),
        ("gaussian", [0]),
        ("gaussian", [0, 1, 2, 4, 8]),
        ("gaussian", [0.5, 1.5, 3]),
        ("cauchy", [0, 0.5, 1, 3]),
    ],
    ids=str,
)
def test_multi_scale_loss(shape, scales, inner, kernel):
    theirs, mine = (
        getattr(package if inner == "DiceLoss" else torch.nn, inner)
        for package in (monai_losses, losses)
    )
    ours = losses.MultiScaleLoss(mine(), scales, kernel)
    monai = monai_losses.MultiScaleLoss(theirs(), scales, kernel)
    assert_near(ours, monai, *images(shape), atol=2e-7)


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_multi_scale_loss_reductions(shape, reduction):
    inner = losses.DiceLoss(reduction="none"), monai_losses.DiceLoss(reduction="none")
    ours = losses.MultiScaleLoss(inner[0], [0, 2], reduction=reduction)
    monai = monai_losses.MultiScaleLoss(inner[1], [0, 2], reduction=reduction)
    assert_near(ours, monai, *images(shape, channels=2), atol=2e-7, rtol=2e-7)


def test_the_slides_scales():
    pred, target = images((1, (9, 12, 11)))
    scales = [0, 1, 2, 4, 8, 16]
    ours = losses.MultiScaleLoss(losses.DiceLoss(), scales)
    monai = monai_losses.MultiScaleLoss(monai_losses.DiceLoss(), scales)
    assert_near(ours, monai, target, pred, atol=2e-7)


def test_multi_scale_loss_takes_the_truth_first(shape):
    """Seen with a loss that is not symmetric."""

    def unlike(pred, target):
        return (pred * target**2).mean()

    pred, target = images(shape)
    monai = monai_losses.MultiScaleLoss(unlike, [0, 1])(target, pred)
    ours, pred_first = (losses.MultiScaleLoss(unlike, [0, 1], pred_first=p) for p in (False, True))
    assert ours(target, pred).item() == pytest.approx(monai.item(), rel=1e-6)
    assert pred_first(pred, target).item() == pytest.approx(monai.item(), rel=1e-6)
    assert ours(pred, target).item() != pytest.approx(monai.item(), rel=1e-2)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["BendingEnergyLoss", "DiffusionLoss"])
def test_smoothness(shape, name, reduction, normalize):
    batch, size = shape
    ddf = 3 * torch.randn(batch, len(size), *size, generator=torch.Generator().manual_seed(2))
    ours = getattr(losses, name)(normalize, reduction)
    monai = getattr(monai_losses, name)(normalize, reduction)
    if normalize:  # MONAI rounds the relative size twice
        assert torch.allclose(ours(ddf), monai(ddf), rtol=1e-6, atol=0)
    else:
        assert torch.equal(ours(ddf), monai(ddf))
    (mine,), (theirs,) = gradients(ours, ddf), gradients(monai, ddf)
    assert (mine - theirs).abs().max() <= 1e-6 * theirs.abs().max()
