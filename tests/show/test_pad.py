import base64
import json
import math
import re

import pytest
import torch

from regtutor import show
from regtutor.data.thorax import breathing_slice
from regtutor.deformation import Warp
from regtutor.metrics import DiceMetric, target_registration_error
from regtutor.show.live import unpack

NAN = float("nan")


@pytest.fixture(scope="module")
def pair():
    return breathing_slice(1, size=(48, 40))


def pad_of(pair, **more):
    return show.field_pad(
        pair.fixed, pair.moving, fixed_label=pair.fixed_mask, moving_label=pair.moving_mask,
        fixed_points=pair.fixed_points, moving_points=pair.moving_points,
        view=show.View(spacing=pair.spacing), **more,
    )  # fmt: skip


def test_the_page_is_given_the_pair(pair):
    data = pad_of(pair).data
    assert data["size"] == [48, 40]
    assert data["spacing"] == pytest.approx(pair.spacing)
    low = min(pair.fixed.min(), pair.moving.min())
    high = max(pair.fixed.max(), pair.moving.max())
    for name in ("fixed", "moving"):
        image = torch.from_numpy(unpack(data[name]))
        step = float(high - low) / 255
        torch.testing.assert_close(image, getattr(pair, name)[0], atol=0.51 * step, rtol=0)
    for label, mask in zip(data["labels"], (pair.fixed_mask, pair.moving_mask), strict=True):
        assert torch.equal(torch.from_numpy(unpack(label)), mask[0])
    for points, truth in zip(data["points"], (pair.fixed_points, pair.moving_points), strict=True):
        torch.testing.assert_close(torch.tensor(points), truth[0], atol=1e-4, rtol=0)


def test_words_name_the_score_to_beat(pair):
    pad = pad_of(pair, title="Bend me")
    dice = DiceMetric()(pair.moving_mask, pair.fixed_mask).item()
    points = pair.fixed_points, pair.moving_points
    apart = target_registration_error(*points, None, pair.spacing).mean().item()
    assert pad.poster.alt.startswith("Bend me. Image of 48 by 40 voxels")
    assert f"Dice {dice:.3f}" in pad.poster.alt
    assert f"Landmarks are {show.picture.number(apart)} mm apart" in pad.poster.alt
    assert pad_of(pair, alt="Mine").poster.alt == "Mine"


def test_without_labels_points_and_spacing(pair):
    pad = show.field_pad(pair.fixed, pair.moving)
    assert pad.data["labels"] == pad.data["points"] == []
    assert pad.data["spacing"] == [1.0, 1.0]
    assert pad.data["unit"] == "voxels"
    assert "Dice" not in pad.poster.alt


def test_points_that_are_not_known_in_both_are_left_out(pair):
    fixed = torch.tensor([[[1.0, 2.0], [NAN, NAN], [3.0, 4.0], [5.0, 6.0]]])
    moving = torch.tensor([[[1.5, 2.5], [1.0, 1.0], [NAN, 4.0], [5.5, 6.5]]])
    pad = show.field_pad(pair.fixed, pair.moving, fixed_points=fixed, moving_points=moving)
    assert pad.data["points"] == [[[1.0, 2.0], [5.0, 6.0]], [[1.5, 2.5], [5.5, 6.5]]]
    assert f"{math.sqrt(0.5):.3f} voxels apart" in pad.poster.alt


def test_the_field_comes_and_goes_to_the_last_bit(pair):
    pad = pad_of(pair)
    assert torch.equal(pad.ddf, torch.zeros(1, 2, 48, 40))
    pad.ddf = pair.ddf
    assert torch.equal(pad.ddf, pair.ddf)
    assert pad.ddf.dtype == torch.float32
    values = torch.arange(2 * 48 * 40, dtype=torch.float32) / 7
    pad.set_state({"field": memoryview(values.numpy().tobytes())})  # as the page sends it
    assert isinstance(pad.field, bytes)
    assert torch.equal(pad.ddf.flatten(), values)
    pad.ddf.zero_()  # a copy: the pad keeps its own
    assert pad.ddf.any()
    pad.ddf = pair.ddf[0].double()
    assert torch.equal(pad.ddf, pair.ddf)


def test_what_is_stored(pair):
    pad = pad_of(pair)
    page = pad.to_html()
    assert page == pad_of(pair).to_html()
    assert '"field":' not in page
    pad.ddf = pair.ddf
    assert re.search(r'"field":"[A-Za-z0-9+/=]{20000}', pad.to_html())
    data, _ = pad._repr_mimebundle_()
    assert data["text/plain"] == pad.poster.alt
    assert len(page) < 400_000


def test_the_poster_is_bent_as_the_page_is(pair):
    pad = pad_of(pair)
    plain = pad.poster
    pad.ddf = pair.ddf
    page = pad.to_html()
    warped, label = (
        Warp(padding_mode="border")(x, pair.ddf) for x in (pair.moving, pair.moving_mask)
    )
    view = show.View(spacing=pair.spacing)
    truth = show.overlay(pair.fixed, warped, fixed_label=pair.fixed_mask, warped_label=label,
                         view=view, title=plain.title)  # fmt: skip
    assert pad.poster.png == truth.png != plain.png
    assert base64.b64encode(truth.png).decode() in page
    dice = DiceMetric()((label > 0.5).float(), pair.fixed_mask).item()
    assert f"Bent as here: Dice {show.picture.number(dice)}. Landmarks" in pad.poster.alt
    assert pad.poster.alt.startswith(plain.alt)
    assert f'"alt":{json.dumps(pad.poster.alt)}' in page
    pad.ddf = torch.zeros_like(pair.ddf)
    pad.to_html()
    assert (pad.poster.png, pad.poster.alt) == (plain.png, plain.alt)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"fixed": torch.zeros(1, 1, 8, 8, 8)}, "fixed: expected a plane image"),
        ({"fixed": torch.zeros(1, 1, 8, 2)}, "fixed: expected a plane image of 3 or more"),
        ({"moving": torch.zeros(1, 1, 8, 9)}, r"moving: expected the grid \(8, 8\)"),
        ({"fixed_label": torch.zeros(1, 1, 8, 8)}, "fixed_label and moving_label: expected both"),
        ({"moving_points": torch.zeros(1, 1, 2)}, "fixed_points and moving_points: expected both"),
        (
            dict.fromkeys(("fixed_label", "moving_label"), torch.zeros(1, 1, 9, 8)),
            r"\(1, K, 8, 8\)",
        ),
        (dict.fromkeys(("fixed_label", "moving_label"), torch.full((1, 1, 8, 8), 2.0)), "0 and 1"),
        (dict.fromkeys(("fixed_points", "moving_points"), torch.zeros(1, 4, 3)), r"\(1, N, 2\)"),
        (dict.fromkeys(("fixed_label", "moving_label"), torch.zeros(1, 1, 8, 8)), "a voxel inside"),
        (
            dict.fromkeys(("fixed_points", "moving_points"), torch.full((1, 4, 2), NAN)),
            "a row known",
        ),
        (
            {"fixed_points": torch.zeros(1, 4, 2), "moving_points": torch.zeros(1, 5, 2)},
            "moving_points: expected the shape",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(more, words):
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=words):
        show.field_pad(**{"fixed": image, "moving": image, **more})


@pytest.mark.parametrize(
    "ddf", [torch.zeros(1, 2, 48, 41), torch.zeros(2, 2, 48, 40), torch.full((1, 2, 48, 40), NAN)]
)
def test_a_field_of_another_grid_is_refused(pair, ddf):
    pad = pad_of(pair)
    with pytest.raises(ValueError, match="ddf: expected"):
        pad.ddf = ddf
