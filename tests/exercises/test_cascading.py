"""Notebook 11: its solutions are the library's, other ways to them are right, slips are told."""

import itertools
import math

import pytest
import torch

from regtutor import deformation
from regtutor.deformation import DVF2DDF, Warp, identity_grid, matrix_to_theta, theta_to_matrix
from regtutor.exercises import cascading, integrating, undoing
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge


def field(*shape):
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(4))


def test_the_solutions_are_the_librarys():
    dvf = field(2, 2, 9, 13)
    torch.testing.assert_close(integrating.integrate(dvf, 4), deformation.exp(dvf, 4))
    torch.testing.assert_close(undoing.undo(torch.rand(1, 2, 3), dvf)[1], deformation.exp(-dvf))
    outer, inner = cascading.two_thetas()
    product = matrix_to_theta(theta_to_matrix(outer) @ theta_to_matrix(inner))
    torch.testing.assert_close(cascading.chain(outer, inner), product)


def test_a_velocity_that_grows_with_the_place_is_followed_to_its_end():
    """dx/dt = a (x − c) has x(1) = c + (x − c) exp(a): 64 times as many steps, 64 times as near."""
    row = identity_grid((21, 21)).double()[:, :1] - 10
    dvf = torch.cat([-0.7 * row, 0 * row], dim=1)
    truth = torch.cat([row * (math.exp(-0.7) - 1), 0 * row], dim=1)
    left = [(integrating.integrate(dvf, n) - truth).abs().max().item() for n in (1, 7)]
    assert left[0] > 0.5
    assert left[1] < left[0] / 50


def test_a_matrix_with_ones_below_looks_right_until_it_is_chained():
    """The erratum of the public slide: rows 0 to d − 1 are untouched, so one image warps right."""
    outer, inner = cascading.two_thetas()
    bad = [torch.cat([theta, torch.ones(2, 1, 3)], dim=1) for theta in (outer, inner)]
    assert torch.equal(bad[0][:, :2], outer)
    assert (bad[0] @ bad[1])[:, :2].sub(cascading.chain(outer, inner)).abs().max() > 3
    with pytest.raises(ValueError, match="bottom row"):
        matrix_to_theta(bad[0])


def compose_in_small_steps(dvf, num_steps):
    ddf = small = dvf / 2**num_steps
    for _ in range(2**num_steps - 1):
        ddf = deformation.compose(small, ddf)
    return ddf


def inverse_by_matrix(theta, dvf):
    back = matrix_to_theta(torch.linalg.inv(theta_to_matrix(theta)))
    return [back, deformation.invert(deformation.exp(dvf))]


def chained_by_points(outer, inner):
    a, t = outer[..., :2], outer[..., 2:]
    return torch.cat([a @ inner[..., :2], a @ inner[..., 2:] + t], dim=2)


def sampled_once(moving, affine, deformable):
    first = identity_grid(moving.shape[2:]) + deformable
    return deformation.sample(moving, first + deformation.sample(affine, first))


def right(exercise):
    return EXERCISES[exercise].solution()


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        ("integrate", deformation.exp, "right"),
        ("integrate", lambda dvf, n: DVF2DDF(n, padding_mode="border")(dvf), "right"),
        ("integrate", lambda dvf, n: DVF2DDF(n)(dvf), "zeros"),
        ("integrate", lambda dvf, n: deformation.exp(dvf), "always_seven"),
        ("integrate", lambda dvf, n: deformation.exp(dvf, 3), "always_seven"),
        ("integrate", lambda dvf, n: dvf, "added"),
        ("integrate", integrating._one_small_step_first, "one_small_step"),
        ("integrate", lambda dvf, n: deformation.exp(0.99 * dvf, n), "even_speed"),
        ("integrate", compose_in_small_steps, "one_by_one"),
        ("integrate", lambda dvf, n: right("integrate")(dvf, n)[0], "form"),
        ("integrate", lambda dvf, n: None, "unanswered"),
        ("integrate", lambda dvf: dvf, "stopped"),
        ("undo", inverse_by_matrix, "right"),
        ("undo", lambda theta, dvf: (right("undo")(theta, dvf)[0], DVF2DDF()(-dvf)), "right"),
        ("undo", lambda theta, dvf: (-theta, -deformation.exp(dvf)), "minus_ddf"),
        ("undo", lambda theta, dvf: (-theta, deformation.exp(-dvf)), "minus_theta"),
        ("undo", lambda theta, dvf: (right("undo")(theta, dvf)[0], deformation.exp(-dvf, 2)),
         "brings_back"),
        ("undo", lambda theta, dvf: (torch.linalg.inv(theta_to_matrix(theta)), dvf), "form"),
        ("undo", lambda theta, dvf: right("undo")(theta, dvf)[0], "form"),
        ("undo", lambda theta, dvf: (..., dvf), "unanswered"),
        ("undo", lambda theta, dvf: None, "unanswered"),
        ("chain", chained_by_points, "right"),
        ("chain", lambda outer, inner: (right("chain")(outer, inner)[0]), "form"),
        ("chain", lambda inner, outer: chained_by_points(outer, inner), "other_order"),
        ("chain", lambda outer, inner: chained_by_points(outer, inner) + len(outer) - 2,
         "point_by_point"),
        ("cascade", sampled_once, "right"),
        ("cascade", lambda m, a, d: deformation.compose(a, d), "form"),
        ("cascade", lambda m, a, d: right("cascade")(m, a, d)[0], "form"),
        ("cascade", lambda m, a, d: right("cascade")(m, 0.9 * a, d), "half_there_and_back"),
        ("cascade", lambda m, a, d: Warp()(m, a.neg()), "half_there_and_back"),
    ],
)  # fmt: skip
def test_other_answers(exercise, answer, name):
    verdict = judge(EXERCISES[exercise], answer)
    assert verdict.name == name, verdict.text


def test_of_two_slips_in_undo_one_is_told():
    """Whatever the other half is: each half is looked at by itself."""
    affine, fields = undoing.AFFINE.items(), undoing.FIELD.items()
    for (theta_slip, one), (field_slip, other) in itertools.product(affine, fields):

        def both(theta, dvf, one=one, other=other):
            return one(theta, dvf)[0], other(theta, dvf)[1]

        assert judge(EXERCISES["undo"], both).name in (theta_slip, field_slip)
