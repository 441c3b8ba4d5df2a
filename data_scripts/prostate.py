"""DeepReg's prostate pairs as a network is shown them: brought to one grid, halved, and varied.

Used by cross_validate.py and two_kinds.py. Beside label and landmarks each side has a
`<side>_centre`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from prepare import POINTS, AlignCentresd, ForgetAffined, LandmarksFromBlobsd
from torch.nn import functional as F

from regtutor.data import CacheDataset, find_pairs
from regtutor.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    MapTransform,
    RandAffined,
    ResampleToMatchd,
    ScaleIntensityd,
    SpatialPadd,
)

SIZE = (48, 64, 48)
IMAGES, LABELS = ["fixed_image", "moving_image"], ["fixed_label", "moving_label"]
PLACES = {**POINTS, "fixed_centre": "fixed_image", "moving_centre": "moving_image"}


class Centred(MapTransform):
    """`<side>_centre`, `(1, d)`: the middle of the label, in voxels."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        data = dict(data)
        for key in self.keys:
            middle = (data[key][0] > 0.5).nonzero().float().mean(dim=0, keepdim=True)
            data[key.replace("_label", "_centre")] = middle
        return data


class Halved(MapTransform):
    """Half the size: images and labels by averaging, places with them."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        data = dict(data)
        for key in self.keys:
            data[key] = F.avg_pool3d(data[key], 2)
        return data | {key: (data[key] - 0.5) / 2 for key in PLACES}


class RandContrastd(MapTransform):
    """Another scanner, every time: brightness, contrast, gamma and noise, key by key."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        data = dict(data)
        for key in self.keys:
            gamma, gain, shift = torch.randn(3) * torch.tensor([0.3, 0.2, 0.05])
            image = data[key].clamp(0, 1) ** gamma.exp() * (1 + gain) + shift
            data[key] = image + 0.03 * torch.randn_like(image)
        return data


def load(folder: Path) -> CacheDataset:
    """All pairs on the ultrasound's grid, the centres of the grids aligned; in voxels."""
    moving = ["moving_image", "moving_label"]
    steps = [
        LoadImaged(IMAGES + LABELS),
        EnsureChannelFirstd(IMAGES + LABELS),
        LandmarksFromBlobsd(LABELS),
        AlignCentresd(moving),
        ResampleToMatchd(
            moving,
            "fixed_image",
            mode=["bilinear", "nearest"],
            point_keys={"moving_points": "moving_image"},
        ),
        ScaleIntensityd(IMAGES),
        SpatialPadd(IMAGES + LABELS, SIZE, point_keys=POINTS),
        ForgetAffined(IMAGES + LABELS),
        Centred(LABELS),
    ]
    pairs = [pair for part in ("train", "test") for pair in find_pairs(folder / part)]
    return CacheDataset(pairs, Compose(steps))


def augmentation() -> list[MapTransform]:
    """Every side turned, shifted and stretched by itself: where things lie is not to be learned."""
    steps: list = [Halved(IMAGES + LABELS)]
    for side in ("fixed", "moving"):
        image = f"{side}_image"
        steps.append(
            RandAffined(
                [image, f"{side}_label"],
                prob=1.0,
                rotate_range=(0.15,) * 3,
                translate_range=(4.0,) * 3,
                scale_range=(0.1,) * 3,
                padding_mode="border",
                point_keys={key: of for key, of in PLACES.items() if of == image},
            )
        )
    return [*steps, RandContrastd(IMAGES)]
