"""Exercises of notebook 03, Fields: the determinant, one after the other, theta, a finer grid."""

from __future__ import annotations

from regtutor.exercises import chaining, folding
from regtutor.exercises.exercise import Exercise, Property, Wrong
from regtutor.exercises.forms import function_form, not_a_field


def _compose(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: chaining.COMPOSE[name])


def _upsample(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: chaining.UPSAMPLE[name])


def _theta(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, chaining.THETA[name])


def _determinant(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: folding.WRONG[name], folding.looks_like(name))


EXERCISES = (
    Exercise(
        name="jacobian", notebook="03",
        question="Write jacobian_det(ddf): (B, 2, H, W) in voxels → (B, H, W), the determinant of "
        "∇(x + ddf(x)); central differences inside, one-sided at the border. "
        "answer = jacobian_det",
        solution=lambda: folding.jacobian_det,
        why="Above 1 area grows, below 1 it shrinks, at 0 and below the map folds.",
        hints=(
            "It is the slope of x + ddf(x), not of ddf: without motion it is 1.",
            "torch.gradient(ddf, dim=(2, 3)) gives the slopes along axis 0 and along axis 1, each "
            "of both components; it is central inside and one-sided at the border.",
            "With a = ∂u₀/∂0, b = ∂u₀/∂1, c = ∂u₁/∂0, d = ∂u₁/∂1: (1 + a)(1 + d) − b c.",
        ),
        worked="Two slopes of two components make a 2 × 2 matrix at every voxel; the identity adds "
        "1 on its diagonal; its determinant is (1 + a)(1 + d) − b c.",
        wrong=(
            _determinant("no_identity", "the identity is forgotten", "ddf is the step, x + ddf(x) "
                         "the place. Where nothing moves area is kept: 1, not 0."),
            Wrong("absolute", "the sign is thrown away", "A fold is a negative determinant: |det| "
                  "cannot show one. A mirror has |det| = 1.",
                  lambda: folding.WRONG["absolute"]),
            _determinant("logarithm", "the logarithm is taken", "Negative then only means smaller, "
                         "and a fold is no number at all."),
            _determinant("axes_swapped", "the slopes along the two axes are exchanged",
                         "Dimension 2 of a (B, 2, H, W) field is axis 0."),
            _determinant("plus", "the mixed product is added", "ad − bc: turn by 20° and see "
                         "whether area is kept."),
            _determinant("diagonal", "the mixed slopes are left out",
                         "A shear and a turn live in them: subtract b c."),
            _determinant("divergence", "only the slopes on the diagonal are summed",
                         "That is the divergence, right for very small steps only: multiply."),
            _determinant("change", "the change of area is given", "That is the determinant − 1. "
                         "Folds are at 0 and below, not at −1."),
            _determinant("round_the_edge", "the last voxel is taken for a neighbour of the first",
                         "roll goes round the edge. Take torch.gradient."),
            _determinant("forward", "forward differences are taken",
                         "They sit half a voxel off; central ones look to both sides."),
            _determinant("not_halved", "differences over two voxels are not halved",
                         "From x − 1 to x + 1 it is two voxels: divide by 2."),
        ),
        form=folding.form, observe=folding.observe, code=(folding.jacobian_det,),
        properties=(
            Property("nothing_is_one", folding.nothing_is_one,
                     "A field of zeros must give 1 everywhere, on any grid."),
            Property("affine_is_one_number", folding.affine_is_one_number,
                     "Of an affine map it must be det A everywhere; of a mirror −1."),
        ),
    ),
    Exercise(
        name="compose", notebook="03",
        question="Write compose(outer, inner): the field that goes by inner first, and from there "
        "by outer; all (B, 2, H, W) in voxels, borders extend. answer = compose",
        solution=lambda: chaining.compose,
        why="The second step is read where the first one ends.",
        hints=(
            "Start at x. Where are you after inner? What does outer say there?",
            "Outer has to be read at x + inner(x). What reads at x + a field?",
            "Warp()(outer, inner) is outer at x + inner(x). Add the step inner itself.",
        ),
        worked="From x the first step is inner(x); outer is read where it ends, at x + inner(x), "
        "which is outer warped by inner. The whole way is the sum of both steps.",
        wrong=(
            _compose("added", "the two fields are added where they are",
                     "The second step is not taken at x, but where the first one ends."),
            _compose("other_order", "outer is taken first",
                     "The inner one acts first, as in f(g(x))."),
            _compose("step_lost", "the first step is left out of the sum",
                     "outer at x + inner(x) is only the second half of the way."),
            _compose("wrong_step_added", "outer is added twice and inner never",
                     "The first half of the way is inner(x)."),
            _compose("wrong_one_warped", "inner is read at x + outer(x)",
                     "You come by inner: read outer, at x + inner(x)."),
            _compose("places", "places are given instead of steps",
                     "A field holds steps: take x away again."),
            _compose("backwards", "outer is read at x − inner(x)",
                     "The first step ends at x + inner(x)."),
            _compose("zeros", "outer is zero beyond the border",
                     "Motion does not end at the image's edge: padding_mode='border'."),
            _compose("nearest", "outer is read by nearest",
                     "A field is smooth: read it linearly."),
        ),
        form=function_form("compose", chaining.observe_compose, not_a_field((1, 2, 18, 25))),
        observe=chaining.observe_compose, code=(chaining.compose,),
        properties=(
            Property("warping_twice", chaining.same_as_warping_twice,
                     "An image warped by outer, and the result by inner, must look as if warped "
                     "once by compose(outer, inner). (A place goes the other way: inner first.)"),
        ),
    ),
    Exercise(
        name="theta", notebook="03",
        question="theta = [A | t] sends x to A x + t, in voxels about voxel (0, 0). Which theta "
        "turns a grid of 40 × 56 by 20° about its middle, so that the voxel below the middle is "
        "read below it and to the right? answer = a tensor (2, 3)",
        solution=chaining.theta,
        why="The middle is taken away, turned about, and brought back: t = c − A c.",
        hints=(
            "A turns about voxel (0, 0). Which point of the grid should stay where it is?",
            "x → A (x − c) + c. Multiply it out: what is t?",
            "c = ((40 − 1)/2, (56 − 1)/2); angle = math.radians(20); A = [[cos, −sin], [sin, "
            "cos]]; t = c − A @ c.",
        ),
        worked="c = (19.5, 27.5) must stay: A c + t = c, so t = c − A c. The step down, (1, 0), is "
        "sent to (cos, sin): down and to the right.",
        wrong=(
            _theta("corner", "it turns about the corner",
                   "t = 0 keeps voxel (0, 0) where it is. Which point should stay?"),
            _theta("degrees", "20 is taken for radians",
                   "That is more than three full turns: math.radians(20)."),
            _theta("inverse", "it turns the other way", "Send a step down, (1, 0), through "
                   "A: its second component must be positive."),
            _theta("half_the_size", "the middle is taken to be size / 2",
                   "Voxels 0 … 39 have their middle at 19.5: (size − 1) / 2."),
            _theta("exchanged", "the middle's row and column are exchanged",
                   "Axis 0 has 40 voxels, axis 1 has 56."),
            _theta("not_taken_away", "the middle is only added", "t = c moves the corner to "
                   "the middle. Take c away before you turn: t = c − A c."),
            _theta("not_brought_back", "the middle is only taken away",
                   "Then the middle lands at (0, 0): add c."),
            _theta("sign_of_t", "t has the wrong sign",
                   "The middle must stay: A c + t = c. Solve for t."),
            _theta("column_first", "it is written column first",
                   "Row and column of theta are the array's: only grid_sample differs."),
            _theta("identity_lost", "the step is given, not the place",
                   "theta sends x to its place; only the ddf is place minus x."),
            _theta("ones", "the bottom row is 1 1 1", "A point would be divided by the sum "
                   "of its coordinates. It is 0 0 1, and theta leaves it out."),
            _theta("square", "the whole matrix is given",
                   "theta is its first two rows: matrix_to_theta, or [:2]."),
        ),
        form=chaining.form_theta, observe=chaining.observe_theta,
    ),
    Exercise(
        name="upsample", notebook="03",
        question="Write upsample(ddf): the same motion on a grid of twice as many voxels along "
        "each axis, (B, 2, H, W) → (B, 2, 2 H, 2 W), linear, both grids over the same field of "
        "view (outer faces shared: align_corners=False). answer = upsample",
        solution=lambda: chaining.upsample,
        why="Half as large voxels, twice as many of them: 3 becomes 6.",
        hints=(
            "A field is an image of numbers, and these numbers count voxels.",
            "F.interpolate makes the grid finer. What must happen to a step of 3?",
            'F.interpolate(ddf, scale_factor=2, mode="bilinear", align_corners=False), times 2.',
        ),
        worked="Interpolate to the finer grid, then double: the same way in mm is twice as many of "
        "the smaller voxels.",
        wrong=(
            _upsample("unscaled", "the values are left as they were",
                      "3 large voxels are 6 small ones; half of the motion is lost."),
            _upsample("halved", "the values are halved",
                      "Voxels have become smaller, so it takes more of them."),
            _upsample("squared", "each value is multiplied by both factors",
                      "Component k counts along axis k only: times 2."),
            _upsample("align_corners", "corner voxels are laid on each other",
                      "Then the grid is stretched a little more than twice; here both share "
                      "their outer faces: align_corners=False."),
            _upsample("both", "corner voxels are laid on each other, and values left",
                      "Two things: 3 becomes 6, and align_corners=False."),
            _upsample("corner_to_corner", "the grid is thought to end at the voxels' centres",
                      "Right for grids that share their corner voxels. Here they share "
                      "faces: twice, not (2 n − 1)/(n − 1)."),
            _upsample("nearest", "the nearest vector is repeated",
                      "That makes blocks of 2 × 2: mode='bilinear'."),
        ),
        form=function_form("upsample", chaining.observe_upsample, not_a_field((1, 2, 22, 14))),
        observe=chaining.observe_upsample, code=(chaining.upsample,),
        properties=(
            Property("three_becomes_six", chaining.three_becomes_six,
                     "A field of 3 everywhere must become a field of 6, on any grid."),
        ),
    ),
)  # fmt: skip
