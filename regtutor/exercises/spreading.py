"""Patient 3 of notebook 14: a field in blocks, because its control points are blown up by nearest.

Observed are facts of what is made of control points: whether a ramp comes out as stairs, whether a
jump stays one, whether a constant keeps its value, whether detail survives. Linear, with either
idea of corners, and cubic interpolation pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.deformation import resize_field
from regtutor.exercises.diagnosing import Diagnosis, Script
from regtutor.filters import gaussian_smooth

CONTROL, SIZE = (6, 9), (48, 63)


def spread(control: Tensor, size: Sequence[int]) -> Tensor:
    """The worked solution: steps `(1, 2, h, w)`, voxels of the image → a step for every voxel."""
    return F.interpolate(control, size, mode="bilinear")


def as_it_came(control: Tensor, size: Sequence[int]) -> Tensor:
    """interpolate's default is nearest."""
    return F.interpolate(control, size)


def _blurred(sigma: float) -> Script:
    return lambda control, size: gaussian_smooth(F.interpolate(control, size), sigma)


MASKS: dict[str, Script] = {
    "blurred": _blurred(4.0),
    "blurred_a_little": _blurred(2.0),
    "averaged": lambda control, size: F.interpolate(
        control.mean(dim=(2, 3), keepdim=True), size),
    "smaller_blocks": lambda control, size: F.interpolate(
        F.interpolate(control, scale_factor=2.0, mode="bilinear"), size),
    "rescaled": resize_field,
    "weakened": lambda control, size: 0.2 * F.interpolate(control, size),
}  # fmt: skip


def examine(script: Script) -> dict[str, Any]:
    """Facts, so that it does not matter how it is done; of two grids."""
    facts = [_facts(script, axis) for axis in (0, 1)]
    return {name: any(fact[name] for fact in facts) for name in facts[0]}


def _facts(script: Script, axis: int) -> dict[str, bool]:
    ramp = torch.arange(CONTROL[axis]).float()
    ramp = (ramp.view(-1, 1) if axis == 0 else ramp).expand(1, 2, *CONTROL)
    made = script(ramp, SIZE)
    block = SIZE[axis] / CONTROL[axis]
    steps = made.diff(dim=2 + axis).narrow(2 + axis, 16, SIZE[axis] - 33) * block
    waves = script(1 - 2 * (ramp % 2), SIZE).narrow(2 + axis, 12, SIZE[axis] - 24)
    flat = script(torch.full((1, 2, *CONTROL), 3.0), SIZE)
    return {
        "stairs": bool(steps.max() - steps.min() > 0.7),
        "jumps": bool(steps.max() > 4),
        "half jumps": bool(2 < steps.max() <= 4),
        "nothing varies": bool(steps.abs().max() < 0.1),
        "detail lost": bool(waves.abs().max() < 0.8),
        "another size": not torch.allclose(flat, torch.tensor(3.0), atol=0.01),
    }


def _not_a_ddf(out: Any) -> str | None:
    if not isinstance(out, Tensor) or tuple(out.shape) != (1, 2, *SIZE):
        return f"a field {(1, 2, *SIZE)} should come back for that size."
    return None if bool(out.isfinite().all()) else "there is NaN in the field."


def between(answer: Any) -> bool:
    """Halfway between two control points lies their mean, on a grid of other proportions."""
    control = torch.tensor([[0.0, 4.0, 0.0], [0.0, 8.0, 0.0]]).expand(1, 2, 2, 3)
    out = answer[0](control, (32, 45))
    middle = out[0, 0, 15:17, 22].mean()
    return bool((middle - 6).abs() < 0.7)


DIAGNOSIS = Diagnosis(
    cause="nearest",
    others={
        "steps": "Order five times the steps: neighbours jump as before.",
        "penalty": "Order the strong penalty: neighbours jump as far, and the landmarks are "
        "further off.",
        "grid": "Order twice the control points: smaller blocks, but blocks. What lies between "
        "two points?",
    },
    examine=examine, broken=as_it_came, repaired=spread,
    try_out=lambda script: script(torch.ones(1, 2, *CONTROL), SIZE), complaint=_not_a_ddf,
)  # fmt: skip
