"""Reading: images and labels, points shared out of one table or of two, channels first once."""

from __future__ import annotations

import pytest
import torch

from regtutor.files import write_image
from regtutor.transforms import Compose, EnsureChannelFirstd, LoadImaged

POINT_KEYS = {"fixed_points": "fixed_image", "moving_points": "moving_image"}


@pytest.fixture
def item(tmp_path):
    for name in ("fixed", "moving"):
        write_image(tmp_path / f"{name}.nii.gz", torch.randn(4, 5, 6), torch.eye(4))
    (tmp_path / "six.csv").write_text("1,2,3,4,5,6\n7,8,9,10,11,12\n")
    return {
        "fixed_image": tmp_path / "fixed.nii.gz",
        "moving_image": str(tmp_path / "moving.nii.gz"),
        "fixed_points": tmp_path / "six.csv",
        "moving_points": str(tmp_path / "six.csv"),
    }


KEYS = ["fixed_image", "moving_image"]


def test_images_and_points(item):
    out = LoadImaged(KEYS, point_keys=POINT_KEYS)(item)
    assert out["fixed_image"].shape == (4, 5, 6)
    assert out["fixed_image_affine"].dtype == torch.float64
    assert out["fixed_image_channel_dim"] == "no_channel"
    assert out["fixed_points"].tolist() == [[1, 2, 3], [7, 8, 9]]
    assert out["moving_points"].tolist() == [[4, 5, 6], [10, 11, 12]]
    assert out["moving_points"].is_contiguous()
    assert isinstance(item["fixed_image"], type(item["fixed_points"]))  # the input is as it was


def test_the_order_of_the_keys_is_that_of_the_columns(item):
    turned = dict(reversed(POINT_KEYS.items()))
    out = LoadImaged(KEYS, point_keys=turned)(item)
    assert out["moving_points"].tolist() == [[1, 2, 3], [7, 8, 9]]


def test_a_file_for_each_key_and_two_columns(item, tmp_path):
    (tmp_path / "f.csv").write_text("1 2 3\n")
    (tmp_path / "m.csv").write_text("4\t5\t6\t\n")
    own = {"fixed_points": tmp_path / "f.csv", "moving_points": tmp_path / "m.csv"}
    out = LoadImaged(KEYS, point_keys=POINT_KEYS)(item | own)
    assert out["fixed_points"].tolist() == [[1, 2, 3]]
    assert out["moving_points"].tolist() == [[4, 5, 6]]
    (tmp_path / "flat.csv").write_text("1,2,3,4\n")
    flat = dict.fromkeys(POINT_KEYS, str(tmp_path / "flat.csv"))
    assert LoadImaged(KEYS, point_keys=POINT_KEYS)(item | flat)["moving_points"].tolist() == [
        [3, 4]
    ]


def test_columns_that_are_not_shared_out_are_refused(item):
    alone = {"moving_points": "moving_image"}
    with pytest.raises(
        ValueError, match=r"six.csv: expected 2 or 3 columns for each of \['moving_points'\], got 6"
    ):
        LoadImaged(KEYS, point_keys=alone)(item)


def test_channels_first_once(item, tmp_path):
    write_image(tmp_path / "four.nii.gz", torch.arange(24.0).view(2, 2, 2, 3), torch.eye(4))
    item = item | {"moving_image": tmp_path / "four.nii.gz"}
    out = Compose([LoadImaged(KEYS), EnsureChannelFirstd(KEYS)])(item)
    assert out["fixed_image"].shape == (1, 4, 5, 6)
    assert out["moving_image"].shape == (3, 2, 2, 2)
    assert out["moving_image"][0].flatten().tolist() == list(range(0, 24, 3))
    assert out["moving_image"].is_contiguous()
    assert "fixed_image_channel_dim" not in out
    with pytest.raises(ValueError, match="fixed_image: expected fixed_image_channel_dim beside it"):
        EnsureChannelFirstd(KEYS)(out)
    with pytest.warns(UserWarning, match=r"fixed_image: left as it is, \(1, 4, 5, 6\)"):
        again = EnsureChannelFirstd("fixed_image", strict_check=False)(out)
    assert again["fixed_image"] is out["fixed_image"]
    at_once = LoadImaged(KEYS, ensure_channel_first=True)(item)
    assert at_once.keys() == out.keys()
    assert torch.equal(at_once["moving_image"], out["moving_image"])
    with pytest.raises(ValueError, match="channel_dim: expected an axis"):
        EnsureChannelFirstd("a", channel_dim="first")


def test_missing_keys(item):
    del item["moving_image"]
    with pytest.raises(ValueError, match="LoadImaged, key 'moving_image': expected one of"):
        LoadImaged(KEYS)(item)
    assert "moving_image" not in LoadImaged(KEYS, allow_missing_keys=True)(item)
    del item["fixed_points"]
    with pytest.raises(ValueError, match="LoadImaged, key 'fixed_points': expected one of"):
        LoadImaged("fixed_image", point_keys=POINT_KEYS)(item)


def test_an_error_names_the_file_and_the_transform(item, tmp_path):
    (tmp_path / "bad.nii.gz").write_bytes(b"no")
    row = Compose([LoadImaged(KEYS), EnsureChannelFirstd(KEYS)])
    with pytest.raises(ValueError, match=r"(?s)bad.nii.gz: expected an image.*step 1 of 2, LoadIm"):
        row(item | {"moving_image": tmp_path / "bad.nii.gz"})
    with pytest.raises(FileNotFoundError, match=r"(?s)gone.nii.*step 1 of 2, LoadImaged"):
        row(item | {"moving_image": tmp_path / "gone.nii"})
    with pytest.raises(
        ValueError, match=r"fixed_image: expected a file name, got <class 'torch\.Ten"
    ):
        LoadImaged(KEYS)(LoadImaged(KEYS)(item))


@pytest.mark.parametrize(
    "arguments",
    [
        {"reader": "ITKReader"},
        {"dtype": int},
        {"meta_keys": ["m"]},
        {"image_only": False},
        {"simple_keys": True},
        {"expanduser": False},
    ],
)
def test_arguments_kept_for_their_place(arguments):
    with pytest.raises(ValueError, match="expected"):
        LoadImaged("a", **arguments)
