"""The network of train.py and its loss, as the command line has them."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from torch import Tensor, nn

from regtutor.deformation import DVF2DDF, ResizeField
from regtutor.evaluation import Prediction
from regtutor.losses import (
    BendingEnergyLoss,
    DiceLoss,
    GlobalMutualInformationLoss,
    LocalNormalizedCrossCorrelationLoss,
    MultiScaleLoss,
)
from regtutor.metrics import target_registration_error
from regtutor.networks import LocalNet

LATER = {"velocity": False}  # settings that trainings of before did not write down


def build_network(options: Namespace, size: tuple[int, ...]) -> nn.Module:
    """A LocalNet that starts by doing nothing; at half size if asked, its field brought back.

    With `--velocity` what it says is followed for one unit of time.
    """
    d = len(size)
    local = LocalNet(
        spatial_dims=d,
        in_channels=2,
        out_channels=d,
        num_channel_initial=options.channels,
        extract_levels=options.levels,
        out_kernel_initializer="zeros",
    )
    layers: list[nn.Module] = [local]
    if options.half:
        layers = [nn.AvgPool3d(2) if d == 3 else nn.AvgPool2d(2), local, ResizeField(size)]
    if options.velocity:
        layers.append(DVF2DDF(padding_mode="border"))
    return nn.Sequential(*layers) if len(layers) > 1 else local


class WeightedLoss:
    """The named terms of the loss, by the weights on the command line; 0 leaves a term out."""

    def __init__(self, options: Namespace, spatial_dims: int) -> None:
        self.options = options
        self.image = {
            "mse": nn.MSELoss(),
            "lncc": LocalNormalizedCrossCorrelationLoss(spatial_dims, kernel_size=9),
            "gmi": GlobalMutualInformationLoss(),
        }[options.image_loss]
        self.label = MultiScaleLoss(DiceLoss(), scales=[0, 1, 2, 4])
        self.bending = BendingEnergyLoss()

    def __call__(self, prediction: Prediction, batch: dict[str, Any]) -> dict[str, Tensor]:
        weigh, terms = self.options, {}
        if weigh.image_weight:
            similarity = self.image(prediction.warped_image, batch["fixed_image"])
            terms["image"] = weigh.image_weight * similarity
        if weigh.label_weight and prediction.warped_label is not None:
            overlap = self.label(batch["fixed_label"], prediction.warped_label)
            terms["label"] = weigh.label_weight * overlap
        if weigh.point_weight and "fixed_points" in batch:
            terms["points"] = weigh.point_weight * self.distance(prediction.ddf, batch)
        terms["smooth"] = weigh.bending_weight * self.bending(prediction.ddf)
        return terms

    def distance(self, ddf: Tensor, batch: dict[str, Any]) -> Tensor:
        """The mean distance of the landmarks that are there, in voxels."""
        there = ~batch["fixed_points"].isnan().any(dim=-1)
        points = batch["fixed_points"].nan_to_num(), batch["moving_points"].nan_to_num()
        errors = target_registration_error(*points, ddf, spacing=1.0)
        return (errors * there).sum() / there.sum().clamp(min=1)
