"""What the programs share beside measuring: their words, their table, its place in the README."""

from __future__ import annotations

import platform
import re
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

README = Path(__file__).with_name("README.md")


def parser(doc: str, sizes: Sequence[str] = (), out: Path = README) -> ArgumentParser:
    """The words that every program takes; `out` is where it writes if told to but not where."""
    made = ArgumentParser(description=doc.splitlines()[0])
    made.add_argument(
        "--only", nargs="+", metavar="NAME", help="rows with one of these in their name"
    )
    made.add_argument("--threads", type=int, default=1)
    where = f"write what is measured, too ({out.name})"
    made.add_argument("--out", nargs="?", type=Path, const=out, help=where)
    if sizes:
        made.add_argument("--sizes", nargs="+", type=size, default=[size(s) for s in sizes])
    return made


def size(text: str) -> tuple[int, ...]:
    """96x96x104 → (96, 96, 104)."""
    return tuple(int(n) for n in text.split("x"))


def named(size: Sequence[int]) -> str:
    """(96, 96, 96) → 96³, (96, 96, 104) → 96×96×104."""
    alike = len(set(size)) == 1
    return f"{size[0]}{'²³'[len(size) - 2]}" if alike else "×".join(map(str, size))


def wanted(name: str, only: Sequence[str] | None) -> bool:
    """Whether a row is asked for."""
    return only is None or any(word.lower() in name.lower() for word in only)


def short(number: float | None) -> str:
    """Three digits that count; n/a for None."""
    if number is None:
        return "n/a"
    return f"{number:.0f}" if number >= 99.5 else f"{number:.3g}"


class Table:
    """A table that is printed row by row as it comes, and can stand in the README.

    Args:
        section: its name there.
        head: the columns; the first `keys` of them tell rows apart.
    """

    def __init__(self, section: str, head: Sequence[str], keys: int) -> None:
        self.section, self.keys = section, keys
        self.rows: list[list[str]] = []
        self.head = [_line(head), _line(["---"] * keys + ["--:"] * (len(head) - keys))]
        print("\n".join(self.head), flush=True)

    def add(self, *cells: object) -> None:
        """One row."""
        self.rows.append([str(cell) for cell in cells])
        print(_line(self.rows[-1]), flush=True)

    def write(self, readme: Path | None) -> None:
        """Between the section's markers; rows that stand there and were not measured anew stay."""
        if readme is None or not self.rows:
            return
        text = readme.read_text(encoding="utf-8")
        begin, end = f"<!-- {self.section} -->", f"<!-- end {self.section} -->"
        place = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
        found = place.search(text)
        if found is None:
            raise ValueError(f"{readme}: expected the marks {begin} and {end}, got none.")
        lines = [line for line in found[0].splitlines() if line.startswith("| ")][2:]
        kept = {tuple(_cells(line)[: self.keys]): line for line in lines}
        kept |= {tuple(row[: self.keys]): _line(row) for row in self.rows}
        body = "\n".join([begin, "", machine(), "", *self.head, *kept.values(), "", end])
        readme.write_text(text[: found.start()] + body + text[found.end() :], encoding="utf-8")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def machine() -> str:
    """Where and when."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.is_file() else []
    processor = names[0] if names else platform.processor() or platform.machine()
    monai, threads = version("monai"), torch.get_num_threads()
    threads_text = "one thread" if threads == 1 else f"{threads} threads"
    libraries = f"torch {torch.__version__}, monai {monai}, Python {platform.python_version()}"
    return f"{date.today():%d %B %Y}, {processor}, {threads_text}, {libraries}."
