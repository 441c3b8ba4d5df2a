"""What ties the site together: notebooks and library, each with links to the other.

Before anything is read, three kinds of pages are written beside the others, and ignored by git:
`notebooks/`, with their number in the title and the names they use at the end; `api/`, one page for
each room of the house; `misconceptions.md`. So a new notebook, module or exercise needs no change
here. Docstrings become reStructuredText: what is indented is shown as it is, names in backticks and
the numbers of notebooks become links.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import misconceptions
import nbformat
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxRole
from whereabouts import DOCS, NOTEBOOKS, places, rooms, used, users

from regtutor.exercises.checking import EXERCISES

NO_BREAK = "\N{NO-BREAK SPACE}"
NUMBERS = re.compile(r"\b(?:[Nn]otebooks?|taught in)\s+\d\d(?:(?:,| and|, and)\s+\d\d)*(?!\d)")


def write(path: Path, text: str) -> None:
    """Only what has changed, so that an unchanged page is not built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def notebook_page(path: Path) -> str:
    """A notebook as the site shows it."""
    notebook = nbformat.read(path, as_version=4)
    first = notebook.cells[0]
    first.source = first.source.replace("# ", f"# {path.stem[:2]} · ", 1)
    links = defaultdict(list)
    for name in used(notebook):
        _, room, *_, last = name.split(".")
        links[room].append(f"{{py:obj}}`{last} <{name}>`")
    for cell in notebook.cells:
        if cell.metadata.get("jupyter", {}).get("source_hidden"):  # folded in JupyterLab: here too
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"`(regtutor/[\w/]+)\.py`", file_link, cell.source)
    lines = [f"- [{room}](../api/{room}.rst): {', '.join(names)}" for room, names in links.items()]
    text = "\n".join(["## In the library", "", "This notebook uses:", "", *lines])
    notebook.cells.append(nbformat.v4.new_markdown_cell(text, id="in-the-library"))
    return nbformat.writes(notebook)


def file_link(found: re.Match[str]) -> str:
    module = found[1].replace("/", ".")
    return f"{{py:mod}}`{found[1]}.py <{module}>`" if module in places() else found[0]


def room_page(room: str, modules: list[str]) -> str:
    """A room's page: its own words, then module by module."""
    lines = [room, "=" * len(room), ""]
    if modules != [f"regtutor.{room}"]:
        lines += [f".. automodule:: regtutor.{room}", "   :no-members:", ""]
    for module in modules:
        if len(modules) > 1:
            name = module.rpartition(".")[2]
            lines += [name, "-" * len(name), ""]
        lines += [f".. automodule:: {module}", ""]
    return "\n".join(lines)


def write_pages(app: Sphinx) -> None:
    """All that is not written by hand."""
    pages = {DOCS / "notebooks" / path.name: notebook_page(path) for path in NOTEBOOKS.values()}
    pages |= {DOCS / "api" / f"{room}.rst": room_page(room, them) for room, them in rooms().items()}
    for folder in ("notebooks", "api"):
        for old in set((DOCS / folder).glob("*")) - set(pages):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    pages[DOCS / "misconceptions.md"] = misconceptions.page(EXERCISES.values())
    for path, text in pages.items():
        write(path, text)


def lead_on(app: Sphinx, name: str, source: list[str]) -> None:
    """Links of a page of `docs/`, as they lead in the repository, lead so on the site too."""
    if "/" in name:  # written for the site
        return
    source[0] = re.sub(r"\[([^\]]+)\]\(\.\./([^)]+)\)", led, source[0])


def led(found: re.Match[str]) -> str:
    words, there = found.groups()
    if there.startswith("notebooks/"):
        known = there.removeprefix("notebooks/") in [path.name for path in NOTEBOOKS.values()]
        return f"[{words}]({there})" if known else words
    return f"[{words}](https://github.com/regtutor/regtutor/blob/main/{there})"


def say_in_rst(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """A docstring of this house as reStructuredText, in place."""
    blocks = re.split(r"\n\n+", "\n".join(lines).strip("\n"))
    shown = ["::\n\n" + block if block.startswith("    ") else block for block in blocks]
    text = re.sub(r"`([^`]+)`", lambda found: quoted(found[1], name), "\n\n".join(shown))
    text = NUMBERS.sub(lambda found: re.sub(r"\d\d", r":nb:`\g<0>`", found[0]), text)
    if name in users():
        numbers = [f":nb:`{number}`" for number in users()[name]]
        text += f"\n\nUsed in notebook{'s' * (len(numbers) > 1)} {', '.join(numbers)}."
    lines[:] = text.split("\n")


def plain_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, given: str | None, back: str | None
) -> tuple[str, str | None] | None:
    """Where a default has no literal, types stay as Sphinx notes them: make them plain."""
    if not given or "<function " not in given:
        return None
    return re.sub(r"~(?:\w+\.)+", "", re.sub(r"<function [^ ]*>", "…", given)), back


def quoted(words: str, here: str) -> str:
    """A name that the site knows becomes a link, one nearby first; all else stands as it is."""
    name, parts = words.partition("(")[0], here.split(".")
    around = [".".join([*parts[:n], name]) for n in range(len(parts), 0, -1)]
    place = next(filter(None, map(places().get, [*around, name])), None)
    if place and place != here:
        return f":py:obj:`{words} <{place}>`"
    return f"``{words.replace(': ', ':' + NO_BREAK)}``"  # else napoleon takes it for a type


class Notebook(SphinxRole):
    """{nb}`05`: a link to the notebook of that number; the number alone before it is written."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if self.text not in NOTEBOOKS:
            return [nodes.Text(self.text)], []
        node = pending_xref("", nodes.inline("", self.text), refdomain="std", reftype="doc")
        node["reftarget"] = f"/notebooks/{NOTEBOOKS[self.text].stem}"
        node.update_all_atts({"refdoc": self.env.docname, "refexplicit": True, "refwarn": True})
        return [node], []


def copy_mathjax(app: Sphinx, failed: Exception | None) -> None:
    """MathJax 3, Apache-2.0, from an installed package: the one script, its fonts, its licence."""
    if failed or app.builder.format != "html":
        return
    spec = importlib.util.find_spec("mathjax")
    if spec is None or not spec.submodule_search_locations:
        raise ExtensionError("MathJax is not there: pip install -c constraints.txt -e '.[docs]'")
    source = Path(spec.submodule_search_locations[0]) / "static" / "mathjax"
    target, fonts = Path(app.outdir) / "_static" / "mathjax", "output/chtml/fonts/woff-v2"
    (target / fonts).mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "LICENSE", target)
    for file in [source / "es5" / "tex-chtml.js", *(source / "es5" / fonts).glob("*.woff")]:
        shutil.copy(file, target / file.relative_to(source / "es5"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("sphinx.ext.autodoc")  # whose event this is
    app.add_role("nb", Notebook())
    app.connect("builder-inited", write_pages)
    app.connect("source-read", lead_on)
    app.connect("autodoc-process-docstring", say_in_rst, priority=400)  # napoleon has 500
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True}
