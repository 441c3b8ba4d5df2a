"""The README says what is so: the reading path, a row for each notebook, links that lead."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATH = re.findall(r"`([\w/]+)` \((\d+)\)", README)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize(("module", "lines"), PATH, ids=[module for module, _ in PATH])
def test_the_reading_path_counts_lines_as_they_are(module, lines):
    text = (ROOT / "regtutor" / f"{module}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) == int(lines)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_a_row_with_its_question(notebook):
    title = re.search(r'"# (.*?)(\\n)?"', notebook.read_text(encoding="utf-8"))[1]
    row = next(line for line in README.splitlines() if f"(notebooks/{notebook.name})" in line)
    assert row.split("|")[2].strip() == title


def test_links_lead_somewhere():
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(links) > len(NOTEBOOKS)
    assert [link for link in links if not (ROOT / link).exists()] == []
