"""Two ways to the same numbers, side by side: first whether they are the same, then what they cost.

    ratio = median over the rounds of (the peer's time / our time)

The two take turns, so that what slows the machine slows both. Time is the processor's, of one
thread (what else runs on the machine counts little); with more threads it is the clock on the wall.
Memory is the highest resident size during one call, less what was resident before it, after all
that was free had been given back: what the call itself needs, its result included.
"""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

Call = Callable[[], list[Tensor]]
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class UnequalError(AssertionError):
    """The two do not give the same numbers: their times say nothing."""


@dataclass(frozen=True)
class Cost:
    """Of one function: milliseconds a call, and peak memory in MB (None where nobody can tell)."""

    ms: float
    mb: float | None


@dataclass(frozen=True)
class Comparison:
    """Peer and ours, the median ratio of their times, and the largest difference of each result."""

    peer: Cost
    ours: Cost
    ratio: float
    differences: list[float]


def side_by_side(name: str, ours: Call, peer: Call, tolerances: Sequence[float]) -> Comparison:
    """Compare, then measure.

    Args:
        name: for the complaint.
        ours, peer: without arguments; each returns its results, the i-th to be compared with the
            other's i-th. This first call is the warm-up too.
        tolerances: for each result, how far apart the two may be, as a share of the largest value.

    Raises:
        UnequalError: they are further apart.
    """
    started = now()
    differences = compare(name, ours(), peer(), tolerances)
    rounds = rounds_for(now() - started)
    if rounds == 1:  # so long that the one round tells memory as well
        (our_ms, our_mb), (peer_ms, peer_mb) = _timed_peak(ours), _timed_peak(peer)
        times = [[our_ms], [peer_ms]]
    else:
        our_mb, peer_mb = peak(ours), peak(peer)
        times = alternate([ours, peer], rounds)
    ratio = statistics.median(p / o for o, p in zip(*times, strict=True))
    our_ms, peer_ms = (statistics.median(of) for of in times)
    return Comparison(Cost(peer_ms, peer_mb), Cost(our_ms, our_mb), ratio, differences)


def alone(ours: Call) -> Cost:
    """What one function costs, with nothing beside it; the first call is the warm-up."""
    started = now()
    ours()
    rounds = rounds_for(2 * (now() - started))
    if rounds == 1:
        return Cost(*_timed_peak(ours))
    return Cost(statistics.median(alternate([ours], rounds)[0]), peak(ours))


def compare(
    name: str, ours: Sequence[Tensor], peer: Sequence[Tensor], tolerances: Sequence[float]
) -> list[float]:
    """The largest difference of each result, as a share of the peer's largest value."""
    found = []
    for number, (mine, theirs, most) in enumerate(zip(ours, peer, tolerances, strict=True)):
        if mine.shape != theirs.shape:
            shapes = f"{tuple(mine.shape)} and {tuple(theirs.shape)}"
            raise UnequalError(f"{name}, result {number}: shapes {shapes}")
        scale = max(float(theirs.abs().max()), 1e-30)
        found.append(float((mine - theirs).abs().max()) / scale)
        if not found[-1] <= most:  # NaN too
            apart = f"{found[-1]:.1e} of the largest value apart, allowed {most:.0e}"
            raise UnequalError(f"{name}, result {number}: {apart}")
    return found


def rounds_for(seconds: float) -> int:
    """How often to measure what takes so long, both together."""
    return 9 if seconds < 1 else 5 if seconds < 10 else 3 if seconds < 30 else 1


def alternate(calls: Sequence[Call], rounds: int) -> list[list[float]]:
    """Milliseconds of each call in each round; they take turns."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, own in zip(calls, times, strict=True):
            started = now()
            result = call()
            own.append((now() - started) * 1e3)
            del result
    return times


def now() -> float:
    """Seconds: of the processor's work for one thread, on the wall for more."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def peak(call: Call) -> float | None:
    """MB above what was resident before; None except on Linux."""
    return _timed_peak(call)[1]


def _timed_peak(call: Call) -> tuple[float, float | None]:
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)  # what was freed but kept would hide what the call takes
    before = reset_high_water()
    started = now()
    result = call()
    spent = (now() - started) * 1e3
    highest = high_water()
    del result
    return spent, None if before is None or highest is None else highest - before


def reset_high_water() -> float | None:
    """Let the high-water mark of this process fall to what is resident now, and say it in MB."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return None
    return high_water()


def high_water() -> float | None:
    """The most that was resident in this process, in MB."""
    if not _STATUS.is_file():
        return None
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM"))
