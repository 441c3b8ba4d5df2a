"""What the programs write and say of held-out pairs: files, scores, pictures, tables, gains."""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path
from typing import Any

import torch
from scipy import stats
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


def gains(rows: list[dict]) -> str:
    """For each measure the mean before and after, the mean gain, its interval, and p."""
    text = ""
    for score in ("dice", "tre_voxels"):
        by_pair = {
            when: {r["pair"]: r[score] for r in rows if r["when"] == when}
            for when in ("before", "after")
        }
        both = torch.tensor([[by_pair[w][n] for w in by_pair] for n in by_pair["before"]])
        both = both[~both.isnan().any(dim=1)].double()
        gain = both[:, 1] - both[:, 0]
        low, high = stats.t.interval(0.95, len(gain) - 1, gain.mean(), stats.sem(gain))
        p = stats.wilcoxon(gain).pvalue
        before, after = both.mean(dim=0)
        text += (
            f"{score}: {len(gain)} pairs, {before:.3f} → {after:.3f}, gain {gain.mean():+.3f}, "
            f"95 % interval {low:+.3f} to {high:+.3f}, p = {p:.2g}\n"
        )
    return text


def print_gains(rows: list[dict]) -> None:
    """A line for each pair, judged "before" and "after", and the mean gains."""
    for n in dict.fromkeys(row["pair"] for row in rows):
        before, after = (r for r in rows if r["pair"] == n)
        print(
            f"pair {n:2d}: "
            + ", ".join(
                f"{k} {before[k]:.3f} → {after[k]:.3f}"
                for k in ("dice", "tre_voxels")
                if k in before
            )
        )
    print(gains(rows))
