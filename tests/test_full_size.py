"""The whole road at the size of the real scans, 192 × 192 × 208: one phantom pair, one network."""

import torch
from torch import nn

from regtutor.data.thorax import breathing_pair
from regtutor.deformation import ResizeField
from regtutor.evaluation import DoNothing, Prediction, measure, predict
from regtutor.networks import LocalNet

SIZE = (192, 192, 208)


def test_full_size():
    pair = breathing_pair(seed=3, size=SIZE)
    batch = {
        "fixed_image": pair.fixed / 1000,
        "moving_image": pair.moving / 1000,
        "fixed_label": pair.fixed_mask,
        "moving_label": pair.moving_mask,
        "fixed_points": pair.fixed_points,
        "moving_points": pair.moving_points,
        "fixed_image_affine": pair.affine[None],
    }

    class Truth(nn.Module):
        def forward(self, images):
            return pair.ddf

    nothing, truth = (measure(predict(n, batch), batch) for n in (DoNothing(), Truth()))
    assert nothing["tre_mm"].item() > 5
    assert truth["tre_mm"].item() < 0.05
    assert truth["dice"].item() > 0.985 > nothing["dice"].item()
    assert truth["folding"].item() == 0

    network = nn.Sequential(
        nn.AvgPool3d(2),
        LocalNet(3, 2, 4, [1, 2, 3], out_kernel_initializer="zeros"),
        ResizeField(SIZE),
    ).eval()
    with torch.no_grad():
        prediction = predict(network, batch)
    assert isinstance(prediction, Prediction)
    assert prediction.ddf.shape == (1, 3, *SIZE)
    assert torch.allclose(prediction.warped_image, batch["moving_image"], atol=1e-3)
