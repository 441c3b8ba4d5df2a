"""A GlobalNet's last layer, learned as a map about the middle of the grid.

    A = half · U / halfᵀ,   t = middle − A · middle + half · u

GlobalNet says theta = [A | t] about voxel (0, …, 0): a small turn throws the far corner far, and A
and t must change together. About the middle, in units of half the grid, every number of [U | u]
moves the image about as far as any other, and one learning rate serves them all. Both are linear in
the layer's weights, so what was learned is kept as the weights that GlobalNet and MONAI know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


class AboutMiddle(nn.Module):
    """From [U | u] to [A | t], for each input of the layer; and back.

    Args:
        size: of the images that GlobalNet sees, d numbers.
        bias: whether the layer's bias, which holds the middle itself, or its weight.
    """

    def __init__(self, size: Sequence[int], bias: bool) -> None:
        super().__init__()
        self.d, self.half = len(size), torch.tensor(size)[:, None] / 2
        self.middle = self.half - 0.5
        self.ratio = (self.half / self.half.T)[..., None]
        self.constant = self.middle if bias else torch.zeros_like(self.middle)

    def forward(self, given: Tensor) -> Tensor:
        """`(d·(d+1), inputs)` or `(d·(d+1))`, [U | u] row by row → [A | t]."""
        unit = given.view(self.d, self.d + 1, -1)
        matrix = unit[:, :-1] * self.ratio
        shift = self.half * unit[:, -1] + self.constant - self._turned(matrix)
        return torch.cat([matrix, shift[:, None]], dim=1).view(given.shape)

    def right_inverse(self, given: Tensor) -> Tensor:
        """[A | t] → [U | u]."""
        theta = given.view(self.d, self.d + 1, -1)
        shift = (theta[:, -1] - self.constant + self._turned(theta[:, :-1])) / self.half
        return torch.cat([theta[:, :-1] / self.ratio, shift[:, None]], dim=1).view(given.shape)

    def _turned(self, matrix: Tensor) -> Tensor:
        """Where A takes the middle."""
        return (matrix * self.middle).sum(dim=1)


@contextmanager
def about_middle(layer: nn.Linear, size: Sequence[int]) -> Iterator[None]:
    """Within it the layer learns [U | u]; afterwards it is a plain layer that says the same."""
    for name in ("weight", "bias"):
        parametrize.register_parametrization(layer, name, AboutMiddle(size, name == "bias"))
    try:
        yield
    finally:
        for name in ("weight", "bias"):
            parametrize.remove_parametrizations(layer, name)
