"""The shape of the house: imports run down only, one grid_sample, one source of chance."""

import ast
import re
from pathlib import Path

import pytest

import regtutor

PACKAGE = Path(regtutor.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# A module may import from lower floors, and from its own folder.
FLOORS = [
    {"exercises", "show"},
    {"training", "instance"},
    {"evaluation", "mismatch", "descent", "shift"},
    {"checkpoint", "data"},
    {"transforms"},
    {"files", "networks", "losses", "metrics"},
    {"deformation"},
    {"filters", "seeds"},
    {"checks"},
]
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}


def room(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def regtutor_imports(module: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("regtutor"):
            parts = node.module.split(".")
            found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names = [a.name.split(".") for a in node.names if a.name.startswith("regtutor")]
            found |= {parts[1] for parts in names if len(parts) > 1}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_run_down_only(module):
    if module == PACKAGE / "__init__.py":
        assert regtutor_imports(module) == set()
        return
    here = room(module)
    assert here in FLOOR, f"{here} has no floor: give it one here and in CONTRIBUTING.md"
    for other in regtutor_imports(module) - {here}:
        assert FLOOR[other] > FLOOR[here], f"{here} imports {other}, which is not below it"


def test_one_call_of_grid_sample():
    calls = [
        module
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and "grid_sample" in (getattr(node.func, "attr", ""), getattr(node.func, "id", ""))
    ]
    learners = PACKAGE / "exercises" / "warping.py"  # the solution of "write warp yourself"
    assert calls == [PACKAGE / "deformation" / "warp.py", learners]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_torch_is_the_only_source_of_chance(module):
    text = module.read_text(encoding="utf-8")
    if module.name == "seeds.py":  # seeds the others, draws from none
        return
    assert not re.search(r"\b(np|numpy)\.random|^\s*(import|from) random\b", text, re.MULTILINE)


def test_monai_is_never_imported():
    for module in MODULES:
        tree = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        names = [a.name for n in tree if isinstance(n, ast.Import) for a in n.names]
        tree = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        names += [n.module or "" for n in tree if isinstance(n, ast.ImportFrom)]
        assert not [n for n in names if n.split(".")[0] in {"monai", "SimpleITK"}], module


def test_file_names_occur_once():
    names = [m.name for m in MODULES if m.name != "__init__.py"]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_files_fit_in_the_head(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 200
