"""The road on input that nobody here made: each collection as its own files lay it out.

The folder is found by REGTUTOR_DATA, else ../shared/data beside the checkout; without it these
tests are skipped. The numbers are what each collection starts with, measured by others too.
"""

import importlib
import os
from argparse import Namespace
from pathlib import Path

import pytest
import torch

from regtutor.data import DataLoader, Dataset, find_pairs
from regtutor.evaluation import measure, measure_pairs
from regtutor.files import read_image, read_points, spacing_of
from regtutor.metrics import target_registration_error
from regtutor.networks import LocalNet
from regtutor.training import DoNothing, predict
from regtutor.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    ResampleToMatchd,
    ScaleIntensityd,
    SpatialPadd,
)

DATA = Path(os.environ.get("REGTUTOR_DATA", Path(__file__).parents[2] / "shared" / "data"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no folder of real pairs at {DATA}")

IMAGES, LABELS = ["fixed_image", "moving_image"], ["fixed_label", "moving_label"]
POINTS = {"fixed_points": "fixed_image", "moving_points": "moving_image"}


def load(pair, *more):
    """One batch of one pair, through the transforms that every collection starts with."""
    keys = [k for k in (*IMAGES, *LABELS) if k in pair]
    points = {k: v for k, v in POINTS.items() if k in pair}
    steps = [LoadImaged(keys, point_keys=points), EnsureChannelFirstd(keys), *more]
    return next(iter(DataLoader(Dataset([pair], Compose(steps)))))


def dice_of_labels(a, b, labels):
    return torch.tensor([2 * ((a == n) & (b == n)).sum() / ((a == n).sum() + (b == n).sum())
                         for n in labels])  # fmt: skip


def test_two_oasis_brains():
    """Different heads: 34 anatomical labels agree by .486 before anything is done."""
    folder = DATA / "brain_oasis"
    pair = {
        "fixed_image": folder / "subject_a_t1.nii.gz",
        "moving_image": folder / "subject_b_t1.nii.gz",
        "fixed_label": folder / "subject_a_seg.nii.gz",
        "moving_label": folder / "subject_b_seg.nii.gz",
    }
    batch = load(pair, ScaleIntensityd(IMAGES))
    assert batch["fixed_image"].shape == (1, 1, 160, 192, 224)
    fixed, moving = batch["fixed_label"], batch["moving_label"]
    shared = set(fixed.unique().int().tolist()) & set(moving.unique().int().tolist())
    scored = sorted(shared - {0, 30, 62, 72, 77, 80, 85, *range(251, 256)})
    assert len(scored) == 34
    assert dice_of_labels(fixed, moving, scored).mean() == pytest.approx(0.486, abs=0.001)
    network = LocalNet(3, 2, 2, [1, 2, 3], out_kernel_initializer="zeros").eval()
    with torch.no_grad():
        prediction = predict(network, {k: batch[k] for k in IMAGES})
    assert torch.allclose(prediction.warped_image, batch["moving_image"], atol=1e-4)


def test_lung_masks_and_keypoints_of_learn2reg():
    folder = DATA / "lung_l2r"
    errors = {}
    for path in sorted((folder / "keypoints").glob("case_*.csv")):
        points = read_points(path)[None]
        mm = target_registration_error(points[..., :3], points[..., 3:], None, (1.75, 1.25, 1.75))
        errors[path.stem] = mm.mean().item()
    assert len(errors) == 20
    assert sum(errors.values()) / 20 == pytest.approx(11.48, abs=0.01)
    assert errors["case_016"] == pytest.approx(3.85, abs=0.01) == min(errors.values())
    assert errors["case_017"] == pytest.approx(22.15, abs=0.01) == max(errors.values())

    masks = folder / "lungMasks"
    pair = {
        "fixed_image": masks / "case_012_exp.nii.gz",
        "moving_image": masks / "case_012_insp.nii.gz",
        "fixed_label": masks / "case_012_exp.nii.gz",
        "moving_label": masks / "case_012_insp.nii.gz",
        "fixed_points": folder / "keypoints" / "case_012.csv",
        "moving_points": folder / "keypoints" / "case_012.csv",
    }
    batch = load(pair)
    scores = measure(predict(DoNothing(), batch), batch)
    assert scores["dice"].item() == pytest.approx(0.864, abs=0.001)
    assert scores["tre_mm"].item() == pytest.approx(11.61, abs=0.01)
    inside = batch["fixed_label"][(0, 0, *batch["fixed_points"][0].round().long().T)]
    assert inside.mean() == 1  # every keypoint of the expiration scan lies in its lungs


def test_manual_landmarks_of_lungct():
    folder = DATA / "lung_l2r" / "LungCT_ground_truth"
    means = []
    for case in ("0001", "0002", "0003"):
        fixed, moving = (read_points(folder / "landmarksTr" / f"LungCT_{case}_000{n}.csv")[None]
                         for n in (0, 1))  # fmt: skip
        _, affine = read_image(folder / "masksTr" / f"LungCT_{case}_0000.nii.gz")
        means.append(target_registration_error(fixed, moving, None, spacing_of(affine)).mean())
    assert torch.stack(means).tolist() == pytest.approx([20.18, 15.60, 8.14], abs=0.01)


@pytest.mark.parametrize("case", ["01", "02", "03", "04", "05", "06", "07"])
def test_copd_masks_and_expert_landmarks(case):
    folder = DATA / "lung_copd"
    exp, insp = (folder / f"case_{case}_{phase}_mask.nii.gz" for phase in ("exp", "insp"))
    landmarks = folder / f"case_{case}_landmarks.csv"
    pair = {
        "fixed_image": exp,
        "moving_image": insp,
        "fixed_label": exp,
        "moving_label": insp,
        "fixed_points": landmarks,
        "moving_points": landmarks,
    }
    batch = load(pair)
    assert batch["fixed_points"].shape == (1, 300, 3)
    for side in ("fixed", "moving"):
        at = batch[f"{side}_points"][0].round().long().T
        assert batch[f"{side}_label"][(0, 0, *at)].mean() > 0.98
    scores = measure(predict(DoNothing(), batch), batch)
    assert 0.6 < scores["dice"].item() < 0.93
    assert 8 < scores["tre_mm"].item() < 21
    if case == "01":
        assert scores["dice"].item() == pytest.approx(0.746, abs=0.002)
        assert scores["tre_mm"].item() == pytest.approx(16.9, abs=0.1)


def test_half_real_lung():
    folder = DATA / "lung_ct_halfreal"
    pair = {
        "fixed_image": folder / "fixed.nii.gz",
        "moving_image": folder / "moving.nii.gz",
        "fixed_label": folder / "fixed_mask.nii.gz",
        "moving_label": folder / "moving_mask.nii.gz",
        "fixed_points": folder / "landmarks.csv",
        "moving_points": folder / "landmarks.csv",
    }
    size = (120, 160, 136)
    batch = load(pair, SpatialPadd([*IMAGES, *LABELS], size, point_keys=POINTS))
    scores = measure(predict(DoNothing(), batch), batch, surfaces=True)
    assert scores["dice"].item() == pytest.approx(0.900, abs=0.001)
    assert scores["tre_mm"].item() == pytest.approx(4.20, abs=0.01)
    assert 1 < scores["hd95_mm"].item() < 30


def test_prostates_on_two_grids():
    """MR 64×64×60 comes onto the ultrasound's 44×59×41; 27 pairs, train and test together."""
    folder = DATA / "prostate_mr_us"
    pairs = find_pairs(folder / "train") + find_pairs(folder / "test")
    assert len(pairs) == 27
    match = ResampleToMatchd(["moving_image", "moving_label"], "fixed_image",
                             mode=["bilinear", "nearest"])  # fmt: skip
    batch = load(pairs[0], match)
    assert batch["moving_image"].shape == batch["fixed_image"].shape == (1, 1, 44, 59, 41)
    assert batch["moving_label"].shape == batch["fixed_label"].shape == (1, 3, 44, 59, 41)
    assert set(batch["moving_label"].unique().tolist()) == {0, 1}
    assert torch.equal(batch["moving_image_affine"], batch["fixed_image_affine"])
    row = measure_pairs(DoNothing(), [batch])[0]
    assert 0 < row["dice"] < 0.9


def test_prostates_by_their_centres(monkeypatch):
    """The line to beat on all 27: train.py's own preparation, centre upon centre, in voxels."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "data_scripts")
    prepare = importlib.import_module("prepare")
    folder = DATA / "prostate_mr_us"
    pairs = find_pairs(folder / "train") + find_pairs(folder / "test")
    options = Namespace(align_centres=True, in_voxels=True, window=None, levels=[1, 2], half=True,
                        size=None, augment=False)  # fmt: skip
    steps, random_steps = prepare.preparation(options, pairs[0])
    assert random_steps == []
    rows = measure_pairs(DoNothing(), DataLoader(Dataset(pairs, Compose(steps))))
    dice, error = (torch.tensor([row[name] for row in rows]) for name in ("dice", "tre_voxels"))
    assert dice.mean() == pytest.approx(0.617, abs=0.002)
    assert 0.4 * error.nanmean() == pytest.approx(2.90, abs=0.02)  # others count 0.4 mm each
