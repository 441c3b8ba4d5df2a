"""Answers to notebook 08's `keep_best`: validate, and keep the best weights so far.

The network that validates is a toy: its one parameter shifts the moving image along axis 0, so it
is known which round is the best, and it notes down how it was called.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from regtutor.metrics import DiceMetric
from regtutor.training import predict

Best = dict[str, Any]
ROUNDS = ((1.5, 0.3), (3.0, 0.2), (0.0, 0.1))  # shift, training loss: the second is the best


class Shift(nn.Module):
    """ddf = (shift, 0) everywhere; remembers in which mode and with which gradient it ran."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.calls: list[tuple[bool, bool]] = []

    def forward(self, images: Tensor) -> Tensor:
        """`(B, 2, H, W)` → ddf `(B, 2, H, W)`, voxels."""
        self.calls.append((self.training, torch.is_grad_enabled()))
        still = torch.zeros_like(images[:, :1])
        return torch.cat([still + self.shift, still], dim=1)


class Watched(DiceMetric):
    """DiceMetric that remembers whether anything but 0 and 1 was scored."""

    soft = False

    def __call__(self, y_pred: Tensor, y: Tensor) -> Tensor:
        """As DiceMetric."""
        self.soft = self.soft or bool(((y_pred != 0) & (y_pred != 1)).any())
        return super().__call__(y_pred, y)


def keep_best(network: nn.Module, loader: Any, metric: Any, train_loss: float, best: Best) -> Best:
    """Dice over the held-out pairs; the weights are kept if it is the best so far."""
    network.eval()
    with torch.no_grad():
        for batch in loader:
            label: Any = predict(network, batch).warped_label  # soft
            metric((label > 0.5).float(), batch["fixed_label"])
    dice = metric.aggregate().item()
    metric.reset()
    if dice > best["dice"]:
        weights = {name: value.clone() for name, value in network.state_dict().items()}
        best = {"dice": dice, "weights": weights}
    return best


def with_slip(slip: str) -> Callable[..., Best]:
    """`keep_best` with one thing wrong."""

    def keep(network: nn.Module, loader: Any, metric: Any, train_loss: float, best: Best) -> Best:
        network.train(slip == "train_mode")
        with torch.set_grad_enabled(slip == "gradients"):
            for batch in loader:
                label: Any = predict(network, batch).warped_label
                label = label if slip == "soft" else (label > 0.5).float()
                metric(label, batch["fixed_label"])
        dice = metric.aggregate().item()
        if slip != "no_reset":
            metric.reset()
        better = dice > best["dice"]
        if slip == "train_loss":
            better = train_loss < best.get("loss", float("inf"))
        if not better and slip != "last":
            return best
        live = network.state_dict()
        kept = live if slip == "live" else {name: value.clone() for name, value in live.items()}
        return {"dice": dice, "weights": kept, "loss": train_loss}

    return keep


def observe(answer: Callable[..., Best]) -> dict[str, Any] | None:
    """Three rounds of validation with a network that is changed in between."""
    network, metric = Shift(), Watched()
    best: Best = {"dice": -1.0, "weights": {}}
    scores = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a soft label draws is told by the check
        for shift, train_loss in ROUNDS:
            network.train()
            with torch.no_grad():
                network.shift.fill_(shift)
            best = answer(network, _loader(), metric, train_loss, best)
            if best is None or not network.calls:
                return None  # nothing is returned, or nothing predicted yet
            if not {"dice", "weights"} <= set(best) or "shift" not in best["weights"]:
                raise ValueError("best: a Dice and a state_dict() are expected, got other things.")
            scores.append(float(best["dice"]))
    return {
        "training mode": any(mode for mode, _ in network.calls),
        "gradients": any(grad for _, grad in network.calls),
        "soft": metric.soft,
        "best Dice so far": scores,
        "weights kept": float(best["weights"]["shift"]),
    }


def _loader() -> list[dict[str, Tensor]]:
    """Two held-out pairs whose moving organ lies 3 voxels further along axis 0."""
    batches = []
    for width in (3, 5):
        fixed, moving = torch.zeros(1, 1, 16, 9), torch.zeros(1, 1, 16, 9)
        fixed[..., 4:9, 2 : 2 + width], moving[..., 7:12, 2 : 2 + width] = 1, 1
        batches.append({"fixed_image": fixed, "moving_image": moving,
                        "fixed_label": fixed, "moving_label": moving})  # fmt: skip
    return batches
