"""The transforms against MONAI 1.6.1: signatures, values, affines.

Random ones are given ranges of no width, [v, v), so that both draw the same parameters.
"""

from __future__ import annotations

import inspect

import monai.data
import monai.transforms
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

import regtutor.data
import regtutor.transforms

SIZES = {2: (13, 18), 3: (11, 14, 9)}
NAMES = [
    "Compose",
    "MapTransform",
    "LoadImaged",
    "EnsureChannelFirstd",
    "ScaleIntensityRanged",
    "ScaleIntensityd",
    "NormalizeIntensityd",
    "RandAffined",
    "RandFlipd",
    "RandGaussianNoised",
    "Resized",
    "ResampleToMatchd",
    "SpatialPadd",
    "CenterSpatialCropd",
]


def places(callable_):
    """The arguments that may be given by place, with their defaults."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    parameters = inspect.signature(callable_.__init__).parameters.values()
    return [(p.name, p.default) for p in parameters if p.kind in kinds][1:]


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name):
    ours = places(getattr(regtutor.transforms, name))
    assert ours == places(getattr(monai.transforms, name))


@pytest.mark.parametrize("name", ["Dataset", "CacheDataset", "DataLoader"])
def test_signatures_of_data(name):
    theirs = dict(places(getattr(monai.data, name)))
    theirs |= {"hash_func": None} if "hash_func" in theirs else {}  # theirs pickles; ours has none
    assert dict(places(getattr(regtutor.data, name))) == theirs
    assert list(dict(places(getattr(regtutor.data, name)))) == list(theirs)


def affine_of(seed):
    """An oblique, flipped, anisotropic affine."""
    generator = torch.Generator().manual_seed(seed)
    affine = torch.diag(torch.tensor([-1.5, 1.2, 2.0, 1.0], dtype=torch.float64))
    affine[:3, :3] += 0.2 * torch.randn(3, 3, generator=generator, dtype=torch.float64)
    affine[:3, 3] = torch.tensor([10.0, -20.0, 5.0])
    return affine


def case(d, sizes=None):
    """Two images and a label map, for us and for MONAI."""
    generator = torch.Generator().manual_seed(d)
    ours = {}
    for place, key in enumerate(("a", "b", "label")):
        size = (sizes or {}).get(key, SIZES[d])
        image = torch.rand(2, *size, generator=generator) * 1.2 - 0.2
        ours[key] = (image > 0.4).float() if key == "label" else image
        ours[f"{key}_affine"] = affine_of(place)
    theirs = {
        k: MetaTensor(v.clone(), affine=ours[f"{k}_affine"])
        for k, v in ours.items()
        if "_" not in k
    }
    return ours, theirs


def compare(ours, theirs, tolerance, labels=0.0, affines=1e-10):
    """Values within `tolerance`, the share of label voxels that differ, affines in mm."""
    for key in ("a", "b", "label"):
        mine, other = ours[key], theirs[key]
        assert mine.dtype == torch.float32
        assert mine.shape == other.shape
        if key == "label":
            assert (mine != other.as_tensor()).float().mean() <= labels
        else:
            torch.testing.assert_close(mine, other.as_tensor(), atol=tolerance, rtol=0)
        d = mine.ndim - 1
        torch.testing.assert_close(
            block(ours[f"{key}_affine"], d), block(other.affine, d), atol=affines, rtol=0
        )


def block(affine, d):
    """What of an affine the image's axes are part of (MONAI's may lose the third in 2-D)."""
    kept = [*range(d), len(affine) - 1]
    return affine[kept][:, kept]


KEYS = ("a", "b", "label")
MODES = ("bilinear", "bilinear", "nearest")
ROTATE = {2: ((0.3, 0.3),), 3: ((0.1, 0.1), (-0.2, -0.2), (0.3, 0.3))}


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("padding", ["reflection", "zeros", "border"])
@pytest.mark.parametrize("spatial_size", [None, -1, (8, 20, 11), (-1, 9, 30)])
def test_rand_affine(d, padding, spatial_size):
    ours, theirs = case(d)
    arguments = {
        "keys": KEYS,
        "spatial_size": spatial_size[:d] if isinstance(spatial_size, tuple) else spatial_size,
        "prob": 1.0,
        "rotate_range": ROTATE[d],
        "shear_range": [(v, v) for v in (0.1, -0.05, 0.02, 0.03, -0.04, 0.06)[: d * (d - 1)]],
        "translate_range": [(v, v) for v in (3.3, -2.2, 1.1)[:d]],
        "scale_range": [(v, v) for v in (0.2, -0.1, 0.05)[:d]],
        "mode": MODES,
        "padding_mode": padding,
    }
    mine = regtutor.transforms.RandAffined(**arguments)(ours)
    other = monai.transforms.RandAffined(**arguments)(theirs)
    compare(mine, other, tolerance=5e-6, affines=1e-5)  # MONAI's affine is float32, ours float64


@pytest.mark.parametrize("d", [2, 3])
def test_rand_affine_far_outside_reflects_again_and_again(d):
    ours, theirs = case(d)
    arguments = {"keys": KEYS, "prob": 1.0, "translate_range": [(70.3, 70.3)] * d, "mode": MODES}
    compare(
        regtutor.transforms.RandAffined(**arguments)(ours),
        monai.transforms.RandAffined(**arguments)(theirs),
        tolerance=2e-5,  # so far out MONAI's float32 counts
        affines=1e-5,
    )


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("spatial_size", [None, (7, 6, 5), (20, 11, 14)])
def test_rand_affine_whose_turn_it_is_not(d, spatial_size):
    ours, theirs = case(d)
    size = spatial_size and spatial_size[:d]
    arguments = {"keys": KEYS, "prob": 0.0, "spatial_size": size, "padding_mode": "zeros"}
    mine = regtutor.transforms.RandAffined(**arguments)(ours)
    other = monai.transforms.RandAffined(**arguments)(theirs)
    compare(mine, other, tolerance=1e-6, labels=1.0)  # linear, so labels are soft
    torch.testing.assert_close(mine["label"], other["label"].as_tensor(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_flip(d, axis):
    ours, theirs = case(d)
    arguments = {"keys": KEYS, "prob": 1.0, "spatial_axis": axis}
    compare(
        regtutor.transforms.RandFlipd(**arguments)(ours),
        monai.transforms.RandFlipd(**arguments)(theirs),
        tolerance=0,
    )


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(
    ("mode", "align_corners"),
    [
        ("area", None),
        (("area", "area", "nearest"), None),
        (("bilinear", "bilinear", "nearest-exact"), None),
        (("trilinear", "linear", "nearest"), (True, False, None)),
    ],
)
@pytest.mark.parametrize("sizes", [(20, 9, 15), (5, 18, -1), (6, 7, 4)])
def test_resize(d, mode, align_corners, sizes):
    ours, theirs = case(d)
    arguments = {
        "keys": KEYS,
        "spatial_size": sizes[:d],
        "mode": mode,
        "align_corners": align_corners,
    }
    compare(
        regtutor.transforms.Resized(**arguments)(ours),
        monai.transforms.Resized(**arguments)(theirs),
        tolerance=0,
    )


@pytest.mark.parametrize("d", [2, 3])
def test_resize_by_the_longest_side(d):
    ours, theirs = case(d)
    arguments = {"keys": KEYS, "spatial_size": 23, "size_mode": "longest"}
    compare(
        regtutor.transforms.Resized(**arguments)(ours),
        monai.transforms.Resized(**arguments)(theirs),
        tolerance=0,
    )


def test_resize_bicubic():
    ours, theirs = case(2)
    arguments = {"keys": KEYS, "spatial_size": (20, 10), "mode": ("bicubic", "bicubic", "nearest")}
    compare(
        regtutor.transforms.Resized(**arguments)(ours),
        monai.transforms.Resized(**arguments)(theirs),
        tolerance=0,
    )


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("padding", ["border", "zeros", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_resample_to_match(d, padding, align_corners):
    ours, theirs = case(d, sizes={"b": (17, 12, 10)[:d], "label": (9, 20, 13)[:d]})
    arguments = {
        "keys": ("b", "label"),
        "key_dst": "a",
        "mode": ("bilinear", "nearest"),
        "padding_mode": padding,
        "align_corners": align_corners,
    }
    compare(
        regtutor.transforms.ResampleToMatchd(**arguments)(ours),
        monai.transforms.ResampleToMatchd(**arguments)(theirs),
        tolerance=1e-6,
    )


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("method", ["symmetric", "end"])
@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ("constant", {}),
        ("constant", {"value": -7}),
        ("constant", {"constant_values": 3}),
        (("reflect", "replicate", "circular"), {}),
        (("edge", "wrap", "constant"), {}),
    ],
)
def test_pad(d, method, mode, more):
    ours, theirs = case(d)
    arguments = {"keys": KEYS, "spatial_size": (16, 21, -1)[:d], "method": method, "mode": mode}
    compare(
        regtutor.transforms.SpatialPadd(**arguments, **more)(ours),
        monai.transforms.SpatialPadd(**arguments, **more)(theirs),
        tolerance=0,
    )


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("roi_size", [6, (7, 30, -1), (8, 5, 4), (-1, 17, 9)])
def test_crop(d, roi_size):
    ours, theirs = case(d)
    roi_size = roi_size if isinstance(roi_size, int) else roi_size[:d]
    compare(
        regtutor.transforms.CenterSpatialCropd(KEYS, roi_size)(ours),
        monai.transforms.CenterSpatialCropd(KEYS, roi_size)(theirs),
        tolerance=0,
    )


INTENSITY = [
    ("ScaleIntensityRanged", {"a_min": -0.1, "a_max": 0.7}, 0),
    ("ScaleIntensityRanged", {"a_min": -0.1, "a_max": 0.7, "b_min": -1, "b_max": 3}, 0),
    ("ScaleIntensityRanged", {"a_min": 0, "a_max": 0.6, "b_min": 0, "b_max": 1, "clip": True}, 0),
    ("ScaleIntensityRanged", {"a_min": 0, "a_max": 0.6, "b_min": 0.2, "clip": True}, 0),
    ("ScaleIntensityRanged", {"a_min": 0.9, "a_max": -0.1, "b_min": 0, "b_max": 1}, 0),
    ("ScaleIntensityd", {}, 0),
    ("ScaleIntensityd", {"minv": -1, "maxv": 2.5}, 0),
    ("ScaleIntensityd", {"minv": None, "maxv": 2.5}, 0),
    ("ScaleIntensityd", {"minv": None, "maxv": None, "factor": 0.3}, 0),
    ("ScaleIntensityd", {"channel_wise": True}, 0),
    ("NormalizeIntensityd", {}, 1e-6),
    ("NormalizeIntensityd", {"nonzero": True}, 1e-6),
    ("NormalizeIntensityd", {"channel_wise": True}, 1e-6),
    ("NormalizeIntensityd", {"nonzero": True, "channel_wise": True}, 1e-6),
    ("NormalizeIntensityd", {"subtrahend": 3.0, "divisor": 0.0}, 1e-6),
    ("NormalizeIntensityd", {"subtrahend": [3, 4], "divisor": [2, 5], "channel_wise": True}, 1e-6),
]


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("kind", ["random", "constant", "zero", "one channel zero"])
@pytest.mark.parametrize(("name", "arguments", "tolerance"), INTENSITY)
def test_intensity(d, kind, name, arguments, tolerance):
    ours, theirs = case(d)
    for data in (ours, theirs):
        if kind == "constant":
            data["a"] = torch.full_like(data["a"], 4.0)
        elif kind == "zero":
            data["a"] = torch.zeros_like(data["a"])
        elif kind == "one channel zero":
            data["a"][0] = 0
    before = ours["a"].clone()
    mine = getattr(regtutor.transforms, name)(KEYS, **arguments)(ours)
    assert torch.equal(ours["a"], before)
    other = getattr(monai.transforms, name)(KEYS, **arguments)(theirs)
    for key in KEYS:
        theirs_now = torch.as_tensor(other[key])
        torch.testing.assert_close(mine[key], theirs_now, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("sample_std", [True, False])
def test_noise_has_the_same_statistics_and_is_one_for_all_keys(sample_std):
    shape = (1, 30, 30, 30)
    arguments = {"keys": ("a", "b"), "prob": 1.0, "mean": 2.0, "std": 0.5, "sample_std": sample_std}
    spreads = []
    for library in (regtutor.transforms, monai.transforms):
        torch.manual_seed(0)
        noise = library.RandGaussianNoised(**arguments)
        if library is monai.transforms:
            noise.set_random_state(0)
        outs = [noise({"a": torch.zeros(shape), "b": torch.zeros(shape)}) for _ in range(150)]
        assert torch.equal(torch.as_tensor(outs[0]["a"]), torch.as_tensor(outs[0]["b"]))
        assert not torch.equal(torch.as_tensor(outs[0]["a"]), torch.as_tensor(outs[1]["a"]))
        assert abs(float(torch.stack([o["a"].mean() for o in outs]).mean()) - 2.0) < 0.01
        spreads.append(torch.stack([torch.as_tensor(o["a"]).std() for o in outs]))
    if sample_std:  # U[0, 0.5): mean 0.25, of 150 draws within 0.04 (3 standard errors)
        for spread in spreads:
            assert abs(float(spread.mean()) - 0.25) < 0.04
            assert 0.45 < float(spread.max()) < 0.51
    else:
        torch.testing.assert_close(spreads[0], spreads[1], atol=0.02, rtol=0)


@pytest.mark.parametrize("size", [(5, 6), (5, 6, 7), (5, 6, 7, 3)])
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32])
@pytest.mark.parametrize("at_once", [True, False])
def test_load_and_channel_first(tmp_path, size, dtype, at_once):
    values = (np.arange(np.prod(size)) % 200).reshape(size).astype(dtype)
    image = nib.Nifti1Image(values, affine_of(0).numpy())
    if dtype == np.int16:
        image.header.set_slope_inter(0.7, -3.0)
    nib.save(image, tmp_path / "a.nii.gz")
    data = {"a": str(tmp_path / "a.nii.gz")}
    results = []
    for library in (regtutor.transforms, monai.transforms):
        steps = [library.LoadImaged("a", ensure_channel_first=at_once)]
        steps += [] if at_once else [library.EnsureChannelFirstd("a")]
        results.append(library.Compose(steps)(data))
    ours, theirs = results
    assert torch.equal(ours["a"], theirs["a"].as_tensor())
    assert ours["a"].dtype == theirs["a"].dtype == torch.float32
    assert torch.equal(ours["a_affine"], theirs["a"].affine)
    assert ours.keys() == {"a", "a_affine"}


@pytest.mark.parametrize("channel_dim", ["no_channel", 0, 2, -1])
def test_channel_dim(channel_dim):
    image = torch.randn(3, 4, 5)
    ours = regtutor.transforms.EnsureChannelFirstd("a", channel_dim=channel_dim)({"a": image})
    theirs = monai.transforms.EnsureChannelFirstd("a", channel_dim=channel_dim)({"a": image})
    assert torch.equal(ours["a"], theirs["a"].as_tensor())
