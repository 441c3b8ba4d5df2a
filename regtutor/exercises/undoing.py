"""Answers to notebook 11's `undo`: the way back from an affine map and from a velocity.

    y = A x + t   is undone by   x = A⁻¹ y − A⁻¹ t,     exp(v) by exp(−v)

Convention: theta `(B, 2, 3)` about voxel (0, 0), velocities and fields `(B, 2, H, W)`, voxels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from regtutor.deformation import compose, exp, identity_grid
from regtutor.exercises.exercise import alike, is_blank
from regtutor.exercises.forms import function_form

Undo = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
CLOSE = 0.1  # voxels: there and back, the step that counts as none


def undo(theta: Tensor, dvf: Tensor) -> tuple[Tensor, Tensor]:
    """The worked solution: theta `(1, 2, 3)` and dvf `(1, 2, H, W)` → theta and ddf that undo."""
    a, t = theta[:, :, :2], theta[:, :, 2:]
    back = torch.linalg.inv(a)
    return torch.cat([back, -back @ t], dim=2), exp(-dvf)


def _affine(make: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Undo:
    """Another inverse of theta, from A and t; the field's is right."""

    def answer(theta: Tensor, dvf: Tensor) -> tuple[Tensor, Tensor]:
        return torch.cat(make(theta[:, :, :2], theta[:, :, 2:]), dim=2), exp(-dvf)

    return answer


def _field(make: Callable[[Tensor], Tensor]) -> Undo:
    """Another inverse of the field; theta's is right."""
    return lambda theta, dvf: (undo(theta, dvf)[0], make(dvf))


AFFINE: dict[str, Undo] = {
    "minus_theta": _affine(lambda a, t: (-a, -t)),
    "step_reversed": _affine(lambda a, t: (2 * torch.eye(2) - a, -t)),
    "only_t": _affine(lambda a, t: (a, -t)),
    "t_not_turned": _affine(lambda a, t: (torch.linalg.inv(a), -t)),
    "t_kept": _affine(lambda a, t: (torch.linalg.inv(a), t)),
    "t_sign": _affine(lambda a, t: (torch.linalg.inv(a), torch.linalg.inv(a) @ t)),
    "transposed": _affine(lambda a, t: (a.mT, -a.mT @ t)),
    "one_over": _affine(lambda a, t: (1 / a, 1 / t)),
}
FIELD: dict[str, Undo] = {
    "minus_ddf": _field(lambda dvf: -exp(dvf)),
    "still_a_velocity": _field(lambda dvf: -dvf),
    "forth_again": _field(exp),
    "one_over_field": _field(lambda dvf: 1 / exp(dvf)),
}


def both_models() -> tuple[Tensor, Tensor]:
    """An affine map that turns, stretches and shifts; a velocity that is still at the border."""
    theta = torch.tensor([[[1.1, -0.3, 6.0], [0.2, 0.9, -4.0]]])
    row, column = identity_grid((30, 42)).unbind(1)
    hill = (row / 29 * torch.pi).sin() ** 2 * (column / 41 * torch.pi).sin() ** 2
    return theta, torch.stack([5 * hill, -3 * hill * (column / 9).sin()], dim=1)


def observe_undo(answer: Undo) -> dict[str, Any] | None:
    """Any field that brings every voxel back is as good as another: it counts as the worked one."""
    theta, dvf = both_models()
    out: Any = answer(theta, dvf)
    if is_blank(out):
        return None
    theta_back, ddf_back = (part.detach() for part in out)
    close = compose(exp(dvf), ddf_back.to(dvf)).norm(dim=1).max() < CLOSE
    return {"theta": theta_back, "ddf": exp(-dvf) if close else ddf_back}


def brings_back(answer: Undo) -> bool:
    """Forth and back, by theta and by the field, with other numbers and on another grid."""
    theta = torch.tensor([[[0.8, 0.5, -3.0], [-0.4, 1.2, 9.0]]])
    dvf = both_models()[1].transpose(2, 3).flip(1)
    theta_back, ddf_back = answer(theta, dvf)
    forth = theta[0, :, :2] @ torch.tensor([[3.0], [8.0]]) + theta[0, :, 2:]
    point = theta_back[0, :, :2] @ forth + theta_back[0, :, 2:]
    left = compose(exp(dvf), ddf_back).norm(dim=1).max()
    return bool(left < CLOSE) and torch.allclose(point.flatten(), torch.tensor([3.0, 8.0]))


def part_is(part: str, wrong: Undo) -> Callable[[Any], bool]:
    """Whether one of the two shows this slip, whatever the other is."""
    return lambda seen: alike(seen[part], observe_undo(wrong)[part], 1e-3)  # type: ignore[index]


def _not_both(out: Any) -> str | None:
    """A theta and a field."""
    if not (isinstance(out, tuple | list) and len(out) == 2):
        return "two things are asked for: return theta_back, ddf_back."
    for name, part, shape in zip(("theta_back", "ddf_back"), out, ((1, 2, 3), (1, 2, 30, 42)),
                                 strict=True):  # fmt: skip
        if not isinstance(part, Tensor) or tuple(part.shape) != shape:
            got = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
            return f"{name} should be {shape}, not {got}."
    return None


form_undo = function_form("undo", lambda answer: answer(*both_models()), _not_both)
