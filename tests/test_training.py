"""The loop learns, keeps the best, goes on after being killed, and refuses what cannot be right."""

import copy

import pytest
import torch
from torch import nn

from regtutor import checkpoint
from regtutor.deformation import DVF2DDF
from regtutor.evaluation import measure, measure_pairs
from regtutor.filters import gaussian_smooth
from regtutor.losses import BendingEnergyLoss, DiceLoss
from regtutor.seeds import set_determinism
from regtutor.training import (
    DoNothing,
    Prediction,
    find_device,
    fit,
    predict,
    train_epoch,
    validate,
)

SIZE = (16, 24)
SPACING = (2.0, 3.0)


class Shift(nn.Module):
    """One learnable displacement for everything: the smallest network there is."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(2))

    def forward(self, images):
        return self.shift.view(1, 2, 1, 1).expand(len(images), 2, *images.shape[2:])


def make_batch(shift, count=2, seed=0):
    """Blobs; the moving one is the fixed one carried by `shift` voxels."""
    shift = torch.tensor(shift)
    index = torch.stack(torch.meshgrid(*map(torch.arange, SIZE), indexing="ij")).float()
    drawn = torch.Generator().manual_seed(seed)
    centre = torch.tensor([8.0, 12.0]) + torch.rand(count, 2, generator=drawn)

    def blob(at):
        return (-((index - at.view(-1, 2, 1, 1)) ** 2).sum(1, keepdim=True) / 18).exp()

    return {
        "fixed_image": blob(centre),
        "moving_image": blob(centre + shift),
        "fixed_label": (blob(centre) > 0.5).float(),
        "moving_label": (blob(centre + shift) > 0.5).float(),
        "fixed_points": centre[:, None],
        "moving_points": (centre + shift)[:, None],
        "fixed_image_affine": torch.diag(torch.tensor([*SPACING, 1.0, 1.0])).repeat(count, 1, 1),
    }


def loss(prediction, batch):
    return {
        "image": 10 * nn.functional.mse_loss(prediction.warped_image, batch["fixed_image"]),
        "label": DiceLoss()(prediction.warped_label, batch["fixed_label"]),
        "smooth": BendingEnergyLoss()(prediction.ddf),
    }


def test_predict_puts_moving_first_and_warps_both_by_one_field():
    seen = []

    class Spy(nn.Module):
        def forward(self, images):
            seen.append(images)
            return torch.zeros(2, 2, *SIZE) + torch.tensor([2.0, 0.0]).view(1, 2, 1, 1)

    batch = make_batch((2.0, 0.0))
    prediction = predict(Spy(), batch)
    assert torch.equal(seen[0][:, :1], batch["moving_image"])
    assert torch.equal(seen[0][:, 1:], batch["fixed_image"])
    assert torch.allclose(
        prediction.warped_image[:, :, :-2], batch["fixed_image"][:, :, :-2], atol=1e-5
    )
    assert torch.allclose(
        prediction.warped_label[:, :, :-2], batch["fixed_label"][:, :, :-2], atol=1e-5
    )
    unlabelled = {k: v for k, v in batch.items() if "label" not in k}
    assert predict(Spy(), unlabelled).warped_label is None


def test_do_nothing_scores_what_the_pair_starts_with():
    batch = make_batch((3.0, 0.0))
    scores = measure(predict(DoNothing(), batch), batch, surfaces=True)
    assert torch.allclose(scores["tre_mm"], torch.tensor(3 * SPACING[0]))
    assert (scores["folding"] == 0).all()
    a, b = (batch[k] > 0.5 for k in ("fixed_label", "moving_label"))
    dice = 2 * (a & b).flatten(1).sum(1) / (a.flatten(1).sum(1) + b.flatten(1).sum(1))
    assert torch.allclose(scores["dice"], dice)
    assert (scores["hd95_mm"] == 3 * SPACING[0]).all()


def test_without_affine_the_unit_is_voxels():
    batch = {k: v for k, v in make_batch((3.0, 4.0)).items() if "affine" not in k}
    assert torch.allclose(
        measure(predict(DoNothing(), batch), batch)["tre_voxels"], torch.tensor(5.0)
    )


@pytest.mark.parametrize("velocity", [False, True])
def test_it_learns_the_shift(velocity):
    batch = make_batch((2.0, -1.0))
    network = nn.Sequential(Shift(), DVF2DDF(padding_mode="border")) if velocity else Shift()
    optimizer = torch.optim.Adam(network.parameters(), 0.1)
    records = list(fit(network, [batch] * 10, [batch], loss, optimizer, epochs=8))
    before = validate(DoNothing(), [batch])
    assert before["tre_mm"] == pytest.approx(((2 * 2) ** 2 + (1 * 3) ** 2) ** 0.5, rel=1e-3)
    assert records[-1]["tre_mm"] < 0.3
    assert records[-1]["dice"] > 0.98 > before["dice"]
    assert records[-1]["loss"] < 0.1 * records[0]["loss"]
    assert [r["epoch"] for r in records] == list(range(1, 9))
    parts = records[0]["image"] + records[0]["label"] + records[0]["smooth"]
    assert records[0]["loss"] == pytest.approx(parts, rel=1e-5)


class Noisy(nn.Module):
    """A network whose training needs the generator and whose state has buffers."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 2, 1)
        )

    def forward(self, images):
        return self.layers(images)


def noisy_training(folder, epochs):
    set_determinism(0)
    network = Noisy()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=30)
    batches = [make_batch((2.0, 1.0), seed=s) for s in range(3)]
    return network, fit(
        network,
        torch.utils.data.DataLoader(batches, batch_size=None, shuffle=True),
        batches[:1],
        loss,
        optimizer,
        epochs=epochs,
        scheduler=scheduler,
        folder=folder,
    )


def test_resuming_gives_the_curve_of_not_having_stopped(tmp_path):
    network, whole = noisy_training(tmp_path / "whole", epochs=6)
    whole = list(whole)
    _, first = noisy_training(tmp_path / "cut", epochs=6)
    stopped = [next(first) for _ in range(3)]  # killed in its fourth epoch
    assert stopped == whole[:3]
    resumed_network, rest = noisy_training(tmp_path / "cut", epochs=6)
    torch.rand(17)  # whatever was drawn since makes no difference
    assert list(rest) == whole
    for name, value in network.state_dict().items():
        assert torch.equal(value, resumed_network.state_dict()[name])


def test_the_best_is_kept_not_the_last(tmp_path):
    batch = make_batch((2.0, 0.0))
    network = Shift()
    optimizer = torch.optim.SGD(network.parameters(), 1.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 20.0 if i < 2 else 900.0)
    states, records = [], []
    for record in fit(
        network, [batch], [batch], loss, optimizer, epochs=4, scheduler=scheduler, folder=tmp_path
    ):
        records.append(record["dice"])
        states.append(copy.deepcopy(network.state_dict()))
    best = max(range(4), key=records.__getitem__)
    assert best != 3, "the schedule is meant to spoil it in the end"
    kept = torch.load(tmp_path / "best.pt")
    assert torch.equal(kept["shift"], states[best]["shift"])


def test_without_labels_the_lowest_validation_loss_is_best(tmp_path):
    batch = {k: v for k, v in make_batch((2.0, 0.0)).items() if "label" not in k}

    def image_loss(prediction, batch):
        return {"image": nn.functional.mse_loss(prediction.warped_image, batch["fixed_image"])}

    network = Shift()
    optimizer = torch.optim.Adam(network.parameters(), 0.1)
    records = list(fit(network, [batch] * 5, [batch], image_loss, optimizer, epochs=3))
    assert "dice" not in records[0]
    assert records[-1]["val_loss"] < records[0]["val_loss"]


def test_a_pair_without_a_score_does_not_count_in_its_mean():
    with_points = make_batch((3.0, 0.0))
    without = {k: v for k, v in make_batch((1.0, 0.0)).items() if "points" not in k}
    assert validate(DoNothing(), [with_points, without])["tre_mm"] == pytest.approx(6)
    assert len(measure_pairs(DoNothing(), [with_points, without])) == 4


def test_padded_points_do_not_count():
    batch = make_batch((3.0, 0.0))
    for key in ("fixed_points", "moving_points"):
        batch[key] = torch.cat([batch[key], torch.full((2, 5, 2), float("nan"))], dim=1)
    assert torch.allclose(measure(predict(DoNothing(), batch), batch)["tre_mm"], torch.tensor(6.0))


def test_saving_is_atomic(tmp_path):
    path = tmp_path / "best.pt"
    checkpoint.save({"a": 1}, path)
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save({"a": lambda: 1}, path)  # cannot be saved: the old file must stay
    assert torch.load(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_resuming_another_network_changes_nothing(tmp_path):
    network = Shift()
    optimizer = torch.optim.Adam(network.parameters())
    checkpoint.save_last(tmp_path / "last.pt", network, optimizer, None, [])
    other = Noisy()
    before = copy.deepcopy(other.state_dict())
    with pytest.raises(
        ValueError, match=r"last.pt: expected weights of this network, got .*layers.0"
    ):
        checkpoint.resume(tmp_path / "last.pt", other, torch.optim.Adam(other.parameters()))
    assert all(torch.equal(before[k], v) for k, v in other.state_dict().items())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken"])
def test_a_broken_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "last.pt"
    path.write_bytes(content)
    network = Shift()
    with pytest.raises(ValueError, match=r"checkpoint .*last.pt: expected a training state"):
        checkpoint.resume(path, network, torch.optim.Adam(network.parameters()))


def test_images_on_two_grids_are_refused():
    batch = make_batch((1.0, 0.0))
    batch["moving_image"] = batch["moving_image"][:, :, :-1]
    with pytest.raises(ValueError, match=r"moving_image: .*ResampleToMatchd"):
        predict(DoNothing(), batch)


def test_a_network_that_returns_no_field_is_refused():
    with pytest.raises(ValueError, match="ddf: expected 2 channels"):
        predict(nn.Conv2d(2, 3, 1), make_batch((1.0, 0.0)))


@pytest.mark.parametrize("where", ["field", "term"])
def test_nan_stops_training_before_the_weights_are_lost(where):
    network = Shift()
    optimizer = torch.optim.Adam(network.parameters(), 0.1)
    if where == "field":
        network.shift.data[0] = float("nan")
    before = network.shift.clone()

    def broken(prediction, batch):
        return loss(prediction, batch) | {"odd": prediction.ddf.sum() * float("nan")}

    with pytest.raises(ValueError, match="ddf: exp" if where == "field" else "loss term 'odd'"):
        train_epoch(network, [make_batch((1.0, 0.0))], broken, optimizer)
    assert torch.allclose(network.shift, before, equal_nan=True)


@pytest.mark.parametrize("epochs", [0, -1, 2.5])
def test_epochs_is_a_positive_whole_number(epochs):
    network = Shift()
    optimizer = torch.optim.Adam(network.parameters())
    with pytest.raises(ValueError, match="epochs: expected a whole number"):
        next(fit(network, [], [], loss, optimizer, epochs=epochs))


def test_an_empty_loader_is_refused():
    network = Shift()
    with pytest.raises(ValueError, match="loader: expected at least one batch"):
        train_epoch(network, [], loss, torch.optim.SGD(network.parameters()))


def test_smooth_start():
    assert isinstance(find_device(), torch.device)
    assert isinstance(predict(DoNothing(), make_batch((1.0, 0.0))), Prediction)
    assert gaussian_smooth(torch.ones(1, 1, 9, 9), 2.0).allclose(torch.ones(1, 1, 9, 9))
