"""What `benchmarks/notebooks.py` measures: time, the first picture, memory; it stores nothing."""

import importlib

import nbformat
import pytest

DRAW = (
    "from IPython.display import HTML, display\n"
    'display(HTML(\'<figure><img alt="nothing" src=""></figure>\'))'
)
HOLD = "x = bytearray(200_000_000); x[::4096] = b'1' * len(x[::4096])"


@pytest.mark.parametrize("draws", [True, False])
def test_a_notebook_that_waits_draws_and_holds(draws, tmp_path):
    measure = importlib.import_module("notebooks").measure
    sources = ["import time; time.sleep(0.5)", DRAW if draws else "1", "time.sleep(1)", HOLD]
    cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(sources)]
    path = tmp_path / "made.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    before = path.read_bytes()
    mine = bytearray(700_000_000)  # of who starts the kernel: it does not count
    mine[::4096] = b"1" * len(mine[::4096])
    seconds, first, peak, stored = measure(path)
    assert seconds > 1.5
    assert (first is None) is not draws
    if draws:
        assert 0.5 < first < seconds - 1
    assert 200 < peak < 600
    assert stored == pytest.approx(len(before) / 1e6)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
