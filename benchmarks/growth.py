"""How time and memory grow with the voxels, beside what the machine allows at best.

    python benchmarks/growth.py --out

Every component, forward and backward where it has a way back, and the training step with 8
channels, alone and from 16³ on, until a call would take longer than --patience seconds. The floors:
what is given, what comes out and the gradient, each read or written once, at the memory bandwidth
measured here; for networks and the step also the products of plain convolutions, at the peak of a
matrix product measured here (the Fourier transform goes below that one). For memory: what comes out
and the gradient.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from components import COMPONENTS, Component, Size, ready
from libraries import MONAI, OURS, local_net
from matplotlib.figure import Figure
from measure import alone, alternate
from step import Side
from table import Table, named, parser, short, wanted
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

SIZES = ("16x16x16", "32x32x32", "48x48x48", "64x64x64", "96x96x96", "128x128x128", "192x192x208")
STEP = "training step, 8 channels"
HEAD = ("component", "size", "ms", "floor ms", "MB", "floor MB")


class Point(NamedTuple):
    """At one size; MB of the step are resident ones."""

    size: Size
    ms: float
    floor_ms: float
    mb: float | None
    floor_mb: float


class Machine(NamedTuple):
    """What it does at best: bytes and floating-point operations a millisecond."""

    bandwidth: float
    operations: float


def measure_machine() -> Machine:
    """A copy of 256 MB, and a product of two matrices of 1024²."""
    source, target = torch.rand(2**26), torch.empty(2**26)
    a, b = torch.rand(2, 1024, 1024)
    target.copy_(source)
    copies, products = alternate([lambda: [target.copy_(source)], lambda: [a @ b]], rounds=7)
    return Machine(2 * 4 * 2**26 / min(copies), 2 * 1024**3 / min(products))


def operations(function: nn.Module, component: Component, size: Size, backward: bool) -> int:
    """Of plain convolutions: MONAI's, for ours may save some."""
    with FlopCounterMode(display=False) as counter:
        ready(function, component.given(size), backward)()
    return counter.get_total_flops()


def grow(component: Component, sizes: Sequence[Size], machine: Machine) -> Iterator[Point]:
    """Size by size."""
    backward = component.gradient is not None
    network = "Net" in component.name
    work = 0.0  # operations a voxel, the same at every size
    for size in filter(component.fits, sizes):
        voxels = torch.Size(size).numel()
        if network and not work:
            work = operations(component.build(MONAI, size), component, size, backward) / voxels
        given = component.given(size)
        call = ready(component.build(OURS, size), given, backward)
        made = sum(result.nbytes for result in call())
        moved = made + sum(tensor.nbytes for tensor in given)
        floor = max(moved / machine.bandwidth, work * voxels / machine.operations)
        cost = alone(call)
        yield Point(size, cost.ms, floor, cost.mb, round(made / 1e6, 2))


def grow_step(sizes: Sequence[Size], machine: Machine, threads: int) -> Iterator[Point]:
    """The step, whose floor is its network's."""
    network = next(c for c in COMPONENTS if c.name == "LocalNet, 8 channels")
    small = sizes[0]
    function = local_net(MONAI, small, channels=8, head="kaiming_uniform")
    work = operations(function, network, small, backward=True) / torch.Size(small).numel()
    for size in sizes:
        side = Side("ours", f"{'x'.join(map(str, size))}:8", threads)
        try:
            steps = [side.step() for _ in range(3)]
        finally:
            side.end()
        floor = work * torch.Size(size).numel() / machine.operations
        yield Point(size, min(step["ms"] for step in steps[1:]), floor, steps[-1]["mb"], 0.0)


def patiently(points: Iterator[Point], sizes: Sequence[Size], patience: float) -> Iterator[Point]:
    """Until the next size would take longer than so many seconds."""
    for point in points:
        yield point
        larger = [torch.Size(s).numel() for s in sizes]
        here = torch.Size(point.size).numel()
        coming = min((n for n in larger if n > here), default=here)
        if point.ms * coming / here > patience * 1e3:
            return


def draw(curves: dict[str, list[Point]], machine: Machine) -> Figure:
    """For each, time and memory side by side, both axes logarithmic."""
    rows = -(-len(curves) // 2)
    figure = Figure(figsize=(16, 2.7 * rows), layout="constrained")
    axes = figure.subplots(rows, 4, squeeze=False, sharex=True)
    gigabytes, operations = machine.bandwidth / 1e6, machine.operations / 1e6
    figure.suptitle(
        f"Time and memory against voxels, one call. Floors: {gigabytes:.0f} GB/s, "
        f"{operations:.0f} GFLOP/s, measured here ({time.strftime('%d %B %Y')})"
    )
    for place, (name, points) in enumerate(curves.items()):
        pair = axes[place // 2, 2 * (place % 2) :][:2]
        voxels = [torch.Size(point.size).numel() for point in points]
        lines = {
            "ms": ([p.ms for p in points], [p.floor_ms for p in points]),
            "MB": ([p.mb for p in points], [p.floor_mb for p in points]),
        }
        for ax, (unit, (measured, floor)) in zip(pair, lines.items(), strict=True):
            for values, style, label in ((measured, "o-", "regtutor"), (floor, "k:", "floor")):
                seen = [pair for pair in zip(voxels, values, strict=True) if pair[1]]
                if seen:  # a peak too small to be measured is 0, which no logarithm shows
                    ax.loglog(*zip(*seen, strict=True), style, label=label)
            whole = ",\nthe whole process" if name == STEP and unit == "MB" else ""
            ax.set(title=name + whole, xlabel="voxels", ylabel=unit)
    axes[0, 0].legend()
    for ax in axes.flat[2 * len(curves) :]:
        ax.remove()
    return figure


def main(options: Namespace) -> None:
    torch.set_num_threads(options.threads)
    machine, sizes = measure_machine(), sorted(options.sizes, key=lambda s: torch.Size(s).numel())
    growing = {c.name: grow(c, sizes, machine) for c in COMPONENTS}
    growing[STEP] = grow_step(sizes, machine, options.threads)
    table = Table("growth", HEAD, keys=2)
    curves: dict[str, list[Point]] = {}
    for name, points in growing.items():
        if wanted(name, options.only):
            curves[name] = list(patiently(points, sizes, options.patience))
            for p in curves[name]:
                table.add(name, named(p.size), *map(short, (p.ms, p.floor_ms, p.mb, p.floor_mb)))
    if options.out is not None:
        draw(curves, machine).savefig(options.out, dpi=90)


if __name__ == "__main__":
    words = parser(__doc__, sizes=SIZES, out=Path(__file__).with_suffix(".png"))
    words.add_argument("--patience", type=float, default=120.0, help="seconds a call, at most")
    main(words.parse_args())
