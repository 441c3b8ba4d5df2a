"""What `benchmarks/minute.py` changes in notebook 08, and what it reads from it."""

import importlib
from time import monotonic

import nbformat
import pytest

MADE = [
    "def told(*args, **options): return args, options\nset_determinism = write_collection = told",
    "seed = set_determinism(0)[0][0]",
    'written = write_collection("thorax", n=24, size=3)[1]["n"]',
    "pairs, split_pairs = 5, told\n_, split = split_pairs(pairs, validation=4)",
    'import time\nfit = lambda: time.sleep(0.5)\nrecords = fit()\nfor _ in "aa": time.sleep(0.2)',
    'before, after, refined = {"seed": seed}, {"written": written}, split\ntime.sleep(3)',
]


@pytest.fixture
def minute():
    return importlib.import_module("minute")


def made(sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    return nbformat.v4.new_notebook(cells=cells)


def test_seed_and_people_are_changed_and_the_scores_are_read(minute, tmp_path):
    path = tmp_path / "08_made.ipynb"
    nbformat.write(made(MADE), path)
    began = monotonic()
    seconds, scores = minute.train(path, str(tmp_path), "7")
    in_all = monotonic() - began
    assert scores == {"before": {"seed": 7}, "after": {"written": 26}, "refined": {"validation": 6}}
    assert 0.9 < seconds < in_all - 3  # of the training's cell alone: the last one sleeps for 3 s


def test_the_stored_notebook_has_what_is_changed(minute):
    (path,) = minute.NOTEBOOKS.glob("08_*.ipynb")
    notebook = minute.changed(nbformat.read(path, as_version=4), "7")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    assert code.count("set_determinism(7)") == 2
    assert "n=26" in code
    assert "validation=6" in code
    assert code.count("records = fit(") == 1
    for name in minute.NAMES:
        assert f"{name} = validate(" in code or f"{name}, " in code


def test_a_notebook_that_no_longer_has_it_is_told(minute):
    with pytest.raises(ValueError, match=r"notebook 08: expected 'write_collection.*got none"):
        minute.changed(made([source for source in MADE if "n=24" not in source]), "7")
