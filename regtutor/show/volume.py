"""A volume to turn and cut in three dimensions; its three planes stay where no viewer can be.

itkwidgets holds back all further cells until its page, far away, is there: it is asked only where
that answers; else ipyniivue draws. Both are in the extra `regtutor[volume]`, imported when called.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import nibabel
import numpy as np
from IPython.core.getipython import get_ipython
from torch import Tensor

from regtutor.checks import complaint
from regtutor.show import plane
from regtutor.show.boards import planes
from regtutor.show.picture import Picture


class Volume(NamedTuple):
    """Three planes, and the viewer that stands in their place beside a kernel."""

    still: Picture
    viewer: Any

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        still, metadata = self.still._repr_mimebundle_()
        live = getattr(self.viewer, "_repr_mimebundle_", None)  # itkwidgets has shown itself
        return ({**live()[0], **still} if live else still), metadata


def volume(image: Tensor, *, view: plane.View = plane.MIDDLE, title: str = "A volume") -> Volume:
    """Turn, cut and window a volume `(1, 1, *spatial)`; `view` as in `planes`.

    Raises:
        ModuleNotFoundError: without the extra `regtutor[volume]`.
    """
    still, values = planes(image, view=view, title=title), plane.volume("image", image).numpy()
    if find_spec("ipyniivue") is None:
        remedy = 'Run pip install "regtutor[volume]"; show.planes does without.'
        raise ModuleNotFoundError(complaint("show.volume", "ipyniivue", "none", remedy))
    draw = _itk if itk_can_draw() else _niivue
    return Volume(still, draw(values, view.plane(values.shape).spacing, *view.contrast(values)))


def itk_can_draw() -> bool:
    """It is installed, a browser asks (other programs give a name), and its page answers."""
    found, header = find_spec("itkwidgets"), getattr(get_ipython(), "parent_header", {})
    if not found or not found.origin or header.get("header", {}).get("username") != "":
        return False
    # Read, not imported: the import alone puts itkwidgets between the kernel and its cells.
    words = Path(found.origin).with_name("viewer_config.py").read_text("utf-8").split('"')
    with suppress(OSError), urlopen(words[1], timeout=3):  # the first address: the page's
        return True
    return False


def _itk(values: np.ndarray, spacing: tuple[float, ...], low: float, high: float) -> Any:
    import itkwidgets
    from ngff_zarr import to_ngff_image

    given = to_ngff_image(values.T, list("zyx"), scale=dict(zip("xyz", spacing, strict=True)))
    return itkwidgets.view(image=given, vmin=low, vmax=high)


def _niivue(values: np.ndarray, spacing: tuple[float, ...], low: float, high: float) -> Any:
    from ipyniivue import NiiVue

    to_mm = np.diag([-spacing[0], -spacing[1], spacing[2], 1])  # RAS: i runs left, j back
    file = nibabel.Nifti1Image(values, to_mm).to_bytes()
    viewer = NiiVue(400, is_radiological_convention=True, multiplanar_show_render=1)
    viewer.opts.crosshair_width = 0.4
    viewer.load_volumes([{"name": "volume.nii", "data": file, "cal_min": low, "cal_max": high}])
    return viewer
