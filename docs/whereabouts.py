"""Where things are: the library's names by their full name, and the notebooks that use them."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

DOCS = Path(__file__).parent
HOUSE = DOCS.parent / "regtutor"
NOTEBOOKS = {path.stem[:2]: path for path in sorted((DOCS.parent / "notebooks").glob("*.ipynb"))}
# The other modules of this room are the answers, right and wrong.
OPEN = {"exercises": ("checking", "exercise", "forms")}


@cache
def rooms() -> dict[str, list[str]]:
    """room → its modules, by full name."""
    found = {}
    for path in sorted(HOUSE.iterdir()):
        if path.is_dir() and (path / "__init__.py").exists():
            names = OPEN.get(path.name) or [p.stem for p in sorted(path.glob("[a-z]*.py"))]
            found[path.name] = [f"regtutor.{path.name}.{name}" for name in names]
        elif path.suffix == ".py" and path.stem != "__init__":
            found[path.stem] = [f"regtutor.{path.stem}"]
    return found


@cache
def places() -> dict[str, str]:
    """Full names of modules, functions and classes, by themselves and by what ends only one."""
    short, full = defaultdict(set), {}
    for module in [name for room in rooms().values() for name in room]:
        full[module] = module
        short[module.rpartition(".")[2]].add(module)
        for name, thing in vars(importlib.import_module(module)).items():
            own = getattr(thing, "__module__", None) == module and not name.startswith("_")
            if own and inspect.getdoc(thing) and (inspect.isclass(thing) or callable(thing)):
                full[f"{module}.{name}"] = f"{module}.{name}"
                short[name].add(f"{module}.{name}")
    return {**{name: min(those) for name, those in short.items() if len(those) == 1}, **full}


def used(notebook: NotebookNode) -> list[str]:
    """Full names of what a notebook takes from the library, in order."""
    lines = [line for c in notebook.cells if c.cell_type == "code" for line in c.source.split("\n")]
    tree = ast.parse("\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in lines))
    names: dict[str, str] = {}
    taken: dict[str, None] = {}  # a set that keeps its order
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regtutor"):
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            taken[names[node.id]] = None
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken[f"{names.get(node.value.id, '')}.{node.attr}"] = None
    return [*dict.fromkeys(filter(None, map(home, taken)))]


def home(name: str) -> str | None:
    """Where on the site the thing is that a notebook calls so."""
    room, _, last = name.rpartition(".")
    try:
        thing = getattr(importlib.import_module(room), last)
    except (ImportError, AttributeError, ValueError):
        return None
    return places().get(f"{getattr(thing, '__module__', None)}.{last}")


@cache
def users() -> dict[str, list[str]]:
    """Full name → the numbers of the notebooks that use it."""
    found = defaultdict(list)
    for number, path in NOTEBOOKS.items():
        for name in used(nbformat.read(path, as_version=4)):
            found[name].append(number)
    return found
