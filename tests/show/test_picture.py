import base64
import io
import subprocess
import sys
from itertools import combinations

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from matplotlib.colors import to_rgb
from nbconvert import HTMLExporter
from PIL import Image

from regtutor.show import Picture, animate
from regtutor.show.fields import VOLUME_COLOURS
from regtutor.show.picture import BLUE, CYCLE, FOLD, INK, ORANGE, new_figure, number, render

ALT = 'Dice "0.94" & <TRE> 2.1 mm'


def blank(title="Blank", width=2.0):
    figure = new_figure(width, 1.5, title)
    figure.subplots().plot([0, 1], [0, len(title)])
    return render(figure, title, alt=ALT)


def test_jupyter_gets_a_picture_its_words_and_its_size():
    picture = blank()
    data, metadata = DisplayFormatter().format(picture)
    assert base64.b64decode(data["image/png"]) == picture.png
    assert data["text/plain"] == ALT == repr(picture)
    assert metadata["image/png"] == {"alt": ALT, "width": 200, "height": 150}
    assert Image.open(io.BytesIO(picture.png)).size == (200, 150) == picture.size


@pytest.mark.parametrize("template", ["lab", "classic"])
def test_the_alt_text_survives_storing_and_conversion(template):
    data, metadata = blank()._repr_mimebundle_()
    output = nbformat.v4.new_output("execute_result", data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("picture", outputs=[output], id="one")
    notebook = nbformat.reads(nbformat.writes(nbformat.v4.new_notebook(cells=[cell])), as_version=4)
    page, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
    (image,) = BeautifulSoup(page, "html.parser").select("img")
    assert image["alt"] == ALT
    assert image["src"].startswith("data:image/png;base64,")


def test_saving_replaces_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new folder" / "picture.png"
    first = blank()
    first.save(path)
    assert path.read_bytes() == first.png
    with pytest.raises(TypeError):
        Picture("not bytes", "", "").save(path)
    assert path.read_bytes() == first.png
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


def test_a_moving_picture_holds_its_frames_and_repeats():
    frames = [blank("one"), blank("three"), blank("seventh")]
    moving = animate(frames, seconds=0.5)
    file = Image.open(io.BytesIO(moving.png))
    assert (file.format, file.n_frames, file.info["loop"]) == ("PNG", 3, 0)
    seen = []
    for k in range(3):
        file.seek(k)
        assert file.info["duration"] == 500
        seen.append(np.asarray(file.convert("RGB")).astype(int))
        original = np.asarray(Image.open(io.BytesIO(frames[k].png)).convert("RGB")).astype(int)
        assert abs(seen[-1] - original).mean() < 1
    assert (seen[0] != seen[1]).any()
    assert (seen[1] != seen[2]).any()
    assert "3 frames" in moving.alt
    assert moving.title == "one"


def test_frames_must_be_there_and_of_one_size():
    with pytest.raises(ValueError, match="frames: expected at least one picture"):
        animate([])
    with pytest.raises(ValueError, match="frames: expected pictures of one size"):
        animate([blank(), blank(width=3.0)])


def test_numbers_keep_their_decimal_point():
    assert [number(x) for x in (0, 0.12345, 9.876, 123.45)] == ["0.000", "0.123", "9.88", "123.5"]


def test_nothing_of_pyplot_is_loaded():
    """What pyplot does not know, it cannot show twice nor keep alive."""
    code = "import sys, regtutor.show; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as who lacks a cone has it.
SEEN = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
               [0.004733, 0.691367, 0.303900]],
    "all cones": np.eye(3),
}  # fmt: skip
APART = 15  # ΔE*ab that colours must keep; 2.3 is just seen beside each other
GREY = 10  # ΔL* that they must keep in grey print, of 100 from black to white


def lab(colour, matrix=SEEN["all cones"]):
    """CIE L*a*b* under D65 of a colour, as somebody sees it."""
    code = np.array(to_rgb(colour))
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    share = np.array(xyz) @ linear / [0.9505, 1, 1.089]
    x, y, z = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_simulation_knows_what_is_confused():
    assert lab("white") == pytest.approx([100, 0, 0], abs=0.1)
    assert lab("red") == pytest.approx([53.2, 80.1, 67.2], abs=0.2)
    for matrix in SEEN.values():
        assert lab("grey", matrix) == pytest.approx(lab("grey"), abs=0.2)
    # A red and a green that are one colour to who lacks the green cone, and to nobody else.
    apart = {
        name: np.linalg.norm(lab("#c06040", m) - lab("#3ca038", m)) for name, m in SEEN.items()
    }
    assert apart["deutan"] < 5
    assert min(apart["tritan"], apart["all cones"]) > 80


@pytest.mark.parametrize("palette", [(ORANGE, BLUE, FOLD, "white"), (ORANGE, BLUE, INK), CYCLE])
def test_colours_differ_to_colour_blind_eyes_and_in_grey(palette):
    for one, other in combinations(palette, 2):
        assert abs(lab(one)[0] - lab(other)[0]) > GREY, (one, other)
        for name, matrix in SEEN.items():
            assert np.linalg.norm(lab(one, matrix) - lab(other, matrix)) > APART, (one, other, name)


@pytest.mark.parametrize("matrix", SEEN.values(), ids=SEEN)
def test_shrinking_growing_and_folding_differ_to_colour_blind_eyes(matrix):
    """The map of the Jacobian; what grey print confuses has another line around it: `jacobian`."""
    folded, *levels = (lab(VOLUME_COLOURS(d / 2), matrix) for d in (-0.2, 0.1, 0.5, 1, 1.5, 1.9))
    for one, other in combinations(levels, 2):
        assert np.linalg.norm(one - other) > APART
    for level in levels:
        assert level[0] - folded[0] > 4 * GREY  # black in grey print too
    lightness = [lab(VOLUME_COLOURS(d), matrix)[0] for d in np.linspace(0.02, 0.98, 25)]
    assert (np.diff(lightness[:13]) > 0).all()  # lighter up to no change,
    assert (np.diff(lightness[12:]) < 0).all()  # darker from there
