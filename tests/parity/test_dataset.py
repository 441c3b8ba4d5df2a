"""Data sets against MONAI 1.6.1: what is kept, in which order, and the batches of the same road."""

from __future__ import annotations

import monai.data
import monai.transforms
import pytest
import torch

import regtutor.data
import regtutor.transforms
from regtutor.files import write_image

KEYS = ("image", "label")
PAIRS = [(regtutor.data, regtutor.transforms), (monai.data, monai.transforms)]


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    torch.manual_seed(0)
    affine = torch.diag(torch.tensor([-1.5, 2.0, 1.0, 1.0]))
    for i in range(5):
        image = torch.randn(9, 8, 7) * 300
        write_image(folder / f"{i}_image.nii.gz", image, affine, torch.int16)
        write_image(folder / f"{i}_label.nii.gz", image > 0, affine)
    return [{key: str(folder / f"{i}_{key}.nii.gz") for key in KEYS} for i in range(5)]


def road(library):
    return [
        library.LoadImaged(KEYS),
        library.EnsureChannelFirstd(KEYS),
        library.ScaleIntensityRanged("image", -500, 500, 0.0, 1.0, clip=True),
        library.Resized(KEYS, (6, 8, 4), mode=("trilinear", "nearest")),
        library.RandFlipd(KEYS, prob=1.0, spatial_axis=0),
    ]


@pytest.mark.parametrize("kind", ["Dataset", "CacheDataset"])
def test_the_same_batches(items, kind):
    batches = []
    for data, transforms in PAIRS:
        more = {"progress": False} if kind == "CacheDataset" else {}
        made = getattr(data, kind)(items, road(transforms), **more)
        batches.append(list(data.DataLoader(made, batch_size=2)))
    assert len(batches[0]) == len(batches[1]) == 3
    for ours, theirs in zip(*batches, strict=True):
        for key in KEYS:
            assert torch.equal(ours[key], theirs[key].as_tensor())
            torch.testing.assert_close(
                ours[f"{key}_affine"], theirs[key].affine, atol=1e-10, rtol=0
            )


@pytest.mark.parametrize(
    "arguments", [{}, {"cache_num": 3}, {"cache_rate": 0.5}, {"cache_num": 4, "cache_rate": 0.7}]
)
def test_as_many_are_kept(items, arguments):
    kept = [
        len(data.CacheDataset(items, road(transforms)[:2], progress=False, **arguments)._cache)
        for data, transforms in PAIRS
    ]
    assert kept[0] == kept[1]


def test_a_slice_is_a_subset(items):
    names = [[item["image"] for item in data.Dataset(items)[1:4]] for data, _ in PAIRS]
    assert names[0] == names[1] == [item["image"] for item in items[1:4]]
