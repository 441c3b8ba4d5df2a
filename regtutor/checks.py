"""The questions asked at every public door, and the one form in which they answer.

An error names the thing, what was expected, what came, and what to do. It is asked once, where a
caller enters; inside, the library trusts itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path

import torch
from torch import Tensor


def complaint(name: str, expected: object, got: object, remedy: str = "") -> str:
    """The text of every error: `name: expected …, got …. What to do.`

    >>> complaint("ddf", "(1, 3, 8, 8, 8)", (1, 3, 8, 8, 7), "Resize it with resize_field.")
    'ddf: expected (1, 3, 8, 8, 8), got (1, 3, 8, 8, 7). Resize it with resize_field.'
    """
    return f"{name}: expected {expected}, got {got}. {remedy}".rstrip()


def require(condition: bool, name: str, expected: object, got: object, remedy: str = "") -> None:
    """Raise `ValueError` in the one form unless `condition` holds."""
    if not condition:
        raise ValueError(complaint(name, expected, got, remedy))


def require_choice(name: str, value: object, choices: Collection[object]) -> None:
    """One of a few names; a mode nobody knows is refused when it is given, not when it is used."""
    got = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)
    known = not isinstance(value, Tensor) and value in choices
    require(known, name, "one of " + ", ".join(map(repr, choices)), got)


def require_count(name: str, value: object, least: int = 1) -> None:
    """A whole number that is at least `least` (and no bool)."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    require(
        whole and value >= least,  # type: ignore[operator]
        name,
        f"a whole number ≥ {least}",
        repr(value),
    )


def require_fraction(name: str, value: float) -> None:
    """A number in [0, 1]: a probability, a share."""
    inside = isinstance(value, Real) and 0 <= value <= 1
    require(inside, name, "a number in [0, 1]", repr(value))


def require_size(name: str, size: Sequence[int], spatial_dims: int | None = None) -> None:
    """The size of a grid: whole numbers ≥ 1, one for each axis."""
    wanted = f"{spatial_dims or '2 or 3'} whole numbers ≥ 1"
    numbers = tuple(size) if isinstance(size, Iterable) else ()
    whole = all(isinstance(n, Integral) and n >= 1 for n in numbers)  # NumPy's too
    dims = (1, 2, 3) if spatial_dims is None else (spatial_dims,)
    require(len(numbers) in dims and whole, name, wanted, size)


def require_tensor(name: str, value: object, remedy: str = "") -> None:
    """A tensor, not an array of NumPy's and not the name of a file."""
    got = repr(value) if isinstance(value, str | Path) else type(value).__name__
    require(isinstance(value, Tensor), name, "a tensor", got, remedy)


def require_batch(name: str, image: Tensor, spatial_dims: int | None = None) -> None:
    """A floating-point tensor `(B, C, *spatial)` of two or three spatial dimensions."""
    dims = (2, 3) if spatial_dims is None else (spatial_dims,)
    layouts = {2: "(B, C, H, W)", 3: "(B, C, H, W, D)"}
    require_tensor(name, image)
    require(
        image.ndim - 2 in dims,
        name,
        " or ".join(layouts[d] for d in dims),
        tuple(image.shape),
        "A batch or channel axis missing? Add it with image[None].",
    )
    require(image.is_floating_point(), name, "floating-point values", image.dtype, "Call .float().")


def require_field(name: str, field: Tensor, size: Sequence[int] | None = None) -> None:
    """A displacement or velocity field `(B, d, *spatial)`, on the grid `size` if that is given."""
    require_batch(name, field)
    d = field.ndim - 2
    require(
        field.shape[1] == d,
        name,
        f"{d} channels for {d} spatial dimensions",
        tuple(field.shape),
        "A field is (B, d, *spatial), channel k along axis k.",
    )
    if size is not None:
        require(
            tuple(field.shape[2:]) == tuple(size),
            name,
            f"the grid {tuple(size)} of the image",
            tuple(field.shape[2:]),
            "Resize it with resize_field.",
        )


def require_same_shape(name: str, tensor: Tensor, other_name: str, other: Tensor) -> None:
    """Two tensors of one shape."""
    require(
        tensor.shape == other.shape,
        name,
        f"the shape {tuple(other.shape)} of {other_name}",
        tuple(tensor.shape),
    )


def require_grid(name: str, label: Tensor, image: Tensor) -> None:
    """A label `(B, K, *spatial)` is on the grid of an image, of its batch; K is free."""
    require_tensor(name, label)
    shape, grid = tuple(label.shape), (len(image), *image.shape[2:])
    remedy = "Name its key too in every transform that moves the image."
    require(shape[:1] + shape[2:] == grid, name, f"the batch and grid {grid}", shape, remedy)


def require_finite(name: str, tensor: Tensor) -> None:
    """No NaN and no infinity."""
    if tensor.is_floating_point() and bool(tensor.detach().sum().isfinite()):
        return  # one bad value spoils a sum: fifty times the speed of asking each (a sum may spill)
    if not bool(torch.isfinite(tensor).all()):
        bad = int((~torch.isfinite(tensor)).sum())
        raise ValueError(
            complaint(name, "finite values", f"{bad} of {tensor.numel()} NaN or infinite")
        )


def require_within(name: str, tensor: Tensor, low: float, high: float, remedy: str = "") -> None:
    """Every value in [low, high], give or take half of that range; NaN is not."""
    if not tensor.numel():
        return
    least, most = (float(value) for value in torch.aminmax(tensor.detach()))
    slack = (high - low) / 2  # noise and bicubic overshoot pass, another unit does not
    require(
        low - slack <= least and most <= high + slack,
        name,
        f"values in [{low:g}, {high:g}]",
        f"{least:g} to {most:g}",
        remedy,
    )


def require_file(name: str, path: str | Path, kind: str = "a file") -> Path:
    """A file that is there, as a `Path`."""
    named = isinstance(path, str | PathLike)
    require(named, name, f"the name of {kind}", type(path).__name__)
    path = Path(path).expanduser()
    require(not path.is_dir(), name, kind, f"the folder {path}", "Name a file in it.")
    if not path.is_file():
        near = path.parent
        while not near.exists():
            near = near.parent
        remedy = (
            f"{near} is there and has no such file."
            if near == path.parent
            else (f"The nearest folder that is there is {near}.")
        )
        raise FileNotFoundError(complaint(name, kind, f"no file at {path}", remedy))
    return path
