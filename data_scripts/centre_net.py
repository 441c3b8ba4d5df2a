"""A network with three numbers to say: by how much the organ lies elsewhere in the other image.

    place = Σ x · p(x)⁸ / Σ p(x)⁸,    ddf = place in moving − place in fixed, the same everywhere

Each image has a LocalNet of its own that learns p, how likely a voxel is of the organ. With twenty
pairs to learn from, a field of many thousand numbers learns the pairs; an outline can be learned
from every voxel of every image, and three numbers can be read off two outlines.
"""

from __future__ import annotations

from torch import Tensor, nn

from regtutor.deformation import identity_grid
from regtutor.networks import LocalNet


class CentreNet(nn.Module):
    """Where is it, in each of the two? The field is the shift between.

    Args:
        channels: of each LocalNet, at level 0.

    Attributes:
        outlines: in moving and in fixed, `(B, 1, *spatial)` each, in [0, 1], as last predicted.
        places: their middles, `(B, d)` each, voxels.
    """

    outlines: tuple[Tensor, Tensor]
    places: tuple[Tensor, Tensor]

    def __init__(self, spatial_dims: int, channels: int = 8) -> None:
        super().__init__()
        linear = {2: "bilinear", 3: "trilinear"}[spatial_dims]
        self.moving_net, self.fixed_net = (
            LocalNet(
                spatial_dims,
                in_channels=1,
                num_channel_initial=channels,
                extract_levels=[0, 1, 2],
                out_channels=1,
                mode=linear,
                head_mode=linear,
            )
            for _ in range(2)
        )

    def forward(self, images: Tensor) -> Tensor:
        """moving and fixed, `(B, 2, *spatial)` → ddf `(B, d, *spatial)`, voxels."""
        moving, fixed = images.split(1, dim=1)
        self.outlines = self.moving_net(moving).sigmoid(), self.fixed_net(fixed).sigmoid()
        self.places = _middle(self.outlines[0]), _middle(self.outlines[1])
        shift = self.places[0] - self.places[1]
        size = images.shape[2:]
        return shift.view(*shift.shape, *[1] * len(size)).expand(-1, -1, *size).contiguous()


def _middle(likely: Tensor) -> Tensor:
    """`(B, 1, *spatial)` → `(B, d)`, voxels; the 8th power, so that only what is likely pulls."""
    weight = likely.flatten(2) ** 8
    where = identity_grid(likely.shape[2:]).to(likely).flatten(2)
    return (weight * where).sum(dim=2) / weight.sum(dim=2).clamp(min=1e-6)
