"""What is slow to import waits until it is needed: `import regtutor…` adds little to torch's."""

import subprocess
import sys

ROOMS = ("checkpoint", "data", "deformation", "losses", "metrics", "networks", "training")
SLOW = {"IPython", "matplotlib", "monai", "nibabel", "scipy"}

PROGRAM = f"""
import sys, torch, time
before, started = set(sys.modules), time.process_time()
for room in {ROOMS}:
    __import__("regtutor." + room)
print(time.process_time() - started)
print(*(name for name in {sorted(SLOW)} if name in sys.modules and name not in before))
"""


def test_nothing_slow_is_imported_before_it_is_needed():
    words = [sys.executable, "-c", PROGRAM]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    seconds, *found = out.split()
    assert found == []
    assert float(seconds) < 0.5  # 0.1 as measured; a busy machine is slower
