"""Answers to notebook 02's `warp`: the right one, and those that read in the wrong place.

    warped(x) = moving(x + ddf(x))

A wrong warp is nearly always a right reading at a wrong place, so each is written as that place.
They are told apart on a letter F: it has no symmetry, its grid is not square, its field differs
along the two axes. On a disc with one step for both axes half of them look right.

Convention: places are voxels, channel k along axis k; `last` is the last voxel, size − 1.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.deformation import identity_grid, sample
from regtutor.exercises.forms import function_form

Warp = Callable[[Tensor, Tensor], Tensor]
Place = Callable[[Tensor, Tensor, Tensor], Tensor]  # x, u, last → voxels
SIZE = (40, 56)


def warp(image: Tensor, ddf: Tensor) -> Tensor:
    """The worked solution: image `(B, C, H, W)` and ddf `(B, 2, H, W)` → `(B, C, H, W)`."""
    places = identity_grid(ddf.shape[2:]) + ddf  # where to read, in voxels
    last = torch.tensor(image.shape[2:]).view(1, 2, 1, 1) - 1
    unit = 2 * places / last - 1  # the same places, from −1 to 1
    grid = unit.flip(1).movedim(1, -1)  # (B, H, W, 2): column first, then row
    return F.grid_sample(image, grid, padding_mode="border", align_corners=True)


def letter(size: tuple[int, int] = SIZE) -> Tensor:
    """A bright F on a ground that brightens down and to the right: `(1, 1, *size)`, 0.1 to 1."""
    row, column = (identity_grid(size)[0] / torch.tensor(size).view(2, 1, 1)).unbind()
    stem = (row >= 0.2) & (row < 0.8) & (column >= 0.35) & (column < 0.44)
    top = (row >= 0.2) & (row < 0.31) & (column >= 0.35) & (column < 0.68)
    middle = (row >= 0.45) & (row < 0.56) & (column >= 0.35) & (column < 0.58)
    ground = 0.1 + 0.2 * row + 0.1 * column
    return torch.where(stem | top | middle, 1.0, ground)[None, None]


def uneven_field(size: tuple[int, int] = SIZE) -> Tensor:
    """From 0 at the top to about 5 voxels down and 4 to the left: `(1, 2, *size)`, voxels."""
    row, column = identity_grid(size).unbind(1)
    step = torch.stack([5 + 2 * (column / 9).sin(), -4 + 1.4 * (row / 7).cos()], dim=1)
    return step * (row / 9).clamp(max=1)[:, None]


def _right(x: Tensor, u: Tensor, last: Tensor) -> Tensor:
    return x + u


def turned(places: Tensor, last: Tensor) -> Tensor:
    """grid_sample is given (row, column) and takes them for (column, row)."""
    return (places / last).flip(1) * last


def half_off(places: Tensor, last: Tensor) -> Tensor:
    """−1 and 1 are made as if they were the centres of the outer voxels, and read as their rims."""
    return places * (last + 1) / last - 0.5


def reading(place: Place, turn: bool = False, rims: bool = False, **how: str) -> Warp:
    """The warp that reads at `place(x, u, last)`; turned, or with rims for centres, or both."""

    def wrong(image: Tensor, ddf: Tensor) -> Tensor:
        last = torch.tensor(image.shape[2:]).view(1, 2, 1, 1) - 1
        places = place(identity_grid(ddf.shape[2:]), ddf, last)
        places = turned(places, last) if turn else places
        return sample(image, half_off(places, last) if rims else places, **how)

    return wrong


def pushed(image: Tensor, ddf: Tensor) -> Tensor:
    """Each value is sent along its step; where none arrives there is nothing."""
    places = (identity_grid(ddf.shape[2:]) + ddf).round().long()
    height, width = image.shape[2:]
    out = torch.zeros_like(image)
    for case, (row, column) in enumerate(places):
        row, column = row.clamp(0, height - 1), column.clamp(0, width - 1)
        out[case, :, row, column] = image[case]
    return out


def not_in_its_layout(image: Tensor, ddf: Tensor) -> Tensor:
    """What torch says to a grid `(B, 2, H, W)`."""
    raise RuntimeError("grid_sampler(): expected grid to have size 2 in last dimension")


def _reshaped(unit: Tensor) -> Tensor:
    """`(B, 2, H, W)`, flipped and then forced into `(B, H, W, 2)` where an axis should move."""
    batch, d, height, width = unit.shape
    return unit.flip(1).reshape(batch, height, width, d).movedim(-1, 1).flip(1)


PLACES: dict[str, Place] = {  # where a warp with one slip reads
    "swapped": lambda x, u, last: x + u.flip(1),
    "sign": lambda x, u, last: x - u,
    "normalised_units": lambda x, u, last: x + u * last / 2,
    "not_normalised": lambda x, u, last: (x + u + 1) * last / 2,
    "divided_by_n": lambda x, u, last: (x + u) * last / (last + 1),
    "no_identity": lambda x, u, last: u,
    "reshaped": lambda x, u, last: _reshaped((x + u) / last) * last,
}
WRONG: dict[str, Warp] = {
    **{name: reading(place) for name, place in PLACES.items()},
    "order": reading(_right, turn=True),
    "align_corners": reading(_right, rims=True),
    "zeros": reading(_right, padding_mode="zeros"),
    "defaults": reading(_right, rims=True, padding_mode="zeros"),
    "nearest": reading(_right, mode="nearest"),
    "pushed": pushed,
    "layout": not_in_its_layout,
}


def with_more_slips(name: str) -> list[Warp]:
    """The wrong warp, alone and with the slips that are told after it."""
    if name not in PLACES and name != "order":
        return [WRONG[name]]
    place, turns = PLACES.get(name, _right), (True,) if name == "order" else (False, True)
    return [
        reading(place, turn, rims, padding_mode=padding)
        for turn, rims, padding in product(turns, (False, True), ("border", "zeros"))
    ]


def wrong_warps() -> dict[str, Warp]:
    """The wrong warps that give a picture, by name: `(image, ddf)` → image."""
    return {name: wrong for name, wrong in WRONG.items() if name != "layout"}


def observe(answer: Warp) -> Any:
    """What a warp makes of the letter: values from 1 to 2, so that 0.001 of them is one gauge."""
    try:
        return answer(letter() + 1, uneven_field())
    except RuntimeError as error:
        if "size 2 in last dimension" in str(error):
            return "layout"
        raise


def _not_warped(out: Any) -> str | None:
    """An image, all of it numbers; a word stands for what stopped, and has its own message."""
    image = letter() + 1
    if isinstance(out, str):
        return None
    if not isinstance(out, Tensor):
        return f"it must return the warped image, a tensor, not {type(out).__name__}."
    if out.shape != image.shape:
        return f"an image of shape {tuple(image.shape)} came back as {tuple(out.shape)}."
    if out.dtype != image.dtype:
        return f"an image of {image.dtype} came back as {out.dtype}."
    return None if bool(out.isfinite().all()) else "there are NaN or infinite values in it."


form = function_form("warp", observe, _not_warped)


def nothing_moves(answer: Warp) -> bool:
    """A field of zeros gives the image back, to 1e-4 of its values (float32)."""
    image = _noise(2, 3, 17, 11)
    return _close(answer(image, torch.zeros(2, 2, 17, 11)), image)


def whole_steps(answer: Warp) -> bool:
    """Steps of whole voxels take values from where they point, in each case its own."""
    image, ddf = _noise(2, 3, 13, 19), torch.zeros(2, 2, 13, 19)
    ddf[0, 0], ddf[0, 1], ddf[1, 1] = 2, -3, 4
    out = answer(image, ddf)
    first = _close(out[0, :, :-2, 3:], image[0, :, 2:, :-3])
    return first and _close(out[1, :, :, :-4], image[1, :, :, 4:])


def has_gradient(answer: Warp) -> bool:
    """The loss must reach the field."""
    ddf = uneven_field().requires_grad_()
    out = answer(letter() + 1, ddf)
    if not out.requires_grad:
        return False
    (gradient,) = torch.autograd.grad(out.square().sum(), ddf, allow_unused=True)
    return gradient is not None and bool(gradient.any())


def _noise(*shape: int) -> Tensor:
    return 1 + torch.rand(*shape, generator=torch.Generator().manual_seed(2))


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, atol=1e-4)
