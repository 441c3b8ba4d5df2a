import base64

import pytest
import torch

from regtutor import show


def frames(count=3):
    image = torch.zeros(1, 1, 12, 16)
    return [show.slices({"a": image + n, "b": image}, title=f"Step {n}") for n in range(count)]


def test_it_holds_each_picture_with_its_words():
    made = show.leaf(frames(), label="transform", title="A life")
    assert (made.data["title"], made.data["label"]) == ("A life", "transform")
    for kept, frame in zip(made.data["frames"], frames(), strict=True):
        assert base64.b64decode(kept["src"]) == frame.png
        assert kept["alt"] == frame.alt
    assert made.to_html() == show.leaf(frames(), label="transform", title="A life").to_html()


def test_without_a_script_they_follow_each_other():
    made = show.leaf(frames(), seconds=1.5)
    film = show.animate(frames(), seconds=1.5)
    assert made.poster.png == film.png
    assert made.poster.alt == film.alt
    assert made.data["title"] == "Step 0"
    assert show.leaf(frames(), alt="Mine").poster.alt == "Mine"


def test_pictures_must_be_there_and_of_one_size():
    with pytest.raises(ValueError, match="frames: expected at least one picture"):
        show.leaf([])
