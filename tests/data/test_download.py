"""Small archives laid out as the real ones, on loopback: what `find_pairs` reads of them."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from regtutor.data import find_pairs
from regtutor.data.arranging import TURNED
from regtutor.data.download import COLLECTIONS, fetch, listing, pairs_of
from regtutor.data.thorax import write_collection
from regtutor.files import read_image

NLST = ["0001", "0002", "0101", "0208", "0300"]
PEOPLE = ["0001", "0002", "0004", "0437", "0438", "0439", "0457"]


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture(scope="session")
def lung_ct(tmp_path_factory):
    """As training.zip: scans and lungMasks, no landmarks."""
    folder = write_collection(tmp_path_factory.mktemp("course"), 3, (32, 32, 32), progress=False)
    files = sorted(folder.glob("scans/*")) + sorted(folder.glob("lungMasks/*"))
    return zipped({f"training/{p.relative_to(folder).as_posix()}": p.read_bytes() for p in files})


@pytest.fixture(scope="session")
def nlst():
    pairs = [{side: f"./imagesTr/NLST_{case}_000{i}.nii.gz"
              for i, side in enumerate(("fixed", "moving"))} for case in NLST]  # fmt: skip
    held_out = [pair for pair in pairs if "0101" in pair["fixed"]]
    table = {"training_paired_images": pairs, "registration_val": held_out}
    files = {"NLST/NLST_dataset.json": json.dumps(table).encode()}
    for case in NLST:
        for phase in ("0000", "0001"):
            for kind, ending in (("images", "nii.gz"), ("masks", "nii.gz"), ("keypoints", "csv")):
                name = f"{kind}Tr/NLST_{case}_{phase}.{ending}"
                files[f"NLST/{name}"] = name.encode()
    return zipped(files)


@pytest.fixture(scope="session")
def oasis():
    files = {"subjects.txt": b"", "seg35_labels.txt": b""}
    for person in PEOPLE:
        for name in ("orig", "aligned_norm", "aligned_seg35", "aligned_seg4", "norm"):
            files[f"OASIS_OAS1_{person}_MR1/{name}.nii.gz"] = f"{person} {name}".encode()
    return tarred(files)


@pytest.fixture
def serve(server):
    """Serve an archive of a collection, and fetch it into a folder."""

    def start(name, content):
        server.files["/x"] = content
        its_hash = f"sha256:{hashlib.sha256(content).hexdigest()}"

        def fetch_it(folder, known_hash=its_hash):
            return fetch(name, folder, known_hash, server.url("/x"), progress=False)

        return fetch_it

    return start


def test_the_courses_collection(serve, server, lung_ct, tmp_path):
    get = serve("lung_ct", lung_ct)
    folder = get(tmp_path / "data", None)
    assert folder == tmp_path / "data" / "lung_ct"
    pairs = find_pairs(folder)
    assert [pair["case"] for pair in pairs] == ["case_001", "case_002", "case_003"]
    assert pairs[0].keys() == {"case", *(f"{s}_{k}" for s in ("fixed", "moving")
                               for k in ("image", "label"))}  # fmt: skip
    assert pairs[0]["fixed_image"].endswith("lung_ct/scans/case_001_exp.nii.gz")
    assert read_image(pairs[2]["moving_label"])[0].shape == (32, 32, 32)
    assert pairs_of("lung_ct", tmp_path / "data") == {"": pairs}
    assert get(tmp_path / "data", None) == folder
    (tmp_path / "data/archives/lung_ct.zip").unlink()
    get(tmp_path / "data", None)
    assert len(server.sent) == 1


@pytest.mark.parametrize("top", ["", "training/"])
def test_the_folder_in_the_archive_may_be_missing(serve, lung_ct, tmp_path, top):
    with zipfile.ZipFile(io.BytesIO(lung_ct)) as archive:
        files = {n.replace("training/", top): archive.read(n) for n in archive.namelist()}
    assert len(find_pairs(serve("lung_ct", zipped(files))(tmp_path, None))) == 3


def test_the_first_download_is_the_measure_of_the_next(serve, server, lung_ct, tmp_path):
    get = serve("lung_ct", lung_ct)
    folder = get(tmp_path, None)
    record = tmp_path / "archives" / "lung_ct.zip.sha256"
    assert record.read_text() == f"sha256:{hashlib.sha256(lung_ct).hexdigest()}\n"
    folder.rename(tmp_path / "aside")
    assert get(tmp_path, None) == folder  # from the archive that is still there
    assert len(server.sent) == 1
    folder.rename(tmp_path / "aside too")
    (tmp_path / "archives" / "lung_ct.zip").unlink()
    server.files["/x"] = changed = lung_ct + b"\0"
    with pytest.raises(
        ValueError, match=r"/x: expected a file of hash sha256:\w+, got sha256:\w+\. It is"
    ):
        get(tmp_path, None)
    assert not folder.exists()
    assert [p.name for p in (tmp_path / "archives").iterdir()] == ["lung_ct.zip.sha256"]
    get(tmp_path, "sha256:" + hashlib.sha256(changed).hexdigest())  # who knows better says so
    assert folder.is_dir()


def test_nlst_without_its_traps(serve, nlst, tmp_path):
    serve("nlst", nlst)(tmp_path)
    parts = pairs_of("nlst", tmp_path)
    cases = {part: [pair["case"] for pair in pairs] for part, pairs in parts.items()}
    assert cases == {
        "train": ["NLST_0001", "NLST_0002", "NLST_0300"],
        "test": ["NLST_0101"],
        "turned": ["NLST_0208"],
    }
    for pairs in parts.values():
        for pair in pairs:
            assert len(pair) == 7
            for role, ending in (("fixed", "0000"), ("moving", "0001")):
                for kind, folder in (("image", "images"), ("label", "masks"), ("points", "keypoi")):
                    assert f"/{folder}" in pair[f"{role}_{kind}"]
                    assert f"{pair['case']}_{ending}." in pair[f"{role}_{kind}"]
    assert all(name in COLLECTIONS["nlst"].note for name in TURNED)
    assert {p.name for p in (tmp_path / "nlst").iterdir()} >= {"NLST_dataset.json", "train"}


def test_nlst_may_lack_a_part(serve, nlst, tmp_path):
    with zipfile.ZipFile(io.BytesIO(nlst)) as archive:
        files = {n: archive.read(n) for n in archive.namelist() if "_0208_" not in n}
    serve("nlst", zipped(files))(tmp_path)
    assert pairs_of("nlst", tmp_path).keys() == {"train", "test"}


def test_nlst_without_its_list(serve, nlst, tmp_path):
    with zipfile.ZipFile(io.BytesIO(nlst)) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    files["NLST/NLST_dataset.json"] = b'{"test": []}'
    with pytest.raises(ValueError, match=r"expected a list 'registration_val', got \['test'\]"):
        serve("nlst", zipped(files))(tmp_path)
    del files["NLST/NLST_dataset.json"]
    with pytest.raises(
        FileNotFoundError, match="NLST: expected the list of its pairs, got no file"
    ):
        serve("nlst", zipped(files))(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["archives"]


def test_oasis_pairs_neighbours_and_nobody_twice(serve, oasis, tmp_path):
    serve("oasis", oasis)(tmp_path)
    parts = pairs_of("oasis", tmp_path)
    cases = {part: [pair["case"] for pair in pairs] for part, pairs in parts.items()}
    assert cases == {
        "train": ["0001-0002", "0002-0004", "0004-0437"],
        "test": ["0438-0439", "0439-0457"],
    }
    for pairs in parts.values():
        for pair in pairs:
            assert len(pair) == 5
            for role, person in zip(("fixed", "moving"), pair["case"].split("-"), strict=True):
                assert Path(pair[f"{role}_image"]).read_text() == f"{person} aligned_norm"
                assert Path(pair[f"{role}_label"]).read_text() == f"{person} aligned_seg35"
    people = [{p for case in cases[part] for p in case.split("-")} for part in ("train", "test")]
    assert not people[0] & people[1]
    files = [p for p in (tmp_path / "oasis").rglob("*") if p.is_file()]
    assert len(files) == 20
    assert len({p.stat().st_ino for p in files}) == 14  # of each brain one image and one label


def test_oasis_where_a_file_has_one_name_only(serve, oasis, tmp_path, monkeypatch):
    def refuse(*names):
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    serve("oasis", oasis)(tmp_path)
    pair = pairs_of("oasis", tmp_path)["test"][1]
    assert Path(pair["fixed_image"]).read_text() == "0439 aligned_norm"
    assert Path(pair["moving_label"]).read_text() == "0457 aligned_seg35"


def test_oasis_is_checked_against_what_others_report(serve, oasis, tmp_path):
    with pytest.raises(
        ValueError, match="expected a file of hash md5:081392a8150ff99ab7a64a9ded37"
    ):
        serve("oasis", oasis)(tmp_path, None)
    assert list((tmp_path / "archives").iterdir()) == []


def test_interrupted_then_the_rest_then_unpacked(serve, server, nlst, tmp_path):
    with zipfile.ZipFile(io.BytesIO(nlst)) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    large = zipped(files | {"NLST/big.bin": bytes(400_000)})
    get = serve("nlst", large)
    server.faults = {"cut"}
    with pytest.raises(ValueError, match=r"got \d+ of \d+ bytes. Call again: it goes on"):
        get(tmp_path, None)
    assert listing(tmp_path)[1]["state"] == "begun"
    have = listing(tmp_path)[1]["bytes"]
    assert have > 100_000
    server.faults = set()
    get(tmp_path, None)
    assert server.sent[1:] == [(have, len(large) - have)]
    assert listing(tmp_path)[1]["state"] == "here"


@pytest.mark.parametrize("content", [b"<html>log in</html>", b"PK\x03\x04 half a zip"])
def test_no_archive_is_deleted_and_the_second_call_begins_anew(serve, server, lung_ct, tmp_path,
                                                              content):  # fmt: skip
    get = serve("lung_ct", content)
    with pytest.raises(ValueError, match=r"expected a whole zip or tar archive, .* It is deleted"):
        get(tmp_path, None)
    assert not any((tmp_path / "archives").iterdir())
    server.files["/x"] = lung_ct
    assert len(find_pairs(get(tmp_path, None))) == 3


@pytest.mark.parametrize("name", ["../evil.nii.gz", "/evil.nii.gz"])
def test_an_evil_archive_is_refused(serve, lung_ct, tmp_path, name):
    with zipfile.ZipFile(io.BytesIO(lung_ct)) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    with pytest.raises(ValueError, match=f"expected names inside its folder, got '{name}'"):
        serve("lung_ct", zipped(files | {name: b"evil"}))(tmp_path, None)
    assert [p.name for p in tmp_path.iterdir()] == ["archives"]
    assert not list(tmp_path.rglob("evil*"))


def test_an_archive_of_something_else_is_refused(serve, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected pairs, as scans/\*_exp.nii.gz"):
        serve("lung_ct", zipped({"training/readme.txt": b"moved"}))(tmp_path, None)
    assert [p.name for p in tmp_path.iterdir()] == ["archives"]


# The same, but it waits when a part of the files is in its place.
SLOWLY = """
import sys, time
from pathlib import Path
from regtutor.data.download import fetch
whole, seen = Path.rename, []
def slowly(self, place):
    seen.append(place)
    if len(seen) == 8:
        time.sleep(600)
    return whole(self, place)
Path.rename = slowly
fetch("nlst", sys.argv[1], url=sys.argv[2])
"""


def test_killed_while_files_are_put_in_order(serve, server, nlst, tmp_path):
    get = serve("nlst", nlst)
    words = [sys.executable, "-c", SLOWLY, tmp_path, server.url("/x")]
    started = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    half = tmp_path / ".nlst.part" / "NLST"
    try:
        for _ in range(6000):
            if len(list(half.glob("*/*/NLST_*"))) == 7 or started.poll() is not None:
                break
            time.sleep(0.01)
    finally:
        started.kill()
    assert started.wait() == -signal.SIGKILL
    assert len(list(half.glob("*/*/NLST_*"))) == 7
    assert not (tmp_path / "nlst").exists()
    assert listing(tmp_path)[1]["state"] == "downloaded"
    get(tmp_path, None)
    assert len(server.sent) == 1
    assert len(pairs_of("nlst", tmp_path)["train"]) == 3
    assert not half.parent.exists()


def test_listing(serve, lung_ct, nlst, oasis, tmp_path):
    rows = {row["collection"]: row for row in listing(tmp_path / "none")}
    assert rows.keys() == COLLECTIONS.keys()
    assert all(
        (row["state"], row["bytes"], row["pairs"]) == ("absent", 0, {}) for row in rows.values()
    )
    for name, archive in (("lung_ct", lung_ct), ("nlst", nlst), ("oasis", oasis)):
        serve(name, archive)(tmp_path)
    rows = {row["collection"]: row for row in listing(tmp_path)}
    assert {name: row["pairs"] for name, row in rows.items()} == {
        "lung_ct": {"": 3},
        "nlst": {"train": 3, "test": 1, "turned": 1},
        "oasis": {"train": 3, "test": 2},
    }
    assert [row["labelled"] for row in rows.values()] == [3, 5, 5]
    assert [row["landmarks"] for row in rows.values()] == [0, 5, 0]
    assert {row["state"] for row in rows.values()} == {"here"}
    brains = sum(len(f"{p} aligned_norm") + len(f"{p} aligned_seg35") for p in PEOPLE)
    assert rows["oasis"]["bytes"] == len(oasis) + brains
    for row in rows.values():
        assert row["licence"]
        assert row["note"]
    assert "unverified" in rows["lung_ct"]["licence"]


def test_refused_at_the_door(tmp_path):
    with pytest.raises(
        ValueError, match="name: expected one of 'lung_ct', 'nlst', 'oasis', got 'ct"
    ):
        fetch("ct", tmp_path)
    with pytest.raises(ValueError, match="name: expected one of"):
        pairs_of("ct", tmp_path)
    with pytest.raises(ValueError, match="known_hash: expected sha256: and 64 hexadecimal digits"):
        fetch("lung_ct", tmp_path, known_hash="1234")
    with pytest.raises(
        FileNotFoundError, match="folder: expected a folder of pairs, got no folder"
    ):
        pairs_of("nlst", tmp_path)
    (tmp_path / "lung_ct").mkdir()
    with pytest.raises(FileNotFoundError, match=r"expected pairs, as .* got a folder of nothing"):
        fetch("lung_ct", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["lung_ct"]
