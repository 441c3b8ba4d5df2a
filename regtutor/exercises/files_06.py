"""Exercises of notebook 06, From files to a batch: dicts, order, a transform, two epochs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from regtutor.exercises import casefiles, clipping
from regtutor.exercises.casefiles import ROLES, dicts, has, role, split, with_roles
from regtutor.exercises.exercise import Exercise, Property, Wrong

STEPS = ("load", "channel", "scale", "resize_images", "resize_labels", "random")
CACHED = ("load", "channel", "scale", "resize")
CHAIN = (*CACHED, "affine", "noise")
RIVALS = {"scale_without_clip": "scale", "resize_labels_linear": "resize_labels"}


def _names_of(answer: Any, known: Collection[str]) -> bool:
    return isinstance(answer, list | tuple | set) and set(answer) <= set(known)


def _order_form(answer: Any) -> str | None:
    known = {*STEPS, *RIVALS}
    if not _names_of(answer, known) or len(answer) != 6:
        return f"a list of six of these names is asked for: {', '.join(sorted(known))}."
    if len(set(answer)) < 6:
        return "a name is there twice: each is needed once."
    both = next((f"{one} and {other}" for one, other in RIVALS.items()
                 if {one, other} <= set(answer)), None)  # fmt: skip
    return f"of {both} only one is needed." if both else None


def _order_facts(answer: Sequence[str]) -> dict[str, Any]:
    """What counts of an order: values may be rescaled before or after anything that has a grid."""
    resized = [place for place, step in enumerate(answer) if step.startswith("resize")]
    channel = "channel" in answer and answer.index("channel") < min(resized, default=6)
    return {"first": answer[0], "channel in time": channel, "last": answer[-1],
            "chosen": sorted(answer)}  # fmt: skip


def _instead(**other: str) -> Callable[[], list[str]]:
    return lambda: [other.get(step, step) for step in STEPS]


def _names(answer: Any) -> str | None:
    if not _names_of(answer, CHAIN):
        return f"a list of some of these names is asked for: {', '.join(CHAIN)}; [] for none."
    return None


EXERCISES = (
    Exercise(
        name="data_dicts", notebook="06",
        question="Build one dict a case for the 20 cases, keys fixed_image (exhale), moving_image "
        "(inhale), fixed_label, moving_label, and split them 18 / 2. "
        "answer = train_files, val_files",
        solution=lambda: casefiles.data_dicts("lungs"),
        why="Twenty patients, each in one part only, and what is fixed is fixed everywhere.",
        hints=(
            "The files are named case_001 … case_020; range(1, 21) counts like that.",
            'f"{case:03d}" writes three digits; exp is fixed, insp is moving.',
            "Build all 20 dicts first, then slice: files[:18], files[18:].",
        ),
        worked="One dict for each number 1 … 20, four paths in it, all of one case; then slices of "
        "18 and 2. Nobody is in both, because each patient has one dict.",
        wrong=(
            Wrong("from_zero", "cases are counted from 0", "There is a case_020 and no case_000: "
                  "range(1, 21).", lambda: split(dicts(range(20))),
                  lambda facts: 0 in facts["not there"]),
            Wrong("of_two_patients", "one dict mixes two patients", "Print one dict: all four "
                  "paths must have the same number.", lambda: split(dicts(offset=1)),
                  has("of two patients")),
            Wrong("in_both", "a patient is in both parts", "Validation would then be on what was "
                  "learned by heart. Slice at one place: [:18] and [18:].",
                  lambda: (dicts()[:18], dicts()[17:]), has("in both")),
            Wrong("swapped", "exhale and inhale are exchanged", "Fixed is the one that stays: "
                  "exhale, exp.", with_roles(
                      **{k: (f, {"exp": "insp", "insp": "exp"}[b]) for k, (f, b) in ROLES.items()}),
                  role("fixed_image", ("scans", "insp"))),
            Wrong("labels_are_scans", "the label keys name scans", "Labels lie in lungMasks/, "
                  "under the same file names.", with_roles(fixed_label=("scans", "exp"),
                                                       moving_label=("scans", "insp")),
                  role("fixed_label", ("scans", "exp"))),
            Wrong("labels_crossed", "the two labels are under each other's key",
                  "fixed_label is the mask of fixed_image: exp with exp.",
                  with_roles(fixed_label=("lungMasks", "insp"), moving_label=("lungMasks", "exp")),
                  role("fixed_label", ("lungMasks", "insp"))),
            Wrong("one_image", "both images are the same breath",
                  "A pair is two: exp under fixed_image, insp under moving_image.",
                  with_roles(moving_image=("scans", "exp")),
                  role("moving_image", ("scans", "exp"))),
            Wrong("too_many", "cases beyond 20 are used", "Cases 21 to 24 are kept for the test: "
                  "range(1, 21).", lambda: split(dicts(range(1, 25))),
                  lambda facts: max(facts["not there"], default=0) > 20),
            Wrong("left_out", "a case is left out", "range(1, 20) ends at 19, and two slices must "
                  "meet: [:18] and [18:].", lambda: split(dicts(range(1, 20))),
                  has("left out")),
        ),
        form=casefiles.form, observe=casefiles.facts, code=(casefiles.data_dicts,),
    ),
    Exercise(
        name="transform_order", notebook="06",
        question="Choose six and put them in order: load, channel, scale (with clip), "
        "scale_without_clip, resize_images (linear), resize_labels (nearest), "
        "resize_labels_linear, random. answer = [six names]",
        solution=lambda: list(STEPS),
        why="Read, give it a channel, do what is always the same, and only then draw.",
        hints=(
            "Nothing can be done before the files are read; channel comes right after.",
            "CacheDataset keeps what stands before the first random transform.",
            "Of each pair of rivals take the one that keeps labels whole and bone within [0, 1].",
        ),
        worked="load, channel, then scale (with clip) and the two resizings in any order, labels "
        "by nearest, and random last: all that stands before it is done once and cached.",
        wrong=(
            Wrong("linear_labels", "labels are resized linearly", "Between label 1 and label 3 "
                  "that makes a label 2 that is not there.",
                  _instead(resize_labels="resize_labels_linear"),
                  lambda facts: "resize_labels_linear" in facts["chosen"]),
            Wrong("clip_lost", "the window is not clipped", "Bone and metal then lie far above 1 "
                  "and rule the loss.", _instead(scale="scale_without_clip"),
                  lambda facts: "scale_without_clip" in facts["chosen"]),
            Wrong("load_late", "something is done before the files are read",
                  "Until load, the dict holds file names.",
                  lambda: ["scale", "load", "channel", "resize_images", "resize_labels", "random"],
                  lambda facts: facts["first"] != "load"),
            Wrong("channel_late", "the channel axis comes after a spatial transform",
                  "That one takes the first axis for channels, and leaves it alone.",
                  lambda: ["load", "scale", "resize_images", "resize_labels", "channel", "random"],
                  lambda facts: not facts["channel in time"]),
            Wrong("random_early", "a random transform stands before the others",
                  "The cache ends there: all that follows is done again in every epoch.",
                  lambda: ["load", "channel", "random", "scale", "resize_images", "resize_labels"],
                  lambda facts: facts["last"] != "random"),
        ),
        form=_order_form, observe=_order_facts,
    ),
    Exercise(
        name="clip_hu", notebook="06",
        question="Write class ClipHU(MapTransform): it sends [−1000, 200] HU to [0, 1] and clips, "
        "for its keys alone. answer = ClipHU",
        solution=lambda: clipping.ClipHU,
        why="A new dict, new tensors, its own keys only: it may stand before the cache.",
        hints=(
            "Begin with out = dict(data) and end with return out.",
            "for key in self.key_iterator(data): goes over the keys that are there.",
            "out[key] = ((data[key] + 1000) / 1200).clamp(0, 1)",
        ),
        worked="MapTransform keeps the keys; __call__ makes a new dict and puts a new tensor under "
        "each key that the data has.",
        wrong=clipping.WRONG,
        form=clipping.form, observe=clipping.observe, code=(clipping.ClipHU,),
        properties=(
            Property("other_images", clipping.right_on_other_images, "On an image of its own, "
                     "−1000 HU must give 0, −400 must give 0.5, 200 and more must give 1."),
        ),
    ),
    Exercise(
        name="two_epochs", notebook="06",
        question="CacheDataset with load, channel, scale, resize, affine (RandAffined), noise "
        "(RandGaussianNoised). Which steps give exactly the same in epoch 1 and epoch 2? "
        "answer = [names]",
        solution=lambda: list(CACHED),
        why="What is before the first random transform is made once; what is behind, every time.",
        hints=(
            "Two of the six draw random numbers.",
            "The cache keeps the result just before the first that draws.",
            "Count from the front until the first name that begins with Rand.",
        ),
        worked="load, channel, scale and resize are the same: they are made once and kept. The "
        "affine and the noise are drawn anew each time an item is asked for.",
        wrong=(
            Wrong("everything", "the cache is thought to keep finished samples",
                  "Then augmentation would never change. Take the same item twice and compare.",
                  lambda: list(CHAIN)),
            Wrong("nothing", "every step is thought to be done anew",
                  "What is the bar for that runs before the first epoch?", lambda: []),
            Wrong("files_only", "less is thought to be kept in memory than is",
                  "Everything that always does the same is kept, up to the first random one.",
                  lambda: ["load"], lambda seen: 0 < len(seen) < 4 and set(seen) < set(CACHED)),
            Wrong("affine_too", "one random transform is thought to be drawn once",
                  "Both draw whenever an item is asked for: the cache ends before the first.",
                  lambda: [*CACHED, "affine"],
                  lambda seen: len(seen) < 6 and len({"affine", "noise"} & set(seen)) == 1),
            Wrong("random_only", "the answer is turned around: these are the ones that change",
                  "Asked is what stays the same.", lambda: ["affine", "noise"]),
        ),
        form=_names, observe=lambda answer: [name for name in CHAIN if name in answer],
    ),
)  # fmt: skip
