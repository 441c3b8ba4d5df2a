"""One side of step.py, in a process of its own: so its high-water mark is its own.

It is told on stdin how to build itself, then "step" after "step"; it answers each on stdout.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import Any

import torch
from inputs import image, label
from measure import high_water, now
from torch import Tensor, nn
from torch.nn import functional as F


def channels_last(network: nn.Module) -> nn.Module:
    return network.to(memory_format=torch.channels_last_3d)


def recomputing(network: nn.Module) -> nn.Module:
    from regtutor.networks import recompute  # MONAI's side is to hold nothing of ours

    return recompute(network)


def recomputing_level_0(network: nn.Module) -> nn.Module:
    """The full-size level alone: most of the memory for a tenth of the time."""
    recomputing(network.encoder.levels[0])
    return network


def without_fourier(network: nn.Module) -> nn.Module:
    """Its large kernels by torch's own convolution."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and module.kernel_size[0] == 7:
            module.__class__ = nn.Conv3d
    return network


SWITCHES = {
    "channels_last": channels_last,
    "recompute": recomputing,
    "recompute level 0": recomputing_level_0,
    "no Fourier": without_fourier,
    "torch.compile": torch.compile,
}
AUTOCAST = "bf16 autocast"


class Step:
    """LocalNet, Warp, MSE + 100 · MultiScale Dice + 10 · bending energy, Adam, as on the slides.

    But its heads do not begin at zero: a field of zeros would hide a difference.
    """

    def __init__(self, library: str, size: list[int], channels: int, switches: list[str]) -> None:
        if library == "MONAI":
            import monai.networks.nets as nets
            from monai import losses
            from monai.networks.blocks import Warp
        else:
            import regtutor.networks as nets
            from regtutor import losses
            from regtutor.deformation import Warp

        torch.manual_seed(0)  # the same first weights in both libraries
        self.network: Any = nets.LocalNet(
            spatial_dims=3,
            in_channels=2,
            out_channels=3,
            num_channel_initial=channels,
            extract_levels=[0, 1, 2, 3],
            out_kernel_initializer="kaiming_uniform",
        )
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-5)
        for switch in switches:
            if switch != AUTOCAST:
                self.network = SWITCHES[switch](self.network)
        self.half = AUTOCAST in switches
        self.together = library != "MONAI"  # one sampling for image and label, as in `predict`
        self.warp, self.bending = Warp(), losses.BendingEnergyLoss()
        self.dice = losses.MultiScaleLoss(losses.DiceLoss(), scales=[0, 1, 2, 4, 8, 16])
        self.fixed, self.moving = image(size, 0), image(size, 1)
        self.labels = label(size, 0), label(size, 1)

    def warped(self, ddf: Tensor) -> tuple[Tensor, Tensor]:
        """Moving image and label, through the field."""
        if not self.together:
            return self.warp(self.moving, ddf), self.warp(self.labels[1], ddf)
        return tuple(self.warp(torch.cat([self.moving, self.labels[1]], dim=1), ddf).split(1, 1))

    def __call__(self) -> float:
        """One step; the loss before it."""
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16) if self.half else nullcontext():
            ddf = self.network(torch.cat([self.moving, self.fixed], dim=1)).float()
        warped, soft = self.warped(ddf)
        similarity = F.mse_loss(warped, self.fixed)
        loss = similarity + 100 * self.dice(self.labels[0], soft) + 10 * self.bending(ddf)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    torch.set_num_threads(settings.pop("threads"))
    step = Step(**settings)
    for _ in sys.stdin:
        started = now()
        loss = step()
        ms = (now() - started) * 1e3
        print(json.dumps({"ms": ms, "loss": loss, "mb": high_water()}), flush=True)


if __name__ == "__main__":
    main()
