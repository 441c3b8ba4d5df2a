"""SimpleITK and ANTs move images by what is written here as Warp does; what they write is read."""

from __future__ import annotations

import math
import re

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch

from regtutor.deformation import Warp, affine_to_ddf, identity_grid
from regtutor.files import (
    read_displacement,
    read_image,
    read_transform,
    write_displacement,
    write_image,
    write_transform,
)
from regtutor.filters import gaussian_smooth

SIZE = (24, 20, 16)


def turned(*degrees):
    """A rotation about each axis, one after the other."""
    total = torch.eye(3, dtype=torch.float64)
    for axis, angle in enumerate(map(math.radians, degrees)):
        a, b = (n for n in range(3) if n != axis)
        turn = torch.eye(3, dtype=torch.float64)
        turn[a, a] = turn[b, b] = math.cos(angle)
        turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
        total = turn @ total
    return total


def affine_of(rotation, spacing, origin=(10.0, -20, 30)):
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, :3] = rotation * torch.tensor(spacing).double()
    affine[:3, 3] = torch.tensor(origin)
    return affine


EYE = torch.eye(3, dtype=torch.float64)
HEADERS = {
    "identity": torch.eye(4, dtype=torch.float64),
    "anisotropic": affine_of(EYE, (1.75, 1.25, 3.0)),
    "flipped": affine_of(EYE, (-1.75, -1.25, 1.75)),
    "mirrored": affine_of(EYE, (1.0, 1.5, -2.0)),
    "as OASIS": affine_of(EYE[[0, 2, 1]], (-1.0, -1.5, 2.0)),  # left, inferior, anterior
    "oblique": affine_of(turned(20, -35, 50), (0.7, 1.3, 2.5)),
    "oblique and flipped": affine_of(turned(-10, 15, 80), (-0.7, 1.3, -2.5)),
}


@pytest.fixture(params=HEADERS)
def affine(request):
    return HEADERS[request.param]


@pytest.fixture
def moving():
    torch.manual_seed(1)
    image = gaussian_smooth(torch.randn(1, 1, *SIZE), 1.5)
    return (image - image.min()) / (image.max() - image.min())


@pytest.fixture
def ddf():
    torch.manual_seed(2)
    field = gaussian_smooth(torch.randn(1, 3, *SIZE), 3.0)
    return field * torch.tensor([4.0, 3.0, 2.0]).view(1, 3, 1, 1, 1) / field.abs().max()


@pytest.fixture
def theta():
    linear = turned(4, -3, 6) @ torch.diag(torch.tensor([1.05, 0.97, 1.02]).double())
    linear[0, 1] += 0.03
    centre = (torch.tensor(SIZE).double() - 1) / 2
    shift = centre - linear @ centre + torch.tensor([1.5, -0.7, 0.4]).double()
    return torch.cat([linear, shift[:, None]], dim=1)[None].float()


def inside(ddf):
    """Where the field leads to a place within the image: beyond, each has its own rule."""
    size = ddf.shape[2:]
    places = identity_grid(size) + ddf
    last = (torch.tensor(size) - 1).view(1, -1, *[1] * len(size))
    within = ((places >= 0.01) & (places <= last - 0.01)).all(1)[0]
    assert within.float().mean() > 0.5
    return within


def array_of(image):
    return torch.from_numpy(sitk.GetArrayFromImage(image).T.copy())  # ITK has x first, NumPy z


def by_simpleitk(folder, moving, affine, transform):
    write_image(folder / "moving.nii.gz", moving[0, 0], affine)
    image = sitk.ReadImage(folder / "moving.nii.gz")
    return array_of(sitk.Resample(image, image, transform, sitk.sitkLinear, -1.0))


def field_transform(path):
    return sitk.DisplacementFieldTransform(sitk.ReadImage(path, sitk.sitkVectorFloat64))


def largest(first, second, where):
    """Largest difference, as a share of the images' range, which is 1."""
    return (first - second)[where].abs().max().item()


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_a_field(tmp_path, affine, moving, ddf, ending):
    path = tmp_path / f"field.{ending}"
    write_displacement(path, ddf, affine)
    warped = Warp()(moving, ddf)[0, 0]
    theirs = by_simpleitk(tmp_path, moving, affine, field_transform(path))
    assert largest(warped, moving[0, 0], inside(ddf)) > 0.1  # it does move
    assert largest(warped, theirs, inside(ddf)) < 1e-4
    back, lies = read_displacement(path)
    assert back.shape == ddf.shape
    assert back.dtype == torch.float32
    assert back.is_contiguous()
    assert torch.allclose(back, ddf, rtol=0, atol=1e-5)
    assert torch.allclose(lies, affine, rtol=0, atol=1e-5)


def test_a_theta(tmp_path, affine, moving, theta):
    path = tmp_path / "theta.tfm"
    write_transform(path, theta, affine)
    ddf = affine_to_ddf(theta, SIZE)
    warped = Warp()(moving, ddf)[0, 0]
    theirs = by_simpleitk(tmp_path, moving, affine, sitk.ReadTransform(path))
    assert largest(warped, moving[0, 0], inside(ddf)) > 0.1
    assert largest(warped, theirs, inside(ddf)) < 1e-4
    assert torch.allclose(read_transform(path, affine), theta, rtol=0, atol=1e-5)


def test_a_theta_is_its_field(tmp_path, affine, theta):
    """In millimetres, at every voxel, by ITK's own arithmetic."""
    write_transform(tmp_path / "theta.txt", theta, affine)
    write_displacement(tmp_path / "field.nii.gz", affine_to_ddf(theta, SIZE), affine)
    one, other = (
        sitk.ReadTransform(tmp_path / "theta.txt"),
        field_transform(tmp_path / "field.nii.gz"),
    )
    field = sitk.ReadImage(tmp_path / "field.nii.gz")
    for index in ((0, 0, 0), (12, 10, 8), (23, 19, 15)):
        place = field.TransformIndexToPhysicalPoint(index)
        assert np.allclose(one.TransformPoint(place), other.TransformPoint(place), atol=1e-4)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (-0.8, 2.5)])
def test_two_dimensions(tmp_path, moving, ddf, theta, spacing):
    affine = affine_of(turned(0, 0, 30), (*spacing, 1.0))
    moving, ddf, theta = moving[..., 8], ddf[:, :2, ..., 8], theta[:, :2, [0, 1, 3]]
    write_displacement(tmp_path / "field.nii.gz", ddf, affine)
    theirs = by_simpleitk(tmp_path, moving, affine, field_transform(tmp_path / "field.nii.gz"))
    assert largest(Warp()(moving, ddf)[0, 0], theirs, inside(ddf)) < 1e-4
    assert torch.allclose(read_displacement(tmp_path / "field.nii.gz")[0], ddf, rtol=0, atol=1e-5)
    write_transform(tmp_path / "theta.tfm", theta, affine)
    theirs = by_simpleitk(tmp_path, moving, affine, sitk.ReadTransform(tmp_path / "theta.tfm"))
    ddf = affine_to_ddf(theta, SIZE[:2])
    assert largest(Warp()(moving, ddf)[0, 0], theirs, inside(ddf)) < 1e-4
    assert torch.allclose(read_transform(tmp_path / "theta.tfm", affine), theta, rtol=0, atol=1e-5)


def test_the_warped_image_lies_where_the_fixed_image_lies(tmp_path, affine, moving, ddf):
    write_image(tmp_path / "fixed.nii.gz", moving[0, 0], affine)
    _, lies = read_image(tmp_path / "fixed.nii.gz")
    write_image(tmp_path / "warped.nii.gz", Warp()(moving, ddf)[0, 0], lies)
    write_displacement(tmp_path / "field.nii.gz", ddf, lies)
    fixed = sitk.ReadImage(tmp_path / "fixed.nii.gz")
    for name in ("warped.nii.gz", "field.nii.gz"):
        image = sitk.ReadImage(tmp_path / name)
        assert image.GetSize() == fixed.GetSize()
        for what in ("GetSpacing", "GetOrigin", "GetDirection"):
            assert getattr(image, what)() == getattr(fixed, what)()


def test_the_same_file_moves_the_image_as_it_was_before_it_was_resampled(tmp_path, ddf):
    """A ramp in mm on a grid of its own: linear interpolation is exact, so is what must come."""
    size, fixed_affine = (60, 80, 90), HEADERS["oblique"]
    moving_affine = affine_of(turned(5, 10, -20), (1.5, -1.1, 0.9))
    middles = [m[:3, :3] @ (torch.tensor(n).double() - 1) / 2 + m[:3, 3]
               for m, n in ((fixed_affine, SIZE), (moving_affine, size))]  # fmt: skip
    moving_affine[:3, 3] += middles[0] - middles[1]
    slope = torch.tensor([0.3, -0.2, 0.5]).double()

    def ramp(affine, places):
        mm = affine[:3, :3] @ places.double().flatten(1) + affine[:3, 3:]
        return (slope @ mm).view(places.shape[1:])

    write_image(tmp_path / "moving.nii", ramp(moving_affine, identity_grid(size)[0]), moving_affine)
    write_image(tmp_path / "fixed.nii", torch.zeros(SIZE), fixed_affine)
    write_displacement(tmp_path / "field.nii", ddf, fixed_affine)
    moving, fixed = (sitk.ReadImage(tmp_path / f"{name}.nii") for name in ("moving", "fixed"))
    transform = field_transform(tmp_path / "field.nii")
    theirs = array_of(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, math.nan))
    expected = ramp(fixed_affine, (identity_grid(SIZE) + ddf)[0])
    known = ~theirs.isnan()
    assert known.float().mean() > 0.9
    assert largest(theirs, expected, known) < 1e-3  # of a range of 40


def test_what_simpleitk_writes_is_read(tmp_path, affine, ddf, theta):
    write_displacement(tmp_path / "a.nii.gz", ddf, affine)
    sitk.WriteImage(
        sitk.ReadImage(tmp_path / "a.nii.gz", sitk.sitkVectorFloat64), tmp_path / "b.nii"
    )
    back, lies = read_displacement(tmp_path / "b.nii")
    assert torch.allclose(back, ddf, rtol=0, atol=1e-5)
    assert torch.allclose(lies, affine, rtol=0, atol=1e-4)
    write_transform(tmp_path / "a.tfm", theta, affine)
    read = sitk.ReadTransform(tmp_path / "a.tfm")
    centred = sitk.AffineTransform(3)
    centred.SetCenter((7.0, -5.0, 11.0))
    centred.SetMatrix(read.GetParameters()[:9])
    origin = (0.0, 0.0, 0.0)
    shift = np.array(read.TransformPoint(origin)) - centred.TransformPoint(origin)
    centred.SetTranslation(shift.tolist())
    sitk.WriteTransform(centred, tmp_path / "b.txt")
    assert "FixedParameters: 7 -5 11" in (tmp_path / "b.txt").read_text()
    assert torch.allclose(read_transform(tmp_path / "b.txt", affine), theta, rtol=0, atol=1e-4)


@pytest.fixture
def ants():
    return pytest.importorskip(
        "ants", reason="antspyx is not installed (no part of the test extra)"
    )


def by_ants(ants, folder, moving, affine, file):
    write_image(folder / "moving.nii.gz", moving[0, 0], affine)
    image = ants.image_read(str(folder / "moving.nii.gz"))
    files = [str(folder / file)]
    warped = ants.apply_transforms(image, image, files, interpolator="linear", defaultvalue=-1)
    return torch.from_numpy(warped.numpy())


def test_ants_moves_by_a_field_and_by_a_theta(ants, tmp_path, affine, moving, ddf, theta):
    write_displacement(tmp_path / "field.nii.gz", ddf, affine)
    theirs = by_ants(ants, tmp_path, moving, affine, "field.nii.gz")
    assert largest(Warp()(moving, ddf)[0, 0], theirs, inside(ddf)) < 1e-4
    write_transform(tmp_path / "theta.txt", theta, affine)
    theirs = by_ants(ants, tmp_path, moving, affine, "theta.txt")
    ddf = affine_to_ddf(theta, SIZE)
    assert largest(Warp()(moving, ddf)[0, 0], theirs, inside(ddf)) < 1e-4


def test_what_ants_writes_is_read(ants, tmp_path, affine, ddf, theta):
    write_displacement(tmp_path / "a.nii.gz", ddf, affine)
    ants.image_write(ants.image_read(str(tmp_path / "a.nii.gz")), str(tmp_path / "b.nii.gz"))
    back, lies = read_displacement(tmp_path / "b.nii.gz")
    assert torch.allclose(back, ddf, rtol=0, atol=1e-5)
    assert torch.allclose(lies, affine, rtol=0, atol=1e-4)
    write_transform(tmp_path / "a.txt", theta, affine)
    ants.write_transform(ants.read_transform(str(tmp_path / "a.txt")), str(tmp_path / "b.txt"))
    assert torch.allclose(read_transform(tmp_path / "b.txt", affine), theta, rtol=0, atol=1e-4)


SHEARED = affine_of(EYE, (1.0, 1, 1)) + torch.tensor([[0, 0.1, 0, 0]] + [[0.0] * 4] * 3)
TILTED = torch.eye(4) + torch.tensor([[0.0] * 4] * 2 + [[0, 0.5, 0, 0]] + [[0.0] * 4])
SINGULAR = torch.diag(torch.tensor([1.0, 1, 0, 1]))


def test_refused(tmp_path, ddf, theta):
    eye, field, text = torch.eye(4), tmp_path / "a.nii.gz", tmp_path / "a.tfm"
    cases = [
        (write_displacement, (field, ddf[0], eye), "ddf: expected"),
        (write_displacement, (field, ddf.expand(2, -1, -1, -1, -1), eye), "ddf: expected one case"),
        (write_displacement, (field, ddf * math.nan, eye), "ddf: expected finite values"),
        (write_displacement, (field, ddf, torch.eye(3)), r"affine: expected \(4, 4\), got \(3, 3"),
        (write_displacement, (field, ddf, SHEARED), "affine: expected axes at right angles"),
        (write_displacement, (field, ddf, SINGULAR), "affine: expected finite, 3 axes in 3-D"),
        (write_displacement, (field, ddf, eye * math.nan), "affine: expected finite, 3 axes"),
        (
            write_displacement,
            (field, ddf[:, :2, ..., 0], TILTED),
            "in the plane of x and y",
        ),
        (write_displacement, (text, ddf, eye), "path: expected ….nii.gz or ….nii"),
        (write_transform, (field, theta, eye), "path: expected ….tfm or ….txt"),
        (write_transform, (text, theta[0], eye), "theta: expected"),
        (write_transform, (text, theta.expand(2, -1, -1), eye), "theta: expected one case"),
        (write_transform, (text, theta * math.nan, eye), "theta: expected finite values"),
        (write_transform, (text, theta, SINGULAR), "affine: expected finite, 3 axes in 3-D"),
    ]
    for function, arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            function(*arguments)
    for function, value, name in (
        (write_displacement, ddf, "f.nii"),
        (write_transform, theta, "t.tfm"),
    ):
        with pytest.raises(
            FileNotFoundError, match=r"path: expected the folder .*missing, got none"
        ):
            function(tmp_path / "missing" / name, value, eye)
    assert list(tmp_path.iterdir()) == []


def test_other_fields_are_refused(tmp_path, ddf):
    with pytest.raises(FileNotFoundError, match="ddf: expected a file, got no file"):
        read_displacement(tmp_path / "none.nii")
    write_image(tmp_path / "image.nii", ddf[0, 0], torch.eye(4))
    with pytest.raises(ValueError, match=r"image.nii: expected vectors.* Read it with read_image"):
        read_displacement(tmp_path / "image.nii")
    for intent, name in (("none", ""), ("displacement vector", ""), ("vector", "NREG_TRANS")):
        image = nib.Nifti1Image(np.zeros((3, 4, 5, 1, 3), "f4"), np.eye(4))
        image.header.set_intent(intent, name=name)
        nib.save(image, tmp_path / "other.nii")
        with pytest.raises(
            ValueError, match=f"the intent 'vector', got '{intent} ?{name}'. Which unit"
        ):
            read_displacement(tmp_path / "other.nii")
    write_displacement(tmp_path / "a.nii.gz", ddf, torch.eye(4))
    (tmp_path / "half.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"half.nii.gz: expected an image.*copy it again"):
        read_displacement(tmp_path / "half.nii.gz")


def test_other_transforms_are_refused(tmp_path, theta):
    path, eye = tmp_path / "a.tfm", torch.eye(4)
    with pytest.raises(FileNotFoundError, match="transform: expected a file, got no file"):
        read_transform(path, eye)
    sitk.WriteTransform(sitk.Euler3DTransform(), path)
    with pytest.raises(
        ValueError, match="one AffineTransform as text, got Euler3DTransform_double"
    ):
        read_transform(path, eye)
    sitk.WriteTransform(sitk.CompositeTransform([sitk.AffineTransform(3)] * 2), path)
    with pytest.raises(ValueError, match=r"got CompositeTransform\S+, AffineTransform\S+, Affine"):
        read_transform(path, eye)
    sitk.WriteTransform(sitk.AffineTransform(3), tmp_path / "a.mat")
    with pytest.raises(ValueError, match=r"a.mat: expected one AffineTransform as text, got none"):
        read_transform(tmp_path / "a.mat", eye)
    write_transform(path, theta, eye)
    whole = path.read_text()
    lacks = [(r"(Parameters: \S+) \S+", r"\1", "Parameters: expected 12 numbers"),
             (r"^Parameters: \S+", "Parameters: x", "Parameters: expected 12 numbers, got x"),
             (r"^Parameters: \S+", "Parameters: nan", "Parameters: expected 12 numbers, got nan"),
             (r"^FixedP.*$", "", "FixedParameters: expected 3 numbers, got none")]  # fmt: skip
    for pattern, new, message in lacks:
        path.write_text(re.sub(pattern, new, whole, count=1, flags=re.MULTILINE))
        with pytest.raises(ValueError, match=message):
            read_transform(path, eye)


def test_a_failed_write_leaves_the_old_file(tmp_path, theta, monkeypatch):
    path = tmp_path / "a.tfm"
    write_transform(path, theta, torch.eye(4))
    before = path.read_bytes()

    def half(place, text, encoding):
        place.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(type(path), "write_text", half)
    with pytest.raises(OSError, match="disk full"):
        write_transform(path, theta * 2, torch.eye(4))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
