"""Notebook 03: its solutions are the library's, other ways to them are right, slips are told."""

import math

import pytest
import torch
from torch.nn import functional as F

from regtutor import deformation
from regtutor.deformation import Warp, apply_affine, identity_grid, sample
from regtutor.exercises import chaining, folding
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge


def field(*shape):
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(4))


def test_the_solutions_are_the_librarys():
    ddf, other = field(2, 2, 9, 13), field(2, 2, 9, 13).flip(3)
    close = {"atol": 1e-4, "rtol": 0}
    torch.testing.assert_close(
        folding.jacobian_det(ddf), deformation.jacobian_determinant(ddf), **close
    )
    torch.testing.assert_close(
        chaining.compose(ddf, other), deformation.compose(ddf, other), **close
    )
    torch.testing.assert_close(
        chaining.upsample(ddf), deformation.resize_field(ddf, (18, 26)), **close
    )
    matrix = deformation.affine_matrix(rotate=[math.radians(20)], spatial_dims=2)
    matrix = deformation.about_centre(matrix, (40, 56))
    torch.testing.assert_close(chaining.theta(), deformation.matrix_to_theta(matrix[None])[0])


def test_theta_does_what_its_question_says():
    theta, middle = chaining.theta()[None], torch.tensor([19.5, 27.5]).double().view(1, 2, 1)
    torch.testing.assert_close(apply_affine(theta, middle), middle)
    below = middle + torch.tensor([10.0, 0.0]).view(1, 2, 1)
    down, right = (apply_affine(theta, below) - middle).flatten().tolist()
    assert math.degrees(math.atan2(right, down)) == pytest.approx(20)


def by_slices(ddf):
    """The determinant by torch.linalg, with slices for slopes."""
    places = identity_grid(ddf.shape[2:]) + ddf
    columns = []
    for axis in (2, 3):
        n = places.shape[axis]
        ends = torch.arange(n).clamp(max=n - 2) + 1, torch.arange(n).clamp(min=1) - 1
        ahead, behind = (places.index_select(axis, at) for at in ends)
        wide = (ends[0] - ends[1]).view([-1 if a == axis else 1 for a in range(4)])
        columns.append((ahead - behind) / wide)
    return torch.linalg.det(torch.stack(columns, dim=-1).movedim(1, -2))


def by_samples(outer, inner):
    places = identity_grid(outer.shape[2:]) + inner
    return places + sample(outer, places) - identity_grid(outer.shape[2:])


def by_repeating(ddf):
    size = [2 * n for n in ddf.shape[2:]]
    return F.interpolate(ddf, size=size, mode="bicubic", align_corners=False) * 2


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        ("jacobian", deformation.jacobian_determinant, "right"),
        ("jacobian", by_slices, "right"),
        ("jacobian", lambda ddf: folding.jacobian_det(ddf.float()), "right"),
        ("jacobian", lambda ddf: folding.jacobian_det(ddf)[:, 1:-1, 1:-1], "form"),
        ("jacobian", lambda ddf: folding.jacobian_det(ddf)[:, None], "form"),
        ("jacobian", lambda ddf: folding.jacobian_det(ddf) / 0, "form"),
        ("jacobian", lambda ddf: folding.jacobian_det(ddf.expand(2, 2, 9, 14)),
         "nothing_is_one"),
        ("jacobian", lambda ddf: folding.jacobian_det(ddf) + len(ddf) - 2, "nothing_is_one"),
        ("jacobian", lambda ddf: folding.jacobian_det(ddf).clamp(min=-1.2), "unknown"),
        ("jacobian", lambda ddf: None, "unanswered"),
        ("compose", deformation.compose, "right"),
        ("compose", by_samples, "right"),
        ("compose", lambda outer, inner: Warp()(outer, inner)[0] + inner[0], "form"),
        ("compose", lambda outer, inner: inner + Warp()(0.9 * outer, inner), "warping_twice"),
        ("compose", lambda inner, outer: inner + Warp()(outer, inner), "other_order"),
        ("upsample", lambda ddf: deformation.resize_field(ddf, [2 * n for n in ddf.shape[2:]]),
         "right"),
        ("upsample", lambda ddf: F.interpolate(ddf, scale_factor=2), "three_becomes_six"),
        ("upsample", lambda ddf: 2 * ddf, "form"),
        ("upsample", by_repeating, "unknown"),
        ("theta", chaining.theta()[None].float(), "right"),
        ("theta", [[0.9397, -0.3420, 10.582], [0.3420, 0.9397, -5.011]], "right"),
        ("theta", torch.eye(2), "form"),
        ("theta", chaining.theta() + 1, "unknown"),
        ("theta", deformation.affine_matrix(rotate=[math.radians(20)], spatial_dims=2)[:2],
         "corner"),
        ("theta", deformation.about_centre(
            deformation.affine_matrix(rotate=[20], spatial_dims=2), (40, 56))[:2], "degrees"),
    ],
)  # fmt: skip
def test_other_answers(exercise, answer, name):
    assert judge(EXERCISES[exercise], answer).name == name
