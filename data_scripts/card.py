"""The card of the shipped networks: what they learned on, and what they do to chests never met."""

from __future__ import annotations

import json
from typing import Any

from report import write_whole

from regtutor.networks.trained import WEIGHTS

LINES = WEIGHTS / "figures.json"
HEAD = """\
# The networks that come trained

`trained_localnet` and `trained_globalnet` of `regtutor.networks`, for slices (2-D) and volumes.
Written by `data_scripts/train_shipped.py`, which trained them: do not edit.

**Learned on** breathing chests of `regtutor.data.thorax`, mirrored at times: nobody's data.
**Not for patients.** They know one kind of image, one field of view and one motion: a breath.
The LocalNets had images and lung masks to learn from, never the true field. The GlobalNets had
landmarks, of patients turned by up to 0.2 rad, shifted by up to 8 % and stretched by up to 10 %.

Judged on 12 chests of other seeds (3000 on), before → after:

| network | Dice of the lungs | TRE (mm) | folded (%) | pairs | epochs | minutes of one core |
|---|---|---|---|---|---|---|
"""


def save_line(name: str, line: dict[str, Any]) -> None:
    """Keep the figures of one network beside its weights."""
    lines = json.loads(LINES.read_text(encoding="utf-8")) if LINES.is_file() else {}
    lines[name] = line
    write_whole(LINES, json.dumps(lines, indent=1, sort_keys=True) + "\n")


def write_card() -> None:
    """All figures as a table."""
    text = HEAD
    for name, line in json.loads(LINES.read_text(encoding="utf-8")).items():
        before, after = line["before"], line["after"]
        text += (
            f"| {name} | {before['dice']:.3f} → {after['dice']:.3f} "
            f"| {before['tre_mm']:.1f} → {after['tre_mm']:.1f} | {100 * after['folding']:.3f} "
            f"| {line['pairs']} | {line['epochs']} | {line['minutes']:.0f} |\n"
        )
    write_whole(WEIGHTS / "CARD.md", text)
