"""What the exercises are about is as they say."""

import pytest
import torch
from torch.nn import functional as F

from regtutor.deformation import Warp
from regtutor.exercises import four_fields, looping
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.exercises.registrations import chest
from regtutor.exercises.training_08 import RAW, WEIGHTS
from regtutor.losses import DiceLoss
from regtutor.metrics import DiceMetric, folding_fraction, target_registration_error
from regtutor.training import predict
from regtutor.transforms import MapTransform


def test_the_four_registrations_have_the_symptoms_they_are_named_for():
    pair = chest()
    fixed, moving = (((x + 1000) / 1200).clamp(0, 1) for x in (pair.fixed, pair.moving))
    dice, difference, tre, folds = {}, {}, {}, {}
    for letter, ddf in four_fields().items():
        label = (Warp()(pair.moving_mask, ddf) > 0.5).float()
        dice[letter] = DiceMetric()(label, pair.fixed_mask).item()
        difference[letter] = (Warp()(moving, ddf) - fixed).abs().mean().item()
        errors = target_registration_error(pair.fixed_points, pair.moving_points, ddf, pair.spacing)
        tre[letter] = errors.mean().item()
        folds[letter] = folding_fraction(ddf).item()
    answer = EXERCISES["four_overlays"].solution()
    letter = {symptom: letter for letter, symptom in answer.items()}
    assert max(dice, key=dice.get) == letter["labels"]
    assert min(difference, key=difference.get) == letter["folds"]
    assert min(tre, key=tre.get) == letter["good"]
    assert tre[letter["good"]] < 0.5
    assert tre[letter["labels"]] > 8
    assert tre[letter["ghost"]] > 4
    assert folds[letter["folds"]] > 0.05
    assert all(folds[letter[s]] == 0 for s in ("good", "labels", "ghost"))
    assert dice[letter["ghost"]] < min(dice[k] for k in "ABC")


def test_nothing_about_the_chest_is_square_or_isotropic():
    pair = chest()
    assert pair.fixed.shape[2] != pair.fixed.shape[3]
    assert abs(pair.spacing[0] - pair.spacing[1]) > 0.5


def test_the_dominant_term_has_neither_the_largest_weight_nor_the_largest_loss():
    name, _ = EXERCISES["dominant_term"].solution()
    assert name not in (max(WEIGHTS, key=WEIGHTS.get), max(RAW, key=RAW.get))


def test_a_random_state_of_the_learner_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    for name in ("resume", "blocks", "identity_start"):
        judge(EXERCISES[name], EXERCISES[name].solution())
    assert torch.equal(torch.rand(3), expected)


def test_other_right_answers_are_right_too():
    def reset_before(network, loader, metric, train_loss, best):
        metric.reset()
        kept = EXERCISES["keep_best"].solution()(network, loader, metric, train_loss, best)
        return dict(kept)

    others = {
        "keep_best": reset_before,
        "blocks": {"extract_levels": [0, 3]},
        "transform_order": ["load", "channel", "resize_labels", "resize_images", "scale", "random"],
        "two_epochs": {"resize", "load", "scale", "channel"},
        "output_shape": (torch.Size([2, 3, 32, 24, 40]), "torch.float32"),
        "do_nothing_tre": torch.tensor(EXERCISES["do_nothing_tre"].solution()),
        "dominant_term": ["image", 1.33],
    }
    train, held_out = EXERCISES["data_dicts"].solution()
    files = train + held_out
    others["data_dicts"] = ([{**row, "case": "x"} for row in files[2:]], files[:2])
    for name, answer in others.items():
        assert judge(EXERCISES[name], answer).name == "right", name


def blank_keep_best(network, loader, metric, train_loss, best):
    for _ in loader:
        pass
    return best


def neither_reset_nor_copied(network, loader, metric, train_loss, best):
    network.eval()
    with torch.no_grad():
        for batch in loader:
            metric((predict(network, batch).warped_label > 0.5).float(), batch["fixed_label"])
    if (dice := metric.aggregate().item()) > best["dice"]:
        best = {"dice": dice, "weights": network.state_dict()}
    return best


def weights_alone(state, network, optimizer, scheduler):
    network.load_state_dict(state["network"])
    return state["epoch"] + 1


def unclipped_over_self_keys():
    class Unclipped(MapTransform):
        def __call__(self, data):
            return data | {key: (data[key] + 1000) / 1200 for key in self.keys}

    return Unclipped


def lncc_of_a_large_least_variance(pred, target, size=9):
    def mean(x):
        return F.avg_pool2d(x, size, 1, size // 2, count_include_pad=False)

    p, t = mean(pred), mean(target)
    cross = mean(pred * target) - p * t
    p_var = (mean(pred * pred) - p * p).clamp(min=1e-3)
    return -(cross**2 / (p_var * (mean(target * target) - t * t).clamp(min=1e-3))).mean()


@pytest.mark.parametrize(
    ("name", "answer", "verdict"),
    [
        ("do_nothing_dice", 0.91, "right"),  # rounded
        ("do_nothing_tre", 10.0, "right"),
        ("dominant_term", ("image", 1.3), "right"),
        ("four_overlays", {"A": "ghost", "B": "labels", "C": "good", "D": "folds"}, "all_three"),
        ("transform_order",
         ["load", "scale", "channel", "resize_images", "resize_labels", "random"], "right"),
        ("transform_order",
         ["load", "channel", "scale", "resize_images", "resize_labels", "resize_labels"], "form"),
        ("transform_order",
         ["load", "channel", "scale", "scale_without_clip", "resize_images", "random"], "form"),
        ("data_dicts", (18, 2), "form"),
        ("two_epochs", 4, "form"),
        ("clip_hu", unclipped_over_self_keys(), "no_clip"),  # before the key that is not there
        ("lncc", lncc_of_a_large_least_variance, "brightness"),
        ("far_dice", DiceLoss(), "pulls_home"),  # unblurred, and not decided
        ("seven_steps", looping.OWN[1], "own_numbers"),
        ("choose_lambda", {"lambda": 0.1, "because": "calmest"}, "another_reason"),
        ("two_epochs", ["load", "channel"], "files_only"),
        ("two_epochs", ["load", "channel", "scale", "resize", "noise"], "affine_too"),
        ("output_shape", ((2, 1, 44, 20, 36), torch.float32), "one_channel"),
        ("output_shape", ((1, 3, 32, 24, 40), torch.float32), "no_batch"),
        ("blocks", {"out_kernel_initializer": "kaiming_uniform"}, "something_else"),
        ("keep_best", blank_keep_best, "unanswered"),
        ("keep_best", neither_reset_nor_copied, "no_reset"),
        ("dominant_term", ("image", 0.2), "product"),
        ("a_or_b", (-0.3, -0.5, -0.1), "turned"),  # of whichever epoch
        ("resume", (lambda *all: EXERCISES["resume"].solution()[0](*all), weights_alone),
         "more_lost"),
    ],
)  # fmt: skip
def test_answers_that_are_half_right_are_told_so(name, answer, verdict):
    assert judge(EXERCISES[name], answer).name == verdict


def test_the_shape_that_is_asked_for_is_named():
    assert "theta is (2, 3), not (2, 2)" in judge(EXERCISES["theta"], torch.eye(2)).text


def test_a_split_of_17_and_3_and_names_of_two_digits_are_told():
    train, held_out = EXERCISES["data_dicts"].solution()
    files = train + held_out
    assert "not 17" in judge(EXERCISES["data_dicts"], (files[:17], files[17:])).text
    short = [{k: v.replace("case_0", "case_") for k, v in row.items()} for row in files]
    assert (
        "are named scans/case_001" in judge(EXERCISES["data_dicts"], (short[:18], short[18:])).text
    )
