"""Exercises of notebook 14, the clinic: patients 1 to 4, whose pictures look wrong."""

from __future__ import annotations

from typing import Any

from regtutor.exercises import carrying, drifting, spreading, taming
from regtutor.exercises.exercise import Exercise, Property

_one, _two = carrying.DIAGNOSIS, drifting.DIAGNOSIS
_three, _four = spreading.DIAGNOSIS, taming.DIAGNOSIS


def _exact_without_a_step(facts: Any) -> bool:
    """Nothing changes by no step, and the rest is as it came in."""
    came = drifting.examine(drifting.as_it_came)
    still = (facts["none"] - drifting.letter()).abs().max() < 1e-4
    return bool(still) and bool((facts["uneven"] - came["uneven"]).abs().max() < 1e-4)


EXERCISES = (
    Exercise(
        name="smear", notebook="14",
        question="Patient 1, labels smear. Mend a line of carry(label, ddf) and name the cause: "
        "linear, folds, drawing or stiffness. answer = (carry, cause)",
        solution=_one.solution,
        why="A label is a name. Between two names there is nothing to interpolate.",
        hints=(
            "Which values come out that never went in? Where do they lie?",
            "Halfway between 0 and 3 a linear reading says 1.5. Is there half a name?",
            'Warp has a mode: "nearest" takes the name of one voxel.',
        ),
        worked="Linear interpolation mixes 0 and 3 into 1 and 2, a rim of organs that are not "
        "there. Read the nearest voxel, or warp each label by itself and let the largest win.",
        wrong=_one.wrong(
            _one.mask("rounded", "the mixed values are rounded, or cut, to whole ones",
                      "Halfway from 0 to 3 that is 2: a name again, of the wrong organ. Look at "
                      "the rim of 3.", carrying.MASKS["rounded"],
                      lambda f: f["not there"] and not f["in between"] and not f["lost"]
                      and not f["shrunk"] and not f["elsewhere"]),
            _one.mask("thresholded", "everything above a threshold becomes one organ",
                      "The rim is gone, and so is the difference between the organs.",
                      carrying.MASKS["thresholded"], lambda f: f["lost"]),
            _one.mask("left_where_it_was", "the label is not warped",
                      "It is clean because it stayed at home: compare it with the drawing.",
                      carrying.MASKS["left_where_it_was"],
                      lambda f: f["elsewhere"] and not f["lost"]),
            _one.mask("erased", "every mixed voxel becomes background",
                      "Then each organ loses its skin. How large are they now?",
                      carrying.MASKS["erased"], lambda f: f["shrunk"] and not f["elsewhere"]),
        ),
        form=_one.form, observe=_one.observe, code=(carrying.carry,),
        properties=(
            Property("gentle", carrying.gentle, "Without a motion, and on another grid, a label "
                     "should come back as it is."),
        ),
    ),
    Exercise(
        name="drift", notebook="14",
        question="Patient 2 grows when nothing moves. Mend a line of warp(image, ddf) and name "
        "the cause: corners, padding, sign or spacing. answer = (warp, cause)",
        solution=_two.solution,
        why="−1 and 1 are the centres of the outer voxels for whoever wrote 2·x/(n − 1) − 1.",
        hints=(
            "Warp by zero once: where does it change, in the middle or at the rim?",
            "Half a voxel outwards at the rim, nothing in the middle. What do −1 and 1 mean?",
            "2·x/(n − 1) − 1 makes −1 and 1 of voxel CENTRES: align_corners=True says so.",
        ),
        worked="The places are normalised by n − 1, so that ±1 are the outer centres; with "
        "align_corners=False grid_sample takes ±1 for the outer faces. Each warp stretches by "
        "n/(n − 1). Say align_corners=True.",
        wrong=_two.wrong(
            _two.mask("nearest", "the nearest voxel is read",
                      "Half a voxel rounds to none, so zero looks cured. Order a step of half a "
                      "voxel.", drifting.MASKS["nearest"]),
            _two.mask("special_case", "a field of zeros is let through as it is",
                      "The test is passed, not the image: any other field drifts as before.",
                      drifting.MASKS["special_case"], _exact_without_a_step),
            _two.mask("calibrated", "the change that zero makes is taken off the greys",
                      "The places are wrong, not the greys. Try an uneven field.",
                      drifting.MASKS["calibrated"]),
            _two.mask("half_added", "half a voxel is added everywhere",
                      "The shift is not the same everywhere: it is none in the middle.",
                      drifting.MASKS["half_added"]),
            _two.mask("divided_by_n", "the places are divided by n in place of n − 1",
                      "With centres at ±1 the last voxel is n − 1. Now it shrinks.",
                      drifting.MASKS["divided_by_n"]),
            _two.mask("no_half", "n is put for n − 1 and the rest is left",
                      "It grows no more and wanders: with faces at ±1 the first centre is half a "
                      "voxel in.", drifting.MASKS["no_half"]),
            _two.mask("zeros", "what lies beyond the border is made zero",
                      "The rim goes black instead of growing. The places are as wrong as before.",
                      drifting.MASKS["zeros"]),
        ),
        form=_two.form, observe=_two.observe, code=(drifting.warp,),
        properties=(
            Property("at_rest", drifting.at_rest,
                     "Forty times nothing should be nothing, on any grid and in a batch."),
        ),
    ),
    Exercise(
        name="blocky", notebook="14",
        question="Patient 3 moves in blocks. Mend a line of spread(control, size) and name the "
        "cause: nearest, steps, penalty or grid. answer = (spread, cause)",
        solution=_three.solution,
        why="Between two control points the field now goes from one to the other.",
        hints=(
            "Neighbours within a block move alike, then there is a jump. What fills the block?",
            "More steps, the same blocks: not how it was found, but how it is spread.",
            'F.interpolate has a mode, and its default is "nearest".',
        ),
        worked='F.interpolate repeats the nearest control point unless it is told otherwise: '
        'mode="bilinear" (or "bicubic") goes from one to the next.',
        wrong=_three.wrong(
            _three.mask("smaller_blocks", "there are more control points, repeated as before",
                        "Half the block, half the jump, twice as many. What lies between two?",
                        spreading.MASKS["smaller_blocks"], lambda f: f["half jumps"]),
            _three.mask("rescaled", "the steps are scaled with the grid",
                        "They are in voxels of the image already: a step of 3 must stay 3.",
                        spreading.MASKS["rescaled"],
                        lambda f: f["another size"] and not f["detail lost"]),
            _three.mask("weakened", "the motion is made weaker, and the jumps with it",
                        "A step of 3 must stay 3. Now the chest stops on the way.",
                        spreading.MASKS["weakened"],
                        lambda f: f["another size"] and f["detail lost"]),
            _three.mask("averaged", "all blocks are made one",
                        "No jumps, and no deformation either.", spreading.MASKS["averaged"],
                        lambda f: f["nothing varies"]),
            _three.mask("blurred", "the blocks are blurred away",
                        "Blur until the stairs are gone and the detail is gone too. Do not make "
                        "them in the first place.", spreading.MASKS["blurred"],
                        lambda f: f["detail lost"]),
            _three.mask("blurred_a_little", "the edges of the blocks are softened",
                        "A ramp of control points still comes out as stairs.",
                        spreading.MASKS["blurred_a_little"],
                        lambda f: f["stairs"] and not f["jumps"]),
        ),
        form=_three.form, observe=_three.observe, code=(spreading.spread,),
        properties=(
            Property("between", spreading.between,
                     "Halfway between steps of 4 and of 8 voxels there should be one of about 6."),
        ),
    ),
    Exercise(
        name="folds", notebook="14",
        question="Patient 4: Dice rises, folds rise. Mend a line of label_loss(ddf, fixed, "
        "moving, weight) and name the cause: detached, weight, steps or labels. "
        "answer = (label_loss, cause)",
        solution=_four.solution,
        why="A penalty that has no slope is a number on a screen.",
        hints=(
            "Ten times the weight, the same field to the last digit. What does that exclude?",
            "The optimiser sees slopes only. Which slope has this penalty?",
            "detach() cuts it off from the field. Leave it out.",
        ),
        worked="ddf.detach() makes the penalty a constant: it is printed, it is weighted, and its "
        "gradient is zero. Ask it of ddf itself.",
        wrong=_four.wrong(
            _four.mask("weight_up", "a penalty without a slope is counted more",
                       "A hundred times a constant is a constant: the field is the same, to the "
                       "last digit.", taming.MASKS["weight_up"],
                       lambda f: f["counted"] == "many times" and not f["weight acts"]),
            _four.mask("dropped", "the penalty is left out",
                       "The number is gone; the folds are not. It should act, not vanish.",
                       taming.MASKS["dropped"], lambda f: f["counted"] == "not"),
            _four.mask("rewarded", "the penalty has the wrong sign",
                       "Now it is paid for being rough.", taming.MASKS["rewarded"],
                       lambda f: f["excites"]),
            _four.mask("smooth_picture", "the warped picture is asked to be smooth",
                       "It is the field that folds: what should be smooth is ddf.",
                       taming.MASKS["smooth_picture"],
                       lambda f: f["weight acts"] and not f["calms"]),
            _four.mask("short_steps", "the field is asked to be short",
                       "Fewer folds, for it stops on the way: even a shift of the whole chest now "
                       "costs. Ask that NEIGHBOURS agree.", taming.MASKS["short_steps"],
                       lambda f: f["hinders a shift"] and f["calms"]),
            _four.mask("asleep", "nothing folds because nothing moves",
                       "Now the overlap has no slope. Only the penalty's was missing.",
                       taming.MASKS["asleep"], lambda f: not f["overlap acts"]),
            _four.mask("too_stiff", "the penalty acts, and is made heavier as well",
                       "Nothing folds, for it stops on the way: Dice is the price. The weight was "
                       "not the cause, leave it.", taming.MASKS["too_stiff"],
                       lambda f: f["calms"] and not f["registers"] and f["overlap acts"]),
        ),
        form=_four.form, observe=_four.observe, code=(taming.label_loss,),
    ),
)  # fmt: skip
