"""Patient 7 of notebook 14: perfect on held-out pairs, useless on the next patient.

Each patient was scanned several times, and the split counts scans. Observed are facts of the split
of a clinic whose visits are unevenly spread: who is in both parts, who is in none, how many are
held out. `Memory` is the patient's network: it answers with what it has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.exercises.diagnosing import Diagnosis, Script
from regtutor.metrics import target_registration_error
from regtutor.seeds import generator

Scan = dict[str, Any]  # "patient", "visit", and whatever else


def split(pairs: Sequence[Scan]) -> tuple[list[Scan], list[Scan]]:
    """The worked solution: every fourth one is held out, and one is a patient."""

    def who(pair: Scan) -> Any:
        return pair["patient"]

    held = sorted({who(pair) for pair in pairs})[::4]
    return _parted(pairs, lambda pair: who(pair) in held)


def as_it_came(pairs: Sequence[Scan]) -> tuple[list[Scan], list[Scan]]:
    """Every fourth scan."""
    return by(lambda pair: (pair["patient"], pair["visit"]))(pairs)


def _parted(
    pairs: Sequence[Scan], held_out: Callable[[Scan], bool]
) -> tuple[list[Scan], list[Scan]]:
    return [p for p in pairs if not held_out(p)], [p for p in pairs if held_out(p)]


def by(who: Callable[[Scan], Any], every: int = 4, start: int = 0) -> Script:
    """Every fourth of what `who` tells apart."""

    def parted(pairs: Sequence[Scan]) -> tuple[list[Scan], list[Scan]]:
        held = sorted({who(pair) for pair in pairs})[start::every]
        return _parted(pairs, lambda pair: who(pair) in held)

    return parted


def _dropped(pairs: Sequence[Scan]) -> tuple[list[Scan], list[Scan]]:
    """Whoever is in both parts is thrown out of the training."""
    train, held = as_it_came(pairs)
    known = {pair["patient"] for pair in held}
    return [pair for pair in train if pair["patient"] not in known], held


def _first_visits(pairs: Sequence[Scan]) -> tuple[list[Scan], list[Scan]]:
    return by(lambda pair: pair["patient"])([pair for pair in pairs if pair["visit"] == 1])


def _scan(pair: Scan) -> Any:
    return pair["patient"], pair["visit"]


MASKS: dict[str, Script] = {
    "another_draw": by(_scan, start=1),
    "more_held_out": by(_scan, every=2),
    "by_visit": by(lambda pair: pair["visit"]),
    "dropped": _dropped,
    "first_visits": _first_visits,
    "none_held_out": lambda pairs: (list(pairs), []),
}


def clinic(visits: Sequence[int] = (3, 2, 4, 3, 1, 4, 2, 3, 3), first: int = 11) -> list[Scan]:
    """Patients with so many visits each, in no order of use."""
    scans = [
        {"patient": f"P{first + 7 * n % 90:02d}", "visit": visit, "file": f"{n}_{visit}.nii.gz"}
        for n, count in enumerate(visits)
        for visit in range(1, count + 1)
    ]
    order = torch.randperm(len(scans), generator=generator(4))
    return [scans[n] for n in order]


def examine(script: Script) -> dict[str, Any]:
    """Facts of two clinics."""
    facts = [_facts(script, clinic()), _facts(script, clinic((2, 5, 3, 3, 2, 4), 40))]
    return {name: any(fact[name] for fact in facts) for name in facts[0]}


def _facts(script: Script, pairs: list[Scan]) -> dict[str, bool]:
    train, held = script(pairs)
    files = [pair["file"] for pair in train + held]
    known, new = ({pair["patient"] for pair in part} for part in (train, held))
    alone = {pair["visit"] for pair in train}.isdisjoint({pair["visit"] for pair in held})
    return {
        "known": bool(known & new),
        "twice": len(set(files)) < len(files),
        "left out": len(set(files)) < len(pairs),
        "visits left out": len({pair["visit"] for pair in train + held}) < 3,
        "nobody held out": not held,
        "many held out": bool(known & new) and len(held) > 0.45 * len(pairs),
        "visits apart": alone and bool(held),
        "another draw": bool(known & new) and _first(pairs) in {pair["file"] for pair in train},
    }


def _first(pairs: list[Scan]) -> str:
    return str(min(pairs, key=_scan)["file"])


def _not_two_parts(out: Any) -> str | None:
    if isinstance(out, tuple | list) and len(out) == 2:
        scans = [scan for part in out if isinstance(part, list | tuple) for scan in part]
        if scans and all(isinstance(scan, dict) and "file" in scan for scan in scans):
            return None
    return "two lists of pairs should come back: those to train on, those held out."


@dataclass
class Memory:
    """A network that has learned by heart: it answers with the field of the most similar pair.

    Args:
        pairs: what it has seen, each with "pair", a `BreathingPair`.
    """

    pairs: Sequence[Scan]

    def __call__(self, pair: BreathingPair) -> Tensor:
        """The ddf `(1, 2, H, W)` of the most similar pair, voxels."""
        best = min(self.pairs, key=lambda seen: _apart(seen["pair"], pair))
        return best["pair"].ddf


def _apart(a: BreathingPair, b: BreathingPair) -> float:
    return F.mse_loss(a.fixed, b.fixed).item() + F.mse_loss(a.moving, b.moving).item()


def visits(seeds: Sequence[int], count: int, size: tuple[int, int]) -> list[Scan]:
    """Patients seen `count` times each, with new noise on the same breath."""
    scans, chance = [], generator(6)
    for seed in seeds:
        pair = breathing_slice(seed, size)
        for visit in range(1, count + 1):
            fixed, moving = (
                image + 25 * torch.randn(image.shape, generator=chance)
                for image in (pair.fixed, pair.moving)
            )
            seen = replace(pair, fixed=fixed, moving=moving)
            scans.append({"patient": f"P{seed:02d}", "visit": visit, "pair": seen})
    return scans


DIAGNOSIS = Diagnosis(
    cause="same_patient",
    others={
        "too_few": "Order twice as many patients: as perfect on those held out, as far off on new "
        "ones. Order who is held out.",
        "epochs": "Order those trained on: 0.0 mm, there is nothing left to learn of them. Order "
        "who is held out.",
        "scanner": "Order the greys of the new patients: the same scanner, the same scale. Who are "
        "the held-out ones?",
    },
    examine=examine, broken=as_it_came, repaired=split,
    try_out=lambda script: script(clinic()), complaint=_not_two_parts,
)  # fmt: skip


def mean_tre(scans: Sequence[Scan], network: Callable[[BreathingPair], Tensor] | None) -> float:
    """mm, the mean over the scans; of doing nothing without a network."""
    errors = []
    for scan in scans:
        pair = scan["pair"]
        ddf = torch.zeros_like(pair.ddf) if network is None else network(pair)
        points = pair.fixed_points, pair.moving_points
        errors.append(target_registration_error(*points, ddf, pair.spacing).mean())
    return torch.stack(errors).mean().item()


def study(script: Script, patients: int, new: Sequence[Scan]) -> tuple[float, float]:
    """With so many patients, three scans each: mm of those held out, and of new ones."""
    height, width = new[0]["pair"].fixed.shape[2:]
    train, held = script(visits(range(patients), 3, (height, width)))
    return mean_tre(held, Memory(train)), mean_tre(new, Memory(train))
