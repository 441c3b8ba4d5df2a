"""Each worked solution of a notebook, as it stands there folded away, is right.

Of the code above it only what it needs is run: the statements that bind its names, and theirs.
"""

import ast
import builtins
import re
from pathlib import Path

import nbformat
import pytest

from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def questions():
    """Exercise, the code down to its cell, the cell, the cell below."""
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        code = [(n, cell.source) for n, cell in enumerate(cells) if cell.cell_type == "code"]
        for n, source in code:
            for name in re.findall(r'^check\("(\w+)"', source, re.M):
                above = "\n".join(text for m, text in code[1:] if m <= n)
                yield pytest.param(name, above, source, cells[n + 1].source, id=name)


def bound(statement):
    """The names that a statement gives a meaning."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    return stored(statement)


def stored(node):
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    return {n.id for n in names if isinstance(n.ctx, ast.Store)}


def used(statement):
    """The names that it needs from outside: not its functions' own, nor those it runs over."""
    nodes = [*ast.walk(statement)]
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.comprehension):
            own |= stored(node)
    return {n.id for n in nodes if isinstance(n, ast.Name)} - own - set(dir(builtins))


def needed(wanted, above):
    """The statements of the code above without which these names mean nothing, in their order."""
    kept = []
    for statement in reversed(ast.parse(above).body):
        if bound(statement) & wanted:
            kept.insert(0, statement)
            wanted = wanted | used(statement)
    return [statement for statement in kept if not ast.unparse(statement).startswith("check(")]


@pytest.mark.parametrize(("name", "above", "source", "below"), list(questions()))
def test_the_folded_solution_is_right(name, above, source, below):
    blocks = re.findall(r"```python\n(.*?)```", below, re.S)
    assert blocks, f"a worked solution of {name!r} in a ```python block is wanted"
    asked = [s for s in ast.parse(source).body if ast.unparse(s).startswith("check(")]
    solution = [*ast.parse(blocks[0]).body, *asked]
    wanted = set().union(*map(used, solution)) - {"check"}
    meaning, verdicts = {}, []
    exec(compile(ast.Module(needed(wanted, above), []), "above", "exec"), meaning)
    meaning["check"] = lambda name, answer: verdicts.append((name, answer))
    exec(compile(ast.Module(solution, []), "solution", "exec"), meaning)
    assert {asked_name for asked_name, _ in verdicts} == {name}
    for _, answer in verdicts:
        verdict = judge(EXERCISES[name], answer)
        assert verdict.name == "right", verdict.text
