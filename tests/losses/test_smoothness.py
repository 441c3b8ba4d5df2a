"""Bending and diffusion of fields whose derivatives are known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.deformation import affine_to_ddf, identity_grid
from regtutor.losses import BendingEnergyLoss, DiffusionLoss, smoothness

SIZES = [(9, 11), (6, 8, 7)]
LOSSES = [BendingEnergyLoss(), DiffusionLoss(), DiffusionLoss(one_sided=True)]


def field(size, seed=0, batch=1, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, len(size), *size, generator=generator, dtype=dtype)


def checkerboard(size):
    sign = 1 - 2 * (identity_grid(size).sum(1) % 2)
    return sign[:, None].expand(-1, len(size), *[-1] * len(size)).clone()


@pytest.mark.parametrize("d", [2, 3])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999))
def test_an_affine_field_bends_nothing_and_diffuses_its_matrix(d, seed):
    """Bending is blind to it; diffusion is ‖A − I‖² / d, a mean over components."""
    theta = torch.randn(1, d, d + 1, generator=torch.Generator().manual_seed(seed)).double()
    ddf = affine_to_ddf(theta, SIZES[d - 2])
    slope = theta[0, :, :d] - torch.eye(d)
    assert BendingEnergyLoss()(ddf).item() == pytest.approx(0, abs=1e-20)
    for loss in LOSSES[1:]:
        assert loss(ddf).item() == pytest.approx((slope**2).sum().item() / d, rel=1e-9)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_a_parabola_and_a_saddle(size):
    """u₀ = a x² costs (2a)²; u₀ = b x y costs 2 b², for the mixed term stands twice; each / d."""
    grid = identity_grid(size).double()
    ddf = torch.zeros_like(grid)
    ddf[:, 0] = 0.3 * grid[:, 0] ** 2
    assert BendingEnergyLoss()(ddf).item() == pytest.approx(0.6**2 / len(size), rel=1e-9)
    ddf[:, 0] = 0.3 * grid[:, 0] * grid[:, 1]
    assert BendingEnergyLoss()(ddf).item() == pytest.approx(2 * 0.3**2 / len(size), rel=1e-9)


@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_a_translation_is_free(size):
    ddf = torch.full((2, len(size), *size), 5.0)
    assert [loss(ddf).item() for loss in LOSSES] == [0, 0, 0]
    far = torch.full_like(ddf, 3e38)  # finite, though their sum is not
    assert [loss(far).item() for loss in LOSSES] == [0, 0, 0]


@pytest.mark.parametrize(("size", "bending"), [(SIZES[0], 32), (SIZES[1], 48)], ids=["2d", "3d"])
def test_the_checkerboard_that_central_differences_step_over(size, bending):
    ddf = checkerboard(size)
    assert DiffusionLoss()(ddf).item() == 0
    assert DiffusionLoss(one_sided=True)(ddf).item() == 4 * len(size)
    assert BendingEnergyLoss()(ddf).item() == bending  # up to MONAI 1.6.0: 0


@pytest.mark.parametrize("loss", [BendingEnergyLoss, DiffusionLoss])
def test_normalised_it_does_not_grow_with_the_grid(loss):
    """The same motion in shares of the field of view, on grids of 16 and 32."""
    values = {False: [], True: []}
    for n in (16, 32):
        x = identity_grid((n, n)) / n
        ddf = n * 0.1 * torch.cat([torch.sin(math.pi * x[:, 1:]), torch.cos(math.pi * x[:, :1])], 1)
        for normalize, found in values.items():
            found.append(loss(normalize)(ddf).item())
    assert values[True][1] == pytest.approx(values[True][0], rel=0.15)
    if loss is BendingEnergyLoss:
        assert values[False][1] < 0.4 * values[False][0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), factor=st.floats(0.1, 10))
def test_never_negative_and_quadratic(seed, factor):
    ddf = field((6, 7), seed)
    for loss in LOSSES:
        assert loss(ddf).item() >= 0
        assert loss(factor * ddf).item() == pytest.approx(factor**2 * loss(ddf).item(), rel=1e-4)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("size", SIZES, ids=["2d", "3d"])
def test_it_is_the_plain_form(size, reduction, plain):
    """Values, and gradients of an outer function that weighs every voxel otherwise."""
    pairs = [
        (BendingEnergyLoss(reduction=reduction), plain.bending),
        (DiffusionLoss(reduction=reduction), plain.diffusion),
        (DiffusionLoss(reduction=reduction, one_sided=True), lambda u: plain.diffusion(u, True)),
    ]
    total = {"mean": torch.mean, "sum": torch.sum, "none": lambda energy: energy}[reduction]
    for loss, form in pairs:
        values, slopes = [], []
        for fast in (True, False):
            ddf = field(size, batch=2, dtype=torch.float64).requires_grad_()
            value = loss(ddf) if fast else total(form(ddf))
            (value**2).sum().backward()
            values.append(value)
            slopes.append(ddf.grad)
        assert torch.allclose(*values, rtol=1e-12, atol=0)
        assert torch.allclose(*slopes, rtol=0, atol=1e-12 * slopes[1].abs().max())


@pytest.mark.parametrize("size", [(4, 5), (3, 4, 3)], ids=["2d", "3d"])
@pytest.mark.parametrize("loss", LOSSES, ids=["bending", "diffusion", "one-sided"])
def test_gradients(size, loss):
    ddf = field(size, batch=2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(loss, ddf)
    assert torch.autograd.gradgradcheck(lambda u: loss(u) ** 2, ddf)


@pytest.mark.parametrize("reduction", ["sum", "none"])
@pytest.mark.parametrize("size", [(4, 5), (3, 4, 3)], ids=["2d", "3d"])
@pytest.mark.parametrize("loss", [BendingEnergyLoss, DiffusionLoss])
def test_gradients_in_shares_of_the_grid(size, loss, reduction):
    ddf = field(size, batch=2, dtype=torch.float64).requires_grad_()
    shares = loss(normalize=True, reduction=reduction)
    assert torch.autograd.gradcheck(shares, ddf)
    assert torch.autograd.gradgradcheck(shares, ddf[:1])


@pytest.mark.parametrize("loss", [BendingEnergyLoss, DiffusionLoss])
def test_of_a_field_that_lies_otherwise_in_memory(loss):
    """As `movedim` leaves it; and its gradient is found again from the same graph."""
    ddf = field((6, 8, 7), batch=2)
    turned = ddf.movedim(1, -1).contiguous().movedim(-1, 1).requires_grad_()
    ddf.requires_grad_()
    values = loss()(ddf), loss()(turned)
    assert torch.allclose(*values, rtol=1e-6)
    for value in values:
        (3 * value).backward(retain_graph=True)
    once = ddf.grad.clone()
    assert torch.allclose(turned.grad, once, atol=1e-6)
    (3 * values[0]).backward()
    assert torch.allclose(ddf.grad, 2 * once)


@pytest.mark.parametrize("loss", [BendingEnergyLoss, DiffusionLoss])
@pytest.mark.parametrize(
    ("ddf", "message"),
    [
        (torch.zeros(1, 3, 8, 8), "pred: expected 2 channels for 2 spatial dimensions"),
        (torch.zeros(1, 2, 2, 8), "pred: expected at least 3 voxels along every axis"),
        (torch.zeros(2, 8, 8), r"pred: expected \(B, C, H, W\)"),
        (torch.zeros(1, 2, 8, 8).long(), "pred: expected floating-point values"),
        (torch.full((1, 2, 8, 8), torch.nan), "pred: expected finite values, got 128 of 128"),
    ],
)
def test_refuses(loss, ddf, message):
    with pytest.raises(ValueError, match=message):
        loss()(ddf)


@pytest.mark.parametrize("loss", [BendingEnergyLoss, DiffusionLoss])
def test_refuses_at_construction(loss):
    with pytest.raises(ValueError, match="reduction: expected one of"):
        loss(reduction="max")


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_without_gradients_none_is_looked_for(loss, monkeypatch):
    ddf, shares = field((5, 6)).requires_grad_(), []
    monkeypatch.setattr(smoothness._Term, "give_back", lambda *_: shares.append(1))
    with torch.no_grad():
        quiet = loss(ddf)
    assert not shares
    assert torch.equal(loss(ddf), quiet)
    assert shares
