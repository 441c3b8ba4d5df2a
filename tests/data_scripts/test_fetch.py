"""fetch.py: a listing, a collection from loopback, and one clear line when it cannot go on."""

import functools
import re
import runpy
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "data_scripts"


@pytest.fixture
def typed(monkeypatch):
    """Run fetch.py with words."""

    def run(*words):
        monkeypatch.syspath_prepend(SCRIPTS)
        monkeypatch.setattr(sys, "argv", ["fetch.py", *map(str, words)])
        runpy.run_path(str(SCRIPTS / "fetch.py"), run_name="__main__")

    return run


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def address(tmp_path):
    """A server of one archive in the course's layout."""
    (tmp_path / "far").mkdir()
    with zipfile.ZipFile(tmp_path / "far" / "training.zip", "w") as archive:
        for case in ("001", "002"):
            for phase in ("exp", "insp"):
                for folder in ("scans", "lungMasks"):
                    archive.writestr(f"training/{folder}/case_{case}_{phase}.nii.gz", b"image")
    handler = functools.partial(Quiet, directory=tmp_path / "far")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_listing(typed, tmp_path, capsys):
    typed("--out", tmp_path / "data")
    out = capsys.readouterr().out
    heads = [line.split(":")[0] for line in out.splitlines() if not line.startswith(" ")]
    assert heads == ["lung_ct", "nlst", "oasis"]
    assert out.count("    absent, 0.00 GB on the disk\n") == 3
    assert out.count("    licence: ") == out.count("    note: ") == 3
    assert max(map(len, out.splitlines())) <= 100
    assert not (tmp_path / "data").exists()


def test_a_collection_comes_and_is_told(typed, address, tmp_path, capsys):
    words = ["lung_ct", "--out", tmp_path / "data", "--url", f"{address}/training.zip"]
    typed(*words)
    out, err = capsys.readouterr()
    assert "lung_ct.zip: 100%" in err
    assert "    here, 2 pairs in lung_ct/, 2 with labels, 0 with landmarks, 0.00 GB" in out
    assert out.startswith("lung_ct: Learn2Reg 2020")
    assert "nlst:" not in out
    typed(*words)
    again, err = capsys.readouterr()
    assert (again, err) == (out, "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lung"], r"argument name: invalid choice: 'lung'"),
        (["lung_ct", "--hash", "abc"], "known_hash: expected sha256: and 64 hexadecimal digits"),
        (["lung_ct", "--url", "ftp://a"], "url: expected https"),
        (["lung_ct", "--url", "{}/none.zip"], "expected a file to download, got 404 Client Error"),
        (["lung_ct", "--hash", "md5:" + "0" * 32, "--url", "{}/training.zip"],
         "expected a file of hash md5:0{32}, got md5:[0-9a-f]{32}. It is deleted"),
        (["nlst", "--url", "{}/training.zip"], "NLST: expected the list of its pairs, got no file"),
    ],
)  # fmt: skip
def test_refused_in_one_line(typed, address, tmp_path, capsys, words, message):
    with pytest.raises(SystemExit) as ended:
        typed(*(word.format(address) for word in words), "--out", tmp_path / "data")
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    last = err.splitlines()[-1]  # bars may stand before it
    assert last.startswith("fetch.py: ")
    assert re.search(message, last)
    assert "Traceback" not in err
    assert not list((tmp_path / "data").glob("*_*"))
