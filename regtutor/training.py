"""Training, which is a loop: predict, weigh the terms, go back, step; then look at held-out pairs.

    prediction = predict(network, batch)
    terms = loss(prediction, batch)          # {"image": 100 * mse, "label": 0.5 * dice, …}
    sum(terms.values()).backward()

The loop knows nothing of the network: what comes out of it is a ddf, whether it was predicted as
such, as a velocity (`nn.Sequential(LocalNet(…), DVF2DDF())`) or as an affine map (`GlobalNet`).
`fit` yields one record an epoch, so a progress bar, a live plot or an early stop is the `for`
around it. Taught in notebook 08.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from regtutor.checkpoint import Record, resume, save, save_last
from regtutor.checks import require, require_count, require_finite
from regtutor.evaluation import Batch, Loss, to_device, total_of
from regtutor.evaluation import DoNothing as DoNothing
from regtutor.evaluation import Prediction as Prediction
from regtutor.evaluation import find_device as find_device
from regtutor.evaluation import predict as predict
from regtutor.evaluation import validate as validate


def train_epoch(
    network: nn.Module,
    loader: Iterable[Batch],
    loss: Loss,
    optimizer: Optimizer,
    scheduler: LRScheduler | None = None,
) -> Record:
    """Once through the training pairs.

    Args:
        loss: `(prediction, batch)` → named, already weighted terms, each a scalar.
        scheduler: stepped after every batch.

    Returns:
        The mean of each term, and of their sum as "loss".

    Raises:
        ValueError: a term or the field is not finite (named), no term depends on the network, or
            the optimiser is another network's; the weights are as before the step.
    """
    _require_own(optimizer, network)
    network.train()
    sums: dict[str, float] = {}
    batches = 0
    for batch in loader:
        batch = to_device(batch, network)
        optimizer.zero_grad()
        prediction = predict(network, batch)
        require_finite("ddf", prediction.ddf)
        terms = loss(prediction, batch)
        total = total_of(terms)
        for name, term in terms.items():
            require_finite(f"loss term '{name}'", term)
        remedy = "Compute it from the prediction, without detach() or no_grad()."
        learns = total.requires_grad
        require(learns, "loss", "a term that depends on the network", "none", remedy)
        total.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        batches += 1
        for name, term in {"loss": total, **terms}.items():
            sums[name] = sums.get(name, 0.0) + term.item()
    require(batches > 0, "loader", "at least one batch", "none")
    return {name: value / batches for name, value in sums.items()}


def _require_own(optimizer: Optimizer, network: nn.Module) -> None:
    """The optimiser steps weights of this network (not those of one that was made anew since)."""
    stepped = {id(weight) for group in optimizer.param_groups for weight in group["params"]}
    own = [weight for weight in network.parameters() if id(weight) in stepped]
    remedy = "Make it after the network: Adam(network.parameters(), …)."
    require(len(own) > 0, "optimizer", "weights of this network", "none of them", remedy)


def dice_or_loss(record: Record) -> float:
    """What is best: the highest validation Dice, or without labels the lowest validation loss."""
    return record["dice"] if "dice" in record else -record["val_loss"]


def fit(
    network: nn.Module,
    train_loader: Iterable[Batch],
    val_loader: Iterable[Batch],
    loss: Loss,
    optimizer: Optimizer,
    *,
    epochs: int,
    scheduler: LRScheduler | None = None,
    folder: str | Path | None = None,
    score: Callable[[Record], float] = dice_or_loss,
) -> Iterator[Record]:
    """Train and validate, yielding one record an epoch.

    Args:
        epochs: how many in all, those before a resume included.
        folder: keeps `last.pt` and `best.pt`; if it holds a `last.pt`, training goes on from
            there with the same curve as if it had never stopped. Nothing is kept without it.
        score: a record → how good it is; the best one's weights are in `best.pt`.

    Yields:
        `{"epoch": 1, "loss": …, <each term>: …, "dice": …, "tre_mm": …, "folding": …,
        "val_loss": …}`; first those of a resumed training.
    """
    require_count("epochs", epochs)
    last = None if folder is None else Path(folder) / "last.pt"
    history = (
        [] if last is None or not last.exists() else resume(last, network, optimizer, scheduler)
    )
    yield from history
    for epoch in range(len(history) + 1, epochs + 1):
        record = {"epoch": epoch, **train_epoch(network, train_loader, loss, optimizer, scheduler)}
        record |= validate(network, val_loader, loss)
        best = score(record) > max((score(r) for r in history), default=-float("inf"))
        history.append(record)
        if last is not None:
            if best:
                save(network.state_dict(), last.with_name("best.pt"))
            save_last(last, network, optimizer, scheduler, history)
        yield record
