"""The classical programs beside which `register` stands: two files in, one field out.

Each runs with its own defaults as far as it has any, on the images as they are written, and leaves
the field as ITK's displacement, so that all are read and scored by one formula. The modules are
imported only when they are asked for: `pip install -e ".[peers]"`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

Field = Callable[[Any, Path, bool], Path]  # module, folder, whether aligned → the field's file


class Peer(NamedTuple):
    """A method, and the module that it needs."""

    module: str
    field: Field
    dims: tuple[int, ...] = (2, 3)

    def load(self) -> Any:
        """The module; ModuleNotFoundError where it is not installed."""
        loaded = importlib.import_module(self.module)
        if self.module == "itk":  # that reads its parts when first asked: not to be timed
            loaded.ElastixRegistrationMethod  # noqa: B018
        return loaded


def _images(sitk: Any, folder: Path) -> tuple[Any, Any]:
    return tuple(sitk.ReadImage(folder / f"{n}.nii", sitk.sitkFloat32) for n in ("fixed", "moving"))


def _mutual_information(sitk: Any) -> Any:
    """Three levels, 20 % of the voxels."""
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, seed=1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    return method


def _affine(sitk: Any, fixed: Any, moving: Any) -> Any:
    """From the middle of one grid onto the middle of the other."""
    geometry = sitk.CenteredTransformInitializerFilter.GEOMETRY
    affine = sitk.AffineTransform(fixed.GetDimension())
    start = sitk.CenteredTransformInitializer(fixed, moving, affine, geometry)
    method = _mutual_information(sitk)
    method.SetOptimizerAsGradientDescent(1.0, 100, 1e-6, 10)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=False)
    return method.Execute(fixed, moving)


def _field(sitk: Any, transform: Any, grid: Any) -> Any:
    """A transform as displacements on a grid."""
    maker = sitk.TransformToDisplacementFieldFilter()
    maker.SetReferenceImage(grid)
    maker.SetOutputPixelType(sitk.sitkVectorFloat64)
    return maker.Execute(transform)


def demons(sitk: Any, folder: Path, aligned: bool) -> Path:
    """Diffeomorphic, 60, 40 and 20 steps at 1/4, 1/2 and full size; after an affine map if need be.

    It compares brightness itself, so one scan against itself warped is its best case.
    """
    fixed, moving = _images(sitk, folder)
    d = fixed.GetDimension()
    start = sitk.Transform(d, sitk.sitkIdentity) if aligned else _affine(sitk, fixed, moving)
    field = _field(sitk, start, fixed)
    for shrink, steps in ((4, 60), (2, 40), (1, 20)):
        small = []
        for image in (fixed, moving):
            sigmas = [shrink * mm / 2 for mm in image.GetSpacing()]
            smooth = sitk.SmoothingRecursiveGaussian(image, sigmas) if shrink > 1 else image
            small.append(sitk.Shrink(smooth, [shrink] * d))
        method = sitk.DiffeomorphicDemonsRegistrationFilter()
        method.SetNumberOfIterations(steps)
        field = method.Execute(*small, sitk.Resample(field, small[0]))
    sitk.WriteImage(field, folder / "field.nii")
    return folder / "field.nii"


def bspline(sitk: Any, folder: Path, aligned: bool) -> Path:
    """Mutual information: affine, then a B-spline of 4 cells an axis."""
    fixed, moving = _images(sitk, folder)
    affine = _affine(sitk, fixed, moving)
    spline = sitk.BSplineTransformInitializer(fixed, [4] * fixed.GetDimension())
    method = _mutual_information(sitk)
    method.SetOptimizerAsLBFGS2(numberOfIterations=100)
    method.SetMovingInitialTransform(affine)
    method.SetInitialTransform(spline, inPlace=True)
    method.Execute(fixed, moving)
    total = sitk.CompositeTransform([affine, spline])
    sitk.WriteImage(_field(sitk, total, fixed), folder / "field.nii")
    return folder / "field.nii"


def elastix(itk: Any, folder: Path, aligned: bool) -> Path:
    """Its default maps: rigid, affine, B-spline with a final grid of 10 mm."""
    fixed, moving = (itk.imread(str(folder / f"{n}.nii"), itk.F) for n in ("fixed", "moving"))
    maps = itk.ParameterObject.New()
    for name in ("rigid", "affine", "bspline"):
        maps.AddParameterMap(maps.GetDefaultParameterMap(name, 4, 10.0))
    _, found = itk.elastix_registration_method(
        fixed, moving, parameter_object=maps, log_to_console=False
    )
    itk.transformix_deformation_field(
        moving, found, log_to_console=False, output_directory=str(folder)
    )
    return folder / "deformationField.nii"


def ants(kind: str) -> Field:
    """One of ANTs' recipes, by its name there."""

    def field(ants: Any, folder: Path, aligned: bool) -> Path:
        fixed, moving = (ants.image_read(str(folder / f"{n}.nii")) for n in ("fixed", "moving"))
        start = str(folder / "ants")
        found = ants.registration(fixed, moving, kind, outprefix=start, random_seed=1)
        chain = found["fwdtransforms"]
        return Path(ants.apply_transforms(fixed, moving, chain, compose=start))

    return field


PEERS = {
    "SimpleITK demons": Peer("SimpleITK", demons),
    "SimpleITK B-spline": Peer("SimpleITK", bspline),
    "elastix": Peer("itk", elastix),
    "ANTs SyN": Peer("ants", ants("SyN")),
    "ANTs Quick": Peer("ants", ants("antsRegistrationSyNQuick[s]")),
    "ANTs SyNCC": Peer("ants", ants("SyNCC"), dims=(2,)),
}
