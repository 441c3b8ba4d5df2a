"""Images: what is written comes back, and what cannot be read is refused by its name."""

from __future__ import annotations

import gzip
import importlib.util
import sys

import nibabel as nib
import numpy as np
import pytest
import torch

from regtutor.files import nifti, read_image, spacing_of, write_image

AFFINE = torch.tensor(
    [[-1.75, 0, 0, 10], [0, -1.25, 0, 20], [0, 0, 2.0, -30], [0, 0, 0, 1]], dtype=torch.float64
)


@pytest.mark.parametrize("size", [(5, 6), (5, 6, 7), (5, 6, 7, 3)])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_round_trip(tmp_path, size, ending):
    image = torch.randn(size)
    write_image(tmp_path / f"a{ending}", image, AFFINE)
    again, affine = read_image(tmp_path / f"a{ending}")
    assert torch.equal(again, image)
    assert torch.equal(affine, AFFINE)
    assert affine.dtype == torch.float64
    assert again.is_contiguous()


@pytest.mark.parametrize("size", [(4, 7), (4, 7, 5), (4, 7, 5, 3), (1, 7, 1), (4, 1)])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "u1", "<u2", "<f4", ">f8", "<i4"])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".npy"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_type_and_order_of_axes_is_read(tmp_path, size, dtype, ending, order):
    values = np.array(np.arange(np.prod(size)).reshape(size), dtype=dtype, order=order)
    if ending == ".npy":
        np.save(tmp_path / "a.npy", values)
    else:
        endianness = ">" if dtype.startswith(">") else "<"
        header = nib.Nifti1Header(endianness=endianness)
        nib.save(nib.Nifti1Image(values, np.eye(4), header, dtype=dtype), tmp_path / f"a{ending}")
    image, _ = read_image(tmp_path / f"a{ending}")
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert torch.equal(image, torch.from_numpy(values.astype(np.float32)))
    image += 1  # the reader's own memory, not the file's


def test_without_isal_python_unpacks(tmp_path, monkeypatch):
    write_image(tmp_path / "a.nii.gz", torch.arange(6.0).view(2, 3), AFFINE)
    monkeypatch.setitem(sys.modules, "isal", None)  # what a machine without it answers
    spec = importlib.util.spec_from_file_location("nifti_without_isal", nifti.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.gzip is gzip
    assert nifti.gzip is not gzip  # where the tests run it is installed
    assert torch.equal(module.read_image(tmp_path / "a.nii.gz")[0], torch.arange(6.0).view(2, 3))
    (tmp_path / "b.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes()[:-6])
    for reader in (module, nifti):
        with pytest.raises(ValueError, match=r"b\.nii\.gz: expected an image"):
            reader.read_image(tmp_path / "b.nii.gz")


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [(None, "float32"), (torch.int16, "int16"), (torch.uint8, "uint8"), (torch.bool, "uint8")],
)
def test_stored_type(tmp_path, dtype, stored):
    image = torch.tensor([[0.0, 1.0], [1.0, 0.6]])
    write_image(tmp_path / "a.nii.gz", image, AFFINE, dtype)
    file = nib.load(tmp_path / "a.nii.gz")
    assert file.get_data_dtype() == stored
    assert file.header.get_xyzt_units()[0] == "mm"
    expected = image if dtype is None else image.round()
    assert torch.equal(read_image(tmp_path / "a.nii.gz")[0], expected)


def test_labels_of_whole_numbers_and_masks(tmp_path):
    for image in (torch.tensor([[0, 7]]), torch.tensor([[True, False]])):
        write_image(tmp_path / "a.nii.gz", image, AFFINE)
        assert torch.equal(read_image(tmp_path / "a.nii.gz")[0], image.float())


def test_values_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"image: expected values in \[0, 255\].*got \[-1000, 5\]"):
        write_image(tmp_path / "a.nii.gz", torch.tensor([[-1000.0, 5.0]]), AFFINE, torch.uint8)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.nii.gz"
    write_image(path, torch.ones(3, 3), AFFINE)
    before = path.read_bytes()

    def half(image, place):
        place.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(nib, "save", half)
    with pytest.raises(OSError, match="disk full"):
        write_image(path, torch.zeros(3, 3), AFFINE)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_who_reads_the_old_file_meanwhile_reads_it_whole(tmp_path):
    write_image(tmp_path / "a.nii", torch.ones(3, 3), AFFINE)
    (tmp_path / "open.nii").hardlink_to(tmp_path / "a.nii")
    write_image(tmp_path / "a.nii", torch.zeros(3, 3), AFFINE)
    assert read_image(tmp_path / "open.nii")[0].sum() == 9
    assert read_image(tmp_path / "a.nii")[0].sum() == 0


def test_write_asks_for_ending_folder_and_shapes(tmp_path):
    image = torch.ones(3, 3)
    with pytest.raises(ValueError, match=r"path: expected ….nii.gz or ….nii, got .*a.png"):
        write_image(tmp_path / "a.png", image, AFFINE)
    with pytest.raises(FileNotFoundError, match=r"path: expected the folder .*missing"):
        write_image(tmp_path / "missing" / "a.nii", image, AFFINE)
    with pytest.raises(ValueError, match="image: expected"):
        write_image(tmp_path / "a.nii", torch.ones(3), AFFINE)
    with pytest.raises(ValueError, match="affine: expected"):
        write_image(tmp_path / "a.nii", image, torch.eye(3))


def test_the_headers_scale_is_applied(tmp_path):
    image = nib.Nifti1Image(np.arange(6, dtype=np.int16).reshape(2, 3), np.eye(4))
    image.header.set_slope_inter(2.0, -1.0)
    nib.save(image, tmp_path / "a.nii")
    expected = np.asarray(nib.load(tmp_path / "a.nii").dataobj)
    assert np.array_equal(read_image(tmp_path / "a.nii")[0], expected)


def test_numpy_files(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", array)
    for ending in ("npy", "npz"):
        image, affine = read_image(tmp_path / f"a.{ending}")
        assert torch.equal(image, torch.from_numpy(array).float())
        assert torch.equal(affine, torch.eye(4).double())
    np.savez(tmp_path / "b.npz", array, array)
    with pytest.raises(ValueError, match=r"b.npz: expected one array, got \['arr_0', 'arr_1'\]"):
        read_image(tmp_path / "b.npz")


def damaged(tmp_path, kind):
    path = tmp_path / f"{kind}.nii.gz"
    write_image(path, torch.randn(20, 20, 20), AFFINE)
    whole = path.read_bytes()
    if kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "corrupt":
        path.write_bytes(whole[:400] + bytes(400) + whole[800:])
    elif kind == "text":
        path.write_text("not an image")
    elif kind == "gzipped text":
        path.write_bytes(gzip.compress(b"not an image" * 100))
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "short":
        path = tmp_path / "short.nii"
        path.write_bytes(gzip.decompress(whole)[:5000])
    return path


@pytest.mark.parametrize("kind", ["truncated", "corrupt", "text", "gzipped text", "empty", "short"])
def test_a_damaged_file_is_named(tmp_path, kind):
    path = damaged(tmp_path, kind)
    with pytest.raises(ValueError, match=f"(?s){kind}.*: expected an image, got .*copy it again"):
        read_image(path)


def test_a_missing_file_is_named_with_the_folder_that_is_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file at .*nowhere/a.nii.*nearest folder"):
        read_image(tmp_path / "nowhere" / "a.nii")


def test_other_dimensions_and_values_are_refused(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 1, 3)), np.eye(4)), tmp_path / "five.nii")
    with pytest.raises(ValueError, match=r"five.nii: expected 2 or 3 dim.*\(2, 2, 2, 1, 3\)"):
        read_image(tmp_path / "five.nii")
    for bad in (float("nan"), float("inf")):
        image = np.zeros((3, 3), dtype=np.float32)
        image[1, 1] = bad
        nib.save(nib.Nifti1Image(image, np.eye(4)), tmp_path / "bad.nii")
        with pytest.raises(ValueError, match=r"bad.nii: expected finite values, got 1 of 9"):
            read_image(tmp_path / "bad.nii")


def test_spacing_is_that_of_the_axes():
    turned = torch.tensor([[0.0, -2, 0, 0], [1.5, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])
    assert spacing_of(turned) == (1.5, 2.0, 3.0)
    assert spacing_of(turned, spatial_dims=2) == (1.5, 2.0)
    with pytest.raises(ValueError, match="affine: expected"):
        spacing_of(torch.eye(3))


def test_what_is_no_fault_of_the_file_is_not_blamed_on_it(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((4, 4)))

    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr(np, "load", full)
    with pytest.raises(MemoryError):
        read_image(path)
