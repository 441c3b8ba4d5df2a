"""Exercises of notebook 14, the clinic: patients 5 to 8, whose numbers do not agree."""

from __future__ import annotations

from typing import Any

from regtutor.exercises import filing, landing, leaking, waking
from regtutor.exercises.exercise import Exercise, Property, alike

_five, _six = landing.DIAGNOSIS, waking.DIAGNOSIS
_seven, _eight = leaking.DIAGNOSIS, filing.DIAGNOSIS


def _voxels_changed(facts: Any) -> bool:
    """The same greys in other voxels, under the moving image's header."""
    given, _, moving = filing.case()
    there = facts["image"].flatten().sort().values
    same_greys = alike(there, given.flatten().sort().values, 1e-4)
    return (
        same_greys
        and not alike(facts["image"], given, 1e-4)
        and alike(facts["affine"], moving, 1e-4)
    )


EXERCISES = (
    Exercise(
        name="rising", notebook="14",
        question="Patient 5: the loss falls, the TRE rises. Mend a line of tre(ddf, fixed_points, "
        "moving_points, spacing) and name the cause: direction, overfit, landmarks or units. "
        "answer = (tre, cause)",
        solution=_five.solution,
        why="The registration was healthy; the thermometer was upside down.",
        hints=(
            "Look at the warped chest. Is it as bad as the number says?",
            "The better the field, the worse the number: what does it do to the points?",
            "A ddf starts at places of the fixed image: start, goal = fixed_points, moving_points.",
        ),
        worked="ddf(x) leads from a place x of the fixed image to its place in the moving image. "
        "So fixed points are moved, and compared with the moving ones.",
        wrong=_five.wrong(
            _five.mask("negated", "the moving points go along −ddf",
                       "Nearer, but −ddf is not the way back (03). And there is no need to go "
                       "back: which points can go along ddf?", landing.MASKS["negated"]),
            _five.mask("capped", "the number is not allowed to be worse than doing nothing",
                       "A field that harms could never be caught.", landing.MASKS["capped"]),
            _five.mask("in_voxels", "the number is made smaller by counting voxels",
                       "It rises as before, in another unit.", landing.MASKS["in_voxels"]),
            _five.mask("unmoved", "the points are no longer moved",
                       "Then it is the TRE of doing nothing, whatever the field.",
                       landing.MASKS["unmoved"]),
            _five.mask("to_itself", "the points are compared with where they came from",
                       "That is the length of the motion, not its error.",
                       landing.MASKS["to_itself"]),
            _five.mask("least", "only the best landmark is reported",
                       "One of them is always near. Order the mean.", landing.MASKS["least"]),
        ),
        form=_five.form, observe=_five.observe, code=(landing.tre,),
        properties=(
            Property("exact", landing.exact, "Points that lie exactly where the field says have "
                     "0 mm, with any number of points and any spacing."),
        ),
    ),
    Exercise(
        name="asleep", notebook="14",
        question="Patient 6 learns nothing. Mend a line of image_loss(ddf, fixed, moving) and name "
        "the cause: range, steps, rate or smoothness. answer = (image_loss, cause)",
        solution=_six.solution,
        why="Nothing is cut off any more, so the greys of both images have a slope to follow.",
        hints=(
            "How large is the gradient? What can steps, rate and weights do with that?",
            "Which values are left after the clamp? Order the histogram.",
            "Bring each image into [0, 1] by its own least and largest value; clamp cuts off.",
        ),
        worked="Mutual information counts in [0, 1]. A clamp turns an MR of 0 to 4000 into ones: "
        "flat, so no gradient. Scale: (x − min) / (max − min), each image by itself.",
        wrong=_six.wrong(
            _six.mask("squares", "the loss is exchanged for squared differences",
                      "Now it learns the wrong thing: bright is dark here. The images must be "
                      "scaled, the information kept.", waking.MASKS["squares"],
                      lambda f: f["squares"]),
            _six.mask("only_moving", "only the moving image is scaled",
                      "CT in HU is clamped too: all of the lung is 0. Scale both.",
                      waking.MASKS["only_moving"],
                      lambda f: f["sees the MR"] and not f["sees the lung"]),
            _six.mask("only_fixed", "only the fixed image is scaled",
                      "It is the moving image that is warped, and it is still flat.",
                      waking.MASKS["only_fixed"],
                      lambda f: f["sees the lung"] and not f["pulled"]),
            _six.mask("against_itself", "the fixed image is compared with itself",
                      "There is a gradient, and nothing about the moving image in it.",
                      waking.MASKS["against_itself"],
                      lambda f: f["sees the lung"] and not f["sees the MR"]),
            _six.mask("something_to_do", "a term is added so that the loss changes",
                      "It has a slope, but not towards the other image.",
                      waking.MASKS["something_to_do"],
                      lambda f: f["pulled"] and not f["sees the lung"] and not f["sees the MR"]),
            _six.mask("narrow_window", "a window still cuts off most greys of one image",
                      "The MR runs to 4060: whatever lies above the window is one grey, and has "
                      "no slope. Scale by its own least and largest value.",
                      waking.MASKS["narrow_window"],
                      lambda f: f["pulled"] and f["sees the lung"] and f["sees the MR"]
                      and not f["arrives"]),
        ),
        form=_six.form, observe=_six.observe, code=(waking.image_loss,),
    ),
    Exercise(
        name="leak", notebook="14",
        question="Patient 7 is perfect in the study and poor in the clinic. Mend a line of "
        "split(pairs) and name the cause: same_patient, too_few, epochs or scanner. "
        "answer = (split, cause)",
        solution=_seven.solution,
        why="The number got worse and became true.",
        hints=(
            "Order the list: who is held out, and who is trained on?",
            "A second scan of the same chest is nearly the same pair.",
            'Hold out patients, not scans: who(pair) is pair["patient"].',
        ),
        worked="Counted by scan, every held-out pair has a twin among those trained on, and a "
        "network that has learned by heart shines. Count patients.",
        wrong=_seven.wrong(
            _seven.mask("none_held_out", "nobody is held out any more",
                        "Nothing to be caught by, and nothing known.",
                        leaking.MASKS["none_held_out"], lambda f: f["nobody held out"]),
            _seven.mask("by_visit", "visits are held out",
                        "The same patients are in both parts, at another date.",
                        leaking.MASKS["by_visit"], lambda f: f["visits apart"] and f["known"]),
            _seven.mask("more_held_out", "more scans are held out",
                        "Half of them or more, and still of patients who are trained on.",
                        leaking.MASKS["more_held_out"],
                        lambda f: f["many held out"]),
            _seven.mask("another_draw", "other scans are drawn, by the same rule",
                        "Another draw, the same patients in both parts.",
                        leaking.MASKS["another_draw"], lambda f: f["another draw"]),
            _seven.mask("first_visits", "all scans but the first of each patient are thrown away",
                        "Nobody is in both parts, at the price of most of the data. Keep the "
                        "scans together instead.", leaking.MASKS["first_visits"],
                        lambda f: f["visits left out"]),
            _seven.mask("dropped", "whoever is in both parts is thrown out of the training",
                        "No leak, but hardly anybody is left to learn from. Hold out whole "
                        "patients.", leaking.MASKS["dropped"],
                        lambda f: f["left out"] and not f["visits left out"]),
        ),
        form=_seven.form, observe=_seven.observe, code=(leaking.split,),
    ),
    Exercise(
        name="header", notebook="14",
        question="Patient 8 is shifted in the viewer only. Mend a line of save(path, warped, "
        "fixed_affine, moving_affine) and name the cause: header, field, viewer or half_voxel. "
        "answer = (save, cause)",
        solution=_eight.solution,
        why="Its voxels were read on the fixed grid, so that is where they lie.",
        hints=(
            "Voxel by voxel it fits, in mm it does not. What stands between voxels and mm?",
            "The file has an affine. Of which grid are the voxels of a warped image?",
            "warped(x) has x on the fixed grid: write the fixed image's affine.",
        ),
        worked="A warped image has a value for each voxel of the fixed grid; only its greys come "
        "from the moving image. It is written with the fixed image's affine.",
        wrong=_eight.wrong(
            _eight.mask("rolled", "the voxels are shifted until the picture fits",
                        "In this viewer. Every number made of the voxels is now wrong.",
                        filing.MASKS["rolled"], _voxels_changed),
            _eight.mask("resampled", "the image is brought back to the moving grid",
                        "It fits in the viewer: read twice, cut at the rim, and no longer voxel "
                        "by voxel on the fixed image.", filing.MASKS["resampled"]),
            _eight.mask("no_header", "the file says nothing about where it lies",
                        "Then it lies at the corner of the world, with voxels of 1 mm.",
                        filing.MASKS["no_header"]),
            _eight.mask("only_the_corner", "only the corner is put right",
                        "It fits at voxel (0, 0) and runs away from there: its voxels have a size "
                        "too.", filing.MASKS["only_the_corner"]),
            _eight.mask("only_the_spacing", "the size is right and the corner is not",
                        "All of it is shifted by the same way now: the last column.",
                        filing.MASKS["only_the_spacing"]),
            _eight.mask("inverse", "the affine leads from mm to voxels",
                        "A header says where a voxel lies: voxel → mm.",
                        filing.MASKS["inverse"]),
        ),
        form=_eight.form, observe=_eight.observe, code=(filing.save,),
        properties=(
            Property("elsewhere", filing.elsewhere, "With another image and other affines it "
                     "writes something else than that image, or another place."),
        ),
    ),
)  # fmt: skip
