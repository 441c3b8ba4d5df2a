"""Notebook 10's two methods on the same 20 patients: is A better than B, and by how much?

    tre[epoch, patient] = hard(patient) + how good the method is + chance(epoch, patient)

Drawn, not measured, so that the truth is known: patients differ far more than the methods do, and
A is better by `GAIN` mm. The epoch is to be chosen on ten other patients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor

from regtutor.exercises.exercise import Wrong

EPOCHS, HELD_OUT, TEST = 12, 10, 20
GAIN = 0.5  # mm
SEED = 761  # of those that were drawn, one whose traps all lead somewhere else
Results = dict[str, dict[str, Tensor]]
Interval = tuple[float, float, float]


@lru_cache(maxsize=1)
def two_methods() -> Results:
    """`{"A": {"validation": (12, 10), "test": (12, 20)}, "B": …}`: TRE in mm, a row an epoch."""
    generator = torch.Generator().manual_seed(SEED)
    draw = partial(torch.randn, generator=generator)
    learning = 2.0 * torch.exp(-torch.arange(EPOCHS) / 2.5)[:, None]
    results: Results = {"A": {}, "B": {}}
    for part, n in (("validation", HELD_OUT), ("test", TEST)):
        hard = 4 + 1.6 * draw(n).clamp(-1.8, 1.8)
        for name, more in (("A", 0.0), ("B", GAIN)):
            chance = 0.3 * draw(EPOCHS, n) + 0.15 * draw(EPOCHS, 1)
            results[name][part] = hard + more + learning + chance
    return results


def best_epoch(method: dict[str, Tensor], part: str = "validation") -> int:
    """Where its mean is lowest."""
    return int(method[part].mean(dim=1).argmin())


def interval(values: Tensor, factor: float | None = None) -> Interval:
    """Mean, and the ends of its 95 % interval by Student's t, or by another factor of the SD."""
    from scipy.stats import t

    n = len(values)
    factor = float(t.ppf(0.975, n - 1)) / math.sqrt(n) if factor is None else factor
    mean, half = values.mean().item(), factor * values.std().item()
    return mean, mean - half, mean + half


def compared(epochs: Callable[[dict[str, Tensor]], int] = best_epoch, part: str = "test") -> Tensor:
    """B − A, one number a patient."""
    a, b = (method[part][epochs(method)] for method in two_methods().values())
    return b - a


def unpaired() -> Interval:
    """As if the two had treated different patients (Welch)."""
    from scipy.stats import ttest_ind

    a, b = (m["test"][best_epoch(m)].numpy() for m in two_methods().values())
    low, high = ttest_ind(b, a, equal_var=False).confidence_interval()
    return float((b - a).mean()), float(low), float(high)


def turned() -> Interval:
    """A − B."""
    return interval(-compared())


def form(answer: Any) -> str | None:
    """Three numbers, in order."""
    try:
        gain, low, high = (float(x) for x in answer)
    except (TypeError, ValueError):
        return "three numbers are asked for: answer = (gain, low, high), in mm."
    if not math.isfinite(gain + low + high):
        return "NaN or infinity is among the three."
    return None if low <= gain <= high else "the gain must lie between low and high."


def observe(answer: Any) -> dict[str, float]:
    """What is compared: the middle, and how wide."""
    gain, low, high = (float(x) for x in answer)
    return {"gain": gain, "half": (high - low) / 2}


def _same_ends(seen: dict[str, float]) -> bool:
    return seen["half"] < 0.005


WRONG = (
    Wrong("no_spread", "a mean stands alone, without an interval",
          "20 other patients would give another mean. How much another? Standard deviation over "
          "√20, times Student's t.", lambda: (compared().mean().item(),) * 3, _same_ends),
    Wrong("unpaired", "the patients are not paired",
          "Both methods had the same 20: take B − A patient by patient, and what is hard about a "
          "patient drops out.", unpaired),
    Wrong("best_on_test", "the epochs are chosen on the test patients",
          "Each method then shows its luckiest day. Choose by the means over \"validation\".",
          lambda: interval(compared(partial(best_epoch, part="test")))),
    Wrong("last_epoch", "the last epochs are compared",
          "A method is used with its best weights, as the validation patients have chosen them.",
          lambda: interval(compared(lambda method: -1))),
    Wrong("on_validation", "the validation patients are compared",
          "They have chosen the epochs, so they are no longer impartial: take \"test\".",
          lambda: interval(compared(part="validation"))),
    Wrong("turned", "A − B is taken", "TRE is better when it is lower: A's gain is B − A.", turned,
          lambda seen: seen["gain"] < 0),
    Wrong("spread_of_patients", "the spread of patients is given instead of that of the mean",
          "Single patients scatter by the standard deviation, their mean by that over √20.",
          lambda: interval(compared(), 2.09)),
    Wrong("one_standard_error", "one standard error to each side is taken",
          "That holds the truth in two cases of three. For 95 % take Student's t, 2.09 for 20.",
          lambda: interval(compared(), 1 / math.sqrt(TEST))),
    Wrong("one_standard_deviation", "± is one standard deviation of the patients, as in the table",
          "The mean of 20 is surer than one patient: over √20. And 95 % take 2.09 of these.",
          lambda: interval(compared(), 1.0)),
    Wrong("divided_by_n", "the standard deviation is divided by 20",
          "Chance shrinks with the root of the number: over √20.",
          lambda: interval(compared(), 2.09 / TEST)),
    Wrong("range", "the smallest and the largest difference are taken for an interval",
          "Two patients alone decide these. Use all: standard deviation over √20, times t.",
          lambda: (compared().mean().item(), compared().min().item(), compared().max().item())),
    Wrong("every_epoch", "all epochs are thrown together",
          "12 epochs of one patient are not 12 patients. One epoch each, by validation.",
          lambda: interval((two_methods()["B"]["test"] - two_methods()["A"]["test"]).flatten())),
)  # fmt: skip
