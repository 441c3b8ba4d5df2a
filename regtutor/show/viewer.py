"""A pair to look into: every slice, every way to compare, before and after, voxel by voxel.

The page holds the fixed image, the moving one and the fields, and warps for itself by the equations
of `deformation`: a state costs no more than its field. Used from notebook 01 on.

Convention: ddf in voxels of the fixed grid, channel k along axis k; warped(x) = moving(x + ddf(x)),
linear, borders extend. Slices lie as `plane.py` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from regtutor.checks import require, require_field, require_finite, require_grid, require_same_shape
from regtutor.deformation import Warp
from regtutor.metrics import DiceMetric, target_registration_error
from regtutor.show.boards import blink
from regtutor.show.fields import describe
from regtutor.show.live import Live, widget_script
from regtutor.show.packing import layout, pack_field, pack_image, pack_label, pack_points
from regtutor.show.picture import Picture, number
from regtutor.show.plane import MIDDLE, Plane, View, displacement, volume

_SEEN = 0.02  # of the window: a warped image that differs by more is shown as it was given
_warp = Warp(padding_mode="border")
_Named = Tensor | Mapping[str, Tensor] | None


class Viewer(Live):
    """A pair and its states, to be looked into. Made by `view`."""

    _esm = widget_script("space", "slice", "viewer")


@dataclass(frozen=True)
class _State:
    """What the moving image has become, `(1, 1, *spatial)`, and the field behind it if known."""

    name: str
    image: Tensor
    ddf: Tensor | None
    given: bool = False  # the image is not moving(x + ddf(x)), so the page needs it


@dataclass(frozen=True)
class _Pair:
    """All that does not depend on the state."""

    fixed: Tensor
    moving: Tensor
    labels: tuple[Tensor, Tensor] | None
    points: tuple[Tensor, Tensor] | None
    plane: Plane
    window: tuple[float, float]


def view(
    fixed: Tensor,
    moving: Tensor,
    warped: _Named = None,
    ddf: _Named = None,
    labels: tuple[Tensor, Tensor] | None = None,
    points: tuple[Tensor, Tensor] | None = None,
    *,
    view: View = MIDDLE,
    title: str = "One pair, before and after",
    alt: str | None = None,
) -> Viewer:
    """Compare two images by hand: modes, slices, states, and where each voxel comes from.

    Args:
        fixed, moving: `(1, 1, *spatial)` on one grid, 2-D or 3-D.
        warped: needed only where it is not `moving(x + ddf(x))`: one image, or name → image.
        ddf: `(1, d, *spatial)`, voxels; or name → field, in the order of the scrubber:
            `{"affine": first, "deformable": second}`. "before" comes first by itself.
        labels: (fixed, moving), each `(1, K, *spatial)` in [0, 1].
        points: (fixed, moving), each `(1, N, d)`, voxels; NaN rows are left out.
        view: spacing, window, and the slice to begin with.

    Raises:
        ValueError: shapes that do not belong together, NaN in an image or a field.
    """
    a, b = _image("fixed", fixed), _image("moving", moving)
    require_same_shape("moving", b, "fixed", a)
    window = view.contrast(a.numpy(), b.numpy())
    pair = _Pair(
        a, b, _two("labels", labels), _two("points", points), view.plane(a.shape[2:]), window
    )
    _require_on_grid(pair)
    states = [_State("before", b, torch.zeros(1, a.ndim - 2, *a.shape[2:]))]
    states += _states(pair, warped, ddf)
    told = {state.name: _tell(pair, state) for state in states}
    return Viewer(
        data={
            **layout(pair.plane, window),
            "title": title,
            "fixed": pack_image(a[0, 0], *window),
            "moving": pack_image(b[0, 0], *window),
            "labels": [pack_label(label) for label in pair.labels or ()],
            "points": pack_points(pair.points) if pair.points else [],
            "states": [_pack_state(state, told[state.name], window) for state in states],
        },
        poster=_poster(pair, states[-1], told, view, title, alt),
    )


def _image(name: str, image: Tensor) -> Tensor:
    image = volume(name, image)
    require_finite(name, image)
    return image[None, None]


def _two(name: str, given: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor] | None:
    if given is None:
        return None
    require(isinstance(given, tuple | list) and len(given) == 2, name, "(fixed, moving)", given)
    a, b = (tensor.detach().cpu().float() for tensor in given)
    return a, b


def _require_on_grid(pair: _Pair) -> None:
    for label in pair.labels or ():
        require_grid("labels", label, pair.fixed)
    for points in pair.points or ():
        wanted = (1, pair.points[0].shape[1], pair.fixed.ndim - 2)  # type: ignore[index]
        require(tuple(points.shape) == wanted, "points", wanted, tuple(points.shape))


def _states(pair: _Pair, warped: _Named, ddf: _Named) -> Iterator[_State]:
    """In the order of the fields; then what is an image only."""
    images, fields = (
        given if isinstance(given, Mapping) else {} if given is None else {"after": given}
        for given in (warped, ddf)
    )
    for name in dict.fromkeys([*fields, *images]):
        require(name != "before", "ddf", "another name", "'before'", "It is there by itself.")
        field = made = given = None
        if name in fields:
            field = displacement("ddf", fields[name])
            require_field("ddf", field, size=pair.fixed.shape[2:])
            require_finite("ddf", field)
            made = _warp(pair.moving, field)
        if name in images:
            given = _image("warped", images[name])
            require_same_shape("warped", given, "fixed", pair.fixed)
        if given is not None and (made is None or _apart(pair, given, made).max() > _SEEN):
            yield _State(name, given, field, given=True)
        elif made is not None:
            yield _State(name, made, field)


def _apart(pair: _Pair, one: Tensor, other: Tensor) -> Tensor:
    """How far two images are apart in the eye: in shares of the window."""
    low, high = pair.window
    return (one.clamp(low, high) - other.clamp(low, high)).abs() / (high - low)


def _tell(pair: _Pair, state: _State) -> str:
    """How good a state is, in words."""
    apart = number(100 * float(_apart(pair, state.image, pair.fixed).mean()))
    told = f"Difference {apart} % of the window."
    if state.ddf is None:
        return told
    if pair.labels is not None:
        fixed, moving = pair.labels
        dice = DiceMetric()((_warp(moving, state.ddf) > 0.5).float(), (fixed > 0.5).float())
        told += f" Dice {number(float(dice.nanmean()))}."
    if pair.points is not None:
        error = target_registration_error(*pair.points, state.ddf, pair.plane.spacing)
        told += f" Landmarks {number(float(error.nanmean()))} {pair.plane.unit} apart."
    return told + (f" {describe(state.ddf, pair.plane)}" if state.ddf.any() else "")


def _pack_state(state: _State, told: str, window: tuple[float, float]) -> dict[str, Any]:
    moved = state.ddf is not None and bool(state.ddf.any())
    return {
        "name": state.name,
        "text": told,
        "known": state.ddf is not None,
        "field": pack_field(state.ddf) if moved else None,  # type: ignore[arg-type]
        "warped": pack_image(state.image[0, 0], *window) if state.given else None,
    }


def _poster(
    pair: _Pair, last: _State, told: dict[str, str], view: View, title: str, alt: str | None
) -> Picture:
    """Fixed, moving and moved in turn, and in words what the page would show."""
    words = " ".join(f"{name}: {text}" for name, text in told.items())
    return blink(
        {"fixed": pair.fixed, "moving": pair.moving, last.name: last.image},
        view=View(view.spacing, view.axis, view.index, pair.window),
        title=title,
        alt=alt or f"{title}. {pair.plane.name}: fixed, moving, {last.name}, in turn. {words}",
    )
