"""Laws of the exponential: it inverts by its sign, converges, and keeps a constant constant."""

import math

import pytest
import torch

from regtutor.deformation import DVF2DDF, compose, exp, identity_grid, jacobian_determinant
from regtutor.filters import gaussian_smooth


def smooth_velocity(size, amplitude, seed=0):
    """Smooth noise that dies out towards the border."""
    noise = torch.randn(1, len(size), *size, generator=torch.Generator().manual_seed(seed))
    place = identity_grid(size)
    ends = torch.tensor(size).view(1, -1, *[1] * len(size)) - 1
    window = torch.sin(math.pi * place / ends).prod(dim=1, keepdim=True)
    field = gaussian_smooth(noise, 4.0) * window
    return field * amplitude / field.abs().max()


@pytest.mark.parametrize("size", [(40, 48), (24, 28, 32)], ids=["2d", "3d"])
def test_minus_v_undoes_v(size):
    dvf = smooth_velocity(size, amplitude=4)
    assert compose(exp(dvf), exp(-dvf)).abs().max() < 0.15
    assert exp(dvf).abs().max() > 3  # and there was something to undo


def test_a_constant_velocity_is_a_constant_displacement():
    dvf = torch.full((1, 2, 12, 12), 5.0)
    assert torch.allclose(exp(dvf), dvf, atol=1e-5)
    zeros = DVF2DDF()(dvf)
    assert zeros[0, 0, 2, 2] == pytest.approx(5, abs=1e-4)
    assert zeros[0, 0, -1, 2] < 1.2  # MONAI's zeros beyond the border slow it down
    assert torch.allclose(DVF2DDF(padding_mode="border")(dvf), dvf, atol=1e-5)


def test_it_integrates_a_rotation():
    """A velocity that turns by 45° in unit time: the error halves with each squaring."""
    place = identity_grid((41, 41)) - 20
    angle = math.pi / 4
    dvf = angle * torch.stack([-place[:, 1], place[:, 0]], dim=1)
    turned = torch.stack(
        [
            math.cos(angle) * place[:, 0] - math.sin(angle) * place[:, 1],
            math.sin(angle) * place[:, 0] + math.cos(angle) * place[:, 1],
        ],
        dim=1,
    )
    near = (place.norm(dim=1, keepdim=True) < 12).expand_as(place)
    errors = [(exp(dvf, n) + place - turned)[near].abs().max().item() for n in (5, 6, 7)]
    assert errors[2] < 0.04
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.1)


def test_squarings_take_folds_away():
    dvf = smooth_velocity((48, 48), amplitude=16, seed=3)
    assert jacobian_determinant(dvf).min() < 0
    assert jacobian_determinant(exp(dvf)).min() > 0


@pytest.mark.parametrize("num_steps", [0, -1, 2.5, True, "7"])
def test_num_steps_is_a_positive_whole_number(num_steps):
    with pytest.raises(ValueError, match="num_steps: expected a whole number"):
        DVF2DDF(num_steps)
