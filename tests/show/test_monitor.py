import base64
import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

from regtutor import show
from regtutor.show import monitor as make

ROOT = Path(__file__).parents[2]
module = sys.modules["regtutor.show.monitor"]


def record(epoch, **more):
    return {"epoch": epoch, "loss": 1.5 / epoch, "image": 1 / epoch, "label": 0.5 / epoch,
            "dice": 0.95 - 0.1 / epoch, "tre_mm": 2 + 12 / epoch, "folding": 0.0,
            "val_loss": 1.0, **more}  # fmt: skip


def tiles(packed):
    """The bytes that `pack` laid side by side."""
    code = packed["src"].partition(",")[2]
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(code))))
    count, rows, columns = packed["shape"]
    cut = sheet.reshape(-1, rows, packed["across"], columns).swapaxes(1, 2)
    return cut.reshape(-1, rows, columns)[:count]


@pytest.mark.parametrize("axis", [0, 1, 2, None])
def test_bytes_hold_the_field_at_the_nodes_to_half_a_step(axis):
    size = (70, 40) if axis is None else (40, 70, 50)
    field = 5 * torch.randn(1, len(size), *size, generator=torch.Generator().manual_seed(0))
    monitor = make(view=show.View(axis=axis, spacing=(1.5, 2.5, 4.0)[: len(size)]))
    monitor.add(record(1), ddf=field)
    layout, ((place, longest),) = monitor.data["layout"], monitor.data["shown"]
    # Across comes first; the slice's rows are the axis that runs up or down.
    along, across = {0: (2, 1), 1: (2, 0), 2: (1, 0), None: (0, 1)}[axis]
    flat = field[0] if axis is None else field[0].select(axis + 1, size[axis] // 2)
    flat = flat.numpy() if along < across else flat.mT.numpy()
    every = -(-max(flat.shape[1:]) // 32)
    wanted = flat[[across, along], ::every, ::every]
    steps = np.frombuffer(monitor.fields, np.uint8).reshape(2, *layout["nodes"])
    found = (steps.astype(float) - 128) * longest / 127
    assert (place, layout["every"]) == (0, every)
    assert longest == pytest.approx(np.abs(wanted).max(), rel=1e-3)
    assert np.abs(found - wanted).max() <= longest / 254 * 1.05  # four digits of longest
    assert np.abs(found - wanted).max() > longest / 1000  # and it is no finer than it says
    assert layout["size"] == list(flat.shape[1:])
    assert layout["spacing"] == [(1.5, 2.5, 4.0)[a] for a in (along, across)]
    assert layout["upwards"] is (along == 2)
    assert (tiles(monitor.stored()["fields"]) == steps).all()


def test_the_page_gets_terms_scores_and_no_nan():
    monitor = make(nothing={"dice": 0.7, "tre_mm": float("nan"), "folding": 0.0})
    monitor.add(record(1))
    monitor.add(record(2, tre_mm=float("nan")))
    data = json.loads(json.dumps(monitor.stored(), allow_nan=False))
    assert list(data["terms"]) == ["image", "label"]
    assert data["scores"]["dice"] == {"label": "Dice (1 = same)", "nothing": 0.7}
    assert data["scores"]["tre_mm"]["nothing"] is None
    assert "folding" not in data["scores"]
    assert data["values"]["tre_mm"] == [14.0, None]
    assert data["values"]["image"] == [1.0, 0.5]
    monitor.add(record(3, folding=0.002))
    assert monitor.stored()["values"]["folding"] == [0.0, 0.0, 0.002]


def test_a_long_training_keeps_evenly_spread_fields_and_stays_small():
    monitor = make(image=torch.rand(1, 1, 64, 64, 64))
    noise = torch.randn(1, 3, 64, 64, 64, generator=torch.Generator().manual_seed(0))
    for epoch in range(1, 252):
        monitor.add(record(epoch), ddf=noise * epoch)
    places = [place for place, _ in monitor.stored()["shown"]]
    assert places[-1] == 250
    assert set(np.diff(places)) == {3}
    assert 50 < len(places) <= module.FIELDS
    assert len(monitor.stored()["values"]["loss"]) == 251
    bundle, _ = monitor._repr_mimebundle_()  # noise is the worst there is: it cannot be packed
    assert len(bundle["text/html"]) < 450_000


def test_messages_are_ten_a_second_at_most(monkeypatch):
    told, clock = [], iter(np.arange(0, 100, 0.03))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    monitor = make()
    monitor.observe(lambda change: told.append(change.new["values"]["epoch"][-1]), "data")
    for epoch in range(1, 21):
        monitor.add(record(epoch))
    assert told[0] == 1
    assert set(np.diff(told)) == {4}  # the first that comes more than 0.1 s later
    assert monitor.stored()["values"]["epoch"] == list(range(1, 21))


def test_what_is_stored_is_one_picture_with_words_and_the_same_each_time(case):
    def trained():
        monitor = make(nothing=record(1), image=case.moving, view=show.View(spacing=case.spacing))
        for epoch in range(1, 4):
            monitor.add(record(epoch), ddf=case.ddf * epoch)
        return monitor._repr_mimebundle_()

    (bundle, metadata), again = trained(), trained()
    assert (bundle, metadata) == again
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert "Loss from 1.50 to 0.500" in bundle["text/plain"]
    assert "TRE (mm): 14.0 at first, 6.00 at last, 14.0 doing nothing." in bundle["text/plain"]
    assert "Longest displacement" in bundle["text/plain"]
    assert metadata["image/png"]["alt"] == bundle["text/plain"]


def test_without_a_field_there_are_curves_and_without_a_record_a_sentence():
    monitor = make(title="Mine")
    assert monitor._repr_mimebundle_()[0] == {"text/plain": "Mine: no epoch yet."}
    monitor.add(record(1))
    assert monitor.stored()["fields"] is None
    assert monitor._repr_mimebundle_()[0]["text/plain"].startswith("Mine. Loss from 1.50")


def test_bad_input_is_refused():
    monitor = make(image=torch.rand(8, 9))
    with pytest.raises(ValueError, match=r"record: expected the key 'loss', got \['epoch'\]"):
        monitor.add({"epoch": 1})
    with pytest.raises(ValueError, match="ddf: expected finite values"):
        monitor.add(record(1), ddf=torch.full((1, 2, 8, 9), float("nan")))
    monitor.add(record(1), ddf=torch.zeros(1, 2, 8, 9))
    with pytest.raises(ValueError, match=r"ddf: expected the grid \(8, 9\)"):
        monitor.add(record(2), ddf=torch.zeros(1, 2, 9, 8))
    with pytest.raises(ValueError, match=r"image: expected the grid \(9, 8\)"):
        make(image=torch.rand(8, 9)).add(record(1), ddf=torch.zeros(1, 2, 9, 8))
    assert len(monitor.history) == 1


CELL = """
import time
import torch
from regtutor import show
monitor = show.monitor(nothing={"dice": 0.8}, image=torch.zeros(1, 1, 12, 14))
for epoch in range(1, 4):
    time.sleep(0.15)
    record = {"epoch": epoch, "loss": 1 / epoch, "image": 1 / epoch, "dice": 0.9, "folding": 0.0}
    monitor.add(record, ddf=torch.ones(1, 2, 12, 14) / epoch)
monitor
"""


def test_one_cell_is_live_and_stores_one_output_that_nbval_accepts(tmp_path):
    path = ROOT / "data_scripts" / "run_notebooks.py"
    spec = importlib.util.spec_from_file_location("run_notebooks", path)
    programs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(programs)
    cells = [nbformat.v4.new_code_cell(CELL, id="one")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client, kinds = NotebookClient(notebook, timeout=100, kernel_name="python3"), []
    process = client.process_message
    client.process_message = lambda message, *rest: (
        kinds.append(message["header"]["msg_type"]) or process(message, *rest)
    )
    client.execute()
    # Opened by the first epoch, told of what came since, emptied, and stored.
    seen = [k for k in kinds if k in ("display_data", "update_display_data", "execute_result")]
    assert seen == ["display_data", "update_display_data", "execute_result"]
    assert "comm_msg" in kinds[kinds.index("display_data") :]
    programs.bake(notebook)
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/html", "image/png", "text/plain"}
    assert "widgets" not in notebook.metadata
    path = tmp_path / "one.ipynb"
    nbformat.write(notebook, path)
    words = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path),
             "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", str(path)]  # fmt: skip
    run = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "1 passed" in run.stdout, run.stdout[-2000:] + run.stderr[-2000:]
