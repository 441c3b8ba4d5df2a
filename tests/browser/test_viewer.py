"""The viewer under mouse, finger and keys; its pixels, lines and words are held against torch."""

import base64
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from torch.nn import functional as F

from regtutor import show
from regtutor.data.thorax import breathing_pair
from regtutor.deformation import Warp, affine_to_ddf, identity_grid, jacobian_determinant, sample
from regtutor.show.live import unpack
from regtutor.show.picture import BLUE, ORANGE, number

COLOUR = {name: np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)])
          for name, code in (("orange", ORANGE), ("blue", BLUE))}  # fmt: skip
MODES = ("colour", "blend", "checkerboard", "swipe", "difference", "moving, as it is", "Jacobian")
warp = Warp(padding_mode="border")


def made(size, spacing):
    """A pair with an affine state, one that folds, and an image whose field nobody knows."""
    d, place = len(size), identity_grid(size)
    period = torch.tensor([3.0, 4.0, 5.0][:d]).view(1, d, *[1] * d)
    moving = (place / period).sin().sum(1, keepdim=True) / (2 * d) + 0.5
    ddf = (place.flip(1) / 4).sin() * 3 + (place / 2.5).sin()
    theta = torch.eye(d + 1)[None, :-1].clone()
    theta[0, 0, 1], theta[0, 1, 0], theta[0, :, -1] = 0.2, -0.1, 1.0
    fields = {"affine": affine_to_ddf(theta, size), "deformable": ddf}
    assert (jacobian_determinant(ddf) <= 0).sum() > 5

    def ball(centre, radius):
        centre = torch.tensor(centre[:d]).view(1, d, *[1] * d)
        return ((place - centre).norm(dim=1, keepdim=True) < radius).float()

    middle = [n // 2 for n in size]
    points = torch.tensor([middle, [n // 2 - 4 for n in size]], dtype=torch.float32)[None]
    given = {
        "fixed": moving.roll(3, dims=2).contiguous(),
        "moving": moving,
        "warped": {"image only": 1 - moving.roll(3, dims=2)},
        "ddf": fields,
        "labels": (ball(middle, 6), ball([x + 2 for x in middle], 6)),
        "points": (points, points + torch.tensor([2.0, -1.0, 1.5][:d])),
    }
    live = show.view(**given, view=show.View(spacing, window=(0.0, 1.0)))
    return SimpleNamespace(
        live=live, given=given, size=size, spacing=spacing, middle=middle,
        labels=given["labels"], points=given["points"],
    )  # fmt: skip


@pytest.fixture(scope="module", params=[2, 3])
def case(request):
    if request.param == 2:
        return made((40, 56), (2.5, 1.5))
    return made((24, 28, 32), (3.0, 2.0, 2.5))


@pytest.fixture(scope="module")
def solid():
    return made((24, 28, 32), (3.0, 2.0, 2.5))


def stored(case, state):
    """What the page was given, as tensors; how true that is, tests/show/test_viewer.py says."""
    data, d = case.live.data, len(case.size)

    def image(packed):
        return torch.from_numpy(unpack(packed)).reshape(1, 1, *case.size)

    found = data["states"][state]
    ddf = torch.zeros(1, d, *case.size)
    if found["field"]:
        parts = [
            torch.from_numpy(unpack(p)).reshape(p["shape"][3 - d :]) for p in found["field"] if p
        ]
        linear = "bilinear" if d == 2 else "trilinear"
        ddf = F.interpolate(torch.stack(parts)[None], case.size, mode=linear, align_corners=True)
    moving = image(data["moving"])
    moved = image(found["warped"]) if found["warped"] else warp(moving, ddf)
    return SimpleNamespace(fixed=image(data["fixed"]), moving=moving, moved=moved, ddf=ddf)


def planes(case, cross):
    """Name → the plane of the library through the crosshair."""
    if len(case.size) == 2:
        return {"Image": show.View(case.spacing).plane(case.size)}
    names = ("Sagittal", "Coronal", "Axial")
    return {name: show.View(case.spacing, axis, cross[axis]).plane(case.size)
            for axis, name in enumerate(names)}  # fmt: skip


def upright(plane, values):
    return values[::-1] if plane.along == 2 else values


def expected(plane, seen, mode, mix):
    """The colours of a plane's voxels, `(rows, columns, 3)`, by NumPy."""
    a, b, moving = (plane.cut("", image[0, 0]) for image in (seen.fixed, seen.moved, seen.moving))
    rows, columns = np.indices(a.shape)
    tile = -(-max(a.shape) // 8)
    if mode == "Jacobian":
        determinant = plane.cut("", jacobian_determinant(seen.ddf)[0])[..., None]
        end = np.where(determinant < 1, COLOUR["blue"], COLOUR["orange"])
        far = np.clip(np.abs(determinant - 1), 0, 1)
        wanted = np.where(determinant <= 0, 0, 255 + far * (end - 255))
    elif mode == "colour":
        wanted = a[..., None] * COLOUR["orange"] + b[..., None] * COLOUR["blue"]
    else:
        wanted = (
            255
            * {
                "blend": a + mix * (b - a),
                "checkerboard": np.where((rows // tile + columns // tile) % 2, b, a),
                "swipe": np.where((columns + 0.5) / a.shape[1] < mix, a, b),
                "difference": 0.5 + (b - a) / 2,
                "moving, as it is": moving,
            }[mode][..., None]
        )
    return upright(plane, np.broadcast_to(wanted, (*a.shape, 3)))


def canvas(page, name):
    return page.locator(f'canvas[aria-label^="{name}."]')


def settle(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pixels(page, name):
    """A plane's canvas as `(height, width, 3)`."""
    settle(page)
    url = canvas(page, name).evaluate("canvas => canvas.toDataURL()")
    file = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def at(plane, shape, place):
    """Where a place of the fixed grid is on a canvas: (down, right), in pixels."""
    down = (place[plane.along] + 0.5) / plane.size[plane.along]
    right = (place[plane.across] + 0.5) / plane.size[plane.across]
    return (1 - down if plane.along == 2 else down) * shape[0], right * shape[1]


def agree(page, case, mode, *, cross=None, state=2, mix=0.5, names=None):
    """The voxels on the canvas are those of the library, but for lines drawn over a few."""
    seen = stored(case, state)
    for name, plane in planes(case, cross or case.middle).items():
        if names and name not in names:
            continue
        image, wanted = pixels(page, name), expected(plane, seen, mode, mix)
        rows, columns = (
            ((np.arange(n) + 0.5) * extent / n).astype(int)
            for n, extent in zip(wanted.shape[:2], image.shape[:2], strict=True)
        )
        off = np.abs(image[rows[:, None], columns] - wanted).max(-1)
        assert (off <= 2).mean() > 0.95, (mode, name, np.percentile(off, [50, 90, 97]))


def bare(page):
    """No lines over the pictures, and all planes to be seen."""
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    if page.get_by_label("plane", exact=True).count():
        page.get_by_label("plane", exact=True).select_option("all three")


def choose(page, mode):
    page.get_by_label("show", exact=True).select_option(mode)
    settle(page)


def slide(page, name, value):
    """A slider set by keys: to its end, and back."""
    slider = page.get_by_label(name, exact=True)
    slider.press("Home")
    while slider.input_value() != str(value):
        slider.press("PageUp" if int(slider.input_value()) + 10 <= value else "ArrowRight")


def said(page):
    settle(page)
    return page.locator(".said").first.inner_text()


@pytest.fixture
def opened(page, case, anywhere):
    page.goto(anywhere(case.live))
    page.wait_for_selector(".rt canvas:visible", timeout=60_000)
    bare(page)
    slide(page, "state", 2)
    return page


def test_every_mode_paints_what_numpy_computes(opened, case):
    mix = opened.get_by_label("mix", exact=True)
    for mode in MODES:
        choose(opened, mode)
        assert mix.is_visible() == (mode in ("blend", "swipe"))
        if mix.is_visible():
            slide(opened, "mix", 50)
            agree(opened, case, mode)
            slide(opened, "mix", 20)
            agree(opened, case, mode, mix=0.2)
        else:
            agree(opened, case, mode)


def test_every_state_is_shown_and_said(opened, case):
    choose(opened, "difference")
    opened.set_viewport_size({"width": 390, "height": 900})
    names, boxes = ["before", "affine", "deformable", "image only"], []
    for state, name in enumerate(names):
        slide(opened, "state", state)
        agree(opened, case, "difference", state=state)
        text = case.live.data["states"][state]["text"]
        assert opened.locator(".told").inner_text() == text
        assert opened.get_by_label("state", exact=True).get_attribute("aria-valuetext") == name
        boxes.append(opened.locator("canvas:visible").first.bounding_box())
    assert "It comes from" not in said(opened)  # nobody knows
    assert boxes == boxes[:1] * 4  # the picture stays where it is


def test_grid_lines_lie_where_torch_reads(opened, case):
    choose(opened, "moving, as it is")
    grids = {}
    for mark in ("grid", "arrows"):
        without = {name: pixels(opened, name) for name in planes(case, case.middle)}
        opened.get_by_label(mark, exact=True).check()
        grids[mark] = {name: (image, pixels(opened, name)) for name, image in without.items()}
        opened.get_by_label(mark, exact=True).uncheck()
    ddf = stored(case, 2).ddf[0]
    for name, plane in planes(case, case.middle).items():
        across, along = plane.across, plane.along
        step = max(1, round(max(plane.size[across], plane.size[along]) / 16))
        tried = found = 0
        for without, image in (drawn[name] for drawn in grids.values()):
            heads = []
            drawn = (np.abs(image - without).max(-1) > 8) & (image[..., 0] - image[..., 2] > 120)
            for column in range(0, plane.size[across], step):
                for row in range(0, plane.size[along], step):
                    place = list(case.middle)
                    place[across], place[along] = column, row
                    read = [x + ddf[(k, *place)].item() for k, x in enumerate(place)]
                    y, x = (round(v) for v in at(plane, image.shape, read))
                    if not (3 < y < image.shape[0] - 3 and 3 < x < image.shape[1] - 3):
                        continue
                    tried += 1
                    found += drawn[y - 1 : y + 2, x - 1 : x + 2].any()
                    v, u = (round(w) for w in at(plane, image.shape, place))
                    ink = [drawn[max(r - 5, 0) : r + 6, max(c - 5, 0) : c + 6].sum()
                           for r, c in ((y, x), (v, u))]  # fmt: skip
                    heads.append(ink[0] > ink[1])
            assert 0.01 < drawn.mean() < 0.6
        assert np.mean(heads) > 0.7  # the last are the arrows': thick where a voxel is read
        assert tried > 100
        assert found >= 0.98 * tried  # the white arrow of the crosshair hides one or two
    # in the middle of a mesh of the unbent grid there is nothing
    slide(opened, "state", 0)
    opened.get_by_label("grid", exact=True).check()
    for name, plane in planes(case, case.middle).items():
        step = max(1, round(max(plane.size[plane.across], plane.size[plane.along]) / 16))
        image = pixels(opened, name)
        for places, hit in (((0, 0), True), ((step / 2, step / 2), False)):
            place = [2.0 * step] * len(case.size)
            place[plane.across] += places[0]
            place[plane.along] += places[1]
            red, _, blue = image[tuple(int(v) for v in at(plane, image.shape, place))]
            assert (red - blue > 120) == hit


def test_labels_and_landmarks_lie_where_they_are_carried(opened, case):
    choose(opened, "moving, as it is")
    seen, grid = stored(case, 2), identity_grid(case.size)
    shown = []  # where in the warped image a moving landmark is seen
    for point in case.points[1][0]:
        away = (grid + seen.ddf - point.view(1, -1, *[1] * len(case.size))).norm(dim=1)[0]
        shown.append(np.unravel_index(int(away.argmin()), case.size))
    for mode, moved, partners in (
        ("moving, as it is", case.labels[1], case.points[1][0].tolist()),
        ("difference", warp(case.labels[1], seen.ddf), shown),
    ):
        choose(opened, mode)
        for name, plane in planes(case, case.middle).items():
            without = pixels(opened, name)
            opened.get_by_label("labels", exact=True).check()
            image = pixels(opened, name)
            opened.get_by_label("labels", exact=True).uncheck()
            scale = (
                np.array(without.shape[:2]) / upright(plane, plane.cut("", seen.fixed[0, 0])).shape
            )
            for label, colour in ((case.labels[0], "orange"), (moved, "blue")):
                drawn = np.argwhere(
                    (np.abs(image - COLOUR[colour]).max(-1) < 3) & (image != without).any(-1)
                )
                assert len(drawn) > 40
                values = torch.tensor(upright(plane, plane.cut("", label[0, 0])).copy())
                places = torch.tensor((drawn + 0.5) / scale - 0.5, dtype=torch.float32)
                under = sample(values[None, None], places.T[None, :, None])  # ½, if it is the edge
                assert (under - 0.5).abs().mean() < 0.12, (mode, name, colour)
            opened.get_by_label("landmarks", exact=True).check()
            image = pixels(opened, name)
            opened.get_by_label("landmarks", exact=True).uncheck()
            fixed = case.points[0][0].tolist()
            pairs = ((fixed[0], "orange", 5.5), (partners[0], "blue", 3.5 + scale.max()))
            for place, colour, reach in pairs:
                dots = (np.abs(image - COLOUR[colour]).max(-1) < 3) & (image != without).any(-1)
                off = np.argwhere(dots) + 0.5 - np.array(at(plane, image.shape, place))
                assert np.hypot(*off.T).min() < reach, (mode, name, colour)


def spot(page, case, name, cross, across=0.0, along=0.0):
    """A whole pixel of the window near a voxel, so many voxels from the crosshair; and the place.

    The place is what the page should say: rounded to voxels by a press, as it is by the pointer.
    """
    plane, box = planes(case, cross)[name], canvas(page, name).bounding_box()
    place = list(map(float, cross))
    place[plane.across] += across
    place[plane.along] += along
    down, right = at(plane, (box["height"], box["width"]), place)
    return round(box["x"] + right), round(box["y"] + down)


def words(case, place, state=2):
    """What is to be said of a voxel, by the library."""
    seen = stored(case, state)
    voxel = torch.tensor(place, dtype=torch.float32).view(1, -1, *[1] * len(place))
    by = sample(seen.ddf, voxel).flatten()
    spacing = torch.tensor(case.spacing)
    fixed, moved = (sample(image, voxel).item() for image in (seen.fixed, seen.moved))
    read, mm = (voxel.flatten() + by).tolist(), (torch.tensor(place) * spacing).tolist()
    volume = jacobian_determinant(seen.ddf)[(0, *place)].item()

    def told(values, digits):
        return ", ".join(f"{v:.{digits}f}" for v in values)

    return (
        f"Voxel {told(place, 0)} at {told(mm, 1)} mm: fixed {fixed:.3f}, moved {moved:.3f}. "
        f"It comes from {told(read, 1)} in the moving image (white arrow), "
        f"{number((by * spacing).norm().item())} mm away. Volume × {volume:.2f}."
    )


def same_words(text, wanted):
    """Equal but for the last digit of a number, where the page rounds the other way."""
    pattern = r"-?\d+\.?\d*"
    assert re.sub(pattern, "#", text) == re.sub(pattern, "#", wanted)
    pairs = zip(re.findall(pattern, text), re.findall(pattern, wanted), strict=True)
    for one, other in pairs:
        digits = len(other.partition(".")[2])
        assert abs(float(one) - float(other)) < 1.01 * 10**-digits, (text, wanted)


def test_the_read_out_follows_pointer_and_press(opened, case):
    place = list(case.middle)
    same_words(said(opened), words(case, place))
    for name, plane in planes(case, case.middle).items():
        opened.mouse.move(*spot(opened, case, name, place, 3, -2))
        hovered = list(place)
        hovered[plane.across] += 3
        hovered[plane.along] -= 2
        same_words(said(opened), words(case, hovered))
        opened.mouse.move(5, 890)
        same_words(said(opened), words(case, place))  # gone, it is the crosshair's again
        opened.mouse.click(*spot(opened, case, name, place, 3, -2))
        place = hovered
        opened.mouse.move(5, 890)
        same_words(said(opened), words(case, place))
    choose(opened, "blend")
    agree(opened, case, "blend", cross=place)  # all planes go through it
    opened.mouse.move(*spot(opened, case, name, place))
    opened.mouse.down()
    opened.mouse.move(*spot(opened, case, name, place, -2, 1), steps=4)
    opened.mouse.up()
    opened.mouse.move(5, 890)
    place[plane.across] -= 2
    place[plane.along] += 1
    same_words(said(opened), words(case, place))


def test_keys_wheel_and_sliders_move_the_crosshair(opened, case):
    place = list(case.middle)
    for name, plane in planes(case, case.middle).items():
        up = 1 if plane.along == 2 else -1
        canvas(opened, name).focus()
        for key, axis, by in (("ArrowRight", plane.across, 1), ("ArrowUp", plane.along, up),
                              ("ArrowUp", plane.along, up), ("ArrowLeft", plane.across, -1),
                              ("ArrowLeft", plane.across, -1), ("ArrowDown", plane.along, -up),
                              ("PageUp", plane.axis, 1), ("PageUp", plane.axis, 1),
                              ("PageDown", plane.axis, -1)):  # fmt: skip
            opened.keyboard.press(key)
            if axis is not None:
                place[axis] += by
        same_words(said(opened), words(case, place))
    if len(case.size) == 3:
        opened.mouse.move(*spot(opened, case, "Axial", place))
        canvas(opened, "Axial").evaluate("canvas => canvas.blur()")
        opened.mouse.wheel(0, 100)  # not taken from the page before a press
        same_words(said(opened), words(case, place))
        canvas(opened, "Axial").focus()
        opened.mouse.wheel(0, -100)
        opened.mouse.move(5, 890)
        place[2] += 1
        same_words(said(opened), words(case, place))
        for name, axis in (("coronal slice", 1), ("sagittal slice", 0), ("axial slice", 2)):
            slider = opened.get_by_label(name, exact=True)
            assert slider.input_value() == str(place[axis])
            slider.press("ArrowLeft")
            place[axis] -= 1
        same_words(said(opened), words(case, place))
        opened.get_by_label("axial slice", exact=True).press("Home")
        canvas(opened, "Axial").press("PageDown")  # there is none below the first
        place[2] = 0
        assert said(opened).startswith(f"Voxel {', '.join(map(str, place))} at ")
    choose(opened, "blend")
    agree(opened, case, "blend", cross=place)


def test_the_crosshair_links_the_planes(opened, case):
    choose(opened, "blend")
    place = [x - 3 for x in case.middle]
    name, plane = next(iter(planes(case, case.middle).items()))
    opened.mouse.click(*spot(opened, case, name, case.middle, -3, -3))
    opened.mouse.move(5, 890)
    if len(case.size) == 3:
        slide(opened, f"{name.lower()} slice", place[plane.axis])
    without = {name: pixels(opened, name) for name in planes(case, place)}
    opened.get_by_label("crosshair", exact=True).check()
    for name, plane in planes(case, place).items():
        drawn = (np.abs(pixels(opened, name) - without[name]).max(-1)) > 3
        down, right = at(plane, drawn.shape, place)
        for axis, line in ((0, down), (1, right)):
            crossed = drawn.mean(1 - axis) > 0.9
            assert np.abs(np.flatnonzero(crossed) + 0.5 - line).max() < 2.5
            assert crossed.sum() >= 2
        assert drawn.mean() < 0.05


def test_a_press_moves_the_line_of_the_swipe(opened, case):
    choose(opened, "swipe")
    name, plane = next(iter(planes(case, case.middle).items()))
    quarter = case.size[plane.across] / 4
    opened.mouse.click(*spot(opened, case, name, case.middle, -quarter))
    opened.mouse.move(5, 890)
    share = int(opened.get_by_label("mix", exact=True).input_value()) / 100
    place = list(case.middle)
    place[plane.across] -= int(quarter)
    assert share == pytest.approx((place[plane.across] + 0.5) / case.size[plane.across], abs=0.02)
    agree(opened, case, "swipe", cross=place, mix=share, names=[name])


def test_one_plane_at_a_time_and_only_its_slider(page, solid, as_page):
    page.goto(as_page(solid.live))
    page.wait_for_selector(".rt canvas:visible")
    assert page.get_by_label("plane", exact=True).input_value() == "Coronal"
    for chosen in ("Sagittal", "Axial", "Coronal"):
        page.get_by_label("plane", exact=True).select_option(chosen)
        settle(page)
        for name in ("Sagittal", "Coronal", "Axial"):
            assert canvas(page, name).is_visible() == (name == chosen)
            slider = page.get_by_label(f"{name.lower()} slice", exact=True)
            assert slider.is_visible() == (name == chosen)


def test_all_controls_have_names_and_are_reached_with_visible_focus(page, solid, as_page):
    page.goto(as_page(solid.live))
    page.wait_for_selector(".rt canvas:visible")
    page.get_by_label("plane", exact=True).select_option("all three")
    choose(page, "blend")
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
                 const here = document.activeElement, look = getComputedStyle(here);
                 return [here.getAttribute("aria-label") || here.textContent, look.outlineStyle,
                         parseFloat(look.outlineWidth), "lmSuppressShortcuts" in here.dataset];
               }"""
        )
        if told[0] in [name for name, *_ in reached]:
            break
        reached.append(told)
    names = [name.partition(".")[0] for name, *_ in reached if name]
    assert names[:14] == [
        "state", "Coronal", "Sagittal", "Axial", "show", "mix", "plane", "coronal slice",
        "sagittal slice", "axial slice", "grid", "arrows", "labels", "landmarks",
    ]  # fmt: skip
    for name, style, width, suppressed in reached[:15]:
        assert (style, width, suppressed) == ("solid", 3, True), name
    assert page.get_by_role("group").first.get_attribute("aria-label") == solid.live.poster.alt


def test_a_large_image_is_reduced_and_stays_in_its_place(page, as_page):
    size = (300, 420)
    place = identity_grid(size)
    moving = (place / torch.tensor([40.0, 60.0]).view(1, 2, 1, 1)).sin().sum(1, keepdim=True)
    theta = torch.tensor([[[0.9, 0.1, 12.0], [-0.1, 1.1, -9.0]]])
    ddf = affine_to_ddf(theta, size)
    live = show.view(moving, moving, ddf=ddf)
    packed = live.data["moving"]
    rows, columns = packed["shape"][1:]
    assert rows < 250  # fewer than there are
    page.goto(as_page(live))
    page.wait_for_selector(".rt canvas:visible")
    bare(page)
    choose(page, "blend")
    page.get_by_label("mix", exact=True).press("End")
    image = pixels(page, "Image")
    low, high = packed["low"], packed["high"]
    for row, column in ((20, 30), (110, 200), (rows - 15, columns - 40), (60, 250)):
        at_ = torch.tensor([(row + 0.5) * 300 / rows, (column + 0.5) * 420 / columns]) - 0.5
        read = sample(moving, (at_ + sample(ddf, at_.view(1, 2, 1, 1)).flatten()).view(1, 2, 1, 1))
        wanted = 255 * (read.item() - low) / (high - low)
        y, x = (int((k + 0.5) * extent / n) for k, n, extent in
                zip((row, column), (rows, columns), image.shape[:2], strict=True))  # fmt: skip
        assert image[y, x, 0] == pytest.approx(wanted, abs=3), (row, column)
    flat = SimpleNamespace(size=size, spacing=None)
    page.mouse.click(*spot(page, flat, "Image", (150, 210), 60, -90))
    page.mouse.move(5, 890)
    voxel, fixed = re.match(r"Voxel ([\d, ]+): fixed (-?[\d.]+)", said(page)).groups()
    row, column = map(int, voxel.split(", "))
    assert (row, column) == (60, 270)
    assert float(fixed) == pytest.approx(moving[0, 0, row, column].item(), abs=0.02)


def finger(context, page):
    devtools = context.new_cdp_session(page)

    def swipe(*places):
        kinds = ["Start", *["Move"] * (len(places) - 1), "End"]
        for kind, at in zip(kinds, [*([place] for place in places), []], strict=True):
            points = [{"x": x, "y": y} for x, y in at]
            devtools.send(
                "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
            )
        settle(page)

    return swipe


def test_a_finger_on_a_phone(browser, solid, as_page):
    context = browser.new_context(
        viewport={"width": 390, "height": 740}, has_touch=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(as_page(solid.live))
    page.wait_for_selector(".rt canvas:visible")
    page.add_style_tag(content=":root { color-scheme: dark; } ")
    swipe = finger(context, page)
    page.get_by_label("state", exact=True).press("ArrowLeft")
    for plane in ("all three", "Coronal"):
        page.get_by_label("plane", exact=True).select_option(plane)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert canvas(page, "Coronal").bounding_box()["width"] > 180
    page.evaluate("scrollTo(0, 0)")
    place = list(solid.middle)
    swipe(spot(page, solid, "Coronal", place, 4, 3))  # a tap
    place = [place[0] + 4, place[1], place[2] + 3]
    same_words(said(page), words(solid, place))
    start, end = spot(page, solid, "Coronal", place), spot(page, solid, "Coronal", place, 6)
    swipe(start, *((start[0] + n, start[1]) for n in range(5, end[0] - start[0], 5)), end)
    place[0] += 6
    same_words(said(page), words(solid, place))
    x, y = spot(page, solid, "Coronal", place, -3, 3)
    swipe(*((x, y - n) for n in range(0, 100, 10)))
    page.wait_for_timeout(300)
    assert page.evaluate("scrollY") > 20  # up or down, a finger scrolls the page
    same_words(said(page), words(solid, place))
    page.get_by_label("grid", exact=True).tap()
    assert page.get_by_label("grid", exact=True).is_checked()
    ink = page.evaluate(
        """() => ["body", ".rt select", ".rt output", ".rt p"].map((name) =>
             getComputedStyle(document.querySelector(name)).color)"""
    )
    assert set(ink) == {"rgb(255, 255, 255)"}  # words are as light as the page's
    context.close()


EVIL = "</script><img src=x onerror=\"document.title='hurt'\"> & co"


def test_names_are_text(page, as_page):
    flat = torch.rand(1, 1, 12, 14, generator=torch.Generator().manual_seed(0))
    ddf = {EVIL: torch.zeros(1, 2, 12, 14)}
    page.goto(as_page(show.view(flat, flat, ddf=ddf, title=EVIL, alt=EVIL)))
    page.wait_for_selector(".rt canvas:visible")
    assert page.locator("strong").inner_text() == EVIL
    assert EVIL in page.locator(".rt label").first.inner_text()
    assert page.get_by_role("group").get_attribute("aria-label") == EVIL
    assert page.title() == "A stored output"
    assert page.locator("img").count() == 0


def alive(page, case):
    """The page's viewer answers to keys, and paints what the library computes."""
    canvas(page, "Coronal").wait_for(timeout=60_000)
    choose(page, "checkerboard")
    for box in page.locator(".rt").get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_label("state", exact=True).press("ArrowLeft")
    canvas(page, "Coronal").press("ArrowUp")
    canvas(page, "Coronal").press("PageUp")
    place = [case.middle[0], case.middle[1] + 1, case.middle[2] + 1]
    same_words(said(page), words(case, place))
    agree(page, case, "checkerboard", cross=place, names=["Coronal"])


def test_it_lives_where_nothing_may_be_fetched(page, solid, as_page, tmp_path):
    text = (tmp_path / as_page(solid.live).rpartition("/")[2]).read_text("utf-8")
    policy = "default-src 'none'; connect-src 'none'; img-src data:; "
    policy += "script-src 'unsafe-inline'; style-src 'unsafe-inline'"
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}"><title>'
    (tmp_path / "strict.html").write_text(text.replace("<title>", head), "utf-8")
    page.goto((tmp_path / "strict.html").as_uri())
    alive(page, solid)


def test_it_lives_in_a_sandbox_of_no_origin(page, solid):
    page.set_content("<!doctype html><title>Sandbox</title>")
    page.evaluate(
        """(text) => {
             const frame = document.createElement("iframe");
             frame.sandbox = "allow-scripts";
             frame.style = "width: 900px; height: 800px";
             frame.srcdoc = text;
             document.body.append(frame);
           }""",
        f'<!doctype html><meta charset="utf-8">{solid.live.to_html()}',
    )
    page.locator("iframe").content_frame.locator("canvas:visible").wait_for()
    frame = page.frames[1]
    assert frame.evaluate("origin") == "null"
    alive(frame, solid)


def test_without_scripts_it_is_a_blinking_picture_in_words(browser, solid, as_page, tmp_path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(as_page(solid.live))
    picture = page.get_by_role("img")
    assert picture.get_attribute("alt") == solid.live.poster.alt
    assert "fixed, moving, image only, in turn. before: Difference" in solid.live.poster.alt
    seen = {page.screenshot() for _ in range(8) if page.wait_for_timeout(300) is None}
    assert len(seen) >= 3
    context.close()


def test_the_stored_output_lives_in_a_trusted_notebook(page, solid, lab, as_notebook):
    page.goto(lab(as_notebook(solid.live), trusted=True))
    alive(page, solid)
    canvas(page, "Coronal").press("b")  # which JupyterLab would take for itself
    assert page.locator(".jp-CodeCell").count() == 3


def test_the_stored_output_is_a_named_picture_in_an_untrusted_notebook(
    page, solid, lab, as_notebook
):
    page.goto(lab(as_notebook(solid.live)))
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=30_000)
    assert picture.get_attribute("alt") == solid.live.poster.alt
    assert page.locator(".rt").count() == 0


def test_the_stored_output_lives_in_an_nbconvert_page(page, solid, as_site, as_notebook):
    page.goto(as_site(as_notebook(solid.live)))
    alive(page, solid)


CELL = """import torch
from regtutor import show
given = torch.load({path!r})
viewer = show.view(**given, view=show.View({spacing}, window=(0.0, 1.0)))
viewer"""


def test_beside_a_kernel_it_is_a_widget(page, solid, lab, run_cell, tmp_path):
    torch.save(solid.given, tmp_path / "given.pt")
    cell = CELL.format(path=str(tmp_path / "given.pt"), spacing=solid.spacing)
    page.goto(lab(new_notebook(cells=[new_code_cell(cell)])))
    run_cell(page, 0)
    alive(page, solid)
    assert page.locator(".jp-RenderedHTMLCommon, .jp-OutputArea img").count() == 0  # not stored


def test_a_chest_is_scrubbed_and_the_speed_is_told(page, as_page, capsys):
    chest = breathing_pair(seed=0, size=(64, 64, 64))
    live = show.view(
        chest.fixed, chest.moving, ddf=chest.ddf, labels=(chest.fixed_mask, chest.moving_mask),
        points=(chest.fixed_points, chest.moving_points),
        view=show.View(chest.spacing, window=(-1000, 200)),
    )  # fmt: skip
    page.goto(as_page(live))
    page.wait_for_selector(".rt canvas:visible")
    page.get_by_label("grid", exact=True).check()
    rates = {}
    for plane in ("Coronal", "all three"):
        page.get_by_label("plane", exact=True).select_option(plane)
        settle(page)
        slide(page, "coronal slice", 20)
        rested = pixels(page, "Coronal")
        rates[plane] = page.get_by_label("coronal slice", exact=True).evaluate(
            """(input) => new Promise((done) => {
                 const start = performance.now();
                 let count = 0;
                 const step = () => {
                   input.set(count++ % 64);
                   const spent = performance.now() - start;
                   if (spent < 1000) requestAnimationFrame(step); else done(1000 * count / spent);
                 };
                 step();
               })"""
        )
        slide(page, "coronal slice", 40)
        assert (pixels(page, "Coronal") != rested).any()
        slide(page, "coronal slice", 20)
        assert (pixels(page, "Coronal") == rested).all()
    with capsys.disabled():
        told = ", ".join(f"{plane}: {rate:.0f}" for plane, rate in rates.items())
        print(f"\nviewer, 64³, grid, outlines, landmarks; slices a second: {told}; "
              f"{len(live.to_html()) / 1e3:.0f} kB")  # fmt: skip
