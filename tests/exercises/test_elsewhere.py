"""Notebook 13: the planted folder, other answers to its exercises, SimpleITK as the oracle."""

import copy
from collections import Counter

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  everybody's name for it
import torch

from regtutor.data import find_pairs
from regtutor.deformation import Warp
from regtutor.exercises import exporting, faulty_folder, inspecting, rescuing
from regtutor.exercises.checking import EXERCISES
from regtutor.exercises.exercise import judge
from regtutor.exercises.exporting import to_itk
from regtutor.exercises.planting import FAULTS, planted
from regtutor.files import read_image, spacing_of
from regtutor.instance import Level, register


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


def test_the_pair_of_the_rescue_is_one_that_needs_it():
    worked, alone = rescuing._bounds()
    assert worked < 2
    assert alone > 3 * worked


def longer(network, fixed, moving):
    with torch.no_grad():
        ddf = network(torch.cat([moving, fixed], dim=1))
    return register(fixed, moving, start=ddf).ddf


def with_its_graph(network, fixed, moving):
    ddf = network(torch.cat([moving, fixed], dim=1))  # no_grad forgotten: nothing is harmed
    return register(fixed, moving, start=ddf, levels=[Level(2, 4, 40)]).ddf


def a_copy_retrained(network, fixed, moving):
    own = copy.deepcopy(network)
    rescuing._retrained(own, fixed, moving)
    network(torch.cat([moving, fixed], dim=1))
    return rescuing.rescue(own, fixed, moving)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (a_copy_retrained, {"right"}),
        (with_its_graph, {"right"}),
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
