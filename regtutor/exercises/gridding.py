"""Answers to notebook 12's `onto_fixed`: a pair of two grids is brought onto the fixed one.

    M = A_moving⁻¹ A_fixed,   moving(M x) for every voxel x of the fixed grid

The pair is a small slice whose grids differ in size, spacing, direction and origin, so that every
short cut shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.data.modalities import prostate_pair, prostate_slice
from regtutor.exercises.exercise import alike, is_blank
from regtutor.exercises.forms import function_form
from regtutor.transforms import CenterSpatialCropd, ResampleToMatchd
from regtutor.transforms.geometry import move
from regtutor.transforms.pulling import pull

Data = dict[str, Any]
Answer = Callable[[Data], Data]
KEYS = ("moving_image", "moving_label")
PARTS = {"image": "moving_image", "label": "moving_label", "points": "moving_points",
         "affine": "moving_image_affine", "fixed": "fixed_image"}  # fmt: skip


def onto_fixed(data: Data) -> Data:
    """The worked solution: a data dict → the same with all that is moving on the fixed grid."""
    match = ResampleToMatchd(
        ["moving_image", "moving_label"],
        "fixed_image",
        mode=["bilinear", "nearest"],
        point_keys={"moving_points": "moving_image"},
    )
    return match(data)


on_fixed_grid = onto_fixed  # as the notebook goes on with it: `onto_fixed` is the learner's own


@lru_cache(maxsize=1)
def _pair() -> Data:
    return prostate_slice(8, size=(40, 52), moving_size=(48, 60))


def pair() -> Data:
    """As files leave it; a copy, so that an answer may change it."""
    return {key: value.clone() for key, value in _pair().items()}


def _with(make: Callable[[Data], Data]) -> Answer:
    """The right answer, but for these keys; they are made from the data as it came."""
    return lambda data: onto_fixed(data) | make(data)


def _through(matrix: Callable[[Tensor, Tensor], Tensor]) -> Answer:
    """Image, label and points through another matrix, made of the two affines; the header right."""

    def make(data: Data) -> Data:
        kept = [*range(data["fixed_image"].ndim - 1), 3]
        fixed, moving = (
            data[f"{side}_image_affine"][kept][:, kept] for side in ("fixed", "moving")
        )
        m, size = matrix(fixed, moving), data["fixed_image"].shape[1:]
        images = [data["moving_image"], data["moving_label"]]
        image, label = pull(images, m, size, ["bilinear", "nearest"], ["border", "border"])
        points = move(data["moving_points"], m)
        return {"moving_image": image, "moving_label": label, "moving_points": points}

    return _with(make)


def _spacing(affine: Tensor) -> Tensor:
    return torch.diag(torch.cat([affine[:-1, :-1].norm(dim=0), torch.ones(1).double()]))


def _by_size(image: Tensor, size: Sequence[int], mode: str, corners: bool | None) -> Tensor:
    return F.interpolate(image[None], size=tuple(size), mode=mode, align_corners=corners)[0]


def _resized(header: bool) -> Answer:
    """To the same number of voxels; with the fixed image's header, or its own left as it was."""

    def answer(data: Data) -> Data:
        size = data["fixed_image"].shape[1:]
        mode = "trilinear" if len(size) == 3 else "bilinear"
        kept = "fixed_image_affine" if header else "moving_image_affine"
        return data | {
            "moving_image": _by_size(data["moving_image"], size, mode, False),
            "moving_label": _by_size(data["moving_label"], size, "nearest", None),
            "moving_image_affine": data[kept],
            "moving_label_affine": data[kept],
        }

    return answer


def _cropped(data: Data) -> Data:
    """So many voxels out of the middle."""
    return CenterSpatialCropd(list(KEYS), data["fixed_image"].shape[1:])(data)


def _other_way(data: Data) -> Data:
    """The fixed image goes to the moving grid."""
    return ResampleToMatchd(["fixed_image", "fixed_label"], "moving_image",
                            mode=["bilinear", "nearest"])(data)  # fmt: skip


def _moving(data: Data, mode: str, keys: Sequence[str] = KEYS) -> Data:
    out = ResampleToMatchd(keys, "fixed_image", mode=mode)(data)
    return {key: out[key] for key in keys}


ANSWERS: dict[str, Answer] = {
    "resized_and_said_so": _resized(header=True),
    "resized": _resized(header=False),
    "cropped": _cropped,
    "untouched": lambda data: data,
    "other_way": _other_way,
    "inverse": _through(lambda fixed, moving: torch.linalg.solve(fixed, moving)),
    "spacing_only": _through(lambda fixed, moving: _spacing(fixed) / _spacing(moving).diag()),
    "image_nearest": _with(lambda data: _moving(data, "nearest", ["moving_image"])),
    "label_linear": _with(lambda data: _moving(data, "bilinear", ["moving_label"])),
    "label_left": _with(lambda data: {"moving_label": data["moving_label"]}),
    "points_left": _with(lambda data: {"moving_points": data["moving_points"]}),
    "affine_kept": _with(lambda data: {
        key: data[key] for key in ("moving_image_affine", "moving_label_affine")}),
}  # fmt: skip


def observe(answer: Answer) -> Any:
    """Part → what has become of it. A label that differs by a rim of voxels counts as right."""
    out = answer(pair())
    if is_blank(out) or is_blank([out[key] for key in PARTS.values()]):
        return None
    seen = {part: out[key].detach().double() for part, key in PARTS.items()}
    right = onto_fixed(pair())["moving_label"].double()
    if seen["label"].shape == right.shape and set(seen["label"].unique().tolist()) <= {0.0, 1.0}:
        same = 2 * (seen["label"] * right)[0].sum() / (seen["label"] + right)[0].sum()
        seen["label"] = right if same > 0.97 else seen["label"]
    return seen


def part_is(part: str, name: str) -> Callable[[Any], bool]:
    """Whether this part shows the slip, whatever the others are."""
    return lambda seen: alike(seen[part], observe(ANSWERS[name])[part], 1e-3)


def resized_in_any_way(seen: Any) -> bool:
    """By whichever rule of resizing."""
    data, ways = pair(), [("bilinear", False), ("bilinear", True), ("bicubic", False),
                          ("nearest", None), ("nearest-exact", None), ("area", None)]  # fmt: skip
    size = data["fixed_image"].shape[1:]
    images = (_by_size(data["moving_image"], size, *way).double() for way in ways)
    return any(alike(seen["image"], image, 1e-3) for image in images)


def resized_under_the_fixed_header(seen: Any) -> bool:
    """Resized, and the header says that it lies where the fixed image lies."""
    header = pair()["fixed_image_affine"].double()
    return resized_in_any_way(seen) and alike(seen["affine"], header, 1e-6)


def _not_a_dict(out: Any) -> str | None:
    if not isinstance(out, dict):
        return f"a data dict should come back, not {type(out).__name__}."
    lost = [
        k for k in PARTS.values() if not (isinstance(out.get(k), Tensor) or is_blank(out.get(k, 0)))
    ]
    return f"the dict that comes back has lost {', '.join(lost)}." if lost else None


form = function_form("onto_fixed", lambda answer: answer(pair()), _not_a_dict)


def holds_in_3d(answer: Answer) -> bool:
    """Two volumes, of another patient."""
    data = prostate_pair(3, size=(20, 18, 16), moving_size=(24, 26, 16))
    got, wanted = answer(dict(data)), onto_fixed(data)
    keys = ("moving_image", "moving_points", "moving_image_affine")
    return all(torch.allclose(got[key].double(), wanted[key].double(), atol=1e-2) for key in keys)


def at_home_already(answer: Answer) -> bool:
    """A pair on one grid stays as it is."""
    data, parts = pair(), ("image", "label", "points")
    for part in ("image", "image_affine", "label", "label_affine", "points"):
        data[f"moving_{part}"] = data[f"fixed_{part}"].clone()
    out = answer(dict(data))
    same = (torch.allclose(out[f"moving_{p}"], data[f"moving_{p}"], atol=1e-2) for p in parts)
    return all(same)
