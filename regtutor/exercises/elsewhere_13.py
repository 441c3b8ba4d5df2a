"""Exercises of notebook 13 on what comes in: files at fault, and a rescue of a frozen network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regtutor.exercises import inspecting, rescuing
from regtutor.exercises.exercise import Exercise, Property, Wrong
from regtutor.exercises.inspecting import accused, missed, taken_for


def _inspect(name: str, slip: str, look: str, seen: Callable[[Any], bool]) -> Wrong:
    return Wrong(name, slip, look, lambda: inspecting.SLIPS[name], seen)


def _rescue(
    name: str, slip: str, look: str, seen: Callable[[dict[str, Any]], bool] | None = None
) -> Wrong:
    return Wrong(name, slip, look, lambda: rescuing.SLIPS[name], seen or rescuing.like(name))


EXERCISES = (
    Exercise(
        name="inspect", notebook="13",
        question="Write inspect(folder) → {case: fault} for the six cases of eight that are at "
        "fault: flip, spacing, values, swapped, empty or duplicate. answer = inspect",
        solution=lambda: inspecting.inspect,
        why="All six, in this folder and in another one, and nobody who is healthy.",
        hints=(
            "Go over find_pairs(folder), take facts(pair, side) of both sides, and put the rows "
            "below each other. Which numbers stand out, and from what: the other side, the other "
            "patients, or what a chest must be?",
            "Axes: fixed against moving. Darkest: air is −1000 HU. Area: 0 is empty, some cm² are "
            "no lungs, and inhaled (moving) lungs are the larger ones. Duplicate: keep the images "
            "that you have met.",
            "For each pair: checks = {'empty': min(areas) == 0, 'spacing': 0 < max(areas) < 50, "
            "'swapped': 0 < areas[1] < areas[0], …}; an empty label must not count as swapped.",
        ),
        worked="Each fault has a number that gives it away: axes that differ between the two, air "
        "far above −1000 HU, lungs of 0 cm², lungs of a few cm², inhaled lungs smaller than "
        "exhaled ones, and an image that was met before.",
        wrong=(
            _inspect("nothing_found", "nothing is found", "Six of the eight are at fault. Print "
                     "facts(pair, 'fixed') and facts(pair, 'moving') for each.",
                     lambda seen: seen == {"folder 0": {}, "folder 1": {}}),
            _inspect("by_heart", "the names of the cases are written into it", "It was asked about "
                     "another folder, with the faults elsewhere. Work it out from the files.",
                     inspecting.by_heart),
            _inspect("swapped_reversed", "healthy pairs are called swapped", "Fixed is exhaled, "
                     "moving inhaled: which lungs are larger in a healthy pair?",
                     accused("swapped", 3)),
            _inspect("oblong_accused", "healthy pairs are accused of their spacing", "A voxel need "
                     "not be square. What would the lungs measure if the header were right?",
                     accused("spacing", 2)),
            _inspect("original_accused", "the scans that came first are accused as well as, or "
                     "instead of, their duplicate", "One of the two must stay: tell the later one, "
                     "and add an image to those you have met AFTER you have looked.",
                     accused("duplicate", 1)),
            _inspect("empty_called_swapped", "a label without a voxel is called swapped",
                     "0 cm² of inhaled lungs are smaller than anything. Ask for empty first.",
                     taken_for("empty", "swapped")),
            _inspect("empty_called_spacing", "a label without a voxel is taken for a wrong spacing",
                     "Lungs of 0 cm² say nothing of the voxels: ask for more than 0.",
                     taken_for("empty", "spacing")),
            _inspect("healthy_accused", "somebody healthy is accused", "Print the facts of a case "
                     "that you accuse beside those of the others: is it alone in what you hold "
                     "against it?", inspecting.somebody_healthy),
            _inspect("called_otherwise", "a case that is at fault is told another fault",
                     "Ask what gives it away and nothing else: one fault a case.",
                     inspecting.another_fault),
            _inspect("flip_missed", "the flipped header passes", "Spacing is a length and knows no "
                     "direction. Compare the axes of the two images, or the signs in the affine.",
                     missed("flip", 2)),
            _inspect("flip_one_side", "a flipped header is seen in one of the two images only",
                     "In another folder it is the fixed one. Compare them with each other.",
                     missed("flip", 1)),
            _inspect("spacing_missed", "the lost spacing passes", "Both headers of a pair may "
                     "agree and be wrong. Compare with the other patients, or with lungs.",
                     missed("spacing", 2)),
            _inspect("values_missed", "the image that is not in HU passes", "Its file is of the "
                     "same type as all others. Look at the values: air is −1000 HU.",
                     missed("values", 2)),
            _inspect("values_one_side", "values are looked at in one image of the two",
                     "In another folder it is the fixed one that is off. Look at both.",
                     missed("values", 1)),
            _inspect("swapped_missed", "the swapped pair passes", "Names do not know it, lungs do: "
                     "are they larger in the image that is called inhaled?", missed("swapped", 2)),
            _inspect("empty_missed", "the empty label passes", "Count its voxels. It would be a "
                     "Dice of NaN or 0, some day.", missed("empty", 2)),
            _inspect("empty_one_side", "one label of the two is not looked at",
                     "In another folder it is the fixed one that is empty. Look at both.",
                     missed("empty", 1)),
            _inspect("duplicate_missed", "the patient who is there twice passes", "Names differ, "
                     "voxels do not: compare every image with all that came before "
                     "(a.equal(b)).", missed("duplicate", 2)),
        ),
        form=inspecting.form, observe=inspecting.observe,
        code=(inspecting.facts, inspecting.inspect),
    ),
    Exercise(
        name="rescue", notebook="13",
        question="Write rescue(network, fixed, moving) → ddf (1, 2, H, W): the frozen network's "
        "field, refined on this very pair; the network stays as it is. answer = rescue",
        solution=lambda: rescuing.rescue,
        why="The network says roughly where, and 40 steps on this pair say exactly. No label, no "
        "landmark and no other patient was needed.",
        hints=(
            "Two steps. Ask the network, without gradients; then let register go on from there.",
            "register(fixed, moving, start=ddf, …) takes a field as its beginning, and its .ddf is "
            "the whole way, the beginning included.",
            "return register(fixed, moving, start=ddf, levels=[Level(2, 4, 40)]).ddf",
        ),
        worked="ddf = network(cat([moving, fixed])), without gradients; register begins there and "
        "takes 40 steps at half the size, by local correlation, which does not mind that one scan "
        "is darker. Its .ddf is the whole field.",
        wrong=(
            _rescue("retrained", "the network's weights have changed", "It was to stay frozen: "
                    "after this pair it is another network for all that follow. Refine the field, "
                    "not the weights.", lambda seen: not seen["weights kept"]),
            _rescue("never_asked", "the network is never asked", "That is notebook 05: it may "
                    "arrive, from nothing. Here the network's field is the beginning: start=ddf.",
                    lambda seen: not seen["network asked"]),
            _rescue("network_alone", "the network's own field is given back", "That is what is to "
                    "be rescued. Give it to register as start."),
            _rescue("min_max", "each image is stretched to [0, 1] by its own darkest and brightest "
                    "voxel, and the network asked again", "That mends a gain, not a turned "
                    "patient, and one bright clip would spoil it. Refine the field as well."),
            _rescue("order_exchanged", "the network gets fixed first, then moving",
                    "It has learned moving, fixed: torch.cat([moving, fixed], dim=1)."),
            _rescue("refined_backwards", "register gets moving first, then fixed",
                    "Its order is fixed, moving: the field must live on the fixed grid."),
            _rescue("twice", "the network's field is counted twice",
                    "register(start=ddf).ddf is the whole way. Nothing is to be added."),
            _rescue("rest_only", "only what was left over is given back", "A field that refines "
                    "the WARPED image begins where the network's ends: compose the two, or use "
                    "start."),
            _rescue("start_negated", "the start has the other sign", "The network says x + ddf(x), "
                    "and so does start: hand it on as it is."),
            _rescue("start_forgotten", "the network is asked, and then not listened to",
                    "register began from nothing, at its last level: start=ddf."),
            _rescue("squares", "the values of the two scans are compared as they are",
                    "One is darker: squares pull where nothing is wrong. Leave out image_loss, "
                    "then it is local correlation."),
            _rescue("too_stiff", "a part of the way is left",
                    "Does the network get moving first, and does register begin at its field? "
                    "Then smoothness, steps and levels: try [Level(2, 4, 40)] and the default "
                    "smoothness.",
                    rescuing.part_of_the_way),
        ),
        form=rescuing.form, observe=rescuing.observe, code=(rescuing.rescue,),
        properties=(
            Property("other_pair", rescuing.other_pair, "On another patient, both scans dark, it "
                     "must take away a good part of the network's error too."),
        ),
    ),
)  # fmt: skip
