"""How long each notebook takes from top to bottom, to its first picture, and how much memory.

    python benchmarks/notebooks.py [--only 08 …] [--out]

Each runs as a learner runs it: exercises unanswered, in a fresh kernel, in an empty folder, with as
many threads as the machine gives. Nothing is stored. Peak memory is the kernel's own.
"""

from __future__ import annotations

import re
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from table import Table, parser, short, wanted
from tqdm.auto import tqdm

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
HEAD = ("notebook", "seconds", "to the first picture", "peak MB", "stored MB")
# Not getrusage: its peak is inherited from whoever started the kernel.
ASK = """from pathlib import Path
print(Path("/proc/self/status").read_text() if Path("/proc/self/status").is_file() else "")"""


def measure(path: Path) -> tuple[float, float | None, float | None, float]:
    """Seconds in all and to the first picture, peak MB of the kernel (Linux), MB of the file.

    The seconds are from the start of the first cell to the end of the last.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK, id="memory"))
    with TemporaryDirectory() as empty:
        execute(notebook, empty)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    *cells, memory = code
    begun = when(cells[0], "busy")
    pictures = (cell for cell in cells if any(map(_is_picture, cell.outputs)))
    first = next((when(cell, "idle") - begun for cell in pictures), None)
    found = re.search(r"VmHWM:\s*(\d+) kB", memory.outputs[0].text)
    peak = int(found[1]) / 1000 if found else None
    return when(cells[-1], "idle") - begun, first, peak, path.stat().st_size / 1e6


def execute(notebook: NotebookNode, folder: str) -> None:
    """From top to bottom in a fresh kernel; the outputs are in the notebook then."""
    resources = {"metadata": {"path": folder}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()


def when(cell: NotebookNode, status: str) -> float:
    """When the kernel became busy with a cell, or idle again; seconds."""
    said = cell.metadata.execution[f"iopub.status.{status}"]
    return datetime.fromisoformat(said.replace("Z", "+00:00")).timestamp()


def _is_picture(output: NotebookNode) -> bool:
    data = output.get("data", {})
    return "image/png" in data or "<img" in data.get("text/html", "")


def main(options: Namespace) -> None:
    paths = [path for path in sorted(NOTEBOOKS.glob("*.ipynb")) if wanted(path.stem, options.only)]
    table = Table("notebooks", HEAD, keys=1)
    for path in tqdm(paths, leave=False):
        seconds, first, peak, stored = measure(path)
        table.add(path.stem, short(seconds), short(first), short(peak), short(stored))
    table.write(options.out)


if __name__ == "__main__":
    main(parser(__doc__).parse_args())
