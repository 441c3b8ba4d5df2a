"""A whole training step beside MONAI's: milliseconds, ratio, resident memory, the losses.

    python benchmarks/step.py --cases 48x48x48:8 64x64x64:8 96x96x96:32 96x96x104:32

Two images and two labels, LocalNet with four levels, Warp, MSE + MultiScale Dice + bending energy,
Adam, batch 1: the slides' own. Each side is a process of its own, and the two take turns step by
step; memory is the most that the process ever held, Python and torch included. The rows below
"ours" are switches that change the numbers; each takes turns with "ours", and its ratio is to MONAI
by way of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from measure import UnequalError
from table import Table, named, parser, short, size, wanted

CASES = ("48x48x48:8", "64x64x64:8", "96x96x96:32", "96x96x104:32")
SWITCHES = {
    "ours, channels_last": ["channels_last"],
    "ours, recompute": ["recompute"],
    "ours, recompute level 0": ["recompute level 0"],
    "ours, without the Fourier transform": ["no Fourier"],
    "ours, both": ["recompute", "no Fourier"],
    "ours, bf16 autocast": ["bf16 autocast"],
    "ours, bf16 autocast, channels_last": ["bf16 autocast", "channels_last"],
    "ours, torch.compile": ["torch.compile"],
}
HEAD = ("step", "size", "channels", "ms", "MONAI ms ÷ this", "resident MB", "loss, last step")


class Side:
    """A process that trains, a step when it is asked to."""

    def __init__(self, library: str, case: str, threads: int, switches: Sequence[str] = ()) -> None:
        volume, channels = case.split(":")
        settings = {
            "library": library,
            "size": size(volume),
            "channels": int(channels),
            "switches": list(switches),
            "threads": threads,
        }
        program = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("stepper.py"))]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._say(json.dumps(settings))

    def _say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def step(self) -> dict[str, Any]:
        """Its milliseconds, its loss, and the memory that it held so far."""
        self._say("step")
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("A step died; what it said stands above.")
        return json.loads(answer)

    def end(self) -> None:
        self.process.communicate()  # the end of its input is its end


def take_turns(first: Side, second: Side, steps: int) -> tuple[list[dict], list[dict]]:
    """The steps of both after one for warming up, whose losses are kept with the others'."""
    try:
        turns = [(first.step(), second.step()) for _ in range(steps + 1)]
    finally:
        first.end()
        second.end()
    return tuple(map(list, zip(*turns, strict=True)))


def ratio(slow: list[dict], quick: list[dict]) -> float:
    """The median over the turns, without the first."""
    return median(s["ms"] / q["ms"] for s, q in zip(slow[1:], quick[1:], strict=True))


def same_losses(case: str, monai: list[dict], ours: list[dict], most: float = 1e-3) -> None:
    """Every step's loss, to rounding that training carries on."""
    for number, (theirs, mine) in enumerate(zip(monai, ours, strict=True), start=1):
        apart = abs(mine["loss"] - theirs["loss"]) / abs(theirs["loss"])
        if not apart <= most:
            raise UnequalError(f"step {number} at {case}: the losses are {apart:.0e} apart")


def add(table: Table, name: str, case: str, steps: list[dict], times_faster: float) -> None:
    volume, channels = case.split(":")
    table.add(
        name,
        named(size(volume)),
        channels,
        short(median(step["ms"] for step in steps[1:])),
        f"{times_faster:.1f}",
        short(steps[-1]["mb"]),
        f"{steps[-1]['loss']:.5f}",
    )


def measure_case(case: str, options: Namespace, table: Table) -> None:
    """MONAI and ours, then each switch beside ours."""
    sides = (Side(library, case, options.threads) for library in ("MONAI", "ours"))
    monai, ours = take_turns(*sides, steps=options.steps)
    same_losses(case, monai, ours)
    base = ratio(monai, ours)
    add(table, "MONAI", case, monai, 1.0)
    add(table, "ours", case, ours, base)
    for name, switches in SWITCHES.items():
        if wanted(name, options.only):
            other = Side("ours", case, options.threads, switches)
            beside, steps = take_turns(Side("ours", case, options.threads), other, options.steps)
            add(table, name, case, steps, base * ratio(beside, steps))


def main(options: Namespace) -> None:
    torch.set_num_threads(options.threads)
    table = Table("step", HEAD, keys=3)
    for case in options.cases:
        measure_case(case, options, table)
    table.write(options.out)


if __name__ == "__main__":
    words = parser(__doc__)
    words.add_argument("--cases", nargs="+", default=CASES, metavar="SIZE:CHANNELS")
    words.add_argument("--steps", type=int, default=4, help="after one for warming up")
    main(words.parse_args())
