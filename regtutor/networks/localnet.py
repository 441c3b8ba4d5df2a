"""LocalNet: from two images to a displacement for every voxel.

    ddf = mean over the extract levels l of  resize(conv_l(features at level l))

The encoder (`blocks`) goes down to the deepest extract level; the decoder comes up again to the
shallowest, adding at each level what the encoder saw there. Each extract level proposes a field,
the deep ones a coarse motion, the shallow ones its detail. Source: Hu et al., "Weakly-supervised
convolutional neural networks for multimodal image registration", Medical Image Analysis 49, 2018;
structure, numbers and initial weights are MONAI's, to the bit. Taught in notebook 07.

Convention: what comes out is in voxels of the full grid at every level, so resizing scales nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regtutor.checks import require, require_choice, require_count
from regtutor.networks.blocks import AdditiveUp, Encoder, convolution, deconv_block, level_block

INITIALIZERS = ("kaiming_uniform", "zeros")
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leakyrelu": nn.LeakyReLU,
    "prelu": nn.PReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "celu": nn.CELU,
    "gelu": nn.GELU,
    "mish": nn.Mish,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
_FLAT = ("nearest", "nearest-exact", "area")
_LINEAR = {2: ("bilinear", "bicubic"), 3: ("trilinear",)}


class LocalNet(nn.Module):
    """An encoder-decoder that predicts a dense displacement (or velocity) field.

    Args:
        spatial_dims: 2 or 3.
        in_channels: of the input: 2 for a moving and a fixed image of one channel each.
        num_channel_initial: channels at level 0; they double from level to level.
        extract_levels: the levels that propose a field, in any order; 0 is the image's own size,
            the largest is where the encoder turns, so at least 1. `[3]` alone builds no decoder:
            its field is one map of an eighth of the size, blown up; `[0, 1, 2, 3]` is a good start.
        out_kernel_initializer: "zeros" starts at no motion at all. "kaiming_uniform" (in truth
            Kaiming's *normal* weights, as in MONAI) starts at a random motion of voxels.
        out_activation: of the proposed fields: None, or a name such as "tanh"; one that never
            goes below zero gives a field that pulls one way only.
        out_channels: spatial_dims for a field; 3 by default, in 2-D too, as in MONAI.
        pooling: halve by the maximum of each 2×2(×2), else by a convolution that learns.
        use_additive_sampling: come up by `AdditiveUp`, else by its learned half alone.
        concat_skip: concatenate what the encoder saw, else add it.
        mode, align_corners: of the resizing in `AdditiveUp`: "nearest" or "bilinear" (2-D),
            "trilinear" (3-D). They do not reach the field.
        head_mode: how the proposed fields are resized. MONAI has "nearest", which leaves the
            coarse ones in blocks of 2^level voxels; "bilinear" or "trilinear" makes them smooth.

    Raises:
        ValueError: extract levels that are empty, negative or all 0; a name nobody knows.

    >>> network = LocalNet(2, 2, 4, extract_levels=[0, 1], out_channels=2)
    >>> network(torch.rand(1, 2, 8, 12)).shape
    torch.Size([1, 2, 8, 12])
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        num_channel_initial: int,
        extract_levels: Sequence[int],
        out_kernel_initializer: str | None = "kaiming_uniform",
        out_activation: str | None = None,
        out_channels: int = 3,
        pooling: bool = True,
        use_additive_sampling: bool = True,
        concat_skip: bool = False,
        mode: str = "nearest",
        align_corners: bool | None = None,
        *,
        head_mode: str = "nearest",
    ) -> None:
        super().__init__()
        _require_levels(extract_levels)
        self.extract_levels = tuple(extract_levels)
        self.encoder = Encoder(
            spatial_dims,
            in_channels,
            num_channel_initial,
            kernel_sizes=[7] + [3] * max(extract_levels),
            pooling=pooling,
            residual_bottom=False,
        )
        _require_modes(spatial_dims, mode, align_corners, head_mode)
        require_count("out_channels", out_channels)
        self.concat_skip = concat_skip
        self.head_mode = head_mode
        d, channels = spatial_dims, self.encoder.channels
        rising = range(self.encoder.depth - 1, min(extract_levels) - 1, -1)  # deepest first
        self.ups = nn.ModuleList(
            AdditiveUp(d, channels[level + 1], mode, align_corners)
            if use_additive_sampling
            else deconv_block(d, channels[level + 1], channels[level])
            for level in rising
        )
        self.merges = nn.ModuleList(
            level_block(d, channels[level] * (2 if concat_skip else 1), channels[level])
            for level in rising
        )
        self.heads = nn.ModuleList(
            _head(d, channels[level], out_channels, out_kernel_initializer, out_activation)
            for level in extract_levels
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, *spatial)` → `(B, out_channels, *spatial)`, voxels.

        Raises:
            ValueError: other channels or dimensions than the network's, a size that cannot be
                halved so often, or one voxel at the bottom in training.
        """
        self.encoder.require_input(x)
        *skips, bottom = self.encoder(x)
        features = [bottom]  # deepest first
        for up, merge in zip(self.ups, self.merges, strict=True):
            features.append(merge(self._join(up(features[-1]), skips.pop())))
        fields = [
            F.interpolate(
                head(features[self.encoder.depth - level]), size=x.shape[2:], mode=self.head_mode
            )
            for head, level in zip(self.heads, self.extract_levels, strict=True)
        ]
        return torch.stack(fields).mean(dim=0)

    def _join(self, risen: Tensor, skip: Tensor) -> Tensor:
        """A call of its own, so that neither is kept in memory while the next block works."""
        return torch.cat([risen, skip], dim=1) if self.concat_skip else risen + skip


def _head(
    spatial_dims: int, in_channels: int, out_channels: int, initializer: str | None, act: str | None
) -> nn.Sequential:
    """The last convolution of a level: from features to a field."""
    require_choice("out_kernel_initializer", initializer, INITIALIZERS)
    conv = convolution(spatial_dims, in_channels, out_channels)
    if initializer == "zeros":
        nn.init.zeros_(conv.weight)  # type: ignore[arg-type]
    else:
        nn.init.kaiming_normal_(conv.weight)  # type: ignore[arg-type]
    head = OrderedDict(conv=conv)
    if act is not None:
        require_choice("out_activation", str(act).lower(), ACTIVATIONS)
        head["activation"] = ACTIVATIONS[act.lower()]()
    return nn.Sequential(head)


def _require_levels(extract_levels: Sequence[int]) -> None:
    expected, example = "a list of levels ≥ 0, the deepest ≥ 1", "[0, 1, 2, 3] is a good start."
    is_list = isinstance(extract_levels, Sequence) and not isinstance(extract_levels, str)
    require(
        is_list and len(extract_levels) > 0, "extract_levels", expected, extract_levels, example
    )
    for i, level in enumerate(extract_levels):
        require_count(f"extract_levels[{i}]", level, least=0)
    require(
        max(extract_levels) > 0,
        "extract_levels",
        expected,
        extract_levels,
        "The encoder turns at the deepest level. For a field from level 0 add one, as in [0, 3].",
    )


def _require_modes(
    spatial_dims: int, mode: str, align_corners: bool | None, head_mode: str
) -> None:
    require_choice("mode", mode, (*_FLAT, *_LINEAR[spatial_dims]))
    require_choice("head_mode", head_mode, (*_FLAT, *_LINEAR[spatial_dims]))
    require(
        align_corners is None or mode not in _FLAT,
        "align_corners",
        f"None with mode {mode!r}",
        align_corners,
        "It is a question of linear interpolation.",
    )
