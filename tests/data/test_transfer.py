"""A download that was cut off goes on; what is changed, damaged or missing is told and not kept."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from regtutor.data import transfer
from regtutor.data.transfer import download

WHOLE = random.Random(0).randbytes(600_000)
OTHER = random.Random(1).randbytes(500_000)
HASH = "sha256:" + hashlib.sha256(WHOLE).hexdigest()
MD5 = "md5:" + hashlib.md5(WHOLE).hexdigest()


@pytest.fixture
def url(server):
    server.files["/a.zip"] = WHOLE
    return server.url("/a.zip")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "a.zip"


def refused(url, path, known_hash=None):
    """The complaint, in the one form."""
    with pytest.raises(ValueError, match=": expected ") as caught:
        download(url, path, known_hash, progress=False)
    assert re.fullmatch(r"[^\n]+: expected [^\n]+, got [^\n]+\. [^\n]+\.", str(caught.value))
    assert not path.exists()
    return str(caught.value)


def names(path):
    return sorted(file.name for file in path.parent.iterdir())


@pytest.mark.parametrize("known_hash", [None, HASH, MD5, MD5.upper()])
def test_complete_and_not_again(server, url, path, known_hash, capfd):
    assert download(url, path, known_hash, progress=False) == path
    assert path.read_bytes() == WHOLE
    assert names(path) == ["a.zip"]
    download(url, path, known_hash, progress=False)
    assert server.sent == [(0, len(WHOLE))]
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_shown_and_goes_on_too(server, url, path, capfd):
    server.faults = {"cut"}
    with pytest.raises(ValueError, match="goes on from there"):
        download(url, path)
    capfd.readouterr()
    server.faults = set()
    download(url, path)
    shown = [line for line in capfd.readouterr().err.splitlines() if line]  # it parts at \r too
    assert "a.zip:  44%" in shown[0]  # of 600 000 bytes there were 4 chunks
    assert "a.zip: 100%" in shown[-1]
    assert "600k/600k" in shown[-1]


@pytest.mark.parametrize("known_hash", [None, HASH])
def test_interrupted_then_only_the_rest(server, url, path, known_hash):
    server.faults = {"cut"}
    message = refused(url, path, known_hash)
    have = path.with_name("a.zip.part").stat().st_size
    assert f"{url}: expected a connection that holds, got {have} of 600000 bytes" in message
    assert "Call again: it goes on" in message
    assert 300_000 - transfer.CHUNK <= have <= 300_000
    server.faults = set()
    download(url, path, known_hash, progress=False)
    assert path.read_bytes() == WHOLE
    assert server.sent[1:] == [(have, 600_000 - have)]
    assert names(path) == ["a.zip"]


def test_interrupted_again_and_again(server, url, path):
    server.faults = {"cut"}
    for _ in range(3):
        refused(url, path)
    server.faults = set()
    download(url, path, HASH, progress=False)
    starts = [start for start, _ in server.sent]
    assert starts == sorted(set(starts))
    assert len(starts) == 4


@pytest.mark.parametrize("fault", ["no ranges", "no tag", "weak tag"])
def test_without_safe_ranges_all_comes_anew(server, url, path, fault):
    server.faults = {"cut", fault}
    refused(url, path)
    server.faults = {fault}
    download(url, path, HASH, progress=False)
    assert server.sent[1] == (0, 600_000)


def test_a_file_changed_between_two_calls_comes_anew(server, url, path):
    server.faults = {"cut"}
    refused(url, path)
    server.faults, server.files["/a.zip"] = set(), OTHER
    download(url, path, progress=False)
    assert path.read_bytes() == OTHER
    assert server.sent[1] == (0, len(OTHER))


def test_another_address_begins_anew(server, url, path):
    server.faults = {"cut"}
    refused(url, path)
    server.faults, server.files["/b.zip"] = set(), WHOLE
    download(server.url("/b.zip"), path, HASH, progress=False)
    assert server.sent[1] == (0, 600_000)


def test_all_has_come_but_the_end_was_not_reached(server, url, path, monkeypatch):
    """Killed between the last byte and the hash: nothing is asked for again."""
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "_receive", killed_after(transfer._receive))
        with pytest.raises(KeyboardInterrupt):
            download(url, path, HASH, progress=False)
    assert path.with_name("a.zip.part").read_bytes() == WHOLE
    download(url, path, HASH, progress=False)
    assert path.read_bytes() == WHOLE
    assert len(server.sent) == 1


def killed_after(function):
    def run(*arguments):
        function(*arguments)
        raise KeyboardInterrupt

    return run


@pytest.mark.parametrize("note", ["{", '{"url": "", "tag": "", "size": 1}', None])
def test_bytes_of_which_nothing_is_known_are_forgotten(server, url, path, note):
    path.parent.mkdir()
    path.with_name("a.zip.part").write_bytes(b"x" * 100)
    if note:
        path.with_name("a.zip.part.json").write_text(note)
    download(url, path, HASH, progress=False)
    assert server.sent == [(0, 600_000)]


def test_more_bytes_than_the_file_has(server, url, path):
    server.faults = {"cut"}
    refused(url, path)
    with path.with_name("a.zip.part").open("ab") as file:
        file.write(bytes(400_000))
    server.faults = set()
    download(url, path, HASH, progress=False)
    assert server.sent[1] == (0, 600_000)


@pytest.mark.parametrize("known_hash", [HASH, MD5])
def test_corrupted_is_refused_and_removed(server, url, path, known_hash):
    server.files["/a.zip"] = WHOLE[:-1] + b"\0"
    message = refused(url, path, known_hash)
    kind = known_hash.split(":")[0]
    got = getattr(hashlib, kind)(WHOLE[:-1] + b"\0").hexdigest()
    assert f"{url}: expected a file of hash {known_hash}, got {kind}:{got}. It is" in message
    assert names(path) == []
    server.files["/a.zip"] = WHOLE
    download(url, path, known_hash, progress=False)
    assert path.read_bytes() == WHOLE


def test_corrupted_halves_are_refused_and_removed(server, url, path):
    """The first half was damaged where it lay: the hash finds it, the second call mends it."""
    server.faults = {"cut"}
    refused(url, path)
    part = path.with_name("a.zip.part")
    part.write_bytes(b"\0" + part.read_bytes()[1:])
    server.faults = set()
    assert "It is deleted" in refused(url, path, HASH)
    assert names(path) == []
    download(url, path, HASH, progress=False)


def test_a_file_damaged_on_the_disk_comes_again(server, url, path):
    path.parent.mkdir()
    path.write_bytes(WHOLE[:-1])
    download(url, path, HASH, progress=False)
    assert path.read_bytes() == WHOLE


def test_missing(server, path):
    message = refused(server.url("/none.zip"), path)
    assert "/none.zip: expected a file to download, got 404 Client Error: Not Found" in message
    assert "give its present address as url" in message
    assert names(path) == []


def test_nobody_answers(path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = refused(f"http://127.0.0.1:{port}/a.zip", path)
    assert "a.zip: expected a connection that holds, got [Errno " in message
    assert "] Connection refused. Call again" in message


def test_a_disk_too_small_is_seen_before(server, url, path, monkeypatch):
    free = SimpleNamespace(free=599_999)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: free)
        message = refused(url, path)
    assert "new: expected a folder that takes what is written, got 600000 bytes to" in message
    assert "599999 free. Make room" in message
    assert names(path) == []
    download(url, path, progress=False)


def test_a_disk_that_fills_up_keeps_what_it_has(server, url, path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (250_000, hard))
    try:
        message = refused(url, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "got File too large. Make room" in message
    assert names(path) == ["a.zip.part", "a.zip.part.json"]
    download(url, path, HASH, progress=False)
    assert server.sent[-1] == (250_000, 350_000)


def test_a_folder_that_is_a_file(url, path):
    path.parent.write_text("no folder")
    assert "Make room or choose another folder" in refused(url, path)


@pytest.mark.parametrize(
    ("url", "known_hash", "message"),
    [
        ("ftp://a/b", None, "url: expected https://… or http://…, got 'ftp://a/b'"),
        ("a.zip", None, "url: expected https://"),
        (
            "http://a/b",
            "abc",
            "known_hash: expected sha256: and 64 hexadecimal digits, .*, got abc",
        ),
        ("http://a/b", "sha3:" + "0" * 64, "known_hash: expected"),
        ("http://a/b", "md5:" + "0" * 31, "known_hash: expected"),
        ("http://a/b", "0" * 32, "known_hash: expected"),
    ],
)
def test_nonsense_is_refused_before_anything(path, url, known_hash, message):
    with pytest.raises(ValueError, match=message):
        download(url, path, known_hash)
    assert not path.parent.exists()


def test_killed_and_started_again(server, url, path):
    server.faults = {"cut", "stall"}
    program = f"from regtutor.data.transfer import download; download({url!r}, {str(path)!r})"
    started = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    part = path.with_name("a.zip.part")
    try:
        for _ in range(6000):
            if (part.exists() and part.stat().st_size >= 200_000) or started.poll() is not None:
                break
            time.sleep(0.01)
    finally:
        started.kill()
    assert started.wait() == -signal.SIGKILL
    have = part.stat().st_size
    server.faults = set()
    server.go_on.set()
    download(url, path, HASH, progress=False)
    assert path.read_bytes() == WHOLE
    assert server.sent[1:] == [(have, 600_000 - have)]
