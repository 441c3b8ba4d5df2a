"""The field's own training script, as its slides print it: it must run with our imports.

Only the imports and the file names are filled in, and the volumes are 32³ so that it ends within
a minute or two. (The slides print `LocalNormalizedCorrelationLoss`; MONAI's name is
`LocalNormalizedCrossCorrelationLoss`, and so is ours.)
"""

import pytest
import torch
from torch.nn import MSELoss

from regtutor.data import CacheDataset, DataLoader
from regtutor.data.thorax import write_collection
from regtutor.deformation import DVF2DDF, Warp
from regtutor.losses import (
    BendingEnergyLoss,
    DiceLoss,
    GlobalMutualInformationLoss,
    LocalNormalizedCrossCorrelationLoss,
    MultiScaleLoss,
)
from regtutor.metrics import DiceMetric
from regtutor.networks import GlobalNet, LocalNet
from regtutor.seeds import set_determinism
from regtutor.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    RandAffined,
    Resized,
    ScaleIntensityRanged,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paired_ct_lung")
    write_collection(folder, n=20, size=(32, 32, 32), progress=False)
    return folder


@pytest.fixture(scope="module")
def data_dicts(folder):
    return [
        {
            "fixed_image": folder / "scans" / f"case_{idx:03d}_exp.nii.gz",
            "moving_image": folder / "scans" / f"case_{idx:03d}_insp.nii.gz",
            "fixed_label": folder / "lungMasks" / f"case_{idx:03d}_exp.nii.gz",
            "moving_label": folder / "lungMasks" / f"case_{idx:03d}_insp.nii.gz",
        }
        for idx in range(1, 21)
    ]


KEYS = ["fixed_image", "moving_image", "fixed_label", "moving_label"]


def transforms(train):
    steps = [
        LoadImaged(keys=KEYS),
        EnsureChannelFirstd(keys=KEYS),
        ScaleIntensityRanged(
            keys=["fixed_image", "moving_image"],
            a_min=-1000,
            a_max=500,
            b_min=0.0,
            b_max=1.0,
            clip=True,
        ),
        Resized(
            keys=KEYS,
            mode=("trilinear", "trilinear", "nearest", "nearest"),
            align_corners=(True, True, None, None),
            spatial_size=(32, 32, 32),
        ),
    ]
    augment = RandAffined(
        keys=KEYS,
        mode=("bilinear", "bilinear", "nearest", "nearest"),
        prob=1.0,
        spatial_size=(32, 32, 32),
        rotate_range=(0, 0, torch.pi / 15),
        scale_range=(0.1, 0.1, 0.1),
    )
    return Compose([*steps, augment] if train else steps)


@pytest.mark.filterwarnings("ignore:y_pred:UserWarning")  # the slides' Dice of a soft prediction
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on two cores
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_the_slides_train(data_dicts, tmp_path):
    set_determinism(seed=0)
    train_files, val_files = data_dicts[:18], data_dicts[18:]
    train_ds = CacheDataset(data=train_files, transform=transforms(True), cache_rate=1.0)
    train_loader = DataLoader(train_ds, batch_size=1, shuffle=True, num_workers=4)
    val_ds = CacheDataset(data=val_files, transform=transforms(False), cache_rate=1.0)
    val_loader = DataLoader(val_ds, batch_size=1, num_workers=4)

    device = torch.device("cpu")
    model = LocalNet(
        spatial_dims=3,
        in_channels=2,
        out_channels=3,
        num_channel_initial=32,
        extract_levels=[0, 1, 2, 3],
        out_activation=None,
        out_kernel_initializer="zeros",
    ).to(device)
    warp_layer = Warp().to(device)
    image_loss = MSELoss()
    label_loss = DiceLoss()
    label_loss = MultiScaleLoss(label_loss, scales=[0, 1, 2, 4, 8, 16])
    regularization = BendingEnergyLoss()
    optimizer = torch.optim.Adam(model.parameters(), 1e-5)
    dice_metric = DiceMetric(include_background=True, reduction="mean", get_not_nans=False)

    def forward(batch_data, model):
        fixed_image = batch_data["fixed_image"].to(device)
        moving_image = batch_data["moving_image"].to(device)
        moving_label = batch_data["moving_label"].to(device)
        ddf = model(torch.cat((moving_image, fixed_image), dim=1))
        pred_image = warp_layer(moving_image, ddf)
        pred_label = warp_layer(moving_label, ddf)
        return ddf, pred_image, pred_label

    max_epochs, best_metric, losses = 1, -1, []
    for _epoch in range(max_epochs):
        model.train()
        for batch_data in train_loader:
            optimizer.zero_grad()
            ddf, pred_image, pred_label = forward(batch_data, model)
            fixed_image = batch_data["fixed_image"].to(device)
            fixed_label = batch_data["fixed_label"].to(device)
            loss = (
                image_loss(pred_image, fixed_image)
                + 100 * label_loss(pred_label, fixed_label)
                + 10 * regularization(ddf)
            )
            loss.backward()
            optimizer.step()
            losses.append(loss.item())

        model.eval()
        with torch.no_grad():
            for val_data in val_loader:
                val_ddf, _, val_pred_label = forward(val_data, model)
                val_fixed_label = val_data["fixed_label"].to(device)
                dice_metric(y_pred=val_pred_label, y=val_fixed_label)
            metric = dice_metric.aggregate().item()
            dice_metric.reset()
            if metric > best_metric:
                best_metric = metric
                torch.save(model.state_dict(), tmp_path / "best_metric_model.pth")

    assert len(losses) == 18
    assert torch.tensor(losses).isfinite().all()
    assert 0.6 < best_metric < 1
    assert (tmp_path / "best_metric_model.pth").stat().st_size > 5_937_120 * 4  # every parameter
    assert val_ddf.abs().max() > 0  # 18 steps at 1e-5 have begun to move something


@pytest.mark.parametrize("loss", [LocalNormalizedCrossCorrelationLoss, GlobalMutualInformationLoss])
def test_the_other_image_losses_stand_in_its_place(loss, data_dicts):
    pair = transforms(False)(data_dicts[0])
    fixed, moving = pair["fixed_image"][None], pair["moving_image"][None]
    ddf = torch.zeros(1, 3, 32, 32, 32, requires_grad=True)
    loss()(Warp()(moving, ddf), fixed).backward()
    assert ddf.grad.abs().max() > 0


def test_the_other_deformations_stand_in_its_place(data_dicts):
    pair = transforms(False)(data_dicts[0])
    both = torch.cat([pair["moving_image"], pair["fixed_image"]])[None]
    velocity = LocalNet(3, 2, 4, [0, 1, 2], out_kernel_initializer="kaiming_uniform").eval()
    ddf = DVF2DDF()(velocity(both))
    assert ddf.shape == (1, 3, 32, 32, 32)
    assert not torch.equal(ddf, velocity(both))
    affine = GlobalNet(
        image_size=(32, 32, 32), spatial_dims=3, in_channels=2, num_channel_initial=4, depth=3
    ).eval()
    assert affine(both).abs().max() < 1e-4  # it starts at the identity
