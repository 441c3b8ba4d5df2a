"""Pulling many images at once: the values of pulling each alone, over the whole grid."""

from __future__ import annotations

import pytest
import torch

from regtutor.deformation import identity_grid, sample
from regtutor.deformation.affine import about_centre, affine_matrix, apply_affine
from regtutor.transforms import pulling
from regtutor.transforms.pulling import fold, places, pull

SIZE = {2: (13, 18), 3: (11, 14, 9)}
NEW = {2: (20, 9), 3: (15, 8, 21)}
HOW = [
    ("bilinear", "reflection"),
    ("nearest", "zeros"),
    ("bilinear", "border"),
    ("nearest", "reflection"),
    ("bilinear", "reflection"),
]


def matrix_of(d, far=0.0):
    angles = (0.3,) if d == 2 else (0.1, -0.2, 0.3)
    matrix = affine_matrix(angles, (0.1,), (3.3 + far, -2.2), (1.2, 0.9), spatial_dims=d)
    return about_centre(matrix, NEW[d], SIZE[d])


def test_mirrors_at_the_faces_or_in_the_middle_of_voxels():
    image = torch.tensor([[[1.0, 2.0, 3.0]]])  # (1, 1, 3)
    back = torch.eye(3, dtype=torch.float64)
    back[1, 2] = -3  # three voxels before the first
    points = places(back, (1, 9))
    faces = sample(image[None], fold(points, (1, 3)), padding_mode="border")
    assert faces.flatten().tolist() == pytest.approx([3, 2, 1, 1, 2, 3, 3, 2, 1])
    middles = sample(image[None], points, padding_mode="reflection")
    assert middles.flatten().tolist() == pytest.approx([2, 3, 2, 1, 2, 3, 2, 1, 2])


@pytest.mark.parametrize("d", [2, 3])
def test_places_are_those_of_the_affine(d):
    expected = apply_affine(matrix_of(d)[None, :-1], identity_grid(NEW[d]).double())
    torch.testing.assert_close(places(matrix_of(d), NEW[d]), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("far", [0.0, 31.0, -5000.0])
def test_fold_against_the_plain_form(plain, d, far):
    points = places(matrix_of(d, far), NEW[d])
    before = points.clone()
    expected = plain.fold(points, SIZE[d])
    torch.testing.assert_close(fold(points, SIZE[d]), expected, atol=1e-9, rtol=0)
    assert torch.equal(points, before)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("slab", [1, 40, 2**18])
def test_pull_is_the_plain_form_of_each_image(plain, monkeypatch, d, slab):
    monkeypatch.setattr(pulling, "_SLAB", slab)
    torch.manual_seed(0)
    images = [torch.rand(channels, *SIZE[d]) for channels in (1, 2, 1, 3, 2)]
    modes, paddings = zip(*HOW, strict=True)
    moved = pull(images, matrix_of(d), NEW[d], modes, paddings)
    for image, mode, padding, new in zip(images, modes, paddings, moved, strict=True):
        points = places(matrix_of(d), NEW[d])
        if padding == "reflection":
            points, padding = plain.fold(points, SIZE[d]), "border"
        expected = sample(image.double()[None], points, mode, padding)[0].float()
        torch.testing.assert_close(new, expected, atol=5e-6, rtol=0)
        assert new.dtype == torch.float32
        assert new.untyped_storage().nbytes() == new.numel() * 4  # no part of another image
