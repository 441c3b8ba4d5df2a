"""Two kinds of image, no labels and no training: what their likeness alone is good for.

    python data_scripts/two_kinds.py FOLDER [--shift-only] [--smoothness 2] [--out FILE.csv]
                                            [--draw N FILE.png]

FOLDER is DeepReg's demo collection of prostate pairs. Each MR image is brought to its ultrasound
image by the shift that is to be expected (`regtutor.shift`) and then by `register` with MIND-SSC;
outlines and landmark blobs judge only. At the end the mean gains over the centres of the grids
aligned, with 95 % intervals, and the p of a paired test (Wilcoxon's).
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import torch
from program import Parser, run
from prostate import load
from report import judge, print_gains, write_rows
from torch import Tensor, nn

from regtutor import show
from regtutor.checks import require
from regtutor.data import DataLoader
from regtutor.descent import coarse_to_fine
from regtutor.evaluation import DoNothing, predict
from regtutor.instance import register
from regtutor.losses import SelfSimilarityLoss
from regtutor.shift import expected_shift


def arguments() -> Parser:
    parser = Parser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("folder", type=Path, help="DeepReg's prostate pairs")
    add("--shift-only", action="store_true", help="no register after the shift")
    add("--smoothness", type=float, default=2.0)
    add("--out", type=Path, help="a CSV file for every pair, before and after")
    add("--draw", nargs=2, metavar=("N", "FILE"), help="nothing but a picture of pair N, from 1")
    return parser


class WithoutLabels(nn.Module):
    """A "network" that is given moving and fixed and optimises for each pair."""

    def __init__(self, shift_only: bool, smoothness: float) -> None:
        super().__init__()
        self.shift_only = shift_only
        self.smoothness = smoothness

    def forward(self, both: Tensor) -> Tensor:
        moving, fixed = both.split(1, dim=1)
        seen, shown = ((image > 0).float() for image in (fixed, moving))
        shift = expected_shift(fixed, moving, fixed_mask=seen, moving_mask=shown)
        if self.shift_only:
            return shift
        with torch.enable_grad():
            return register(
                fixed,
                moving,
                start=shift,
                levels=coarse_to_fine(fixed.shape[2:]),
                mask=seen,
                image_loss=SelfSimilarityLoss(),
                smoothness=self.smoothness,
            ).ddf


@torch.no_grad()
def picture(pair: dict, method: nn.Module, number: int) -> show.Picture:
    """One pair before and after, the gland outlined."""
    pair = next(iter(DataLoader([pair])))
    found = predict(method, pair)
    return show.before_after(
        pair["fixed_image"],
        pair["moving_image"],
        found.warped_image,
        found.ddf,
        fixed_label=pair["fixed_label"],
        moving_label=pair["moving_label"],
        warped_label=found.warped_label,
        view=show.View(None, axis=2),  # the header's spacing is not physical
        title=f"Prostate pair {number}: MR (moving) onto ultrasound (fixed), no labels used",
    )


def main(options: Namespace) -> None:
    data = list(load(options.folder))
    loader, method = DataLoader(data), WithoutLabels(options.shift_only, options.smoothness)
    if options.draw:
        number, file = int(options.draw[0]), Path(options.draw[1])
        require(1 <= number <= len(data), "--draw", f"a pair from 1 to {len(data)}", number)
        picture(data[number - 1], method, number).save(file)
        return
    rows = judge(DoNothing(), loader, "before") + judge(method, loader, "after")
    if options.out:
        write_rows(options.out, rows)
    print_gains(rows)


if __name__ == "__main__":
    run(main, arguments())
