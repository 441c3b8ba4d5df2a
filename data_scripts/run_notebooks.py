"""Run the notebooks from top to bottom and store what they show.

    python data_scripts/run_notebooks.py [notebooks/08_train_and_validate.ipynb …]

Each runs in a fresh kernel in its own folder; it is stored only if it ran to its end. Then it is
baked: live widgets are dropped (a page without a kernel shows "model not found" in their place),
and so are time stamps, so that a second run changes nothing but what really changed.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


def bake(notebook: nbformat.NotebookNode) -> None:
    """Drop what only lives beside a kernel."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.kernelspec = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)
        cell.outputs = [o for o in cell.outputs if "data" not in o or o["data"]]


def run(path: Path) -> str:
    """Run one notebook in place; what it took, as a line."""
    notebook = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    seconds = time.perf_counter() - start
    bake(notebook)
    beside = path.with_suffix(".part")
    nbformat.write(notebook, beside)
    beside.replace(path)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return (
        f"{path.name:28s} {seconds:6.1f} s   {path.stat().st_size / 1e6:4.2f} MB   {peak:5.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="all of the course by default")
    chosen = parser.parse_args().notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    print("notebook                          time      stored      peak memory of a kernel so far")
    for path in chosen:
        print(run(path), flush=True)


if __name__ == "__main__":
    main()
