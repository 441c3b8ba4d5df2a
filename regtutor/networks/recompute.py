"""Memory for time: forget what a level computes, and compute it again when its gradient is due.

A training step keeps every layer's output until the backward pass has used it: the most of a
step's memory. A level that recomputes keeps its input alone. This is also called activation
checkpointing; it costs one more forward pass of each such level and changes no number.
Source: Chen et al., "Training deep nets with sublinear memory cost", arXiv 1604.06174, 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class Forgetful(nn.Sequential):
    """Layers in sequence that can forget what lies between them; set by `recompute`."""

    recomputes = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.recomputes:
            return super().forward(x)
        return checkpoint(super().forward, x, use_reentrant=False, context_fn=self._contexts)

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _buffers_rest(self)


def recompute(network: nn.Module, on: bool = True) -> nn.Module:
    """Train a network in less memory and more time, or as before.

    Args:
        network: a LocalNet or GlobalNet, something that holds one, or a part of one:
            `recompute(network.encoder.levels[0])` spares the most for its time.
        on: False takes it back.

    Returns:
        The same network, changed.
    """
    for module in network.modules():
        if isinstance(module, Forgetful):
            module.recomputes = on
    return network


@contextmanager
def _buffers_rest(module: nn.Module) -> Iterator[None]:
    """What batch norms count of the batches goes into copies: they counted this one already."""
    buffers = [
        (part, name, value)
        for part in module.modules()
        for name, value in part.named_buffers(recurse=False)
    ]
    for part, name, value in buffers:
        setattr(part, name, value.clone())
    try:
        yield
    finally:  # torch leaves by an exception as soon as it has computed enough
        for part, name, value in buffers:
            setattr(part, name, value)
