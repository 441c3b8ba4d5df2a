"""Notebook 12's `take_a_loss`: four losses, four patients, and what the landmarks say.

    score(loss) = mean over patients of the TRE in mm after registration by that loss

The patients are not the notebook's. Each is registered once for all wrong answers: what differs is
how the result is measured and what is concluded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from torch import Tensor

from regtutor.data.modalities import prostate_slice
from regtutor.deformation import Warp
from regtutor.exercises.gridding import onto_fixed
from regtutor.files import spacing_of
from regtutor.instance import Level, register
from regtutor.losses import (
    GlobalMutualInformationLoss,
    LocalNormalizedCrossCorrelationLoss,
    MSELoss,
    SelfSimilarityLoss,
)
from regtutor.metrics import DiceMetric, target_registration_error

Data = dict[str, Any]
LEVELS = [Level(4, 16, 30), Level(2, 8, 30)]
NAMES = ("MSE", "LNCC", "GMI", "MIND")
BEST = "MIND"


@lru_cache(maxsize=1)
def _strangers() -> tuple[Data, ...]:
    return tuple(onto_fixed(prostate_slice(seed, (72, 90), (80, 72))) for seed in range(10, 14))


def strangers() -> list[Data]:
    """Four patients, MR already on the ultrasound's grid; images 0 to 255, as files have them."""
    return [{key: value.clone() for key, value in data.items()} for data in _strangers()]


def contestants() -> dict[str, dict[str, Any]]:
    """Loss → what `register` is told: squares are small, so is the smoothness beside them."""
    lncc = LocalNormalizedCrossCorrelationLoss(2, 9, smooth_dr=1e-3)
    same = {"affine": False, "levels": LEVELS}
    return {
        "MSE": {"image_loss": MSELoss(), "smoothness": 0.003, **same},
        "LNCC": {"image_loss": lncc, "smoothness": 0.3, **same},
        "GMI": {"image_loss": GlobalMutualInformationLoss(), "smoothness": 0.3, **same},
        "MIND": {"image_loss": SelfSimilarityLoss(), "smoothness": 0.3, **same},
    }


def _images(data: Data, clamped: bool) -> tuple[Tensor, Tensor]:
    images = (data[key][None] for key in ("fixed_image", "moving_image"))
    fixed, moving = (image.clamp(0, 1) if clamped else image / 255 for image in images)
    return fixed, moving


@cache
def _fields(name: str, clamped: bool = False) -> tuple[Tensor, ...]:
    """One field a patient."""
    how = contestants()[name]
    found = (register(*_images(data, clamped), **how) for data in _strangers())
    return tuple(result.ddf for result in found)


def _tre(data: Data, ddf: Tensor | None, spacing: Any = None) -> float:
    spacing = spacing or spacing_of(data["fixed_image_affine"], 2)
    fixed, moving = (data[f"{side}_points"][None] for side in ("fixed", "moving"))
    return target_registration_error(fixed, moving, ddf, spacing).mean().item()


def gland_dice(data: Data, ddf: Tensor, spacing: Any = None) -> float:
    """In place of the TRE."""
    label = (Warp()(data["moving_label"][None, :1], ddf) > 0.5).float()
    return DiceMetric()(label, data["fixed_label"][None, :1]).item()


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def table(
    measure: Callable[..., float] = _tre,
    spacing: Any = None,
    summary: Callable[[list[float]], float] = _mean,
    clamped: bool = False,
) -> dict[str, float]:
    """Loss → its score; each of the parts can be another."""
    return {
        name: summary([
            measure(data, ddf, spacing)
            for data, ddf in zip(_strangers(), _fields(name, clamped and name == "GMI"),
                                 strict=True)
        ])
        for name in NAMES
    }  # fmt: skip


def solution(take: str = BEST, **how: Any) -> dict[str, Any]:
    """Right, or with another table or another choice."""
    return table(**how) | {"take": take}


def backwards(data: Data, ddf: Tensor, spacing: Any = None) -> float:
    """TRE in mm by −ddf."""
    return _tre(data, -ddf)


def before(data: Data, ddf: Tensor, spacing: Any = None) -> float:
    """TRE in mm without the field."""
    return _tre(data, None)


def _loss_value(name: str) -> float:
    loss = contestants()[name]["image_loss"]
    values = [
        loss(Warp()(moving, ddf), fixed).item()
        for (fixed, moving), ddf in zip(
            (_images(data, False) for data in _strangers()), _fields(name), strict=True
        )
    ]
    return _mean(values)


def loss_values() -> dict[str, Any]:
    """What each loss says of its own result."""
    values = {name: _loss_value(name) for name in NAMES}
    return values | {"take": min(values, key=values.__getitem__)}
