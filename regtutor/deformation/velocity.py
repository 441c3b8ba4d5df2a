"""From a velocity to a displacement: the exponential by scaling and squaring.

    exp(v) = exp(v/2ⁿ) ∘ … ∘ exp(v/2ⁿ)   (2ⁿ times, by n squarings),   exp(v/2ⁿ) ≈ id + v/2ⁿ

A stationary velocity, followed for one unit of time, never crosses its own path: the result can
be undone by following −v. Source: Arsigny et al., "A Log-Euclidean Framework for Statistics on
Diffeomorphisms", MICCAI 2006. Taught in notebook 11.

Convention: a dvf is in voxels per unit time, else as a ddf: channel k along axis k, it pulls.
"""

from __future__ import annotations

from torch import Tensor, nn

from regtutor.checks import require_choice, require_count, require_field
from regtutor.deformation.warp import MODES, PADDING_MODES, warp


def exp(
    dvf: Tensor, num_steps: int = 7, mode: str = "bilinear", padding_mode: str = "border"
) -> Tensor:
    """Integrate a stationary velocity field over one unit of time.

    Args:
        dvf: `(B, d, *spatial)`, voxels per unit time.
        num_steps: the number of squarings, n; the error halves with each.
        mode, padding_mode: as in `sample`. What leaves the grid goes on at the border's speed
            ("border") or stops ("zeros", as `DVF2DDF` has it by default, like MONAI).

    Returns:
        ddf `(B, d, *spatial)`, voxels.
    """
    require_field("dvf", dvf)
    require_count("num_steps", num_steps)
    ddf = dvf / 2**num_steps
    for _ in range(num_steps):
        ddf = ddf + warp(ddf, ddf, mode, padding_mode)
    return ddf


class DVF2DDF(nn.Module):
    """`exp` as a layer, with MONAI's arguments and defaults.

    `nn.Sequential(LocalNet(…), DVF2DDF())` is a network that speaks velocities.

    Args:
        num_steps: the number of squarings.
        mode: "bilinear" or "nearest".
        padding_mode: "zeros" as in MONAI; "border" keeps a motion towards the edge at its speed.

    Raises:
        ValueError: `num_steps` is not a positive whole number, or a name is unknown.
    """

    def __init__(
        self, num_steps: int = 7, mode: str = "bilinear", padding_mode: str = "zeros"
    ) -> None:
        super().__init__()
        require_count("num_steps", num_steps)
        require_choice("mode", mode, MODES)
        require_choice("padding_mode", padding_mode, PADDING_MODES)
        self.num_steps = num_steps
        self.mode = mode
        self.padding_mode = padding_mode

    def forward(self, dvf: Tensor) -> Tensor:
        """`dvf` `(B, d, *spatial)` → ddf of the same shape."""
        return exp(dvf, self.num_steps, self.mode, self.padding_mode)
