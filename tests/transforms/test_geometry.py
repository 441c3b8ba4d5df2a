"""Every spatial transform: a landmark stays on its anatomy, a voxel in its place in the patient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regtutor.deformation.affine import affine_matrix
from regtutor.deformation.warp import identity_grid
from regtutor.transforms import (
    CenterSpatialCropd,
    RandAffined,
    RandFlipd,
    ResampleToMatchd,
    Resized,
    SpatialPadd,
)
from regtutor.transforms.geometry import full_size, move

SIZE = {2: (22, 26), 3: (22, 26, 20)}
POINTS = {
    2: torch.tensor([[7.3, 16.6], [13.0, 9.0]]),
    3: torch.tensor([[7.3, 16.6, 8.2], [13.0, 9.0, 12.5]]),
}
AFFINE = torch.tensor(
    [[-1.5, 0.1, 0, 10], [0.2, 1.2, 0, -20], [0, 0, 2, 5], [0, 0, 0, 1]], dtype=torch.float64
)
OF = {"point_keys": {"points": "image"}}
BOTH = ["image", "label"]


def blobs(points, size, sigma=1.5):
    """A channel for each point, a Gaussian of `sigma` voxels on it."""
    places = identity_grid(size)[0]  # (d, *size)
    centres = points.view(*points.shape, *[1] * len(size))  # (N, d, 1 …)
    return torch.exp(-((places - centres) ** 2).sum(dim=1) / (2 * sigma**2))


def centres(image):
    """The mean place of each channel's mass: (N, d)."""
    places = identity_grid(image.shape[1:])  # (1, d, *size)
    weight = image.unsqueeze(1)
    return (weight * places).flatten(2).sum(-1) / weight.flatten(2).sum(-1)


def case(d):
    image = blobs(POINTS[d], SIZE[d])
    other = AFFINE.clone()
    other[:3, 3] += torch.tensor([1.0, -2.0, 1.0])
    other[:3, :3] *= 1.2
    return {
        "image": image,
        "image_affine": AFFINE,
        "label": (image > 0.1).float(),
        "label_affine": AFFINE,
        "points": POINTS[d],
        "target": torch.zeros(1, *[n + 4 for n in SIZE[d]]),
        "target_affine": other,
        "case": "a",
    }


def fixed(values):
    """Ranges of no width: what is drawn is what is given."""
    return [(v, v) for v in values]


def build(name, d):
    linear = {2: "bilinear", 3: "trilinear"}[d]
    ranges = {
        "rotate_range": fixed((0.2, -0.15, 0.3)[: d * (d - 1) // 2]),
        "shear_range": fixed((0.1, -0.1, 0.05, 0.1, -0.05, 0.02)[: d * (d - 1)]),
        "translate_range": fixed((1.5, -1.2, 1.0)[:d]),
        "scale_range": fixed((0.1, -0.1, 0.15)[:d]),
    }
    return {
        "resize, area": Resized(BOTH, [11, 13, 10][:d], **OF),
        "resize, linear": Resized(BOTH, [30, 22, 25][:d], mode=(linear, "nearest-exact"), **OF),
        "resize, corners": Resized(BOTH, [18, 36, 20][:d], mode=linear, align_corners=True, **OF),
        "resample": ResampleToMatchd(BOTH, "target", mode=("bilinear", "nearest"), **OF),
        "affine": RandAffined(BOTH, prob=1, mode=("bilinear", "nearest"), **ranges, **OF),
        "affine, size": RandAffined(
            BOTH, [32, 25, 25][:d], prob=1, padding_mode="zeros", **ranges, **OF
        ),
        "cut": RandAffined(BOTH, [18, 25, 19][:d], prob=0, **OF),
        "flip": RandFlipd(BOTH, prob=1, spatial_axis=1, **OF),
        "flip all": RandFlipd(BOTH, prob=1, **OF),
        "pad": SpatialPadd(BOTH, [25, 30, 36][:d], **OF),
        "pad the end": SpatialPadd(BOTH, [25, 30, 36][:d], method="end", **OF),
        "crop": CenterSpatialCropd(BOTH, [19, 23, 19][:d], **OF),
    }[name]


ALL = [
    "resize, area",
    "resize, linear",
    "resize, corners",
    "resample",
    "affine",
    "affine, size",
    "cut",
    "flip",
    "flip all",
    "pad",
    "pad the end",
    "crop",
]


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", ALL)
def test_a_landmark_stays_on_its_anatomy(name, d):
    out = build(name, d)(case(d))
    assert not torch.equal(out["points"], POINTS[d]) or name == "pad the end"
    torch.testing.assert_close(centres(out["image"]), out["points"], atol=0.03, rtol=0)
    assert out["points"].dtype == torch.float32


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", ALL)
def test_a_landmark_keeps_its_place_in_the_patient(name, d):
    out = build(name, d)(case(d))

    def in_mm(points, affine):
        return points.double() @ affine[:d, :d].T + affine[:d, 3]

    torch.testing.assert_close(
        in_mm(out["points"], out["image_affine"]), in_mm(POINTS[d], AFFINE), atol=1e-4, rtol=0
    )
    assert out["image_affine"].dtype == torch.float64


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", ALL)
def test_the_label_goes_with_the_image(name, d):
    out = build(name, d)(case(d))
    assert out["label"].shape == out["image"].shape
    assert torch.equal(out["label_affine"], out["image_affine"])
    torch.testing.assert_close(centres(out["label"]), out["points"], atol=0.45, rtol=0)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", ALL)
def test_nothing_given_is_edited_and_nothing_else_changes(name, d):
    data, same = case(d), case(d)
    out = build(name, d)(data)
    assert data.keys() == same.keys() == out.keys()
    for key, value in same.items():
        assert value == data[key] if key == "case" else torch.equal(value, data[key])
    assert out["target"] is data["target"]
    assert out["case"] == "a"


@pytest.mark.parametrize("name", ALL)
def test_rows_of_nan_stay_and_affines_are_not_invented(name):
    data = case(3)
    data["points"] = torch.cat([POINTS[3], torch.full((1, 3), torch.nan)])
    if name != "resample":
        del data["image_affine"]
    out = build(name, 3)(data)
    assert out["points"][-1].isnan().all()
    assert out["points"][:-1].isfinite().all()
    assert ("image_affine" in out) == (name == "resample")


@pytest.mark.parametrize("name", ALL)
def test_missing_keys_points_and_shapes_are_named(name):
    transform = build(name, 3)
    data = case(3)
    del data["label"]
    with pytest.raises(ValueError, match=r"key 'label': expected one of the data's keys \['case'"):
        transform(data)
    data = case(3)
    del data["points"]
    with pytest.raises(ValueError, match="key 'points': expected one of the data's keys"):
        transform(data)
    transform.allow_missing_keys = True
    assert "points" not in transform(data)
    for wrong in (torch.zeros(5, 2), torch.zeros(3)):
        with pytest.raises(ValueError, match=r"points: expected \(N, 3\) voxels, got"):
            transform(case(3) | {"points": wrong})
    with pytest.raises(ValueError, match=r"label: expected \(C, H, W\).*EnsureChannelFirstd"):
        transform(case(3) | {"label": torch.zeros(22, 26)})
    with pytest.raises(ValueError, match=r"as loaded\. Use EnsureChannelFirstd before"):
        transform(case(3) | {"label_channel_dim": "no_channel"})


def test_points_of_a_stranger_are_refused():
    for kind in (RandFlipd, RandAffined):
        with pytest.raises(ValueError, match=r"point_keys: expected images among.*\{'moving'\}"):
            kind(["fixed"], point_keys={"p": "moving"})
        with pytest.raises(ValueError, match="point_keys: expected a dict"):
            kind(["fixed"], point_keys=["p"])


def test_resampling_to_itself_changes_nothing():
    data = case(3)
    out = ResampleToMatchd(["image"], "image", **OF)(data)
    torch.testing.assert_close(out["image"], data["image"], atol=1e-6, rtol=0)
    assert torch.equal(out["points"], data["points"])


def test_resampling_computes_in_float64():
    mask = (torch.rand(1, 96, 104) > 0.5).float()  # in float32 a hundredth would not be 0 or 1
    out = ResampleToMatchd("a", "a")({"a": mask, "a_affine": AFFINE})["a"]
    assert (out - mask).abs().max() < 1e-10


def test_resampling_asks_for_affines_and_a_target():
    data = case(3)
    with pytest.raises(ValueError, match=r"key_dst: expected one of .*got 'nobody'"):
        ResampleToMatchd(["image"], "nobody")(data)
    without = {k: v for k, v in data.items() if k != "image_affine"}
    with pytest.raises(ValueError, match="image_affine: expected the affine of 'image', got none"):
        ResampleToMatchd(["image"], "target")(without)
    with pytest.raises(ValueError, match="image_affine: expected an affine with an inverse"):
        ResampleToMatchd(["image"], "target")(data | {"image_affine": torch.zeros(4, 4)})
    with pytest.raises(ValueError, match="image: expected 3 spatial dimensions"):
        ResampleToMatchd(["image"], "target")(data | {"image": torch.zeros(1, 5, 5)})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "trilinear"}, "mode: expected one of 'bilinear', 'nearest', 'bicubic'"),
        ({"mode": ("bilinear",)}, "mode: expected one value, or one for each"),
        ({"padding_mode": "mirror"}, "padding_mode: expected one of 'zeros'"),
        ({"align_corners": "yes"}, "align_corners: expected one of True"),
        ({"lazy": True}, "lazy: expected False, kept for its place"),
        ({"dtype": torch.float16}, "dtype: expected"),
    ],
)
def test_resampling_refuses_at_construction(arguments, message):
    with pytest.raises(ValueError, match=message):
        ResampleToMatchd(BOTH, "target", **arguments)


@given(
    rotate=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    translate=st.lists(st.floats(-50, 50), min_size=3, max_size=3),
    scale=st.lists(st.floats(0.3, 3), min_size=3, max_size=3),
)
@settings(max_examples=50, deadline=None)
def test_points_go_by_the_inverse_of_what_pulls(rotate, translate, scale):
    matrix = affine_matrix(rotate, (), translate, scale, spatial_dims=3)
    moved = move(POINTS[3], matrix).double()
    back = moved @ matrix[:3, :3].T + matrix[:3, 3]
    torch.testing.assert_close(back.float(), POINTS[3], atol=1e-3, rtol=0)


def test_full_size():
    assert full_size("size", 4, (7, 8)) == (4, 4)
    assert full_size("size", (-1, 5), (7, 8)) == (7, 5)
    with pytest.raises(ValueError, match=r"size: expected 3 numbers, got \(1, 2\)"):
        full_size("size", (1, 2), (7, 8, 9))
