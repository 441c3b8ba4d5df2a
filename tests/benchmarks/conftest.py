"""MONAI is imported with its warnings off, as in tests/parity, and what arises in it passes."""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch) -> Iterator[None]:
    """The programs import one another as they do when they are run."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"monai\.")
        importlib.import_module("libraries")
        warnings.filterwarnings("error", module=r"regtutor")
        yield
