"""Notebook 10's results table, invented, with ten numbered claims of which five are sins."""

from __future__ import annotations

from typing import Any

from regtutor.exercises.exercise import Wrong

TABLE = """\
| | Dice of the lungs | TRE |
|---|---|---|
| affine ① | .871 ± .034 ② | 9.8 mm |
| network of 2019 | .934 ± .025 | 3.9 mm |
| **ours**, its best of 200 epochs on these cases ③ | **.962** ± .019 | **1.4 voxels** ④ |

*Deformable registration of 20 lung CT pairs, one a patient; none was used in training* ⑤. *All
rows start from the same affine* ⑥. *Images, masks and landmarks were resampled to 96 × 96 × 104
and are scored there; a clinic would use 512 × 512 × 121* ⑦. *Landmarks were placed by two readers
who did not see any result* ⑧. *The images overlap almost perfectly after registration, so that a
search for folds was not needed* ⑨. *After ± stands the standard deviation over patients* ⑩.
"""
SINS = {
    1: "the table begins with the affine: nobody can see what doing nothing would have scored",
    3: "the epoch is chosen on the cases that are reported: its luck is part of the score",
    4: "voxels stand beside millimetres",
    7: "scored on a coarser grid than the one that is used, where a voxel hides some millimetres",
    9: "overlap says nothing of folds, and they are not reported",
}
CLAIMS = set(range(1, 11))


def form(answer: Any) -> str | None:
    """Five different numbers of 1 to 10."""
    good = isinstance(answer, set | frozenset | list | tuple) and len(answer) == 5
    good = good and all(isinstance(n, int) and n in CLAIMS for n in answer)
    if good and len(set(answer)) == 5:
        return None
    return "a set of five numbers from 1 to 10 is asked for: answer = {…}."


def _taking(number: int, instead_of: int) -> set[int]:
    return set(SINS) - {instead_of} | {number}


def _accused(name: str, number: int, slip: str, look: str) -> Wrong:
    return Wrong(name, slip, look, lambda: _taking(number, 9 if number == 2 else 1),
                 lambda answer: number in answer)  # fmt: skip


# Five are asked for, so whoever misses a sin accuses a claim that is in order: that one is told.
WRONG = (
    _accused("spread", 2, "claim 2 is held against the authors",
             "A mean with its spread is what one wants to see, and claim 10 says which spread."),
    _accused("patients", 5, "claim 5 is held against the authors",
             "One pair a patient, none of them in training: that is how it should be. With more "
             "pairs of one patient 20 would not be 20."),
    _accused("same_start", 6, "claim 6 is held against the authors",
             "The same start makes the rows comparable. What is missing is a row before it."),
    _accused("blind_readers", 8, "claim 8 is held against the authors",
             "Readers who cannot see the result cannot favour it."),
    _accused("kind_of_spread", 10, "claim 10 is held against the authors",
             "It says what ± means, and that is needed: a standard error would be 4.5 times "
             "smaller, for 20 patients."),
)  # fmt: skip
