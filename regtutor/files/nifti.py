"""Images on disk.

    millimetre = affine · (i, j, k, 1)

A NIfTI image carries the affine that says where its voxels lie. What cannot be read is refused by
the name of its file, and what is written is there whole or not at all. Taught in notebook 06.

Convention: the affine is 4×4, voxel → mm, and its axes point right, anterior, superior (RAS).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regtutor.checks import complaint, require, require_file, require_finite, require_tensor
from regtutor.files.whole import written_whole

try:  # unpacks in half the time; where it has no wheel, Python's own does
    from isal import igzip as gzip
except ImportError:
    import gzip  # type: ignore[no-redef]

# NIfTI readers elsewhere do not know these; the nearest type that they do know takes their place.
_STORED_AS = {
    torch.bool: torch.uint8,
    torch.int64: torch.int32,
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
}


def read_image(path: str | Path) -> tuple[Tensor, Tensor]:
    """An image and where it lies.

    Args:
        path: a NIfTI file (`.nii`, `.nii.gz`), or a `.npy` or `.npz` file of one array, whose
            affine is then the identity.

    Returns:
        The values `(H, W)`, `(H, W, D)` or `(H, W, D, C)`, float32, scaled as the header says; and
        the affine `(4, 4)`, float64, voxel → mm.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not an image, damaged, in colours, of other dimensions, with NaN or infinity.
    """
    array, affine = read_array(path)
    kind, remedy = "one real number a voxel", "Write its grey values, or one colour, and read that."
    require(array.dtype.kind in "biuf", str(path), kind, array.dtype, remedy)
    dims = "2 or 3 dimensions, or 4 with the channels last"
    require(array.ndim in (2, 3, 4) and array.size > 0, str(path), dims, array.shape)
    # CT and masks stay in their 1 or 2 bytes until they are turned around: so few go faster.
    array = array.astype(array.dtype if array.dtype in (np.int16, np.uint8) else np.float32)
    bad = array.size - int(np.isfinite(array).sum())
    remedy = "Replace them, e.g. by numpy.nan_to_num, and write it again."
    require(bad == 0, str(path), "finite values", f"{bad} of {array.size} NaN or infinite", remedy)
    return _last_axis_fastest(torch.from_numpy(array)), torch.from_numpy(affine)


def _last_axis_fastest(image: Tensor) -> Tensor:
    """Float32 in C order; NIfTI has the first axis fastest (Fortran order)."""
    # A third of contiguous()'s time: torch turns two axes in tiles, then whole rows are copied.
    rows = image.permute(*range(image.ndim)[::-1]).flatten(1).T.contiguous()  # (… · first, last)
    rows = rows.unflatten(0, image.shape[-2::-1])
    return torch.empty(image.shape).copy_(rows.permute(*range(image.ndim - 1)[::-1], -1))


def read_array(path: str | Path, name: str = "image") -> tuple[np.ndarray, np.ndarray]:
    """The one array of an image file, as it is stored, and its affine; any number of axes."""
    path = require_file(name, path)
    try:
        arrays, affine = _read_arrays(path)
    except Exception as error:  # each reader and each damage has its own kind
        if isinstance(error, ImportError | MemoryError):  # no fault of the file
            raise
        remedy = "It is damaged, cut short or no image: copy it again."
        raise ValueError(complaint(str(path), "an image", error, remedy)) from error
    require(len(arrays) == 1, str(path), "one array", list(arrays))
    return arrays.popitem()[1], affine  # the last that holds it, so that it goes when it is copied


def _read_arrays(path: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The arrays in a file by their names, and the affine of all."""
    if path.suffix == ".npy":
        return {path.name: np.load(path, allow_pickle=False)}, np.eye(4)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays), np.eye(4)
    import nibabel as nib  # here and below, for its import takes longer than all of ours

    image: Any = nib.load(path)
    if path.name.endswith(".nii.gz"):  # all at once: only so its checksum, at the end, is read
        image = type(image).from_bytes(gzip.decompress(path.read_bytes()))
    return {path.name: np.asarray(image.dataobj)}, np.array(image.affine, dtype=np.float64)


def write_image(
    path: str | Path, image: Tensor, affine: Tensor, dtype: torch.dtype | None = None
) -> None:
    """Write a NIfTI image whole or not at all: first beside its place, then into it.

    Args:
        path: `….nii.gz` or `….nii`, in a folder that is there; a file of that name is replaced.
        image: `(H, W)`, `(H, W, D)` or `(H, W, D, C)`.
        affine: `(4, 4)`, voxel → mm. A warped image lies where the *fixed* image lies.
        dtype: how to store the values (whole numbers are rounded to); the image's own by default.

    Raises:
        ValueError: another ending or shape, NaN, or values that the type cannot hold.
        FileNotFoundError: no such folder.
    """
    require_tensor("image", image, "torch.from_numpy makes one.")
    shapes, remedy = "(H, W), (H, W, D) or (H, W, D, C)", "A batch? Write image[0, 0]."
    require(image.ndim in (2, 3, 4), "image", shapes, tuple(image.shape), remedy)
    require_finite("image", image)
    values = _as_stored(image.detach().cpu(), dtype or image.dtype)
    write_array(path, values.numpy(), affine)


def write_array(path: str | Path, array: np.ndarray, affine: Tensor, intent: str = "none") -> None:
    """A NIfTI file of any number of axes; `intent` says what the numbers are."""
    import nibabel as nib

    path = Path(path).expanduser()
    require(path.name.endswith((".nii", ".nii.gz")), "path", "….nii.gz or ….nii", path)
    require(tuple(affine.shape) == (4, 4), "affine", "(4, 4)", tuple(affine.shape))
    nifti = nib.Nifti1Image(array, affine.detach().cpu().double().numpy())
    nifti.header.set_xyzt_units("mm")
    nifti.header.set_intent(intent)
    with written_whole(path) as beside:
        nib.save(nifti, beside)


def _as_stored(image: Tensor, dtype: torch.dtype) -> Tensor:
    dtype = _STORED_AS.get(dtype, dtype)
    if dtype.is_floating_point or not image.numel():
        return image.to(dtype)
    rounded = image.round() if image.is_floating_point() else image
    low, high = float(rounded.min()), float(rounded.max())
    limits = torch.iinfo(dtype)
    require(
        limits.min <= low and high <= limits.max,
        "image",
        f"values in [{limits.min}, {limits.max}] to be stored as {dtype}",
        f"[{low:g}, {high:g}]",
        "Give dtype=torch.float32.",
    )
    return rounded.to(dtype)


def spacing_of(affine: Tensor, spatial_dims: int = 3) -> tuple[float, ...]:
    """The size of a voxel along each array axis, in mm.

    Args:
        affine: `(4, 4)`, voxel → mm.
        spatial_dims: 2 or 3.

    >>> spacing_of(torch.diag(torch.tensor([-1.75, 1.25, 2.0, 1.0])))
    (1.75, 1.25, 2.0)
    """
    require(tuple(affine.shape) == (4, 4), "affine", "(4, 4)", tuple(affine.shape))
    return tuple(affine[:3, :spatial_dims].norm(dim=0).tolist())
