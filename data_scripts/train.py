"""Train a registration network on a folder of pairs, and say what it gained.

    python data_scripts/train.py FOLDER [--out runs/name] [--epochs 100] …

FOLDER holds pairs in the course's layout (scans/case_001_exp.nii.gz …) or DeepReg's
(fixed_images/, moving_images/ …); if it has subfolders train/ and test/, these are the split.
Killed and started again with the same words, it goes on where it was. In the output folder: best.pt
(weights), last.pt (to resume), history.csv (every epoch), pairs.csv (every held-out pair, before
and after), pairs.png; the table at the end is their mean. With other words it refuses a folder that
holds a training (settings.json says which).
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from optimised import Optimised
from prepare import preparation
from program import Parser, run
from recipe import LATER, WeightedLoss, build_network
from report import judge, picture, table, write_rows, write_whole
from tqdm.auto import tqdm

from regtutor.checks import require, require_count
from regtutor.data import CacheDataset, DataLoader, find_pairs, split_pairs
from regtutor.evaluation import DoNothing, find_device
from regtutor.seeds import set_determinism
from regtutor.training import fit
from regtutor.transforms import Compose


def arguments() -> Parser:
    parser = Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="pairs in the course's or DeepReg's layout")
    add("--out", type=Path, help="where to write (runs/<name of the folder>)")
    add("--validation", type=int, help="pairs held out, the last ones (a tenth, at least 2)")
    add("--epochs", type=int, default=60)
    add("--batch-size", type=int, default=2)
    add("--size", type=int, nargs="+", help="resize to this (otherwise: pad to a size that fits)")
    add("--window", type=float, nargs=2, help="intensities that become 0 and 1 (min and max)")
    add("--align-centres", action="store_true", help="ignore where the headers put the images")
    add("--in-voxels", action="store_true", help="the headers' spacing is not physical: no mm")
    add("--half", action="store_true", help="the network works at half size")
    add("--channels", type=int, default=8)
    add("--levels", type=int, nargs="+", default=[1, 2], help="LocalNet's extract_levels")
    add("--velocity", action="store_true", help="predict a velocity and integrate it")
    add("--lr", type=float, default=1e-3)
    add("--image-loss", choices=["mse", "lncc", "gmi"], default="mse")
    add("--image-weight", type=float, default=100.0)
    add("--label-weight", type=float, default=0.5)
    add("--point-weight", type=float, default=0.0, help="per voxel of landmark distance")
    add("--bending-weight", type=float, default=0.3)
    add("--augment", action="store_true", help="a random affine on every pair, every epoch")
    add("--seed", type=int, default=0)
    add("--beside-register", action="store_true", help="judge instance.register and refining, too")
    return parser


def find_split(options: Namespace) -> tuple[list[dict], list[dict]]:
    """Training and held-out pairs: from subfolders, or the last ones."""
    if options.validation is None and (options.folder / "train").is_dir():
        return find_pairs(options.folder / "train"), find_pairs(options.folder / "test")
    pairs = find_pairs(options.folder)
    count = max(2, len(pairs) // 10) if options.validation is None else options.validation
    return split_pairs(pairs, validation=count)


def claim(out: Path, options: Namespace) -> None:
    """Ask whether the output folder is free, or holds the training that these words began."""
    for name in ("epochs", "batch_size", "channels"):
        require_count(f"--{name.replace('_', '-')}", getattr(options, name))
    for level in options.levels:
        require_count("--levels", level, least=0)
    label = out / "settings.json"
    if not label.is_file():
        return
    kept, typed = LATER | json.loads(label.read_text(encoding="utf-8")), settings(options)
    differing = [name for name in typed if typed[name] != kept.get(name)]
    wanted, got = ({name: which.get(name) for name in differing} for which in (kept, typed))
    remedy = "Choose another --out, or remove this one."
    require(not differing, str(out), f"the training that it holds, {wanted}", got, remedy)


def settings(options: Namespace) -> dict[str, Any]:
    """What was typed, but for where to write and what to judge beside."""
    typed = {**vars(options), "folder": str(options.folder.resolve())}
    del typed["out"], typed["beside_register"]
    return typed


def main(options: Namespace) -> None:
    set_determinism(options.seed)
    out = options.out or Path("runs") / options.folder.resolve().name
    claim(out, options)
    training, held_out = find_split(options)
    fixed_steps, random_steps = preparation(options, training[0])
    train_set = CacheDataset(training, Compose([*fixed_steps, *random_steps]))
    val_set = CacheDataset(held_out, Compose(fixed_steps))
    train_loader = DataLoader(train_set, batch_size=options.batch_size, shuffle=True)
    val_loader = DataLoader(val_set)
    size = tuple(val_set[0]["fixed_image"].shape[1:])
    network = build_network(options, size).to(find_device())
    optimizer = torch.optim.Adam(network.parameters(), options.lr)
    steps = options.epochs * len(train_loader)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.lr, steps, pct_start=0.1)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "settings.json", json.dumps(settings(options)) + "\n")
    print(f"{len(training)} training pairs, {len(held_out)} held out, {size} voxels, into {out}")

    history: list[dict[str, Any]] = []
    records = fit(
        network,
        train_loader,
        val_loader,
        WeightedLoss(options, len(size)),
        optimizer,
        epochs=options.epochs,
        scheduler=scheduler,
        folder=out,
    )
    for record in (bar := tqdm(records, total=options.epochs, unit="epoch")):
        history.append(record)
        write_rows(out / "history.csv", history)
        shown = ("loss", "dice", "tre_mm", "tre_voxels")
        bar.set_postfix({k: f"{record[k]:.3f}" for k in shown if k in record})

    network.load_state_dict(torch.load(out / "best.pt", map_location=find_device()))
    rows = judge(DoNothing(), val_loader, "before") + judge(network, val_loader, "after")
    if options.beside_register:
        rows += judge(Optimised(), val_loader, "register")
        rows += judge(Optimised(start=network), val_loader, "refined")
    write_rows(out / "pairs.csv", rows)
    picture(network, val_loader).save(out / "pairs.png")
    print(f"\nThe {len(held_out)} held-out pairs, before and after:\n{table(rows)}")


if __name__ == "__main__":
    run(main, arguments())
