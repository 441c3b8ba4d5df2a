"""Out into the field's world and back: what ITK, SimpleITK, ANTs and Slicer move an image by.

    u = F M ddf          T(p) = F (M y + o)   with   y = A x + t   and   p = F (M x + o)

M and o turn voxels into millimetres (the affine's block and its last column). F = diag(−1, −1, 1):
NIfTI counts to the right, anterior and superior (RAS), ITK to the left, posterior and superior
(LPS). Both pull, as here: T takes a place in the fixed image to one in the moving image. Taught in
notebook 13.

One affine is enough, the fixed image's: here both images lie on its grid. Given to the moving image
as it was before it was resampled onto that grid, the same file gives the same map, with one
interpolation less.

Source: ITK Software Guide, sections 2.3 and 3.9; ITK's TxtTransformIO; NIfTI intent 1007 (VECTOR).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regtutor.checks import complaint, require, require_field, require_file, require_finite
from regtutor.deformation.affine import matrix_to_theta, theta_to_matrix
from regtutor.files.nifti import read_array, write_array
from regtutor.files.whole import written_whole


def write_displacement(path: str | Path, ddf: Tensor, affine: Tensor) -> None:
    """Write a field as ITK's displacement field: a NIfTI file of vectors, LPS, in mm.

    Args:
        path: `….nii.gz` or `….nii`.
        ddf: `(1, d, *spatial)`, voxels.
        affine: `(4, 4)`, voxel → mm, of the fixed image; at right angles, turned or flipped.

    Raises:
        ValueError: a batch, NaN, or an affine that ITK cannot hold.
        FileNotFoundError: no such folder.
    """
    require_field("ddf", ddf)
    require(len(ddf) == 1, "ddf", "one case, (1, d, *spatial)", tuple(ddf.shape), "Write ddf[:1].")
    require_finite("ddf", ddf)
    d = ddf.ndim - 2
    axes = _to_lps(affine, d)[:d, :d]
    across = axes.T @ axes / torch.outer(*2 * [axes.norm(dim=0)]) - torch.eye(d)
    remedy = "Resample the images onto a grid without shear first."
    square = float(across.abs().max()) < 1e-4
    require(square, "affine", "axes at right angles", affine.tolist(), remedy)
    moved = ddf[0].detach().cpu().double().movedim(0, -1) @ axes.T  # (*spatial, d), mm
    vectors = moved.reshape(*ddf.shape[2:], *[1] * (4 - d), d)  # NIfTI has the vector in axis 4
    write_array(path, vectors.float().numpy(), affine, intent="vector")


def read_displacement(path: str | Path) -> tuple[Tensor, Tensor]:
    """A displacement field that ITK, SimpleITK, ANTs or `write_displacement` wrote.

    Args:
        path: a NIfTI file of vectors; other formats go through SimpleITK's WriteImage first.

    Returns:
        The ddf `(1, d, *spatial)`, float32, voxels of the grid it lies on; and that grid's affine
        `(4, 4)`, float64.

    Raises:
        FileNotFoundError: no such file.
        ValueError: damaged, not a field of vectors, with NaN.
    """
    import nibabel as nib

    array, affine = read_array(path, "ddf")
    d = array.shape[-1]
    vectors = array.ndim == 5 and d in (2, 3) and array.shape[d:4] == (1,) * (4 - d)
    wanted = "vectors, (H, W, D, 1, 3) or (H, W, 1, 1, 2)"
    require(vectors, str(path), wanted, array.shape, "An image? Read it with read_image.")
    image: Any = nib.load(path)
    intent, _, name = image.header.get_intent()
    remedy = "Which unit and axes has it? Only ITK's way, LPS and mm, is read here."
    known = intent == "vector" and not name.startswith("NREG")  # NiftyReg's are RAS
    require(known, str(path), "the intent 'vector'", repr(f"{intent} {name}".strip()), remedy)
    moved = torch.from_numpy(array.reshape(*array.shape[:d], d).astype("f8"))
    require_finite(str(path), moved)
    to_voxels = _to_lps(torch.from_numpy(affine), d)[:d, :d].inverse()
    ddf = (moved @ to_voxels.T).movedim(-1, 0)[None]
    return ddf.float().contiguous(), torch.from_numpy(affine)


def write_transform(path: str | Path, theta: Tensor, affine: Tensor) -> None:
    """Write an affine map as an ITK transform file, LPS, in mm.

    Args:
        path: `….tfm` or `….txt`.
        theta: `(1, d, d+1)`, voxels, fixed → moving.
        affine: `(4, 4)`, voxel → mm, of the fixed image.

    Raises:
        ValueError: a batch, NaN, another ending, an affine without inverse.
        FileNotFoundError: no such folder.
    """
    path = Path(path).expanduser()
    require(path.suffix in (".tfm", ".txt"), "path", "….tfm or ….txt", path)
    require(len(theta) == 1, "theta", "one case, (1, d, d+1)", tuple(theta.shape))
    matrix = theta_to_matrix(theta.detach().cpu().double())[0]
    require_finite("theta", matrix)
    d = len(matrix) - 1
    to_lps = _to_lps(affine, d)
    moved = to_lps @ matrix @ to_lps.inverse()
    numbers = [*moved[:d, :d].flatten().tolist(), *moved[:d, d].tolist()]
    lines = [
        "#Insight Transform File V1.0",
        "#Transform 0",
        f"Transform: AffineTransform_double_{d}_{d}",
        "Parameters: " + " ".join(map(repr, numbers)),
        "FixedParameters:" + " 0" * d,  # the centre
    ]
    with written_whole(path) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_transform(path: str | Path, affine: Tensor) -> Tensor:
    """An affine map from an ITK transform file.

    Args:
        path: a text file of one affine transform, about any centre.
        affine: `(4, 4)`, voxel → mm, of the fixed image.

    Returns:
        theta `(1, d, d+1)`, float32, in voxels of that image's grid.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of transform, several, or numbers that lack.
    """
    path = require_file("transform", path)
    text = path.read_text(encoding="utf-8", errors="replace")
    kinds = re.findall(r"^Transform: *(\S+)", text, re.MULTILINE)
    affine_kind = r"(?:Affine|MatrixOffset)Transform(?:Base)?_(?:double|float)_([23])_\1"
    found = re.fullmatch(affine_kind, " ".join(kinds))
    if found is None:
        got = ", ".join(kinds) or "none"
        remedy = "A .mat of ANTs becomes text by SimpleITK's ReadTransform and WriteTransform."
        raise ValueError(complaint(str(path), "one AffineTransform as text", got, remedy))
    d = int(found[1])
    numbers = _numbers(path, text, "Parameters", d * (d + 1))
    linear, shift = numbers[: d * d].view(d, d), numbers[d * d :]
    centre = _numbers(path, text, "FixedParameters", d)
    moved = torch.eye(d + 1, dtype=torch.float64)
    moved[:d, :d], moved[:d, d] = linear, shift + centre - linear @ centre
    to_lps = _to_lps(affine, d)
    return matrix_to_theta((to_lps.inverse() @ moved @ to_lps)[None]).float()


def _numbers(path: Path, text: str, key: str, count: int) -> Tensor:
    """The numbers in the line of a transform file that starts with `key`."""
    words = re.findall(rf"^{key}:(.*)$", text, re.MULTILINE)
    try:
        numbers = [float(word) for word in " ".join(words).split()]
    except ValueError:
        numbers = []
    good = len(numbers) == count and all(map(math.isfinite, numbers))
    require(good, f"{path}, {key}", f"{count} numbers", " ".join(words).strip() or "none")
    return torch.tensor(numbers, dtype=torch.float64)


def _to_lps(affine: Tensor, d: int) -> Tensor:
    """Voxel → LPS in mm, `(d+1, d+1)`, float64."""
    require(tuple(affine.shape) == (4, 4), "affine", "(4, 4)", tuple(affine.shape))
    affine = affine.detach().cpu().double()
    rank = int(torch.linalg.matrix_rank(affine[:d, :d])) if affine.isfinite().all() else 0
    flat = float(affine[d:3, :d].abs().sum()) < 1e-6  # in 3-D there is no such row
    remedy = "ITK's 2-D images lie in the plane of x and y: take the third dimension along."
    require(rank == d and flat, "affine", f"finite, {d} axes in {d}-D", affine.tolist(), remedy)
    rows = [*range(d), 3]
    return torch.tensor([-1.0, -1, 1, 1]).double().diag()[rows][:, rows] @ affine[rows][:, rows]
