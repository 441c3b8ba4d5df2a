"""Notebook 04: solutions are the library's, every wrong match is told, slips as they are typed."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from regtutor.exercises import correlating, costing, reaching, seven_curves
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.exercises.matching import CLAMPED, LETTERS, PLUS
from regtutor.losses import (
    BendingEnergyLoss,
    DiceLoss,
    LocalNormalizedCrossCorrelationLoss,
    MultiScaleLoss,
)
from regtutor.metrics import folding_fraction


def test_the_solutions_are_the_librarys():
    one, other = (correlating.texture(seed, contrast=2.0) for seed in (5, 6))
    library = LocalNormalizedCrossCorrelationLoss(2, 9, valid_window=True)
    torch.testing.assert_close(correlating.lncc(one, other), library(one, other),
                               atol=1e-4, rtol=0)  # fmt: skip
    pred, target = reaching._batch()
    library = MultiScaleLoss(DiceLoss(include_background=False), scales=[0, 2, 8], pred_first=True)
    torch.testing.assert_close(reaching.far_dice(pred, target), library(pred, target))
    by_hand = (costing.HEIGHT / costing.LENGTH**2) ** 2 / 4
    assert costing.solution()["energy"]["sine"] == pytest.approx(by_hand, rel=0.03)


def test_the_curves_are_as_the_words_of_the_exercise_say():
    shifts, curves = seven_curves()
    at, low = shifts.index(0), {letter: min(values) for letter, values in curves.items()}
    assert low[LETTERS["GMI"]] < -1.2
    assert -1 < low[LETTERS["LNCC"]] < -0.6
    assert max(curves[LETTERS["MSE"]]) == curves[LETTERS["MSE"]][at]
    assert max(map(abs, curves[CLAMPED])) < 1e-5
    assert curves[PLUS] == [-value for value in curves[LETTERS["LNCC"]]]
    dice, blurred = curves[LETTERS["Dice"]], curves[LETTERS["MultiScale"]]
    assert low[LETTERS["Dice"]] == dice[at] < 0.05
    assert low[LETTERS["MultiScale"]] == blurred[at] > 0.2
    assert all(value > 0.9999 for value in dice[:9])
    assert all(before > after for before, after in itertools.pairwise(blurred[4:at]))


def test_every_wrong_match_is_told():
    told = {wrong.name for wrong in EXERCISES["five_curves"].wrong}
    for letters in itertools.permutations("ABCDEFG", 5):
        answer = dict(zip(LETTERS, letters, strict=True))
        verdict = judge(EXERCISES["five_curves"], answer)
        assert verdict.name in (told if answer != LETTERS else {"right"}), answer


def by_convolution(pred, target, size=9):
    """Sums under a window, by the voxels that are there; deviations first."""

    def mean(x):
        ones = torch.ones(1, 1, size, size)
        x = x.flatten(0, 1)[:, None]
        sums, count = (F.conv2d(y, ones, padding=size // 2) for y in (x, torch.ones_like(x)))
        return (sums / count).view(pred.shape)

    p_var, t_var = (mean(x**2) - mean(x) ** 2 for x in (pred, target))
    cross = mean(pred * target) - mean(pred) * mean(target)
    return -torch.mean(cross**2 / (p_var * t_var + 1e-6))


def radius_window(pred, target, size=9):
    def mean(x):
        r = size // 2
        return F.avg_pool2d(x, 2 * r, 1, r, count_include_pad=False)

    p, t = mean(pred), mean(target)
    cross = mean(pred * target) - p * t
    var = (mean(pred**2) - p**2).clamp(min=1e-5) * (mean(target**2) - t**2).clamp(min=1e-5)
    return -(cross**2 / var).mean()


def by_roots(pred, target, size=9):
    """Right in value; its root has no slope at 0."""
    p, t = correlating.mean(pred, size), correlating.mean(target, size)
    cross = correlating.mean(pred * target, size) - p * t
    p_std, t_std = (
        (correlating.mean(x * x, size) - m * m).clamp(min=0).sqrt() + 1e-4
        for x, m in ((pred, p), (target, t))
    )
    return -((cross / (p_std * t_std)) ** 2).mean()


def thresholded_first(pred, target):
    return reaching.far_dice((pred > 0.5).float(), (target > 0.5).float())


def looped(pred, target):
    total, count = 0, 0
    for sigma, b, c in itertools.product((0, 2, 8), range(len(pred)), range(1, pred.shape[1])):
        p, t = (reaching.blur(x[b : b + 1, c : c + 1], sigma) for x in (pred, target))
        total = total + DiceLoss()(p, t)
        count += 1
    return total / count


def energies(**others):
    return {"energy": costing.solution()["energy"] | others, "folds": ["reflection"]}


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        ("lncc", by_convolution, "right"),
        ("lncc", lambda p, t, size=9: LocalNormalizedCrossCorrelationLoss(
            2, size, valid_window=True)(p, t), "right"),
        ("lncc", lambda p, t, size=9: LocalNormalizedCrossCorrelationLoss(2, size)(p, t),
         "zeros_counted"),
        ("lncc", radius_window, "even_window"),
        ("lncc", by_roots, "gradient"),
        ("lncc", lambda p, t, size=9: correlating.lncc(p, t.detach(), size), "gradient"),
        ("lncc", lambda p, t, size=9: correlating.lncc(p, t, 9), "window"),
        ("lncc", lambda p, t, size=9: correlating.lncc(p, t, size).item(), "form"),
        ("lncc", lambda p, t, size=9: correlating.lncc(p, t, size)[None], "form"),
        ("lncc", lambda p, t, size=9: correlating.lncc(p, t, size) * torch.nan, "form"),
        ("lncc", lambda p, t: correlating.lncc(p, t, 5), "itself"),
        ("lncc", lambda p, t, size=9: None, "unanswered"),
        ("far_dice", looped, "right"),
        ("far_dice", MultiScaleLoss(DiceLoss(include_background=False), scales=[0, 2, 8]),
         "right"),
        ("far_dice", MultiScaleLoss(DiceLoss(), scales=[0, 2, 8]), "background"),
        ("far_dice", DiceLoss(include_background=False), "no_blur"),
        ("far_dice", thresholded_first, "hard"),
        ("far_dice", lambda p, t: reaching.far_dice(p.detach(), t.detach()), "hard"),
        ("far_dice", lambda p, t: reaching.far_dice(p, t).expand(2), "form"),
        ("far_dice", lambda p, t: reaching.far_dice(p, 0.8 * t), "symmetric"),
        ("far_dice", lambda p, t: 0.9 * reaching.far_dice(p, t), "unknown"),
        ("bending_energy", energies(sine=0.005), "right"),
        ("bending_energy", energies(sine=(5 / 36) ** 2 / 4), "right"),
        ("bending_energy", energies(sine=1.0), "unknown"),
        ("bending_energy", energies(shear=-1.0), "form"),
        ("bending_energy", energies(sine="much"), "form"),
        ("bending_energy", energies() | {"folds": "reflection"}, "form"),
        ("bending_energy", energies() | {"folds": set(costing.NAMES)}, "sine_folds"),
        ("bending_energy", energies() | {"folds": {"reflection", "rotation"}}, "others_fold"),
        ("bending_energy", {"energy": dict.fromkeys(costing.NAMES, ...), "folds": ...},
         "unanswered"),
        ("five_curves", LETTERS | {"MSE": "X"}, "form"),
        ("five_curves", LETTERS | {"MSE": "A"}, "form"),
    ],
)  # fmt: skip
def test_other_answers(exercise, answer, name):
    verdict = judge(EXERCISES[exercise], answer)
    assert verdict.name == name, verdict


def test_the_five_fields_are_what_they_are_called():
    fields = costing.five_fields()
    folded = {name for name, ddf in fields.items() if folding_fraction(ddf).item() > 0}
    assert folded == {"reflection"}
    assert folding_fraction(fields["reflection"]).item() == 1
    free = {name for name, ddf in fields.items() if BendingEnergyLoss()(ddf).item() < 1e-7}
    assert free == set(costing.NAMES) - {"sine"}
