import base64
import io
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from nbconvert import HTMLExporter
from PIL import Image

from regtutor.show import Picture, animate
from regtutor.show.picture import BLUE, CYCLE, FOLD, ORANGE, new_figure, number, render

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


# Viénot, Brettel and Mollon 1999: linear RGB as a dichromat has it.
DICHROMAT = {
    "protanope": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranope": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def linear(colour):
    code = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* under D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.maximum(xyz @ rgb / [0.9505, 1, 1.089], 1e-6))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


PALETTES = [(ORANGE, BLUE, FOLD, "#ffffff"), CYCLE[:5]]


@pytest.mark.parametrize("palette", PALETTES)
def test_colours_differ_to_colour_blind_eyes_and_in_grey(palette):
    for k, one in enumerate(palette):
        for other in palette[k + 1 :]:
            assert abs(lab(linear(one))[0] - lab(linear(other))[0]) > 10, (one, other)
            for matrix in DICHROMAT.values():
                a, b = (lab(np.clip(matrix @ linear(c), 0, 1)) for c in (one, other))
                assert np.linalg.norm(a - b) > 15, (one, other)
