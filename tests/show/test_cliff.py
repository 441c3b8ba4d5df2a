import numpy as np
import pytest
import torch

from regtutor import show
from regtutor.show.live import unpack

SIZE = (20, 27)
TRE = {"nothing": (8.0, 8.0, 8.0), "frozen": (1.25, 5.0, 9.5), "refined": (1.0, 1.5, 7.0)}


def image(number):
    row, column = torch.meshgrid(torch.arange(20.0), torch.arange(27.0), indexing="ij")
    return (0.5 + 0.5 * (row / (2 + number) + column / 5).sin())[None, None]


def trial(n, amount, **more):
    warped = {method: image(k + n / 9) for k, method in enumerate(TRE)}
    scores = {method: {"TRE (mm)": TRE[method][n], "Dice": 0.9 - n / 10} for method in TRE}
    return show.Trial(amount, **{"fixed": image(5), "warped": warped, "scores": scores} | more)


def shifts():
    """Turned: three amounts; blur: two, the first of which is the first of the other."""
    turned = [trial(n, amount) for n, amount in enumerate(("0°", "20°", "90°"))]
    return {"turned": turned, "blur": [turned[0], trial(1, "2 voxels")]}


def test_the_page_is_given_each_image_once_and_each_score():
    data = show.cliff(shifts(), view=show.View(spacing=(2.0, 3.0))).data
    images = unpack(data["images"])
    assert len(images) == 10  # one fixed, nine warped: the blur's are there already
    turned, blur = data["shifts"]
    for n, one in enumerate(shifts()["turned"]):
        for m, warped in enumerate(one.warped.values()):
            there = images[turned["warped"][m][n]]
            assert np.abs(there - warped[0, 0].numpy()).mean() < 0.02
    assert turned["fixed"] == [turned["fixed"][0]] * 3
    assert blur["warped"][1][0] == turned["warped"][1][0]
    assert (turned["amounts"], blur["amounts"]) == (["0°", "20°", "90°"], ["0°", "2 voxels"])
    assert turned["values"][1] == [[1.25, 5.0, 9.5], [0.9, 0.8, 0.7]]
    assert data["methods"] == ["nothing", "frozen", "refined"]
    assert (data["scores"], data["spacing"]) == (["TRE (mm)", "Dice"], [2.0, 3.0])


def test_an_image_on_a_finer_grid_is_shown_on_the_first_ones():
    fine = torch.nn.functional.interpolate(image(5), scale_factor=2, mode="bilinear")
    other = trial(1, "half", fixed=fine, warped=dict.fromkeys(TRE, fine))
    data = show.cliff({"voxel size": [trial(0, "1"), other]}).data
    there = unpack(data["images"])[data["shifts"][0]["warped"][0][1]]
    assert there.shape == SIZE
    assert np.abs(there - image(5)[0, 0].numpy()).mean() < 0.03


def test_words_tell_every_number():
    alt = show.cliff(shifts(), title="Where does it fall?").poster.alt
    assert alt.startswith(
        "Where does it fall? turned from 0° to 90°. turned, nothing: TRE (mm) 8.00"
    )
    assert "turned, frozen: TRE (mm) 1.25, 5.00, 9.50." in alt
    assert "blur from 0° to 2 voxels." in alt
    assert show.cliff(shifts(), alt="Mine").poster.alt == "Mine"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"a": [trial(0, "0°")]}, "a: expected two trials"),
        (
            {"a": [trial(0, "x"), trial(1, "y", warped={"nothing": image(1)})]},
            "a: expected the met",
        ),
        (
            {"a": [trial(0, "x"), trial(1, "y", scores={"nothing": {"TRE (mm)": 1.0}})]},
            "finite TRE",
        ),
        ({"a": [trial(0, "x"), trial(1, "y", fixed=image(1)[..., 2:])]}, "warped: expected"),
        ({"a": [trial(0, "x", fixed=torch.zeros(1, 1, 4, 5, 6))] * 2}, "fixed: expected a plane"),
        ({"a": [trial(0, "x", warped={"nothing": image(1)})] * 2}, "warped: expected 2 to 4"),
    ],
)
def test_what_is_no_cliff_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        show.cliff(given)
