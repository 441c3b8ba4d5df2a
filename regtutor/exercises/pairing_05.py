"""Exercises of notebook 05, One pair: the loop, how stiff, and from far away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regtutor.exercises import approaching, looping, refining
from regtutor.exercises.exercise import Exercise, Property, Wrong


def _loop(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: looping.with_slip(name))


def _stopped(name: str, slip: str, look: str) -> Wrong:
    """What torch refuses, in our words."""
    return Wrong(name, slip, look, lambda: looping.with_slip(name),
                 lambda observed: observed["stopped"] == name)  # fmt: skip


def _seen(name: str) -> Callable[[Any], bool]:
    return lambda observed: not observed["arrived"] and observed["slip"] == name


def _far(name: str, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: approaching.with_slip(name), _seen(name))


EXERCISES = (
    Exercise(
        name="seven_steps", notebook="05",
        question="Write descent(fixed, moving, parameters, to_ddf, steps, lr): the loop of seven "
        "steps for any parameters, of which to_ddf makes a ddf; Adam, mean squares. Return the "
        "ddf at the end. answer = descent",
        solution=lambda: looping.descent,
        why="Two numbers, six, or two for each voxel: the loop does not care what it learns.",
        hints=(
            "Which lines are there once, and which once a step? An optimiser has a memory; a "
            "field must be made anew whenever the parameters have changed.",
            "Before the loop: parameters.requires_grad_() and torch.optim.Adam([parameters], "
            "lr=lr). In it: zero_grad, to_ddf, warp, compare, backward, step.",
            "ddf = to_ddf(parameters); warped = Warp()(moving, ddf); loss = F.mse_loss(warped, "
            "fixed); loss.backward(); optimizer.step(). After the loop: to_ddf(parameters).",
        ),
        worked="Parameters and optimiser are made once. Each step forgets, makes the field of the "
        "parameters as they are now, warps, compares, and steps. The last step changed the "
        "parameters, so the field is made once more.",
        wrong=(
            _stopped("not_asked", "nobody asked for a gradient", "torch keeps book only of what "
                     "requires it: parameters.requires_grad_()."),
            _stopped("detached", "the field is cut off before the loss", "After .detach(), or "
                     "under no_grad, the loss no longer knows the parameters."),
            _stopped("not_a_leaf", "the field is given to Adam", "It is made anew in each step. "
                     "What is to be learned are the parameters it is made from."),
            _stopped("field_once", "the field is made once, before the loop",
                     "The parameters change in every step, so it must be made in every step."),
            Wrong("image", "Adam changes the moving image", "It may paint fixed over moving: no "
                  "loss, no field. Only the parameters are to be learned.",
                  lambda: looping.with_slip("image"), lambda o: not o["images kept"]),
            _loop("not_forgotten", "the gradients of all steps add up",
                  "backward() adds to what is there: zero_grad() first, in each step."),
            _loop("step_after", "one step is taken, after the loop",
                  "Its place is in the loop: it is what makes the next round different."),
            _loop("no_step", "nothing is learned", "The field ends as it began. Is "
                  "optimizer.step() missing, or is the image read by nearest?"),
            _loop("adam_anew", "Adam is made anew in each step", "It has a memory, of gradients "
                  "and of their squares. Make it once, before the loop."),
            _loop("uphill", "the loss grows", "An optimiser goes downhill: a minus too many?"),
            _loop("against", "the field is used backwards", "warped(x) = moving(x + ddf(x))."),
            _loop("exchanged", "fixed is warped onto moving",
                  "The field lives on the grid of fixed and pulls from moving."),
            _loop("plain", "steps are as long as the gradient is large",
                  "Plain descent crawls here. torch.optim.Adam scales each parameter's step."),
            Wrong("own_numbers", "steps or lr is a number of your own", "Both are arguments: take "
                  "them as they come, range(steps) and lr=lr.", lambda: looping.OWN[0],
                  looping.own_numbers),
            _loop("one_behind", "the field of the last round is returned",
                  "The last step came after it: to_ddf(parameters) once more."),
        ),
        form=looping.form, observe=looping.observe, code=(looping.descent,),
        properties=(
            Property("arrives", looping.arrives, "It must find a shift on a grid of another size, "
                     "and a field with two numbers for each voxel."),
        ),
    ),
    Exercise(
        name="choose_lambda", notebook="05",
        question="A new patient, the same fourteen λ. Which would you use, and why? There are no "
        'landmarks. answer = {"lambda": a λ of the table, "because": "calmest", "elbow", "highest '
        'Dice", "lowest MSE", "lowest TRE" or "no folds"}',
        solution=refining.solution,
        why="No folds, and as calm as it comes before the MSE climbs.",
        hints=(
            "A λ too small and a λ too large each give themselves away in one column. Which?",
            "Too small: it folds. Too large: the MSE climbs. Between the two, why not take the "
            "calmest?",
            "Go down the MSE column: it rises by less than a fifth a row, then it doubles. The "
            "elbow is just before.",
        ),
        worked="Below .003 the field folds. From there the MSE rises slowly, by half in all, up to "
        "λ = 0.3; at 1 it has doubled. The elbow is at 0.3; 0.1 is as good.",
        wrong=refining.WRONG, form=refining.form, observe=refining.observe,
    ),
    Exercise(
        name="coarse_to_fine", notebook="05",
        question="The chest lies 20 voxels away. Write coarse_to_fine(fixed, moving, refine): "
        "images shrunk by 8, 4, 2 and 1, each level from the field of the one before; "
        "refine(fixed, moving, start, steps=60, lr=0.5) gives a level's field. Return the ddf of "
        "the whole grid. answer = coarse_to_fine",
        solution=lambda: approaching.coarse_to_fine,
        why="Twenty voxels are two and a half when a voxel is eight times as wide.",
        hints=(
            "On which grid are 20 voxels few? What does the next grid need from it?",
            "F.avg_pool2d(image, shrink) shrinks by means. A field that goes to another grid "
            "changes its size and its numbers (notebook 03).",
            "ddf = torch.zeros(1, 2, 1, 1); for shrink in (8, 4, 2, 1): shrink both images, ddf = "
            "resize_field(ddf, their size), ddf = refine(small fixed, small moving, ddf).",
        ),
        worked="Begin where the way is short. Each level starts from the field before, brought to "
        "its grid by resize_field, which makes the numbers grow with the voxels' number.",
        wrong=(
            _far("only_fine", "only the finest image is looked at", "A voxel sees no further than "
                 "the edge beside it. Begin with small images."),
            _far("more_steps", "more steps are taken on the finest image", "It is not slow, it is "
                 "lost: each step goes down into the wrong valley. Begin with small images."),
            _far("larger_lr", "larger steps are taken on the finest image", "They jump about; no "
                 "slope points home from here. Begin with small images."),
            _far("fine_to_coarse", "the finest level comes first",
                 "By the time it could see far it has fitted the wrong edges. Turn it round."),
            _far("too_fine", "even the smallest image is too large",
                 "20 voxels are 5 after a shrink by 4: still too far. Begin at 8."),
            _far("not_carried", "each level begins from nothing",
                 "What the coarse level found is its start: hand it on."),
            _far("unscaled", "the field is resized like an image", "2 voxels of the coarse grid "
                 "are 4 of the next: resize_field, not F.interpolate."),
            _far("strided", "every eighth voxel is taken instead of a mean",
                 "Vessels and noise then come and go by chance: F.avg_pool2d."),
            _far("warped_too", "moving is warped and the field handed on as well",
                 "The same motion counts twice. refine warps by itself, from start."),
            _far("exchanged", "fixed and moving are exchanged", "refine(fixed, moving, …): the "
                 "field lives on the grid of fixed."),
        ),
        form=approaching.form, observe=approaching.observe,
        code=(approaching.coarse_to_fine,),
        properties=(
            Property("elsewhere", approaching.arrives_elsewhere,
                     "It must arrive as well when another chest lies elsewhere."),
        ),
    ),
)  # fmt: skip
