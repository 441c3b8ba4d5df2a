"""Train the networks that come with the package, and write the card that says how well they do.

    python data_scripts/train_shipped.py [localnet_2d globalnet_2d localnet_3d globalnet_3d]
                                         [--pairs 300] [--epochs 60] [--seed 0]

Each learns on breathing chests of the seeds from 1000 on, is chosen on 8 of the seeds from 2000 on
and judged on 12 of the seeds from 3000 on. The same words give the same weights on the same
machine. Notebook 08 does the same in a minute, with 18 chests.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from card import save_line, write_card
from centred import about_middle
from program import Parser, run
from torch import Tensor, nn
from tqdm.auto import tqdm

from regtutor.checkpoint import save
from regtutor.checks import require_choice, require_count
from regtutor.data import CacheDataset, DataLoader
from regtutor.data.thorax import breathing_pair, breathing_slice
from regtutor.evaluation import DoNothing, Prediction, validate
from regtutor.losses import BendingEnergyLoss, DiceLoss, LocalNormalizedCrossCorrelationLoss
from regtutor.metrics import target_registration_error
from regtutor.networks import LocalNet
from regtutor.networks.trained import SIZES, WEIGHTS, global_network, local_network
from regtutor.seeds import set_determinism
from regtutor.training import fit
from regtutor.transforms import Compose, RandAffined, RandFlipd, Resized, ScaleIntensityRanged

NAMES = ("localnet_2d", "globalnet_2d", "localnet_3d", "globalnet_3d")
LEARNS_AT = {"globalnet_3d": (32, 24, 32)}  # it sees an average over 4×4×4 voxels anyhow
CENTRED = ("globalnet_3d",)  # of twelve numbers; the six of a slice are learned as they are
IMAGES, LABELS = ["fixed_image", "moving_image"], ["fixed_label", "moving_label"]
POINTS = {"fixed_points": "fixed_image", "moving_points": "moving_image"}


def arguments() -> Parser:
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--pairs", type=int, default=300, help="to learn on")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def chests(d: int, first: int, count: int) -> Iterator[dict[str, Any]]:
    """Pairs as data dicts, without a batch axis."""
    make = {2: breathing_slice, 3: breathing_pair}[d]
    for seed in tqdm(range(first, first + count), desc="chests", leave=False):
        pair = make(seed, SIZES[d])
        yield {
            "fixed_image": pair.fixed[0],
            "moving_image": pair.moving[0],
            "fixed_label": pair.fixed_mask[0],
            "moving_label": pair.moving_mask[0],
            "fixed_points": pair.fixed_points[0],
            "moving_points": pair.moving_points[0],
            "fixed_image_affine": pair.affine,  # the moving one knows nothing of how he lies
        }


def steps_for(name: str, learning: bool, size: Sequence[int]) -> Compose:
    """To [0, 1]; GlobalNet's patients lie down askew; those to learn on are mirrored at times."""
    d = len(size)
    steps: list = [ScaleIntensityRanged(IMAGES, -1000, 200, 0, 1, clip=True)]
    if size != SIZES[d]:
        steps.append(Resized(IMAGES + LABELS, size, point_keys=POINTS))
    if learning:
        left_right = 1 if d == 2 else 0
        steps.append(RandFlipd(IMAGES + LABELS, 0.5, left_right, point_keys=POINTS))
    if name.startswith("global"):
        steps.append(
            RandAffined(
                ["moving_image", "moving_label"],
                prob=1.0,
                rotate_range=(0.2,) * (1 if d == 2 else 3),
                translate_range=[0.08 * n for n in size],
                scale_range=(0.1,) * d,
                padding_mode="border",
                point_keys={"moving_points": "moving_image"},
            )
        )
    return Compose(steps)


class LocalLoss:
    """Images alike, lungs on lungs, a smooth field: the terms of notebook 08."""

    def __init__(self, d: int) -> None:
        self.alike = LocalNormalizedCrossCorrelationLoss(d, kernel_size=5)
        self.overlap, self.smooth = DiceLoss(), BendingEnergyLoss()

    def __call__(self, prediction: Prediction, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {
            "image": 2 * (1 + self.alike(prediction.warped_image, batch["fixed_image"])),
            "label": 2 * self.overlap(prediction.warped_label, batch["fixed_label"]),
            "bending": self.smooth(prediction.ddf),
        }


class GlobalLoss:
    """Landmarks on landmarks, in voxels: a GlobalNet is seldom given more than a few numbers."""

    def __call__(self, prediction: Prediction, batch: dict[str, Any]) -> dict[str, Tensor]:
        there = ~batch["fixed_points"].isnan().any(dim=-1)
        points = batch["fixed_points"].nan_to_num(), batch["moving_points"].nan_to_num()
        apart = target_registration_error(*points, prediction.ddf, spacing=1.0)
        return {"points": (apart * there).sum() / there.sum()}


def train(name: str, options: Namespace) -> dict[str, Any]:
    """Train one, keep its best weights, and return its line of the card."""
    start, d = time.process_time(), int(name[-2])
    set_determinism(options.seed)
    build = local_network if name.startswith("local") else global_network
    size = LEARNS_AT.get(name, SIZES[d])
    network = build(d, size)
    learning = CacheDataset(
        list(chests(d, 1000, options.pairs)), steps_for(name, True, size), progress=False
    )
    choosing, judging = (
        DataLoader([steps_for(name, False, grid)(chest) for chest in chests(d, first, count)])
        for first, count, grid in ((2000, 8, size), (3000, 12, SIZES[d]))
    )
    layer = (network[1].fc, network[1].image_size) if name in CENTRED else None
    with nullcontext() if layer is None else about_middle(*layer):
        learn(name, network, learning, choosing, options)
    save(network[1].state_dict(), WEIGHTS / f"{name}.pt")
    shipped = build(d)
    shipped[1].load_state_dict(network[1].state_dict())
    return {
        "before": validate(DoNothing(), judging),
        "after": validate(shipped, judging),
        "minutes": (time.process_time() - start) / 60,
    } | {k: getattr(options, k) for k in ("pairs", "epochs", "seed")}


def learn(
    name: str,
    network: nn.Sequential,
    learning: CacheDataset,
    choosing: DataLoader,
    options: Namespace,
) -> None:
    """Train; in the end the network has the weights that did best on what it is chosen on."""
    local = isinstance(network[1], LocalNet)
    loader = DataLoader(learning, batch_size=2 if local else 8, shuffle=True)
    slower = 5 if name in CENTRED else 20
    optimizer = torch.optim.Adam(_parameters(network, 2e-3 if local else 1e-3, slower))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [group["lr"] for group in optimizer.param_groups],
        total_steps=options.epochs * len(loader),
        pct_start=0.1,
    )
    loss = LocalLoss(int(name[-2])) if local else GlobalLoss()
    records = fit(
        network, loader, choosing, loss, optimizer, epochs=options.epochs, scheduler=scheduler
    )
    best, weights = float("inf"), {}
    for record in (bar := tqdm(records, total=options.epochs, unit="epoch", desc=name)):
        bar.set_postfix({k: f"{record[k]:.3f}" for k in ("loss", "dice", "tre_mm")})
        if record["tre_mm"] < best:
            best = record["tre_mm"]
            weights = {k: v.clone() for k, v in network[1].state_dict().items()}
    network[1].load_state_dict(weights)


def _parameters(network: nn.Sequential, rate: float, slower: float) -> list[dict[str, Any]]:
    """With their rates: GlobalNet's last layer adds up many inputs, so its steps are smaller."""
    last = [p for n, p in network.named_parameters() if ".fc." in n]
    rest = [p for n, p in network.named_parameters() if ".fc." not in n]
    groups = [{"params": rest, "lr": rate}, {"params": last, "lr": rate / slower}]
    return [group for group in groups if group["params"]]


def main(options: Namespace) -> None:
    for name in options.names:
        require_choice("name", name, NAMES)
    require_count("--pairs", options.pairs)
    require_count("--epochs", options.epochs)
    for name in options.names or NAMES:
        line = train(name, options)
        save_line(name, line)
        print(f"{name}: TRE {line['before']['tre_mm']:.2f} → {line['after']['tre_mm']:.2f} mm")
    write_card()


if __name__ == "__main__":
    run(main, arguments())
