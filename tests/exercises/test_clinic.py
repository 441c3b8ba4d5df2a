"""The clinic: other cures are cures, a disguise is seen whatever is blamed, and the certificate.

That each solution is right and each mask is told by its own name is in test_checking.
"""

import re
from html import unescape
from pathlib import Path

import nbformat
import pytest
import torch
from torch.nn import functional as F

from regtutor.deformation import Warp, identity_grid, move_points
from regtutor.exercises import (
    carrying,
    certificate,
    check,
    drifting,
    leaking,
    patients,
    spreading,
    taming,
    waking,
)
from regtutor.exercises.checking import EXERCISES, MET
from regtutor.exercises.exercise import judge
from regtutor.files import write_image
from regtutor.losses import (
    BendingEnergyLoss,
    DiceLoss,
    GlobalMutualInformationLoss,
    LocalNormalizedCrossCorrelationLoss,
)
from regtutor.metrics import folding_fraction

CLINIC = {name: e for name, e in EXERCISES.items() if e.notebook == "14"}
CAUSES = {name: exercise.solution()[1] for name, exercise in CLINIC.items()}
NOTEBOOK = Path(__file__).parents[2] / "notebooks/14_clinic.ipynb"
MIDDLE = "Column 35, by 3 voxels and by −3"
SPEAKS_AGAINST = {  # patient → another cause → the test, by its name there, that excludes it
    "smear": {"folds": "Does the field fold?", "drawing": "A drawing of 0 and 3 alone",
              "stiffness": "A stiff field: half a voxel, everywhere"},
    "drift": {"padding": "A row of 0, 1, 2, …, 69, by zero", "sign": MIDDLE, "spacing": MIDDLE},
    "blocky": {"steps": "Five times the steps", "penalty": "A strong penalty",
               "grid": "14 × 20 control points"},
    "folds": {"weight": "Ten times the weight", "steps": "A tenth of the steps",
              "labels": "No weight at all"},
    "rising": {"overfit": "The chest after the last step", "landmarks": "Of doing nothing",
               "units": "In voxels"},
    "asleep": {"steps": "Three times the steps", "rate": "A hundred times the learning rate",
               "smoothness": "The largest gradient of the image loss"},
    "leak": {"too_few": "Twice as many patients", "epochs": "On those trained on",
             "scanner": "Greys, known and new"},
    "header": {"field": "Voxel by voxel", "viewer": "The fixed scan in the same viewer",
               "half_voxel": "Shift at the first and the last voxel"},
}  # fmt: skip


def largest_wins(label, ddf):
    ids = label.unique()
    each = [Warp()((label == i).float(), ddf) for i in ids]
    return ids[torch.cat(each, dim=1).argmax(dim=1, keepdim=True)]


def by_rims(image, ddf):
    size = torch.tensor(image.shape[2:]).view(1, 2, 1, 1)
    rows, columns = (torch.arange(n).float() for n in image.shape[2:])
    places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))[None] + ddf
    grid = ((2 * places + 1) / size - 1).flip(1).movedim(1, -1)
    return F.grid_sample(image, grid, padding_mode="border", align_corners=False)


def bending(ddf, fixed, moving, weight):
    return DiceLoss()(Warp()(moving, ddf), fixed) + weight * BendingEnergyLoss()(ddf)


def by_hand(ddf, fixed_points, moving_points, spacing):
    apart = (move_points(fixed_points, ddf) - moving_points) * torch.as_tensor(spacing)
    return apart.square().sum(dim=-1).sqrt().mean()


def by_windows(ddf, fixed, moving):
    a = ((fixed + 1000) / 1400).clamp(0, 1)
    return GlobalMutualInformationLoss()(Warp()(moving / 4100, ddf), a)


def by_spline(ddf, fixed, moving):
    return GlobalMutualInformationLoss("b-spline")(Warp()(moving, ddf), fixed)


def by_correlation(ddf, fixed, moving):
    return LocalNormalizedCrossCorrelationLoss(2, 9)(Warp()(moving, ddf), fixed)


def last_patients(pairs):
    held = sorted({pair["patient"] for pair in pairs})[-2:]
    parts = ([p for p in pairs if (p["patient"] in held) == wanted] for wanted in (False, True))
    return tuple(parts)


def in_whole(path, warped, fixed_affine, moving_affine):
    write_image(path, warped.contiguous(), fixed_affine.float().double(), torch.float32)


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("smear", largest_wins),
        ("smear", lambda label, ddf: Warp()(label, ddf.round())),
        ("drift", by_rims),
        ("blocky", lambda c, size: F.interpolate(c, size, mode="bicubic")),
        ("blocky", lambda c, size: F.interpolate(c, size, mode="bilinear", align_corners=True)),
        ("folds", bending),
        ("rising", by_hand),
        ("asleep", by_windows),
        ("asleep", by_spline),
        ("asleep", by_correlation),
        ("leak", last_patients),
        ("header", in_whole),
    ],
)
def test_other_cures_are_cures(name, script):
    verdict = judge(CLINIC[name], (script, CAUSES[name]))
    assert verdict.name == "right", verdict


@pytest.mark.parametrize("name", CLINIC)
def test_a_disguise_is_told_before_the_cause_and_the_cause_before_the_rest(name):
    exercise = CLINIC[name]
    other = next(w.answer()[1] for w in exercise.wrong if w.name.startswith("blames_"))
    masked = exercise.wrong[0]
    assert judge(exercise, (masked.answer()[0], other)).name == masked.name
    broken = next(w.answer()[0] for w in exercise.wrong if w.name == "named_only")
    assert judge(exercise, (broken, other)).name == f"blames_{other}"
    assert judge(exercise, (broken, ...)).name == "unanswered"
    assert judge(exercise, (broken, "gremlins")).text.count(CAUSES[name]) == 1
    assert judge(exercise, (lambda *all: "?", CAUSES[name])).name == "form"


@pytest.mark.parametrize("name", CLINIC)
def test_each_other_cause_has_a_test_to_order_and_its_message_says_so(name):
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    asked = next(n for n, cell in enumerate(cells) if f'check("{name}"' in cell.source)
    page = next(o.data["text/html"] for o in cells[asked - 1].outputs if "data" in o)
    tests = {unescape(found) for found in re.findall(r"<summary>(.*?)</summary>", page)}
    looks = {w.name: w.look for w in CLINIC[name].wrong if w.name.startswith("blames_")}
    assert {f"blames_{cause}" for cause in SPEAKS_AGAINST[name]} == set(looks)
    assert set(SPEAKS_AGAINST[name].values()) <= tests
    assert all(re.search(r"\b[Oo]rder\b", look) for look in looks.values())


def test_a_clean_drawing_smears_too_and_in_the_middle_the_step_is_right():
    drawing = 3.0 * (carrying.case()[0] == 3)
    smeared, whole = (
        len(script(drawing, carrying.case()[1]).unique())
        for script in (carrying.as_it_came, carrying.carry)
    )
    assert smeared > whole == 2
    ramp = identity_grid((56, 70))[:, 1:]
    for step in (3.0, -3.0):
        read = drifting.as_it_came(ramp, torch.full((1, 2, 56, 70), step))[0, 0, 9, 35].item()
        assert read == pytest.approx(35 + step, abs=0.1)


def test_the_symptoms_are_as_the_notebook_tells_them():
    pair = leaking.visits([9], 1, (56, 70))[0]["pair"]
    nothing = waking.tre_mm(pair, 0 * pair.ddf)
    stairs, smooth = (
        patients.by_control_points(script, pair, (7, 10))[-1]
        for script in (spreading.as_it_came, spreading.spread)
    )
    assert waking.tre_mm(pair, smooth) < 0.6 * waking.tre_mm(pair, stairs) < 0.6 * nothing
    came = [taming.descend(taming.as_it_came, pair, weight) for weight in (5.0, 50.0)]
    assert torch.equal(*came)
    assert (
        folding_fraction(came[0])
        > 0.01
        > folding_fraction(taming.descend(taming.label_loss, pair, 5.0))
    )


def test_a_memory_shines_on_whom_it_knows():
    scans = leaking.visits(range(4), 3, (40, 52))
    new = leaking.visits(range(40, 43), 1, (40, 52))
    held_out, later = leaking.study(leaking.as_it_came, 8, new)  # twice the patients
    assert held_out < 0.01 < 1 < later
    for script, known in ((leaking.as_it_came, True), (leaking.split, False)):
        train, held = script(scans)
        memory = leaking.Memory(train)
        assert (leaking.mean_tre(held, memory) < 0.01) == known
        assert 1 < leaking.mean_tre(new, memory) < leaking.mean_tre(new, None)


def test_organs_are_three_and_lie_in_the_lungs():
    pair = leaking.visits([9], 1, (56, 70))[0]["pair"]
    label = patients.organs(pair)
    assert label.unique().tolist() == [0, 1, 2, 3]
    assert bool((pair.moving_mask[label > 0] > 0).all())
    assert (label == 2).sum() < 0.1 * (label == 1).sum()


def test_the_certificate_lists_what_was_met_and_strikes_out_what_was_beaten(capsys):
    exercise = CLINIC["leak"]
    dropped = next(wrong for wrong in exercise.wrong if wrong.name == "dropped")
    before = dict(MET)
    try:
        MET.clear()
        check("leak", ...)
        assert "| leak | not seen yet | – |" in certificate("14")
        check("leak", dropped.answer())
        check("leak", dropped.answer())
        assert f"| leak | open | {dropped.slip} |" in certificate("14")
        check("leak", exercise.solution())
        page = certificate("14")
        assert f"| leak | solved | ~~{dropped.slip}~~ |" in page
        assert page.startswith("**1 of 8 solved")
        assert "| smear |" not in certificate("11")
        with pytest.raises(ValueError, match="notebook: expected"):
            certificate("99")
    finally:
        MET.clear()
        MET.update(before)
    capsys.readouterr()
