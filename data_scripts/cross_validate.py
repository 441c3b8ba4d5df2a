"""Learn to register the prostate pairs, weakly supervised, and say whether it helps: five folds.

    python data_scripts/cross_validate.py FOLDER [--network centre] [--folds 5] [--epochs 16] …

FOLDER is DeepReg's demo collection (train/ and test/, taken together). In each fold a network
learns on the other pairs, by the gland's outline, its centre and the landmark blobs, and is judged
on pairs that it never met. At the end: every pair before (the centres of the grids aligned) and
after, the mean gains with 95 % intervals, and the p of a paired test (Wilcoxon's).
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from centre_net import CentreNet
from program import Parser, run
from prostate import SIZE, augmentation, load
from report import judge, print_gains, write_rows
from torch import Tensor, nn
from tqdm.auto import tqdm

from regtutor.checks import require, require_count
from regtutor.data import CacheDataset, DataLoader
from regtutor.deformation import ResizeField
from regtutor.evaluation import DoNothing, Prediction
from regtutor.losses import BendingEnergyLoss, DiceLoss, MultiScaleLoss
from regtutor.metrics import target_registration_error
from regtutor.networks import LocalNet
from regtutor.seeds import generator, set_determinism
from regtutor.training import train_epoch
from regtutor.transforms import Compose


def arguments() -> Parser:
    parser = Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="DeepReg's prostate pairs")
    add("--network", choices=["centre", "local"], default="centre")
    add("--folds", type=int, default=5)
    add("--only", type=int, nargs="*", help="these folds alone, from 0")
    add("--epochs", type=int, default=16, help="each shows every pair five times")
    add("--lr", type=float, default=2e-3)
    add("--channels", type=int, default=8)
    add("--seed", type=int, default=0)
    add("--out", type=Path, help="a CSV file for every pair, before and after")
    return parser


class WeakLoss:
    """Outlines on outlines, centres and blobs on theirs; for a LocalNet a smooth field."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.overlap = MultiScaleLoss(DiceLoss(), scales=[0, 1, 2])
        self.dice, self.smooth = DiceLoss(), BendingEnergyLoss()

    def __call__(self, prediction: Prediction, batch: dict[str, Any]) -> dict[str, Tensor]:
        terms = {"label": self.overlap(batch["fixed_label"], prediction.warped_label)}
        for kind in ("points", "centre"):
            fixed, moving = batch[f"fixed_{kind}"], batch[f"moving_{kind}"]
            there = ~(fixed + moving).isnan().any(dim=2)
            points = fixed.nan_to_num(), moving.nan_to_num()
            apart = target_registration_error(*points, prediction.ddf, spacing=1.0)
            terms[kind] = 0.1 * (apart * there).sum() / there.sum().clamp(min=1)
        if isinstance(self.network, CentreNet):
            outlines = zip(self.network.outlines, ("moving_label", "fixed_label"), strict=True)
            terms["outlines"] = sum(self.dice(p, batch[side]) for p, side in outlines)
        else:
            terms["bending"] = self.smooth(prediction.ddf)
        return terms


def build(options: Namespace) -> nn.Module:
    if options.network == "centre":
        return CentreNet(3, options.channels)
    return LocalNet(
        3, 2, options.channels, [0, 1, 2, 3], "zeros", mode="trilinear", head_mode="trilinear"
    )


def fold(data: list[dict], held_out: list[int], options: Namespace, number: int) -> list[dict]:
    """Train on the rest, judge the pairs held out."""
    set_determinism(options.seed + number)
    network = build(options)
    learning = CacheDataset(
        [pair for n, pair in enumerate(data) if n not in held_out] * 5,
        Compose(augmentation()),
        progress=False,
    )
    loader = DataLoader(learning, batch_size=4, shuffle=True)
    optimizer = torch.optim.AdamW(network.parameters(), options.lr, weight_decay=0.01)
    steps = options.epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, steps, pct_start=0.1)
    loss = WeakLoss(network)
    for _ in (bar := tqdm(range(options.epochs), desc=f"fold {number}", unit="epoch")):
        record = train_epoch(network, loader, loss, optimizer, scheduler)
        bar.set_postfix(loss=f"{record['loss']:.3f}")
    full = nn.Sequential(nn.AvgPool3d(2), network, ResizeField(SIZE))
    test = DataLoader([data[n] for n in held_out])
    rows = judge(DoNothing(), test, "before") + judge(full, test, "after")
    return [row | {"fold": number, "pair": held_out[int(row["pair"]) - 1]} for row in rows]


def main(options: Namespace) -> None:
    require_count("--folds", options.folds, least=2)
    require_count("--epochs", options.epochs)
    data = list(load(options.folder))
    require(len(data) >= options.folds, "folder", f"at least {options.folds} pairs", len(data))
    order = torch.randperm(len(data), generator=generator(options.seed)).tolist()
    rows = []
    for number in range(options.folds) if options.only is None else options.only:
        rows += fold(data, sorted(order[number :: options.folds]), options, number)
        if options.out:
            write_rows(options.out, rows)
    print_gains(rows)


if __name__ == "__main__":
    run(main, arguments())
