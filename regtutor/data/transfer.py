"""A file from far away, whole or not at all.

    Range: bytes=have-    If-Range: the tag of what they are part of    →    the rest, or all anew

What has come is kept beside its place (`….part`) until all is there and has the right hash: a
download that was broken off goes on where it stopped, unless the file was changed meanwhile. (pooch
begins anew; its hashes are used.) Used by data/download.py.

Source: RFC 9110, sections 13.1.5 (If-Range) and 14.2 (Range).
"""

from __future__ import annotations

import errno
import json
import re
import shutil
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from regtutor.checks import complaint, require

CHUNK = 1 << 16  # bytes: what a cut connection may cost


def download(
    url: str, path: str | Path, known_hash: str | None = None, progress: bool = True
) -> Path:
    """A file, downloaded or there already, of the hash it should have.

    Args:
        url: where from, `https://…`.
        path: where to; its folder is made. A file that is there and has the hash stays.
        known_hash: `sha256:…` or `md5:…`; None checks nothing.
        progress: show a bar.

    Returns:
        The path.

    Raises:
        ValueError: no answer, no such file, a connection that was cut, no room: what has come is
            kept for the next call. Another hash: what has come is deleted.
    """
    path = Path(path).expanduser()
    require(url.startswith(("http://", "https://")), "url", "https://… or http://…", repr(url))
    known_hash, form = known_hash and known_hash.lower(), "md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}"
    good = known_hash is None or re.fullmatch(form, known_hash) is not None
    require(good, "known_hash", "sha256: and 64 hexadecimal digits, or md5: and 32", known_hash)
    if path.is_file() and known_hash in (None, hash_of(path, known_hash)):
        return path
    part, about = (path.with_name(path.name + ending) for ending in (".part", ".part.json"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _go_on(url, part, about, progress)
    except OSError as error:
        raise ValueError(_why(error, url, path.parent)) from error
    got = hash_of(part, known_hash)
    about.unlink()  # the next call must not go on from bytes of another hash
    if known_hash not in (None, got):
        part.unlink()
        remedy = "It is deleted. Call again; if you trust what is there now, give its known_hash."
        raise ValueError(complaint(url, f"a file of hash {known_hash}", got, remedy))
    part.replace(path)
    return path


def hash_of(path: Path, like: str | None = None) -> str:
    """`sha256:…` of a file, or `md5:…` if the hash `like` is of that kind."""
    import pooch  # here, for its import takes longer than ours

    kind = "md5" if (like or "").startswith("md5:") else "sha256"
    return f"{kind}:{pooch.file_hash(str(path), kind)}"


def _why(error: OSError, url: str, folder: Path) -> str:
    """What went wrong, in the one form."""
    import requests

    if isinstance(error, requests.HTTPError):
        got = str(error).partition(" for url")[0]
        remedy = "Try again later, or give its present address as url."
        return complaint(url, "a file to download", got, remedy)
    if isinstance(error, requests.RequestException):
        first: BaseException = error
        while first.__context__:  # requests wraps it three times: refused, timed out, incomplete
            first = first.__context__
        return complaint(
            url, "a connection that holds", first, "Call again: it goes on from there."
        )
    return no_room(folder, error)


def _go_on(url: str, part: Path, about: Path, progress: bool) -> None:
    """Ask for what is missing of `part`, and write it."""
    import requests

    have, begun = _begun(url, part, about)
    if have and have == begun["size"]:
        return
    headers = {"User-Agent": "regtutor", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": begun["tag"]}
    with requests.get(url, headers=headers, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        if answer.status_code != 206:  # all, for it has changed, or the server knows no ranges
            length = int(answer.headers.get("Content-Length", 0))
            have, begun = 0, {"url": url, "tag": _tag(answer.headers), "size": length}
        require_room(part.parent, begun["size"] - have)
        with part.open("ab" if have else "wb") as file:
            # Written when the old bytes are gone: it must never be said of those.
            about.write_text(json.dumps(begun), encoding="utf-8")
            try:
                _receive(answer, file, have, begun["size"], progress)
            except requests.RequestException:
                if not begun["size"]:  # otherwise the count below says it in fewer words
                    raise
    arrived = part.stat().st_size
    if begun["size"] not in (0, arrived):
        raise requests.ConnectionError(f"{arrived} of {begun['size']} bytes")


def _begun(url: str, part: Path, about: Path) -> tuple[int, dict[str, Any]]:
    """How many bytes have come of this very file, and what is known of it."""
    try:
        begun, have = json.loads(about.read_text(encoding="utf-8")), part.stat().st_size
    except (FileNotFoundError, ValueError):
        return 0, {}
    same = begun["url"] == url and begun["tag"] and have <= begun["size"]
    return have if same else 0, begun


def _tag(headers: Any) -> str:
    """By what the server would know that the file has not changed; a weak tag says too little."""
    etag = headers.get("ETag", "W/")
    return headers.get("Last-Modified", "") if etag.startswith("W/") else etag


def _receive(answer: Any, file: Any, have: int, size: int, progress: bool) -> None:
    named = Path(file.name).stem
    with tqdm(
        desc=named,
        total=size or None,
        initial=have,
        unit="B",
        unit_scale=True,
        disable=not progress,
    ) as bar:
        for chunk in answer.iter_content(CHUNK):
            file.write(chunk)
            bar.update(len(chunk))


def require_room(folder: Path, needed: int) -> None:
    """Raise what the system would say when the disk is full, before it is."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed} bytes to write, {free} free")


def no_room(folder: Path, error: OSError) -> str:
    """The complaint about a folder that cannot be written to."""
    remedy = "Make room or choose another folder, and call again."
    got = error.strerror or error
    return complaint(str(folder), "a folder that takes what is written", got, remedy)
