"""What happens to a pair before the network sees it, decided by what the pair is.

Used by train.py. Images on two grids are brought to one, labels whose further channels are blobs
give landmarks, intensities come into [0, 1], and the size is made to fit the network.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import torch
from torch import Tensor

from regtutor.checks import require
from regtutor.files import read_image
from regtutor.transforms import (
    EnsureChannelFirstd,
    LoadImaged,
    MapTransform,
    RandAffined,
    ResampleToMatchd,
    Resized,
    ScaleIntensityd,
    ScaleIntensityRanged,
    SpatialPadd,
)

POINTS = {"fixed_points": "fixed_image", "moving_points": "moving_image"}


class LandmarksFromBlobsd(MapTransform):
    """Labels whose channels 1, 2 … are small blobs: their centroids become `<fixed>_points`.

    Channel 0 stays as the label. Prostate collections mark landmarks so.
    """

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        data = dict(data)
        for key in self.keys:
            label = data[key]
            places = [blob.nonzero().float().mean(dim=0) for blob in label[1:] > 0.5]
            nowhere = torch.full((1, label.ndim - 1), float("nan"))  # one row, so that every pair
            points = torch.stack(places) if places else nowhere  # has the key
            data[key.replace("_label", "_points")] = points
            data[key] = label[:1]
        return data


class AlignCentresd(MapTransform):
    """Move the affines of the keys so that their grids' centres meet the fixed image's."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        data = dict(data)

        def middle(key: str, affine: Tensor) -> Tensor:
            size = torch.tensor(data[key].shape[1:]).to(affine)
            return affine[:3, : len(size)] @ ((size - 1) / 2) + affine[:3, 3]

        goal = middle("fixed_image", data["fixed_image_affine"])
        for key in self.keys:
            affine = data[f"{key}_affine"].clone()
            affine[:3, 3] += goal - middle(key, affine)
            data[f"{key}_affine"] = affine
        return data


class ForgetAffined(MapTransform):
    """Drop the affines of the keys, so that whatever is measured is measured in voxels."""

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        dropped = {f"{key}_affine" for key in self.keys}
        return {name: value for name, value in data.items() if name not in dropped}


def preparation(options: Namespace, pair: dict) -> tuple[list, list]:
    """The deterministic transforms of a pair, and the random ones."""
    images = ["fixed_image", "moving_image"]
    labels = [k for k in ("fixed_label", "moving_label") if k in pair]
    points = {k: v for k, v in POINTS.items() if k in pair}
    keys, modes = images + labels, ["bilinear"] * 2 + ["nearest"] * len(labels)
    size = read_image(pair["fixed_image"])[0].shape
    steps: list = [LoadImaged(keys, point_keys=points), EnsureChannelFirstd(keys)]
    if labels and read_image(pair["fixed_label"])[0].ndim > len(size):
        steps.append(LandmarksFromBlobsd(labels))
        points = POINTS
    moving = [k for k in keys if k.startswith("moving")]
    moving_points = {k: v for k, v in points.items() if k.startswith("moving")}
    if options.align_centres:
        steps.append(AlignCentresd(moving))
    if options.align_centres or read_image(pair["moving_image"])[0].shape != size:
        match = ResampleToMatchd(moving, "fixed_image", mode=modes[1::2], point_keys=moving_points)
        steps.append(match)
    if options.window is None:
        steps.append(ScaleIntensityd(images))
    else:
        steps.append(ScaleIntensityRanged(images, *options.window, 0.0, 1.0, clip=True))
    fits = 2 ** (max(options.levels) + options.half)
    if options.size is None:
        size = [-(-n // fits) * fits for n in size]
        steps.append(SpatialPadd(keys, size, point_keys=points))
    else:
        dims = f"{len(size)} numbers, as the images have dimensions"
        require(len(options.size) == len(size), "--size", dims, options.size)
        fitting = all(n > 0 and n % fits == 0 for n in options.size)
        require(fitting, "--size", f"numbers divisible by {fits}", options.size)
        linear = "trilinear" if len(size) == 3 else "bilinear"
        modes = [linear if mode == "bilinear" else mode for mode in modes]
        steps.append(Resized(keys, options.size, mode=modes, point_keys=points))
    if options.in_voxels:
        steps.append(ForgetAffined(keys))
    turn, modes = (0.1,) * len(size), ["bilinear"] * 2 + ["nearest"] * len(labels)
    random = RandAffined(
        keys,
        prob=0.9,
        rotate_range=turn,
        scale_range=turn,
        mode=modes,
        padding_mode="border",
        point_keys=points,
    )
    return steps, [random] if options.augment else []
