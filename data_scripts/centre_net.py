"""A network with three numbers to say: by how much the organ lies elsewhere in the other image.

    place = Σ x · softmax(heat(x)),    ddf = place in moving − place in fixed, the same everywhere

Each image has a LocalNet of its own that learns to be hot where the organ is. With twenty pairs to
learn from, a field of many thousand numbers learns the pairs; three have to learn the organ.
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
        places: in moving and in fixed, `(B, d)` each, voxels, as last predicted.
    """

    places: tuple[Tensor, Tensor]

    def __init__(self, spatial_dims: int, channels: int = 8) -> None:
        super().__init__()
        linear = {2: "bilinear", 3: "trilinear"}[spatial_dims]
        self.moving_heat, self.fixed_heat = (
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
        self.places = self._place(self.moving_heat(moving)), self._place(self.fixed_heat(fixed))
        shift = self.places[0] - self.places[1]
        size = images.shape[2:]
        return shift.view(*shift.shape, *[1] * len(size)).expand(-1, -1, *size).contiguous()

    @staticmethod
    def _place(heat: Tensor) -> Tensor:
        share = heat.flatten(2).softmax(dim=2)  # (B, 1, voxels)
        where = identity_grid(heat.shape[2:]).to(heat).flatten(2)
        return (share * where).sum(dim=2)  # (B, d)
