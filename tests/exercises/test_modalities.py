"""Notebook 12: other right answers are right, and slips beside the known ones are told."""

import pytest
import torch

from regtutor.deformation import move_points, sample
from regtutor.exercises import evidence, gridding, landmarking
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.instance import register
from regtutor.losses import LocalNormalizedCrossCorrelationLoss
from regtutor.metrics import target_registration_error
from regtutor.transforms import ResampleToMatchd
from regtutor.transforms.geometry import move
from regtutor.transforms.pulling import places


def by_hand(data):
    """Both affines and `sample`, no transform; the label one-hot, linear, cut at ½."""
    fixed, moving = data["fixed_image_affine"], data["moving_image_affine"]
    d = data["fixed_image"].ndim - 1
    kept = [*range(d), 3]
    m = torch.linalg.inv(moving[kept][:, kept]) @ fixed[kept][:, kept]
    points = places(m, data["fixed_image"].shape[1:]).float()
    return data | {
        "moving_image": sample(data["moving_image"][None], points)[0],
        "moving_label": (sample(data["moving_label"][None], points)[0] > 0.5).float(),
        "moving_points": move(data["moving_points"], m),
        "moving_image_affine": fixed,
        "moving_label_affine": fixed,
    }


def two_slips(data):
    """Labels read linearly, points left behind."""
    keys = ["moving_image", "moving_label"]
    return ResampleToMatchd(keys, "fixed_image")(data)


def only_2d(data):
    out = gridding.onto_fixed(data)
    return out if data["fixed_image"].ndim == 3 else data


def centroid_by_weights(fixed_label, moving_label, ddf, spacing):
    def middle(blob):
        axes = [torch.arange(n).float() for n in blob.shape]
        grids = torch.meshgrid(*axes, indexing="ij")
        return torch.stack([(g * blob).sum() / blob.sum() for g in grids])

    a, b = (torch.stack([middle(x) for x in label[0, 1:]])[None]
            for label in (fixed_label, moving_label))  # fmt: skip
    return target_registration_error(a, b, ddf, spacing).nanmean().item()


def learned_by_heart(*_):
    return landmarking.blob_tre(*landmarking.blobs())


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        ("onto_fixed", by_hand, "right"),
        ("onto_fixed", two_slips, "label_linear"),
        ("onto_fixed", only_2d, "volumes"),
        ("onto_fixed", lambda data: data, "untouched"),
        ("onto_fixed", lambda data: data["moving_image"], "form"),
        ("onto_fixed", lambda data: {}, "form"),
        ("onto_fixed", lambda data: None, "unanswered"),
        ("onto_fixed", lambda data: data | {"moving_image": ...}, "unanswered"),
        ("blob_tre", centroid_by_weights, "right"),
        ("blob_tre", learned_by_heart, "perfect"),
        ("blob_tre", lambda *args: torch.ones(4), "form"),
        ("blob_tre", lambda *args: None, "unanswered"),
        ("blob_tre", lambda f, m, ddf, s: move_points(f, ddf), "stopped"),
    ],
)
def test_other_answers(exercise, answer, name):
    verdict = judge(EXERCISES[exercise], answer)
    assert verdict.name == name, verdict.text


def test_the_strangers_say_what_the_exercise_says_of_them():
    """One is lowest in the mean, not on every patient; two are worse than doing nothing."""
    means = evidence.table()
    nothing = sum(evidence._tre(data, None) for data in evidence.strangers()) / 4
    assert min(means, key=means.get) == evidence.BEST
    assert means["MIND"] < nothing < min(means["MSE"], means["GMI"])
    first = evidence.table(summary=lambda values: values[0])
    assert min(first, key=first.get) != evidence.BEST


def test_a_smaller_window_turns_the_order_round():
    """What the notebook's Modify says: LNCC with 5 voxels beats MIND, which beat it with 9."""
    smaller = LocalNormalizedCrossCorrelationLoss(2, 5, smooth_dr=1e-3)
    how = evidence.contestants()["LNCC"] | {"image_loss": smaller}
    errors = []
    for data in evidence.strangers():
        fixed, moving = (data[f"{side}_image"][None] / 255 for side in ("fixed", "moving"))
        errors.append(evidence._tre(data, register(fixed, moving, **how).ddf))
    means = evidence.table()
    assert sum(errors) / 4 < 0.9 * means["MIND"] < 0.9 * means["LNCC"]


def test_numbers_of_other_patients_are_told():
    answer = {"MSE": 5.0, "LNCC": 3.7, "GMI": 2.6, "MIND": 0.7, "take": "MIND"}
    assert judge(EXERCISES["take_a_loss"], answer).name == "other_patients"


@pytest.mark.parametrize("part", [{"take": "SSIM"}, {"MSE": [1.0, 2.0]}, {"GMI": float("nan")}])
def test_an_answer_of_another_form_is_told_its_form(part):
    assert judge(EXERCISES["take_a_loss"], evidence.solution() | part).name == "form"


def test_the_pair_hides_no_short_cut():
    """Grids differ in size, spacing and direction; of the blobs one is lost."""
    data = gridding.pair()
    fixed, moving = data["fixed_image_affine"], data["moving_image_affine"]
    assert data["fixed_image"].shape != data["moving_image"].shape
    assert torch.linalg.det(fixed[:3, :3]) * torch.linalg.det(moving[:3, :3]) < 0
    _, moving_label, ddf, spacing = landmarking.blobs()
    assert [bool(blob.any()) for blob in moving_label[0]] == [True, True, True, True, False]
    assert spacing[0] != spacing[1]
    assert ddf.flatten(2).std(dim=2).min() > 0.3
