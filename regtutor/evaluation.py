"""From a network and a batch to a prediction, and from a prediction to numbers.

`predict` is the only place that concatenates, asks the network and warps; training, validation
and programs all go through it. `measure` judges what comes out by whatever the batch holds:
labels (Dice, HD95), landmarks (TRE), always folding. Taught in notebooks 08 and 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from regtutor.checkpoint import Record
from regtutor.checks import require, require_batch, require_field, require_grid, require_within
from regtutor.deformation import Warp
from regtutor.files import spacing_of
from regtutor.metrics import (
    DiceMetric,
    HausdorffDistanceMetric,
    folding_fraction,
    target_registration_error,
)

Batch = Mapping[str, Any]


@dataclass(frozen=True)
class Prediction:
    """What a network makes of a batch.

    Attributes:
        ddf: `(B, d, *spatial)`, voxels.
        warped_image: `(B, C, *spatial)`, the moving image on the fixed grid.
        warped_label: `(B, K, *spatial)`, soft (linear) values; None in a batch without labels.
    """

    ddf: Tensor
    warped_image: Tensor
    warped_label: Tensor | None


Loss = Callable[[Prediction, Batch], dict[str, Tensor]]


class DoNothing(nn.Module):
    """The zero field: the baseline of every table. Takes `(B, C, *spatial)`."""

    def forward(self, images: Tensor) -> Tensor:
        """→ zeros `(B, d, *spatial)`."""
        return images.new_zeros(len(images), images.ndim - 2, *images.shape[2:])


def find_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_device(batch: Batch, network: nn.Module) -> dict[str, Any]:
    """The batch where the network is."""
    got, remedy = type(batch).__name__, "Is the loader one batch? Put it in a list: [batch]."
    require(isinstance(batch, Mapping), "batch", "a dict, as DataLoader gives it", got, remedy)
    device = next((p.device for p in network.parameters()), None)
    return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}


def predict(network: nn.Module, batch: Batch) -> Prediction:
    """One field for image and label: concatenate moving and fixed, ask the network, warp.

    Args:
        network: `(B, 2C, *spatial)` → ddf `(B, d, *spatial)`; channels are moving, then fixed.
        batch: `moving_image`, `fixed_image` `(B, C, *spatial)`; `moving_label` if there is one.

    Raises:
        ValueError: an image is missing, images or label are on different grids, or the network
            returned no field on theirs.
    """
    for name in ("moving_image", "fixed_image"):
        require(name in batch, "batch", f"the key {name!r}", sorted(batch), "Is a name misspelt?")
        require_batch(name, batch[name])
    moving, fixed = batch["moving_image"], batch["fixed_image"]
    require(
        moving.shape == fixed.shape,
        "moving_image",
        f"the grid {tuple(fixed.shape)} of fixed_image",
        tuple(moving.shape),
        "Bring it there with ResampleToMatchd.",
    )
    ddf = network(torch.cat([moving, fixed], dim=1))
    require_field("ddf", ddf, size=fixed.shape[2:])
    if "moving_label" not in batch:
        return Prediction(ddf, Warp()(moving, ddf), None)
    require_grid("moving_label", batch["moving_label"], moving)
    both = torch.cat([moving, batch["moving_label"]], dim=1)  # one sampling serves the two
    image, label = Warp()(both, ddf).split([moving.shape[1], both.shape[1] - moving.shape[1]], 1)
    return Prediction(ddf, image, label)


def _spacing(batch: Batch, side: str, like: Tensor) -> Tensor:
    """The voxels of one side's image, `(B, d)`, mm; 1 where no affine says it."""
    affine, d = batch.get(f"{side}_image_affine"), like.ndim - 2
    if affine is None:
        return torch.ones(len(like), d)
    return torch.stack([torch.tensor(spacing_of(a, d)) for a in affine.cpu()])


def measure(prediction: Prediction, batch: Batch, surfaces: bool = False) -> dict[str, Tensor]:
    """Judge a prediction by what the batch holds for it, one number a pair.

    Args:
        batch: with labels: "dice" (and "hd95_mm" if `surfaces`), labels cut at ½; with
            `fixed_points` and `moving_points` `(B, N, d)`: "tre_mm", the mean over the points;
            always "folding", a share. Millimetres by `fixed_image_affine`; without it a voxel
            counts as 1 and the names end in "_voxels".

    Returns:
        `(B,)` for each.

    Raises:
        ValueError: labels beyond [0, 1] or on another grid; landmarks whose two images have voxels
            of different sizes, so that no millimetre holds for both.
    """
    spacing = _spacing(batch, "fixed", prediction.ddf)
    unit = "mm" if "fixed_image_affine" in batch else "voxels"
    scores: dict[str, Tensor] = {}
    if prediction.warped_label is not None and "fixed_label" in batch:
        require_grid("fixed_label", batch["fixed_label"], prediction.ddf)
        remedy = "Several structures? One a channel: (label == k).float()."
        require_within("fixed_label", batch["fixed_label"], 0, 1, remedy)
        require_within("moving_label", prediction.warped_label, 0, 1, remedy)
        warped, label = prediction.warped_label > 0.5, batch["fixed_label"] > 0.5
        scores["dice"] = DiceMetric()(warped.float(), label.float()).nanmean(dim=1)
        if surfaces:
            hd95 = HausdorffDistanceMetric(include_background=True, percentile=95)
            pairs = zip(warped.float().split(1), label.float().split(1), spacing, strict=True)
            each = [hd95(a, b, spacing=mm.tolist()).nanmean() for a, b, mm in pairs]
            scores[f"hd95_{unit}"] = torch.stack(each)
    if "fixed_points" in batch and "moving_points" in batch:
        if "fixed_image_affine" in batch and "moving_image_affine" in batch:
            moving = _spacing(batch, "moving", prediction.ddf)
            same, remedy = torch.allclose(moving, spacing, rtol=0.01), "Use ResampleToMatchd."
            wanted = f"the spacing {spacing[0].tolist()} of fixed_image"
            require(same, "moving_image", wanted, moving[0].tolist(), remedy)
        points = batch["fixed_points"], batch["moving_points"]
        errors = target_registration_error(*points, prediction.ddf, spacing)
        scores[f"tre_{unit}"] = errors.nanmean(dim=1)
    scores["folding"] = torch.as_tensor(folding_fraction(prediction.ddf)).reshape(-1)
    return scores


def total_of(terms: Mapping[str, Tensor]) -> Tensor:
    """The sum of the named terms of a loss, a scalar.

    Raises:
        ValueError: no dict, an empty one, or a term that is no scalar.
    """
    kind, remedy = type(terms).__name__, 'Return {"image": …, "smooth": …}.'
    require(isinstance(terms, Mapping), "loss", "a dict of named terms", kind, remedy)
    require(len(terms) > 0, "loss", "a dict of named terms", "an empty one", remedy)
    for name, term in terms.items():
        got = tuple(term.shape) if isinstance(term, Tensor) else type(term).__name__
        scalar = isinstance(term, Tensor) and term.numel() == 1
        require(scalar, f"loss term '{name}'", "a scalar tensor", got, "Take its mean.")
    return torch.stack([term.reshape(()) for term in terms.values()]).sum()


@torch.no_grad()
def measure_pairs(
    network: nn.Module, loader: Iterable[Batch], loss: Loss | None = None, surfaces: bool = False
) -> list[Record]:
    """`measure` for every pair of a loader, in order; with `loss` also its sum a batch."""
    network.eval()
    rows: list[Record] = []
    for batch in loader:
        batch = to_device(batch, network)
        prediction = predict(network, batch)
        scores = measure(prediction, batch, surfaces)
        if loss is not None:
            scores["val_loss"] = total_of(loss(prediction, batch)).expand(len(prediction.ddf))
        names = list(scores)
        for values in zip(*(scores[name].tolist() for name in names), strict=True):
            rows.append(dict(zip(names, values, strict=True)))
    require(len(rows) > 0, "loader", "at least one pair", "none")
    return rows


def validate(network: nn.Module, loader: Iterable[Batch], loss: Loss | None = None) -> Record:
    """The mean of `measure` over held-out pairs; a pair that lacks a score does not count in it.

    Doing nothing is `validate(DoNothing(), loader)`.
    """
    rows = measure_pairs(network, loader, loss)
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: torch.tensor([row[name] for row in rows if name in row]).nanmean().item()
        for name in names
    }
