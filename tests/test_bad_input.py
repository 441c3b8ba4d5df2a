"""What goes in wrong comes back as a sentence: over the whole road, from files to checkpoints.

Each row of `REFUSED` says what the error names, what it expected, what came, and what to do. One
test asks the same of all: the form of `regtutor/checks.py`, no longer than two lines, no inner text
of torch, NumPy or nibabel on its own, and every input, in memory and on disk, as it was before.

`ACCEPTED` holds what looks odd and is allowed, with the reason, and `WARNED` what is allowed with a
word of warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import pytest
import torch
from torch import nn

from regtutor import checkpoint
from regtutor.data import CacheDataset, DataLoader, Dataset, find_pairs, split_pairs
from regtutor.data.thorax import breathing_pair, breathing_slice, write_collection
from regtutor.deformation import (
    DVF2DDF,
    Warp,
    affine_matrix,
    affine_to_ddf,
    apply_affine,
    compose,
    exp,
    identity_grid,
    invert,
    jacobian_determinant,
    matrix_to_theta,
    move_points,
    resize_field,
    sample,
    theta_to_matrix,
)
from regtutor.evaluation import measure
from regtutor.files import read_image, read_points, spacing_of, write_image
from regtutor.losses import (
    BendingEnergyLoss,
    DiceLoss,
    DiffusionLoss,
    GlobalMutualInformationLoss,
    LocalNormalizedCrossCorrelationLoss,
    MultiScaleLoss,
)
from regtutor.metrics import (
    DiceMetric,
    HausdorffDistanceMetric,
    SurfaceDistanceMetric,
    folding_fraction,
    log_jacobian_std,
    target_registration_error,
)
from regtutor.networks import GlobalNet, LocalNet, from_monai
from regtutor.training import DoNothing, fit, predict, train_epoch, validate
from regtutor.transforms import (
    CenterSpatialCropd,
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    NormalizeIntensityd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    ResampleToMatchd,
    Resized,
    ScaleIntensityd,
    ScaleIntensityRanged,
    SpatialPadd,
)

IMAGES = ["fixed_image", "moving_image"]
POINTS = {"fixed_points": "fixed_image"}


class Row(NamedTuple):
    """One bad input and four regular expressions; `do` is empty where nothing is to be said."""

    id: str
    call: Callable[[SimpleNamespace], Any]
    name: str
    expected: str
    got: str
    do: str = ""
    kind: type[Exception] = ValueError


def write_files(folder: Path) -> None:
    """Every bad file of the table, and a good one of each kind."""
    write_image(folder / "good.nii.gz", torch.rand(12, 12, 12), torch.eye(4))
    whole = (folder / "good.nii.gz").read_bytes()
    (folder / "short.nii.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.nii.gz").write_text("not an image")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    write_image(folder / "four.nii.gz", torch.rand(8, 8, 8, 2), torch.eye(4))
    nans = np.zeros((3, 3, 3), np.float32)
    nans[0, 0, 0] = np.nan
    colours = np.zeros((3, 3, 3), dtype=[(c, "u1") for c in "RGB"])
    complexes = np.zeros((3, 3, 3), np.complex64)
    arrays = {"nan": nans, "colour": colours, "complex": complexes, "five": np.zeros((2,) * 5)}
    for name, array in arrays.items():
        nib.save(nib.Nifti1Image(array, np.eye(4)), folder / f"{name}.nii")
    np.savez(folder / "two.npz", np.zeros((2, 2)), np.zeros((2, 2)))
    tables = {
        "empty": "",
        "ragged": "1,2,3\n4,5\n",
        "words": "x,y,z\n1,2,3\n",
        "semicolons": "1;2;3\n",
        "nan": "1,nan,3\n",
        "four": "1,2,3,4\n",
    }
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text)
    for place in ("nothing", "unpaired/scans", "unlabelled/fixed_images", "other/images"):
        (folder / place).mkdir(parents=True)
    for side in ("fixed", "moving"):
        (folder / f"unlabelled/{side}_images").mkdir(exist_ok=True)
        (folder / f"unlabelled/{side}_images/a.nii.gz").write_bytes(whole)
    (folder / "unlabelled/fixed_labels").mkdir()
    (folder / "unlabelled/fixed_labels/a.nii.gz").write_bytes(whole)
    (folder / "unpaired/scans/case_001_exp.nii.gz").write_bytes(whole)
    (folder / "other/images/a.nii.gz").write_bytes(whole)


def write_checkpoints(folder: Path) -> None:
    network, other = nn.Conv3d(2, 3, 1), nn.Conv3d(2, 3, 3)
    adam = torch.optim.Adam(network.parameters())
    checkpoint.save_last(folder / "last.pt", network, adam, None, [])
    checkpoint.save_last(folder / "other.pt", other, torch.optim.Adam(other.parameters()), None, [])
    checkpoint.save(network.state_dict(), folder / "best.pt")
    whole = (folder / "last.pt").read_bytes()
    (folder / "cut.pt").write_bytes(whole[:900])
    (folder / "hollow.pt").write_bytes(b"")


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """Good inputs of every kind; no row may change them."""
    folder = tmp_path_factory.mktemp("road")
    write_files(folder)
    write_checkpoints(folder)
    torch.manual_seed(0)
    image, affine = torch.rand(1, 1, 8, 8, 8), torch.eye(4, dtype=torch.float64)
    label, points = (image > 0.5).float(), torch.rand(1, 4, 3)
    item = {"fixed_image": image[0], "moving_image": 1 - image[0]}
    item |= {f"{key}_affine": affine for key in IMAGES} | {"fixed_points": points[0]}
    batch = {"fixed_image": image, "moving_image": 1 - image}
    network = nn.Conv3d(2, 3, 1)
    return SimpleNamespace(
        folder=folder,
        image=image,
        ddf=torch.zeros(1, 3, 8, 8, 8),
        flat=image[:, :, 0],
        label=label,
        points=points,
        item=item,
        batch=batch,
        labelled=batch | {"fixed_label": label, "moving_label": label},
        affine=affine,
        network=network,
        adam=torch.optim.Adam(network.parameters()),
    )


def mse(prediction, batch):
    return {"image": nn.functional.mse_loss(prediction.warped_image, batch["fixed_image"])}


def train(road, loss=mse, **changes):
    parts = {"network": road.network, "loader": [road.batch], "optimizer": road.adam} | changes
    return train_epoch(loss=loss, **parts)


def resume(road, name, optimizer=None):
    return checkpoint.resume(road.folder / name, road.network, optimizer or road.adam)


def load(road, name):
    """What a notebook does first, with one file of the folder."""
    pair = dict.fromkeys(IMAGES, road.folder / "good.nii.gz") | {"moving_image": road.folder / name}
    return Dataset([pair], [LoadImaged(IMAGES), EnsureChannelFirstd(IMAGES)])[0]


def one_hot(road, channels):
    return torch.cat([road.label] * channels, dim=1)


def loaded(*items):
    return next(iter(DataLoader(Dataset(list(items)), batch_size=len(items))))


def net(*args, **kwargs):
    return LocalNet(3, 2, 2, *args, **kwargs)


class Pair(nn.Module):
    """A network that returns two things."""

    def forward(self, images):
        return images, images


FILES = [
    Row(
        "file missing",
        lambda r: load(r, "gone.nii.gz"),
        "image",
        "a file",
        r"no file at .*gone\.nii\.gz",
        "road.* is there and has no such file",
        FileNotFoundError,
    ),
    Row("file cut short", lambda r: load(r, "short.nii.gz"), r"short\.nii\.gz", "an image",
        "Compressed file ended", "copy it again"),
    Row("file of text", lambda r: load(r, "text.nii.gz"), r"text\.nii\.gz", "an image",
        "File .*not a gzip", "copy it again"),
    Row("file that is a picture", lambda r: load(r, "picture.png"), r"picture\.png", "an image",
        "Cannot work out", "no image"),
    Row("file in colours", lambda r: load(r, "colour.nii"), r"colour\.nii",
        "one real number a voxel", r"\[\('R', 'u1'\)", "Write its grey values"),
    Row("file of complex numbers", lambda r: load(r, "complex.nii"), r"complex\.nii",
        "one real number a voxel", "complex64", "read that"),
    Row("file with NaN", lambda r: load(r, "nan.nii"), r"nan\.nii", "finite values",
        "1 of 27 NaN or infinite", "nan_to_num"),
    Row("file of five dimensions", lambda r: load(r, "five.nii"), r"five\.nii",
        "2 or 3 dimensions", r"\(2, 2, 2, 2, 2\)"),
    Row("file of two arrays", lambda r: load(r, "two.npz"), r"two\.npz", "one array",
        r"\['arr_0', 'arr_1'\]"),
    Row("folder for a file", lambda r: read_image(r.folder), "image", "a file", "the folder",
        "Name a file in it"),
    Row("no name of a file", lambda r: read_image(None), "image", "the name of a file", "NoneType"),
    Row("table missing", lambda r: read_points(r.folder / "gone.csv"), "points", "a file",
        r"no file at .*gone\.csv", "no such file", FileNotFoundError),
    Row("table empty", lambda r: read_points(r.folder / "empty.csv"), r"empty\.csv",
        "a row of numbers a point", "an empty file"),
    Row("table ragged", lambda r: read_points(r.folder / "ragged.csv"), r"ragged\.csv, line 2",
        "3 numbers as in the first row", "2"),
    Row("table of words", lambda r: read_points(r.folder / "words.csv"), r"words\.csv, line 1",
        "a number", "'x'", "no header"),
    Row("table with NaN", lambda r: read_points(r.folder / "nan.csv"), r"nan\.csv, line 1",
        "a number", "'nan'"),
    Row("table with semicolons", lambda r: read_points(r.folder / "semicolons.csv"),
        r"semicolons\.csv, line 1", "a number", "'1;2;3'"),
    Row("writing a picture", lambda r: write_image(r.folder / "a.png", r.image[0, 0], r.affine),
        "path", r"….nii.gz or ….nii", r".*a\.png"),
    Row("writing into no folder",
        lambda r: write_image(r.folder / "x/a.nii", r.image[0, 0], r.affine), "path",
        "the folder .*x", "none", "mkdir", FileNotFoundError),
    Row("writing a batch", lambda r: write_image(r.folder / "a.nii", r.image, r.affine), "image",
        r"\(H, W\), \(H, W, D\)", r"\(1, 1, 8, 8, 8\)", r"image\[0, 0\]"),
    Row("writing an array", lambda r: write_image(r.folder / "a.nii", np.ones((3, 3)), r.affine),
        "image", "a tensor", "ndarray", "from_numpy"),
    Row("writing NaN",
        lambda r: write_image(r.folder / "a.nii", torch.full((3, 3), torch.nan), r.affine),
        "image", "finite values", "9 of 9 NaN"),
    Row("writing HU as uint8",
        lambda r: write_image(r.folder / "a.nii", r.image[0, 0] * -999, r.affine, torch.uint8),
        "image", r"values in \[0, 255\]", r"\[-9", "float32"),
    Row("writing with an affine 3 × 3",
        lambda r: write_image(r.folder / "a.nii", r.image[0, 0], r.affine[:3, :3]), "affine",
        r"\(4, 4\)", r"\(3, 3\)"),
    Row("spacing of an affine 3 × 3", lambda r: spacing_of(r.affine[:3, :3]), "affine",
        r"\(4, 4\)", r"\(3, 3\)"),
]  # fmt: skip

PAIRS = [
    Row("folder missing", lambda r: find_pairs(r.folder / "gone"), "folder", "a folder of pairs",
        "no folder at .*gone", "where Python runs", FileNotFoundError),
    Row("folder empty", lambda r: find_pairs(r.folder / "nothing"), "nothing", "pairs, as scans",
        "a folder of nothing", "Give the folder", FileNotFoundError),
    Row("folder of another layout", lambda r: find_pairs(r.folder / "other"), "other",
        "pairs, as scans", r"a folder of \['images'\]", "Give the folder", FileNotFoundError),
    Row("image without a partner", lambda r: find_pairs(r.folder / "unpaired"),
        r"case_001_exp\.nii\.gz", r"its partner .*case_001_insp\.nii\.gz", "no such file",
        "take this one away"),
    Row("label without a partner", lambda r: find_pairs(r.folder / "unlabelled"),
        r"fixed_labels.a\.nii\.gz", r"its partner .*moving_labels.a\.nii\.gz", "no such file",
        "Bring it there"),
    Row("nobody left to train on", lambda r: split_pairs([{"case": "a"}, {"case": "b"}], 2),
        "pairs", "more than 2 patients", "2", "Hold out fewer"),
    Row("a share to hold out", lambda r: split_pairs([{"case": "a"}, {"case": "b"}], 0.2),
        "validation", "a whole number ≥ 1", r"0\.2"),
    Row("pair of nobody", lambda r: split_pairs([{"name": "a"}, {"case": "b"}], 1), "pairs",
        "'case' in every pair", r"\['name'\]"),
]  # fmt: skip

TRANSFORMS = [
    Row("key missing", lambda r: Compose([ScaleIntensityd("fixed")])(r.item),
        "ScaleIntensityd, key 'fixed'", r"one of the data's keys \['fixed_image'",
        "none of that name", "misspelt"),
    Row("no keys", lambda r: ScaleIntensityd([]), "keys", "a key or several", "none"),
    Row("a key twice", lambda r: ScaleIntensityd(["a", "a"]), "keys", "each key once",
        r"\('a', 'a'\)"),
    Row("loading a name for a dict", lambda r: LoadImaged("a")("a.nii.gz"), "data",
        "a dict of file names", "str", "find_pairs"),
    Row("loading twice", lambda r: LoadImaged(IMAGES)(r.item), "fixed_image", "a file name",
        "<class 'torch.Tensor'>", "first, and once"),
    Row("not loaded, scaled", lambda r: ScaleIntensityd("a")({"a": "a.nii"}), "a", "a tensor",
        "'a.nii'", "LoadImaged"),
    Row("not loaded, padded", lambda r: SpatialPadd("a", 9)({"a": Path("a.nii")}), "a", "a tensor",
        r".*Path\('a.nii'\)", "LoadImaged"),
    Row("points in four columns",
        lambda r: LoadImaged("i", point_keys={"p": "i"})(
            {"i": r.folder / "good.nii.gz", "p": r.folder / "four.csv"}),
        r"four\.csv", r"2 or 3 columns for each of \['p'\]", "4 columns", "every key of points"),
    Row("channels first twice", lambda r: EnsureChannelFirstd(IMAGES)(r.item), "fixed_image",
        "fixed_image_channel_dim beside it", r"\(1, 8, 8, 8\)", "give channel_dim"),
    Row("channel axis that is none",
        lambda r: EnsureChannelFirstd(IMAGES, channel_dim=7)(r.item), "channel_dim",
        r"an axis of \(1, 8, 8, 8\)", "7"),
    Row("channels not first", lambda r: Resized("a", (4, 4))({"a": r.image[0, 0, 0]}), "a",
        r"\(C, H, W\) or", r"\(8, 8\)", "EnsureChannelFirstd"),
    Row("a batch in a transform", lambda r: Resized("a", 4)({"a": r.image}), "a",
        r"\(C, H, W\) or", r"\(1, 1, 8, 8, 8\)"),
    Row("a window without width", lambda r: ScaleIntensityRanged(IMAGES, 40, 40), "a_max",
        "another value than a_min, 40", "40"),
    Row("clip to nothing", lambda r: ScaleIntensityRanged(IMAGES, 0, 9, clip=True), "clip",
        "b_min or b_max", "neither"),
    Row("clip between swapped bounds",
        lambda r: ScaleIntensityRanged(IMAGES, 0, 9, 1, 0, clip=True), "b_max",
        "at least b_min, 1", "0", "Swap"),
    Row("numbers for one channel",
        lambda r: NormalizeIntensityd(IMAGES, [1, 2], channel_wise=True)(r.item), "subtrahend",
        "1 numbers", "2"),
    Row("a list for all channels", lambda r: NormalizeIntensityd(IMAGES, [1, 2]), "subtrahend",
        "a number", r"\[1, 2\]", "channel_wise"),
    Row("a probability of 1.5", lambda r: RandFlipd(IMAGES, prob=1.5), "prob",
        r"a number in \[0, 1\]", r"1\.5"),
    Row("a probability in words", lambda r: RandFlipd(IMAGES, prob="often"), "prob",
        r"a number in \[0, 1\]", "'often'"),
    Row("a mode nobody knows", lambda r: RandAffined(IMAGES, mode="linear"), "mode",
        "one of 'bilinear'", "'linear'"),
    Row("a padding nobody knows", lambda r: RandAffined(IMAGES, padding_mode="mirror"),
        "padding_mode", "one of 'zeros'", "'mirror'"),
    Row("three modes for two keys", lambda r: RandAffined(IMAGES, mode=["nearest"] * 3), "mode",
        "one value, or one for each", r"\['nearest', 'nearest', 'nearest'\]"),
    Row("one affine for two grids",
        lambda r: RandAffined(IMAGES, prob=1)(r.item | {"moving_image": r.image[0, ..., :7]}),
        "RandAffined", "images on one grid", r"\{'fixed_image': \(8, 8, 8\), 'moving_image'",
        "ResampleToMatchd"),
    Row("a scale that turns inside out", lambda r: RandAffined(IMAGES, scale_range=1.5),
        "scale_range", "entries above −1", r"\(-1\.5, 1\.5\)"),
    Row("two angles in 2-D",
        lambda r: RandAffined("a", prob=1, rotate_range=(1, 1))({"a": r.flat[0]}), "rotate_range",
        "at most 1 entries in 2-D", r"\[\(-1\.0, 1\.0\)"),
    Row("points of no image", lambda r: RandFlipd(IMAGES, point_keys={"p": "label"}), "point_keys",
        "images among the keys", r"\{'label'\}"),
    Row("points of another dimension",
        lambda r: RandFlipd(IMAGES, prob=1, point_keys=POINTS)(
            r.item | {"fixed_points": torch.rand(5, 2)}),
        "fixed_points", r"\(N, 3\) voxels", r"\(5, 2\)"),
    Row("an axis that is none", lambda r: RandFlipd(IMAGES, 1, spatial_axis=3)(r.item),
        "spatial_axis", "axes of 3 dimensions", "3"),
    Row("one noise for two grids",
        lambda r: RandGaussianNoised(IMAGES, 1)(r.item | {"moving_image": r.image[0, ..., :7]}),
        "moving_image", r"the shape \(1, 8, 8, 8\) of the noise", r"\(1, 8, 8, 7\)"),
    Row("noise below nothing", lambda r: RandGaussianNoised(IMAGES, std=-1), "std",
        "a number ≥ 0", "-1"),
    Row("a size for a slice", lambda r: Resized(IMAGES, (4, 4))(r.item), "spatial_size",
        "3 numbers", r"\(4, 4\)"),
    Row("half a voxel", lambda r: SpatialPadd(IMAGES, (9, 9, 9.5))(r.item), "spatial_size",
        "whole numbers", r"\(9, 9, 9\.5\)"),
    Row("a crop for a slice", lambda r: CenterSpatialCropd(IMAGES, (4, 4))(r.item), "roi_size",
        "3 numbers", r"\(4, 4\)"),
    Row("bicubic volumes", lambda r: Resized(IMAGES, 4, mode="bicubic")(r.item), "mode",
        "another for volumes", "bicubic"),
    Row("a mirror longer than the image",
        lambda r: SpatialPadd(IMAGES, 64, mode="reflect")(r.item), "fixed_image",
        "a pad within the image for mode 'reflect'", r"\[56, 56, 56\]", "replicate"),
    Row("a pad by a word of its own", lambda r: SpatialPadd(IMAGES, 9, fill=0), "keyword",
        "one of 'value'", "'fill'"),
    Row("matching nothing", lambda r: ResampleToMatchd("moving_image", "fixed")(r.item), "key_dst",
        r"one of \['fixed_image'", "'fixed'"),
    Row("matching without an affine",
        lambda r: ResampleToMatchd("moving_image", "fixed_image")(r.batch | {
            "fixed_image": r.image[0], "moving_image": r.image[0],
            "fixed_image_affine": r.affine}),
        "moving_image_affine", "the affine of 'moving_image'", "none", "LoadImaged"),
    Row("matching by an affine 3 × 3",
        lambda r: ResampleToMatchd("moving_image", "fixed_image")(
            r.item | {"moving_image_affine": torch.eye(3)}),
        "moving_image_affine", r"\(4, 4\)", r"\(3, 3\)"),
    Row("matching by an affine that is flat",
        lambda r: ResampleToMatchd("moving_image", "fixed_image")(
            r.item | {"moving_image_affine": r.affine * 0}),
        "moving_image_affine", "an affine with an inverse", r"\[\[0\.0"),
    Row("matching what lies elsewhere",
        lambda r: ResampleToMatchd("moving_image", "fixed_image")(
            r.item | {"moving_image_affine": half_a_metre_aside(r.affine)}),
        "moving_image", "an image that overlaps fixed_image", "one wholly beside it",
        "Align their centres"),
    Row("a slice onto a volume",
        lambda r: ResampleToMatchd("moving_image", "fixed_image")(
            r.item | {"moving_image": r.flat[0]}),
        "moving_image", "3 spatial dimensions", r"\(1, 8, 8\)"),
    Row("a function that returns nothing",
        lambda r: Compose([print_shape, ScaleIntensityd(IMAGES)])(r.item), "data", "a dict",
        "None", r"(?s)return data\?.*In step 1 of 2"),
    Row("a number for a transform", lambda r: Compose([1]), "transforms", "callables", "1"),
    Row("a kind of number that is not offered", lambda r: ScaleIntensityd(IMAGES, dtype=np.float64),
        "dtype", "float32", ".*float64"),
]  # fmt: skip


def half_a_metre_aside(affine):
    there = affine.clone()
    there[0, 3] += 500
    return there


def print_shape(data):
    """A learner's own step, which forgets to return."""
    assert data["fixed_image"].shape


DATA = [
    Row("no items", lambda r: Dataset([]), "data", "at least one item", "none", "folder empty"),
    Row("one pair for a list", lambda r: CacheDataset(r.item), "data", "a list of items", "dict",
        r"\[pair\]"),
    Row("a folder's name for a list", lambda r: Dataset("pairs/"), "data", "a list", "str"),
    Row("a cache of more than all", lambda r: CacheDataset([r.item], cache_rate=2), "cache_rate",
        r"a number in \[0, 1\]", "2"),
    Row("a cache of fewer than none", lambda r: CacheDataset([r.item], cache_num=-1), "cache_num",
        "a whole number ≥ 0", "-1"),
    Row("a bad file in a cache",
        lambda r: CacheDataset([{"i": r.folder / "short.nii.gz"}], LoadImaged("i"), progress=False),
        r"short\.nii\.gz", "an image", "Compressed", r"(?s)copy it again.*In step 1 of 1"),
    Row("a ragged batch", lambda r: loaded({"a": r.image[0]}, {"a": r.image[0, ..., :7]}), "a",
        "one shape in a batch", r"\[\(1, 8, 8, 7\), \(1, 8, 8, 8\)\]", "SpatialPadd"),
    Row("labels of several channels",
        lambda r: loaded({"label": r.label[0]}, {"label": one_hot(r, 3)[0]}), "label",
        "one shape in a batch", r"\[\(1, 8, 8, 8\), \(3, 8, 8, 8\)\]"),
    Row("a label that one lacks", lambda r: loaded({"a": 1, "label": 2}, {"a": 1}), "label",
        "it in every item of the batch", r"none in items \[1\]"),
    Row("nothing under a key", lambda r: loaded({"a": None}), "a", "tensors, numbers or text",
        "NoneType", "transform's keys"),
    Row("batches of none", lambda r: DataLoader(Dataset([r.item]), batch_size=0), "batch_size",
        "a whole number ≥ 1", "0"),
    Row("a phantom too small", lambda r: breathing_pair(0, (16, 16, 16)), "size",
        "3 whole numbers ≥ 32", r"\(16, 16, 16\)"),
    Row("a flat phantom", lambda r: breathing_pair(0, (64, 64)), "size", "3 whole numbers",
        r"\(64, 64\)"),
    Row("a phantom of one number", lambda r: breathing_pair(0, 64), "size", "3 whole", "64"),
    Row("a slice of three numbers", lambda r: breathing_slice(0, (64, 64, 64)), "size",
        "2 whole numbers", r"\(64, 64, 64\)"),
    Row("a negative seed", lambda r: breathing_pair(-1), "seed", "a whole number ≥ 0", "-1"),
    Row("no cases", lambda r: write_collection(r.folder / "new", n=0), "n", "a whole number ≥ 1",
        "0"),
    Row("small cases", lambda r: write_collection(r.folder / "new", 1, (8, 8, 8)), "size",
        "3 whole numbers ≥ 32", r"\(8, 8, 8\)"),
    Row("cases among others", lambda r: write_collection(r.folder / "unpaired", 1), "folder",
        "an empty folder or one with", r"\{'scans': 1\}", "another folder"),
    Row("cases into a file", lambda r: write_collection(r.folder / "good.nii.gz", 1), "folder",
        "a folder", "the file .*good", "another name"),
]  # fmt: skip

DEFORMATION = [
    Row("Warp of a slice by a volume", lambda r: Warp()(r.flat, r.ddf), "ddf",
        r"the grid \(8, 8\)", r"\(8, 8, 8\)", "resize_field"),
    Row("Warp without a batch", lambda r: Warp()(r.image[0, 0], r.ddf), "image", r"\(B, C, H, W\)",
        r"\(8, 8, 8\)", r"image\[None\]"),
    Row("Warp by a field of another grid", lambda r: Warp()(r.image, r.ddf[..., :7]), "ddf",
        r"the grid \(8, 8, 8\) of the image", r"\(8, 8, 7\)", "resize_field"),
    Row("Warp by a field with channels last", lambda r: Warp()(r.image, r.ddf.movedim(1, -1)),
        "ddf", "3 channels for 3 spatial dimensions", r"\(1, 8, 8, 8, 3\)", "channel k along"),
    Row("Warp by one field for two", lambda r: Warp()(r.image.repeat(2, 1, 1, 1, 1), r.ddf), "ddf",
        "the image's batch of 2", "1"),
    Row("Warp of whole numbers", lambda r: Warp()((r.image * 255).byte(), r.ddf), "image",
        "floating-point values", r"torch\.uint8", r"\.float\(\)"),
    Row("Warp of an array", lambda r: Warp()(r.image.numpy(), r.ddf), "image", "a tensor",
        "ndarray"),
    Row("Warp in a mode nobody knows", lambda r: Warp(mode="linear"), "mode", "one of 'bilinear'",
        "'linear'"),
    Row("Warp with a padding nobody knows", lambda r: Warp(padding_mode="wrap"), "padding_mode",
        "one of 'border'|one of 'zeros'", "'wrap'"),
    Row("Warp with jitter", lambda r: Warp(jitter=True), "jitter", "False", "True", "noise"),
    Row("Warp of a volume, bicubic", lambda r: Warp("bicubic")(r.image, r.ddf), "mode",
        "'bilinear' for volumes", "'bicubic'"),
    Row("sample at points (N, d)", lambda r: sample(r.image, r.points[0]), "points",
        r"\(1, 3, \*out\)", r"\(4, 3\)"),
    Row("sample in another mode", lambda r: sample(r.image, r.ddf, mode="cubic"), "mode",
        "one of 'bilinear'", "'cubic'"),
    Row("a grid of one number", lambda r: identity_grid(8), "size", "2 or 3 whole numbers ≥ 1",
        "8"),
    Row("a grid of nothing", lambda r: identity_grid((8, 0)), "size", "whole numbers ≥ 1",
        r"\(8, 0\)"),
    Row("two fields of two grids", lambda r: compose(r.ddf, r.ddf[..., :7]), "inner",
        r"the shape \(1, 3, 8, 8, 8\) of outer", r"\(1, 3, 8, 8, 7\)"),
    Row("an inverse in no steps", lambda r: invert(r.ddf, num_steps=0), "num_steps",
        "a whole number ≥ 1", "0"),
    Row("a field resized for a slice", lambda r: resize_field(r.ddf, (4, 4)), "size",
        "3 whole numbers", r"\(4, 4\)"),
    Row("a field resized to halves", lambda r: resize_field(r.ddf, (4.5, 4, 4)), "size",
        "3 whole numbers", r"\(4\.5, 4, 4\)"),
    Row("points without a batch", lambda r: move_points(r.points[0], r.ddf), "points",
        r"\(1, N, 3\)", r"\(4, 3\)"),
    Row("points in two dimensions", lambda r: move_points(r.points[..., :2], r.ddf), "points",
        r"\(1, N, 3\)", r"\(1, 4, 2\)"),
    Row("points and field swapped", lambda r: move_points(r.ddf, r.points), "ddf",
        r"\(B, C, H, W\)", r"\(1, 4, 3\)"),
    Row("a Jacobian of one voxel", lambda r: jacobian_determinant(r.ddf[..., :1]), "ddf",
        "at least 2 voxels along every axis", r"\(8, 8, 1\)"),
    Row("half a squaring", lambda r: DVF2DDF(num_steps=2.5), "num_steps", "a whole number ≥ 1",
        r"2\.5"),
    Row("no squaring", lambda r: exp(r.ddf, num_steps=0), "num_steps", "a whole number ≥ 1", "0"),
    Row("a velocity that is an image", lambda r: exp(r.image), "dvf", "3 channels",
        r"\(1, 1, 8, 8, 8\)", "channel k along"),
    Row("theta square", lambda r: affine_to_ddf(torch.eye(4)[None], (8, 8, 8)), "theta",
        r"\(B, 3, 4\)", r"\(1, 4, 4\)", "matrix_to_theta"),
    Row("theta 3 × 3", lambda r: affine_to_ddf(torch.eye(3)[None], (8, 8, 8)), "theta",
        r"\(B, 3, 4\)", r"\(1, 3, 3\)", "matrix_to_theta"),
    Row("theta without a batch", lambda r: affine_to_ddf(torch.eye(3, 4), (8, 8, 8)), "theta",
        r"\(B, 3, 4\)", r"\(3, 4\)"),
    Row("theta square, for a matrix", lambda r: theta_to_matrix(torch.eye(4)[None]), "theta",
        r"\(B, 3, 4\)", r"\(1, 4, 4\)"),
    Row("theta of slices for volumes", lambda r: apply_affine(torch.eye(2, 3)[None], r.ddf),
        "theta", r"\(B, 3, 4\)", r"\(1, 2, 3\)"),
    Row("a bottom row of ones", lambda r: matrix_to_theta(torch.ones(1, 4, 4)), "matrix",
        r"a bottom row of \[0\.0, 0\.0, 0\.0, 1\.0\]", r"\[1\.0, 1\.0, 1\.0, 1\.0\]",
        "leaves the last coordinate 1"),
    Row("a matrix without a batch", lambda r: matrix_to_theta(torch.eye(4)), "matrix",
        r"\(B, 3, 3\) or \(B, 4, 4\)", r"\(4, 4\)", r"matrix\[None\]"),
    Row("three angles in 2-D", lambda r: affine_matrix(rotate=(1, 1, 1), spatial_dims=2), "rotate",
        "at most 1 numbers in 2-D", r"\(1, 1, 1\)"),
]  # fmt: skip

NETWORKS = [
    Row("no extract levels", lambda r: net([]), "extract_levels", "a list of levels ≥ 0", r"\[\]",
        "good start"),
    Row("a number for levels", lambda r: net(3), "extract_levels", "a list of levels", "3",
        "good start"),
    Row("only level 0", lambda r: net([0]), "extract_levels", "the deepest ≥ 1", r"\[0\]",
        r"\[0, 3\]"),
    Row("a level above the image", lambda r: net([-1, 2]), r"extract_levels\[0\]",
        "a whole number ≥ 0", "-1"),
    Row("four dimensions", lambda r: LocalNet(4, 2, 2, [1]), "spatial_dims", "one of 2, 3", "4"),
    Row("an initializer nobody knows", lambda r: net([1], "ones"), "out_kernel_initializer",
        "one of 'kaiming_uniform', 'zeros'", "'ones'"),
    Row("an activation nobody knows", lambda r: net([1], out_activation="soft"), "out_activation",
        "one of 'relu'", "'soft'"),
    Row("bilinear volumes", lambda r: net([1], head_mode="bilinear"), "head_mode",
        "one of .*'trilinear'", "'bilinear'"),
    Row("one image for two", lambda r: net([1])(r.image), "x", r"2 channels \(in_channels\)",
        r"\(1, 1, 8, 8, 8\)", r"torch\.cat\(\[moving, fixed\], dim=1\)"),
    Row("a slice for a volume", lambda r: net([1])(torch.cat([r.flat] * 2, dim=1)), "x",
        r"\(B, C, H, W, D\)", r"\(1, 2, 8, 8\)", r"image\[None\]"),
    Row("a size that is not divisible", lambda r: net([3])(torch.rand(1, 2, 8, 8, 12)), "x",
        "a size divisible by 8", r"\(8, 8, 12\)", r"Pad the images to \(8, 8, 16\)"),
    Row("one voxel at the bottom", lambda r: net([3])(torch.rand(1, 2, 8, 8, 8)), "x",
        "more than one voxel a channel at the bottom", "a batch of 1", r"\.eval\(\)"),
    Row("doubles", lambda r: net([1])(torch.rand(1, 2, 8, 8, 8).double()), "x", r"torch\.float32",
        r"torch\.float64", r"\.to\(torch\.float32\)"),
    Row("GlobalNet of another size",
        lambda r: GlobalNet((8, 8, 8), 3, 2, 2, 1)(torch.rand(1, 2, 8, 8, 16)), "x",
        r"the size \(8, 8, 8\) that this GlobalNet", r"\(8, 8, 16\)", "Resized"),
    Row("GlobalNet of an odd size", lambda r: GlobalNet((8, 8, 9), 3, 2, 2, 1), "image_size",
        "sizes divisible by 2", r"\(8, 8, 9\)", r"above is \(8, 8, 10\)"),
    Row("GlobalNet of two sizes", lambda r: GlobalNet((8, 8), 3, 2, 2, 1), "image_size",
        "3 sizes", r"\(8, 8\)"),
    Row("an even kernel", lambda r: GlobalNet((8, 8), 2, 2, 2, 1, encode_kernel_sizes=4),
        "encode_kernel_sizes", "odd whole numbers", r"\[4, 4\]", "no middle"),
    Row("no depth", lambda r: GlobalNet((8, 8), 2, 2, 2, 0), "depth", "a whole number ≥ 1", "0"),
    Row("weights of nothing", lambda r: from_monai({}, net([1])), "state_dict",
        r"\(2, 2, 7, 7, 7\)", "no such weight", "as it was trained"),
    Row("weights for another network", lambda r: from_monai({}, r.network), "network",
        "a LocalNet or GlobalNet", "Conv3d", r"network\[0\]"),
]  # fmt: skip

LOSSES = [
    Row("LNCC of two grids",
        lambda r: LocalNormalizedCrossCorrelationLoss()(r.image, r.image[..., :7]), "target",
        r"the shape \(1, 1, 8, 8, 8\) of pred", r"\(1, 1, 8, 8, 7\)"),
    Row("LNCC of slices in 3-D", lambda r: LocalNormalizedCrossCorrelationLoss()(r.flat, r.flat),
        "pred", r"\(B, C, H, W, D\)", r"\(1, 1, 8, 8\)"),
    Row("LNCC of NaN",
        lambda r: LocalNormalizedCrossCorrelationLoss()(r.image * torch.nan, r.image), "pred",
        "finite values", "512 of 512 NaN"),
    Row("LNCC under an even window",
        lambda r: LocalNormalizedCrossCorrelationLoss(kernel_size=4), "kernel_size",
        "an odd number", "4"),
    Row("LNCC under a window nobody knows",
        lambda r: LocalNormalizedCrossCorrelationLoss(kernel_type="square"), "kernel_type",
        "one of 'rectangular'", "'square'"),
    Row("GMI of HU", lambda r: GlobalMutualInformationLoss()(r.image * 1000, r.image), "pred",
        r"values in \[0, 1\]", r"[\d.]+ to [\d.]+", "ScaleIntensityRanged"),
    Row("GMI of a constant",
        lambda r: GlobalMutualInformationLoss("b-spline")(r.image * 0, r.image), "pred",
        "an image with contrast", "0 everywhere"),
    Row("GMI of one bin", lambda r: GlobalMutualInformationLoss(num_bins=1), "num_bins",
        "a whole number ≥ 2", "1"),
    Row("Dice of 0 and 255", lambda r: DiceLoss()(r.label, r.label * 255), "target",
        r"values in \[0, 1\]", "0 to 255", "to_onehot_y"),
    Row("Dice of logits", lambda r: DiceLoss()(r.image * 20 - 10, r.label), "input",
        r"values in \[0, 1\]", r"-[\d.]+ to [\d.]+", "sigmoid=True"),
    Row("Dice of other channels", lambda r: DiceLoss()(r.label, one_hot(r, 2)), "target",
        r"the shape \(1, 1, 8, 8, 8\) of input", r"\(1, 2, 8, 8, 8\)"),
    Row("Dice of an array", lambda r: DiceLoss()(r.label, r.label.numpy()), "target", "a tensor",
        "ndarray"),
    Row("a reduction nobody knows", lambda r: DiceLoss(reduction="average"), "reduction",
        "one of 'mean', 'sum', 'none'", "'average'"),
    Row("a negative scale", lambda r: MultiScaleLoss(DiceLoss(), scales=[0, -1]), "scales",
        "numbers ≥ 0", r"\[0, -1\]"),
    Row("one scale", lambda r: MultiScaleLoss(DiceLoss(), scales=3), "scales", "numbers ≥ 0", "3"),
    Row("a kernel nobody knows", lambda r: MultiScaleLoss(DiceLoss(), kernel="box"), "kernel",
        "one of 'gaussian', 'cauchy'", "'box'"),
    Row("the bending of an image", lambda r: BendingEnergyLoss()(r.image), "pred", "3 channels",
        r"\(1, 1, 8, 8, 8\)", "channel k along"),
    Row("the bending of two voxels", lambda r: DiffusionLoss()(r.ddf[..., :2]), "pred",
        "at least 3 voxels along every axis", r"\(8, 8, 2\)"),
]  # fmt: skip

METRICS = [
    Row("Dice score of 255", lambda r: DiceMetric()(r.label * 255, r.label), "y_pred",
        "labels from 0 to 1", "values from 0 to 255", "num_classes"),
    Row("Dice score of NaN", lambda r: DiceMetric()(r.label * torch.nan, r.label), "y_pred",
        "labels from 0 to 1", "values from nan"),
    Row("Dice score without a batch", lambda r: DiceMetric()(r.label[0, 0], r.label[0, 0]),
        "y_pred", r"\(B, C, H, W\)", r"\(8, 8, 8\)"),
    Row("Dice score of two grids", lambda r: DiceMetric()(r.label[..., :7], r.label), "y_pred",
        "the batch and grid of y", r"\(1, 1, 8, 8, 7\)"),
    Row("Dice score of other channels", lambda r: DiceMetric()(one_hot(r, 2), one_hot(r, 3)), "y",
        "1 channel or 2", r"\(1, 3, 8, 8, 8\)"),
    Row("a score of no case", lambda r: DiceMetric().aggregate(), "aggregate", "at least one case",
        "none", r"reset\(\)"),
    Row("a percentile of 101", lambda r: HausdorffDistanceMetric(percentile=101), "percentile",
        r"a number in \(0, 100\]", "101"),
    Row("two spacings for a volume",
        lambda r: HausdorffDistanceMetric(True)(r.label, r.label, spacing=(1, 1)), "spacing",
        "3 numbers", r"\(2,\)"),
    Row("a spacing of 0",
        lambda r: SurfaceDistanceMetric(True)(r.label, r.label, spacing=(1, 0, 1)), "spacing",
        "numbers > 0, in mm", r"\[1\.0, 0\.0, 1\.0\]"),
    Row("TRE without a batch",
        lambda r: target_registration_error(r.points[0], r.points[0], r.ddf, 1),
        "fixed_points", r"\(B, N, d\)", r"\(4, 3\)"),
    Row("TRE of unequal numbers",
        lambda r: target_registration_error(r.points, r.points[:, :2], r.ddf, 1), "moving_points",
        r"the shape \(1, 4, 3\) of fixed_points", r"\(1, 2, 3\)"),
    Row("TRE by a negative spacing",
        lambda r: target_registration_error(r.points, r.points, r.ddf, (1, 1, -1)), "spacing",
        "numbers > 0, in mm", r"\[1\.0, 1\.0, -1\.0\]"),
    Row("folds of an image", lambda r: folding_fraction(r.image), "ddf", "3 channels",
        r"\(1, 1, 8, 8, 8\)"),
    Row("folds of NaN", lambda r: folding_fraction(r.ddf * torch.nan), "ddf", "finite values",
        "1536 of 1536 NaN"),
    Row("a Jacobian under an empty mask", lambda r: log_jacobian_std(r.ddf, r.label * 0), "mask",
        "voxels inside it for every case", "none for one"),
]  # fmt: skip

TRAINING = [
    Row("a pair on two grids",
        lambda r: predict(r.network, r.batch | {"moving_image": r.image[..., :7]}), "moving_image",
        r"the grid .* of fixed_image", r"\(1, 1, 8, 8, 7\)", "ResampleToMatchd"),
    Row("a pair of one", lambda r: predict(r.network, {"fixed_image": r.image}), "batch",
        "the key 'moving_image'", r"\['fixed_image'\]", "misspelt"),
    Row("a pair of names", lambda r: predict(r.network, dict.fromkeys(IMAGES, "a.nii")),
        "moving_image", "a tensor", "'a.nii'"),
    Row("a pair of whole numbers",
        lambda r: predict(DoNothing(), dict.fromkeys(IMAGES, (r.image * 255).byte())),
        "moving_image", "floating-point values", r"torch\.uint8", r"\.float\(\)"),
    Row("a label on another grid",
        lambda r: predict(r.network, r.labelled | {"moving_label": r.label[..., :7]}),
        "moving_label", r"the batch and grid \(1, 8, 8, 8\)", r"\(1, 1, 8, 8, 7\)",
        "in every transform"),
    Row("a network that returns no field", lambda r: predict(nn.Conv3d(2, 1, 1), r.batch), "ddf",
        "3 channels", r"\(1, 1, 8, 8, 8\)", "channel k along"),
    Row("a network that returns two things", lambda r: predict(Pair(), r.batch), "ddf", "a tensor",
        "tuple"),
    Row("a network that loses its border", lambda r: predict(nn.Conv3d(2, 3, 3), r.batch), "ddf",
        r"the grid \(8, 8, 8\) of the image", r"\(6, 6, 6\)", "resize_field"),
    Row("labels of three structures in one",
        lambda r: validate(DoNothing(), [r.labelled | {"fixed_label": r.label * 3}]), "fixed_label",
        r"values in \[0, 1\]", "0 to 3", r"One a channel"),
    Row("landmarks of two spacings",
        lambda r: measure(
            predict(DoNothing(), r.batch),
            r.batch | {"fixed_points": r.points, "moving_points": r.points}
            | {"fixed_image_affine": r.affine[None], "moving_image_affine": 2 * r.affine[None]}),
        "moving_image", r"the spacing \[1\.0, 1\.0, 1\.0\]", r"\[2\.0, 2\.0, 2\.0\]",
        "ResampleToMatchd"),
    Row("a loader of nothing", lambda r: train(r, loader=[]), "loader", "at least one batch",
        "none"),
    Row("one batch for a loader", lambda r: train(r, loader=r.batch), "batch", "a dict", "str",
        r"\[batch\]"),
    Row("a loss that returns a number", lambda r: train(r, lambda p, b: p.ddf.mean()), "loss",
        "a dict of named terms", "Tensor", "Return"),
    Row("a loss without terms", lambda r: train(r, lambda p, b: {}), "loss",
        "a dict of named terms", "an empty one", "Return"),
    Row("a term that is a map", lambda r: train(r, lambda p, b: {"map": p.ddf}), "loss term 'map'",
        "a scalar tensor", r"\(1, 3, 8, 8, 8\)", "mean"),
    Row("a term that is NaN", lambda r: train(r, lambda p, b: {"odd": p.ddf.sum() * torch.nan}),
        "loss term 'odd'", "finite values", "1 of 1 NaN"),
    Row("a term that does not learn", lambda r: train(r, lambda p, b: {"c": torch.ones(())}),
        "loss", "a term that depends on the network", "none", r"detach\(\)"),
    Row("the optimiser of an older network",
        lambda r: train(r, optimizer=torch.optim.Adam(nn.Conv3d(2, 3, 1).parameters())),
        "optimizer", "weights of this network", "none of them", "after the network"),
    Row("no epochs", lambda r: next(fit(r.network, [], [], mse, r.adam, epochs=0)), "epochs",
        "a whole number ≥ 1", "0"),
    Row("nothing to validate on", lambda r: validate(DoNothing(), []), "loader",
        "at least one pair", "none"),
    Row("a checkpoint that is not there", lambda r: resume(r, "gone.pt"), "checkpoint", "a file",
        r"no file at .*gone\.pt", "no such file", FileNotFoundError),
    Row("a checkpoint of another network", lambda r: resume(r, "other.pt"), r"checkpoint .*other",
        "weights of this network", r"\[\('weight', \(3, 2, 1, 1, 1\)\)", "another folder"),
    Row("a checkpoint cut short", lambda r: resume(r, "cut.pt"), r"checkpoint .*cut\.pt",
        "a training state", "another or a broken file", "another folder"),
    Row("a checkpoint of no bytes", lambda r: resume(r, "hollow.pt"), r"checkpoint .*hollow\.pt",
        "a training state", "another or a broken file", "another folder"),
    Row("the best weights for a checkpoint", lambda r: resume(r, "best.pt"),
        r"checkpoint .*best\.pt", "a training state", "another or a broken file"),
    Row("a checkpoint of another optimiser",
        lambda r: resume(r, "last.pt", torch.optim.SGD(r.network.parameters(), 0.1)),
        r"checkpoint .*last\.pt", "a training by SGD", "Adam", "another folder"),
]  # fmt: skip

REFUSED = [
    *FILES,
    *PAIRS,
    *TRANSFORMS,
    *DATA,
    *DEFORMATION,
    *NETWORKS,
    *LOSSES,
    *METRICS,
    *TRAINING,
]
FORM = re.compile(r"(?P<name>.+?): expected (?P<expected>.+?), got (?P<rest>.+)", re.DOTALL)


def snapshot(thing: Any) -> Any:
    """All that a row might change, as something that can be compared."""
    if isinstance(thing, torch.Tensor):
        return str(thing.dtype), tuple(thing.shape), thing.detach().tolist()
    if isinstance(thing, nn.Module | torch.optim.Optimizer):
        return snapshot(thing.state_dict())
    if isinstance(thing, dict):
        return {key: snapshot(value) for key, value in thing.items()}
    if isinstance(thing, Path):
        return {p: p.read_bytes() if p.is_file() else None for p in thing.rglob("*")}
    return repr(thing)


@pytest.mark.parametrize("row", REFUSED, ids=[row.id for row in REFUSED])
def test_refused(road, row):
    before = snapshot(vars(road))
    with pytest.raises(row.kind) as raised:
        row.call(road)
    assert type(raised.value) is row.kind
    text = str(raised.value).replace(str(road.folder), "road")
    form = FORM.fullmatch(text)
    assert form, f"not in the form of checks.py: {text}"
    assert re.search(row.name, form["name"]), text
    assert re.search(row.expected, form["expected"]), text
    assert re.match(row.got, form["rest"]), text
    assert re.search(row.do, form["rest"][1:]), text
    assert text.count("\n") <= 1
    assert len(text) < 400
    assert not re.search(r"0x[0-9a-f]{4}| at 0x|object at|AssertionError|torch\.Size", text), text
    assert snapshot(vars(road)) == before


def test_the_table_is_long_and_has_no_row_twice():
    assert len(REFUSED) >= 60
    assert len({row.id for row in REFUSED}) == len(REFUSED)


def shown(road, **changes):
    return predict(DoNothing(), road.batch | changes)


ACCEPTED = {
    # Nobody can see which of the two is fixed: the road runs the other way round as well.
    "images swapped": lambda r: predict(
        DoNothing(), {"fixed_image": r.image, "moving_image": 1 - r.image}
    ).ddf.any(),
    # A linear mode makes a label soft, which the losses want; DiceMetric says so (see WARNED).
    "a label moved linearly": lambda r: not (
        RandAffined("a", None, 1, 0.3)({"a": r.label[0]})["a"] >= 0
    ).all(),
    # One number for the spacing of cubes.
    "a scalar spacing": lambda r: target_registration_error(r.points, r.points, r.ddf, 2.0).any(),
    # 0 and −1 keep an axis, as in MONAI.
    "a size of 0": lambda r: Resized(IMAGES, 0)(r.item)["fixed_image"].shape != (1, 8, 8, 8),
    # a_min above a_max turns black into white, which some want.
    "a window upside down": lambda r: not torch.allclose(
        ScaleIntensityRanged("a", 1, 0)({"a": r.image})["a"], 1 - r.image
    ),
    # A single precision affine is made double, not refused.
    "an affine in single precision": lambda r: ResampleToMatchd("moving_image", "fixed_image")(
        r.item | {"moving_image_affine": torch.eye(4)}
    )["moving_image"].isnan().any(),
    # Without landmarks nothing is measured in the moving image's millimetres.
    "two spacings without landmarks": lambda r: measure(
        shown(r), {"fixed_image_affine": r.affine[None], "moving_image_affine": 2 * r.affine[None]}
    )["folding"],
    # MONAI's default, 3 channels, in 2-D: the network is made, and what it says is refused by Warp.
    "three channels in 2-D": lambda r: LocalNet(2, 2, 2, [0, 1])(
        torch.rand(1, 2, 8, 8)
    ).shape != (1, 3, 8, 8),
    # Real collections hold landmarks of cases whose images were not downloaded.
    "a label without its images": lambda r: len(find_pairs(stray(r.folder.parent / "stray"))) != 1,
    # A field of NaN is found where it matters (training, folding_fraction), not at every warp.
    "a field of NaN": lambda r: Warp()(r.image, r.ddf * torch.nan).shape != r.image.shape,
}  # fmt: skip


def stray(folder):
    for name in ("scans/case_001_exp", "scans/case_001_insp", "lungMasks/case_002_exp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.nii.gz").write_bytes(b"")
    return folder


@pytest.mark.parametrize("wrong", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(road, wrong):
    """Each says whether it went wrong."""
    before = snapshot(vars(road))
    assert not wrong(road)
    assert snapshot(vars(road)) == before


WARNED = {
    "a soft label scored": (
        lambda r: DiceMetric()(r.image, r.label),
        r"y_pred: expected 0 and 1, got values in between.*> 0\.5",
    ),
    "a window of one voxel": (
        lambda r: LocalNormalizedCrossCorrelationLoss(kernel_type="triangular"),
        r"kernel_size: expected 5 or more, got 3.*teaches nothing",
    ),
    "nearest in training": (
        lambda r: Warp("nearest")(r.image, r.ddf.clone().requires_grad_()),
        r"no gradient.*Train with 'bilinear'",
    ),
    "an empty mask": (
        lambda r: HausdorffDistanceMetric(True)(r.label, r.label * 0),
        r"expected a mask, got y is empty.*There is no distance",
    ),
    "an option for channels that are not": (
        lambda r: DiceLoss(softmax=True)(r.label, r.label),
        r"softmax: expected several channels, got one.*ignored",
    ),
    "the inverse of a fold": (
        lambda r: invert(torch.rand(1, 3, 8, 8, 8) * 40 - 20),
        r"after 50 steps the field still moves.*folding_fraction",
    ),
}


@pytest.mark.parametrize(("call", "message"), WARNED.values(), ids=WARNED)
def test_warned(road, call, message):
    before = snapshot(vars(road))
    with pytest.warns(UserWarning, match=message):
        call(road)
    assert snapshot(vars(road)) == before
