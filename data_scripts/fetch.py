"""Fetch a real collection, ready for train.py; without a name, say what there is and what is here.

    python data_scripts/fetch.py [lung_ct] [--out data] [--hash sha256:…] [--url https://…]

A collection comes into data/lung_ct (and its archive into data/archives). Killed or cut off and
started again with the same words, it goes on where it was. Read the licence before you use one.
"""

from __future__ import annotations

import textwrap
from argparse import Namespace
from pathlib import Path
from typing import Any

from program import Parser, run

from regtutor.data.download import COLLECTIONS, fetch, listing


def arguments() -> Parser:
    parser = Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("name", nargs="?", choices=list(COLLECTIONS), help="which; none: a listing")
    add("--out", type=Path, default=Path("data"), help="the folder of all collections (data)")
    add("--hash", help="the archive's, if you know it: sha256:… or md5:…")
    add("--url", help="another address of the same archive")
    return parser


def tell(row: dict[str, Any]) -> None:
    """A collection in a few lines."""
    print(f"{row['collection']}: {row['what']}")
    parts = [
        f"{count} pairs in {part or row['collection']}/" for part, count in row["pairs"].items()
    ]
    known = [f"{row['labelled']} with labels, {row['landmarks']} with landmarks"] if parts else []
    print(
        "   ", ", ".join([row["state"], *parts, *known, f"{row['bytes'] / 1e9:.2f} GB on the disk"])
    )
    for key in ("size", "licence", "note"):
        start = f"    {key}: "
        print(textwrap.fill(row[key], 100, initial_indent=start, subsequent_indent=" " * 8))


def main(options: Namespace) -> None:
    if options.name is not None:
        fetch(options.name, options.out, known_hash=options.hash, url=options.url)
    for row in listing(options.out):
        if options.name in (None, row["collection"]):
            tell(row)


if __name__ == "__main__":
    run(main, arguments())
