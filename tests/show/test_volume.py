"""All that is ours is tested without the extra `regtutor[volume]`; with it, its viewers too."""

import io
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import nbformat
import nibabel
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from nbclient import NotebookClient

from regtutor import show
from regtutor.show import boards

module = sys.modules["regtutor.show.volume"]
SIZE, VIEW = (12, 9, 16), show.View(spacing=(2.0, 1.5, 4.0), window=(-1.0, 2.0))
IMAGE = torch.arange(12 * 9 * 16.0).reshape(1, 1, *SIZE) / 500
EXTRA = "the extra regtutor[volume] is not installed"


@pytest.fixture
def fakes(monkeypatch):
    """Both viewers as modules that note what they are given."""
    given = {}

    class NiiVue:
        def __init__(self, height, **options):
            self.opts = SimpleNamespace(**options)

        def load_volumes(self, volumes):
            (given["niivue"],) = volumes

        def _repr_mimebundle_(self):
            return {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "NiiVue"}, {}

    names = {
        "ipyniivue": {"NiiVue": NiiVue},
        "itkwidgets": {"view": lambda **words: given.setdefault("itkwidgets", words)},
        "ngff_zarr": {"to_ngff_image": lambda *words, scale: (*words, scale)},
    }
    for name, content in names.items():
        made = ModuleType(name)
        vars(made).update(content)
        monkeypatch.setitem(sys.modules, name, made)
    monkeypatch.setattr(module, "find_spec", lambda name: SimpleNamespace(origin=None))
    return given


def test_nothing_is_imported_before_it_is_called():
    code = (
        "import sys, regtutor.show; sys.exit(bool({'itkwidgets', 'ipyniivue'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "regtutor\[volume\]"'):
        show.volume(IMAGE)


def test_the_viewer_is_beside_a_still_picture_with_words(fakes):
    seen = show.volume(IMAGE, view=VIEW, title="A ramp")
    data, metadata = seen._repr_mimebundle_()
    words = "A ramp. Sagittal slice 6 of 12, Coronal slice 4 of 9, Axial slice 8 of 16; black at"
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"].startswith(words)
    assert metadata["image/png"]["alt"] == data["text/plain"]
    assert 'alt="A ramp. Sagittal' in data["text/html"]


def test_niivue_gets_the_values_where_they_are_in_the_patient(fakes):
    show.volume(IMAGE, view=VIEW)
    given = fakes["niivue"]
    assert (given["cal_min"], given["cal_max"]) == VIEW.window
    image = nibabel.Nifti1Image.from_stream(io.BytesIO(given["data"]))
    assert np.array_equal(image.get_fdata(), IMAGE[0, 0])
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert image.header.get_zooms() == VIEW.spacing


def test_itkwidgets_gets_the_values_and_its_page_is_no_second_picture(fakes, monkeypatch):
    monkeypatch.setattr(module, "itk_can_draw", lambda: True)
    seen = show.volume(IMAGE, view=VIEW)
    values, dims, scale = fakes["itkwidgets"]["image"]
    assert np.array_equal(values, IMAGE[0, 0].permute(2, 1, 0))
    assert [scale[name] for name in dims] == [4.0, 1.5, 2.0]
    assert (fakes["itkwidgets"]["vmin"], fakes["itkwidgets"]["vmax"]) == VIEW.window
    assert set(seen._repr_mimebundle_()[0]) == {"text/html", "image/png", "text/plain"}


def test_itkwidgets_is_asked_only_by_a_browser_and_where_its_page_answers(tmp_path, monkeypatch):
    page, name = (tmp_path / "page").as_uri(), ""
    (tmp_path / "page").write_text("there")
    config = tmp_path / "viewer_config.py"
    config.write_text(f'SRC = (\n    "{page}"\n)\nOTHER = "https://127.0.0.1:1/"\n')
    there = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(module, "find_spec", lambda name: there)
    shell = lambda: SimpleNamespace(parent_header={"header": {"username": name}})  # noqa: E731
    monkeypatch.setattr(module, "get_ipython", shell)
    assert module.itk_can_draw()
    name = "somebody"  # nbclient and nbval give one
    assert not module.itk_can_draw()
    name = ""
    config.write_text('SRC = (\n    "https://127.0.0.1:1/"\n)\n')  # nobody listens
    assert not module.itk_can_draw()
    monkeypatch.setattr(module, "get_ipython", lambda: None)
    assert not module.itk_can_draw()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert not module.itk_can_draw()


def test_three_planes_are_cut_where_the_view_says_and_to_one_scale(monkeypatch):
    figures, render = [], boards.render
    monkeypatch.setattr(boards, "render", lambda f, *rest: figures.append(f) or render(f, *rest))
    label = torch.zeros_like(IMAGE)
    label[..., 3:8, 2:6, 2:11] = 1
    view = show.View(spacing=(6.0, 1.5, 2.0), axis=2, index=3, window=(0, 4))
    picture = show.planes(IMAGE, label=label, view=view, title="Three")
    assert "Sagittal slice 6 of 12, Coronal slice 4 of 9, Axial slice 3 of 16" in picture.alt
    assert "black at 0.000, white at 4.00" in picture.alt
    (figure,), volume = figures, IMAGE[0, 0].numpy()
    shown = [axes.images[0] for axes in figure.axes]
    for image, wanted in zip(shown, (volume[6].T, volume[:, 4].T, volume[:, :, 3].T), strict=True):
        assert np.array_equal(image.get_array(), wanted)
        assert image.get_clim() == (0, 4)
    FigureCanvasAgg(figure).draw()
    boxes = [axes.get_window_extent() for axes in figure.axes]
    mm = [(box.width / wide, box.height / tall) for box, (wide, tall) in
          zip(boxes, ((13.5, 32), (72, 32), (72, 13.5)), strict=True)]  # fmt: skip
    assert np.ptp(mm) < 0.15 * np.mean(mm)
    assert all(axes.collections for axes in figure.axes)  # outlined on each
    with pytest.raises(ValueError, match=r"image: expected a volume"):
        show.planes(torch.rand(8, 9))


def test_niivue_itself_is_made():
    pytest.importorskip("ipyniivue", reason=EXTRA)
    seen = show.volume(IMAGE, view=VIEW)
    data, _ = seen._repr_mimebundle_()
    assert type(seen.viewer).__name__ == "NiiVue"
    assert "application/vnd.jupyter.widget-view+json" in data
    (loaded,) = seen.viewer.volumes
    assert (loaded.cal_min, loaded.cal_max) == VIEW.window


CELL = """
import sys, torch
from regtutor import show
sys.modules["regtutor.show.volume"].itk_can_draw = lambda: True
seen = show.volume(torch.rand(1, 1, 32, 24, 40), view=show.View(spacing=(2.0, 1.5, 4.0)))
store, = seen.viewer.stores.values()
print(type(seen.viewer).__name__, "2.0" in bytes(store[".zattrs"]).decode())
"""


def test_itkwidgets_itself_makes_its_viewer_in_a_kernel():
    pytest.importorskip("imjoy_jupyterlab_extension", reason=EXTRA)
    cells = [nbformat.v4.new_code_cell(CELL)]  # one: without its page the next would wait for ever
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=100, kernel_name="python3").execute()
    said = [output.text for output in cells[0].outputs if output.output_type == "stream"]
    assert "Viewer True\n" in said
