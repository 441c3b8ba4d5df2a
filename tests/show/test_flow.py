import base64

import numpy as np
import pytest
import torch

from regtutor import show
from regtutor.deformation import exp, identity_grid
from regtutor.metrics import folding_fraction
from regtutor.show.live import unpack

SIZE = (20, 27)


def case():
    """An image and a velocity that folds when it is taken for a displacement."""
    row, column = identity_grid(SIZE).unbind(1)
    dvf = torch.stack([8 * (column / 3).sin() * (row / 4).cos(), 6 * (row / 3).sin()], dim=1)
    return (row + 2 * column)[None], dvf


def test_the_page_is_given_the_velocity_to_the_last_bit_and_the_image():
    image, dvf = case()
    live = show.flow(image, dvf, num_steps=5, view=show.View(spacing=(2.0, 3.0)))
    stored = np.frombuffer(base64.b64decode(live.data["dvf"]), "<f4").reshape(1, 2, *SIZE)
    assert torch.equal(torch.from_numpy(stored.copy()), dvf)
    values = torch.from_numpy(unpack(live.data["moving"]))
    step = float(image.max() - image.min()) / 255
    torch.testing.assert_close(values, image[0], atol=0.51 * step, rtol=0)
    assert (live.data["most"], live.data["spacing"]) == (5, [2.0, 3.0])
    assert len(live.to_html()) < 200_000


def test_words_say_how_much_folds_by_each_number_of_steps():
    image, dvf = case()
    alt = show.flow(image, dvf, num_steps=3, title="Follow me").poster.alt
    folded = [dvf, *(exp(dvf, n) for n in (1, 2, 3))]
    folded = [show.picture.number(100 * folding_fraction(ddf).item()) for ddf in folded]
    told = ", ".join(f"{n}: {share} %" for n, share in enumerate(folded))
    assert alt.startswith("Follow me. Image of 20 by 27 voxels.")
    assert f"Folded voxels by num_steps: {told}." in alt
    assert show.flow(image, dvf, alt="Mine").poster.alt == "Mine"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"moving": torch.zeros(1, 1, 8, 8, 8)}, "moving: expected a plane image"),
        ({"dvf": torch.zeros(1, 2, 20, 26)}, r"dvf: expected the grid \(20, 27\)"),
        ({"dvf": torch.full((1, 2, *SIZE), float("nan"))}, "dvf: expected finite"),
        ({"moving": torch.full((1, 1, *SIZE), float("inf"))}, "moving: expected finite"),
        ({"num_steps": 0}, "num_steps"),
        ({"num_steps": 11}, "num_steps: expected at most 10, got 11"),
    ],
)
def test_what_cannot_be_followed_is_refused(more, words):
    image, dvf = case()
    with pytest.raises(ValueError, match=words):
        show.flow(**{"moving": image, "dvf": dvf, **more})
