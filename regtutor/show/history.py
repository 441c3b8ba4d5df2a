"""Numbers as curves: the terms of a loss and the scores over epochs, intensities as a histogram.

Used in notebooks 06 and 08.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from regtutor.checks import require
from regtutor.show.picture import BLUE, CYCLE, INK, ORANGE, Picture, new_figure, number, render

Record = Mapping[str, float]

# Scores of `training.validate`, with what stands on their axis; all other numbers are loss terms.
SCORES = {
    "dice": "Dice (1 = same)",
    "tre_mm": "TRE (mm)",
    "tre_voxels": "TRE (voxels)",
    "hd95_mm": "HD95 (mm)",
    "hd95_voxels": "HD95 (voxels)",
    "folding": "folded (share of voxels)",
}


def curves(
    history: Sequence[Record],
    *,
    nothing: Record | None = None,
    title: str = "Training, epoch by epoch",
    alt: str | None = None,
) -> Picture:
    """The weighted loss terms on top of each other, and every validation score beside them.

    Args:
        history: the records of `training.fit`: "epoch", "loss", the terms, the scores.
        nothing: the scores of doing nothing, `validate(DoNothing(), loader)`: the dashed line
            that a training has to leave behind.
    """
    require(len(history) > 0, "history", "at least one record", "none")
    scores = scores_of(history)
    figure = new_figure(min(3.4 * (1 + len(scores)), 11), 3.2, title)
    axes = figure.subplots(1, 1 + len(scores), squeeze=False)[0]
    epochs = [record["epoch"] for record in history]
    words = [f"{title}.", _stack(axes[0], epochs, history)]
    for place, name in zip(axes[1:], scores, strict=True):
        at, values = zip(*((r["epoch"], r[name]) for r in history if name in r), strict=True)
        place.plot(at, values, color=BLUE, marker="o", markersize=3, label="validation")
        words.append(f"{SCORES[name]}: {number(values[0])} at first, {number(values[-1])} at last")
        if nothing is not None and name in nothing:
            place.axhline(nothing[name], color=ORANGE, linestyle="--", label="doing nothing")
            words[-1] += f", {number(nothing[name])} doing nothing"
        words[-1] += "."
        place.set(xlabel="epoch", ylabel=SCORES[name])
        place.legend(fontsize=8, frameon=False)
    return render(figure, title, alt or " ".join(words))


def scores_of(history: Sequence[Record]) -> list[str]:
    """The scores that any record holds; folding only if anything ever folded."""
    held = {name for record in history for name in record}
    folded = any(record.get("folding", 0) > 0 for record in history)
    return [name for name in SCORES if name in held and (name != "folding" or folded)]


def terms_of(history: Sequence[Record]) -> list[str]:
    """The weighted terms of the loss: what is neither a sum nor a score."""
    return [name for name in history[-1] if name not in {"epoch", "loss", "val_loss", *SCORES}]


def _stack(axes: Axes, epochs: Sequence[float], history: Sequence[Record]) -> str:
    """Weighted terms, each as thick as it weighs; those below zero (LNCC, MI) hang from it."""
    terms = {name: np.array([r.get(name, 0.0) for r in history]) for name in terms_of(history)}
    colours = dict(zip(terms, CYCLE * len(terms), strict=False))
    for sign in (1, -1):
        side = {name: v for name, v in terms.items() if (v.min() < 0) == (sign < 0)}
        if side:
            axes.stackplot(epochs, *side.values(), labels=list(side), edgecolor="white",
                           colors=[colours[name] for name in side])  # fmt: skip
    axes.plot(epochs, [record["loss"] for record in history], color=INK, label="loss")
    axes.set(xlabel="epoch", ylabel="weighted loss terms")
    axes.legend(fontsize=8, frameon=False)
    last = ", ".join(f"{name} {number(v[-1])}" for name, v in terms.items())
    first, final = number(history[0]["loss"]), number(history[-1]["loss"])
    return f"Loss from {first} to {final}; its terms at last: {last}."


def histogram(
    images: Mapping[str, Tensor],
    *,
    bins: int = 64,
    window: tuple[float, float] | None = None,
    unit: str = "stored value",
    title: str = "How often each intensity occurs",
    alt: str | None = None,
) -> Picture:
    """The share of voxels at each intensity, one line an image.

    Args:
        images: name → tensor of any shape.
        window: (low, high), dotted: what a rescaling would keep.
        unit: of the intensities, as "HU".
    """
    require(len(images) > 0, "images", "at least one", "none")
    figure = new_figure(7.0, 3.2, title)
    axes = figure.subplots()
    words = [f"{title}."]
    for place, (name, image) in enumerate(images.items()):
        values = image.detach().cpu().float().flatten().numpy()
        shares = np.histogram(values, bins=bins, weights=np.full(values.size, 1 / values.size))
        colour, style = CYCLE[place % len(CYCLE)], ("-", "--", ":")[place % 3]
        axes.stairs(*shares, label=name, color=colour, linestyle=style, linewidth=1.6)
        words.append(f"{name}: from {number(values.min())} to {number(values.max())} {unit}.")
    for edge in window or ():
        axes.axvline(edge, color=INK, linestyle=":")
    axes.set(xlabel=f"intensity ({unit})", ylabel="share of voxels", yscale="log")
    axes.legend(fontsize=8, frameon=False)
    return render(figure, title, alt or " ".join(words))
