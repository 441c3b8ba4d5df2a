"""Notebook 09: every prediction is told, other label losses, the shuffled lines really train."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from regtutor.data.thorax import breathing_slice
from regtutor.deformation import Warp
from regtutor.exercises import missing, shuffled, shuffled_step
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.exercises.supervising_09 import SIDES, WINNERS
from regtutor.losses import BendingEnergyLoss, DiceLoss
from regtutor.networks import LocalNet
from regtutor.seeds import set_determinism


def test_every_prediction_is_told():
    exercise = EXERCISES["who_wins"]
    named = {wrong.name for wrong in exercise.wrong}
    for sides in itertools.product(SIDES, repeat=3):
        answer = dict(zip(WINNERS, sides, strict=True))
        verdict = judge(exercise, answer).name
        assert verdict in (named if answer != WINNERS else {"right"}), answer


def test_the_mean_over_no_label_is_told():
    def selected(warped, fixed, has_label):
        return DiceLoss()(warped[has_label], fixed[has_label])

    assert judge(EXERCISES["missing_labels"], selected).name == "nan"


def by_loop(warped, fixed, has_label):
    losses = [
        DiceLoss()(w[None], f[None]) for w, f, h in zip(warped, fixed, has_label, strict=True) if h
    ]
    return torch.stack(losses).mean() if losses else torch.zeros(())


def by_where(warped, fixed, has_label):
    each = DiceLoss(reduction="none")(warped, fixed).flatten()
    return torch.where(has_label, each, 0).sum() / has_label.sum().clamp(min=1)


def by_weight(warped, fixed, has_label):
    return (1 - dice_of(warped, fixed))[has_label].sum() / max(1, int(has_label.sum()))


def dice_of(warped, fixed):
    common = (warped * fixed).sum(dim=(1, 2, 3))
    return (2 * common + 1e-5) / (warped.sum(dim=(1, 2, 3)) + fixed.sum(dim=(1, 2, 3)) + 1e-5)


@pytest.mark.parametrize("answer", [by_loop, by_where, by_weight])
def test_other_ways_to_leave_out_what_is_missing_are_right(answer):
    assert judge(EXERCISES["missing_labels"], answer).name == "right"


def by_emptiness(warped, fixed, has_label):
    """Takes an empty label for a missing one: right until something stands there."""
    return missing.label_loss(warped, fixed, fixed.flatten(1).any(dim=1))


def two_of_four(warped, fixed, has_label):
    each = DiceLoss(reduction="none")(warped, fixed).flatten()
    return (each * has_label).sum() / 2


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (by_emptiness, "absent_seen"),
        (two_of_four, "as_dice"),
        (lambda warped, fixed, has_label: None, "unanswered"),
        (lambda warped, fixed, has_label: warped, "form"),
        (lambda warped, fixed: 0.0, "stopped"),
    ],
)
def test_what_else_can_be_wrong_with_a_label_loss(answer, name):
    assert judge(EXERCISES["missing_labels"], answer).name == name


@pytest.mark.parametrize("order", ["GEBDFAC", "EGBDFAC", "GBDFEAC", "GBDFACE", list("GBEDFAC")])
def test_zero_grad_may_stand_wherever_it_does_no_harm(order):
    assert judge(EXERCISES["shuffled_step"], order).name == "right"


def test_every_order_of_the_right_lines_is_told():
    exercise = EXERCISES["shuffled_step"]
    for order in itertools.permutations(shuffled.RIGHT):
        assert judge(exercise, order).name in ("right", "wiped", "step_first", "too_soon"), order


@pytest.mark.parametrize("rivals", ["BH", "DI", "FJ", "EK"])
def test_a_line_that_tempts_is_told_beside_the_right_one(rivals):
    both = shuffled.RIGHT.replace(rivals[0], rivals)
    told = {"BH": "detached", "DI": "fixed_warped", "FJ": "not_warped", "EK": "adam_anew"}
    assert judge(EXERCISES["shuffled_step"], both).name == told[rivals]


def trained(order):
    """Three steps of the lines as they stand: how far the weights moved, and the losses."""
    set_determinism(0)
    pair = breathing_slice(3, (32, 40))
    network = LocalNet(2, 2, 2, [0, 1], "zeros", out_channels=2)
    meaning = {
        "batch": {"moving_image": pair.moving / 1000, "fixed_image": pair.fixed / 1000},
        "network": network, "optimizer": torch.optim.Adam(network.parameters(), lr=1e-2),
        "torch": torch, "F": F, "Warp": Warp, "BendingEnergyLoss": BendingEnergyLoss,
    }  # fmt: skip
    before = torch.cat([w.detach().clone().flatten() for w in network.parameters()])
    losses = []
    for _ in range(3):
        exec("\n".join(shuffled.LINES[letter] for letter in order), meaning)
        losses.append(meaning["loss"].item())
    after = torch.cat([w.detach().flatten() for w in network.parameters()])
    return (after - before).abs().max().item(), losses


def test_the_right_lines_train_and_the_tempting_ones_do_not():
    moved, losses = trained(shuffled.RIGHT)
    assert moved > 1e-3
    assert losses[2] < losses[0]
    assert trained("GBDFAEC")[0] == 0  # wiped
    assert trained("GEBDFA")[0] == 0  # no step
    constant = trained("GEBDJAC")[1]
    assert abs(constant[2] - constant[0]) < 1e-3 * losses[0]
    with pytest.raises(RuntimeError, match="does not require grad"):
        trained("GEHDFAC")
    with pytest.raises(NameError):
        trained("GEDBFAC")


def test_the_lines_are_printed_with_their_letters():
    assert shuffled_step().splitlines()[2] == "C   optimizer.step()"
    assert len(shuffled_step().splitlines()) == len(shuffled.LINES)
