"""One source of chance: torch's generator. Same seed, same numbers, every run."""

from __future__ import annotations

import torch
from torch import Tensor


def set_determinism(seed: int | None = 0, use_deterministic_algorithms: bool | None = None) -> None:
    """Seed torch and choose reproducible kernels, so that two runs agree to the bit.

    Everything in regtutor that draws, augmentation included, draws from torch's global generator;
    NumPy's and Python's are seeded too, for the sake of code that is not ours.

    Args:
        seed: the seed; None leaves the generators alone and allows fast kernels again.
        use_deterministic_algorithms: passed to torch if given; True makes an operation without
            a reproducible kernel raise.
    """
    torch.backends.cudnn.deterministic = seed is not None
    torch.backends.cudnn.benchmark = False
    if seed is not None:
        import random

        import numpy as np

        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002  the legacy generator is the one others use
    if use_deterministic_algorithms is not None:
        torch.use_deterministic_algorithms(use_deterministic_algorithms)


def uniform(low: float, high: float) -> float:
    """One draw from [low, high) by torch's global generator."""
    return low + (high - low) * float(torch.rand(()))


def generator(seed: int) -> torch.Generator:
    """A generator of one's own, for what must not depend on who drew before."""
    return torch.Generator().manual_seed(seed)


def normal(size: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
    """Standard normal draws of the given size."""
    return torch.randn(size, generator=generator)
