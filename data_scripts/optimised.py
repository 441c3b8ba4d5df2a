"""`instance.register` in the shape of a network, so that it is judged as one: no training, slower.

judge(Optimised(), loader, "register"),    judge(Optimised(start=network), loader, "refined")
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regtutor.instance import register


class Optimised(nn.Module):
    """Register pair by pair, from nothing or from what a network says.

    Args:
        start: `(B, 2, *spatial)` → ddf; without one each pair begins with an affine map.
    """

    def __init__(self, start: nn.Module | None = None) -> None:
        super().__init__()
        self.start = start

    def forward(self, images: Tensor) -> Tensor:
        """moving and fixed, `(B, 2, *spatial)`, in [0, 1] → ddf `(B, d, *spatial)`, voxels."""
        begun = [None] * len(images) if self.start is None else self.start(images).split(1)
        pairs = [pair.chunk(2, dim=1) for pair in images.split(1)]
        with torch.enable_grad():
            found = [
                register(fixed, moving, start=start)
                for (moving, fixed), start in zip(pairs, begun, strict=True)
            ]
        return torch.cat([registration.ddf for registration in found])
