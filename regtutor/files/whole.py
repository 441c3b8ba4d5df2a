"""A file is there whole, or as it was before: it is written beside its place, then moved into it.

A program that is killed half-way leaves no half of a file behind under its name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from regtutor.checks import complaint


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; what is written takes its place when all is there."""
    if not path.parent.is_dir():
        remedy = "Make it with folder.mkdir(parents=True)."
        raise FileNotFoundError(complaint("path", f"the folder {path.parent}", "none", remedy))
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
