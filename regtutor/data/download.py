"""The real collections of the field: fetched, checked, unpacked as `find_pairs` reads them, listed.

Nothing else here needs the internet: the course runs on the breathing thorax. Each collection has
its own terms, which are yours to read, and its own traps; those that are known are mended when it
is unpacked, and told in the listing. Taught in notebook 06.

No hash is published for two of the three. Of those the hash of the first download that could be
unpacked is kept beside the archive, and a later download is checked against it: this finds what was
damaged or changed later, not what was wrong at first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from regtutor.checks import require_choice
from regtutor.data.archives import unpack
from regtutor.data.arranging import TURNED, pair_brains, part_nlst
from regtutor.data.pairs import Pair, find_pairs
from regtutor.data.transfer import download, hash_of


@dataclass(frozen=True)
class Collection:
    """Where a collection is, and what is known of it."""

    what: str
    url: str
    size: str  # of the archive
    licence: str
    note: str
    top: str  # the folder in the archive that holds all; where there is none, the archive itself
    parts: tuple[str, ...] = ("",)  # the folders of pairs; the first is always there
    arrange: Callable[[Path], None] = lambda folder: None
    keep: tuple[str, ...] = ("*",)
    known_hash: str | None = None


COLLECTIONS = {
    "lung_ct": Collection(
        what="Learn2Reg 2020 task 2, the course's own: 20 lung CT, expiration and inspiration",
        url="https://zenodo.org/record/3835682/files/training.zip",
        size="about 280 MB, as others report",
        licence="CC BY 4.0 or CC BY-NC 4.0: public sources disagree, unverified",
        note="The expiration scan is cut above and below: weight the losses by its mask. The two "
        "scans of a pair agree voxel by voxel, though their origins differ by 0.6 mm. Stored "
        "values are no HU window: MONAI scales -285 … 3770. No landmarks come with it; those of "
        "the later release LungCT are flipped, (191 - i, 191 - j, k): never put them here.",
        top="training",
    ),
    "nlst": Collection(
        what="Learn2Reg 2023 NLST: lung CT, baseline and follow-up, with automatic keypoints",
        url="https://cloud.imi.uni-luebeck.de/s/pERQBNyEFNLY8gR/download/NLST2023.zip",
        size="unknown",
        licence="its file cites TCIA's NLST (doi 10.7937/TCIA.HMQ8-J677); terms unverified",
        note="Its validation pairs, listed as training pairs too, are in test/ alone. In turned/ "
        f"are {', '.join(TURNED)}, which lie in another orientation (one source has 0206 for 0260: "
        "look at both); the headers do not tell. MONAI clips -1200 … 400 HU.",
        top="NLST",
        parts=("train", "test", "turned"),
        arrange=part_nlst,
    ),
    "oasis": Collection(
        what="neurite-OASIS 1.0: 414 brains, T1, affinely aligned, in pairs of neighbours",
        url="https://surfer.nmr.mgh.harvard.edu/ftp/data/neurite/data/neurite-oasis.v1.0.tar",
        size="6.6 GB, of which about 1.2 GB are unpacked",
        licence="OASIS Data Use Agreement (oasis-brains.org); its authors ask for citation",
        note="Nobody of train/ is in test/. Within each, one pair's moving brain is the next "
        "one's fixed brain: do not split them again. The 35 labels are numbers in one channel: "
        "one-hot them before a Dice.",
        top="neurite-oasis.v1.0",
        parts=("train", "test"),
        arrange=pair_brains,
        keep=("*OASIS_OAS1_*_MR1/aligned_norm.nii.gz", "*OASIS_OAS1_*_MR1/aligned_seg35.nii.gz"),
        known_hash="md5:081392a8150ff99ab7a64a9ded377835",  # as two who downloaded it report
    ),
}


def fetch(
    name: str,
    folder: str | Path = "data",
    known_hash: str | None = None,
    url: str | None = None,
    progress: bool = True,
) -> Path:
    """A collection on disk: downloaded and unpacked, or there already.

    Killed or cut off and called again, it goes on. The archive stays in `folder/archives`; when
    the collection is there you may delete it.

    Args:
        name: a key of `COLLECTIONS`.
        folder: what holds the collections.
        known_hash: `sha256:…` or `md5:…` of the archive, if you know better.
        url: another address of the same archive.
        progress: show bars.

    Returns:
        `folder/name`: pairs for `find_pairs`, or `train` and `test` with pairs in each.

    Raises:
        ValueError: an unknown name, and whatever `download` and `unpack` refuse.
        FileNotFoundError: the archive, or what stands at `folder/name`, holds no such pairs.
    """
    require_choice("name", name, tuple(COLLECTIONS))
    collection, place = COLLECTIONS[name], Path(folder).expanduser() / name
    if place.exists():
        pairs_of(name, folder)
        return place
    archive = _archive(name, folder)
    record = archive.with_name(f"{archive.name}.sha256")
    recorded = record.read_text().strip() if record.is_file() else None
    known = known_hash or collection.known_hash or recorded
    download(url or collection.url, archive, known, progress)

    def arrange(unpacked: Path) -> Path:
        inside = unpacked / collection.top
        inside = inside if inside.is_dir() else unpacked
        collection.arrange(inside)
        find_pairs(inside / collection.parts[0])
        return inside

    unpack(archive, place, collection.keep, arrange, progress)
    if known is None:
        record.write_text(f"{hash_of(archive)}\n")
    return place


def _archive(name: str, folder: str | Path) -> Path:
    ending = PurePosixPath(COLLECTIONS[name].url).suffix
    return Path(folder).expanduser() / "archives" / f"{name}{ending}"


def pairs_of(name: str, folder: str | Path = "data") -> dict[str, list[Pair]]:
    """The pairs of a collection that is there, by part; one part without a name if it has none.

    Raises:
        FileNotFoundError, ValueError: what `find_pairs` misses.
    """
    require_choice("name", name, tuple(COLLECTIONS))
    place = Path(folder).expanduser() / name
    first, *others = COLLECTIONS[name].parts
    there = [first, *(part for part in others if (place / part).is_dir())]
    return {part: find_pairs(place / part) for part in there}


def listing(folder: str | Path = "data") -> list[dict[str, Any]]:
    """What there is to be had and what is here, a row a collection.

    Returns:
        `collection`, `what`, `size`, `licence`, `note`, as the table has them; `state`: here,
        downloaded, begun or absent; `pairs`: how many in each part; `labelled` and `landmarks`: how
        many of them have such; `bytes` on the disk, the archive's included.
    """
    rows = []
    for name, known in COLLECTIONS.items():
        place, archive = Path(folder).expanduser() / name, _archive(name, folder)
        begun = archive.with_name(f"{archive.name}.part")
        states = {"here": place, "downloaded": archive, "begun": begun}
        parts = pairs_of(name, folder) if place.exists() else {}
        pairs = list(itertools.chain(*parts.values()))
        row = {
            "collection": name,
            "what": known.what,
            "size": known.size,
            "licence": known.licence,
            "note": known.note,
            "state": next((state for state, path in states.items() if path.exists()), "absent"),
            "pairs": {part: len(found) for part, found in parts.items()},
            "labelled": sum("fixed_label" in pair for pair in pairs),
            "landmarks": sum("fixed_points" in pair for pair in pairs),
            "bytes": _bytes(states.values()),
        }
        rows.append(row)
    return rows


def _bytes(paths: Iterable[Path]) -> int:
    """On the disk: a file of two names counts once."""
    files = [file.stat() for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
    return sum({(file.st_dev, file.st_ino): file.st_size for file in files}.values())
