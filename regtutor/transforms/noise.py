"""Random noise on the values of an image. Taught in notebook 06."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from regtutor.checks import require, require_same_shape, require_tensor
from regtutor.seeds import normal, uniform
from regtutor.transforms.dictionary import Data, MapTransform, RandomTransform, float32_only


class RandGaussianNoised(RandomTransform, MapTransform):
    """Add Gaussian noise: *one* noise for all keys, as in MONAI.

    The same noise in both images is a likeness that no scanner gives: for independent noise use
    one RandGaussianNoised for each key.

    Args:
        keys: images of one shape.
        prob: how often.
        mean, std: of the noise.
        sample_std: draw its deviation from [0, std) each time.

    Raises:
        ValueError: `prob` outside [0, 1], `std` below 0, images of different shapes.
    """

    def __init__(
        self,
        keys: str | Sequence[str],
        prob: float = 0.1,
        mean: float = 0.0,
        std: float = 0.1,
        dtype: type = np.float32,
        allow_missing_keys: bool = False,
        sample_std: bool = True,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomTransform.__init__(self, prob)
        require(std >= 0, "std", "a number ≥ 0", std)
        float32_only(dtype)
        self.mean, self.std, self.sample_std = mean, std, sample_std

    def draw(self, data: Data) -> Tensor | None:
        """The noise, of the shape of the first image."""
        for key in self.key_iterator(data):
            require_tensor(key, data[key], "Use LoadImaged before.")
            std = uniform(0, self.std) if self.sample_std else self.std
            return self.mean + std * normal(tuple(data[key].shape))
        return None

    def apply(self, data: dict[str, Any], drawn: Tensor | None) -> dict[str, Any]:
        """Add the noise to every image."""
        if drawn is None:
            return data
        for key in self.key_iterator(dict(data)):
            require_same_shape(key, data[key], "the noise of the first key", drawn)
            data[key] = data[key].float() + drawn
        return data
