import pytest
import torch

from regtutor import show
from regtutor.show.live import unpack

SWITCHES = {"up": "a row too high", "dark": "half as bright", "turned": "turned round"}
IMAGE = torch.arange(1.0, 31.0).view(1, 1, 5, 6)


def make(on):
    image = IMAGE
    if "up" in on:
        image = image.roll(-1, 2)
    if "dark" in on:
        image = image / 2
    return image.flip(2, 3) if "turned" in on else image


PICTURES = {"A": make({"dark"}), "B": make({"up", "turned"})}


def test_the_page_is_given_the_picture_of_every_set_of_switches():
    data = show.switchboard(make, SWITCHES, PICTURES, view=show.View(spacing=(2.0, 3.0))).data
    looks = torch.from_numpy(unpack(data["looks"]))
    assert looks.shape == (8, 5, 6)
    for place in range(8):  # the first switch counts for most
        on = {name for name, bit in zip(SWITCHES, f"{place:03b}", strict=True) if bit == "1"}
        torch.testing.assert_close(looks[place], make(on)[0, 0], atol=0.07, rtol=0)
    assert data["pictures"] == [["A", 0b010], ["B", 0b101]]
    assert data["switches"] == list(SWITCHES.values())
    assert data["spacing"] == [2.0, 3.0]


def test_words_and_the_still_picture():
    board = show.switchboard(make, SWITCHES, PICTURES, title="Which?")
    assert board.poster.alt.startswith("Which? Switches: a row too high; half as bright; turned")
    assert "Image of 5 by 6 voxels" in board.poster.alt
    assert "to be explained, A, B." in board.poster.alt
    plain = show.switchboard(make, SWITCHES, PICTURES, title="Explain")
    assert plain.poster.alt.startswith("Explain. Switches: ")
    assert show.switchboard(make, SWITCHES, PICTURES, alt="Mine").poster.alt == "Mine"
    page = board.to_html()
    assert page == show.switchboard(make, SWITCHES, PICTURES, title="Which?").to_html()
    assert len(page) < 200_000


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"switches": {}}, "switches: expected 1 to 6, got 0"),
        ({"switches": dict.fromkeys("abcdefg", "")}, "switches: expected 1 to 6, got 7"),
        ({"pictures": {}}, "pictures: expected at least one"),
        ({"pictures": {"C": IMAGE + 1}}, "C: expected a picture that one set of switches makes"),
        ({"pictures": {"C": IMAGE[..., 1:]}}, "C: expected the grid"),
        ({"make": lambda on: IMAGE, "pictures": {"C": IMAGE}}, "C: .* makes, got 8"),
    ],
)
def test_what_cannot_be_explained_is_refused(more, words):
    with pytest.raises(ValueError, match=words):
        show.switchboard(**{"make": make, "switches": SWITCHES, "pictures": PICTURES, **more})
