"""How a program here ends that cannot go on: one line on stderr, exit code 2, nothing written.

What the library refuses (`name: expected …, got ….`) is for whoever typed the command. Any other
error is a fault of the program: it keeps its traceback.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import NoReturn


class Parser(ArgumentParser):
    """An ArgumentParser that complains in one line, without repeating all it knows."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (--help says more)\n")


def run(main: Callable[[Namespace], None], parser: Parser) -> None:
    """`main` with what was typed; what it refuses becomes the parser's complaint."""
    try:
        main(parser.parse_args())
    except (ValueError, FileNotFoundError) as error:
        if ": expected " not in str(error):
            raise
        parser.error(str(error))
