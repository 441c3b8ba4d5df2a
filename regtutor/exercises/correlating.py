"""Answers to notebook 04's `lncc`: the right one, and those with a slip.

    loss = − mean of  cross² / (var(pred) var(target)),   all under a window

    var(a) = mean(a²) − mean(a)²,   cross = mean(pred · target) − mean(pred) mean(target)

A mean under a window is one call of `avg_pool2d`. They are told apart on two images that are alike
in places, with high contrast, on a grid that is not square and not much wider than the window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from regtutor.exercises.forms import function_form, not_a_loss
from regtutor.filters import gaussian_smooth

Loss = Callable[..., Tensor]
Mean = Callable[[Tensor, int], Tensor]
EPSILON = 1e-5


def mean(image: Tensor, size: int) -> Tensor:
    """Of the voxels under a window: `(B, C, H, W)`; at the border, of those that are there."""
    return F.avg_pool2d(image, size, stride=1, padding=size // 2, count_include_pad=False)


def lncc(pred: Tensor, target: Tensor, size: int = 9) -> Tensor:
    """The worked solution: two images `(B, C, H, W)` → a scalar."""
    p, t = mean(pred, size), mean(target, size)
    cross = mean(pred * target, size) - p * t
    p_var = (mean(pred * pred, size) - p * p).clamp(min=1e-5)
    t_var = (mean(target * target, size) - t * t).clamp(min=1e-5)
    return -(cross * cross / (p_var * t_var)).mean()


def _with(score: Callable[[Tensor, Tensor, Tensor], Tensor], under: Mean = mean,
          least: float = EPSILON, centred: bool = True) -> Loss:  # fmt: skip
    """A score of cross, variance and variance, and a way to find these."""

    def loss(pred: Tensor, target: Tensor, size: int = 9) -> Tensor:
        p, t = (under(x, size) if centred else 0 * under(x, size) for x in (pred, target))
        cross = under(pred * target, size) - p * t
        p_var, t_var = (
            (under(x * x, size) - m * m).clamp(min=least) for x, m in ((pred, p), (target, t))
        )
        return score(cross, p_var, t_var)

    return loss


def _right(cross: Tensor, p: Tensor, t: Tensor) -> Tensor:
    return -(cross**2 / (p * t)).mean()


def _everywhere(image: Tensor, size: int) -> Tensor:
    return image.mean(dim=(2, 3), keepdim=True)


def _zeros_counted(image: Tensor, size: int) -> Tensor:
    return F.avg_pool2d(image, size, stride=1, padding=size // 2)


def _no_border(image: Tensor, size: int) -> Tensor:
    return F.avg_pool2d(image, size, stride=1)


def _blocks(image: Tensor, size: int) -> Tensor:
    return F.avg_pool2d(image, size)


def _even(image: Tensor, size: int) -> Tensor:
    half = size // 2  # 2 · half is even: no middle
    return F.avg_pool2d(image, 2 * half, stride=1, padding=half, count_include_pad=False)


WRONG: dict[str, Loss] = {
    "whole_image": _with(_right, _everywhere),
    "unsquared": _with(lambda cross, p, t: -(cross / (p * t).sqrt()).mean()),
    "sign": _with(lambda cross, p, t: (cross**2 / (p * t)).mean()),
    "one_minus": _with(lambda cross, p, t: 1 - (cross**2 / (p * t)).mean()),
    "half_squared": _with(lambda cross, p, t: -(cross**2 / (p * t).sqrt()).mean()),
    "too_early": _with(lambda cross, p, t: -((cross**2).mean() / (p * t).mean())),
    "not_centred": _with(_right, centred=False),
    "no_epsilon": _with(_right, least=-1.0),
    "zeros_counted": _with(_right, _zeros_counted),
    "no_border": _with(_right, _no_border),
    "blocks": _with(_right, _blocks),
    "even_window": _with(_right, _even),
    "summed": _with(lambda cross, p, t: -(cross**2 / (p * t)).sum()),
}


def texture(seed: int, shape: tuple[int, ...] = (2, 1, 26, 35), contrast: float = 6.0) -> Tensor:
    """Patches of about 3 voxels, values over most of 0 to 1; the less contrast, the less flat."""
    noise = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    smooth = gaussian_smooth(noise, 1.5)
    return torch.sigmoid(contrast * smooth / smooth.std())


def _pair() -> tuple[Tensor, Tensor]:
    """Alike in places only, and there brighter or darker."""
    one, other = texture(1), texture(2)
    mix = torch.linspace(0, 1, one.shape[3])
    return one, mix * one + (1 - mix) * (1 - 0.7 * other)


def observe(answer: Loss) -> Any:
    """What it makes of a textured pair, and whether flat regions give a number."""
    pred, target = _pair()
    out = answer(pred, target)
    if out is None or out is ...:
        return None
    pred[..., 20:], target[..., 20:] = 0, 0
    return {"textured": out, "flat_is_a_number": bool(torch.isfinite(answer(pred, target)))}


form = function_form("lncc", lambda answer: answer(*_pair()), not_a_loss)


def no_epsilon(observed: dict[str, Any]) -> bool:
    """A flat region is 0 / 0."""
    return not observed["flat_is_a_number"]


def itself_is_minus_one(answer: Loss) -> bool:
    """An image and itself: −1, whatever the grid and the window."""
    sizes = ((1, 1, 17, 12), 5), ((3, 2, 20, 31), 9)
    images = [(texture(3, shape, contrast=2.5), size) for shape, size in sizes]
    each = [answer(image, image, size) for image, size in images]
    return all(abs(value.item() + 1) < 0.05 for value in each)


def brightness_does_not_count(answer: Loss) -> bool:
    """Another brightness and contrast of one image changes nothing; nor does a negative."""
    pred, target = _pair()
    value = answer(pred, target).item()
    changes = (2, 0.5), (-1, 1), (0.1, 0.4)  # the last is too faint for a large least variance
    return all(abs(answer(a * pred + b, target).item() - value) < 0.01 for a, b in changes)


def the_window_counts(answer: Loss) -> bool:
    """Half of the image is inverted: small windows see it less."""
    pred = texture(3, contrast=2.5)
    target = torch.cat([pred[..., :17], 1 - pred[..., 17:]], dim=3)
    small, large = (answer(pred, target, size).item() for size in (3, 9))
    return small < large - 0.02


def has_gradient(answer: Loss) -> bool:
    """To both images, and a number everywhere, also where they are flat."""
    images = [x.clone() for x in _pair()]
    for image in images:
        image[..., 20:] = 0
        image.requires_grad_()
    out = answer(*images)
    if not out.requires_grad:
        return False
    found = torch.autograd.grad(out, images, allow_unused=True)
    return all(g is not None and bool(g.any()) and bool(g.isfinite().all()) for g in found)
