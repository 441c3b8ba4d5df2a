"""Exercises of notebook 11 on velocities: from a velocity to a step, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regtutor.exercises import integrating, undoing
from regtutor.exercises.exercise import Exercise, Property, Wrong
from regtutor.exercises.forms import function_form, not_a_field


def _integrate(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: integrating.INTEGRATE[name])


def _undo(part: str, answers: dict[str, Any]) -> Callable[[str, str, str], Wrong]:
    def wrong(name: str, slip: str, look: str) -> Wrong:
        return Wrong(name, slip, look, lambda: answers[name],
                     undoing.part_is(part, answers[name]))  # fmt: skip

    return wrong


_theta, _field = _undo("theta", undoing.AFFINE), _undo("ddf", undoing.FIELD)

EXERCISES = (
    Exercise(
        name="integrate", notebook="11",
        question="Write integrate(dvf, num_steps): follow a velocity (B, 2, H, W), in voxels per "
        "unit of time, for one unit of time, by num_steps squarings; borders extend. "
        "answer = integrate",
        solution=lambda: integrating.integrate,
        why="Each squaring goes a way twice: n of them make one step of 2ⁿ.",
        hints=(
            "Begin with a step so small that it is straight: after n doublings it should be all "
            "of the velocity. What is it divided by?",
            "A way u, twice: u to begin with, then u again, read where the first one ended.",
            "ddf = dvf / 2**num_steps; then, num_steps times: ddf = ddf + Warp()(ddf, ddf).",
        ),
        worked="A 2ⁿ-th of the velocity is nearly straight. Going by u twice is u + u(x + u(x)), "
        "that is compose(u, u): twice the way. After n rounds it is the whole.",
        wrong=(
            _integrate("undivided", "the velocity is not divided", "n doublings go 2ⁿ times as "
                       "far: begin with dvf / 2**num_steps."),
            _integrate("by_num_steps", "it is divided by num_steps", "Each round doubles, so n of "
                       "them make 2ⁿ: with 7 it is 128, not 7."),
            _integrate("twice_num_steps", "it is divided by 2 · num_steps", "Two, four, eight, "
                       "sixteen: doubling is a power, 2**num_steps."),
            _integrate("added", "the second half is added without warping it (or the velocity is "
                       "given as it is)", "u + u is 2 u: in the end the dvf itself. Where does the "
                       "second half begin?"),
            _integrate("step_lost", "the first half is left out of the sum",
                       "u at x + u(x) is the second half alone. Add u."),
            Wrong("one_small_step", "every round adds one small step", "Then n + 1 of the "
                  "2ⁿ parts are gone. Double the way: read ddf, not the first step.",
                  lambda: integrating.INTEGRATE["one_small_step"], integrating.one_small_step),
            _integrate("one_by_one", "all 2ⁿ parts are gone one by one", "It arrives, but reads "
                       "the field 2ⁿ − 1 times. Doubling the way needs n readings."),
            _integrate("scaled_last", "it is squared first and scaled last",
                       "The parts must be small BEFORE they are put together."),
            _integrate("halved_each_round", "the sum is halved in every round",
                       "That stays one step. Divide once, before the rounds."),
            _integrate("one_round_less", "one round is missing", "Only half of the way is gone: "
                       "range(num_steps)."),
            _integrate("one_round_more", "one round is too many", "Twice the way is gone: "
                       "range(num_steps)."),
            _integrate("backwards", "the second half is read at x − u(x)",
                       "The first half ends at x + u(x)."),
            _integrate("subtracted", "the second half is taken away", "Both halves go the same "
                       "way: add."),
            _integrate("zeros", "motion is zero beyond the border", "Then what comes near the edge "
                       "stops there. Here it goes on: padding_mode='border'."),
            _integrate("nearest", "the field is read by nearest",
                       "Small steps are parts of a voxel: read linearly."),
            _integrate("places", "places are given instead of steps",
                       "A ddf holds steps: take x away again."),
            Wrong("always_seven", "num_steps is not looked at", "Divide by 2**num_steps, and go "
                  "num_steps rounds.", lambda: integrating.INTEGRATE["always_seven"],
                  integrating.same_for_any_number),
        ),
        form=function_form("integrate", integrating.observe_once, not_a_field((1, 2, 18, 25))),
        observe=integrating.observe_integrate, code=(integrating.integrate,),
        properties=(
            Property("even_speed", integrating.even_speed_stays,
                     "At 5 voxels per unit of time, the same everywhere, all has gone 5: on any "
                     "grid, batch and number of steps."),
        ),
    ),
    Exercise(
        name="undo", notebook="11",
        question="Write undo(theta, dvf) → (theta_back, ddf_back): the theta (1, 2, 3) that undoes "
        "theta, and the field (1, 2, H, W) that undoes exp(dvf) to within 0.1 voxels. "
        "answer = undo",
        solution=lambda: undoing.undo,
        why="One is a small inverse matrix, the other one minus sign, before the integration.",
        hints=(
            "Solve y = A x + t for x. And which velocity leads back the way one came?",
            "x = A⁻¹ y − A⁻¹ t: t is turned too. Going backwards is following −dvf.",
            "back = torch.linalg.inv(A), theta_back = torch.cat([back, −back @ t], dim=2); "
            "ddf_back = exp(−dvf).",
        ),
        worked="y = A x + t gives x = A⁻¹ y − A⁻¹ t, so theta_back is [A⁻¹ | −A⁻¹ t]. The velocity "
        "is turned around before it is integrated: exp(−dvf).",
        wrong=(
            _field("minus_ddf", "the displacement is negated", "The way back starts where the way "
                   "there ended. Negate the velocity, then integrate: exp(−dvf)."),
            _field("still_a_velocity", "the velocity is negated and not integrated",
                   "−dvf is a speed; exp makes a step of it."),
            _field("forth_again", "the way there is gone once more", "Which velocity leads back?"),
            _field("one_over_field", "one is divided by every number of the field",
                   "The inverse of a map is another map: where did the voxel come from?"),
            _theta("minus_theta", "all of theta is negated", "−A mirrors through the corner. "
                   "Solve y = A x + t for x."),
            _theta("step_reversed", "the affine step is negated, as in −ddf", "That undoes small "
                   "steps only. A matrix has a true inverse."),
            _theta("only_t", "only the shift is undone", "A turns and stretches: it needs its "
                   "inverse."),
            _theta("t_not_turned", "the shift is taken back in the wrong frame",
                   "x = A⁻¹ (y − t): A⁻¹ acts on t as well."),
            _theta("t_kept", "A is inverted and t left as it is", "x = A⁻¹ (y − t): both change."),
            _theta("t_sign", "t has the wrong sign", "x = A⁻¹ y − A⁻¹ t: there is a minus."),
            _theta("transposed", "the transpose is taken for the inverse", "It is, for a pure "
                   "turn. This A stretches too: torch.linalg.inv."),
            _theta("one_over", "one is divided by every number of theta", "A matrix is inverted as "
                   "a whole: torch.linalg.inv."),
        ),
        form=undoing.form_undo, observe=undoing.observe_undo, code=(undoing.undo,),
        properties=(
            Property("brings_back", undoing.brings_back,
                     "Forth and back must end where it began: theta(theta_back(y)) = y, and "
                     "compose(exp(dvf), ddf_back) within 0.1 voxels of nothing."),
        ),
    ),
)  # fmt: skip
