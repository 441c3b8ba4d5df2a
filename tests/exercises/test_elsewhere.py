"""Notebook 13: the planted folder, the shifts and their truth, SimpleITK as the oracle."""

import copy
from collections import Counter

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  everybody's name for it
import torch

from regtutor.data import find_pairs
from regtutor.data.thorax import breathing_slice
from regtutor.deformation import Warp
from regtutor.exercises import SHIFTS, exporting, faulty_folder, inspecting, rescuing, shifted
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.exercises.exporting import to_itk
from regtutor.exercises.planting import FAULTS, planted
from regtutor.files import read_image, spacing_of
from regtutor.instance import Level, register
from regtutor.metrics import target_registration_error
from regtutor.networks import trained_globalnet, trained_localnet


def test_every_fault_is_planted_once_and_elsewhere_in_the_other_folder():
    plans = [planted(turn) for turn in (0, 1)]
    for plan in plans:
        assert Counter(plan.values()) == Counter(list(FAULTS))
        assert len(plan) == 6
    assert not plans[0].items() & plans[1].items()
    assert len(find_pairs(faulty_folder())) == 8
    assert faulty_folder(1) != faulty_folder() == faulty_folder()


def inspect_by_others(folder):
    """By the other patients, a set of the bytes that were met, and a word for the healthy."""
    pairs, met, found = find_pairs(folder), set(), {}
    spacings = [spacing_of(read_image(pair["fixed_image"])[1], 2) for pair in pairs]
    usual = Counter(spacings).most_common(1)[0][0]
    for pair, spacing in zip(pairs, spacings, strict=True):
        (fixed, a), (moving, b) = (read_image(pair[k]) for k in ("fixed_image", "moving_image"))
        exhaled, inhaled = (read_image(pair[k])[0].sum() for k in ("fixed_label", "moving_label"))
        voxels = fixed.numpy().tobytes()
        found[pair["case"]] = (
            "duplicate" if voxels in met
            else "flip" if not torch.equal(a[:3, :2].sign(), b[:3, :2].sign())
            else "spacing" if spacing != usual
            else "values" if abs(fixed.median() - moving.median()) > 500 or fixed.min() > 0
            else "empty" if 0 in (exhaled, inhaled)
            else "swapped" if exhaled > inhaled
            else "healthy"
        )  # fmt: skip
        met.add(voxels)
    return found


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (inspect_by_others, "right"),
        (lambda folder: dict.fromkeys(planted(0), "flip"), "healthy_accused"),
        (lambda folder: {"flip": "case_004"}, "form"),
        (lambda folder: {"case_004": "mirrored"}, "form"),
        (lambda folder: None, "unanswered"),
        (planted(0), "form"),
        (lambda folder: folder / 3, "stopped"),
    ],
)
def test_other_inspections(answer, name):
    verdict = judge(EXERCISES["inspect"], answer)
    assert verdict.name == name, verdict


def moved_by_simpleitk(moving, array, affine):
    """The moving image through a field of vectors, both on one grid with this header."""
    flip = np.diag([-1.0, -1, 1])
    block = affine[:3, :3].numpy()
    spacing = np.linalg.norm(block, axis=0)
    image = sitk.GetImageFromArray(moving[0, 0].double().numpy().T)
    field = sitk.GetImageFromArray(np.asarray(array, dtype="f8"), isVector=True)
    for one in (image, field):
        one.SetSpacing(spacing.tolist())
        one.SetOrigin((flip @ affine[:3, 3].numpy()).tolist())
        one.SetDirection((flip @ block / spacing).flatten().tolist())
    through = sitk.DisplacementFieldTransform(field)
    moved = sitk.Resample(image, image, through, sitk.sitkLinear, -9.0)
    return torch.from_numpy(sitk.GetArrayFromImage(moved).T.copy())


def test_simpleitk_moves_an_image_by_the_answer_and_not_by_a_slip():
    ddf, affine, header = exporting.case((14, 18, 12))
    ddf = 0.3 * ddf
    moving = torch.rand(1, 1, 14, 18, 12, generator=torch.Generator().manual_seed(1))
    ours = Warp()(moving, ddf)[0, 0]

    def apart(answer):
        theirs = moved_by_simpleitk(moving, answer(ddf, affine, header).numpy(), affine)
        inside = theirs > -8
        assert inside.float().mean() > 0.3
        return (theirs - ours)[inside].abs().max()

    assert apart(to_itk) < 1e-4
    kept_shape = [n for n in exporting.SLIPS if n not in ("axes_kept", "components_first")]
    for name in set(kept_shape) - {"places", "origin_added"}:  # these read far outside
        assert apart(exporting.SLIPS[name]) > 0.2, name


def by_numpy(ddf, fixed_affine, moving_affine):
    lps = np.diag([-1.0, -1, 1]) @ fixed_affine[:3, :3].numpy()
    return np.tensordot(ddf[0].numpy(), lps, axes=(0, 1)).transpose(2, 1, 0, 3)


def test_other_ways_to_the_same_array_are_right():
    assert judge(EXERCISES["to_itk"], by_numpy).name == "right"
    assert judge(EXERCISES["to_itk"], lambda *given: by_numpy(*given)[..., :2]).name == "form"
    expected = to_itk(*exporting.case())
    assert judge(EXERCISES["to_itk"], lambda *given: expected).name == "as_the_library"


def error(case, ddf):
    points = case.fixed_points, case.moving_points
    return target_registration_error(*points, ddf, case.spacing).mean().item()


def nothing(case):
    return error(case, torch.zeros(1, 2, *case.fixed.shape[2:]))


def test_the_first_amount_of_each_shift_is_the_chest_itself():
    plain = breathing_slice(907, (112, 140))
    for shift, amounts in SHIFTS.items():
        case = shifted(shift, next(iter(amounts)))
        assert (case.moving - ((plain.moving + 1000) / 1200).clamp(0, 1)).abs().max() < 1e-3, shift
        assert (case.fixed_points - plain.fixed_points).abs().max() < 1e-3, shift
        assert case.spacing == pytest.approx(plain.spacing)


def test_landmarks_go_along_with_what_is_seen():
    before = shifted("both turned", 0)
    for shift, amount in (("both turned", 45), ("voxel size", 1.5), ("blur", 2)):
        assert nothing(shifted(shift, amount)) == pytest.approx(nothing(before), rel=1e-3)
    assert nothing(shifted("moving lies lower", 40)) > nothing(before) + 25
    for shift, amount in (("both turned", 30), ("voxel size", 1.5), ("moving lies lower", 20)):
        case = shifted(shift, amount)
        for label, points in ((case.fixed_label, case.fixed_points),
                              (case.moving_label, case.moving_points)):  # fmt: skip
            row, column = points[0].round().long().unbind(1)
            inside = label[0, 0][row, column].mean()
            assert inside > 0.97, (shift, inside)


def test_the_other_organ_moves_as_the_chest_did():
    case, chest = shifted("another organ", 1), breathing_slice(907, (112, 140))
    after = (Warp()(case.moving, chest.ddf) - case.fixed).square().mean()
    assert after < 0.1 * (case.moving - case.fixed).square().mean()
    assert (case.fixed - shifted("another organ", 0).fixed).abs().mean() > 0.1


def test_the_pair_of_the_rescue_is_one_that_needs_it():
    worked, alone = rescuing._bounds()
    assert worked < 2
    assert alone > 3 * worked


def refined(case, ddf):
    levels = [Level(shrink=2, spacing=4, steps=40)]
    return register(case.fixed, case.moving, start=ddf, levels=levels).ddf


@pytest.mark.parametrize(
    ("shift", "amount", "falls", "caught"),
    [
        ("gain, both scans", 0.2, True, True),
        ("gain, moving scan", 0.6, True, True),
        ("another organ", 1, True, True),
        ("blur", 1, False, True),
        ("both turned", 180, True, False),
        ("moving lies lower", 30, True, False),
    ],
)
def test_cliffs_fall_and_are_caught_as_the_notebook_says(shift, amount, falls, caught):
    case = shifted(shift, amount)
    ddf = rescuing.asked(trained_localnet(2), case.fixed, case.moving)
    assert (error(case, ddf) > nothing(case) / 2) == falls
    assert (error(case, refined(case, ddf)) < 0.2 * nothing(case)) == caught
    if amount == 180:
        assert error(case, ddf) > nothing(case)


def test_each_repair_of_the_notebook_mends_what_it_says():
    local, askew = trained_localnet(2), trained_globalnet(2)
    plain, dark = shifted("blur", 0), shifted("gain, moving scan", 0.6)
    clip = plain.moving.clone()
    clip[..., 30:33, 60:63] = 3
    good = error(plain, rescuing.asked(local, plain.fixed, plain.moving))
    stretched = rescuing.SLIPS["min_max"]
    assert good < 0.2 * nothing(plain)
    at_home = refined(plain, rescuing.asked(local, plain.fixed, plain.moving))
    assert good < error(plain, at_home) < 0.2 * nothing(plain)
    assert error(dark, stretched(local, dark.fixed, dark.moving)) < 1.1 * good
    assert error(plain, stretched(local, plain.fixed, clip)) > 2 * good
    assert error(plain, rescuing.asked(local, plain.fixed, clip.clamp(0, 1))) < 1.1 * good
    for mm in (20, 30, 40):
        case = shifted("moving lies lower", mm)
        ours, theirs = (rescuing.asked(n, case.fixed, case.moving) for n in (local, askew))
        assert error(case, theirs) < 0.6 * error(case, ours)
    assert error(case, refined(case, theirs)) < 3


def longer(network, fixed, moving):
    with torch.no_grad():
        ddf = network(torch.cat([moving, fixed], dim=1))
    return register(fixed, moving, start=ddf).ddf


def a_copy_retrained(network, fixed, moving):
    own = copy.deepcopy(network)
    rescuing._retrained(own, fixed, moving)
    network(torch.cat([moving, fixed], dim=1))
    return rescuing.rescue(own, fixed, moving)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (a_copy_retrained, {"right"}),
        (longer, {"right", "too_stiff"}),  # the finest level alone: not always far enough
        (lambda network, fixed, moving: register(fixed, moving), {"form"}),
        (lambda network, fixed, moving: moving, {"form"}),
        (lambda network, fixed, moving: None, {"unanswered"}),
    ],
)
def test_other_rescues(answer, names):
    assert judge(EXERCISES["rescue"], answer).name in names


def test_an_answer_that_trains_the_network_spoils_no_other():
    before = {name: value.clone() for name, value in rescuing.network().state_dict().items()}
    assert judge(EXERCISES["rescue"], rescuing.SLIPS["retrained"]).name == "retrained"
    assert judge(EXERCISES["rescue"], rescuing.asked).name == "network_alone"
    assert all(v.equal(before[n]) for n, v in rescuing.network().state_dict().items())


def test_facts_are_what_the_notebook_prints():
    pair = find_pairs(faulty_folder())[0]
    facts = inspecting.facts(pair, "moving")
    assert facts["axes"] == "IL"
    assert facts["spacing"] == pytest.approx((6.5, 4.667), abs=1e-3)
    assert 100 < facts["area"] < 400
    assert facts["darkest"] < -900
