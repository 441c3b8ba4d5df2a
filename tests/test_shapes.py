"""The shapes that the docstrings promise: one row a public function, in 2-D and 3-D.

A public function of these packages that has no row fails the test.
"""

import inspect

import pytest
import torch

import regtutor.deformation as deformation
import regtutor.losses as losses
import regtutor.metrics as metrics
import regtutor.networks as networks
from regtutor import filters, training

SIZE = {2: (16, 24), 3: (8, 16, 12)}
IMAGE, FIELD, POINTS, THETA, MATRIX, SQUARE = (
    "image",
    "field",
    "points",
    "theta",
    "matrix",
    "square",
)


def build(kind, d, batch, dtype):
    """An input of a kind: values that every function accepts."""
    shapes = {
        IMAGE: (batch, 1, *SIZE[d]),
        FIELD: (batch, d, *SIZE[d]),
        POINTS: (batch, 5, d),
        THETA: (batch, d, d + 1),
        SQUARE: (d + 1, d + 1),
    }
    if kind == MATRIX:
        return deformation.theta_to_matrix(build(THETA, d, batch, dtype))
    if kind not in shapes:
        return kind
    drawn = torch.Generator().manual_seed(0)
    return torch.rand(shapes[kind], generator=drawn, dtype=dtype)


def label(function):
    """A metric or loss called on labels of 0 and 1."""
    return lambda d: lambda a, b: function(d)((a > 0.4).to(a), (b > 0.6).to(b))


# name: (what to call, given d; its inputs; the shape of what comes out, given d, B and size)
TABLE = {
    "identity_grid": (lambda d: lambda x: deformation.identity_grid(SIZE[d], like=x), [IMAGE],
                      lambda d, b, s: (1, d, *s)),
    "sample": (lambda d: deformation.sample, [IMAGE, FIELD], lambda d, b, s: (b, 1, *s)),
    "Warp": (lambda d: deformation.Warp(), [IMAGE, FIELD], lambda d, b, s: (b, 1, *s)),
    "exp": (lambda d: deformation.exp, [FIELD], lambda d, b, s: (b, d, *s)),
    "DVF2DDF": (lambda d: deformation.DVF2DDF(), [FIELD], lambda d, b, s: (b, d, *s)),
    "affine_to_ddf": (lambda d: lambda t: deformation.affine_to_ddf(t, SIZE[d]), [THETA],
                      lambda d, b, s: (b, d, *s)),
    "apply_affine": (lambda d: deformation.apply_affine, [THETA, FIELD],
                     lambda d, b, s: (b, d, *s)),
    "theta_to_matrix": (lambda d: deformation.theta_to_matrix, [THETA],
                        lambda d, b, s: (b, d + 1, d + 1)),
    "matrix_to_theta": (lambda d: deformation.matrix_to_theta, [MATRIX],
                        lambda d, b, s: (b, d, d + 1)),
    "about_centre": (lambda d: lambda m: deformation.about_centre(m, SIZE[d]), [SQUARE],
                     lambda d, b, s: (d + 1, d + 1)),
    "compose": (lambda d: deformation.compose, [FIELD, FIELD], lambda d, b, s: (b, d, *s)),
    "invert": (lambda d: lambda u: deformation.invert(filters.gaussian_smooth(u, 2.0)), [FIELD],
               lambda d, b, s: (b, d, *s)),
    "resize_field": (lambda d: lambda u: deformation.resize_field(u, [2 * n for n in SIZE[d]]),
                     [FIELD], lambda d, b, s: (b, d, *(2 * n for n in s))),
    "ResizeField": (lambda d: deformation.ResizeField(SIZE[d]), [FIELD],
                    lambda d, b, s: (b, d, *s)),
    "move_points": (lambda d: deformation.move_points, [POINTS, FIELD], lambda d, b, s: (b, 5, d)),
    "jacobian_determinant": (lambda d: deformation.jacobian_determinant, [FIELD],
                             lambda d, b, s: (b, *s)),
    "one_sided_determinants": (
        lambda d: lambda u: torch.stack(list(deformation.one_sided_determinants(u))), [FIELD],
        lambda d, b, s: (2**d, b, *s)),
    "LocalNet": (
        lambda d: lambda x: networks.LocalNet(d, 1, 2, [1, 2], out_channels=d).to(x).eval()(x),
        [IMAGE], lambda d, b, s: (b, d, *s)),
    "GlobalNet": (lambda d: lambda x: networks.GlobalNet(SIZE[d], d, 1, 2, 2).to(x).eval()(x),
                  [IMAGE], lambda d, b, s: (b, d, *s)),
    "trained_localnet": (
        lambda d: lambda x: networks.trained_localnet(d, SIZE[d]).to(x)(torch.cat([x, x], dim=1)),
        [IMAGE], lambda d, b, s: (b, d, *s)),
    "trained_globalnet": (
        lambda d: lambda x: networks.trained_globalnet(d, SIZE[d]).to(x)(torch.cat([x, x], dim=1)),
        [IMAGE], lambda d, b, s: (b, d, *s)),
    "LocalNormalizedCrossCorrelationLoss": (
        lambda d: losses.LocalNormalizedCrossCorrelationLoss(d), [IMAGE, IMAGE],
        lambda d, b, s: ()),
    "GlobalMutualInformationLoss": (lambda d: losses.GlobalMutualInformationLoss(),
                                    [IMAGE, IMAGE], lambda d, b, s: ()),
    "MSELoss": (lambda d: losses.MSELoss(), [IMAGE, IMAGE], lambda d, b, s: ()),
    "SelfSimilarityLoss": (lambda d: losses.SelfSimilarityLoss(), [IMAGE, IMAGE],
                           lambda d, b, s: ()),
    "DiceLoss": (lambda d: losses.DiceLoss(), [IMAGE, IMAGE], lambda d, b, s: ()),
    "MultiScaleLoss": (lambda d: losses.MultiScaleLoss(losses.DiceLoss(), scales=[0, 1]),
                       [IMAGE, IMAGE], lambda d, b, s: ()),
    "BendingEnergyLoss": (lambda d: losses.BendingEnergyLoss(), [FIELD], lambda d, b, s: ()),
    "DiffusionLoss": (lambda d: losses.DiffusionLoss(), [FIELD], lambda d, b, s: ()),
    "DiceMetric": (label(lambda d: metrics.DiceMetric()), [IMAGE, IMAGE], lambda d, b, s: (b, 1)),
    "HausdorffDistanceMetric": (
        label(lambda d: metrics.HausdorffDistanceMetric(include_background=True)),
        [IMAGE, IMAGE], lambda d, b, s: (b, 1)),
    "SurfaceDistanceMetric": (
        label(lambda d: metrics.SurfaceDistanceMetric(include_background=True)),
        [IMAGE, IMAGE], lambda d, b, s: (b, 1)),
    "target_registration_error": (
        lambda d: lambda p, q, u: metrics.target_registration_error(p, q, u, [1.0] * d),
        [POINTS, POINTS, FIELD], lambda d, b, s: (b, 5)),
    "folding_fraction": (lambda d: metrics.folding_fraction, [FIELD], lambda d, b, s: (b,)),
    "log_jacobian_std": (lambda d: metrics.log_jacobian_std, [FIELD], lambda d, b, s: (b,)),
    "DoNothing": (lambda d: training.DoNothing(), [IMAGE], lambda d, b, s: (b, d, *s)),
    "filter_axes": (lambda d: lambda x: filters.filter_axes(x, torch.ones(3)), [IMAGE],
                    lambda d, b, s: (b, 1, *s)),
    "gaussian_smooth": (lambda d: lambda x: filters.gaussian_smooth(x, 1.0), [IMAGE],
                        lambda d, b, s: (b, 1, *s)),
}  # fmt: skip

# What returns no tensor of its inputs' kind, each with a test of its own.
ELSEWHERE = {"from_monai", "to_monai", "recompute", "affine_matrix"}


def test_every_public_function_has_a_row():
    for package in (deformation, losses, metrics, networks):
        public = {n for n, thing in vars(package).items()
                  if not n.startswith("_") and not inspect.ismodule(thing)}  # fmt: skip
        assert public - TABLE.keys() - ELSEWHERE == set(), package.__name__


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", TABLE)
def test_shape(name, d, batch, dtype):
    make, kinds, expected = TABLE[name]
    inputs = [build(kind, d, batch, dtype) for kind in kinds]
    before = [x.clone() for x in inputs]
    with torch.no_grad():
        out = make(d)(*inputs)
    assert tuple(out.shape) == tuple(expected(d, batch, SIZE[d]))
    assert out.dtype in (dtype, torch.float32)  # metrics count in float32
    assert all(map(torch.equal, before, inputs)), "an input was edited in place"
