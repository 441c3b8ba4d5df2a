"""What it costs to watch a training: `monitor.add` beside the epoch that it tells of.

    python benchmarks/watching.py --epochs 30

It runs in a kernel, for only there a message is really packed and sent: notebook 08's size, network
and loss, on random pairs, a batch of two. "asking" is the forward pass for the field that is shown.
"""

from __future__ import annotations

import argparse

import nbformat
from nbclient import NotebookClient

CELL = """
import time
import torch
from torch import nn
from regtutor import show
from regtutor.deformation import ResizeField
from regtutor.losses import BendingEnergyLoss, LocalNormalizedCrossCorrelationLoss
from regtutor.networks import LocalNet
from regtutor.training import fit, predict

torch.set_num_threads(1)
size, settings = {size}, dict(spatial_dims=3, in_channels=2, num_channel_initial=8)
network = nn.Sequential(nn.AvgPool3d(2), LocalNet(extract_levels=[0, 1, 2], mode="trilinear",
                        head_mode="trilinear", **settings), ResizeField(size))
similarity, smoothness = LocalNormalizedCrossCorrelationLoss(3, kernel_size=3), BendingEnergyLoss()
names = ("fixed_image", "moving_image")
batch, pair = ({{name: torch.rand(n, 1, *size) for name in names}} for n in (2, 1))

def loss(prediction, batch):
    return {{"image": similarity(prediction.warped_image, batch["fixed_image"]),
            "bending": smoothness(prediction.ddf)}}

optimizer, spent = torch.optim.Adam(network.parameters(), lr=1e-4), []
monitor, start = show.monitor(image=pair["moving_image"]), time.perf_counter()
for record in fit(network, [batch] * {steps}, [pair], loss, optimizer, epochs={epochs}):
    begun = time.perf_counter()
    with torch.no_grad():
        ddf = predict(network, pair).ddf
    asked = time.perf_counter()
    monitor.add(record, ddf=ddf)
    spent.append((asked - begun, time.perf_counter() - asked))
whole = (time.perf_counter() - start) / {epochs}
asking, adding = (sum(part) / {epochs} for part in zip(*spent))
print(f"an epoch of {steps} steps {{1e3 * whole:.0f}} ms, asking {{1e3 * asking:.1f}} ms, adding "
      f"{{1e3 * adding:.2f}} ms: {{100 * adding / whole:.2f}} % of the epoch, "
      f"{{100 * adding * {steps} / whole:.1f}} % of a step")
"""


def watch(size: tuple[int, ...], epochs: int, steps: int) -> str:
    """One line."""
    cell = nbformat.v4.new_code_cell(CELL.format(size=size, epochs=epochs, steps=steps))
    client = NotebookClient(nbformat.v4.new_notebook(cells=[cell]), timeout=3600)
    (said,) = (o.text for o in client.execute().cells[0].outputs if o.output_type == "stream")
    return said.strip()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--epochs", type=int, default=30)
    print(watch((48, 40, 48), arguments.parse_args().epochs, steps=9))
