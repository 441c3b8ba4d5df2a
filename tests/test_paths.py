"""docs/paths.md says what the notebooks say: minutes, questions, exercises; its sums are sums."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "paths.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ROWS = re.findall(  # number, file, question, minutes to read and to do, what it presumes
    r"^- \[(\d\d)\]\(\.\./notebooks/(\w+\.ipynb)\) (.+\?) "
    r"\*\*Read (\d+), do (\d+)\*\*(?:; presumes (.+))?\.$",
    PAGE,
    re.MULTILINE,
)
PLANS = {"A workshop of 90 minutes": 90, "Half a day": 240}


def text_of(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def plan(title):
    """Minutes, number of the notebook, what is done."""
    part = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (\d+) \| (\d\d) \| (.+?) \|$", part, re.MULTILINE)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_its_row_with_its_own_minutes_and_question(path):
    first = text_of(path)[0]
    minutes = re.search(r"(\d+) minutes to read, (\d+) to do", first).groups()
    row = next(row for row in ROWS if row[1] == path.name)
    assert row[0] == path.name[:2]
    assert row[3:5] == minutes
    assert row[2] == first.partition("\n")[0].removeprefix("# ")


def test_what_is_presumed_comes_before():
    assert [row[0] for row in ROWS] == [f"{n:02d}" for n in range(1, len(ROWS) + 1)]
    for number, *_, presumed in ROWS:
        earlier = re.findall(r"\d\d", presumed)
        assert all(other < number for other in earlier)
        assert earlier or number == "01"


@pytest.mark.parametrize("title", PLANS)
def test_a_plan_fits_its_time_and_names_exercises_that_there_are(title):
    rows = plan(title)
    assert sum(int(minutes) for minutes, *_ in rows) == PLANS[title]
    files = {path.name[:2]: path for path in NOTEBOOKS}
    for _, number, what in rows:
        text = "\n".join(text_of(files[number]))
        for n in re.findall(r"Exercise (\d)", what):
            assert f"\n### Exercise {n}:" in text, (number, n)
        patients = re.search(r"patients ([\d, and]+)", what)
        for n in re.findall(r"\d", patients[1]) if patients else ():
            assert f"\n### Patient {n}:" in text


def test_half_a_day_holds_the_workshop():
    short, long = ({number for _, number, _ in plan(title)} for title in PLANS)
    assert short < long


def test_the_reading_time_is_the_sum():
    told = int(re.search(r"That is (\d+) minutes of reading", PAGE)[1])
    assert told == sum(int(row[3]) for row in ROWS)


def test_the_readme_leads_here():
    assert "](docs/paths.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
