"""Archives come out whole or not at all, and write nowhere but in their folder."""

from __future__ import annotations

import io
import re
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from types import SimpleNamespace

import pytest

from regtutor.data.archives import unpack

FILES = {"top/a.txt": b"a" * 5000, "top/sub/b.txt": b"b", "top/sub/empty.txt": b""}


def make_zip(path, files=FILES, changed=None):
    """A zip; `changed(ZipInfo)` may make its first member a strange one."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if changed and name == next(iter(files)):
                changed(info)
            archive.writestr(info, content)
    return path


def make_tar(path, files=FILES, changed=None):
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if changed and name == next(iter(files)):
                changed(info)
            archive.addfile(info, io.BytesIO(content))
    return path


MAKERS = {"zip": make_zip, "tar": make_tar}


@pytest.fixture(params=MAKERS)
def make(request, tmp_path):
    """Make an archive of a kind in a folder of its own."""
    (tmp_path / "inside").mkdir()
    path = tmp_path / "inside" / f"x.{request.param}"
    return lambda files=FILES, changed=None: MAKERS[request.param](path, files, changed)


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")
            if p.is_file()}  # fmt: skip


def refused(archive, folder, **options):
    """The complaint; nothing is left but the archive, if even that."""
    before = contents(archive.parents[1])
    with pytest.raises(ValueError, match=": expected ") as caught:
        unpack(archive, folder, progress=False, **options)
    assert re.fullmatch(r"[^\n]+: expected [^\n]+, got [^\n]+\.( [^\n]+[.?])?", str(caught.value))
    assert not folder.exists()
    after = contents(archive.parents[1])
    assert after == {name: before[name] for name in after}
    assert list(archive.parents[1].glob("**/.*")) == []
    return str(caught.value)


def test_whole(make, tmp_path):
    folder = tmp_path / "new" / "out"
    assert unpack(make(), folder, progress=False) == folder
    assert contents(folder) == FILES
    assert list(folder.parent.iterdir()) == [folder]


def test_only_what_is_kept(make, tmp_path):
    more = {"./top/c.txt": b"c", "top/d.csv": b"-"}
    unpack(make(FILES | more), tmp_path / "out", keep=("*top/?.txt",), progress=False)
    assert contents(tmp_path / "out").keys() == {"top/a.txt", "top/c.txt"}
    message = refused(make(), tmp_path / "none", keep=("*.nii", "*.csv"))
    assert "expected files such as *.nii, *.csv, got none" in message


def test_arranged_before_it_appears(make, tmp_path):
    def arrange(unpacked):
        assert not (tmp_path / "out").exists()
        (unpacked / "top" / "a.txt").rename(unpacked / "top" / "sub" / "moved.txt")
        return unpacked / "top" / "sub"

    unpack(make(), tmp_path / "out", arrange=arrange, progress=False)
    assert contents(tmp_path / "out").keys() == {"b.txt", "empty.txt", "moved.txt"}
    assert not list(tmp_path.glob(".*"))


def test_refused_by_its_arrangement(make, tmp_path):
    def arrange(unpacked):
        raise ValueError("pairs: expected some, got none. Look.")

    assert refused(make(), tmp_path / "out", arrange=arrange).startswith("pairs: expected some")
    assert make().exists()


OUTSIDE = ["../evil.txt", "top/../../evil.txt", "{tmp}/evil.txt", "C:/evil.txt", "C:evil.txt",
           "..\\evil.txt", "\\\\server\\share\\evil.txt", "top/a.txt:stream"]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out(make, tmp_path, name):
    name = name.format(tmp=tmp_path)
    message = refused(make({name: b"evil"} | FILES), tmp_path / "out")
    assert f"expected names inside its folder, got {name!r}. Nothing of it was" in message
    assert refused(make(FILES | {name: b"evil"}), tmp_path / "out", keep=("*a.txt",))
    assert not list(tmp_path.rglob("evil*"))


KINDS = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


@pytest.mark.parametrize("kind", KINDS)
def test_links_and_devices_of_a_tar_are_never_made(tmp_path, kind):
    """Nor is a file written through one."""

    def change(info):
        info.type, info.size, info.linkname = kind, 0, str(tmp_path)

    archive = make_tar(tmp_path / "x.tar", {"top": b"", "top/evil.txt": b"-", "a": b"a"}, change)
    unpack(archive, tmp_path / "out", progress=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "x.tar"]
    inside = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*")}
    assert inside == {"top", "top/evil.txt", "a"}
    assert not (tmp_path / "out" / "top").is_symlink()


def test_links_of_a_zip_are_files_that_lead_nowhere(tmp_path):
    def change(info):
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16

    archive = make_zip(tmp_path / "x.zip", {"top/link": b"/tmp"}, change)
    unpack(archive, tmp_path / "out", progress=False)
    assert (tmp_path / "out/top/link").lstat().st_mode & 0o170111 == stat.S_IFREG


def test_more_bytes_than_the_disk_has(make, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=5000))
        message = refused(archive := make(), tmp_path / "out")
    assert "got 5001 bytes to write, 5000 free. Make room or choose another folder" in message
    unpack(archive, tmp_path / "out", progress=False)


def test_a_zip_that_lies_about_its_size_is_damaged(tmp_path):
    """Less is said than there is: no more than what was said is ever written."""
    (tmp_path / "inside").mkdir()
    archive = make_zip(tmp_path / "inside" / "x.zip", {"a.txt": b"0" * 4242})
    size, less = (4242).to_bytes(4, "little"), (10).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(size, less))
    assert "expected a whole zip or tar archive, got Bad CRC-32" in refused(archive, tmp_path / "o")


def cut(content):
    return content[: len(content) * 2 // 3]


def page(content):
    return b"<html>Please log in</html>"


@pytest.mark.parametrize("damage", [cut, page, lambda content: b""], ids=["cut", "page", "empty"])
def test_damaged_is_deleted(make, tmp_path, damage):
    noise = {f"{n}.bin": bytes(i * i * (n + 7) % 251 for i in range(20_000)) for n in range(3)}
    archive = make(noise)
    archive.write_bytes(damage(archive.read_bytes()))
    message = refused(archive, tmp_path / "out")
    assert f"{archive}: expected a whole zip or tar archive, got " in message
    assert message.endswith("It is deleted: download it again.")
    assert not archive.exists()


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_bent_zip_is_deleted(tmp_path, place):
    (tmp_path / "inside").mkdir()
    text = " ".join(str(i * i) for i in range(40_000)).encode()
    archive = make_zip(tmp_path / "inside" / "x.zip", {"first.txt": b"1", "second.txt": text})
    content = bytearray(archive.read_bytes())
    content[int(len(content) * place)] ^= 255
    archive.write_bytes(content)
    assert "It is deleted" in refused(archive, tmp_path / "out")
    assert not archive.exists()


def test_locked_by_a_password(tmp_path):
    (tmp_path / "inside").mkdir()
    archive = make_zip(tmp_path / "inside" / "x.zip", {"a.txt": b"a"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # the flag, before the file and in the list of files
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    assert "password required" in refused(archive, tmp_path / "out")


def test_a_folder_that_is_there_stays(make, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=r"folder: expected a free name, got .*out, which"):
        unpack(make(), tmp_path / "out", progress=False)
    assert not any((tmp_path / "out").iterdir())
    with pytest.raises(FileNotFoundError, match="archive: expected an archive, got no file at"):
        unpack(tmp_path / "none.zip", tmp_path / "new", progress=False)


# The same function, but it waits in the middle of its second file.
SLOWLY = """
import shutil, sys, time
from regtutor.data.archives import unpack
whole, seen = shutil.copyfileobj, []
def slowly(source, target, length):
    seen.append(target)
    if len(seen) == 2:
        target.write(source.read(300))
        target.flush()
        time.sleep(600)
    whole(source, target, length)
shutil.copyfileobj = slowly
unpack(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_killed_in_the_middle_leaves_no_half(tmp_path, kind):
    files = {"one.txt": b"1" * 900, "two.txt": b"2" * 900, "three.txt": b"3" * 900}
    archive, folder = MAKERS[kind](tmp_path / "x", files), tmp_path / "out"
    words = [sys.executable, "-c", SLOWLY, archive, folder]
    started = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    second = tmp_path / ".out.part" / "two.txt"
    try:
        for _ in range(6000):
            if (second.exists() and second.stat().st_size == 300) or started.poll() is not None:
                break
            time.sleep(0.01)
    finally:
        started.kill()
    assert started.wait() == -signal.SIGKILL
    assert second.stat().st_size == 300
    assert not folder.exists()
    (second.parent / "stray.txt").touch()
    unpack(archive, folder, progress=False)
    assert contents(folder) == files
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "x"]
