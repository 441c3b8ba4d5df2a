"""Answers to notebook 06's `clip_hu`: the right one, and those with a typical slip.

A transform that sends [−1000, 200] HU to [0, 1] and cuts off what lies outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from regtutor.exercises.exercise import Wrong, alike
from regtutor.transforms import MapTransform

Data = Mapping[str, Any]


class ClipHU(MapTransform):
    """[−1000, 200] HU → [0, 1], for the keys it is given and no others."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict, with new tensors under the keys."""
        out = dict(data)
        for key in self.key_iterator(data):
            out[key] = ((data[key] + 1000) / 1200).clamp(0, 1)
        return out


class TouchesLabels(MapTransform):
    """Goes over all that the data holds."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """Labels included."""
        return {key: ((value + 1000) / 1200).clamp(0, 1) for key, value in data.items()}


class InPlace(MapTransform):
    """Edits the tensor it was given."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """The underscores do it."""
        out = dict(data)
        for key in self.key_iterator(data):
            out[key] = data[key].add_(1000).div_(1200).clamp_(0, 1)
        return out


class EditsTheDict(MapTransform):
    """Puts its results into the dict it was given."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:  # type: ignore[override]
        """No copy of the dict is made."""
        for key in self.key_iterator(data):
            data[key] = ((data[key] + 1000) / 1200).clamp(0, 1)
        return data


class PerImage(MapTransform):
    """Each image's own extremes become 0 and 1."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """The same tissue gets another value in every image."""
        out = dict(data)
        for key in self.key_iterator(data):
            low, high = data[key].min(), data[key].max()
            out[key] = (data[key] - low) / (high - low)
        return out


class MissingKeyCrash(MapTransform):
    """Does not ask whether a key is there."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """`self.keys` instead of `self.key_iterator(data)`."""
        out = dict(data)
        for key in self.keys:
            out[key] = ((data[key] + 1000) / 1200).clamp(0, 1)
        return out


class NoClip(MapTransform):
    """Scales and does not clip."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """Bone ends far above 1."""
        return dict(data) | {key: (data[key] + 1000) / 1200 for key in self.key_iterator(data)}


class NoScale(MapTransform):
    """Clips and does not scale."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """Still in HU."""
        return dict(data) | {key: data[key].clamp(-1000, 200) for key in self.key_iterator(data)}


class DropsKeys(MapTransform):
    """Gives back its own keys and no others."""

    def __call__(self, data: Data) -> dict[str, Any]:
        """The labels are lost on the way."""
        return {key: ((data[key] + 1000) / 1200).clamp(0, 1) for key in self.key_iterator(data)}


def observe(answer: type[MapTransform]) -> dict[str, Any]:
    """What a transform makes of a pair whose sides, values and labels are all different."""
    generator = torch.Generator().manual_seed(6)
    draw = torch.rand(3, 1, 5, 7, 4, generator=generator)
    scale = torch.tensor([1500.0, 1300.0, 1.0]).view(3, 1, 1, 1, 1)
    fixed, moving, label = draw * scale - torch.tensor([1100.0, 1050.0, 0.0]).view(3, 1, 1, 1, 1)
    given = {"fixed_image": fixed, "moving_image": moving, "fixed_label": (label > 0.5).float()}
    data = {key: value.clone() for key, value in given.items()}
    held = dict(data)
    out = answer(keys=["fixed_image", "moving_image"])(data)
    if out is None:
        return {"out": None}
    return {
        "out": {key: out.get(key, "not there") for key in given},
        "dict kept": all(data[key] is held[key] for key in given),
        "tensors kept": all(torch.equal(held[key], given[key]) for key in given),
        "missing key": _without_a_key(answer, given),
    }


def _without_a_key(answer: type[MapTransform], given: dict[str, Tensor]) -> str:
    transform = answer(keys=["fixed_image", "third_image"], allow_missing_keys=True)
    try:
        transform({key: value.clone() for key, value in given.items()})
    except (KeyError, ValueError):
        return "stops"
    return "passes"


def right_on_other_images(answer: type[MapTransform]) -> bool:
    """In 2-D, at the two ends of the window and beyond them."""
    image = torch.tensor([[[-3000.0, -1000.0, -400.0], [140.0, 200.0, 3000.0]]])
    expected = torch.tensor([[[0.0, 0.0, 0.5], [0.95, 1.0, 1.0]]])
    return torch.allclose(answer(keys="image")({"image": image})["image"], expected, atol=1e-6)


def form(answer: object) -> str | None:
    """A class, derived from MapTransform."""
    if isinstance(answer, MapTransform):
        return "give check the class itself, ClipHU, not one made of it."
    if not (isinstance(answer, type) and issubclass(answer, MapTransform)):
        return "a class derived from MapTransform is asked for: class ClipHU(MapTransform): …"
    return None


def _makes(answer: type[MapTransform]) -> Callable[[Any], bool]:
    """The same numbers, whatever else is wrong."""
    return lambda seen: alike(seen["out"], observe(answer)["out"], 1e-3)


WRONG = (
    Wrong("touches_labels", "every key is rescaled, labels included",
          "Go over self.key_iterator(data), not over the data.", lambda: TouchesLabels,
          _makes(TouchesLabels)),
    Wrong("drops_keys", "only its own keys come back",
          "The others must pass through: begin with out = dict(data).", lambda: DropsKeys,
          lambda seen: "not there" in [v for v in seen["out"].values() if isinstance(v, str)]),
    Wrong("in_place", "the tensor that came in is edited", "It is the cached one: the next epoch "
          "would clip it again. Leave out the underscores.", lambda: InPlace,
          lambda seen: not seen["tensors kept"]),
    Wrong("edits_the_dict", "the dict that came in is edited",
          "It is the caller's. Begin with out = dict(data).", lambda: EditsTheDict,
          lambda seen: not seen["dict kept"]),
    Wrong("per_image", "each image's own minimum and maximum become 0 and 1",
          "Then lung has another value in every image. Use −1000 and 200.", lambda: PerImage,
          _makes(PerImage)),
    Wrong("no_clip", "nothing is clipped", "Values above 200 HU must end at 1: .clamp(0, 1)",
          lambda: NoClip, _makes(NoClip)),
    Wrong("no_scale", "values are clipped and stay in HU",
          "Add 1000, divide by 1200, then clamp to [0, 1].", lambda: NoScale, _makes(NoScale)),
    Wrong("missing_key", "a key that is not in the data stops it, though allow_missing_keys=True",
          "The numbers are right. Loop over self.key_iterator(data), not over self.keys.",
          lambda: MissingKeyCrash,
          lambda seen: seen["missing key"] == "stops" and _makes(ClipHU)(seen)),
)  # fmt: skip
