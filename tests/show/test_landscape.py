import pytest
import torch

from regtutor import show
from regtutor.show.live import unpack

SWITCHES = {"dark": "contrast inverted", "soft": "half the contrast"}
SHIFTS = range(-8, 9)
COLUMN = torch.arange(24.0)
FIXED = torch.exp(-(((COLUMN - 11) / 4) ** 2)).expand(1, 1, 10, 24).clone()
LABEL = ((COLUMN > 8) & (COLUMN < 14)).float().expand(1, 1, 10, 24)


def scene(on):
    moving = FIXED / 2 if "soft" in on else FIXED
    return FIXED, 1 - moving if "dark" in on else moving


def mse(moved, fixed):
    return ((moved - fixed) ** 2).mean()


def centre(moved, fixed):
    return (moved * COLUMN).sum() / moved.sum() - (fixed * COLUMN).sum() / fixed.sum()


def made(**more):
    words = {"switches": SWITCHES, "labels": (LABEL, LABEL), "label_losses": {"centre": centre},
             "shifts": SHIFTS, "view": show.View(spacing=(1.5, 2.0))}  # fmt: skip
    return show.landscape(scene, {"mse": mse}, **{**words, **more})


def test_curves_are_those_of_the_losses_and_a_shift_moves_the_picture_to_the_right():
    land = made()
    assert list(land.curves()) == ["mse", "centre"]
    assert land.curves()["centre"] == pytest.approx([float(s) for s in SHIFTS], abs=1e-4)
    for on in ((), ("dark",), ("soft",), ("soft", "dark")):
        fixed, moving = scene(on)
        for shift in (-8, 0, 5):
            moved = moving[..., (COLUMN - shift).clamp(0, 23).long()]
            value = land.curves(on)["mse"][SHIFTS.index(shift)]
            assert value == pytest.approx(mse(moved, fixed).item(), rel=1e-4, abs=1e-9), (on, shift)
    assert land.captured() == {"mse": (-8, 8), "centre": None}
    assert land.captured({"dark"})["mse"] is None


def test_the_page_is_given_each_image_once_and_its_place():
    data = made().data
    images = torch.from_numpy(unpack(data["images"]))
    assert len(images) == 4
    for state, on in zip(data["states"], [(), ("soft",), ("dark",), ("dark", "soft")], strict=True):
        for place, image in zip(state["pair"], scene(on), strict=True):
            torch.testing.assert_close(images[place], image[0, 0], atol=0.003, rtol=0)
    assert data["spacing"] == [1.5, 2.0]
    assert data["shifts"] == list(SHIFTS)


def test_words_and_the_still_picture():
    land = made(title="Slide")
    assert land.poster.alt.startswith("Slide (dashed: contrast inverted). mse: 0.000 at a shift")
    assert "mse, contrast inverted" in land.poster.alt
    assert "centre, contrast" not in land.poster.alt  # it does not change
    assert land.to_html() == made(title="Slide").to_html()
    assert made(alt="Mine").poster.alt == "Mine"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"switches": {}}, "switches: expected 1 to 4, got 0"),
        ({"switches": dict.fromkeys("abcde", "x")}, "switches: expected 1 to 4, got 5"),
        ({"shifts": range(1, 9)}, "shifts: expected 0 among them"),
        ({"labels": (LABEL, LABEL[..., 1:])}, "labels: expected the grid"),
    ],
)
def test_what_cannot_be_slid_is_refused(more, words):
    with pytest.raises(ValueError, match=words):
        made(**more)
    with pytest.raises(ValueError, match="losses: expected at least one"):
        show.landscape(scene, {}, switches=SWITCHES, labels=(LABEL, LABEL), label_losses={})
    with pytest.raises(ValueError, match="on: expected some of dark, soft, got"):
        made().curves({"bright"})
