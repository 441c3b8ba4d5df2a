"""Notebook 09's training step as shuffled lines: seven belong to it, four are lines that tempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regtutor.exercises.exercise import Wrong

LINES = {
    "A": "loss.backward()",
    "B": "ddf = network(torch.cat([moving, fixed], dim=1))",
    "C": "optimizer.step()",
    "D": "warped = Warp()(moving, ddf)",
    "E": "optimizer.zero_grad()",
    "F": "loss = F.mse_loss(warped, fixed) + BendingEnergyLoss()(ddf)",
    "G": 'moving, fixed = batch["moving_image"], batch["fixed_image"]',
    "H": "ddf = network(torch.cat([moving, fixed], dim=1)).detach()",
    "I": "warped = Warp()(fixed, ddf)",
    "J": "loss = F.mse_loss(moving, fixed) + BendingEnergyLoss()(ddf)",
    "K": "optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)",
}
RIGHT = "GEBDFAC"
STEPS = {"load": "G", "ddf": "BH", "warp": "DI", "loss": "FJ", "backward": "A", "step": "C"}


def shuffled_step() -> str:
    """The eleven lines, one a row, as the notebook prints them."""
    return "\n".join(f"{letter}   {line}" for letter, line in LINES.items())


def form(answer: Any) -> str | None:
    """Different letters of A to K."""
    letters = list(answer) if isinstance(answer, str | list | tuple) else []
    known = all(isinstance(letter, str) and letter in LINES for letter in letters)
    if letters and known and len(set(letters)) == len(letters):
        return None
    return 'different letters from A to K, in their order, are asked for: answer = "…".'


def observe(answer: Any) -> str:
    """The letters; zero_grad is moved to where the solution has it if it does no harm."""
    letters = "".join(answer)
    rest = letters.replace("E", "")
    harmless = "E" in letters and not _wiped(letters)
    return rest[:1] + "E" + rest[1:] if harmless else letters


def _wiped(letters: str) -> bool:
    """zero_grad stands between backward and step."""
    between = [letters.find(letter) for letter in "AEC"]
    return -1 < between[0] < between[1] < between[2]


def _chosen(letter: str) -> Callable[[str], bool]:
    return lambda letters: letter in letters


def _places(letters: str) -> list[int]:
    """Where the six steps that need each other stand; a step that is missing is not counted."""
    found = [[letters.find(a) for a in rivals if a in letters] for rivals in STEPS.values()]
    return [places[0] for places in found if places]


def _lacks(letters: str) -> bool:
    return len(_places(letters)) < len(STEPS)


def _out_of_order(letters: str) -> bool:
    return _places(letters) != sorted(_places(letters))


def _says(answer: str) -> Callable[[], str]:
    return lambda: answer


WRONG = (
    Wrong("detached", "the field is cut off from the network (H)",
          "detach() ends the graph there: backward finds no way to a weight. Choose B.",
          _says("GEHDFAC"), _chosen("H")),
    Wrong("fixed_warped", "the fixed image is warped (I)",
          "The field says where in the moving image each voxel is read. Choose D.",
          _says("GEBIFAC"), _chosen("I")),
    Wrong("not_warped", "the images are compared as they came (J)",
          "That number is the same for every network. Compare what was warped: F.",
          _says("GEBDJAC"), _chosen("J")),
    Wrong("adam_anew", "Adam is made anew in every step (K)",
          "It forgets its running means, and the old gradients still stand. Leave K out.",
          _says("GKBDFAC"), _chosen("K")),
    Wrong("wiped", "the gradients are forgotten between backward and step",
          "Then step finds none. Forget the *last* step's gradients: before backward.",
          _says("GBDFAEC"), _wiped),
    Wrong("step_first", "the optimiser steps before backward",
          "It would step by gradients that are not there yet, or by those of the last batch.",
          _says("GEBDFCA"), lambda letters: -1 < letters.find("C") < letters.find("A")),
    Wrong("lacking", "a step is left out",
          "Load, ddf, warp, compare, gradients, step: which of them does nobody do?",
          _says("GEBDFA"), _lacks),
    Wrong("too_soon", "a line uses what a later line makes",
          "Ask of each line which names it reads: moving, ddf, warped, loss.",
          _says("GEDBFAC"), _out_of_order),
    Wrong("not_forgotten", "the old gradients are never forgotten",
          "backward adds to what is there: without zero_grad every step is a sum of all before.",
          _says("GBDFAC"), lambda letters: "E" not in letters),
)  # fmt: skip
