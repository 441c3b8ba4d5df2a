"""Exercises of notebook 11 on affine maps: two in a row as one matrix, and the cascade."""

from __future__ import annotations

from regtutor.exercises import cascading
from regtutor.exercises.exercise import Exercise, Property, Wrong


def _chain(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: cascading.CHAIN[name])


def _cascade(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: cascading.CASCADE[name])


EXERCISES = (
    Exercise(
        name="chain", notebook="11",
        question="Write chain(outer, inner): two thetas (B, 2, 3) → the theta (B, 2, 3) that does "
        "inner first and outer then, by homogeneous matrices. answer = chain",
        solution=lambda: cascading.chain,
        why="With 0 0 1 below, a product of matrices is one map after the other.",
        hints=(
            "2 × 3 times 2 × 3 is no product. Which row makes them square, and keeps the last "
            "coordinate of a point 1?",
            "Square each with the row 0 0 1. In a product the right one acts first.",
            "bottom = torch.tensor([0.0, 0.0, 1.0]).expand(len(outer), 1, 3); torch.cat([theta, "
            "bottom], dim=1) for both; (second @ first)[:, :2].",
        ),
        worked="Each theta gets the row 0 0 1 and is square. outer @ inner lets inner act first. "
        "Its last row is 0 0 1 again and is left out. By parts: [A₂ A₁ | A₂ t₁ + t₂].",
        wrong=(
            _chain("other_order", "outer acts first", "A point stands at the right of a matrix: in "
                   "outer @ inner it meets inner first."),
            _chain("ones", "the bottom row is 1 1 1", "It adds up a point's coordinates, so the "
                   "last is no longer 1, and t is mixed into A. It is 0 0 1."),
            _chain("zeros", "the bottom row is 0 0 0", "Then a point's last coordinate becomes 0, "
                   "and the second shift is lost. It is 0 0 1."),
            _chain("t_not_moved", "the shifts are added as they are",
                   "The first shift is moved by the second map: A₂ t₁ + t₂."),
            _chain("t_moved_by_inner", "the second shift is moved by the first map",
                   "That one is over when t₂ comes. It is t₁ that A₂ still moves."),
            _chain("added", "the thetas are added", "Two identities would make a doubling: maps "
                   "in a row are multiplied."),
            _chain("steps_added", "the steps are added where they are", "As with fields: the "
                   "second step is taken where the first one ends."),
            _chain("elementwise", "number is multiplied with number",
                   "That is *. A product of matrices is @."),
            _chain("square", "the whole matrix is given",
                   "theta is its first two rows: matrix_to_theta, or [:, :2]."),
            _chain("step", "the identity is taken away", "theta leads to a place; only the ddf is "
                   "place minus x."),
        ),
        form=cascading.form_chain, observe=cascading.observe_chain, code=(cascading.chain,),
        properties=(
            Property("point_by_point", cascading.point_by_point,
                     "A point sent by chain(outer, inner) must end where inner, then outer "
                     "send it, whatever the batch."),
        ),
    ),
    Exercise(
        name="cascade", notebook="11",
        question="affine is a field that brings moving near fixed; deformable was found on the "
        "image that affine warped. Write cascade(moving, affine, deformable): the warped image, "
        "for which moving is read ONCE. Fields are (B, 2, H, W). answer = cascade",
        solution=lambda: cascading.cascade,
        why="The fields are composed, the image is read once: nothing is blurred twice.",
        hints=(
            "Start at a voxel of fixed. Which of the two fields was found on fixed's grid?",
            "First by deformable, into the affine's image; from there by affine, into moving. "
            "Make one field of both.",
            "compose(affine, deformable) goes by deformable first. Warp moving by it.",
        ),
        worked="deformable leads from fixed into the affine's image, affine from there into "
        "moving: compose(affine, deformable), outer first in the call, inner first on the way.",
        wrong=(
            _cascade("warped_twice", "the image is warped twice", "All is in its right place, and "
                     "blurred twice. Compose the fields, then read moving once."),
            _cascade("added", "the two fields are added", "The affine step is to be read where the "
                     "deformable one ends: compose."),
            _cascade("other_order", "the affine map comes first on the way, the deformable after "
                     "it", "From fixed the way leads by deformable into the affine's image: "
                     "compose(affine, deformable)."),
            _cascade("twice_other_order", "the image is warped twice, by deformable first",
                     "deformable was found on the image that affine had warped; and moving is to "
                     "be read once."),
            _cascade("rest_alone", "the affine step is left out", "deformable was found on the "
                     "image that affine had warped, not on moving."),
            _cascade("affine_alone", "the deformable step is left out", "affine brings it near; "
                     "the rest is deformable's."),
            _cascade("step_lost", "the deformable step is left out of the sum", "affine read at "
                     "x + deformable(x) is only the second step: add the first."),
            _cascade("black_beyond", "moving is zero beyond its border", "Here borders extend, as "
                     "Warp() has it by default."),
            _cascade("nearest", "moving is read by nearest", "An image is read linearly."),
        ),
        form=cascading.form_cascade, observe=cascading.observe_cascade,
        code=(cascading.cascade,),
        properties=(
            Property("half_there_and_back", cascading.half_there_and_back,
                     "Half a voxel there and half a voxel back must give moving itself, as sharp "
                     "as it was."),
        ),
    ),
)  # fmt: skip
