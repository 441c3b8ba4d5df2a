"""Exercises of notebook 07, Networks: the shape of the answer, blocks, and starting at nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from regtutor.exercises import starting
from regtutor.exercises.exercise import Exercise, Property, Wrong
from regtutor.exercises.starting import with_parts
from regtutor.networks import LocalNet

BLOCKY: dict[str, Any] = {"spatial_dims": 2, "in_channels": 2, "out_channels": 2,
                          "num_channel_initial": 4, "extract_levels": [3]}  # fmt: skip
TRAINING = ("epochs", "learning_rate", "bending_weight")


@lru_cache(maxsize=1)
def _shape() -> tuple[tuple[int, ...], torch.dtype]:
    network = LocalNet(spatial_dims=3, in_channels=2, num_channel_initial=2, extract_levels=[0, 1])
    with torch.no_grad():
        ddf = network(torch.zeros(2, 2, 32, 24, 40))
    return tuple(ddf.shape), ddf.dtype


def _shape_form(answer: Any) -> str | None:
    if not (isinstance(answer, tuple | list) and len(answer) == 2):
        return "two things are asked for: answer = (2, …), torch.float…"
    return None if isinstance(answer[0], tuple | list) else "the shape comes first, as a tuple."


def _shape_seen(answer: Any) -> tuple[list[int], str]:
    return list(answer[0]), str(answer[1]).removeprefix("torch.")


def _shape_is(*shape: int) -> Callable[[], Any]:
    return lambda: (shape, torch.float32)


def _change_form(answer: Any) -> str | None:
    names = (*inspect.signature(LocalNet).parameters, *TRAINING)
    if isinstance(answer, dict) and len(answer) == 1 and set(answer) <= set(names):
        return None
    return f"one change is asked for, as a dict {{name: value}}; names are {', '.join(names)}."


def _change_seen(answer: dict[str, Any]) -> dict[str, Any]:
    """The name of the change, and in blocks of how many voxels the field is constant after it."""
    settings = BLOCKY | {name: value for name, value in answer.items() if name not in TRAINING}
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(7)
        field = LocalNet(**settings).eval()(torch.rand(1, settings["in_channels"], 32, 48))
    sides = [side for side in (16, 8, 4, 2) if _is_blocky(field, side)]
    return {"change": next(iter(answer)), "block": max(sides, default=1)}


def _is_blocky(field: Tensor, side: int) -> bool:
    first = field[..., ::side, ::side].repeat_interleave(side, 2).repeat_interleave(side, 3)
    return torch.allclose(field, first, atol=1e-6)


def _shape_has(axis: int, length: int) -> Callable[[Any], bool]:
    return lambda seen: len(seen[0]) == 5 and seen[0][axis] == length


def _change_is(name: str) -> Callable[[Any], bool]:
    return lambda seen: seen["change"] == name


EXERCISES = (
    Exercise(
        name="output_shape", notebook="07",
        question="fixed is (2, 1, 32, 24, 40); moving, once (2, 1, 44, 20, 36), has been brought "
        "onto its grid. What are shape and dtype of LocalNet(3, 2, 8, [0, 1, 2, 3])"
        "(torch.cat([moving, fixed], 1))? answer = (…), torch.…",
        solution=_shape,
        why="Three numbers for every voxel of the fixed image, and not whole ones.",
        hints=(
            "What comes out is a displacement field, not an image.",
            "A field has one channel an axis, and a vector at every voxel of the fixed grid.",
            "The batch stays first, channels come second, then the fixed image's three sizes.",
        ),
        worked="(2, 3, 32, 24, 40) and torch.float32: batch, one channel an axis, the fixed grid; "
        "displacements are fractions of voxels.",
        wrong=(
            Wrong("one_channel", "the network is thought to return the warped image",
                  "It returns the field; Warp makes the image.", _shape_is(2, 1, 32, 24, 40),
                  _shape_has(1, 1)),
            Wrong("two_channels", "as many channels are thought to come out as go in",
                  "Count the components of a displacement in 3-D.", _shape_is(2, 2, 32, 24, 40)),
            Wrong("features", "num_channel_initial is taken for what comes out", "These 8 are "
                  "channels inside. The heads make steps of them: a number an axis.",
                  _shape_is(2, 8, 32, 24, 40), _shape_has(1, 8)),
            Wrong("moving_grid", "the field is thought to live on the moving image's own grid",
                  "It says for each voxel of the FIXED image where to read.",
                  _shape_is(2, 3, 44, 20, 36), _shape_has(2, 44)),
            Wrong("no_batch", "the batch is forgotten", "Two pairs went in.",
                  _shape_is(3, 32, 24, 40), lambda seen: len(seen[0]) < 5 or seen[0][0] == 1),
            Wrong("turned", "the axes are turned around", "They stay in the order of the input: "
                  "no x, y, z here.", _shape_is(2, 3, 40, 24, 32)),
            Wrong("channels_last", "the components are put last, as grid_sample wants them",
                  "In torch channels are second; sample turns them around by itself.",
                  _shape_is(2, 32, 24, 40, 3)),
            Wrong("whole_voxels", "displacements are thought to be whole voxels",
                  "Sub-voxel motion is what linear interpolation is for: float32.",
                  lambda: ((2, 3, 32, 24, 40), torch.int64), lambda seen: "int" in seen[1]),
        ),
        form=_shape_form, observe=_shape_seen,
    ),
    Exercise(
        name="blocks", notebook="07",
        question="LocalNet(extract_levels=[3]) predicts a field that is constant in 8 × 8 blocks. "
        "Which one change gives every voxel a step of its own? Network: mode, "
        "num_channel_initial, extract_levels, head_mode …; training: epochs, learning_rate, "
        "bending_weight. answer = {name: value}",
        solution=lambda: {"extract_levels": [0, 1, 2, 3]},
        why="Level 0 proposes a vector for every voxel; [3] alone has no decoder at all.",
        hints=(
            "How many different vectors can one map of an eighth of the size hold?",
            "Level l proposes one vector for 2^l × 2^l voxels: 2³ = 8.",
            "Which level proposes one for every voxel? It must be among the extract levels.",
        ),
        worked="With [3] only the deepest map speaks, 1/8 of the size, and is blown up: 8 × 8 "
        "blocks, whatever is trained. Levels 0 to 3 speak together in [0, 1, 2, 3].",
        wrong=(
            Wrong("more_epochs", "it is thought to have been trained too little",
                  "An untrained network shows the same blocks. Look at what it CAN say.",
                  lambda: {"epochs": 2000}, _change_is("epochs")),
            Wrong("learning_rate", "the learning rate is blamed",
                  "An untrained network shows the same blocks. Look at what it CAN say.",
                  lambda: {"learning_rate": 1e-3}, _change_is("learning_rate")),
            Wrong("smoother", "more smoothness is asked of a field that cannot bend within a block",
                  "The penalty makes the blocks alike; it does not open them.",
                  lambda: {"bending_weight": 100}, _change_is("bending_weight")),
            Wrong("mode", "the interpolation of the up-sampling is blamed",
                  "mode reaches the decoder; with [3] there is none.",
                  lambda: {"mode": "bilinear"}, _change_is("mode")),
            Wrong("head_mode", "the blocks are blurred instead of opened",
                  "Smooth to look at, but still one vector for 8 × 8 voxels. Ask a finer level.",
                  lambda: {"head_mode": "bilinear"}, _change_is("head_mode")),
            Wrong("wider", "more channels are thought to mean a finer field",
                  "They describe each block better; it stays one block.",
                  lambda: {"num_channel_initial": 8}, _change_is("num_channel_initial")),
            Wrong("not_fine_enough", "the finest level that speaks is still a coarse one",
                  "Level l speaks in blocks of 2^l voxels. Which l makes 1?",
                  lambda: {"extract_levels": [1, 2]},
                  lambda seen: seen["change"] == "extract_levels" and seen["block"] > 1),
            Wrong("something_else", "something is changed that leaves 8 × 8 voxels one vector",
                  "Ask which setting decides how many vectors there are.",
                  lambda: {"pooling": False}, lambda seen: seen["block"] == 8),
        ),
        form=_change_form, observe=_change_seen,
    ),
    Exercise(
        name="identity_start", notebook="07",
        question="GlobalNet ends in head = nn.Linear(features, d·(d + 1)), theta's rows one after "
        "the other, in voxels. Write start_at_identity(head, size), which changes head so that "
        "an untrained net moves nothing. answer = start_at_identity",
        solution=lambda: starting.start_at_identity,
        why="Zero weights make it deaf to the features, the bias says identity.",
        hints=(
            "Theta must not depend on the features yet: which parameter multiplies them?",
            "Then theta is the bias. Identity: A has ones on its diagonal, t is 0.",
            "Under torch.no_grad(): weight.zero_() and bias.copy_(torch.eye(d, d + 1).flatten()).",
        ),
        worked="theta = [A | t] is d × (d + 1); torch.eye(d, d + 1) has A = 1, t = 0, and flatten "
        "puts row after row, as the head's output is read.",
        wrong=(
            Wrong("all_zero", "weights and bias are both zero", "Then A = 0: every voxel is read "
                  "at voxel (0, …, 0). Zero theta is not zero motion.",
                  lambda: with_parts(True, lambda d, size: torch.zeros(d, d + 1))),
            Wrong("weights_left", "the weights stay random", "The bias is right; the features "
                  "still pull. What multiplies them must be 0.",
                  lambda: with_parts(False, lambda d, size: torch.eye(d, d + 1))),
            Wrong("bias_left", "the bias stays random", "The features are silenced, but theta is "
                  "now the bias alone: make it the identity.", lambda: with_parts(True, None)),
            Wrong("square_identity", "a square identity is written and t put after it",
                  "Theta is read row by row, each row [A's row, t]: torch.eye(d, d + 1).",
                  lambda: with_parts(True, lambda d, size: torch.cat(
                      [torch.eye(d).flatten(), torch.zeros(d)]))),
            Wrong("all_ones", "every entry is 1",
                  "Only A's diagonal is 1: the others mix the axes and shift.",
                  lambda: with_parts(True, lambda d, size: torch.ones(d, d + 1))),
            Wrong("normalised", "theta is thought to lead into [−1, 1]",
                  "Here it leads from voxels to voxels: no size in it, no −1.",
                  lambda: with_parts(True, starting.to_unit)),
        ),
        form=starting.form,
        observe=starting.observe, code=(starting.start_at_identity,),
        properties=(
            Property("moves_nothing", starting.moves_nothing,
                     "On a grid of 7 × 3 × 11 the field it gives is not zero everywhere."),
        ),
    ),
)  # fmt: skip
