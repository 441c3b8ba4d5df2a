import numpy as np
import pytest
import torch

from regtutor import show
from regtutor.deformation import Warp, identity_grid
from regtutor.metrics import folding_fraction
from regtutor.show.live import unpack

SIZE = (20, 27)


def case():
    """A wave that folds, one that does not, and nothing; neither square nor of one spacing."""
    row, column = identity_grid(SIZE).unbind(1)
    wave = torch.stack([8 * (column / 3).sin() * (row / 4).cos(), 6 * (row / 3).sin()], dim=1)
    image = ((row / 3).sin() + (column / 5).cos())[None]
    fields = {0.01: wave, 1.0: wave / 9, 100.0: 0 * wave}
    seen = {"MSE": [0.0012, 0.003, 0.5], "folded (%)": [28.0, 0.0, 0.0]}
    return {"fixed": image, "moving": image.flip(3), "fields": fields, "seen": seen,
            "covered": ("TRE (mm)", [5.0, 1.25, 8.0]), "nothing": 9.0}  # fmt: skip


def test_the_page_is_given_what_each_weight_makes():
    given = case()
    data = show.sweep(**given, view=show.View(spacing=(2.0, 3.0))).data
    warped, area, nodes = (unpack(data[name]) for name in ("warped", "area", "nodes"))
    window = float(given["moving"].max() - given["moving"].min())
    for n, ddf in enumerate(given["fields"].values()):
        right = Warp()(given["moving"], ddf)[0, 0].numpy()
        assert np.abs(warped[n] - right).mean() < 0.02 * window
        assert (area[n] <= 0).mean() == pytest.approx(folding_fraction(ddf).item(), abs=1e-6)
        near = ddf[0, :, ::2, ::2].numpy() - nodes[2 * n : 2 * n + 2]
        assert np.abs(near).max() < 8 / 254 + 1e-3
    assert (data["weights"], data["spacing"]) == (["0.01", "1", "100"], [2.0, 3.0])
    assert data["curves"]["TRE (mm)"] == [5.0, 1.25, 8.0]


def test_words_tell_all_but_the_covered_score():
    alt = show.sweep(**case(), title="Turn it").poster.alt
    assert alt.startswith("Turn it. Image of 20 by 27 voxels.")
    assert "MSE by λ: 0.01: 0.0012, 1: 0.003, 100: 0.500." in alt
    assert "TRE (mm) is covered" in alt
    assert "1.25" not in alt
    assert show.sweep(**case(), alt="Mine").poster.alt == "Mine"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"fixed": torch.zeros(1, 1, 8, 8, 8)}, "fixed: expected a plane image"),
        ({"moving": torch.zeros(1, 1, 20, 26)}, "moving: expected"),
        ({"fields": {1.0: torch.zeros(1, 2, *SIZE)}}, "fields: expected three λ or more"),
        ({"fields": {w: torch.zeros(1, 2, *SIZE) for w in (3, 2, 1)}}, "rising"),
        ({"fields": {w: torch.zeros(1, 2, 9, 9) for w in (1, 2, 3)}}, "fields: expected"),
        ({"seen": {"MSE": [1.0, 2.0]}}, "MSE: expected 3 numbers"),
        ({"covered": ("TRE (mm)", [1.0, 2.0, float("nan")])}, r"TRE \(mm\): expected 3 numbers"),
    ],
)
def test_what_is_no_sweep_is_refused(more, words):
    with pytest.raises(ValueError, match=words):
        show.sweep(**{**case(), **more})
