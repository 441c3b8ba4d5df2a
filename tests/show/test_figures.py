import io
import re
import sys

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from PIL import Image

from regtutor import show
from regtutor.show.fields import draw_grid
from regtutor.show.images import draw_overlay, outline
from regtutor.show.picture import BLUE, ORANGE

HISTORY = [
    {"epoch": e, "loss": 1.5 / e - 0.1, "image": 1 / e, "label": 0.5 / e, "lncc": -0.1,
     "dice": 0.95 - 0.1 / e, "tre_mm": 2 + 12 / e, "folding": 0.01 / e, "val_loss": 1 / e}
    for e in range(1, 6)
]  # fmt: skip

POINTS = torch.tensor([[[4.0, 5.0, 6.0], [8.0, 7.0, 9.0], [float("nan")] * 3]])


def pictures(case):
    """One of each, by name."""
    view = show.View(spacing=case.spacing)
    d = len(case.size)
    two, points = (case.fixed, case.warped), POINTS[..., :d]
    images = {"fixed": case.fixed, "moving": case.moving}
    return {
        "slices": show.slices(images, labels={"fixed": case.label}, view=view),
        "overlay": show.overlay(*two, fixed_label=case.label, warped_label=case.label, view=view),
        "checkerboard": show.checkerboard(*two, view=view),
        "difference": show.difference(*two, view=view),
        "grid": show.grid(case.ddf, image=case.moving, view=view),
        "arrows": show.arrows(case.ddf, view=view),
        "jacobian": show.jacobian(case.ddf, view=view),
        "landmarks": show.landmarks(case.moving, points, points, case.ddf * 0, view=view),
        "before_after": show.before_after(
            case.fixed, case.moving, case.warped, case.ddf, fixed_label=case.label, view=view
        ),
        "blink": show.blink(images, view=view),
        "curves": show.curves(HISTORY, nothing=HISTORY[0]),
        "histogram": show.histogram(images, window=(0, 1)),
        "profiles": show.profiles(range(-2, 3), {"MSE": [4.0, 1.0, 0.0, 1.0, 4.0]}),
    }


def test_every_picture_has_words_and_is_small(case):
    for name, picture in pictures(case).items():
        assert picture.alt.startswith(picture.title), name
        assert len(picture.alt) > len(picture.title) + 20, name
        assert re.search(r"\d", picture.alt), name
        assert not re.search(r"\bnan\b", picture.alt), name
        assert len(picture.png) < 120_000, (name, len(picture.png))
        grey = np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"))
        assert grey.std() > 10, name


@pytest.fixture
def figures(monkeypatch):
    """Every figure that is drawn, and the title it was drawn with."""
    drawn = []
    for name in ("boards", "fields", "history", "images", "profiles"):
        module = sys.modules[f"regtutor.show.{name}"]
        render = module.render
        monkeypatch.setattr(
            module,
            "render",
            lambda f, t, alt, render=render: drawn.append((f, t)) or render(f, t, alt),
        )
    return drawn


def test_every_figure_has_its_title_and_its_units(case, figures):
    pictures(case)
    assert len(figures) == 14  # thirteen, and blink draws two
    for figure, title in figures:
        assert figure.get_suptitle() == title
        axes = figure.axes[0]
        labels = axes.get_xlabel(), axes.get_ylabel()
        assert all(labels), title
        if axes.images or axes.collections:
            curve = "epoch" in labels
            assert curve or all(label.endswith("(mm)") for label in labels), title
        if len(figure.axes) > 1 and figure.axes[-1].get_label() == "<colorbar>":
            assert figure.axes[-1].get_ylabel(), title
    everything = " ".join(a.get_xlabel() + a.get_ylabel() for f, _ in figures for a in f.axes)
    for unit in ("TRE (mm)", "Dice (1 = same)", "(stored value)", "share of voxels",
                 "loss terms", "shift (voxels)", "Jacobian determinant",
                 "difference of intensities"):  # fmt: skip
        assert unit in everything, unit


def test_more_volume_has_a_solid_line_around_it_and_less_a_dashed_one(figures):
    place = torch.linspace(-1, 1, 24).view(1, 1, 24, 1).expand(1, 1, 24, 24)
    show.jacobian(torch.cat([3 * place**2, 0 * place], dim=1))  # from 0.5 to 1.5 down the image
    (figure, _), lines = figures[0], {}
    for contour in figure.axes[0].collections:
        (style,) = contour.get_linestyle()
        lines["dashed" if style[1] else "solid"] = contour.get_paths()[0].vertices[:, 1].mean()
    determinant = 1 + 12 / 23 * torch.linspace(-1, 1, 24)
    for style, level in (("dashed", 0.8), ("solid", 1.25)):
        found = np.interp(level, determinant, np.arange(24))
        assert lines[style] == pytest.approx(found, abs=0.1)


def test_a_fixed_label_is_orange_in_every_panel(case, figures):
    images = {"before": case.fixed, "turned": case.fixed.flip(-1), "moving": case.moving}
    labels = dict.fromkeys(images, case.label)
    for moving in (None, (), ["moving"]):
        show.slices(images, labels=labels, moving=moving)
    seen = [[to_hex(a.collections[0].get_edgecolor()[0]) for a in f.axes] for f, _ in figures]
    expected = [[ORANGE, BLUE, BLUE], [ORANGE] * 3, [ORANGE, ORANGE, BLUE]]
    assert seen == expected
    with pytest.raises(ValueError, match="moving: expected names among before, turned, moving"):
        show.slices(images, moving=["warped"])


def test_title_and_words_can_be_given(case):
    picture = show.grid(case.ddf, title="Mine", alt="My words.")
    assert (picture.title, picture.alt) == ("Mine", "My words.")


def drawn(case, draw):
    """What a drawing function leaves on the axes, and the pixels."""
    plane = show.View(spacing=case.spacing).plane(case.size)
    figure, (axes,) = plane.panels(1, "")
    draw(axes, plane)
    plane.frame(axes)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return plane, axes, np.asarray(canvas.buffer_rgba())


def test_grid_lines_lie_at_x_plus_ddf_in_mm(case):
    plane, axes, _ = drawn(case, lambda axes, plane: draw_grid(axes, plane, case.ddf, 3, BLUE))
    lines = axes.collections[0].get_segments()
    line, at = lines[2], 6  # the third of those that run across, at its seventh voxel
    voxel = [5 if axis == plane.axis else 0 for axis in range(len(case.size))]
    voxel[plane.along], voxel[plane.across] = 6, at
    if plane.axis is not None:
        voxel[plane.axis] = plane.index
    place = [
        (voxel[a] + case.ddf[(0, a, *voxel)].item()) * case.spacing[a]
        for a in (plane.across, plane.along)
    ]
    assert line[at] == pytest.approx(place, abs=1e-4)
    n = case.size
    assert len(lines) == -(-n[plane.along] // 3) + -(-n[plane.across] // 3)


def test_an_overlay_is_grey_where_both_agree_and_coloured_where_not(case):
    black, white = np.zeros((4, 4)), np.ones((4, 4))

    def middle(fixed, warped):
        _, axes, _ = drawn(
            case, lambda axes, plane: draw_overlay(axes, plane, fixed, warped, (0, 1))
        )
        return axes.images[0].get_array()[2, 2].tolist()

    assert middle(white, white) == pytest.approx([1, 1, 1])
    assert middle(white, black) == pytest.approx(rgb(ORANGE), abs=2e-3)
    assert middle(black, white) == pytest.approx(rgb(BLUE), abs=2e-3)


def rgb(colour):
    return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def test_contours_run_around_the_label_in_mm(case):
    plane, axes, _ = drawn(case, lambda axes, plane: outline(axes, plane, case.label, ORANGE))
    line = np.concatenate([path.vertices for path in axes.collections[0].get_paths()])
    inside = plane.cut("label", case.label.reshape(case.size)) > 0.5
    for column, axis in ((0, plane.across), (1, plane.along)):
        filled = np.flatnonzero(inside.any(axis=column))
        reach = line[:, column] / case.spacing[axis]
        assert reach.min() == pytest.approx(filled.min() - 0.5, abs=0.01)
        assert reach.max() == pytest.approx(filled.max() + 0.5, abs=0.01)


def test_the_words_hold_the_numbers():
    zero, moved = torch.zeros(1, 2, 20, 30), torch.zeros(1, 2, 20, 30)
    moved[:, 0], moved[:, 1] = 3, 4
    view = show.View(spacing=(2.0, 0.5))
    assert "6.32 mm" in show.arrows(moved, view=view).alt  # √(6² + 2²)
    assert "5.00 voxels" in show.grid(moved).alt
    image, points = torch.rand(20, 30), torch.tensor([[[4.0, 5.0], [8.0, 7.0]]])
    alt = show.landmarks(image, points, points + torch.tensor([3.0, 4.0]), zero, view=view).alt
    assert "6.32 mm apart" in alt
    alt = show.landmarks(image, points, points + torch.tensor([3.0, 4.0]), moved, view=view).alt
    assert "0.000 mm apart" in alt
    flat = torch.zeros(20, 30)
    assert "50.0 % of the window" in show.overlay(flat, flat + 1, view=show.View(window=(0, 2))).alt


def test_the_jacobian_tells_shrinking_from_folding():
    place = torch.arange(20.0).view(1, 1, 20, 1).expand(1, 1, 20, 16)
    still = torch.zeros_like(place)
    halved = show.jacobian(torch.cat([-0.5 * place, still], dim=1))
    assert "from 0.500 to 0.500" in halved.alt
    assert "folded 0.000 %" in halved.alt
    mirrored = show.jacobian(torch.cat([-2.0 * place, still], dim=1))
    assert "from -1.00 to -1.00" in mirrored.alt
    assert "folded 100.0 %" in mirrored.alt

    def darkest(picture):
        pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"))
        return (pixels[150:250, 100:200] < 10).mean()

    assert darkest(mirrored) > 0.9
    assert darkest(halved) < 0.1


def test_curves_speak_of_first_last_and_nothing():
    alt = show.curves(HISTORY, nothing={"dice": 0.7, "tre_mm": 18.0}).alt
    assert "Loss from 1.40 to 0.200" in alt
    assert "image 0.200, label 0.100, lncc -0.100" in alt
    assert "Dice (1 = same): 0.850 at first, 0.930 at last, 0.700 doing nothing" in alt
    assert "TRE (mm): 14.0 at first, 4.40 at last, 18.0 doing nothing" in alt
    assert "folded" in alt
    assert "val_loss" not in alt
    with pytest.raises(ValueError, match="history: expected at least one record"):
        show.curves([])


def test_a_checkerboard_shows_both(case):
    zero = torch.zeros(16, 24)
    picture = show.checkerboard(zero, zero + 1, tiles=6)
    pixels = np.asarray(Image.open(io.BytesIO(picture.png)).convert("L"))
    inside = pixels[120:260, 100:300]
    assert 0.4 < (inside > 250).mean() < 0.6
    assert 0.4 < (inside < 5).mean() < 0.6


def test_blinking_keeps_one_window():
    images = {"dark": torch.full((20, 20), 0.2), "light": torch.full((20, 20), 0.8)}
    images["dark"][0, 0], images["light"][0, 0] = 0.0, 1.0
    file = Image.open(io.BytesIO(show.blink(images).png))
    middle = []
    for k in range(file.n_frames):
        file.seek(k)
        middle.append(np.asarray(file.convert("L"))[200, 200])
    assert middle == pytest.approx([51, 204], abs=4)
