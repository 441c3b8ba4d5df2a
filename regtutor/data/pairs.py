"""Which file belongs to which: a folder becomes a list of dicts, one a pair.

A collection has a layout, a pattern of names for each role, in which `*` stands for the case. Here
are the course's (Learn2Reg 2020, task 2), DeepReg's and the later Learn2Reg LungCT's. Fixed is the
image that stays: expiration, ultrasound. Taught in notebook 06.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from regtutor.checks import complaint, require, require_count

Pair = dict[str, str]

# role → the patterns under which it is looked for, the first that is there counts
LAYOUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "course": {
        "fixed_image": ("scans/*_exp.nii.gz",),
        "moving_image": ("scans/*_insp.nii.gz",),
        "fixed_label": ("lungMasks/*_exp.nii.gz",),
        "moving_label": ("lungMasks/*_insp.nii.gz",),
        "fixed_points": ("landmarks/*.csv", "keypoints/*.csv"),
        "moving_points": ("landmarks/*.csv", "keypoints/*.csv"),
    },
    "DeepReg": {
        "fixed_image": ("fixed_images/*.nii.gz",),
        "moving_image": ("moving_images/*.nii.gz",),
        "fixed_label": ("fixed_labels/*.nii.gz",),
        "moving_label": ("moving_labels/*.nii.gz",),
    },
    "LungCT": {
        "fixed_image": ("imagesTr/*_0000.nii.gz",),
        "moving_image": ("imagesTr/*_0001.nii.gz",),
        "fixed_label": ("masksTr/*_0000.nii.gz",),
        "moving_label": ("masksTr/*_0001.nii.gz",),
        "fixed_points": ("landmarksTr/*_0000.csv", "keypointsTr/*_0000.csv"),
        "moving_points": ("landmarksTr/*_0001.csv", "keypointsTr/*_0001.csv"),
    },
}


def find_pairs(folder: str | Path) -> list[Pair]:
    """The pairs in a folder of one of the `LAYOUTS`, by name.

    Args:
        folder: what holds `scans`, or `fixed_images` and `moving_images`, or `imagesTr`.

    Returns:
        For each pair, in the order of the names: `case`, its name; `fixed_image`, `moving_image`;
        and, where they are there, `fixed_label`, `moving_label`, `fixed_points`, `moving_points`
        (which in the course's layout name one file). All are text.

    Raises:
        FileNotFoundError: no such folder, or nothing in it that is known.
        ValueError: an image, label or table of points without its partner, by name.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        got, remedy = f"no folder at {folder}", "Is the path counted from where Python runs?"
        raise FileNotFoundError(complaint("folder", "a folder of pairs", got, remedy))
    for layout in LAYOUTS.values():
        found = {role: _by_case(folder, patterns) for role, patterns in layout.items()}
        cases = sorted(found["fixed_image"].keys() | found["moving_image"].keys())
        if cases:
            return [_pair(folder, case, found, layout) for case in cases]
    looked = ", ".join(layout["fixed_image"][0] for layout in LAYOUTS.values())
    inside = sorted(path.name for path in folder.iterdir())[:8] or "nothing"
    got, remedy = f"a folder of {inside}", "Give the folder that these stand in."
    raise FileNotFoundError(complaint(str(folder), f"pairs, as {looked}", got, remedy))


def _by_case(folder: Path, patterns: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pattern in reversed(patterns):
        before, after = Path(pattern).name.split("*")
        for path in folder.glob(pattern):
            found[path.name[len(before) : len(path.name) - len(after)]] = str(path)
    return found


def _pair(
    folder: Path,
    case: str,
    found: Mapping[str, Mapping[str, str]],
    layout: Mapping[str, Sequence[str]],
) -> Pair:
    pair = {"case": case} | {role: paths[case] for role, paths in found.items() if case in paths}
    for role in pair.keys() - {"case"}:
        side, kind = role.split("_")
        partner = f"{'moving' if side == 'fixed' else 'fixed'}_{kind}"
        if partner not in pair:
            wanted = folder / layout[partner][0].replace("*", case)
            got, remedy = "no such file", "Bring it there, or take this one away."
            raise ValueError(complaint(pair[role], f"its partner {wanted}", got, remedy))
    return pair


def split_pairs(
    pairs: Sequence[Pair], validation: int = 2, patient: str = "case"
) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train on and pairs to hold out, no patient in both; split twice for a test set too.

    The last patients are held out, in the order given.

    Args:
        pairs: dicts.
        validation: how many patients to hold out.
        patient: the key that says whose pair it is.

    Returns:
        Training pairs and held-out pairs.

    Raises:
        ValueError: nobody left to train on, or a pair that does not say whose it is.

    >>> pairs = [{"case": name} for name in "aabcd"]
    >>> rest, test = split_pairs(pairs, validation=1)
    >>> [len(part) for part in split_pairs(rest, validation=1)]
    [3, 1]
    """
    require_count("validation", validation)
    for pair in pairs:
        require(patient in pair, "pairs", f"{patient!r} in every pair", sorted(pair))
    patients = list(dict.fromkeys(pair[patient] for pair in pairs))
    enough = len(patients) > validation
    require(enough, "pairs", f"more than {validation} patients", len(patients), "Hold out fewer.")
    held_out = set(patients[-validation:])
    return (
        [pair for pair in pairs if pair[patient] not in held_out],
        [pair for pair in pairs if pair[patient] in held_out],
    )
