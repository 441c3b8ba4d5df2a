"""Exercises of notebook 02, Warp: the arrow, the warp itself, labels, and four wrong pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from regtutor.exercises import labelling, mysteries, warping
from regtutor.exercises.exercise import Exercise, Property, Wrong, alike
from regtutor.exercises.registrations import chest


def _arrow(read: tuple[float, float], shown: tuple[float, float]) -> Callable[[], Any]:
    return lambda: {"read": read, "shown": shown}


def _arrow_form(answer: Any) -> str | None:
    try:
        pairs = [tuple(float(x) for x in answer[name]) for name in ("read", "shown")]
    except (TypeError, KeyError, ValueError):
        pairs = []
    if pairs and all(len(pair) == 2 and all(x == x for x in pair) for pair in pairs):
        return None
    return 'two places are asked for: {"read": (row, column), "shown": (row, column)}.'


def _arrow_seen(answer: Any) -> list[list[float]]:
    return [[float(x) for x in answer[name]] for name in ("read", "shown")]


def _millimetres() -> dict[str, tuple[float, float]]:
    rows = 8 / chest().spacing[0]
    return {"read": (50 + rows, 90), "shown": (50 - rows, 90)}


def _warp(name: str, slip: str, look: str) -> Wrong:
    made = lru_cache(lambda: [warping.observe(w) for w in warping.with_more_slips(name)])

    def seen(observed: Any) -> bool:
        return any(alike(observed, one, 1e-3) for one in made())

    return Wrong(name, slip, look, lambda: warping.WRONG[name], seen)


EXERCISES = (
    Exercise(
        name="arrow", notebook="02",
        question="ddf is (+8, 0) at every voxel. Where in the moving image does the warped image's "
        "voxel (50, 90) read? And a bright dot at (50, 90) of the moving image: where does the "
        'warped image show it? answer = {"read": (row, column), "shown": (row, column)}',
        solution=_arrow((58, 90), (42, 90)),
        why="Arrows point to where values are fetched; the picture goes against them.",
        hints=(
            "Write the formula down, warped(x) = moving(x + ddf(x)), and put (50, 90) for x.",
            "For the dot you know what stands in the brackets: x + ddf(x) = (50, 90).",
            "Axis 0 runs down and counts rows; x + (8, 0) = (50, 90) is to be solved for x.",
        ),
        worked="warped(50, 90) = moving(58, 90): it reads 8 rows further down. The dot is found by "
        "the voxel x with x + (8, 0) = (50, 90): x = (42, 90), 8 rows further up.",
        wrong=(
            Wrong("push", "the field is thought to push", "It pulls: the voxel reads at the tip of "
                  "its arrow, and the dot goes against it.", _arrow((42, 90), (58, 90))),
            Wrong("along_the_arrow", "the picture is thought to move along the arrow",
                  "The reading is right. Which voxel reads at the dot: the one above or below?",
                  _arrow((58, 90), (58, 90))),
            Wrong("minus", "the step is subtracted before reading", "The dot is right. The formula "
                  "adds: moving(x + ddf(x)).", _arrow((42, 90), (42, 90))),
            Wrong("swapped", "component 0 is taken for the step to the right",
                  "Component k goes along axis k, and axis 0 counts rows.",
                  _arrow((50, 98), (50, 82))),
            Wrong("column_first", "places are written column first",
                  "Arrays are indexed [row, column]. Only grid_sample wants it the other way.",
                  _arrow((90, 58), (90, 42))),
            Wrong("millimetres", "the 8 is taken for millimetres",
                  "A ddf counts in voxels; no spacing is needed.", _millimetres),
            Wrong("stays", "the dot is thought to stay where it is",
                  "Every voxel reads 8 rows further down, so the dot is read by another voxel.",
                  _arrow((58, 90), (50, 90))),
            Wrong("steps", "steps are given instead of places",
                  "A place is where a step ends: row 50, column 90, and the step added.",
                  _arrow((8, 0), (-8, 0))),
        ),
        form=_arrow_form, observe=_arrow_seen,
    ),
    Exercise(
        name="warp", notebook="02",
        question="Write warp(image, ddf) with torch's grid_sample, for images (B, C, H, W) and "
        "fields (B, 2, H, W) in voxels; beyond the border the border's value goes on. "
        "answer = warp",
        solution=lambda: warping.warp,
        why="To the last digit what regtutor's Warp, and MONAI's, give.",
        hints=(
            "Four steps: places in voxels, the same from −1 to 1, column first, then read.",
            "size − 1 is the last voxel: 2 · places / (size − 1) − 1, with size as a tensor of "
            "shape (1, 2, 1, 1), a number an axis. Then .flip(1) changes the order, and "
            ".movedim(1, -1) brings (B, 2, H, W) to (B, H, W, 2).",
            'F.grid_sample(image, grid, padding_mode="border", align_corners=True)',
        ),
        worked="The places are identity_grid + ddf. Each axis is brought to −1 … 1 by its own last "
        "voxel; grid_sample wants the pair column first, as the last axis, and two settings that "
        "are not its defaults.",
        wrong=(
            _warp("layout", "the grid is given as (B, 2, H, W)",
                  "grid_sample wants the pair last: grid.movedim(1, -1)."),
            _warp("not_normalised", "places in voxels are given to grid_sample",
                  "It counts from −1 to 1 and takes 8 for far outside: 2 · places / last − 1."),
            _warp("normalised_units", "the voxels of the field are added to places from −1 to 1",
                  "8 voxels are 8, not eight halves of an image: add first, in voxels, then bring "
                  "the sum to −1 … 1."),
            _warp("no_identity", "the field is taken for the places themselves",
                  "A field of zeros must give the image back. Add identity_grid."),
            _warp("reshaped", "the axes are reshaped instead of moved",
                  "reshape keeps the order of the numbers in memory: rows and columns are mixed "
                  "up. Use .movedim(1, -1)."),
            _warp("divided_by_n", "places are divided by the size",
                  "Voxel size − 1 is the last: its centre is 1, so divide by size − 1."),
            _warp("swapped", "the two components of the field are exchanged",
                  "Component 0 belongs to the rows. Flip the finished places, not the field "
                  "alone."),
            _warp("sign", "the field is subtracted", "moving(x + ddf(x)): a plus."),
            _warp("order", "row and column are given in the array's order",
                  "grid_sample reads (column, row): .flip(1) before the axis is moved. The F lies "
                  "on its side."),
            _warp("pushed", "values are sent to x + ddf(x)", "Look for holes. Go over the voxels "
                  "of the result, and fetch each from x + ddf(x)."),
            _warp("defaults", "grid_sample is left at its defaults",
                  "Two of them are not ours: align_corners=True and padding_mode='border'."),
            _warp("align_corners", "align_corners is left at False",
                  "Then −1 is the outer rim of the first voxel, not its centre: up to half a voxel "
                  "off. Say align_corners=True."),
            _warp("zeros", "padding is left at zeros", "Look at the black rim where the field "
                  "points out of the image. Say padding_mode='border'."),
            _warp("nearest", "the nearest voxel is taken", "Linear is the default, and has a "
                  "gradient: leave mode alone, and round nothing."),
        ),
        form=warping.form, observe=warping.observe, code=(warping.warp,),
        properties=(
            Property("identity", warping.nothing_moves, "A field of zeros must give the image "
                     "back, whatever its size, batch and channels."),
            Property("whole_steps", warping.whole_steps, "Whole steps must take whole voxels, and "
                     "each case of a batch has a field of its own."),
            Property("gradient", warping.has_gradient, "No gradient reaches the field: nothing "
                     "may be detached, rounded or turned into NumPy on the way."),
        ),
    ),
    Exercise(
        name="label_ways", notebook="02",
        question="Which way to warp labels for which purpose? loss: a label loss that trains a "
        "network. dice: scoring a few organs. atlas: a quick look at 200 structures, too many for "
        "a channel each. Ways: linear_ids, nearest_ids, soft (one channel an organ, linear), "
        'argmax (soft, then arg-max). answer = {"loss": …, "dice": …, "atlas": …}',
        solution=lambda: dict(labelling.PURPOSES),
        why="Soft where a gradient is wanted, arg-max where a decision is, nearest where the "
        "memory ends; linear on ids never.",
        hints=(
            "Which of the four can give a label that was in neither organ?",
            "Which of the remaining three have a gradient?",
            "For a score decide as late as possible: after warping. Without memory for channels "
            "only one way is left.",
        ),
        worked="The loss needs a gradient: soft. A score needs a decision, taken after warping: "
        "argmax. 200 channels do not fit, and ids must stay ids: nearest_ids.",
        wrong=labelling.WRONG, form=labelling.form,
    ),
    Exercise(
        name="switches", notebook="02",
        question="Which bugs made the pictures A, B, C and D? Switches are sign, components, "
        'millimetres, order, align_corners. answer = {"A": {…}, "B": {…}, "C": {…}, "D": {…}}',
        solution=lambda: {name: set(bugs) for name, bugs in mysteries.CAUSES.items()},
        why="Turned: order. A soft rim: align_corners. The wrong way: sign or components. Too "
        "far: a unit.",
        hints=(
            "First ask of each: is the F upright? Is it where it belongs? Did it go too far?",
            "The right F goes 6 up and 2 to the right. The sign makes that 6 down and 2 left; "
            "exchanged components make it 2 down and 6 left.",
            "One picture needs two switches; it has gone 4 down and 9 left.",
        ),
        worked="A lies on its side: order. B is in place and soft at the edges: align_corners. C "
        "went 6 down and 2 left: sign. D went 4 down and 9 left, as (6, −2) exchanged and times "
        "the spacing: components and millimetres.",
        wrong=mysteries.WRONG, form=mysteries.form, observe=mysteries.observe,
    ),
)  # fmt: skip
