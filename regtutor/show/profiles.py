"""Losses along one way through their landscape: a curve over a shift, and its capture range.

The truth lies at a shift of 0. The capture range is where it is downhill all the way to the lowest
point beside the truth; from further off a descent ends somewhere else, or does not start. Used in
notebook 04.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from regtutor.checks import require
from regtutor.show.picture import BLUE, INK, ORANGE, Picture, new_figure, number, render

Curve = Sequence[float]
_NEAR = 3  # a lowest point so far from the truth still counts as found
_FLAT = 1e-4  # of a curve's height: less is no slope


def capture_range(shifts: Curve, values: Curve) -> tuple[float, float] | None:
    """The shifts from which it is downhill all the way to the truth, if it leads there at all.

    Args:
        shifts: rising, 0 among them.
        values: the loss at each.

    Returns:
        The first and the last such shift; None where the loss has no lowest point within 3 of 0.

    >>> capture_range([-2, -1, 0, 1, 2], [1.0, 0.5, 0.0, 0.5, 0.5])
    (-2, 1)
    """
    require(0 in shifts, "shifts", "0 among them", list(shifts))
    step = _FLAT * (max(values) - min(values))
    low = _bottom([*shifts].index(0), values, step)
    if abs(shifts[low]) > _NEAR or step == 0:
        return None
    first = last = low
    while first > 0 and values[first - 1] > values[first] + step:
        first -= 1
    while last < len(values) - 1 and values[last + 1] > values[last] + step:
        last += 1
    return (shifts[first], shifts[last]) if first < last else None


def _bottom(at: int, values: Curve, step: float) -> int:
    """Where a walk downhill ends that starts here, one place at a time."""
    while True:
        beside = [n for n in (at - 1, at + 1) if 0 <= n < len(values)]
        best = min(beside, key=lambda n: values[n])
        if values[best] >= values[at] - step:
            return at
        at = best


def profiles(
    shifts: Curve,
    curves: Mapping[str, Curve],
    *,
    others: Mapping[str, Curve] | None = None,
    other: str = "other",
    title: str = "Losses over a shift",
    alt: str | None = None,
) -> Picture:
    """Each loss over the shift in a panel of its own, on its own scale; its capture range shaded.

    Args:
        shifts: voxels; the truth is at 0.
        curves: name → the loss at each shift.
        others: a second, dashed line for some of the names.
        other: what the dashed line is.
    """
    require(len(curves) > 0, "curves", "at least one", "none")
    rows = -(-len(curves) // 4)
    columns = -(-len(curves) // rows)
    figure = new_figure(2.3 * columns + 0.4, 2.1 * rows + 0.6, title)
    axes: list[Axes] = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for spare in axes[len(curves) :]:
        spare.set_axis_off()
    words = [f"{title}."]
    for place, (name, values) in enumerate(curves.items()):
        second = (others or {}).get(name)
        _panel(axes[place], shifts, values, second)
        axes[place].set_title(name, fontsize=10)
        axes[place].set_ylabel("loss" if place % columns == 0 else "", fontsize=8)
        words += [_said(name, shifts, values)]
        words += [] if second is None else [_said(f"{name}, {other}", shifts, second)]
    return render(figure, title, alt or " ".join(words))


def _panel(axes: Axes, shifts: Curve, values: Curve, second: Curve | None) -> None:
    captured = capture_range(shifts, values)
    if captured:
        axes.axvspan(*captured, color=ORANGE, alpha=0.2, linewidth=0)
    axes.axvline(0, color=INK, linestyle=":", linewidth=1)
    axes.plot(shifts, values, color=BLUE)
    if second is not None:
        axes.plot(shifts, second, color=INK, linestyle="--", linewidth=1)
    shown = np.array([*values, *(second if second is not None else [])])
    if np.ptp(shown) < 0.05:  # rounding is no landscape
        axes.set_ylim(shown.mean() - 0.05, shown.mean() + 0.05)
    axes.set_xlabel("shift (voxels)", fontsize=8)
    axes.tick_params(labelsize=8)


def _said(name: str, shifts: Curve, values: Curve) -> str:
    captured, at = capture_range(shifts, values), [*shifts].index(0)
    leads = f"leads to 0 from {captured[0]} to {captured[1]}" if captured else "does not lead to 0"
    return (
        f"{name}: {number(values[at])} at a shift of 0, {number(values[0])} and "
        f"{number(values[-1])} at the ends; {leads}."
    )
