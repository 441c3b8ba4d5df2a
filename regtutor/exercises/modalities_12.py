"""Exercises of notebook 12, What if bright is dark? Two grids, a loss by evidence, blobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regtutor.exercises import concluding, evidence, gridding, landmarking
from regtutor.exercises.exercise import Exercise, Property, Wrong


def _grid(
    name: str, slip: str, look: str, part: str = "image", seen: Callable[[Any], bool] | None = None
) -> Wrong:
    return Wrong(name, slip, look, lambda: gridding.ANSWERS[name],
                 seen or gridding.part_is(part, name))  # fmt: skip


def _blob(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: landmarking.ANSWERS[name])


EXERCISES = (
    Exercise(
        name="onto_fixed", notebook="12",
        question="Write onto_fixed(data): a data dict of two grids → the same, with "
        "moving_image, moving_label and moving_points on the grid of fixed_image, and the affines "
        "true. answer = onto_fixed",
        solution=lambda: gridding.onto_fixed,
        why="Voxel for voxel they now lie at the same place of the patient, if the headers do not "
        "lie.",
        hints=(
            "Not the number of voxels must become equal, but the place of each. Both affines say "
            "where a voxel is: which transform reads them?",
            "ResampleToMatchd(keys, key_dst). An image may be read linearly; may a label?",
            'ResampleToMatchd(["moving_image", "moving_label"], "fixed_image", mode=["bilinear", '
            '"nearest"], point_keys={"moving_points": "moving_image"})(data).',
        ),
        worked="The affines lead from a fixed voxel to mm, and from mm to a moving voxel; there "
        "the image is read linearly and the label by nearest. Points go the same way back.",
        wrong=(
            _grid("resized_and_said_so", "the image is resized and given the fixed image's affine",
                  "The number of voxels fits, the place does not, and now the header hides it: "
                  "another field of view has been squeezed into this one.",
                  seen=gridding.resized_under_the_fixed_header),
            _grid("resized", "the image is resized to as many voxels",
                  "MR sees more of the patient: the same size in voxels is another size in mm, "
                  "and still mirrored. Go through both affines.",
                  seen=gridding.resized_in_any_way),
            _grid("cropped", "the middle is cut out, voxel by voxel",
                  "A voxel of one is not as large as a voxel of the other, and runs another way. "
                  "Go through both affines."),
            _grid("other_way", "the fixed image is brought to the moving grid",
                  "The field will live on the fixed grid; it stays. Change the roles of keys and "
                  "key_dst.", "fixed"),
            _grid("untouched", "the image stays on its own grid",
                  "The voxels of fixed and moving still have nothing to do with each other: "
                  "ResampleToMatchd."),
            _grid("inverse", "the matrix leads from moving to fixed",
                  "Images are pulled: for every fixed voxel, where in moving? "
                  "M = A_moving⁻¹ A_fixed."),
            _grid("spacing_only", "only the spacings are compared",
                  "An affine also says where voxel (0, 0) is and which way the axes run. MR is "
                  "mirrored and turned here."),
            _grid("image_nearest", "the image is read by nearest",
                  "That is for labels; greys may be mixed: mode=[\"bilinear\", \"nearest\"]."),
            _grid("label_linear", "the label is read linearly",
                  "At every rim it becomes 0.3 or 0.7, and no metric takes that for a label: "
                  "\"nearest\" for it.", "label"),
            _grid("label_left", "the label stays on its old grid",
                  "What moves the image moves its label: name both keys.", "label"),
            _grid("points_left", "the points still count the old grid's voxels",
                  "point_keys={\"moving_points\": \"moving_image\"}: they follow their image.",
                  "points"),
            _grid("affine_kept", "the moved image keeps the affine of its old grid",
                  "It lies on the fixed grid now, and a viewer believes the header: the affine is "
                  "the fixed image's.", "affine"),
        ),
        form=gridding.form, observe=gridding.observe, code=(gridding.onto_fixed,),
        properties=(
            Property("at_home", gridding.at_home_already,
                     "A pair that is on one grid already must stay as it is."),
            Property("volumes", gridding.holds_in_3d,
                     "It must do the same for volumes, and for other sizes."),
        ),
    ),
    Exercise(
        name="take_a_loss", notebook="12",
        question="For each of the four losses: the mean TRE in mm, over landmarks and the four "
        'patients of strangers(), after registering by it. And which do you take? answer = {"MSE": '
        '…, "LNCC": …, "GMI": …, "MIND": …, "take": …}',
        solution=evidence.solution,
        why="By landmarks that no loss has seen. Four patients are a hint, no proof: on your "
        "data, ask your landmarks.",
        hints=(
            "bring(data, how) gives the field, error(data, ddf) the TRE in mm. Four patients for "
            "each of four losses.",
            "For one loss: errors = [error(data, bring(data, how)) for data in strangers()].",
            'answer = {name: the mean of its errors for name, how in contestants().items()}; '
            'answer["take"] is the name with the lowest.',
        ),
        worked="Sixteen registrations, their TRE in mm, a mean for each loss, the lowest is taken.",
        wrong=concluding.WRONG, form=concluding.form, observe=concluding.observe, tolerance=0.05,
        properties=(
            Property("other_patients", concluding.of_the_strangers, "These are not the means over "
                     "the four of strangers(), by error(data, bring(data, how)). (The table above "
                     "is of another patient, and of one only.)"),
        ),
    ),
    Exercise(
        name="blob_tre", notebook="12",
        question="Write blob_tre(fixed_label, moving_label, ddf, spacing): the mean TRE in mm. "
        "Labels are (1, 1 + N, *spatial) on one grid: the gland, then a blob for each of N "
        "landmarks, in one order; a blob may be missing. answer = blob_tre",
        solution=lambda: landmarking.blob_tre,
        why="Middles first, then the field: a point cannot fall between two voxels.",
        hints=(
            "A landmark is the middle of its blob: blob.nonzero().float().mean(0), in voxels. "
            "Which of the two middles does the field carry?",
            "The fixed one: move_points(middle[None, None], ddf)[0, 0]. Then the difference to "
            "the moving middle, times the spacing.",
            "Go through zip(fixed_label[0, 1:], moving_label[0, 1:]), leave out a pair of which "
            "one is empty, and take the mean of the lengths.",
        ),
        worked="For each landmark that both have: the middle of the fixed blob, carried by the "
        "field, minus the middle of the moving one, axis by axis in mm; the length; the mean.",
        wrong=(
            _blob("lost_is_nan", "a blob that is not there makes the whole mean NaN",
                  "The middle of nothing is NaN: leave that landmark out, and say how many you "
                  "had."),
            _blob("lost_at_the_corner", "a blob that is not there is taken to lie at voxel (0, 0)",
                  "nan_to_num makes a place of what has none: leave it out."),
            _blob("lost_is_perfect", "a blob that is not there counts as an error of 0",
                  "Losing landmarks would then better the score: leave it out of the mean."),
            _blob("voxels", "the distance is in voxels", "Rows are 3.2 mm high here, columns "
                  "0.8 mm wide: times the spacing, axis by axis, before the length."),
            _blob("spacing_exchanged", "the spacings of the axes are exchanged",
                  "nonzero() gives rows first, and spacing[0] is theirs."),
            _blob("one_spacing", "one spacing serves both axes",
                  "Multiply by all of them, axis by axis: torch.tensor(spacing)."),
            _blob("mean_spacing", "one mean spacing serves all axes",
                  "One voxel down is four times as far as one to the right: axis by axis."),
            _blob("nothing_moved", "the field is not used", "That is the TRE before. Carry the "
                  "fixed middle: move_points."),
            _blob("against_the_field", "the field is taken away instead of added",
                  "A fixed place x has its partner at x + ddf(x)."),
            _blob("pushed", "the moving landmarks are sent by the field",
                  "It leads from fixed to moving: carry the fixed ones."),
            _blob("rounded", "the field is read at the nearest voxel",
                  "A middle lies between voxels, and the field differs from one to the next: "
                  "move_points reads it linearly."),
            _blob("warped_blobs", "the moving blobs are warped, and their middles taken",
                  "A blob of a few voxels is bent, halved or lost on the way. Carry the "
                  "fixed middle: a point stays one."),
            _blob("nearest_partner", "each landmark is compared with the nearest blob",
                  "Then a wrong partner is the best score. Blob n belongs to blob n."),
            _blob("all_as_one", "all blobs are put together into one middle",
                  "Errors to the left and to the right cancel in it. One landmark at a time."),
            _blob("gland_too", "the gland is counted as a landmark",
                  "Channel 0 is the gland, and its middle says little: begin with channel 1."),
            _blob("rms", "the root of the mean square is taken",
                  "Some do; then say so. Here, as elsewhere in the course, it is the mean."),
            _blob("worst", "the largest error is given", "Worth knowing; asked for is the mean."),
        ),
        form=landmarking.form, observe=landmarking.observe, code=(landmarking.blob_tre,),
        properties=(
            Property("perfect", landmarking.perfect_is_zero,
                     "Blobs that have gone the field's way exactly have an error of 0."),
            Property("as_the_library", landmarking.as_the_library,
                     "In 3-D, and with other landmarks, it differs from target_registration_error "
                     "at the middles. Is the field read there, between voxels? Are all axes, "
                     "whatever their number, treated alike?"),
        ),
    ),
)  # fmt: skip
