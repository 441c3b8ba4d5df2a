"""What is kept on disk while a network trains: the last state, to go on from, and the best.

`last.pt` holds everything the next epoch depends on (weights, optimiser, schedule, torch's
generators, the records so far), so that a training that was killed goes on as if it had not been.
`best.pt` holds weights only and loads with `network.load_state_dict(torch.load("best.pt"))`.
Each is written beside its place and then moved there: a reader sees the old file or the new one,
never half of one. Taught in notebook 08.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from regtutor.checks import complaint, require, require_file
from regtutor.files import written_whole

Record = dict[str, float]


def save(state: Any, path: str | Path) -> None:
    """`torch.save`, but atomic: the file at `path` is whole at every moment.

    Args:
        state: anything that `torch.save` takes.
        path: where; the folder is made if it is missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as beside:
        torch.save(state, beside)


def save_last(
    path: str | Path,
    network: nn.Module,
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    history: list[Record],
) -> None:
    """Keep all that the next epoch depends on."""
    state = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "optimizer_kind": type(optimizer).__name__,
        "scheduler": None if scheduler is None else scheduler.state_dict(),
        "history": history,
        "generator": torch.get_rng_state(),
        "cuda_generators": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    save(state, path)


def resume(
    path: str | Path,
    network: nn.Module,
    optimizer: Optimizer,
    scheduler: LRScheduler | None = None,
) -> list[Record]:
    """Put everything back as `save_last` found it, torch's generators included.

    Returns:
        The records so far.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: not such a file, or of another network; nothing is changed then.
    """
    path = require_file("checkpoint", path)
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    remedy = "Train into another folder, or rebuild the network with the settings it had."
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        kept = {name: tuple(value.shape) for name, value in state["network"].items()}
    except (RuntimeError, KeyError, TypeError, EOFError, UnpicklingError) as error:
        raise ValueError(
            complaint(f"checkpoint {path}", "a training state", "another or a broken file", remedy)
        ) from error
    needed = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    differing = sorted(set(kept.items()) ^ set(needed.items()))
    require(not differing, f"checkpoint {path}", "weights of this network", differing[:2], remedy)
    kind = type(optimizer).__name__
    kept_kind = state.get("optimizer_kind", kind)
    require(kept_kind == kind, f"checkpoint {path}", f"a training by {kind}", kept_kind, remedy)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    if scheduler is not None and state["scheduler"] is not None:
        scheduler.load_state_dict(state["scheduler"])
    torch.set_rng_state(state["generator"].cpu())
    if state["cuda_generators"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([rng.cpu() for rng in state["cuda_generators"]])
    return list(state["history"])
