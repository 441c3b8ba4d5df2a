"""What is slow to import waits until it is needed (how long it takes: benchmarks/pipeline.py)."""

import subprocess
import sys

ROOMS = ("checkpoint", "data", "deformation", "losses", "metrics", "networks", "training")
SLOW = {"IPython", "matplotlib", "monai", "nibabel", "pooch", "requests", "scipy", "tqdm.notebook"}

PROGRAM = f"""
import sys, torch
before = set(sys.modules)
for room in {ROOMS}:
    __import__("regtutor." + room)
print(*(name for name in {sorted(SLOW)} if name in sys.modules and name not in before))
"""


def test_nothing_slow_is_imported_before_it_is_needed():
    words = [sys.executable, "-c", PROGRAM]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.split() == []
