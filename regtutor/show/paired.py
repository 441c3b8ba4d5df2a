"""Two methods on the same cases: a line a case, and the differences. Used in notebook 10."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from regtutor.checks import require, require_finite, require_same_shape
from regtutor.show.picture import BLUE, INK, ORANGE, Picture, new_figure, number, render


def paired(
    scores: Mapping[str, Tensor],
    *,
    unit: str = "TRE (mm)",
    title: str = "The same cases, twice",
    alt: str | None = None,
) -> Picture:
    """Left the scores, each case a line from one method to the other; right their differences.

    Args:
        scores: the two methods, name → `(N,)`, case n of one is case n of the other; lower is
            better.
        unit: what is scored, and in what.

    Raises:
        ValueError: not two methods, not the same number of cases, NaN.
    """
    require(len(scores) == 2, "scores", "two methods", [*scores])
    (one, a), (other, b) = scores.items()
    require(a.ndim == 1 and len(a) > 0, one, "(N,), a score a case", tuple(a.shape))
    require_same_shape(other, b, one, a)
    for name, values in scores.items():
        require_finite(name, values)
    first, second = (values.detach().cpu().double().numpy() for values in (a, b))
    gains = np.sort(second - first)
    figure = new_figure(7.0, 3.0, title)
    left, right = figure.subplots(1, 2)
    for before, after in zip(first, second, strict=True):
        left.plot([0, 1], [before, after], "o-", markersize=4, linewidth=1,
                  color=BLUE if after > before else ORANGE)  # fmt: skip
    left.set(xticks=[0, 1], xticklabels=[one, other], xlim=(-0.3, 1.3), ylabel=unit)
    right.axhline(0, color=INK, linestyle=":")
    right.scatter(range(len(gains)), gains, s=16, color=[BLUE if g > 0 else ORANGE for g in gains])
    right.set(xlabel="case, by its difference", ylabel=f"{other} − {one}, {unit}", xticks=[])
    words = (
        f"{title}. {len(a)} cases, {unit}: {one} from {number(first.min())} to "
        f"{number(first.max())}, {other} from {number(second.min())} to {number(second.max())}. "
        f"{other} − {one} from {number(gains[0])} to {number(gains[-1])}, above 0 in "
        f"{int((gains > 0).sum())} of {len(gains)}."
    )
    return render(figure, title, alt or words)
