"""Cross-validation: nobody is judged by a network that met him, and gains are what they say."""

import csv
import importlib
import re
from pathlib import Path

import pytest
import torch

from regtutor.deformation import identity_grid
from regtutor.files import write_image

SIZE = (20, 24, 20)


@pytest.fixture
def load(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "data_scripts")
    return importlib.import_module


def ball(middle, radius):
    apart = identity_grid(SIZE)[0] - torch.tensor(middle).view(3, 1, 1, 1)
    return (apart.norm(dim=0) < radius).float()


@pytest.fixture(scope="module")
def glands(tmp_path_factory):
    """Four pairs, each a ball and a blob in it, elsewhere in the other image."""
    folder = tmp_path_factory.mktemp("glands")
    for n in range(4):
        part = folder / ("train" if n < 3 else "test")
        for side, middle in (("fixed", (10.0, 12.0, 10.0)), ("moving", (8.0 + n, 12.0, 11.0))):
            organ, blob = ball(middle, 6), ball([x + 2 for x in middle], 2)
            for kind, image in (
                ("images", 100 + 80 * organ),
                ("labels", torch.stack([organ, blob], dim=-1)),
            ):
                place = part / f"{side}_{kind}"
                place.mkdir(parents=True, exist_ok=True)
                write_image(place / f"case{n:06d}.nii.gz", image, torch.eye(4).double())
    return folder


@pytest.mark.parametrize("network", ["centre", "local"])
def test_every_pair_is_judged_once_by_a_network_that_never_met_it(
    network, glands, tmp_path, typed, capsys, monkeypatch, load
):
    module = load("cross_validate")
    trained_on = []
    real = module.CacheDataset

    def watched(data, *args, **kwargs):
        trained_on.append([id(pair) for pair in data])
        return real(data, *args, **kwargs)

    monkeypatch.setattr(module, "CacheDataset", watched)
    data = list(module.load(glands))
    options = module.arguments().parse_args(
        [str(glands), "--network", network, "--folds", "2", "--epochs", "1", "--channels", "2"]
    )
    trained_on.clear()
    rows = module.fold(data, [1, 3], options, 0)
    assert sorted({n for n, pair in enumerate(data) if id(pair) in trained_on[0]}) == [0, 2]
    assert [(row["pair"], row["when"]) for row in rows] == [
        (1, "before"), (3, "before"), (1, "after"), (3, "after"),
    ]  # fmt: skip
    before = {row["pair"]: row["tre_voxels"] for row in rows if row["when"] == "before"}
    assert before[1] == pytest.approx(2**0.5, abs=0.01)  # from (10, 12, 10) to (9, 12, 11)
    assert before[3] == pytest.approx(2**0.5, abs=0.01)


def test_as_typed(glands, tmp_path, typed, capsys):
    out = tmp_path / "rows.csv"
    words = ["--folds", 2, "--epochs", 1, "--channels", 2, "--out", out]
    typed("cross_validate.py", glands, *words)
    said = capsys.readouterr().out
    assert len(re.findall(r"^pair +\d+: dice", said, re.M)) == 4
    assert re.search(r"^dice: 4 pairs, .* 95 % interval", said, re.M)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["pair"] for row in rows if row["when"] == "after") == list("0123")


def test_gains(load):
    values = {"before": [0.5, 0.6, 0.7, 0.4], "after": [0.6, 0.8, 0.7, 0.5]}
    rows = [
        {"pair": n, "when": when, "dice": x, "tre_voxels": float("nan") if n == 3 else 10 * x}
        for when, xs in values.items()
        for n, x in enumerate(xs)
    ]
    dice, tre = load("report").gains(rows).splitlines()
    assert dice.startswith(
        "dice: 4 pairs, 0.550 → 0.650, gain +0.100, 95 % interval -0.030 to +0.230"
    )
    assert tre.startswith("tre_voxels: 3 pairs, 6.000 → 7.000, gain +1.000")


def test_three_numbers(load):
    """What CentreNet says is the same everywhere: the shift between the middles of two outlines."""
    torch.manual_seed(0)
    network = load("centre_net").CentreNet(2, channels=2)
    middle = load("centre_net")._middle
    ddf = network(torch.rand(3, 2, 16, 24))
    assert ddf.shape == (3, 2, 16, 24)
    assert ddf.flatten(2).std(dim=2).max() == 0
    moving, fixed = network.places
    assert torch.equal(ddf[:, :, 5, 7], moving - fixed)
    outline = torch.zeros(1, 1, 16, 24)
    outline[:, :, 4:7, 10:15] = 1
    assert middle(outline).tolist() == [[5.0, 12.0]]


def test_refused(glands, tmp_path, refused):
    assert "--folds" in refused("cross_validate.py", glands, "--folds", 1)
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    refused("cross_validate.py", tmp_path)
