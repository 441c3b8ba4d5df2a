"""What the tests of all programs share: typing one, and being refused in one line.

Most run in this process, by `runpy`, as if they were typed (importing torch costs seconds).
"""

import runpy
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "data_scripts"


@pytest.fixture
def typed(monkeypatch):
    """Run a program of `data_scripts` with words."""

    def run(name, *words):
        monkeypatch.syspath_prepend(SCRIPTS)
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(SCRIPTS / name), run_name="__main__")

    return run


@pytest.fixture
def refused(typed, capfd):
    """Run a program that shall end with exit code 2; its last line on stderr."""

    def run(name, *words, bars=False):
        with pytest.raises(SystemExit) as ended:
            typed(name, *words)
        out, err = capfd.readouterr()
        assert ended.value.code == 2
        assert out == ""
        assert "Traceback" not in err
        last = err.splitlines()[-1]
        assert last.startswith(f"{name}: ")
        assert bars or err == last + "\n"  # unless progress bars stand before it
        return last

    return run
