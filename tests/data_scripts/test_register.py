"""register.py on a phantom pair whose images lie on two grids, and what it refuses."""

import importlib
import json
import re
from argparse import Namespace
from pathlib import Path

import nibabel as nib
import pytest
import SimpleITK as sitk  # noqa: N813
import torch

from regtutor.data.thorax import breathing_pair
from regtutor.files import read_image, write_image
from regtutor.transforms import Resized

SCRIPTS = Path(__file__).parents[2] / "data_scripts"
RANGE = ["--range", -1000, 200]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """One chest: exhaled on one grid, inhaled on a finer one whose first axis runs backwards."""
    folder = tmp_path_factory.mktemp("pair")
    exhaled, inhaled = breathing_pair(4, (40, 32, 44)), breathing_pair(4, (48, 36, 52))
    back = inhaled.affine.double().clone()
    back[:3, 3] += 47 * back[:3, 0]
    back[:3, 0] *= -1
    for name, image, affine in (
        ("fixed", exhaled.fixed, exhaled.affine),
        ("fixed_label", exhaled.fixed_mask, exhaled.affine),
        ("moving", inhaled.moving.flip(2), back),
        ("moving_label", inhaled.moving_mask.flip(2), back),
    ):
        write_image(folder / f"{name}.nii.gz", image[0, 0].round(), affine, torch.int16)
    return folder


def words(folder, *more, labels=True):
    names = ["fixed", "moving"]
    label = [w for n in names for w in (f"--{n}-label", folder / f"{n}_label.nii.gz")]
    return [*(folder / f"{n}.nii.gz" for n in names), *(label if labels else []), *more]


def rows_of(text):
    """The table: when → column → number."""
    head, *lines = (line.split() for line in text.splitlines()[-3:])
    return {line[0]: dict(zip(head, map(float, line[1:]), strict=True)) for line in lines}


def by_simpleitk(folder, moving):
    """MOVING itself on the fixed grid by the field that was written, and where it reads inside."""
    field = sitk.DisplacementFieldTransform(
        sitk.ReadImage(folder / "ddf.nii.gz", sitk.sitkVectorFloat64)
    )
    grid = sitk.ReadImage(folder / "warped.nii.gz")
    image = sitk.ReadImage(moving, sitk.sitkFloat64)
    warped = sitk.GetArrayFromImage(sitk.Resample(image, grid, field, sitk.sitkLinear, -1e6))
    warped = torch.from_numpy(warped.T.copy())
    return warped, warped > -1e5


def test_a_pair_on_two_grids(pair, typed, tmp_path, capsys):
    out = tmp_path / "made" / "out"
    typed("register.py", *words(pair, "--out", out, *RANGE))
    names = {"warped.nii.gz", "warped_label.nii.gz", "ddf.nii.gz", "pair.png"}
    assert {path.name for path in out.iterdir()} == names
    said = capsys.readouterr()
    assert said.out.startswith("40×32×44 voxels, ")
    assert "affine: " in said.err
    assert "level 2 of 2: 100%" in said.err
    table = rows_of(said.out)
    assert table["before"]["dice"] < 0.88
    assert table["after"]["dice"] > 0.93
    assert table["after"]["lncc"] > table["before"]["lncc"] + 0.05
    assert table["after"]["folding"] == 0
    assert table["before"]["largest_mm"] == 0 < table["after"]["largest_mm"] < 100
    assert (out / "pair.png").read_bytes().startswith(b"\x89PNG")
    fixed = nib.load(pair / "fixed.nii.gz")
    for name in ("warped.nii.gz", "warped_label.nii.gz"):
        assert nib.load(out / name).shape == fixed.shape
        assert (nib.load(out / name).affine == fixed.affine).all()
    label, _ = read_image(out / "warped_label.nii.gz")
    truth, _ = read_image(pair / "fixed_label.nii.gz")
    dice = 2 * (label * truth).sum() / (label.sum() + truth.sum())
    assert table["after"]["dice"] == pytest.approx(dice.item(), abs=1e-4)


@pytest.mark.parametrize("centre", [False, True])
def test_simpleitk_moves_the_moving_file_by_the_field(pair, typed, tmp_path, centre):
    moving = pair / "moving.nii.gz"
    if centre:  # its header says that it lies elsewhere
        image, affine = read_image(moving)
        affine[:3, 3] += torch.tensor([500.0, -40, 30])
        moving = tmp_path / "elsewhere.nii.gz"
        write_image(moving, image, affine)
    more = ["--centre"] if centre else []
    typed("register.py", pair / "fixed.nii.gz", moving, "--out", tmp_path, *RANGE, *more)
    theirs, inside = by_simpleitk(tmp_path, moving)
    ours, _ = read_image(tmp_path / "warped.nii.gz")
    span = float(ours.max() - ours.min())
    assert inside.float().mean() > 0.8
    assert float((ours - theirs)[inside].abs().max()) < 1e-3 * span


def test_two_kinds(pair, typed, tmp_path, capsys):
    """The moving image with dark and bright exchanged."""
    for name in ("fixed", "fixed_label", "moving_label"):
        (tmp_path / f"{name}.nii.gz").symlink_to(pair / f"{name}.nii.gz")
    image, affine = read_image(pair / "moving.nii.gz")
    write_image(tmp_path / "moving.nii.gz", -image.clamp(-1000, 200), affine)
    typed("register.py", *words(tmp_path, "--out", tmp_path, "--two-kinds"))
    table = rows_of(capsys.readouterr().out)
    assert table["after"]["edges_differ"] < 0.9 * table["before"]["edges_differ"]
    assert table["after"]["dice"] > table["before"]["dice"] + 0.04
    assert table["after"]["folding"] < 1e-3


@pytest.fixture
def program(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module("register")


SETTINGS = {"half": False, "channels": 2, "levels": [1], "size": [16, 16, 24], "window": RANGE[1:]}


def trained(folder, program):
    """As train.py leaves it: the weights of a network that moves something, and its settings."""
    network = program.build_network(Namespace(**SETTINGS, velocity=False), (16, 16, 24))
    torch.nn.init.normal_(network.heads[0].conv.weight)
    torch.save(network.state_dict(), folder / "best.pt")
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    return network.eval()


def test_weights_give_the_start(pair, program, typed, tmp_path, monkeypatch):
    network, seen = trained(tmp_path, program), {}
    right = importlib.import_module("regtutor.instance").register

    def watched(fixed, moving, **more):
        seen.update(fixed=fixed, moving=moving, **more)
        return right(fixed, moving, **more)

    monkeypatch.setattr("regtutor.instance.register", watched)
    typed("register.py", *words(pair, "--out", tmp_path, "--weights", tmp_path / "best.pt"))
    hu = read_image(pair / "fixed.nii.gz")[0]
    assert torch.allclose(seen["fixed"][0, 0], ((hu + 1000) / 1200).clamp(0, 1), atol=1e-5)
    to, back = (Resized(["x"], size, mode="trilinear") for size in ((16, 16, 24), (40, 32, 44)))
    small = [to({"x": seen[name][0]})["x"] for name in ("moving", "fixed")]
    with torch.no_grad():
        said = back({"x": network(torch.cat(small)[None])[0]})["x"]
    expected = said * torch.tensor([40 / 16, 32 / 16, 44 / 24]).view(3, 1, 1, 1)
    assert expected.abs().max() > 0.1
    assert torch.allclose(seen["start"][0], expected, atol=1e-4)


def test_weights_that_do_not_fit(pair, program, refused, tmp_path):
    def last():
        more = ["--out", tmp_path / "o", "--weights", tmp_path / "best.pt"]
        return refused("register.py", *words(pair, *more))

    assert "--weights: expected a file, got no file at" in last()
    trained(tmp_path, program)
    (tmp_path / "settings.json").write_text(json.dumps({**SETTINGS, "channels": 4}))
    assert "best.pt: expected weights that train.py wrote for 3-D images, got Error" in last()
    (tmp_path / "settings.json").write_text(json.dumps({**SETTINGS, "size": [16, 16]}))
    assert "best.pt: expected weights that train.py wrote for 3-D images, got" in last()
    (tmp_path / "settings.json").unlink()
    assert "--weights: expected settings.json beside it, got none" in last()
    assert not (tmp_path / "o").exists()


@pytest.fixture
def bad(pair, tmp_path):
    """Files that belong to no pair."""
    image, affine = read_image(pair / "moving.nii.gz")
    write_image(tmp_path / "channels.nii.gz", torch.rand(8, 8, 8, 3), affine)
    write_image(tmp_path / "flat.nii.gz", torch.ones(40, 32, 44), affine)
    write_image(tmp_path / "slice.nii.gz", torch.rand(40, 32), affine)
    write_image(tmp_path / "thin.nii.gz", torch.rand(40, 32, 1), affine)
    write_image(tmp_path / "soft.nii.gz", torch.rand(image.shape), affine)
    (tmp_path / "broken.nii.gz").write_bytes((pair / "moving.nii.gz").read_bytes()[:300])
    away = affine.clone()
    away[:3, 3] += 1000
    write_image(tmp_path / "away.nii.gz", image, away)
    slanted = affine.clone()
    slanted[0, 1] += 1
    write_image(tmp_path / "slanted.nii.gz", image, slanted)
    return tmp_path


@pytest.mark.parametrize(
    ("moving", "more", "message"),
    [
        ("gone.nii.gz", [], "expected a file, got no file at .*gone.nii.gz"),
        ("broken.nii.gz", [], "broken.nii.gz: expected an image, got"),
        ("channels.nii.gz", [], "channels.nii.gz: expected one image, 2-D or 3-D, got 3 in one"),
        ("slice.nii.gz", [], r"moving_image: expected 3 spatial dimensions, got \(1, 40, 32\)"),
        ("thin.nii.gz", [], "thin.nii.gz: expected 5 voxels or more along every axis"),
        ("flat.nii.gz", [], "flat.nii.gz: expected a range of intensities, got 1 to 1"),
        ("away.nii.gz", [], "moving_image: expected an image that overlaps .*Align their centres"),
        ("moving", ["--range", 5, 5], "expected a range of intensities, got 5 to 5"),
        ("moving", ["--range", "low"], "--range: expected 2 arguments"),
        ("moving", ["--moving-label", "moving_label"], "labels: expected --fixed-label and"),
        (
            "moving",
            ["--fixed-label", "moving_label", "--moving-label", "moving_label"],
            "moving_label.nii.gz: expected the grid of .*fixed.nii.gz, got another",
        ),
        (
            "moving",
            ["--fixed-label", "fixed_label", "--moving-label", "soft.nii.gz"],
            "soft.nii.gz: expected a label map of whole numbers, got fractions",
        ),
    ],
)
def test_refused_in_one_line(pair, bad, refused, moving, more, message):
    def place(word):
        return pair / f"{word}.nii.gz" if "moving" in word or "fixed" in word else bad / word

    named = [place(w) if isinstance(w, str) and not w.startswith("--") else w for w in more]
    out = bad / "out"
    line = refused("register.py", pair / "fixed.nii.gz", place(moving), "--out", out, *named)
    assert re.search(message, line)
    assert not out.exists()


def test_a_folder_that_is_a_file_and_a_grid_that_itk_cannot_hold(pair, bad, refused):
    file = bad / "soft.nii.gz"
    for out in (file, file / "deeper"):
        line = refused("register.py", *words(pair, "--out", out, labels=False))
        assert re.search("--out: expected a folder, got the file .*soft.nii.gz", line)
    slanted, moving = bad / "slanted.nii.gz", pair / "moving.nii.gz"
    line = refused("register.py", slanted, moving, "--out", bad / "out")
    assert "affine: expected axes at right angles" in line
    assert not (bad / "out").exists()
