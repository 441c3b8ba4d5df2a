"""What changes an image's values and leaves its geometry alone.

Each computes in float32 and returns float32, as MONAI does. Taught in notebook 06.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regtutor.checks import require, require_tensor
from regtutor.transforms.dictionary import Data, MapTransform, float32_only


class IntensityTransform(MapTransform):
    """One function of the values (`change`), applied to every key."""

    def __init__(
        self, keys: str | Sequence[str], dtype: type = np.float32, allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        float32_only(dtype)

    def change(self, image: Tensor) -> Tensor:
        """`(C, *spatial)`, float32 → the same shape."""
        return image

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict with changed values."""
        out = dict(data)
        for key in self.key_iterator(data):
            require_tensor(key, data[key], "Use LoadImaged before.")
            out[key] = self.change(data[key].float())
        return out


class ScaleIntensityRanged(IntensityTransform):
    """A window: [a_min, a_max] is sent to [b_min, b_max] linearly.

    Look at the histogram before you choose it: a window of −285 … 3770 leaves a lung in HU black.

    Args:
        keys: images.
        a_min, a_max: the range in the image.
        b_min, b_max: the range to send it to; [0, 1] when one of the two is None.
        clip: cut off what falls outside [b_min, b_max].

    Raises:
        ValueError: `a_min` is `a_max`, or `clip` without a bound or with two that are swapped.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        a_min: float,
        a_max: float,
        b_min: float | None = None,
        b_max: float | None = None,
        clip: bool = False,
        dtype: type = np.float32,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, dtype, allow_missing_keys)
        require(a_min != a_max, "a_max", f"another value than a_min, {a_min}", a_max)
        bounds = (b_min, b_max)
        require(not clip or bounds != (None, None), "clip", "b_min or b_max to clip to", "neither")
        swapped = clip and None not in bounds and b_min > b_max  # type: ignore[operator]
        require(
            not swapped, "b_max", f"at least b_min, {b_min}, to clip", b_max, "Swap a_min, a_max."
        )
        self.a_min, self.a_max, self.b_min, self.b_max = a_min, a_max, b_min, b_max
        self.clip = clip

    def change(self, image: Tensor) -> Tensor:
        """`(C, *spatial)` → the same shape."""
        # One new image, then in place: a volume's worth of fresh memory costs more than the sum.
        image = (image - self.a_min).div_(self.a_max - self.a_min)
        if self.b_min is not None and self.b_max is not None:
            image.mul_(self.b_max - self.b_min).add_(self.b_min)
        return image.clamp_(self.b_min, self.b_max) if self.clip else image


class ScaleIntensityd(IntensityTransform):
    """The image's own minimum and maximum are sent to `minv` and `maxv`.

    Args:
        keys: images.
        minv, maxv: the new range; with one of them None it is [0, 1].
        factor: with both None: multiply by 1 + factor.
        channel_wise: each channel by its own range.

    Raises:
        ValueError: neither a range nor a factor, or both.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        minv: float | None = 0.0,
        maxv: float | None = 1.0,
        factor: float | None = None,
        channel_wise: bool = False,
        dtype: type = np.float32,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, dtype, allow_missing_keys)
        ranged = minv is not None or maxv is not None
        remedy = "For a factor give minv=None, maxv=None."
        require(ranged == (factor is None), "factor", "a range or a factor", repr(factor), remedy)
        self.minv, self.maxv, self.factor = minv, maxv, factor
        self.channel_wise = channel_wise

    def change(self, image: Tensor) -> Tensor:
        """`(C, *spatial)` → the same shape; a constant image becomes `minv` times itself."""
        if self.factor is not None:
            return image * (1 + self.factor)
        if self.channel_wise:
            return torch.stack([self._rescale(channel) for channel in image])
        return self._rescale(image)

    def _rescale(self, image: Tensor) -> Tensor:
        low, high = image.min(), image.max()
        if low == high:
            return image if self.minv is None else image * self.minv
        unit = (image - low) / (high - low)
        if self.minv is None or self.maxv is None:
            return unit
        return unit * (self.maxv - self.minv) + self.minv


class NormalizeIntensityd(IntensityTransform):
    """`(image − subtrahend) / divisor`, by default its mean and standard deviation.

    The deviation is the population's (divided by N); where it is 0 nothing is divided.

    Args:
        keys: images.
        subtrahend, divisor: numbers; with `channel_wise` a sequence of one a channel.
        nonzero: measure and change only the values that are not 0.
        channel_wise: each channel by itself.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        subtrahend: Any = None,
        divisor: Any = None,
        nonzero: bool = False,
        channel_wise: bool = False,
        dtype: type = np.float32,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, dtype, allow_missing_keys)
        wanted = "a sequence, one a channel" if channel_wise else "a number"
        remedy = "" if channel_wise else "For one a channel set channel_wise=True."
        for name, value in (("subtrahend", subtrahend), ("divisor", divisor)):
            listed = hasattr(value, "__len__") if channel_wise else isinstance(value, list | tuple)
            require(value is None or listed == channel_wise, name, wanted, value, remedy)
        self.subtrahend, self.divisor = subtrahend, divisor
        self.nonzero, self.channel_wise = nonzero, channel_wise

    def change(self, image: Tensor) -> Tensor:
        """`(C, *spatial)` → the same shape."""
        if not self.channel_wise:
            return self._normalise(image, self.subtrahend, self.divisor)
        own = []
        for name, value in (("subtrahend", self.subtrahend), ("divisor", self.divisor)):
            values = [None] * len(image) if value is None else list(value)
            require(len(values) == len(image), name, f"{len(image)} numbers", len(values))
            own.append(values)
        return torch.stack([self._normalise(*one) for one in zip(image, *own, strict=True)])

    def _normalise(self, image: Tensor, subtrahend: Any, divisor: Any) -> Tensor:
        counted = image != 0 if self.nonzero else torch.ones_like(image, dtype=torch.bool)
        values = image[counted]
        if not values.numel():
            return image
        mean = values.mean() if subtrahend is None else torch.as_tensor(subtrahend).to(image)
        spread = values.std(correction=0) if divisor is None else torch.as_tensor(divisor).to(image)
        spread = torch.where(spread == 0, 1.0, spread)
        return torch.where(counted, (image - mean) / spread, image)
