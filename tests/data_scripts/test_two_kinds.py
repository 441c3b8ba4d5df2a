"""Without labels and training: a pair whose second image is the first, shifted, dark for light."""

import csv
import re

import pytest
import torch
from PIL import Image

from regtutor.deformation import identity_grid
from regtutor.deformation.warp import warp
from regtutor.files import write_image
from regtutor.filters import gaussian_smooth

SIZE = (32, 40, 28)
SHIFTS = torch.tensor([(2.0, -3.0, 1.0), (-2.0, 0.0, 2.0), (1.0, 4.0, 0.0)])


@pytest.fixture(scope="module")
def organs(tmp_path_factory):
    """Three pairs: texture with an organ in it; a blob in the organ for a landmark."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("organs")
    for n, shift in enumerate(SHIFTS):
        away = shift.view(1, 3, 1, 1, 1).expand(1, 3, *SIZE)
        texture = gaussian_smooth(torch.rand(1, 1, *SIZE), 3.0)
        apart = identity_grid(SIZE)[0] - torch.tensor((15.0, 20.0, 13.0)).view(3, 1, 1, 1)
        label = torch.stack([(apart.norm(dim=0) < r).float() for r in (8, 3)])[None]
        image = 128 + 30 * (texture - texture.mean()) / texture.std() + 20 * label[:, :1]
        image = image.clamp(5, 250)
        sides = {
            "fixed": (image, label),
            "moving": (255 - warp(image, -away, padding_mode="border"), warp(label, -away)),
        }
        for side, (seen, drawn) in sides.items():
            for kind, data in (("images", seen[0, 0]), ("labels", drawn[0].movedim(0, -1))):
                place = folder / ("train" if n < 2 else "test") / f"{side}_{kind}"
                place.mkdir(parents=True, exist_ok=True)
                write_image(place / f"case{n:06d}.nii.gz", data, torch.eye(4).double())
    return folder


@pytest.mark.parametrize(("words", "left"), [(["--shift-only"], 0.8), (["--smoothness", 0.5], 0.4)])
def test_every_pair_comes_closer(words, left, organs, typed, capsys, tmp_path):
    typed("two_kinds.py", organs, *words, "--out", tmp_path / "rows.csv")
    said = capsys.readouterr().out
    assert len(re.findall(r"^pair +\d+: dice", said, re.M)) == 3
    with (tmp_path / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    tre = [[float(r["tre_voxels"]) for r in rows if r["when"] == w] for w in ("before", "after")]
    assert tre[0] == pytest.approx(SHIFTS.norm(dim=1).tolist(), abs=0.2)
    assert all(after < left * before for before, after in zip(*tre, strict=True))


def test_one_pair_is_drawn(organs, typed, refused, tmp_path):
    typed("two_kinds.py", organs, "--shift-only", "--draw", 2, tmp_path / "pair.png")
    with Image.open(tmp_path / "pair.png") as board:
        assert min(board.size) > 400
        assert len(board.convert("RGB").getcolors(maxcolors=2**20)) > 30
    refused("two_kinds.py", organs, "--draw", 4, tmp_path / "none.png", bars=True)
    assert not (tmp_path / "none.png").exists()


def test_a_folder_without_pairs_is_refused(tmp_path, refused):
    refused("two_kinds.py", tmp_path / "none")
