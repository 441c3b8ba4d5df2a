"""The programs: one small good run of each, and one clear line when they cannot go on."""

import csv
import os
import re
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from regtutor.files import write_image

SCRIPTS = Path(__file__).parents[2] / "data_scripts"
EPOCHS = 4
WORDS = ["--epochs", str(EPOCHS), "--channels", "2", "--levels", "1"]


def contents(folder):
    return {p: p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """A .npz of six people, each a disc somewhere."""
    at = np.stack(np.meshgrid(np.arange(16), np.arange(16), indexing="ij"))
    centres = [(6, 6), (7, 9), (9, 7), (8, 8), (6, 9), (9, 9)]
    people = [200 * (((at - np.reshape(c, (2, 1, 1))) ** 2).sum(0) < 16) + at[0] for c in centres]
    path = tmp_path_factory.mktemp("slices") / "people.npz"
    np.savez(path, slices=np.stack(people).astype(np.uint8))
    return path


@pytest.fixture(scope="module")
def pairs(slices, tmp_path_factory):
    """What pair_slices.py makes of them: four pairs to train on, two held out."""
    folder = tmp_path_factory.mktemp("pairs") / "discs"
    words = [slices, folder, "--held-out", "2", "--partners", "1"]
    done = subprocess.run(
        [sys.executable, SCRIPTS / "pair_slices.py", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "train: 4 people, 4 pairs\ntest: 2 people, 2 pairs\n"
    return folder


def test_pairs_are_made_of_slices(slices, pairs, typed):
    assert len(list((pairs / "train/fixed_images").iterdir())) == 4
    assert len(list((pairs / "test/moving_images").iterdir())) == 2
    before = contents(pairs)
    typed("pair_slices.py", slices, pairs, "--held-out", 2, "--partners", 1)
    assert contents(pairs) == before


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    """A training that nobody disturbed: its folder, and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        patch.setattr(sys, "argv", ["train.py", str(pairs), "--out", str(out), *WORDS])
        runpy.run_path(str(SCRIPTS / "train.py"), run_name="__main__")
    return out


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_training_leaves_its_files(trained):
    names = {"best.pt", "last.pt", "history.csv", "pairs.csv", "pairs.png", "settings.json"}
    assert {p.name for p in trained.iterdir()} == names
    history = rows(trained / "history.csv")
    assert [row["epoch"] for row in history] == [str(n + 1) for n in range(EPOCHS)]
    assert float(history[-1]["loss"]) < float(history[0]["loss"])
    judged = rows(trained / "pairs.csv")
    assert [(row["when"], row["pair"]) for row in judged] == [
        ("before", "1"),
        ("before", "2"),
        ("after", "1"),
        ("after", "2"),
    ]
    assert all(-1 <= float(row["lncc"]) <= 1 for row in judged)
    assert (trained / "pairs.png").read_bytes().startswith(b"\x89PNG")
    assert "heads.0.conv.weight" in torch.load(trained / "best.pt")


def test_a_velocity_beside_register(pairs, tmp_path, typed, capsys):
    """The discs are found by optimisation from nothing, and from what the network says."""
    typed("train.py", pairs, "--out", tmp_path / "out", *WORDS, "--velocity", "--beside-register")
    kinds = ["before", "after", "register", "refined"]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[-4:]] == kinds
    judged = rows(tmp_path / "out" / "pairs.csv")
    lncc = {kind: [float(r["lncc"]) for r in judged if r["when"] == kind] for kind in kinds}
    for found in ("register", "refined"):
        assert min(lncc[found]) > max(*lncc["before"], *lncc["after"]), found


def test_a_second_run_resumes_and_changes_nothing(trained, pairs, typed, capsys):
    before = contents(trained)
    typed("train.py", pairs, "--out", trained, *WORDS)
    assert contents(trained) == before
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("4 training pairs, 2 held out, (16, 16) voxels")
    assert lines[-3].split()[:2] == ["folding", "lncc"]
    assert [line.split()[0] for line in lines[-2:]] == ["before", "after"]


def test_killed_and_started_again_it_has_the_same_history(trained, pairs, typed, tmp_path):
    out = tmp_path / "killed"
    started = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, SCRIPTS / "train.py", pairs, "--out", out, *WORDS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(6000):
            if (out / "history.csv").exists() or started.poll() is not None:
                break
            time.sleep(0.01)
    finally:
        started.kill()
    assert started.wait() == -signal.SIGKILL
    assert len(rows(out / "history.csv")) == 1
    typed("train.py", pairs, "--out", out, *WORDS)
    assert rows(out / "history.csv") == rows(trained / "history.csv")
    assert rows(out / "pairs.csv") == rows(trained / "pairs.csv")


# The same program, but it waits after its first epoch: nobody is fast enough to kill it otherwise.
SLOWLY = """
import runpy, sys, time
from pathlib import Path
script = sys.argv.pop(1)
sys.path.insert(0, str(Path(script).parent))
sys.argv[0] = "train.py"
import report
whole = report.write_whole
def slowly(path, text):
    whole(path, text)
    if path.name == "history.csv":
        time.sleep(600)
report.write_whole = slowly
runpy.run_path(script, run_name="__main__")
"""


def collection(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(folder / name, torch.rand(8, 8, 8), torch.eye(4))
    return folder


def both(number):
    return [f"{side}_images/pair_{number}.nii.gz" for side in ("fixed", "moving")]


@pytest.mark.parametrize(
    ("names", "words", "message"),
    [
        (None, [], r"folder: expected a folder of pairs, got no folder at .*pairs"),
        ([], [], r"pairs: expected pairs, as .*, got a folder of nothing"),
        ([*both(1), *both(2)], ["--validation", 2], "expected more than 2 patients, got 2"),
        ([*both(1), *both(2)], ["--validation", 0], "validation: expected a whole number ≥ 1"),
        ([*both(1), *both(2)[:1]], [], r"pair_2.nii.gz: expected its partner .*moving_images"),
        ([*both(1), *both(2), *both(3)], ["--size", 8, 8], r"--size: expected 3 numbers.*\[8, 8\]"),
        ([*both(1), *both(2), *both(3)], ["--size", 8, 8, 9], "--size: expected numbers divisible"),
        ([*both(1), *both(2), *both(3)], ["--window", 5, 5], "a_max: expected another value"),
        ([*both(1), *both(2), *both(3)], ["--epochs", 0], "--epochs: expected a whole number ≥ 1"),
        ([*both(1), *both(2), *both(3)], ["--levels", -1], "--levels: expected a whole number ≥ 0"),
        ([*both(1), *both(2), *both(3)], ["--image-loss", "ssim"], "--image-loss: invalid choice"),
        ([*both(1)], ["--epoch", "many"], "invalid int value: 'many'"),
    ],
)
def test_training_refuses_in_one_line_and_writes_nothing(refused, tmp_path, names, words, message):
    folder = tmp_path / "pairs"
    if names is not None:
        folder.mkdir()
        collection(folder, *names)
    before = contents(tmp_path)
    line = refused("train.py", folder, "--out", tmp_path / "out", *words)
    assert re.search(message, line)
    assert contents(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_is_named_in_the_last_line(refused, tmp_path):
    folder = collection(tmp_path / "pairs", *both(1), *both(2), *both(3))
    broken = folder / "moving_images/pair_1.nii.gz"
    broken.write_bytes(broken.read_bytes()[:200])
    last = refused("train.py", folder, "--out", tmp_path / "out", bars=True)
    assert "pair_1.nii.gz: expected an image, got" in last
    assert not (tmp_path / "out").exists()


def test_another_training_in_the_folder_stays(refused, pairs, trained):
    before = contents(trained)
    last = refused("train.py", pairs, "--out", trained, *WORDS, "--lr", "0.5")
    assert "whole: expected the training that it holds, {'lr': 0.001}, got {'lr': 0.5}." in last
    assert "Choose another --out" in last
    assert contents(trained) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--held-out", 5], "--held-out: expected 2 to 4 of 6 people, got 5"),
        (["--held-out", 2, "--partners", 2], "--partners: expected 1 to 1, got 2"),
    ],
)
def test_pairing_refuses_in_one_line(refused, slices, tmp_path, words, message):
    line = refused("pair_slices.py", slices, tmp_path / "out", *words)
    assert message in line
    assert not (tmp_path / "out").exists()


def test_pairing_refuses_files_and_folders_of_another_kind(refused, slices, pairs, tmp_path):
    out = tmp_path / "out"
    assert "npz: expected a .npz of slices, got no file at" in refused(
        "pair_slices.py", tmp_path / "gone.npz", out
    )
    (tmp_path / "text.npz").write_text("no")
    assert "text.npz: expected a .npz of slices, got another or a broken file" in refused(
        "pair_slices.py", tmp_path / "text.npz", out
    )
    np.savez(tmp_path / "other.npz", images=np.zeros((3, 2, 2)))
    assert "other.npz: expected an array 'slices', got ['images']" in refused(
        "pair_slices.py", tmp_path / "other.npz", out
    )
    np.savez(tmp_path / "flat.npz", slices=np.zeros((3, 2)))
    assert "slices: expected (people, rows, columns), got (3, 2)" in refused(
        "pair_slices.py", tmp_path / "flat.npz", out
    )
    collection(out / "train", "fixed_images/pair_0007.nii.gz")
    assert "train: expected no more than 4 pairs, got ['pair_0007.nii.gz'] too" in refused(
        "pair_slices.py", slices, out, "--held-out", 2, "--partners", 1
    )
    assert len(contents(out)) == 1


def test_as_typed_in_a_terminal(tmp_path):
    """Once with a shell's eyes: exit code, stderr, stdout."""
    done = subprocess.run(
        [sys.executable, SCRIPTS / "train.py", tmp_path / "none"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("train.py: folder: expected a folder of pairs, got no folder at")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
