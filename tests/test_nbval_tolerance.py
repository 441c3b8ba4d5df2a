"""The tolerance of the notebook comparison lets rounding pass and nothing else."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("root", Path(__file__).parents[1] / "conftest.py")
root = importlib.util.module_from_spec(spec)
spec.loader.exec_module(root)


@pytest.mark.parametrize(
    ("stored", "new", "equal"),
    [
        ("Dice 0.958, TRE 2.91 mm", "Dice 0.951, TRE 2.97 mm", True),
        ("Dice 0.958, TRE 2.91 mm", "Dice 0.958, TRE 3.49 mm", False),
        ("18 pairs", "18 pairs", True),
        ("18 pairs", "19 pairs", False),
        ("Dice 0.958", "dice 0.958", False),
        ("1.0 and 2.0", "1.0", False),
    ],
)
def test_tolerance(stored, new, equal):
    assert (root.Tolerant(stored) == root.Tolerant(new)) is equal
    assert (root.Tolerant(stored) != root.Tolerant(new)) is not equal
