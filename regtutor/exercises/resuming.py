"""Answers to notebook 08's `resume`: what must be kept so that a killed training goes on unchanged.

A toy is trained for three epochs, kept, killed (half an epoch is lost), restored into a new
process's objects and trained to the end; its curve is compared with that of a training that was
never killed. Dropout and data are drawn, Adam remembers, the learning rate is on a schedule.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

State = dict[str, Any]
Keep = Callable[..., State]
Restore = Callable[..., int]
EPOCHS, KILLED_AFTER = 6, 3


def keep(
    network: nn.Module, optimizer: torch.optim.Optimizer, scheduler: LRScheduler, epoch: int
) -> State:
    """All that the next epoch depends on."""
    return {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "generator": torch.get_rng_state(),
        "epoch": epoch,
    }


def restore(
    state: State, network: nn.Module, optimizer: torch.optim.Optimizer, scheduler: LRScheduler
) -> int:
    """Put it all back; the generator last. Returns the epoch to go on with."""
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["generator"])
    return state["epoch"] + 1


def forgetting(*parts: str, next_epoch: Callable[[int], int] | None = None) -> tuple[Keep, Restore]:
    """`keep` and `restore` without some parts, or with another epoch to go on with."""

    def lossy(
        state: State, network: nn.Module, optimizer: torch.optim.Optimizer, scheduler: LRScheduler
    ) -> int:
        for name, thing in (("network", network), ("optimizer", optimizer),
                            ("scheduler", scheduler)):  # fmt: skip
            if name not in parts:
                thing.load_state_dict(state[name])
        if "generator" not in parts:
            torch.set_rng_state(state["generator"])
        return state["epoch"] + 1 if next_epoch is None else next_epoch(state["epoch"])

    return keep, lossy


def observe(answer: tuple[Keep, Restore]) -> list[tuple[int, float]] | None:
    """Epoch and loss of the training that was killed and resumed."""
    keeps, restores = answer
    with torch.random.fork_rng(devices=[]):
        parts = _new(seed=1)
        curve = [(epoch, _epoch(*parts)) for epoch in range(1, KILLED_AFTER + 1)]
        file = io.BytesIO()
        state = keeps(*parts, KILLED_AFTER)
        if state is None:
            return None
        torch.save(state, file)
        _epoch(*parts)  # what the kill destroys
        file.seek(0)
        fresh = _new(seed=2)
        following = restores(torch.load(file, weights_only=False), *fresh)
        if following is None:
            return None
        return curve + [(epoch, _epoch(*fresh)) for epoch in range(int(following), EPOCHS + 1)]


def went_on(curve: list[tuple[int, float]]) -> bool:
    """Whether the curve is that of a training that was never killed."""
    right = observe((keep, restore)) or []
    return all(abs(a - b) < 1e-6 for (_, a), (_, b) in zip(curve, right, strict=False))


def _new(seed: int) -> tuple[nn.Module, torch.optim.Optimizer, LRScheduler]:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.Linear(8, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    return network, optimizer, LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))


def _epoch(network: nn.Module, optimizer: torch.optim.Optimizer, scheduler: LRScheduler) -> float:
    total = 0.0
    for _ in range(4):
        x = torch.randn(8, 4)
        loss = ((network(x) - x.sum(dim=1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 4
    scheduler.step()
    return total


def form(answer: Any) -> str | None:
    """Two functions."""
    two = isinstance(answer, tuple | list) and len(answer) == 2 and all(map(callable, answer))
    return None if two else "two functions are asked for: answer = keep, restore."
