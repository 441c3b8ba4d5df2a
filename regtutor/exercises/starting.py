"""Answers to notebook 07's `identity_start`: how a head that predicts theta is made to say nothing.

    theta = W · features + b,   theta = [A | t], row after row, voxels

Only W = 0 and b = identity moves nothing, whatever the features are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from regtutor.deformation import affine_to_ddf

Start = Callable[[nn.Linear, Sequence[int]], object]


def _head(features: int, d: int, seed: int) -> nn.Linear:
    """A head that has not been set, as `nn.Linear` makes it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Linear(features, d * (d + 1))


def _theta(start: Start, size: Sequence[int], seed: int) -> Tensor | None:
    """What the head predicts from two different feature vectors; None if it was left alone."""
    d, head, fresh = len(size), _head(10, len(size), seed), _head(10, len(size), seed)
    start(head, size)
    if torch.equal(head.weight, fresh.weight) and torch.equal(head.bias, fresh.bias):
        return None
    features = torch.linspace(-1, 2, 20).view(2, 10)
    return head(features).detach().unflatten(1, (d, d + 1))


def observe(start: Start) -> list[Tensor | None]:
    return [_theta(start, (9, 14), seed=2), _theta(start, (6, 8, 5), seed=3)]


def moves_nothing(start: Start) -> bool:
    theta = _theta(start, (7, 3, 11), seed=4)
    return theta is not None and bool(affine_to_ddf(theta, (7, 3, 11)).abs().max() < 1e-5)


@torch.no_grad()
def start_at_identity(head: nn.Linear, size: Sequence[int]) -> None:
    """Whatever the features: A = 1 and t = 0, in the order of theta's rows."""
    d = len(size)
    head.weight.zero_()
    head.bias.copy_(torch.eye(d, d + 1).flatten())


def with_parts(weight: bool, bias: Callable[[int, Sequence[int]], Tensor] | None) -> Start:
    """A start that zeroes the weights or not, and sets the bias or not."""

    @torch.no_grad()
    def start(head: nn.Linear, size: Sequence[int]) -> None:
        if weight:
            head.weight.zero_()
        if bias is not None:
            head.bias.copy_(bias(len(size), size).flatten())

    return start


def to_unit(d: int, size: Sequence[int]) -> Tensor:
    """Voxels to [−1, 1]: the identity of somebody who thinks in normalised coordinates."""
    scale = torch.diag(2 / (torch.tensor(size) - 1.0))
    return torch.cat([scale, -torch.ones(d, 1)], dim=1)


def form(answer: object) -> str | None:
    """A function."""
    return (
        None
        if callable(answer)
        else ("a function is asked for: give check start_at_identity itself, without calling it.")
    )
