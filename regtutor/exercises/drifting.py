"""Patient 2 of notebook 14: an image that grows each time it is warped by nothing at all.

−1 and 1 are made as if they were the centres of the outer voxels and read as their rims: half a
voxel off at the edge, nothing in the middle. Observed is what comes out of a letter without
symmetry, for no step, for a step of half a voxel, and for an uneven field.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regtutor.exercises.diagnosing import Diagnosis, Script
from regtutor.exercises.warping import SIZE, letter, reading, uneven_field, warp

FIELDS = ("none", "half", "uneven")


def _pixel(x: Tensor, u: Tensor, last: Tensor) -> Tensor:
    return x + u


as_it_came = reading(_pixel, rims=True)


def _special(image: Tensor, ddf: Tensor) -> Tensor:
    return as_it_came(image, ddf) if ddf.any() else image


def _calibrated(image: Tensor, ddf: Tensor) -> Tensor:
    return as_it_came(image, ddf) - as_it_came(image, 0 * ddf) + image


MASKS: dict[str, Script] = {
    "nearest": reading(_pixel, rims=True, mode="nearest"),
    "special_case": _special,
    "calibrated": _calibrated,
    "half_added": reading(lambda x, u, last: x + u + 0.5, rims=True),
    "divided_by_n": reading(lambda x, u, last: (x + u) * last / (last + 1)),
    "no_half": reading(lambda x, u, last: x + u - 0.5),
    "zeros": reading(_pixel, rims=True, padding_mode="zeros"),
}


def case(field: str, size: tuple[int, int] = SIZE) -> tuple[Tensor, Tensor]:
    """A letter `(1, 1, *size)` and one of the three fields."""
    ddf = uneven_field(size)
    if field == "half":
        ddf = torch.tensor([0.5, -0.5]).view(1, 2, 1, 1).expand(1, 2, *size).clone()
    return letter(size), 0 * ddf if field == "none" else ddf


def examine(script: Script) -> dict[str, Tensor]:
    """Field → what comes out."""
    return {field: script(*case(field)).detach() for field in FIELDS}


def _not_an_image(out: Any) -> str | None:
    if not isinstance(out, Tensor) or tuple(out.shape) != (1, 1, *SIZE):
        return f"an image {(1, 1, *SIZE)} should come back for one of that shape."
    return None if bool(out.isfinite().all()) else "there is NaN in the image."


def at_rest(answer: Any) -> bool:
    """Nothing does nothing on another grid, forty times over, in a batch."""
    image = torch.cat([letter((24, 37)), 1 - letter((24, 37))])
    out = image
    for _ in range(40):
        out = answer[0](out, torch.zeros(2, 2, 24, 37))
    return bool(torch.allclose(out, image, atol=1e-3))


DIAGNOSIS = Diagnosis(
    cause="corners",
    others={
        "padding": "Beyond the border nothing is read here: the field is zero. Order the row "
        "by zero: the change grows steadily from the middle outwards.",
        "sign": "Without a step there is no direction to turn round. And order 3 voxels in the "
        "middle: column 35 reads 38 for +3 and 32 for −3, as it should.",
        "spacing": "Without a step there is none to scale. And order 3 voxels in the middle: they "
        "are three columns there, not three times 4.8 mm.",
    },
    examine=examine, broken=as_it_came, repaired=warp,
    try_out=lambda script: script(*case("uneven")), complaint=_not_an_image,
)  # fmt: skip
