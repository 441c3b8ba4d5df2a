"""The fast convolution against the plain one: values, gradients, and when it is not to be taken."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from regtutor.networks import convolution
from regtutor.networks.blocks import convolution as make
from regtutor.networks.convolution import Convolution3d
from regtutor.networks.fourier import ConvolutionByFourier

FAST = [  # batch, inputs, outputs, kernel, size
    (2, 8, 8, 7, (16, 20, 24)),  # by Fourier, one tile
    (2, 4, 6, 7, (24, 20, 24)),  # with the fewest channels that pay
    (1, 8, 9, 7, (26, 30, 13)),  # by Fourier, several and a rest
    (1, 16, 5, 3, (14, 16, 16)),  # two halves
    (1, 16, 5, 3, (15, 16, 16)),  # of an odd number there are none
    (2, 8, 3, 3, (14, 18, 16)),  # channels side by side
]


def layers(inputs, outputs, kernel, stride=1):
    """torch's own and ours, with the same weights."""
    torch.manual_seed(0)
    padding = (kernel - stride) // 2
    ours = make(3, inputs, outputs, kernel, stride)
    theirs = nn.Conv3d(inputs, outputs, kernel, stride=stride, padding=padding, bias=False)
    theirs.load_state_dict(ours.state_dict())
    return theirs, ours


def results(layer, x):
    """Output, and the gradients of input and weight."""
    x = x.clone().requires_grad_()
    y = layer(x)
    slope = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape).sin()
    return [y, *torch.autograd.grad((y * slope).sum(), [x, *layer.parameters()])]


@pytest.mark.parametrize("k", [3, 5, 7])
@pytest.mark.parametrize("size", [(4, 1, 9), (24, 5, 25), (49, 7, 3), (33, 40, 36)])
def test_by_fourier_is_the_plain_sum(plain, k, size):
    """Value and both gradients, of one tile and of several along each axis."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 3, k, k, k, dtype=torch.float64, requires_grad=True)
    y, expected = ConvolutionByFourier.apply(x, weight), plain.convolution(x, weight)
    assert torch.allclose(y, expected, rtol=0, atol=1e-11)
    grad = torch.randn_like(y)
    mine, theirs = (torch.autograd.grad(value, [x, weight], grad) for value in (y, expected))
    assert torch.allclose(mine[0], theirs[0], rtol=0, atol=1e-11)
    assert torch.allclose(mine[1], theirs[1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [(3, 4, 5), (26, 1, 2)])
def test_gradients_by_fourier(size):
    torch.manual_seed(0)
    x = torch.randn(2, 1, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 1, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ConvolutionByFourier.apply, (x, weight))


@pytest.mark.parametrize(("batch", "inputs", "outputs", "kernel", "size"), FAST, ids=str)
@pytest.mark.parametrize("form", [torch.contiguous_format, torch.channels_last_3d], ids=str)
def test_the_module_gives_what_torch_gives(batch, inputs, outputs, kernel, size, form):
    """To 1e-5 of the largest value."""
    theirs, ours = layers(inputs, outputs, kernel)
    x = torch.randn(batch, inputs, *size).contiguous(memory_format=form)
    for mine, their in zip(results(ours, x), results(theirs, x), strict=True):
        assert (mine - their).abs().max() <= 1e-5 * their.abs().max()
    if form == torch.contiguous_format:
        assert ours(x).is_contiguous()


@pytest.mark.parametrize(("batch", "inputs", "outputs", "kernel", "size"), FAST, ids=str)
def test_any_view_goes_in(batch, inputs, outputs, kernel, size):
    theirs, ours = layers(inputs, outputs, kernel)
    x = torch.randn(size[1], inputs, batch, 2 * size[0], size[2]).permute(2, 1, 3, 0, 4)[:, :, ::2]
    for mine, their in zip(results(ours, x), results(theirs, x), strict=True):
        assert (mine - their).abs().max() <= 1e-5 * their.abs().max()


@pytest.mark.parametrize("kernel", [3, 7])
def test_each_way_is_taken_where_it_should_be(kernel, monkeypatch):
    """What is small, double, strided, half precise or on another device goes torch's own way."""
    taken = []
    for owner, name in ((convolution, "_convolve_small"), (ConvolutionByFourier, "apply")):
        monkeypatch.setattr(owner, name, lambda x, weight: taken.append(1) or x + 0)
    large, small = torch.rand(2, 8, 20, 24, 24), torch.rand(2, 8, 6, 8, 8)
    ours = layers(8, 8, kernel)[1]
    ours(large)
    assert taken == [1]
    assert ours(small).shape == small.shape
    layers(8, 8, 2, stride=2)[1](large)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert ours(large).dtype == torch.bfloat16
    ours.double()(large.double())
    ours.to("meta")(large.double().to("meta"))
    assert taken == [1]


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_few_channels_do_not_pay(inputs):
    weight = torch.zeros(8, inputs, 7, 7, 7)
    assert not convolution._pays(torch.zeros(1, inputs, 32, 32, 32), weight)


def test_a_small_grid_is_the_same_to_the_bit():
    for kernel in (3, 7):
        theirs, ours = layers(8, 8, kernel)
        x = torch.randn(2, 8, 12, 8, 16)
        pairs = zip(results(ours, x), results(theirs, x), strict=True)
        assert all(torch.equal(mine, their) for mine, their in pairs)


def test_it_refuses_a_second_derivative():
    x = torch.randn(1, 1, 4, 4, 4, requires_grad=True)
    y = ConvolutionByFourier.apply(x, torch.randn(1, 1, 3, 3, 3))
    (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_it_is_a_convolution_with_the_same_weights():
    theirs, ours = layers(8, 4, 7)
    assert isinstance(ours, Convolution3d)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight"]
    assert torch.equal(ours(torch.ones(1, 8, 5, 5, 5)), theirs(torch.ones(1, 8, 5, 5, 5)))
    assert F.conv3d(torch.ones(1, 8, 5, 5, 5), ours.weight, padding=3).shape == (1, 4, 5, 5, 5)
