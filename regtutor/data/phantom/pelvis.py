"""The gland of nobody and what lies around it, as magnetic resonance and as ultrasound show it.

One anatomy, two paints. What is bright in one may be bright, dark or anything in the other:

    tissue        MR (T2)   ultrasound        tissue        MR (T2)   ultrasound
    fat             .62        .52            bladder         .95        .04
    muscle          .16        .30            capsule         .12        .52
    rectum          .05        .45            cyst           1.00        .03
    outer zone      .80        .46            calcification   .02       1.00 and a shadow
    inner zone      .42        .42            urethra         .85        .12

Ultrasound adds a bright line wherever tissue changes across the beam.

Convention: places `(3, N)` in mm about the gland's middle at rest, x to the left, y to the back, z
to the head; values in [0, 1]. Taught in notebook 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regtutor.data.phantom.shapes import Canvas, bump, capsule, ellipsoid
from regtutor.deformation import sample

PROBE = (0.0, 31.0)  # mm, x and y of the middle of the ultrasound probe
PROBE_RADIUS, REACH, HALF_ANGLE = 9.0, 64.0, 1.25  # mm, mm, radians
CYSTS = 2  # landmarks 0 and 1 are cysts, the others calcifications
_SPOTS = ((-13, 5), (9, -6), (15, 4), (-6, -8), (2, 10))  # mm, where landmarks lie, about


@dataclass(frozen=True)
class Gland:
    """What differs from one subject to the next."""

    radii: tuple[float, float, float]  # mm
    lesion: tuple[float, float, float]  # mm, its middle
    landmarks: Tensor  # (3, N) mm
    texture: Tensor  # (1, 2, 24, 24, 24): one for each kind of image


def draw_gland(generator: torch.Generator, depth: float | None) -> Gland:
    """Another gland; with a depth all landmarks lie in that slice."""
    size = 1 + 0.24 * (torch.rand(3, generator=generator) - 0.5)
    radii = torch.tensor([25.0, 16.5, 21.0]) * size
    spots = torch.tensor(_SPOTS).float().T
    spots = spots * size[:2, None] + 3 * (torch.rand(spots.shape, generator=generator) - 0.5)
    height = 18 * (torch.rand(spots.shape[1], generator=generator) - 0.5)
    height = height if depth is None else torch.full_like(height, depth)
    side = 1.0 if torch.rand((), generator=generator) < 0.5 else -1.0
    return Gland(
        radii=(float(radii[0]), float(radii[1]), float(radii[2])),
        lesion=(side * 14.0, 7.0, float(height.mean())),
        landmarks=torch.cat([spots, height[None]]),
        texture=torch.randn((1, 2, 24, 24, 24), generator=generator),
    )


def outline(places: Tensor, gland: Gland) -> Tensor:
    """Signed distance to the gland, with the notch at its back: `(N,)` mm."""
    x, _, z = places
    notch = torch.stack([torch.zeros_like(x), 2.5 * bump(x, 6) * bump(z, 14), torch.zeros_like(x)])
    return ellipsoid(places + notch, (0, 0, 0), gland.radii)


def blobs(places: Tensor, middles: Tensor, radius: float) -> Tensor:
    """Signed distances to balls about `(3, K)` middles: `(K, N)` mm."""
    return (places[:, None] - middles[..., None]).square_().sum(0).sqrt_() - radius


def paint(
    places: Tensor, gland: Gland, voxel: float, kind: int, faced: Tensor | float = 0
) -> Tensor:
    """One kind of image, 0 MR, 1 ultrasound, without what its machine adds: `(N,)`.

    Args:
        voxel: mm, the width over which an edge is shared.
        faced: 1 where the gland's rim lies across the beam, 0 along it; for ultrasound.
    """
    x, y, _ = places
    grain = sample(gland.texture[:, kind : kind + 1], (places / 3.5 + 12)[None, :, :, None, None],
                   padding_mode="reflection").flatten()  # fmt: skip
    canvas = Canvas((0.62, 0.52)[kind] + 0.05 * grain, voxel)
    canvas.paint(37 - x.abs() - 0.15 * y, (0.16, 0.30)[kind])  # muscle on both sides
    canvas.paint(ellipsoid(places, (0, -46, -6), (26, 12, 14)), (0.10, 0.70)[kind])  # pubis
    canvas.paint(ellipsoid(places, (0, -31, 24), (27, 15, 25)), (0.25, 0.60)[kind])
    bladder = ellipsoid(places, (0, -31, 24), (25, 13, 23))
    canvas.paint(bladder, (0.95, 0.04)[kind])
    canvas.paint(ellipsoid(places, (0, 32, 0), (12, 11, 70)), (0.30, 0.60)[kind])
    canvas.paint(ellipsoid(places, (0, 32, 0), (9, 8, 68)), (0.05, 0.45)[kind])  # rectum
    rind = outline(places, gland)
    canvas.paint(rind - 1.2, (0.12, 0.52)[kind])
    canvas.paint(rind + 0.6, (0.80, 0.46)[kind] + 0.05 * grain)
    a, b, c = gland.radii
    inner = ellipsoid(places, (0, -0.2 * b, 2), (0.64 * a, 0.66 * b, 0.7 * c))
    canvas.paint(inner, (0.42, 0.42)[kind] + (0.16, 0.07)[kind] * grain)
    if kind == 1:  # an echo comes from where tissue changes
        for border in (rind, inner, bladder):
            canvas.paint(border.abs() - 0.7, canvas.hu + 0.45 * faced)
    canvas.paint(ellipsoid(places, gland.lesion, (6, 4, 6)), (0.30, 0.30)[kind])
    canvas.paint(capsule(places, (0, -6, 24), (0, 3, -24), 2.0), (0.85, 0.12)[kind])  # urethra
    spots = blobs(places, gland.landmarks, 2.0)
    for spot in spots[:CYSTS]:
        canvas.paint(spot, (1.0, 0.03)[kind])
    for spot in spots[CYSTS:]:
        canvas.paint(spot, (0.02, 1.0)[kind])
    return canvas.hu


def resonance(places: Tensor, gland: Gland, voxel: float, generator: torch.Generator) -> Tensor:
    """MR at its own places: brighter near the coil at the back, and noise that is never below 0."""
    signal = paint(places, gland, voxel, kind=0)
    signal = signal * (0.78 + 0.004 * places[1]).clamp(0.5, 1.2)
    noise = 0.03 * torch.randn((2, len(signal)), generator=generator)
    return (signal + noise[0]).hypot(noise[1])


def echo(
    beam: Tensor, places: Tensor, gland: Gland, middles: Tensor, voxel: float, speckle: Tensor
) -> Tensor:
    """Ultrasound: a fan from the probe, speckle, shadows, a rim that is bright where it is faced.

    Args:
        beam: `(3, N)` mm, where the probe sees it.
        places: `(3, N)` mm, where that tissue is at rest.
        middles: `(3, K)` mm, the landmarks, as the probe sees them.
        speckle: `(N,)`, about 1.
    """
    away = beam[:2] - torch.tensor(PROBE)[:, None]
    depth, angle = away[0].hypot(away[1]), torch.atan2(away[0], -away[1])
    normal = places / torch.tensor(gland.radii)[:, None] ** 2
    along = (away * normal[:2]).sum(0).square() / (depth.square() * normal.square().sum(0) + 1e-9)
    bright = paint(places, gland, voxel, kind=1, faced=along)
    bright = bright * (1 + 0.4 * (speckle - 1))
    past = depth - PROBE_RADIUS
    bright = bright * (1.05 - 0.008 * past + 0.6 * torch.exp(-past / 5))
    for middle in middles[:, CYSTS:].T:
        towards = middle[:2] - torch.tensor(PROBE)
        far = towards.norm()
        behind = (depth - far - 1).clamp(0, 1) * bump(beam[2] - middle[2], 2.5)
        aside = far * (angle - torch.atan2(towards[0], -towards[1]))
        bright = bright * (1 - 0.75 * behind * bump(aside, 1.8))
    seen = (past > 0) & (depth < REACH) & (angle.abs() < HALF_ANGLE)
    return bright * seen
