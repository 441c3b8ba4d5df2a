"""Notebook 10: every ranking and choice is told; HD95 as learners type it; the leaderboard."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.spatial import KDTree

from regtutor.deformation import Warp
from regtutor.exercises import Leaderboard, comparing, ranking, reported_table, sins, two_methods
from regtutor.exercises.bending_01 import PUSHES, pushed
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.exercises.registrations import chest
from regtutor.exercises.surfacing import hd95, rim
from regtutor.metrics import DiceMetric, folding_fraction, target_registration_error
from regtutor.metrics.surfaces import surface_points


def test_the_table_shows_what_its_exercise_says():
    scores = ranking.scores()
    mm = {name: row["TRE (mm)"] for name, row in scores.items()}
    assert tuple(sorted(mm, key=mm.get)) == ranking.ORDER
    assert max(scores, key=lambda name: scores[name]["Dice"]) == "C"
    assert min(scores, key=lambda name: scores[name]["ASSD (mm)"]) == "C"
    assert scores["B"]["TRE (voxels)"] < mm["D"] < mm["B"]  # the trap
    assert mm["C"] > mm["nothing"] + 2
    assert [name for name, row in scores.items() if row["folded (%)"] > 0.05] == ["A"]
    told = EXERCISES["rank_methods"].hints[2]
    assert all(f"{name} {mm[name]:.1f}" in told for name in ("A", "B", "D", "nothing"))
    assert f"{scores['B']['TRE (voxels)']:.1f} voxels" in reported_table()
    assert reported_table().count(" mm |") == 4


def test_every_order_and_every_word_is_told():
    named = {wrong.name for wrong in ranking.WRONG}
    for order in itertools.permutations(ranking.ORDER):
        verdict = judge(EXERCISES["rank_methods"], {"order": order, "why": ranking.WHY})
        assert verdict.name in (named if order != ranking.ORDER else {"right"}), order
    for words in itertools.permutations(ranking.WHY.values()):
        why = dict(zip("ABCD", words, strict=True))
        verdict = judge(EXERCISES["rank_methods"], {"order": [*ranking.ORDER], "why": why})
        assert verdict.name in (named if why != ranking.WHY else {"right"}), why


def test_every_five_of_ten_claims_are_told():
    named = {wrong.name for wrong in sins.WRONG}
    for five in itertools.combinations(sins.CLAIMS, 5):
        verdict = judge(EXERCISES["five_sins"], set(five))
        assert verdict.name in (named if set(five) != set(sins.SINS) else {"right"}), five
    assert judge(EXERCISES["five_sins"], {1, 3}).name == "form"
    assert all(chr(0x2460 + n - 1) in sins.TABLE for n in sins.CLAIMS)


def test_a_rim_is_the_librarys_at_the_border_too():
    mask = torch.rand(9, 14, generator=torch.Generator().manual_seed(2)) > 0.2
    mask[:, :4] = True
    expected = surface_points(mask, torch.tensor([1.0, 1.0]))
    assert sorted(rim(mask).tolist()) == sorted(expected.tolist())


def by_distance_map(a, b, spacing):
    rims = [np.asarray(m) & ~binary_erosion(np.asarray(m)) for m in (a, b)]
    far = [distance_transform_edt(~r, sampling=spacing) for r in rims]
    return max(np.percentile(far[1][rims[0]], 95), np.percentile(far[0][rims[1]], 95))


def by_tree(a, b, spacing):
    one, other = (rim(m).numpy() * np.array(spacing) for m in (a, b))
    ways = KDTree(other).query(one)[0], KDTree(one).query(other)[0]
    return max(float(np.percentile(way, 95)) for way in ways)


@pytest.mark.parametrize("answer", [by_distance_map, by_tree, hd95])
def test_other_ways_to_hd95_are_right(answer):
    assert judge(EXERCISES["hd95"], answer).name == "right"


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda a, b, spacing: hd95(a, b, (3.2, 0.8)), "as_the_library"),
        (lambda a, b, spacing: hd95(a, b, spacing) + 1, "same_is_nothing"),
        (lambda a, b, spacing: max(distances(a, b), distances(b, a)), "voxels"),
        (lambda a, b, spacing: None, "unanswered"),
        (lambda a, b, spacing: rim(a), "form"),
        (lambda a, b: 3.0, "stopped"),
    ],
)
def test_what_else_can_be_wrong_with_hd95(answer, name):
    assert judge(EXERCISES["hd95"], answer).name == name


def distances(a, b):
    return float(np.percentile(KDTree(rim(b).numpy()).query(rim(a).numpy())[0], 95))


def chosen():
    a, b = two_methods().values()
    epochs = [int(m["validation"].mean(dim=1).argmin()) for m in (a, b)]
    return a["test"][epochs[0]], b["test"][epochs[1]]


def test_other_intervals_of_the_same_gain_are_right():
    a, b = (row.numpy() for row in chosen())
    test = stats.ttest_rel(b, a).confidence_interval()
    assert judge(EXERCISES["a_or_b"], ((b - a).mean(), test.low, test.high)).name == "right"
    again = stats.bootstrap([b - a], np.mean, rng=0, n_resamples=4000, method="percentile")
    ends = again.confidence_interval
    assert judge(EXERCISES["a_or_b"], ((b - a).mean(), ends.low, ends.high)).name == "right"


def test_the_traps_of_the_comparison_lead_elsewhere():
    gain, low, high = comparing.interval(comparing.compared())
    assert low > 0.2
    assert low < comparing.GAIN < high
    _, unpaired_low, unpaired_high = comparing.unpaired()
    assert unpaired_low < 0 < unpaired_high
    lucky = comparing.WRONG[[w.name for w in comparing.WRONG].index("best_on_test")].answer()
    assert lucky[0] > gain + 0.1


def pad_says(ddf):
    pair = chest()
    label = (Warp()(pair.moving_mask, ddf) > 0.5).float()
    tre = target_registration_error(pair.fixed_points, pair.moving_points, ddf, pair.spacing)
    return (
        DiceMetric()(label, pair.fixed_mask).item(),
        tre.mean().item(),
        folding_fraction(ddf).item(),
    )


def test_both_goals_of_the_pad_can_be_reached_by_hand():
    _, nothing, _ = pad_says(0 * chest().ddf)
    dice, tre, _ = pad_says(pushed(*PUSHES, ((45, 36), (55, 36), 14), ((45, 102), (55, 102), 14)))
    assert dice > 0.95
    assert tre > nothing + 1
    small = ((20, 104), (20, 102), 28), ((28, 72), (30, 72), 28), ((28, 32), (28, 34), 20)
    _, tre, folded = pad_says(pushed(*PUSHES, *small))
    assert tre < 1
    assert folded == 0


@pytest.fixture(scope="module")
def board():
    return Leaderboard("test")


def rows(board):
    return [line.split("|")[1].strip() for line in board.table().splitlines()[2:]]


def test_the_references_come_in_their_order(board):
    order = ["our optimisation", "our LocalNet", "affine", "doing nothing"]
    assert rows(board)[:4] == [f"*{name}*" for name in order]
    better = {name: score["TRE (mm)"] for name, _, score in board._rows}
    assert better["our optimisation"] < 1.5 < better["affine"] < better["doing nothing"]
    assert better["our LocalNet"] < 2.5  # it never met this chest, nor did who trained it


def test_an_attempt_is_scored_as_the_truth_says(board):
    truth = board._pair().ddf
    assert board.submit("truth|", truth).startswith("Attempt 1, truth|: Dice 0.98")
    assert rows(board)[0] == "**truth/**"
    folded = truth.clone()
    folded[:, 0, 60:62] += torch.tensor([4.0, -4.0]).view(2, 1)
    assert "Attempt 2" in board.submit("folds", folded)
    assert rows(board)[-1] == "**folds**"  # behind doing nothing: near a needle it does not count
    assert len(rows(board)) == 6


def test_a_board_keeps_no_truth(board):
    size = tuple(board.fixed.shape)
    kept = [value for value in vars(board).values() if isinstance(value, torch.Tensor)]
    assert [tuple(value.shape) for value in kept] == [size, size]  # the two images, no field
    assert not any(hasattr(value, "ddf") for value in vars(board).values())
    assert "theta" not in vars(board)


def test_salt_chooses_the_chest_and_the_images_are_of_its_truth(board):
    other = Leaderboard("another")
    assert not torch.equal(other.fixed, board.fixed)
    again = Leaderboard("test")
    assert torch.equal(again.fixed, board.fixed)
    apart = (Warp()(board.moving, board._pair().ddf) - board.fixed).square().mean()
    assert apart < 0.1 * (board.moving - board.fixed).square().mean()


@pytest.mark.parametrize("ddf", [torch.zeros(1, 2, 9, 9), torch.full((1, 2, 112, 140), math.nan)])
def test_what_is_no_field_of_the_board_is_refused(board, ddf):
    with pytest.raises(ValueError, match="ddf: expected"):
        board.submit("nonsense", ddf)
