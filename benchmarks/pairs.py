"""`register` by its defaults beside classical programs, on pairs that nobody here made.

    python benchmarks/pairs.py --pairs lung phantom --methods ours demons Quick --png pictures

Every method gives a field; it is read as a ddf in voxels and scored by the same lines. One core
each; seconds of the processor, and on the wall.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from given import PAIRS, Given
from peers import PEERS
from table import README, Table, short, wanted
from torch import Tensor

from regtutor import show
from regtutor.deformation.warp import warp
from regtutor.files import read_displacement, spacing_of, write_image
from regtutor.instance import register
from regtutor.losses import LocalNormalizedCrossCorrelationLoss
from regtutor.metrics import folding_fraction, target_registration_error

NOT_SCORED = {0, 30, 62, 72, 77, 80, 85, *range(251, 256)}  # of OASIS
HEAD = ["pair", "method", "CPU s", "wall s", "TRE mm", "p95", "Dice", "LNCC", "MSE", "fold %"]


@torch.no_grad()
def score(given: Given, ddf: Tensor) -> list[float | None]:
    """TRE and its 95th percentile in mm, Dice, LNCC, mean squares, folds in %."""
    d, tre, p95, dice = ddf.shape[1], None, None, None
    if given.points is not None:
        errors = target_registration_error(*given.points, ddf, spacing_of(given.affine, d))
        tre, p95 = errors.mean().item(), errors.quantile(0.95).item()
    if given.labels is not None:
        dice = mean_dice(*given.labels, warp(given.labels[1], ddf, "nearest"))
    warped = warp(given.moving, ddf)
    # In double: the background's variance is float32's rounding, and would count as a match.
    images = warped.double(), given.fixed.double()
    lncc = -LocalNormalizedCrossCorrelationLoss(d, kernel_size=9)(*images).item()
    mse = (warped - given.fixed).square().mean().item()
    return [tre, p95, dice, lncc, mse, 100 * folding_fraction(ddf).item()]


def mean_dice(truth: Tensor, label: Tensor, warped: Tensor) -> float:
    """Of the structures that both had; warping by nearest keeps whole numbers."""
    shared = (set(truth.unique().tolist()) & set(label.unique().tolist())) - NOT_SCORED
    pairs = [(warped == n, truth == n) for n in shared]
    return float(np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairs]))


def methods(
    words: list[str] | None, given: Given, folder: Path
) -> Iterator[tuple[str, Callable[[], Tensor]]]:
    """Those asked for that can run here: a name and what gives a ddf."""
    own = {
        "nothing": lambda: torch.zeros(1, given.fixed.ndim - 2, *given.fixed.shape[2:]),
        "ours": lambda: register(given.fixed, given.moving).ddf,
    }
    yield from ((name, call) for name, call in own.items() if wanted(name, words))
    for name, peer in PEERS.items():
        if not wanted(name, words) or given.fixed.ndim - 2 not in peer.dims:
            continue
        try:
            module = peer.load()
        except ModuleNotFoundError as error:
            print(f"{name}: skipped, {error}; pip install -e '.[peers]'", file=sys.stderr)
            continue
        yield name, lambda: read_displacement(peer.field(module, folder, given.aligned))[0]  # noqa: B023


def picture(
    title: str, given: Given, ddf: Tensor, scores: list[list[float | None]]
) -> show.Picture:
    """Before and after, the field, masks outlined; the title has what was gained.

    Args:
        scores: of doing nothing and of the ddf.
    """
    labels = {}
    if given.labels is not None:
        fixed, moving = ((label > 0).float() for label in given.labels)
        warped = warp(moving, ddf, "nearest")
        labels = {"fixed_label": fixed, "moving_label": moving, "warped_label": warped}
    columns = ["LNCC"] if given.points is None and given.labels is None else ["TRE mm", "Dice"]
    gains = (
        f"{column.split()[0]} {short(before)} → {short(after)}{' mm' * column.endswith('mm')}"
        for column, before, after in zip(HEAD[4:], *scores, strict=True)
        if column in columns and before is not None
    )
    d = ddf.shape[1]
    spacing = spacing_of(given.affine, d) if d == 3 else None  # a JPEG tells no millimetres
    return show.before_after(
        given.fixed,
        given.moving,
        warp(given.moving, ddf),
        ddf,
        **labels,
        view=show.View(spacing, window=(0, 1)),
        title=f"{title}: {', '.join(gains)} (orange: fixed, blue: moving, warped)",
    )


def compare(name: str, given: Given, options: Namespace, table: Table) -> None:
    """A row for each method, and a picture."""
    with tempfile.TemporaryDirectory() as folder:
        for side, image in (("fixed", given.fixed), ("moving", given.moving)):
            write_image(Path(folder) / f"{side}.nii", image[0, 0], given.affine)
        for method, call in methods(options.methods, given, Path(folder)):
            clocks = time.process_time(), time.perf_counter()
            ddf = call()
            spent = time.process_time() - clocks[0], time.perf_counter() - clocks[1]
            scores = score(given, ddf)
            table.add(name, method, *map(short, (*spent, *scores)))
            if options.png is not None and method != "nothing":
                title = name if method == "ours" else f"{name}, {method}"
                board = picture(title, given, ddf, [score(given, torch.zeros_like(ddf)), scores])
                file = title.replace(",", "").replace(" ", "_")
                board.save(options.png / f"{file}.png")


def main(options: Namespace) -> None:
    torch.set_num_threads(options.threads)
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(options.threads)
    table = Table("pairs", HEAD, keys=2)
    for name, load in PAIRS.items():
        if not wanted(name, options.pairs):
            continue
        try:
            given = load()
        except FileNotFoundError as error:
            print(f"{name}: skipped, {error}", file=sys.stderr)
            continue
        compare(name, given, options, table)
        table.write(options.out)


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", nargs="+", help=f"some of {', '.join(PAIRS)}")
    parser.add_argument("--methods", nargs="+", help=f"some of nothing, ours, {', '.join(PEERS)}")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--png", type=Path, help="a folder for a picture of each pair")
    parser.add_argument("--out", nargs="?", type=Path, const=README, help="write it there too")
    main(parser.parse_args())
