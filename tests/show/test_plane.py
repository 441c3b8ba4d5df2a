import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from regtutor.show import View, slices
from regtutor.show.plane import displacement, volume


def seen_at(plane, values, place):
    """The grey that is drawn at a place given in mm, and how high on the screen that is."""
    figure, (axes,) = plane.panels(1, "")
    plane.paint(axes, values)
    plane.frame(axes)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    x, y = axes.transData.transform(place)
    pixels = np.asarray(canvas.buffer_rgba())
    return pixels[pixels.shape[0] - round(y), round(x), 0], (x, y)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_voxel_is_seen_where_its_millimetres_say(axis):
    size, spacing, voxel = (9, 11, 13), (1.5, 2.5, 4.0), (2, 7, 8)
    image = torch.zeros(size)
    image[voxel] = 1
    plane = View(spacing, axis, voxel[axis]).plane(size)
    mm = [v * s for v, s in zip(voxel, spacing, strict=True)]
    grey, _ = seen_at(plane, plane.cut("image", image), (mm[plane.across], mm[plane.along]))
    assert grey == 255
    beside = (mm[plane.across] + spacing[plane.across], mm[plane.along])
    assert seen_at(plane, plane.cut("image", image), beside)[0] == 0


def test_the_patient_stands_upright_and_faces_us():
    for axis, (across, along, up) in {0: (1, 2, True), 1: (0, 2, True), 2: (0, 1, False)}.items():
        plane = View(axis=axis).plane((8, 8, 8))
        values = plane.cut("image", torch.rand(8, 8, 8))
        (_, near), (_, far) = (seen_at(plane, values, (3, n))[1] for n in (1, 6))
        assert (plane.across, plane.along, far > near) == (across, along, up)
    plane = View().plane((8, 9))  # rows run down
    values = plane.cut("image", torch.rand(8, 9))
    assert values.shape == (8, 9)
    assert seen_at(plane, values, (3, 1))[1][1] > seen_at(plane, values, (3, 6))[1][1]


def test_the_default_is_the_middle_coronal_slice():
    plane = View().plane((8, 10, 12))
    assert (plane.axis, plane.index, plane.unit) == (1, 5, "voxels")
    assert View(spacing=torch.ones(1, 3)).plane((8, 10, 12)).unit == "mm"


def test_a_batch_of_one_is_taken_plainly_and_more_is_refused():
    image = torch.rand(6, 7, 8)
    for given in (image, image[None], image[None, None]):
        assert torch.equal(volume("image", given), image)
    with pytest.raises(ValueError, match=r"image: expected one image .* batch\[:1\]"):
        volume("image", torch.rand(2, 1, 6, 7, 8))
    field = torch.rand(1, 3, 6, 7, 8, requires_grad=True)
    for given in (field, field[0]):
        assert torch.equal(displacement("ddf", given), field.detach())
    assert displacement("ddf", torch.rand(2, 6, 7)).shape == (1, 2, 6, 7)
    for bad in (torch.rand(2, 3, 6, 7, 8), torch.rand(1, 2, 6, 7, 8), torch.rand(1, 3, 6, 7)):
        with pytest.raises(ValueError, match="ddf: expected one field"):
            displacement("ddf", bad)


@pytest.mark.parametrize(
    ("view", "size", "message"),
    [
        (View(axis=3), (6, 7, 8), "axis: expected one of 0, 1, 2"),
        (View(index=7), (6, 7, 8), "index: expected 0 to 6, got 7"),
        (View(axis=1), (6, 7), "axis, index: expected None in 2-D"),
        (View(spacing=(1, 2)), (6, 7, 8), "spacing: expected 3 numbers in mm"),
    ],
)
def test_a_view_that_does_not_fit_is_refused(view, size, message):
    with pytest.raises(ValueError, match=message):
        view.plane(size)


def test_images_on_two_grids_are_refused():
    images = {"fixed": torch.rand(6, 7), "moving": torch.rand(7, 6)}
    with pytest.raises(ValueError, match=r"moving: expected the grid \(6, 7\)"):
        slices(images)
