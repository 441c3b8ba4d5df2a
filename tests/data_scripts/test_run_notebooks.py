"""What `run_notebooks.py` stores: what lives without a kernel, and nothing else."""

import runpy
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

PROGRAM = Path(__file__).parents[2] / "data_scripts" / "run_notebooks.py"
VIEW = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
PAGE = {"text/html": "<p>", "image/png": "", "text/plain": "words"}


def test_baking_drops_what_is_dead_without_a_kernel():
    bake = runpy.run_path(str(PROGRAM))["bake"]
    given = [
        new_output("display_data", data={**VIEW, **PAGE}),
        new_output("display_data", data=VIEW),
        new_output("execute_result", data={**VIEW, "text/plain": "IntSlider()"}),
        new_output("stream", text="said"),
    ]
    cells = [new_markdown_cell("Words"), new_code_cell("show.view(a, b)", outputs=given)]
    cells[1].metadata.execution = {"iopub.execute_input": "a time"}
    notebook = new_notebook(cells=cells, metadata={"widgets": {"state": {}}})
    bake(notebook)
    assert "widgets" not in notebook.metadata
    assert notebook.metadata.kernelspec.name == "python3"
    assert "execution" not in cells[1].metadata
    page, words, said = cells[1].outputs
    assert (page.data, words.data, said.text) == (PAGE, {"text/plain": "IntSlider()"}, "said")
