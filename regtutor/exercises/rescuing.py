"""Answers to notebook 13's `rescue`: a network's field, refined on the very pair, and the slips.

    ddf = register(fixed, moving, start=network's ddf).ddf

Judged is one chest that lies turned, a scan darker than the other: how far the landmarks are off,
whether the network was asked, and whether its weights are what they were. Any field that ends as
near as the worked one counts as it.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.deformation import Warp
from regtutor.exercises.exercise import alike, is_blank
from regtutor.exercises.forms import function_form, not_a_field
from regtutor.exercises.shifting import Shifted, change, shifted
from regtutor.instance import Level, register
from regtutor.losses import MSELoss
from regtutor.metrics import target_registration_error
from regtutor.networks import trained_localnet

Rescue = Callable[[nn.Module, Tensor, Tensor], Any]
SIZE = (84, 104)
HALF = (Level(shrink=2, spacing=4, steps=40),)  # half the size, as quick as it gets


def rescue(network: nn.Module, fixed: Tensor, moving: Tensor) -> Tensor:
    """The worked solution: `(1, 1, H, W)` in [0, 1], twice → ddf `(1, 2, H, W)`, voxels."""
    with torch.no_grad():
        ddf = network(torch.cat([moving, fixed], dim=1))
    return register(fixed, moving, start=ddf, levels=[Level(2, 4, 40)]).ddf


def asked(network: nn.Module, fixed: Tensor, moving: Tensor) -> Tensor:
    with torch.no_grad():
        out: Tensor = network(torch.cat([moving, fixed], dim=1))
    return out


def _stretched(image: Tensor) -> Tensor:
    return (image - image.min()) / (image.max() - image.min())


def _retrained(network: nn.Module, fixed: Tensor, moving: Tensor) -> Tensor:
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(3):
        warped = Warp()(moving, network(torch.cat([moving, fixed], dim=1)))
        optimizer.zero_grad()
        F.mse_loss(warped, fixed).backward()
        optimizer.step()
    return asked(network, fixed, moving)


def _rest(network: nn.Module, fixed: Tensor, moving: Tensor) -> Tensor:
    warped = Warp()(moving, asked(network, fixed, moving))
    return register(fixed, warped, affine=False, levels=HALF).ddf


def _refined(make: Callable[[Tensor, Tensor, Tensor], Tensor], **more: Any) -> Rescue:
    """Refined from another start, which is made of the network's field and the two images."""

    def answer(network: nn.Module, fixed: Tensor, moving: Tensor) -> Tensor:
        start = make(asked(network, fixed, moving), fixed, moving)
        return register(fixed, moving, start=start, levels=HALF, **more).ddf

    return answer


def _no_start(network: nn.Module, fixed: Tensor, moving: Tensor) -> Tensor:
    asked(network, fixed, moving)
    return register(fixed, moving, affine=False, levels=[Level(1, 2, 60)]).ddf


SLIPS: dict[str, Rescue] = {
    "retrained": _retrained,
    "never_asked": lambda network, fixed, moving: register(fixed, moving, levels=HALF).ddf,
    "network_alone": asked,
    "min_max": lambda network, fixed, moving: asked(
        network, _stretched(fixed), _stretched(moving)),
    "order_exchanged": lambda network, fixed, moving: asked(network, moving, fixed),
    "refined_backwards": lambda network, fixed, moving: register(
        moving, fixed, start=asked(network, fixed, moving), levels=HALF).ddf,
    "twice": lambda network, fixed, moving: rescue(network, fixed, moving) + asked(
        network, fixed, moving),
    "rest_only": _rest,
    "start_negated": _refined(lambda ddf, fixed, moving: -ddf),
    "start_forgotten": _no_start,
    "squares": _refined(lambda ddf, fixed, moving: ddf, image_loss=MSELoss()),
    "too_stiff": _refined(lambda ddf, fixed, moving: ddf, smoothness=1e4),
}  # fmt: skip


@cache
def _shipped() -> nn.Module:
    return trained_localnet(spatial_dims=2, size=SIZE)


def network() -> nn.Module:
    """The frozen network, a copy for each answer: one that trains it spoils no other."""
    return deepcopy(_shipped())


@cache
def case(seed: int = 911, degrees: float = 25.0, gain: float = 0.6) -> Shifted:
    """A patient who lies turned, and whose second scan is darker."""
    return change("gain, moving scan", shifted("both turned", degrees, seed, SIZE), gain)


def _off(ddf: Tensor, pair: Shifted) -> float:
    points = pair.fixed_points, pair.moving_points
    return target_registration_error(*points, ddf.detach(), pair.spacing).mean().item()


@cache
def _bounds() -> tuple[float, float]:
    """mm: the worked solution's, and the network's alone."""
    pair, net = case(), network()
    return tuple(_off(f(net, pair.fixed, pair.moving), pair) for f in (rescue, asked))  # type: ignore[return-value]


def observe(answer: Rescue) -> dict[str, Any] | None:
    """What it gives for the one pair, and what has become of the network."""
    pair, net = case(), network()
    calls: list[None] = []
    net.register_forward_hook(lambda *_: calls.append(None))
    ddf = answer(net, pair.fixed.clone(), pair.moving.clone())
    shipped = _shipped().state_dict()
    kept = all(value.equal(shipped[name]) for name, value in net.state_dict().items())
    if is_blank(ddf):
        return None
    worked, alone = _bounds()
    off = _off(ddf, pair)
    arrived = off < worked + 0.2 * (alone - worked)
    return {
        "weights kept": kept,
        "network asked": bool(calls),
        "off": worked if arrived else off,
        "mean": torch.zeros(2) if arrived else ddf.detach().mean(dim=(0, 2, 3)),
    }


@cache
def _of(slip: str) -> dict[str, Any] | None:
    return observe(SLIPS[slip])


def like(slip: str) -> Callable[[Any], bool]:
    """Whether what is seen equals this slip's, which is made once."""
    return lambda seen: alike(seen, _of(slip), 1e-3)


def part_of_the_way(seen: dict[str, Any]) -> bool:
    """Better than the network alone by more than nothing, and not where the worked one ends."""
    worked, alone = _bounds()
    return worked < seen["off"] < 0.98 * alone


_shape = not_a_field((1, 2, *SIZE))


def _not_the_ddf(out: Any) -> str | None:
    if hasattr(out, "ddf"):
        return "the field is asked for: return register(…).ddf."
    if isinstance(out, Tensor) and tuple(out.shape) == (1, 1, *SIZE):
        return "the field is asked for, not the warped image: return register(…).ddf."
    return _shape(out)


form = function_form(
    "rescue", lambda answer: answer(network(), case().fixed, case().moving), _not_the_ddf
)


def other_pair(answer: Rescue) -> bool:
    """Another patient, whose two scans are both dark: at least half of the error must go."""
    pair, net = shifted("gain, both scans", 0.5, 913, SIZE), network()
    ddf = answer(net, pair.fixed, pair.moving)
    return _off(ddf, pair) < 0.6 * _off(asked(net, pair.fixed, pair.moving), pair)
