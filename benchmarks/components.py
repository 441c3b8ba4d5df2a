"""Every component beside MONAI's: milliseconds, ratio, memory, largest difference.

    python benchmarks/components.py --sizes 256x256 96x96x96 192x192x208 --only Warp LNCC

One thread unless --threads says otherwise. "forward" is without gradients; "and backward" is a
forward that keeps them and the way back, to a field, a prediction or a network's weights. Where the
two libraries differ by more than is stated here it ends with an error, and no time was taken.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from inputs import field, image, label, theta
from libraries import MONAI, OURS, Library, global_net, local_net
from measure import Call, side_by_side
from table import Table, named, parser, short, wanted
from torch import Tensor, nn

Size = tuple[int, ...]

SIZES = ("256x256", "96x96x96", "192x192x208")
SLIDES = 96 * 96 * 104  # voxels: more of them with 32 channels do not fit in 20 GB
HEAD = ("component", "size", "pass", "MONAI ms", "ours ms", "ratio", "MONAI MB", "ours MB")


class Component(NamedTuple):
    """What is measured, and how far the two libraries may differ: shares of the largest value."""

    name: str
    build: Callable[[Library, Size], Callable]  # the function
    given: Callable[[Size], tuple[Tensor, ...]]  # its arguments; at most one wants a gradient
    value: float = 1e-5
    gradient: float | None = 1e-4  # None: there is no way back
    outputs: int = 1
    least: int = 1  # voxels along every axis
    most: float = float("inf")  # voxels in all

    def fits(self, size: Size) -> bool:
        return self.least <= min(size) and torch.Size(size).numel() <= self.most

    def tolerances(self, backward: bool) -> list[float]:
        """Of what `ready` returns."""
        return [self.value] * self.outputs + [self.gradient or 0.0] * backward


def two_images(size: Size) -> tuple[Tensor, Tensor]:
    return image(size, 0).requires_grad_(), image(size, 1)


def two_relatives(size: Size) -> tuple[Tensor, Tensor]:
    """Two images that tell of each other: of a mutual information near 0 a digit would be a lot."""
    return image(size, 0).requires_grad_(), (image(size, 0) ** 2 + image(size, 1)) / 2


def two_labels(size: Size) -> tuple[Tensor, Tensor]:
    return label(size, 0), label(size, 1)


def truth_and_soft(size: Size) -> tuple[Tensor, Tensor]:
    return label(size, 0), image(size, 1).requires_grad_()


def image_label_field(size: Size) -> tuple[Tensor, Tensor, Tensor]:
    return image(size), label(size), field(size)


def pair(size: Size) -> tuple[Tensor]:
    return (torch.cat([image(size, 0), image(size, 1)], dim=1),)


def mutual(library: Library, size: Size, kernel: str) -> nn.Module:
    return library.GlobalMutualInformationLoss(kernel)


def lncc(library: Library, size: Size, kernel: str, width: int) -> nn.Module:
    made = library.LocalNormalizedCrossCorrelationLoss
    return made(spatial_dims=len(size), kernel_type=kernel, kernel_size=width)


def multi_scale(library: Library, size: Size) -> nn.Module:
    return library.MultiScaleLoss(library.DiceLoss(), scales=[0, 1, 2, 4, 8, 16])


COMPONENTS = [
    Component("Warp", lambda lib, size: lib.Warp(), lambda size: (image(size), field(size))),
    Component(
        "Warp, image and label", lambda lib, size: lib.warp_both, image_label_field, outputs=2
    ),
    Component("DVF2DDF", lambda lib, size: lib.DVF2DDF(), lambda size: (field(size),)),
    Component(
        "affine → DDF",
        lambda lib, size: partial(lib.affine_to_ddf, size=size),
        lambda size: (theta(size),),
    ),
    # A small window is nearly flat somewhere: there both libraries lose digits of the gradient.
    Component("LNCC, 3", partial(lncc, kernel="rectangular", width=3), two_images, gradient=1e-3),
    Component("LNCC, 9", partial(lncc, kernel="rectangular", width=9), two_images),
    Component("LNCC, Gaussian 9", partial(lncc, kernel="gaussian", width=9), two_images),
    Component("GMI, Gaussian", partial(mutual, kernel="gaussian"), two_relatives),
    Component("GMI, B-spline", partial(mutual, kernel="b-spline"), two_relatives),
    Component(
        "bending energy", lambda lib, size: lib.BendingEnergyLoss(), lambda size: (field(size),)
    ),
    Component("diffusion", lambda lib, size: lib.DiffusionLoss(), lambda size: (field(size),)),
    Component(
        "Dice loss", lambda lib, size: lib.DiceLoss(), lambda size: truth_and_soft(size)[::-1]
    ),
    Component("MultiScale Dice", multi_scale, truth_and_soft),
    Component("DiceMetric", lambda lib, size: lib.DiceMetric(), two_labels, gradient=None),
    Component(
        "HD95",
        lambda lib, size: lib.HausdorffDistanceMetric(include_background=True, percentile=95),
        two_labels,
        gradient=None,
    ),
    Component(
        "Jacobian determinant",
        lambda lib, size: lib.determinant,
        lambda size: (field(size).detach(),),
        gradient=None,
    ),
    # A maximum or a ReLU that falls the other way by rounding moves the gradient of a weight.
    *[
        Component(
            f"LocalNet, {channels} channels",
            partial(local_net, channels=channels, head="kaiming_uniform"),
            pair,
            value=1e-3,
            gradient=1e-2,
            most=SLIDES if channels == 32 else 20 * SLIDES,
        )
        for channels in (32, 8)
    ],
    Component(
        "GlobalNet, 16 channels",
        partial(global_net, channels=16),
        pair,
        value=1e-3,
        gradient=1e-2,
        least=32,
    ),
]


def ready(function: Callable, given: tuple[Tensor, ...], backward: bool) -> Call:
    """A call without arguments: it returns the outputs and, on the way back, one gradient."""
    weights = list(function.parameters()) if isinstance(function, nn.Module) else []
    wanting = [one for one in given if one.requires_grad] or weights
    ways: list[Tensor] = []

    def call() -> list[Tensor]:
        with torch.set_grad_enabled(backward):
            made = function(*given)
        outputs = list(made) if isinstance(made, tuple) else [made]
        if not backward:
            return outputs
        if not ways:  # no gradient is the same everywhere
            generator = torch.Generator().manual_seed(4)
            ways.extend(torch.randn(out.shape, generator=generator) for out in outputs)
        gradients = torch.autograd.grad(outputs, wanting, ways)
        one = gradients[0] if len(gradients) == 1 else torch.cat([g.flatten() for g in gradients])
        return [*(out.detach() for out in outputs), one]

    return call


def rows(component: Component, size: Size, table: Table) -> None:
    """Forward, and forward and backward."""
    for backward in (False, True):
        if backward and component.gradient is None:
            continue
        ours, monai = (
            ready(component.build(library, size), component.given(size), backward)
            for library in (OURS, MONAI)
        )
        name = f"{component.name} at {named(size)}"
        found = side_by_side(name, ours, monai, component.tolerances(backward))
        table.add(
            component.name,
            named(size),
            "and backward" if backward else "forward",
            short(found.peer.ms),
            short(found.ours.ms),
            f"{found.ratio:.1f}",
            short(found.peer.mb),
            short(found.ours.mb),
            " / ".join(f"{share:.0e}" for share in found.differences),
        )


def main(options: Namespace) -> None:
    torch.set_num_threads(options.threads)
    table = Table("components", (*HEAD, "difference: value / gradient"), keys=3)
    for size in options.sizes:  # small ones first: freed large blocks change MONAI's time
        for component in COMPONENTS:
            if wanted(component.name, options.only) and component.fits(size):
                rows(component, size, table)
        table.write(options.out)


if __name__ == "__main__":
    main(parser(__doc__, sizes=SIZES).parse_args())
