"""Folders become pairs; a file without its partner is named; no patient on both sides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regtutor.data import find_pairs, split_pairs

COURSE = [
    "scans/case_{}_exp.nii.gz",
    "scans/case_{}_insp.nii.gz",
    "lungMasks/case_{}_exp.nii.gz",
    "lungMasks/case_{}_insp.nii.gz",
]


def fill(folder, names, cases=("001", "002")):
    for name in names:
        for case in cases:
            path = folder / name.format(case)
            path.parent.mkdir(exist_ok=True)
            path.touch()


@pytest.mark.parametrize("points", ["landmarks", "keypoints", None])
def test_the_courses_layout(tmp_path, points):
    fill(tmp_path, COURSE + ([f"{points}/case_{{}}.csv"] if points else []), ("002", "001", "010"))
    pairs = find_pairs(tmp_path)
    assert [pair["case"] for pair in pairs] == ["case_001", "case_002", "case_010"]
    pair = pairs[0]
    assert pair["fixed_image"] == str(tmp_path / "scans" / "case_001_exp.nii.gz")
    assert pair["moving_image"] == str(tmp_path / "scans" / "case_001_insp.nii.gz")
    assert pair["moving_label"] == str(tmp_path / "lungMasks" / "case_001_insp.nii.gz")
    table = str(tmp_path / f"{points}" / "case_001.csv") if points else None
    assert pair.get("fixed_points") == pair.get("moving_points") == table


def test_landmarks_come_before_keypoints(tmp_path):
    fill(tmp_path, [*COURSE, "keypoints/case_{}.csv"])
    fill(tmp_path, ["landmarks/case_{}.csv"], ("002",))
    first, second = find_pairs(tmp_path)
    assert Path(first["fixed_points"]).parent.name == "keypoints"
    assert Path(second["fixed_points"]).parent.name == "landmarks"


def test_labels_are_optional(tmp_path):
    fill(tmp_path, COURSE[:2])
    assert find_pairs(str(tmp_path))[0].keys() == {"case", "fixed_image", "moving_image"}


def test_deepregs_layout(tmp_path):
    roles = ("fixed_image", "moving_image", "fixed_label", "moving_label")
    fill(tmp_path, [f"{role}s/case{{}}.nii.gz" for role in roles])
    pairs = find_pairs(tmp_path)
    assert [pair["case"] for pair in pairs] == ["case001", "case002"]
    for role in roles:
        assert pairs[1][role] == str(tmp_path / f"{role}s" / "case002.nii.gz")


def test_the_later_learn2reg_layout(tmp_path):
    fill(tmp_path, ["imagesTr/LungCT_{}_000" + f"{i}.nii.gz" for i in (0, 1)])
    fill(tmp_path, ["keypointsTr/LungCT_{}_000" + f"{i}.csv" for i in (0, 1)])
    pair = find_pairs(tmp_path)[1]
    assert pair["case"] == "LungCT_002"
    assert pair["moving_image"].endswith("LungCT_002_0001.nii.gz")
    assert pair["fixed_points"].endswith("LungCT_002_0000.csv")
    assert pair["moving_points"].endswith("LungCT_002_0001.csv")


@pytest.mark.parametrize("gone", COURSE)
def test_a_file_without_its_partner_is_named(tmp_path, gone):
    fill(tmp_path, COURSE)
    (tmp_path / gone.format("002")).unlink()
    folder, name = gone.format("002").split("/")
    with pytest.raises(ValueError, match=rf"case_002_.*: expected its partner .*{folder}.*{name}"):
        find_pairs(tmp_path)


def test_folders_without_pairs(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected pairs, as scans/\*_exp.*of nothing"):
        find_pairs(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(FileNotFoundError, match=r"fixed_images/\*.nii.gz.*got a folder of \['ima"):
        find_pairs(tmp_path)
    with pytest.raises(FileNotFoundError, match="folder: expected a folder of pairs, got no folde"):
        find_pairs(tmp_path / "nowhere")


def test_split_by_patient():
    pairs = [{"case": f"{who}{i}", "patient": who} for who in "abcd" for i in range(3)]
    training, held_out = split_pairs(pairs, validation=2, patient="patient")
    assert {pair["patient"] for pair in training} == {"a", "b"}
    assert {pair["patient"] for pair in held_out} == {"c", "d"}
    assert len(training) + len(held_out) == 12
    assert [pair["case"] for pair in split_pairs(pairs, validation=1)[1]] == ["d2"]


def test_a_split_that_leaves_nobody_is_refused():
    pairs = [{"case": "a"}, {"case": "b"}]
    with pytest.raises(ValueError, match="pairs: expected more than 2 patients, got 2"):
        split_pairs(pairs, validation=2)
    with pytest.raises(ValueError, match="validation: expected a whole number ≥ 1, got 0"):
        split_pairs(pairs, validation=0)
    with pytest.raises(ValueError, match="pairs: expected 'patient' in every pair"):
        split_pairs(pairs, validation=1, patient="patient")


def test_the_prostate_pairs():
    root = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("REGTUTOR_DATA", root)) / "prostate_mr_us" / "train"
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}")
    pairs = find_pairs(folder)
    assert len(pairs) == 25
    assert all(len(pair) == 5 for pair in pairs)
