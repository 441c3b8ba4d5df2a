"""pairs.py: its scores on a pair whose truth is known, and its table without the peers."""

import importlib
import re
from argparse import Namespace
from dataclasses import replace

import pytest
import torch

from regtutor.data.thorax import breathing_pair

SIZE = (40, 32, 44)


@pytest.fixture
def pairs():
    return importlib.import_module("pairs")


@pytest.fixture
def tiny(monkeypatch, pairs):
    """Only the phantom, small."""
    given = importlib.import_module("given")
    monkeypatch.setattr(pairs, "PAIRS", {"tiny": lambda: given.phantom(4, SIZE)})
    return given.phantom(4, SIZE)


def options(**more):
    defaults = {"pairs": None, "methods": None, "threads": torch.get_num_threads()}
    return Namespace(**{**defaults, "png": None, "out": None, **more})


def rows(text):
    """Of the printed table: method → the numbers after its seconds."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| tiny")]
    return {cells[1].strip(): [c.strip() for c in cells[4:]] for cells in lines}


def test_scores_of_the_truth_and_of_nothing(pairs, tiny):
    truth = breathing_pair(4, SIZE)
    tre, p95, dice, lncc, mse, folds = pairs.score(tiny, truth.ddf)
    assert tre < 1e-3 > p95
    assert dice > 0.93
    before = pairs.score(tiny, torch.zeros_like(truth.ddf))
    apart = (truth.fixed_points - truth.moving_points) * torch.tensor(truth.spacing)
    assert before[0] == pytest.approx(apart.norm(dim=2).mean().item(), rel=1e-4)
    assert before[1] == pytest.approx(apart.norm(dim=2).quantile(0.95).item(), rel=1e-4)
    assert before[2] < dice - 0.05
    assert before[3] < lncc
    assert before[4] == pytest.approx((tiny.moving - tiny.fixed).square().mean().item())
    assert before[4] > 4 * mse
    assert folds == before[5] == 0
    folded = torch.zeros_like(truth.ddf)
    folded[:, 0, 20] = 5.0  # plane 21 of 40 sees a fall of 2.5 a voxel
    assert pairs.score(tiny, folded)[5] == pytest.approx(100 / 40, abs=1e-4)


def test_dice_is_of_what_both_had(pairs):
    truth, label = torch.tensor([1.0, 1, 2, 3, 0]), torch.tensor([1.0, 2, 2, 4, 0])
    warped = torch.tensor([1.0, 1, 1, 0, 0])  # of 1: 2·2/(3 + 2); 2 is lost; 0, 3, 4 do not count
    assert pairs.mean_dice(truth, label, warped) == pytest.approx((0.8 + 0) / 2)


def test_the_table_without_peers(pairs, tiny, monkeypatch, capsys, tmp_path):
    absent = {n: peer._replace(module="not_there") for n, peer in pairs.PEERS.items()}
    monkeypatch.setattr(pairs, "PEERS", absent)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- pairs -->\n<!-- end pairs -->\n")
    pairs.main(options(png=tmp_path, out=readme))
    said = capsys.readouterr()
    table = rows(said.out)
    assert list(table) == ["nothing", "ours"]
    nothing, ours = ([float(cell) for cell in cells] for cells in table.values())
    assert ours[0] < nothing[0] / 3
    assert ours[2] > nothing[2] + 0.05
    assert ours[5] == 0
    reasons = [line for line in said.err.splitlines() if "skipped" in line]
    three_d = [name for name, peer in absent.items() if 3 in peer.dims]
    assert [line.split(":")[0] for line in reasons] == three_d
    assert all(re.search("skipped, No module named 'not_there'; pip install", r) for r in reasons)
    assert [path.name for path in tmp_path.glob("*.png")] == ["tiny.png"]  # none of nothing
    assert (tmp_path / "tiny.png").read_bytes().startswith(b"\x89PNG")
    assert rows(readme.read_text()) == table


def test_the_picture_says_what_was_gained(pairs, tiny):
    ddf = breathing_pair(4, SIZE).ddf
    scores = [[12.04, 24, 0.8361, 0.5, 0.02, 0], [0.8, 2, 0.96, 0.7, 0.001, 0]]
    words = pairs.picture("tiny", tiny, ddf, scores).alt
    assert words.startswith("tiny: TRE 12 → 0.8 mm, Dice 0.836 → 0.96 (orange: fixed, ")
    bare = replace(tiny, labels=None, points=None)
    unknown = [[None, None, None, *row[3:]] for row in scores]
    assert pairs.picture("a", bare, ddf, unknown).alt.startswith("a: LNCC 0.5 → 0.7 (orange")


def test_a_peer_is_scored_by_its_field(pairs, tiny, capsys, tmp_path):
    pairs.main(options(methods=["nothing", "demons"], png=tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny_SimpleITK_demons.png"]
    table = rows(capsys.readouterr().out)
    assert list(table) == ["nothing", "SimpleITK demons"]
    assert float(table["SimpleITK demons"][0]) < float(table["nothing"][0]) / 2


def test_pairs_whose_files_are_not_there_are_skipped(pairs, monkeypatch, capsys, tmp_path):
    given = importlib.import_module("given")
    monkeypatch.setattr(given, "DATA", tmp_path)
    pairs.main(options(pairs=["brain", "lung"]))
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2  # the head
    assert said.err.count(": skipped, ") == 4
