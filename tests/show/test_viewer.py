import json
import re

import numpy as np
import pytest
import torch

from regtutor import show
from regtutor.data.thorax import breathing_pair
from regtutor.deformation import Warp, affine_to_ddf, identity_grid, sample
from regtutor.metrics import DiceMetric, target_registration_error
from regtutor.show.live import pack, unpack
from regtutor.show.packing import layout, pack_field, pack_image, page_size


@pytest.fixture(scope="module")
def chest():
    return breathing_pair(seed=0, size=(64, 64, 64))


def seen(packed, size):
    """What a page reads at each voxel of the true grid, as space.js does: `(*size)`."""
    d = len(size)
    values = torch.from_numpy(unpack(packed)).reshape(packed["shape"][3 - d :])
    scale, shift = (torch.tensor(packed[key][3 - d :]) for key in ("scale", "shift"))
    places = identity_grid(size) * scale.view(1, d, *[1] * d) + shift.view(1, d, *[1] * d)
    return sample(values[None, None], places)[0, 0]


def field_seen(packed, size):
    return torch.stack([seen(p, size) for p in packed if p is not None])[None]


@pytest.mark.parametrize("quality", [100, 90])
def test_what_is_packed_is_read_back(quality):
    values = np.add.outer(np.arange(5) * 10.0, np.add.outer(np.arange(16.0), np.arange(24.0)))
    back = unpack(pack(values, 0, 90, quality))
    assert back.shape == values.shape
    apart = np.abs(back - values) * 255 / 90
    assert apart.max() < 0.501 if quality == 100 else apart.mean() < 1.5


def test_a_pair_of_64_cubed_with_its_field_labels_and_landmarks_is_below_400_kb(chest):
    bright = show.View(spacing=chest.spacing, window=(-1000, 200))
    made = show.view(
        chest.fixed, chest.moving, ddf=chest.ddf, labels=(chest.fixed_mask, chest.moving_mask),
        points=(chest.fixed_points, chest.moving_points), view=bright,
    )  # fmt: skip
    size = len(made.to_html())
    print(f"{size / 1000:.0f} kB, of which script {len(made._esm) / 1000:.0f} kB")
    assert size <= 400_000


def test_a_field_loses_less_than_a_tenth_of_a_voxel(chest):
    packed = pack_field(chest.ddf)
    assert float((field_seen(packed, (64, 64, 64)) - chest.ddf).abs().max()) < 0.1
    assert sum(len(p["src"]) for p in packed) < 110_000


def test_a_smooth_field_is_stored_on_a_coarse_grid(case):
    theta = torch.eye(len(case.size) + 1)[None, :-1] * 1.1
    ddf = affine_to_ddf(theta, case.size)
    packed = pack_field(ddf)
    assert all(max(p["shape"]) == 2 for p in packed if p)
    assert float((field_seen(packed, case.size) - ddf).abs().max()) < 0.02
    assert [p is None for p in packed] == [True] * (3 - len(case.size)) + [False] * len(case.size)


def test_a_field_too_rough_for_a_coarse_grid_is_stored_whole(case):
    rough = torch.rand(case.ddf.shape, generator=torch.Generator().manual_seed(0))
    packed = pack_field(rough)
    assert tuple(packed[-1]["shape"][3 - len(case.size) :]) == case.size
    assert float((field_seen(packed, case.size) - rough).abs().max()) < 0.1


@pytest.mark.parametrize("size", [(96, 80, 104), (300, 400)])
def test_a_large_image_is_reduced_and_its_places_stay_true(size):
    small = page_size(size)
    assert small != list(size)
    assert np.prod(small) < 1.2 * (64**3 if len(size) == 3 else 256**2)
    for axis, n in enumerate(size):
        ramp = identity_grid(size)[0, axis]
        packed = pack_image(ramp, 0.0, n - 1.0, quality=100)
        assert packed["shape"][3 - len(size) :] == small
        inner = tuple(slice(4, -4) for _ in size)
        assert float((seen(packed, size) - ramp)[inner].abs().max()) < 0.51 * n / 255


def test_an_image_that_fits_is_stored_voxel_by_voxel(case):
    low, high = float(case.fixed.min()), float(case.fixed.max())
    packed = pack_image(case.fixed[0, 0], low, high)
    apart = (seen(packed, case.size) - case.fixed[0, 0]).abs() * 255 / (high - low)
    assert float(apart.max()) < 0.51 if len(case.size) == 2 else float(apart.mean()) < 2


def test_the_planes_lie_as_those_of_the_still_pictures(case):
    plane = show.View(spacing=case.spacing).plane(case.size)
    told, up = layout(plane, (0, 1)), 3 - len(case.size)
    assert told["planes"][told["plane"]]["across"] == plane.across + up
    assert told["planes"][told["plane"]]["along"] == plane.along + up
    assert told["size"] == [1] * up + list(case.size)
    names = {p["name"]: (p["axis"], p["across"], p["along"], p["up"]) for p in told["planes"]}
    if len(case.size) == 2:
        assert names == {"Image": (0, 2, 1, False)}
    else:
        assert names == {
            "Sagittal": (0, 1, 2, True), "Coronal": (1, 0, 2, True), "Axial": (2, 0, 1, False)
        }  # fmt: skip
        assert told["start"][1] == plane.index


def test_states_come_in_order_and_what_the_page_can_warp_is_not_stored(case):
    own = case.warped.clamp(0.2, 0.8)
    made = show.view(
        case.fixed, case.moving, {"second": case.warped, "masked": own, "image": own},
        {"first": case.ddf / 2, "second": case.ddf, "masked": case.ddf},
    )  # fmt: skip
    states = {state["name"]: state for state in made.data["states"]}
    assert list(states) == ["before", "first", "second", "masked", "image"]
    assert [s["warped"] is not None for s in states.values()] == [False] * 3 + [True] * 2
    assert [s["field"] is not None for s in states.values()] == [False, True, True, True, False]
    assert [s["known"] for s in states.values()] == [True] * 4 + [False]
    single = show.view(case.fixed, case.moving, case.warped, case.ddf)
    assert [s["name"] for s in single.data["states"]] == ["before", "after"]
    assert len(show.view(case.fixed, case.moving).data["states"]) == 1


def test_the_words_say_the_numbers(case):
    d = len(case.size)
    points = (torch.full((1, 4, d), 6.0), torch.full((1, 4, d), 7.0))
    points[0][0, 3] = torch.nan
    made = show.view(
        case.fixed, case.moving, ddf=case.ddf, labels=(case.label, case.label), points=points,
        view=show.View(spacing=case.spacing), title="Mine",
    )  # fmt: skip
    before, after = (state["text"] for state in made.data["states"])
    error = target_registration_error(*points, case.ddf, case.spacing).nanmean().item()
    moved = (Warp(padding_mode="border")(case.label, case.ddf) > 0.5).float()
    dice = DiceMetric()(moved, case.label).item()
    low, high = (f(x for x in (case.fixed, case.moving)) for f in (low_of, high_of))
    apart = 100 * (case.warped - case.fixed).abs().mean().item() / (high - low)
    said = {key: float(re.search(pattern, after)[1]) for key, pattern in {
        "apart": r"Difference ([\d.]+) %", "dice": r"Dice ([\d.]+)\.",
        "tre": r"Landmarks ([\d.]+) mm",
    }.items()}  # fmt: skip
    assert said == pytest.approx({"apart": apart, "dice": dice, "tre": error}, rel=0.01)
    assert "Dice 1.00." in before
    assert "displacement" not in before
    assert made.poster.alt.startswith("Mine. ")
    assert before in made.poster.alt
    assert after in made.poster.alt
    assert len(made.data["points"][0]) == 3  # the unknown one is left out
    assert not re.search(r"\bnan\b", json.dumps(made.data), re.IGNORECASE)


def low_of(images):
    return min(image.min().item() for image in images)


def high_of(images):
    return max(image.max().item() for image in images)


def test_the_output_is_the_same_on_each_run_and_blinks_without_a_script(case):
    one, two = (show.view(case.fixed, case.moving, ddf=case.ddf).to_html() for _ in range(2))
    assert one == two
    made = show.view(case.fixed, case.moving, ddf=case.ddf, alt="My words <b>")
    assert made.poster.png.count(b"fcTL") == 3  # three frames in turn
    assert 'alt="My words &lt;b&gt;"' in made.to_html()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moving": torch.rand(1, 1, 26, 33)}, "moving: expected the shape"),
        ({"fixed": torch.full((1, 1, 26, 34), torch.nan)}, "fixed: expected finite"),
        ({"ddf": torch.zeros(1, 2, 26, 33)}, "ddf: expected the grid"),
        ({"ddf": {"before": torch.zeros(1, 2, 26, 34)}}, "ddf: expected another name"),
        ({"warped": torch.zeros(1, 1, 26, 33)}, "warped: expected the shape"),
        ({"labels": (torch.zeros(1, 1, 26, 33),) * 2}, "labels: expected the batch and grid"),
        ({"labels": torch.zeros(1, 1, 26, 34)}, r"labels: expected \(fixed, moving\)"),
        ({"points": (torch.zeros(1, 3, 2), torch.zeros(1, 2, 2))}, "points: expected"),
        ({"points": (torch.zeros(1, 3, 3),) * 2}, "points: expected"),
        ({"view": show.View(axis=1)}, "axis, index: expected None in 2-D"),
    ],
)
def test_what_does_not_belong_together_is_refused(change, message):
    images = {"fixed": torch.rand(1, 1, 26, 34), "moving": torch.rand(1, 1, 26, 34)}
    with pytest.raises(ValueError, match=message):
        show.view(**{**images, **change})
