"""The window sum: fast forms against the plain one, and its gradient."""

import pytest
import torch

from regtutor import filters
from regtutor.filters import window_sum


def noise(size):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, 1, *size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("size", [(6, 7), (4, 5, 4)], ids=["2d", "3d"])
@pytest.mark.parametrize("kernel", [(1.0, 1.0, 1.0), (1.0,) * 4, (0.5, 1.0, -2.0, 0.1)])
def test_window_sum(size, kernel, plain):
    image = noise(size)
    assert torch.allclose(window_sum(image, kernel), plain.window_sum(image, kernel), atol=1e-12)
    leaf = image.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: window_sum(x, kernel), leaf)
    assert torch.autograd.gradgradcheck(lambda x: window_sum(x, kernel) ** 2, leaf[:1])


@pytest.mark.parametrize("kernel", [(1.0,) * k for k in range(2, 10)] + [(0.5, 1.0, -2.0)])
@pytest.mark.parametrize("size", [(41, 11), (23, 10, 9)], ids=["2d", "3d"])
def test_window_sum_of_several_slabs(size, kernel, plain, monkeypatch):
    monkeypatch.setattr(filters, "_SLAB", 1)
    image = noise(size)
    assert torch.allclose(window_sum(image, kernel), plain.window_sum(image, kernel), atol=1e-12)
