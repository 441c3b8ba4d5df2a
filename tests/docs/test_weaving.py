"""What ties notebooks and library together: names found in cells, docstrings as they are shown."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytest.importorskip("sphinx_book_theme", reason="the site's programs: pip install -e '.[docs]'")

CELLS = """\
%pip install nothing
from regtutor import deformation, show
from regtutor.data.thorax import breathing_slice as breath
from regtutor.exercises import check, four_fields
from regtutor.losses import DiceLoss, MSELoss
show.view(breath(1), DiceLoss(), deformation.exp, torch.exp, nn.MSELoss())
check("it", four_fields())"""


@pytest.fixture(scope="module")
def weaving(docs_module):
    return docs_module("weaving")


def test_a_notebook_uses_what_its_cells_name(docs_module):
    used = docs_module("whereabouts").used(new_notebook(cells=[new_code_cell(CELLS)]))
    assert set(used) == {
        "regtutor.show.viewer.view", "regtutor.data.thorax.breathing_slice",
        "regtutor.losses.labels.DiceLoss", "regtutor.deformation.velocity.exp",
        "regtutor.exercises.checking.check",  # MSELoss is not used; four_fields is an answer's
    }  # fmt: skip


def test_what_is_folded_in_the_notebook_is_folded_on_its_page(weaving, tmp_path):
    folded = new_code_cell("1 + 1", metadata={"jupyter": {"source_hidden": True}, "tags": ["x"]})
    cells = [new_markdown_cell("# Why?"), folded, new_code_cell("2")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "07_why.ipynb")
    _, hidden, plain, _ = json.loads(weaving.notebook_page(tmp_path / "07_why.ipynb"))["cells"]
    assert hidden["metadata"]["tags"] == ["x", "hide-input"]
    assert "tags" not in plain["metadata"]


def test_a_page_has_its_number_its_outputs_and_links(weaving, tmp_path):
    words = new_markdown_cell("# Why?\n\nRead `regtutor/deformation/warp.py`, `regtutor/no.py`.")
    output = nbformat.v4.new_output("stream", text="stored")
    code = new_code_cell("from regtutor.deformation import Warp\nWarp()", outputs=[output])
    nbformat.write(new_notebook(cells=[words, code]), tmp_path / "07_why.ipynb")
    first, second, last = json.loads(weaving.notebook_page(tmp_path / "07_why.ipynb"))["cells"]
    assert "".join(first["source"]) == (
        "# 07 · Why?\n\nRead {py:mod}`regtutor/deformation/warp.py <regtutor.deformation.warp>`, "
        "`regtutor/no.py`."
    )
    assert second["outputs"][0]["text"] == ["stored"]
    link = (
        "- [deformation](../api/deformation.rst): {py:obj}`Warp <regtutor.deformation.warp.Warp>`"
    )
    assert last["source"][-1] == link


def said(weaving, name, text):
    lines = text.split("\n")
    weaving.say_in_rst(None, "function", name, None, None, lines)
    return "\n".join(lines)


def test_a_docstring_in_rst(weaving):
    text = "`warp` and `b * c`, `Compose(x)`.\n\n    y = x*\n\nIn notebooks 01 and 02, of 20."
    compose = "regtutor.transforms.dictionary.Compose"
    assert said(weaving, "regtutor.deformation.field", text) == (
        ":py:obj:`warp <regtutor.deformation.warp>` and ``b * c``, "
        f":py:obj:`Compose(x) <{compose}>`.\n\n::\n\n    y = x*\n\n"
        "In notebooks :nb:`01` and :nb:`02`, of 20."
    )


def test_links_of_the_repository_lead_on(weaving):
    stem = weaving.NOTEBOOKS["02"].stem
    source = [
        f"[a](../notebooks/{stem}.ipynb) [b](../notebooks/99_no.ipynb) [c](../R.md) [d](e.md)"
    ]
    weaving.lead_on(None, "paths", source)
    page = f"[a](notebooks/{stem}.ipynb) b [c](https://github.com/regtutor/regtutor/blob/main/R.md)"
    assert source == [f"{page} [d](e.md)"]


def test_a_function_names_the_notebooks_that_use_it(weaving):
    text = said(weaving, "regtutor.deformation.field.compose", "One after the other.")
    assert text.startswith("One after the other.\n\nUsed in notebooks :nb:`03`, :nb:`")
    assert said(weaving, "regtutor.no", "One after the other.") == "One after the other."


def test_a_signature_is_plain_where_a_default_has_no_literal(weaving):
    def plain(given):
        return weaving.plain_signature(None, "class", "name", None, None, given, None)

    given = (
        "(a: ~typing.Any, b: ~collections.abc.Callable[[~typing.Any], int] = <function E.<lambda>>)"
    )
    assert plain(given) == ("(a: Any, b: Callable[[Any], int] = …)", None)
    assert plain("(a: ~typing.Any = 1)") is None


def test_answers_have_no_page(docs_module):
    rooms = docs_module("whereabouts").rooms()
    assert rooms["exercises"] == [f"regtutor.exercises.{name}" for name in
                                  ("checking", "exercise", "forms")]  # fmt: skip
    assert {"deformation", "networks", "losses", "metrics", "transforms", "data", "training",
            "instance", "files", "show"} < rooms.keys()  # fmt: skip
