"""A leaderboard for one: a chest whose truth is nowhere stored, and a table of your attempts.

    seed = SHA-256("regtutor leaderboard " + salt),   pair = breathing_slice(seed)

The truth is drawn again for each score and let go. Another salt is another chest: a class that
agrees on one compares itself. Nothing leaves the kernel and nothing is written. Used in notebook
10.

Convention: images `(1, 1, 112, 140)` in [0, 1], −1000 to 200 HU; fields in voxels, they pull.
"""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import Tensor

from regtutor.checks import require, require_field, require_finite
from regtutor.data.thorax import BreathingPair, breathing_slice
from regtutor.deformation import Warp, affine_to_ddf
from regtutor.instance import register
from regtutor.metrics import (
    DiceMetric,
    HausdorffDistanceMetric,
    folding_fraction,
    target_registration_error,
)
from regtutor.networks import trained_localnet

SIZE = (112, 140)
COLUMNS = ("Dice", "HD95 (mm)", "TRE (mm)", "folded (%)")
Row = tuple[str, bool, dict[str, float]]


class Leaderboard:
    """One hidden pair. Register `fixed` and `moving`, then `submit` your field.

    Attributes:
        fixed, moving: `(1, 1, 112, 140)`, in [0, 1].
        spacing: mm a voxel.

    Args:
        salt: any words; they choose the chest.
    """

    def __init__(self, salt: str) -> None:
        require(isinstance(salt, str) and salt != "", "salt", "some words", salt)
        self._seed = int.from_bytes(
            sha256(f"regtutor leaderboard {salt}".encode()).digest()[:4], "big"
        )
        pair = self._pair()
        self.fixed, self.moving = (
            ((image + 1000) / 1200).clamp(0, 1) for image in (pair.fixed, pair.moving)
        )
        self.spacing = pair.spacing
        self._rows: list[Row] = []
        found = register(self.fixed, self.moving)
        self._enter("doing nothing", torch.zeros_like(found.ddf), reference=True)
        if found.theta is not None:
            self._enter("affine", affine_to_ddf(found.theta, SIZE), reference=True)
        self._enter("our optimisation", found.ddf, reference=True)
        with torch.no_grad():
            ddf = trained_localnet(2, SIZE)(torch.cat([self.moving, self.fixed], dim=1))
        self._enter("our LocalNet", ddf, reference=True)

    def submit(self, name: str, ddf: Tensor) -> str:
        """Score a field and enter it.

        Args:
            name: as it shall stand in the table.
            ddf: `(1, 2, 112, 140)`, voxels.

        Returns:
            What it scores, in a sentence.

        Raises:
            ValueError: no field of this grid, NaN.
        """
        require_field("ddf", ddf, SIZE)
        require(len(ddf) == 1, "ddf", "one field", len(ddf))
        require_finite("ddf", ddf)
        self._enter(name, ddf.detach().float(), reference=False)
        tries = sum(not reference for _, reference, _ in self._rows)
        score = ", ".join(f"{column} {value:.3g}" for column, value in self._rows[-1][2].items())
        return f"Attempt {tries}, {name}: {score}."

    def table(self) -> str:
        """All rows in Markdown: those without a fold first, then by TRE."""
        rows = sorted(self._rows, key=lambda row: (row[2]["folded (%)"] > 0, row[2]["TRE (mm)"]))
        text = "| | " + " | ".join(COLUMNS) + " |\n" + "|---" * 5 + "|\n"
        for name, reference, score in rows:
            name = name.replace("|", "/")
            told = f"*{name}*" if reference else f"**{name}**"
            dice, hd95, tre, folded = (score[column] for column in COLUMNS)
            text += f"| {told} | {dice:.3f} | {hd95:.1f} | {tre:.2f} | {folded:.2f} |\n"
        return text

    def __repr__(self) -> str:
        return f"Leaderboard of {len(self._rows)} rows"

    def _pair(self) -> BreathingPair:
        return breathing_slice(self._seed, SIZE)

    def _enter(self, name: str, ddf: Tensor, reference: bool) -> None:
        pair = self._pair()
        label = (Warp()(pair.moving_mask, ddf) > 0.5).float()
        hd95 = HausdorffDistanceMetric(percentile=95)(label, pair.fixed_mask, pair.spacing)
        points = pair.fixed_points, pair.moving_points
        tre = target_registration_error(*points, ddf, pair.spacing).mean()
        folded = 100 * folding_fraction(ddf, one_sided=True)
        dice = DiceMetric()(label, pair.fixed_mask)
        scores = dict(zip(COLUMNS, (x.item() for x in (dice, hd95, tre, folded)), strict=True))
        self._rows.append((name, reference, scores))
