"""What train.py writes and says: files, and of the held-out pairs scores, pictures, a table."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regtutor import show
from regtutor.data import DataLoader
from regtutor.evaluation import measure, predict, to_device
from regtutor.files import written_whole
from regtutor.losses import LocalNormalizedCrossCorrelationLoss


def write_whole(path: Path, text: str) -> None:
    """A text file, whole at every moment."""
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """A CSV file, whole at every moment."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(dict.fromkeys(k for r in rows for k in r)))
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())


@torch.no_grad()
def judge(network: nn.Module, loader: DataLoader, name: str) -> list[dict[str, Any]]:
    """One row a held-out pair: what `measure` finds, and the local correlation."""
    network.eval()
    rows = []
    for number, batch in enumerate(loader, start=1):
        batch = to_device(batch, network)
        prediction = predict(network, batch)
        scores = {k: v.item() for k, v in measure(prediction, batch, surfaces=True).items()}
        lncc = LocalNormalizedCrossCorrelationLoss(prediction.ddf.ndim - 2, kernel_size=9)
        scores["lncc"] = -lncc(prediction.warped_image, batch["fixed_image"]).item()
        rows.append({"pair": number, "when": name, **scores})
    return rows


@torch.no_grad()
def picture(network: nn.Module, loader: DataLoader, most: int = 8) -> show.Picture:
    """The held-out pairs, before and after, one below the other."""
    boards = []
    for number, batch in enumerate(itertools.islice(loader, most), start=1):
        batch = to_device(batch, network)
        prediction = predict(network, batch)
        boards.append(
            show.before_after(
                batch["fixed_image"].cpu(),
                batch["moving_image"].cpu(),
                prediction.warped_image.cpu(),
                prediction.ddf.cpu(),
                title=f"Held-out pair {number}, before and after",
            )
        )
    return show.stack(boards)


def table(rows: list[dict[str, Any]]) -> str:
    """The means before, after and by whatever else was judged, a line each."""
    columns = [k for k in rows[0] if k not in ("pair", "when")]
    lines = [f"{'':8s}" + "".join(f"{name:>13s}" for name in columns)]
    for when in dict.fromkeys(r["when"] for r in rows):
        chosen = [r for r in rows if r["when"] == when]
        means = [torch.tensor([r[name] for r in chosen]).nanmean().item() for name in columns]
        lines.append(f"{when:8s}" + "".join(f"{mean:13.4f}" for mean in means))
    return "\n".join(lines)
