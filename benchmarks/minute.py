"""Notebook 08's minute of training, again with other seeds, tested on six people.

    python benchmarks/minute.py [--only 0 …] [--out]

The cells are those of the notebook, with two changes: the seed, and six test pairs in place of four
(eighteen train, two validate, as there). "after" is the network alone, "refined" ten steps on each
pair from its field. The training's seconds are those of its cell, with the validation of every
epoch and the monitor. It takes as many threads as the machine gives: use a quiet one.
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbformat import NotebookNode
from table import Table, parser, short, wanted
from tqdm.auto import tqdm

from notebooks import NOTEBOOKS, execute, when

SEEDS = ("0", "1", "2")
HEAD = ("seed", "pairs", "training, s", "Dice", "TRE mm", "folded %")
CHANGES = {
    "set_determinism(0)": "set_determinism({seed})",
    'write_collection("thorax", n=24,': 'write_collection("thorax", n=26,',
    "split_pairs(pairs, validation=4)": "split_pairs(pairs, validation=6)",
}
NAMES = {"before": "not registered", "after": "the network", "refined": "refined"}
ASK = f"import json; print(json.dumps({{name: globals()[name] for name in {[*NAMES]}}}))"


def changed(notebook: NotebookNode, seed: str) -> NotebookNode:
    """The notebook with another seed, and a last cell that tells the scores."""
    for old, new in CHANGES.items():
        places = [c for c in notebook.cells if c.cell_type == "code" and old in c.source]
        if not places:
            raise ValueError(f"notebook 08: expected {old!r} in a cell, got none.")
        for cell in places:
            cell.source = cell.source.replace(old, new.format(seed=seed))
    notebook.cells.append(nbformat.v4.new_code_cell(ASK, id="scores"))
    return notebook


def train(path: Path, folder: str, seed: str) -> tuple[float, dict[str, dict[str, float]]]:
    """Seconds of the training's cell; for each of `NAMES` the scores on the test pairs."""
    notebook = changed(nbformat.read(path, as_version=4), seed)
    execute(notebook, folder)
    cell = next(cell for cell in notebook.cells if "records = fit(" in cell.source)
    return when(cell, "idle") - when(cell, "busy"), json.loads(notebook.cells[-1].outputs[0].text)


def main(options: Namespace) -> None:
    (path,) = NOTEBOOKS.glob("08_*.ipynb")
    table = Table("minute", HEAD, keys=2)
    with TemporaryDirectory() as folder:
        for seed in tqdm([seed for seed in SEEDS if wanted(seed, options.only)], leave=False):
            seconds, scores = train(path, folder, seed)
            for name, r in scores.items():
                took = short(seconds) if name == "after" else ""
                folded = f"{100 * r['folding']:.4f}"
                table.add(seed, NAMES[name], took, f"{r['dice']:.3f}", short(r["tre_mm"]), folded)
    table.write(options.out)


if __name__ == "__main__":
    main(parser(__doc__).parse_args())
