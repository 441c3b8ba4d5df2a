"""The modules of `docs/`, which is no package: it is on the path while the site is built."""

import importlib
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="session")
def docs_module():
    """`docs_module("misconceptions")` → the module."""

    def load(name):
        sys.path.insert(0, str(DOCS))
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(str(DOCS))

    return load
