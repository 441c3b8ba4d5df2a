"""Register one pair of images without training: bring the moving image onto the fixed one.

    python data_scripts/register.py FIXED MOVING --out FOLDER [--range -1000 200] …

FIXED and MOVING are NIfTI files of any size and spacing; their headers say where they lie. In the
folder: warped.nii.gz (the moving image on the fixed grid), ddf.nii.gz (the field as ITK's
displacement: SimpleITK, ANTs and Slicer move MOVING itself by it), pair.png (before and after) and,
with labels, warped_label.nii.gz. The table says how alike the two were and are, how far labels
overlap, where the map folds. Images of two kinds, MR and ultrasound, want --two-kinds.
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from onepair import OnePair
from program import Parser, run
from recipe import LATER, build_network
from report import table
from torch import Tensor
from torch.nn import functional as F

from regtutor import show
from regtutor.checks import complaint, require, require_file
from regtutor.deformation import resize_field
from regtutor.files import spacing_of, write_displacement, write_image
from regtutor.instance import coarse_to_fine, register
from regtutor.losses import LocalNormalizedCrossCorrelationLoss, SelfSimilarityLoss
from regtutor.mismatch import Pair


def arguments() -> Parser:
    parser = Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("fixed", type=Path, help="the image that stays (NIfTI)")
    add("moving", type=Path, help="the image that is warped, on any grid")
    add("--out", type=Path, required=True, help="the folder to write to")
    add("--fixed-label", type=Path, help="its label map, to judge by")
    add("--moving-label", type=Path, help="its label map, to judge by")
    add("--range", type=float, nargs=2, metavar=("LOW", "HIGH"), help=RANGE)
    add("--centre", action="store_true", help="ignore where the headers put the images")
    add("--two-kinds", action="store_true", help="compare edges, not brightness: MR and ultrasound")
    add("--no-affine", action="store_true", help="no affine map first: safer for two kinds")
    add("--smoothness", type=float, default=0.1, help="a larger one gives a smoother map (0.1)")
    add("--weights", type=Path, help="best.pt of train.py: start from what its network predicts")
    return parser


RANGE = (
    "intensities that become 0 and 1, for CT -1000 200 (otherwise the 0.5th and the 99.5th "
    "percentile of each image, or what the weights were trained with)"
)


def require_room(out: Path) -> None:
    """Ask whether the output folder is there or can be made."""
    near = out.expanduser().absolute()
    while not near.exists():
        near = near.parent
    require(near.is_dir(), "--out", "a folder", f"the file {near}", "Choose another name.")


def require_itk(affine: Tensor, d: int) -> None:
    """Ask whether ITK can hold a field on such a grid, before minutes are spent on it."""
    with TemporaryDirectory() as folder:
        write_displacement(Path(folder) / "ddf.nii", torch.zeros(1, d, *[1] * d), affine)


def settings_of(weights: Path) -> Namespace:
    """What train.py left beside its weights."""
    beside = require_file("--weights", weights).with_name("settings.json")
    remedy = "train.py writes it beside best.pt: copy it along."
    require(beside.is_file(), "--weights", "settings.json beside it", "none", remedy)
    kept = json.loads(beside.read_text(encoding="utf-8"))
    return Namespace(**LATER | kept)


@torch.no_grad()
def predict_start(weights: Path, kept: Namespace, fixed: Tensor, moving: Tensor) -> Tensor:
    """What a trained network says of the pair, at its size: `(1, d, *spatial)`, voxels."""
    grid, fits = fixed.shape[2:], 2 ** (max(kept.levels) + kept.half)
    size = kept.size or [-(-n // fits) * fits for n in grid]
    try:
        network = build_network(kept, tuple(size)).eval()
        network.load_state_dict(torch.load(weights, map_location="cpu"))
        linear = "trilinear" if len(grid) == 3 else "bilinear"
        small = [F.interpolate(image, size=tuple(size), mode=linear) for image in (moving, fixed)]
        return resize_field(network(torch.cat(small, dim=1)), grid)
    except Exception as error:  # each damage, and another dimension, has its own kind
        wanted = f"weights that train.py wrote for {len(grid)}-D images"
        got = " ".join(str(error).split())[:120]
        raise ValueError(complaint(str(weights), wanted, got)) from error


def picture(pair: OnePair, ddf: Tensor, title: str) -> show.Picture:
    """The pair before and after, labels outlined."""
    labels = {}
    if pair.label is not None:
        before, after = (pair.warped_label(field) for field in (torch.zeros_like(ddf), ddf))
        labels = {"fixed_label": pair.label, "moving_label": before, "warped_label": after}
    return show.before_after(
        pair.fixed,
        pair.moving,
        pair.to_unit.change(pair.warped(ddf)),
        ddf,
        **{name: (label > 0).float() for name, label in labels.items()},
        view=show.View(spacing_of(pair.affine, ddf.shape[1]), window=(0, 1)),
        title=title,
    )


@torch.no_grad()
def judge(pair: OnePair, ddf: Tensor, two_kinds: bool, when: str) -> dict[str, float | str]:
    """A row of the table."""
    warped = pair.to_unit.change(pair.warped(ddf))
    if two_kinds:  # on the grid on which register compared them: a fine one takes gigabytes
        small = Pair(pair.fixed, warped).at(coarse_to_fine(ddf.shape[2:])[-1].shrink)
        alike = {"edges_differ": SelfSimilarityLoss()(small.moving, small.fixed).item()}
    else:
        lncc = LocalNormalizedCrossCorrelationLoss(ddf.shape[1], kernel_size=9)
        alike = {"lncc": -lncc(warped, pair.fixed).item()}
    return {"when": when, **alike, **pair.scores(ddf)}


def main(options: Namespace) -> None:
    require_room(options.out)
    paths = {
        "fixed_image": options.fixed,
        "moving_image": options.moving,
        "fixed_label": options.fixed_label,
        "moving_label": options.moving_label,
    }
    kept = None if options.weights is None else settings_of(options.weights)
    window = options.range or (kept and kept.window)
    given = {key: path for key, path in paths.items() if path is not None}
    pair = OnePair(given, window, options.centre)
    require_itk(pair.affine, pair.fixed.ndim - 2)
    began, start = perf_counter(), None
    if kept is not None:
        start = predict_start(options.weights, kept, pair.fixed, pair.moving)
    found = register(
        pair.fixed,
        pair.moving,
        image_loss=SelfSimilarityLoss() if options.two_kinds else None,
        smoothness=options.smoothness,
        mask=pair.seen,
        affine=not options.no_affine,
        start=start,
        progress=True,
    )
    seconds = perf_counter() - began
    ddf, out = found.ddf, options.out.expanduser()
    out.mkdir(parents=True, exist_ok=True)
    write_image(out / "warped.nii.gz", pair.warped(ddf)[0, 0], pair.affine)
    write_displacement(out / "ddf.nii.gz", pair.for_files(ddf), pair.affine)
    if pair.label is not None:
        write_image(
            out / "warped_label.nii.gz", pair.warped_label(ddf)[0, 0], pair.affine, torch.int32
        )
    picture(pair, ddf, f"{options.moving.name} onto {options.fixed.name}").save(out / "pair.png")
    fields = {"before": torch.zeros_like(ddf), "after": ddf}
    rows = [judge(pair, field, options.two_kinds, when) for when, field in fields.items()]
    size = "×".join(map(str, ddf.shape[2:]))
    print(f"{size} voxels, {seconds:.0f} s, into {out}\n{table(rows)}")


if __name__ == "__main__":
    run(main, arguments())
