"""A zip or tar archive, unpacked whole or not at all, and nowhere but into its folder.

An archive is somebody else's list of names to write to. Here a name that leads out of the folder
is refused, links and devices are never made, and no more bytes are written than the disk has free.
It is unpacked beside its place (`.name.part`) and moved there at the end; what a run that was
killed left beside goes with the next. Used by data/download.py.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PureWindowsPath
from typing import Any

from tqdm.auto import tqdm

from regtutor.checks import complaint, require, require_file
from regtutor.data.transfer import no_room, require_room

# What the readers raise when an archive is damaged, or (RuntimeError) wants a password.
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, RuntimeError)


def unpack(
    archive: str | Path,
    folder: str | Path,
    keep: Sequence[str] = ("*",),
    arrange: Callable[[Path], Path] | None = None,
    progress: bool = True,
) -> Path:
    """Unpack an archive into a folder that is not there yet.

    Args:
        archive: zip, or tar without compression (which has no sums of its content: check its hash).
        folder: appears when all is done.
        keep: patterns of the names to unpack; `*` stands for any text, `/` included.
        arrange: gets the folder of what is unpacked, may move things in it or refuse it, and
            returns what shall become `folder`.
        progress: show a bar.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: no archive.
        ValueError: a damaged archive, which is deleted; names that lead out of the folder; nothing
            to keep; no room; a folder that is there already.
    """
    archive, folder = require_file("archive", archive, "an archive"), Path(folder).expanduser()
    remedy = "Remove it, or choose another name."
    require(not folder.exists(), "folder", "a free name", f"{folder}, which is there", remedy)
    beside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        _write_files(archive, beside, keep, progress)
        (arrange(beside) if arrange else beside).rename(folder)
    except _DAMAGE as error:
        archive.unlink()
        remedy = "It is deleted: download it again."
        wanted = "a whole zip or tar archive"
        raise ValueError(complaint(str(archive), wanted, error, remedy)) from error
    except FileNotFoundError:
        raise  # by arrange
    except OSError as error:
        raise ValueError(no_room(folder.parent, error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _write_files(archive: Path, folder: Path, keep: Sequence[str], progress: bool) -> None:
    folder.mkdir(parents=True)
    with _opened(archive) as (sizes, open_file):
        for name in sizes:
            path = PureWindowsPath(name)  # it parts at / and \, and knows C:
            inside = not path.root and ".." not in path.parts and ":" not in name
            remedy = "Nothing of it was unpacked. Where does it come from?"
            require(inside, str(archive), "names inside its folder", repr(name), remedy)
        names = [name for name in sizes if any(fnmatch(name, pattern) for pattern in keep)]
        require(len(names) > 0, str(archive), f"files such as {', '.join(keep)}", "none")
        require_room(folder, sum(sizes[name] for name in names))
        for name in tqdm(names, archive.name, disable=not progress):
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with open_file(name) as source, place.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)


@contextmanager
def _opened(archive: Path) -> Iterator[tuple[dict[str, int], Callable[[str], Any]]]:
    """The files in an archive (name → bytes), and what opens one of them by its name.

    The readers give no more bytes than the archive says that there are.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            files = [info for info in zipped.infolist() if not info.is_dir()]
            yield {info.filename: info.file_size for info in files}, zipped.open
    else:
        with tarfile.open(archive, "r:") as tarred:
            yield {info.name: info.size for info in tarred if info.isreg()}, tarred.extractfile
