"""Answers to notebook 05's `descent`: the right loop, and those with a slip.

    seven steps: load, forget, parameters → ddf, warp, compare, gradients, step

What is looked for is four numbers, a shift and a stretch along each axis, so that a few steps show
every slip; `to_ddf` multiplies, so that a field computed once cannot be used twice. Observed is the
field at the end, whether the images were left alone, and the error that torch has for some slips.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.deformation import Warp, identity_grid
from regtutor.exercises.exercise import alike
from regtutor.exercises.forms import function_form
from regtutor.filters import gaussian_smooth
from regtutor.seeds import generator

ToDdf = Callable[[Tensor], Tensor]
Descent = Callable[[Tensor, Tensor, Tensor, ToDdf, int, float], Tensor]
SIZE, STEPS, LR = (30, 44), 12, 0.3
KNOWN = {  # a part of torch's message → the slip
    "does not require grad": "detached",
    "second time": "field_once",
    "non-leaf": "not_a_leaf",
}


def descent(
    fixed: Tensor, moving: Tensor, parameters: Tensor, to_ddf: ToDdf, steps: int, lr: float
) -> Tensor:
    """The worked solution: the ddf `(1, 2, H, W)` after so many steps of Adam."""
    parameters.requires_grad_()  # 1 load: the pair is here; this is to be learned
    optimizer = torch.optim.Adam([parameters], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()  # 2 forget the last gradients
        ddf = to_ddf(parameters)  # 3 parameters → ddf
        warped = Warp()(moving, ddf)  # 4 warp
        loss = F.mse_loss(warped, fixed)  # 5 compare
        loss.backward()  # 6 gradients
        optimizer.step()  # 7 step
    return to_ddf(parameters).detach()


def with_slip(slip: str) -> Descent:
    """`descent` with one thing wrong."""

    def loop(
        fixed: Tensor, moving: Tensor, parameters: Tensor, to_ddf: ToDdf, steps: int, lr: float
    ) -> Tensor:
        if slip != "not_asked":
            parameters.requires_grad_()
        learned = {"image": moving.requires_grad_(slip == "image")}.get(slip, parameters)
        learned = to_ddf(parameters) if slip == "not_a_leaf" else learned
        kind = torch.optim.SGD if slip == "plain" else torch.optim.Adam
        optimizer = kind([learned], lr=lr)
        ddf = to_ddf(parameters)
        for _ in range(steps):
            if slip == "adam_anew":
                optimizer = kind([learned], lr=lr)
            if slip != "not_forgotten":
                optimizer.zero_grad()
            ddf = ddf if slip == "field_once" else to_ddf(parameters)
            seen = ddf.detach() if slip == "detached" else -ddf if slip == "against" else ddf
            pair = (moving, fixed) if slip != "exchanged" else (fixed, moving)
            loss = F.mse_loss(Warp()(pair[0], seen), pair[1])
            (-loss if slip == "uphill" else loss).backward()
            if slip not in ("step_after", "no_step"):
                optimizer.step()
        if slip == "step_after":
            optimizer.step()
        return (ddf if slip == "one_behind" else to_ddf(parameters)).detach()

    return loop


def case(size: tuple[int, int] = SIZE) -> tuple[Tensor, Tensor, ToDdf]:
    """A pair whose moving image is further down, further left and larger; and its `to_ddf`."""
    unit = identity_grid(size) / torch.tensor(size).view(1, 2, 1, 1) - 0.5

    def to_ddf(parameters: Tensor) -> Tensor:
        """`(2, 2)`: shift in voxels and stretch in voxels at the rim, for each axis."""
        shift, stretch = parameters.view(1, 2, 2, 1, 1).unbind(2)
        return shift + 2 * stretch * unit

    noise = torch.rand((1, 1, *size), generator=generator(5))
    moving = 6 * (gaussian_smooth(noise, 2.5) - 0.4)
    truth = torch.tensor([[2.0, 1.0], [-3.0, -1.0]])
    return Warp()(moving, to_ddf(truth)), moving, to_ddf


def run(answer: Descent, asked: bool = False) -> tuple[Any, str, bool]:
    """What it returns, which of torch's errors it met, and whether the images are as before."""
    fixed, moving, to_ddf = case()
    before, parameters = (fixed.clone(), moving.clone()), torch.zeros(2, 2, requires_grad=asked)
    try:
        out, slip = answer(fixed, moving, parameters, to_ddf, STEPS, LR), ""
    except (RuntimeError, ValueError) as error:
        slip = next((name for part, name in KNOWN.items() if part in str(error)), "")
        if not slip:
            raise
        if slip == "detached" and not asked and not run(answer, asked=True)[1]:
            slip = "not_asked"
        out = torch.zeros(1, 2, *SIZE)
    same = torch.equal(before[0], fixed.detach()) and torch.equal(before[1], moving.detach())
    return out, slip, same


def observe(answer: Descent) -> Any:
    """The field, the error if torch has one, whether the images are as they were."""
    out, slip, same = run(answer)
    if out is None or out is ...:
        return None
    # far from 0, where a relative tolerance is a hundredth of a voxel
    return {"ddf": out.detach() + 20, "stopped": slip, "images kept": same}


OWN: tuple[Descent, ...] = (  # the notebook's own numbers, copied
    lambda f, m, parameters, to_ddf, steps, lr: descent(f, m, parameters, to_ddf, 100, lr),
    lambda f, m, parameters, to_ddf, steps, lr: descent(f, m, parameters, to_ddf, steps, 0.5),
    lambda f, m, parameters, to_ddf, steps, lr: descent(f, m, parameters, to_ddf, 100, 0.5),
)


def own_numbers(observed: Any) -> bool:
    """The field of another number of steps, or of another lr."""
    return any(alike(observed, observe(own), 1e-3) for own in OWN)


def _not_a_ddf(out: Any) -> str | None:
    if not isinstance(out, Tensor):
        return f"it must return the ddf, a tensor, not {type(out).__name__}."
    wanted = (1, 2, *SIZE)
    if tuple(out.shape) != wanted:
        return f"it must return the ddf {wanted}, not {tuple(out.shape)}: to_ddf(parameters)."
    return None if bool(out.isfinite().all()) else "there is NaN in the ddf."


form = function_form("descent", lambda answer: run(answer)[0], _not_a_ddf)


def arrives(answer: Descent) -> bool:
    """A field of its own for every voxel, and a shift, on other grids than the first."""
    fixed, moving, to_ddf = case((26, 38))
    shift = answer(fixed, moving, torch.zeros(2, 2), to_ddf, 100, 0.2)
    away = (shift - to_ddf(torch.tensor([[2.0, 1.0], [-3.0, -1.0]]))).abs().max()
    free = answer(fixed, moving, torch.zeros(1, 2, 26, 38), lambda ddf: ddf, 30, 0.3)
    gain = F.mse_loss(Warp()(moving, free), fixed) / F.mse_loss(moving, fixed)
    return bool(away < 0.3) and bool(gain < 0.3)
