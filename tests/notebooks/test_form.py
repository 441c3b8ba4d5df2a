"""The form of every notebook, as rules: each yields complaints that name the cell.

Counted is what is read: words outside folded text and code, lines of code that are not empty.
"""

import json
import re
import statistics
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from regtutor.exercises.checking import EXERCISES

INSTALL = """\
try:
    import regtutor
except ModuleNotFoundError:
    %pip install -q "regtutor @ git+https://github.com/regtutor/regtutor\""""
PARTS = {
    "a '## See it work'": r"^## See it work",
    "a '**Predict**'": r"\*\*Predict[.:*]",
    "a '**Modify**'": r"\*\*(Modify|Make)[.:*]|^## Modify",
    "an '**Investigate**'": r"\*\*Investigate[.:*]",
    "a '## Questionnaire'": r"^## Questionnaire$",
    "a folded 'In MONAI'": r"<summary>(<b>)?In MONAI",
    "a '## What to read'": r"^## What to read$",
}
LINE = 88  # as many characters stand beside the site's menu when its window is 1000 pixels wide
WIDGET = "application/vnd.jupyter.widget-view+json"
IMAGE = re.compile(r"<img\b[^>]*>")
Complaints = Iterator[str]


def text_of(notebook: NotebookNode) -> str:
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def read(text: str) -> str:
    """What is seen without unfolding anything; a question that unfolds its answer is seen."""
    text = re.sub(r"```.*?```|^Stuck\?[^\n]*", "", text, flags=re.S | re.M)
    text = re.sub(r"<summary>(.*?)</summary>", r"</details>\1<details>", text, flags=re.S)
    return re.sub(r"<details>.*?</details>", "", text, flags=re.S)


def code_of(notebook: NotebookNode) -> list[tuple[str, NotebookNode]]:
    """The code cells, each with words that find it."""
    return [
        (f"cell {n} ({cell.source.partition(chr(10))[0][:50]!r})", cell)
        for n, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    ]


def length(notebook: NotebookNode) -> Complaints:
    cells, words = len(notebook.cells), len(re.findall(r"\S*\w\S*", read(text_of(notebook))))
    if not 25 <= cells <= 45:
        yield f"{cells} cells: 25 to 45 are wanted"
    if words > 1400:
        yield f"{words} words to read: at most 1400 are wanted"
    lines = {w: len([*filter(str.strip, c.source.splitlines())]) for w, c in code_of(notebook)}
    yield from (
        f"{where}: {n} lines, at most 20 are wanted" for where, n in lines.items() if n > 20
    )
    if (middle := statistics.median(lines.values())) > 5:
        longest = sorted(lines, key=lines.__getitem__)[-3:]
        yield f"median code cell of {middle:g} lines: at most 5; longest: {', '.join(longest)}"


def width(notebook: NotebookNode) -> Complaints:
    """No line of code that is read scrolls sideways; what is folded in a notebook may be wider."""
    read_code = [
        (where, cell.source)
        for where, cell in code_of(notebook)
        if not cell.metadata.get("jupyter", {}).get("source_hidden")
    ]
    for block in re.findall(r"```python\n(.*?)```", text_of(notebook), re.S):
        read_code.append(("a ```python block", block))
    for where, source in read_code:
        for line in source.splitlines():
            if len(line) > LINE:
                yield f"{where}: a line of {len(line)} characters, at most {LINE}: {line}"


def frame(notebook: NotebookNode) -> Complaints:
    first, text = notebook.cells[0].source, text_of(notebook)
    if not re.match(r"# .+\?\n", first):
        yield "cell 0: a title that asks one question is wanted"
    if not re.search(r"\d+ minutes to read, \d+ to do", first):
        yield "cell 0: 'N minutes to read, N to do' is wanted"
    if not re.search(r"<summary>Answers</summary>", first) or "\n2. " not in first:
        yield "cell 0: two questions to recall, with folded answers, are wanted"
    yield from (f"{p} is wanted" for p, look in PARTS.items() if not re.search(look, text, re.M))
    if code_of(notebook)[0][1].source != INSTALL:
        yield "the first code cell must install what is missing and nothing else"


def exercises(notebook: NotebookNode) -> Complaints:
    """Two to four, those of `regtutor.exercises`; hints and a folded solution in the cell below."""
    number = notebook.cells[0].source.partition("Notebook ")[2][:2]
    wanted = {name for name, exercise in EXERCISES.items() if exercise.notebook == number}
    asked = set()
    for (where, cell), below in zip(code_of(notebook), _below(notebook), strict=True):
        for name in re.findall(r"""\bcheck\(["'](\w+)["']""", cell.source):
            asked.add(name)
            if f'hint("{name}", 1)' not in below or "<details><summary>" not in below:
                yield f"{where}: hints and a folded solution of {name!r} are wanted below"
    if asked != wanted:
        yield f"notebook {number} asks {sorted(asked)}, regtutor.exercises has {sorted(wanted)}"
    most = 8 if number == "14" else 4  # the clinic has eight patients, of one line each
    if not 2 <= len(asked) <= most:
        yield f"{len(asked)} exercises: 2 to {most} are wanted"


def _below(notebook: NotebookNode) -> list[str]:
    """What stands below each code cell."""
    above, below = notebook.cells, [cell.source for cell in notebook.cells[1:]] + [""]
    return [text for cell, text in zip(above, below, strict=True) if cell.cell_type == "code"]


def outputs(notebook: NotebookNode) -> Complaints:
    """Run from top to bottom, without an error; nothing in it that lives only with a kernel."""
    if "widgets" in notebook.metadata:
        yield "metadata.widgets: dead widget state"
    counts = [cell.execution_count for _, cell in code_of(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"not run once from top to bottom: {counts}"
    for where, cell in code_of(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            if output.output_type == "error":
                yield f"{where}: stopped with {output.ename}"
            if WIDGET in data:
                yield f"{where}: a widget's view, dead without its kernel"
            if len(data.get("text/html", "")) > 400_000:
                yield f"{where}: {len(data['text/html']) / 1000:.0f} kB of HTML, at most 400"


def figures(notebook: NotebookNode) -> Complaints:
    """Each is made by `show`, which gives title, labels and units (tests/show), and has words."""
    for where, cell in code_of(notebook):
        for output in cell.outputs:
            data, metadata = output.get("data", {}), output.get("metadata", {})
            page = re.sub(r"<script\b.*?</script>", "", data.get("text/html", ""), flags=re.S)
            spoken = [re.search(r'\balt="([^"]*)"', image) for image in IMAGE.findall(page)]
            if any(found is None or not found[1].strip() for found in spoken):
                yield f"{where}: an image without alt text"
            kinds = [kind for kind in data if kind.startswith("image/")]
            if not kinds:
                continue
            alt = metadata.get("image/png", {}).get("alt", "")
            if kinds != ["image/png"] or not alt:
                yield f"{where}: a figure that show did not make: no title, labels, units, alt"
            elif alt not in [unescape(found[1]) for found in spoken if found]:
                yield f"{where}: the figure's alt text is not in its HTML"
            elif len(alt.split()) < 6:
                yield f"{where}: alt text of {len(alt.split())} words says too little: {alt!r}"


def size(notebook: NotebookNode) -> Complaints:
    stored = len(json.dumps(notebook, ensure_ascii=False).encode())
    if stored > 3e6:
        yield f"{stored / 1e6:.2f} MB stored: at most 3"


RULES = (length, width, frame, exercises, outputs, figures, size)
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_form_of(path, rule):
    complaints = [*rule(nbformat.read(path, as_version=4))]
    assert not complaints, "\n".join(complaints)


def _figure(notebook: NotebookNode) -> NotebookNode:
    made = (output for _, cell in code_of(notebook) for output in cell.outputs)
    return next(output for output in made if "image/png" in output.get("data", {}))


FAULTS = {
    "20 cells: 25 to 45": (length, lambda n, c, f: n.cells.__delitem__(slice(20, None))),
    "words to read: at most": (length, lambda n, c, f: n.cells[0].update(source="so " * 1400)),
    "cell 1 ('x = 1'): 21 lines": (length, lambda n, c, f: c.update(source="x = 1\n" * 21)),
    "a line of 89 characters": (width, lambda n, c, f: c.update(source="x" * 89)),
    "block: a line of 99": (
        width, lambda n, c, f: n.cells[0].update(source=f"```python\n{'x' * 99}\n```")),
    "one question": (frame, lambda n, c, f: n.cells[0].update(source="# Warping\n")),
    "minutes to read": (frame, lambda n, c, f: n.cells[0].update(source="# Why?\n")),
    "first code cell": (frame, lambda n, c, f: c.update(source="%pip install torch")),
    "What to read' is wanted": (frame, lambda n, c, f: n.cells[-1].update(source="")),
    "hints and a folded solution": (
        exercises, lambda n, c, f: c.update(source='check("four_overlays", 1)')),
    "regtutor.exercises has": (exercises, lambda n, c, f: c.update(source='check("nobody", 1)')),
    "metadata.widgets": (outputs, lambda n, c, f: n.metadata.update(widgets={})),
    "top to bottom": (outputs, lambda n, c, f: c.update(execution_count=7)),
    "stopped with NameError": (outputs, lambda n, c, f: c.update(
        outputs=[nbformat.v4.new_output("error", ename="NameError", evalue="", traceback=[])])),
    "a widget's view": (outputs, lambda n, c, f: f.data.update({WIDGET: {}})),
    "kB of HTML": (outputs, lambda n, c, f: f.data.update({"text/html": "x" * 400_001})),
    "an image without": (figures, lambda n, c, f: f.data.update({"text/html": '<img alt="">'})),
    "did not make": (figures, lambda n, c, f: f.metadata.clear()),
    "is not in its HTML": (figures, lambda n, c, f: f.data.update({"text/html": ""})),
    "MB stored": (size, lambda n, c, f: c.update(source="x" * 3_000_001)),
}  # fmt: skip


@pytest.mark.parametrize("words", FAULTS)
def test_a_fault_is_named(words):
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    rule, spoil = FAULTS[words]
    assert not any(words in complaint for complaint in rule(notebook))
    spoil(notebook, code_of(notebook)[0][1], _figure(notebook))
    assert any(words in complaint for complaint in rule(notebook)), [*rule(notebook)]
