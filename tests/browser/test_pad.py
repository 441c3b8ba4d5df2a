"""The field pad under mouse, finger and keys; what it shows and says is held against torch."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from regtutor import show
from regtutor.data.thorax import breathing_slice
from regtutor.deformation import Warp, compose, identity_grid, jacobian_determinant
from regtutor.losses import BendingEnergyLoss
from regtutor.metrics import DiceMetric, folding_fraction, target_registration_error
from regtutor.show.live import script
from regtutor.show.picture import BLUE, ORANGE, number

SIZE, SPACING = (40, 56), (2.5, 1.5)
BRUSH = 11  # what the slider stands at: a fifth of 56
COLOUR = {name: np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)])
          for name, code in (("orange", ORANGE), ("blue", BLUE))}  # fmt: skip


@pytest.fixture(scope="module")
def case():
    """Neither square nor of one spacing; two labels, one point of three unknown."""
    place = identity_grid(SIZE)
    waves = (place / torch.tensor([5.0, 7.0]).view(1, 2, 1, 1)).sin().sum(1, keepdim=True)
    moving = (waves + 2) / 4

    def disc(row, column, radius):
        centre = torch.tensor([row, column]).view(1, 2, 1, 1)
        return ((place - centre).norm(dim=1, keepdim=True) < radius).float()

    fixed_points = torch.tensor([[[20.0, 20.0], [12.5, 30.25], [float("nan")] * 2]])
    return {
        "fixed": moving.roll(3, dims=2),
        "moving": moving,
        "fixed_label": torch.cat([disc(18.0, 20.0, 8), disc(22.0, 40.0, 5)], dim=1),
        "moving_label": torch.cat([disc(21.0, 21.0, 8), disc(22.0, 38.0, 5)], dim=1),
        "fixed_points": fixed_points,
        "moving_points": fixed_points + torch.tensor([3.0, -1.0]),
        "view": show.View(spacing=SPACING, window=(0.0, 1.0)),
    }


def expected(case, ddf):
    """Every number of the page, by the library."""
    label = (Warp()(case["moving_label"], ddf) > 0.5).float()
    points = case["fixed_points"], case["moving_points"]
    scale = torch.tensor(case["view"].spacing).view(1, 2, 1, 1)
    return {
        "dice": DiceMetric()(label, case["fixed_label"]).mean().item(),
        "tre": target_registration_error(*points, ddf, scale.flatten()).nanmean().item(),
        "voxels": ddf.norm(dim=1).max().item(),
        "mm": (ddf * scale).norm(dim=1).max().item(),
        "folded": 100 * folding_fraction(ddf).item(),
        "bending": BendingEnergyLoss()(ddf).item(),
    }


def numbers(page):
    """What the page says now; the exact value stands in each `<data value>`."""
    return page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("td:nth-child(2) data")]
             .map((cell) => [cell.className, Number(cell.value)]))"""
    )


def agree(page, case, ddf):
    """The page's numbers are the library's, for this field."""
    settle(page)
    wanted, said = expected(case, ddf), numbers(page)
    assert set(said) == {"dice", "tre", "voxels", "folded", "bending"}
    for name, value in said.items():
        assert value == pytest.approx(wanted[name], rel=2e-4, abs=2e-6), name
    text = page.locator("table").inner_text()
    assert re.search(rf"Dice\s+{wanted['dice']:.3f}\s", text)
    assert re.search(rf"\(TRE\)\s+{number(wanted['tre'])} mm\s", text)


def settle(page):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def pushed(ddf, p, q, radius=BRUSH):
    """The module's formula, by `compose`."""
    place = identity_grid(ddf.shape[2:])
    p, q = (torch.tensor(end, dtype=torch.float32).view(1, 2, 1, 1) for end in (p, q))
    near = torch.exp(-2 * (place - q).square().sum(1, keepdim=True) / radius**2)
    return compose(ddf, (p - q) * near)


def pixels(page, index):
    """Canvas number `index` as `(height, width, 3)`."""
    url = page.evaluate("(i) => document.querySelectorAll('canvas')[i].toDataURL()", index)
    file = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def voxels(page, index, size=SIZE):
    """The same, one pixel from near the middle of each voxel."""
    image = pixels(page, index)
    rows, columns = (
        ((np.arange(n) + 0.5) * extent / n).astype(int)
        for n, extent in zip(size, image.shape[:2], strict=True)
    )
    return image[rows[:, None], columns]


def spot(page, row, column, size=SIZE):
    """A whole pixel of the window near a voxel, and the voxel that it truly is."""
    box = page.locator("canvas.hand").bounding_box()
    x = round(box["x"] + (column + 0.5) * box["width"] / size[1])
    y = round(box["y"] + (row + 0.5) * box["height"] / size[0])
    voxel = ((y - box["y"]) * size[0] / box["height"] - 0.5,
             (x - box["x"]) * size[1] / box["width"] - 0.5)  # fmt: skip
    return (x, y), voxel


def drag(page, start, end, size=SIZE, release=True):
    """By mouse, from near a voxel to near another; returns where it truly was."""
    (from_, p), (to, q) = spot(page, *start, size), spot(page, *end, size)
    page.mouse.move(*from_)
    page.mouse.down()
    page.mouse.move(*to, steps=5)
    settle(page)
    if release:
        page.mouse.up()
    return p, q


@pytest.fixture
def opened(page, case, anywhere):
    """The stored output of the pad, in the browser alone."""
    pad = show.field_pad(**case)
    page.goto(anywhere(pad))
    page.wait_for_selector(".rt canvas:visible", timeout=60_000)
    return pad


def test_a_drag_is_the_field_of_the_formula(page, case, opened):
    zero = opened.ddf
    agree(page, case, zero)
    once = pushed(zero, *drag(page, (20, 20), (16, 23)))
    agree(page, case, once)
    twice = pushed(once, *drag(page, (22, 40), (25, 38)))
    agree(page, case, twice)
    page.get_by_role("button", name="Undo").click()
    agree(page, case, once)
    page.get_by_role("button", name="Reset").click()
    agree(page, case, zero)
    page.get_by_role("button", name="Undo").click()
    agree(page, case, once)


def test_what_is_on_the_canvas(page, case, opened):
    ddf = pushed(opened.ddf, *drag(page, (20, 20), (8, 24)))  # farther than the brush: it folds
    page.mouse.move(5, 890)
    light = [case[name][0, 0].numpy() for name in ("fixed", "moving")]
    warped = Warp()(case["moving"], ddf)[0, 0].numpy()
    both = light[0][..., None] * COLOUR["orange"] + warped[..., None] * COLOUR["blue"]
    # the hand's ring and the outlines are drawn over some voxels
    for mode, wanted in (("both", both), ("warped", 255 * warped), ("fixed", 255 * light[0])):
        page.get_by_label("Show", exact=True).select_option(mode)
        settle(page)
        wanted = np.broadcast_to(wanted.reshape(*SIZE, -1), (*SIZE, 3))
        off = np.abs(voxels(page, 0) - wanted).max(-1)
        assert np.median(off) <= 2, mode
        assert (off <= 3).mean() > 0.85, mode
    determinant = jacobian_determinant(ddf)[0].numpy()
    assert (determinant <= 0).sum() > 3
    far = np.clip(np.abs(determinant - 1), 0, 1)[..., None]
    ends = np.where((determinant < 1)[..., None], COLOUR["blue"], COLOUR["orange"])
    colours = np.where((determinant <= 0)[..., None], 0, 255 + far * (ends - 255))
    assert np.abs(voxels(page, 2) - colours).max() <= 2
    grid = pixels(page, 1)
    read = (identity_grid(SIZE) + ddf)[0].numpy()
    # of a line along each axis, what lies between the lines that cross it
    places = np.concatenate([read[:, 2::4, 16], read[:, 12, 2::4]], axis=1)
    orange = 0
    for row, column in places.T:
        y, x = (int((place + 0.5) * extent / n) for place, extent, n
                in zip((row, column), grid.shape[:2], SIZE, strict=True))  # fmt: skip
        red, _, blue = grid[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).T
        orange += (red - blue).max() > 120
    assert orange >= places.shape[1] - 1  # the ring of the hand hides one


def test_keys_move_the_cross_and_push(page, case, opened):
    zero, alone = opened.ddf, page.title() == "A stored output"
    for _ in range(1 if alone else 100):  # other pages have links and cells before it
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "hand":
            break
    assert page.evaluate("document.activeElement.className") == "hand"
    for key in ("ArrowUp", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)  # from the middle, (20, 28), to (18, 27)
    settle(page)
    assert "Row 18, column 27 is read where it is" in page.locator(".said").inner_text()
    page.keyboard.down("Shift")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    once = pushed(zero, (18, 27), (21, 28))
    agree(page, case, once)
    assert "(-3.0, -1.0)" in page.locator(".said").inner_text()
    page.keyboard.up("Shift")  # the next push starts where the cross is
    page.keyboard.press("Shift+ArrowUp")
    twice = pushed(once, (21, 28), (20, 28))
    agree(page, case, twice)
    page.keyboard.press("Control+z")
    agree(page, case, once)
    page.keyboard.press("Control+z")
    agree(page, case, zero)


def test_every_control_by_mouse_and_by_keys(page, case, opened):
    brush = page.get_by_label("Brush", exact=True)
    brush.focus()
    page.keyboard.press("ArrowLeft")
    assert "10 voxels" in page.locator(".rt").inner_text()
    box = brush.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    assert brush.input_value() == "28"
    brush.focus()
    page.keyboard.press("Home")
    assert brush.input_value() == "3"
    far = (20, 20), (30, 20)
    folded = pushed(opened.ddf, *drag(page, *far), radius=3)
    agree(page, case, folded)
    assert numbers(page)["folded"] > 0
    assert "Black: there the field folds" in page.locator(".said").inner_text()
    page.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    steps = page.get_by_role("checkbox", name="push in small steps")
    steps.focus()
    page.keyboard.press("Space")
    drag(page, *far)
    settle(page)
    assert numbers(page)["folded"] == 0
    assert numbers(page)["voxels"] > 3
    show_ = page.get_by_label("Show", exact=True)
    show_.focus()
    page.keyboard.press("ArrowDown")
    assert show_.input_value() == "warped"


def test_landmarks_are_carried_by_the_picture(page, case, opened):
    ddf = pushed(opened.ddf, *drag(page, (21, 22), (24, 20)))
    page.mouse.move(5, 890)
    page.get_by_label("Show", exact=True).select_option("warped")
    settle(page)
    without = pixels(page, 0)
    page.get_by_role("checkbox", name="landmarks").check()
    settle(page)
    image = pixels(page, 0)
    read = (identity_grid(SIZE) + ddf)[0]
    points = (case[name][0, :2] for name in ("fixed_points", "moving_points"))  # a third is unknown
    for fixed, moving in zip(*points, strict=True):
        shown = (read - moving.view(2, 1, 1)).norm(dim=0).argmin().item()
        for place, colour in ((fixed.tolist(), "orange"), (divmod(shown, SIZE[1]), "blue")):
            dots = (image == COLOUR[colour]).all(-1) & (image != without).any(-1)
            scale = np.array(SIZE) / image.shape[:2]
            off = (np.argwhere(dots) + 0.5) * scale - 0.5 - np.array(place)
            assert np.hypot(*off.T).min() < 1.3, (colour, place)


def test_a_finger_on_a_phone(browser, case, as_page):
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    pad = show.field_pad(**case)
    page.goto(as_page(pad))
    page.wait_for_selector("canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    devtools = context.new_cdp_session(page)

    def swipe(start, end):
        for kind, at in (("Start", [start]), ("Move", [end]), ("End", [])):
            points = [{"x": x, "y": y} for x, y in at]
            devtools.send(
                "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
            )
        settle(page)

    (start, p), (end, q) = spot(page, 20, 20), spot(page, 24, 22)
    swipe(start, end)
    agree(page, case, pushed(pad.ddf, p, q))
    assert page.evaluate("scrollY") == 0  # the picture is dragged, not the page
    context.close()


def test_names_are_text(page, case, as_page):
    title = '</script><img src=x onerror="document.title = 1"> & co'
    page.goto(as_page(show.field_pad(**case, title=title)))
    page.wait_for_selector("canvas")
    assert page.locator("strong").inner_text() == title
    assert page.title() == "A stored output"


def test_a_field_that_was_given_is_stored(page, case, as_page):
    pad = show.field_pad(**case)
    ddf = 6 * (identity_grid(SIZE).flip(1) / 5 + identity_grid(SIZE) / 9).sin()
    pad.ddf = ddf
    determinant = jacobian_determinant(ddf)
    assert ((determinant > 0) & (determinant < 0.1)).any()  # nearly folded does not count
    page.goto(as_page(pad))
    page.wait_for_selector("canvas")
    agree(page, case, ddf)


MODEL = """
const told = [], listeners = {};
const state = { field: new DataView(new ArrayBuffer(%d)) };
const model = {
  get: (name) => state[name],
  set(name, value) { told.push(name); state[name] = value; },
  save_changes() {},
  on(name, listener) { listeners[name] = listener; },
  off(name) { delete listeners[name]; },
};
window.told = told;
window.give = (values) => {
  state.field = new DataView(new Float32Array(values).buffer);
  listeners["change:field"]();
};
window.read = () => [...new Float32Array(state.field.buffer)];
window.leave = mount(document.body, %s, model);
window.deaf = () => !("change:field" in listeners);
"""


def test_the_model_hears_of_each_push_once_and_is_heard(page, case):
    pad = show.field_pad(**case)
    page.set_content("<!doctype html><title>A widget</title>")
    page.add_script_tag(
        type="module",
        content=script("field", "pad") + MODEL % (8 * SIZE[0] * SIZE[1], json.dumps(pad.data)),
    )
    page.wait_for_selector("canvas")
    ends = drag(page, (20, 20), (16, 23), release=False)
    assert page.evaluate("told") == []
    page.mouse.up()
    assert page.evaluate("told") == ["field"]
    field = torch.tensor(page.evaluate("read()")).reshape(1, 2, *SIZE)
    torch.testing.assert_close(field, pushed(pad.ddf, *ends), atol=1e-4, rtol=0)
    page.mouse.click(*spot(page, 5, 5)[0])  # no push, no word
    assert page.evaluate("told") == ["field"]
    given = (identity_grid(SIZE) / 6).sin()
    page.evaluate("(values) => give(values)", given.flatten().tolist())
    agree(page, case, given)
    page.get_by_role("button", name="Undo").click()
    agree(page, case, field)
    assert page.evaluate("told") == ["field", "field"]
    page.evaluate("leave()")
    assert page.evaluate("deaf()")


def test_a_chest_is_drawn_once_a_frame_and_the_speed_is_told(page, as_page, capsys):
    chest = breathing_slice(0)
    pad = show.field_pad(
        chest.fixed, chest.moving, fixed_label=chest.fixed_mask, moving_label=chest.moving_mask,
        fixed_points=chest.fixed_points, moving_points=chest.moving_points,
        view=show.View(spacing=chest.spacing),
    )  # fmt: skip
    page.add_init_script(
        """window.ask = window.requestAnimationFrame.bind(window);
           window.spent = [];
           window.requestAnimationFrame = (draw) => ask((now) => {
             const start = performance.now();
             draw(now);
             spent.push([start, performance.now() - start]);
           });"""
    )
    page.goto(as_page(pad))
    page.wait_for_selector("canvas")
    page.get_by_role("checkbox", name="landmarks").check()
    size = tuple(chest.fixed.shape[2:])
    drag(page, (70, 30), (62, 30), size, release=False)
    (x, y), _ = spot(page, 62, 30, size)
    page.evaluate("spent.length = 0")
    page.evaluate(
        """async ([x, y]) => {
          const canvas = document.querySelector("canvas.hand");
          for (let i = 0; i < 90; i++) {
            for (const more of [0, 0.5]) {
              const to = { pointerId: 1, clientX: x + i % 40 + more, clientY: y - i % 30 };
              canvas.dispatchEvent(new PointerEvent("pointermove", to));
            }
            await new Promise(ask);
          }
        }""",
        [x, y],
    )
    page.mouse.up()
    spent = np.array(page.evaluate("spent"))
    draw = np.median(spent[:, 1])
    frames = 1000 / np.median(np.diff(spent[:, 0]))
    with capsys.disabled():
        print(f"\nfield pad, 128²: {draw:.1f} ms a draw, {1000 / draw:.0f} draws a second; "
              f"{frames:.0f} frames a second; {len(pad.to_html()) / 1e3:.0f} kB")  # fmt: skip
    assert 80 < len(spent) < 100  # of 180 moves: one draw a frame
    assert len(pad.to_html()) < 400_000


CELLS = (
    """import base64, torch
from regtutor import show
from regtutor.deformation import identity_grid
place = identity_grid((40, 56))
moving = (place / torch.tensor([5.0, 7.0]).view(1, 2, 1, 1)).sin().sum(1, keepdim=True)
label = (place[:, :1] > 12).float()
points = torch.tensor([[[20.0, 20.0], [12.5, 30.25]]])
pad = show.field_pad(moving.roll(3, 2), moving, fixed_label=label.roll(3, 2), moving_label=label,
                     fixed_points=points, moving_points=points + 2, view=show.View((2.5, 1.5)))
pad""",
    """from regtutor.losses import BendingEnergyLoss
from regtutor.metrics import DiceMetric, folding_fraction, target_registration_error
from regtutor.deformation import Warp
ddf = pad.ddf
print("shape", tuple(ddf.shape), ddf.dtype)
print("dice", DiceMetric()((Warp()(label, ddf) > 0.5).float(), label.roll(3, 2)).item())
print("tre", target_registration_error(points, points + 2, ddf, (2.5, 1.5)).mean().item())
print("voxels", ddf.norm(dim=1).max().item())
print("folded", 100 * folding_fraction(ddf).item())
print("bending", BendingEnergyLoss()(ddf).item())
print("field", base64.b64encode(pad.field).decode())""",
    """pad.ddf = (place / 6).sin()
print("given", BendingEnergyLoss()(pad.ddf).item())""",
)


def test_python_reads_the_field_that_jupyterlab_shows(page, lab, run_cell):
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda f: sent.append(f)))
    page.goto(lab(new_notebook(cells=[new_code_cell(cell) for cell in CELLS])))
    run_cell(page, 0).locator("canvas.hand").wait_for(timeout=60_000)
    page.locator("canvas.hand").scroll_into_view_if_needed()
    ends = drag(page, (20, 20), (9, 24))
    settle(page)
    said = numbers(page)
    lines = run_cell(page, 1).locator(".jp-OutputArea-output").inner_text().splitlines()
    told = dict(line.split(" ", 1) for line in lines)
    assert told["shape"] == "(1, 2, 40, 56) torch.float32"
    for name, value in said.items():
        assert value == pytest.approx(float(told[name]), rel=1e-5, abs=1e-7), name
    assert said["folded"] > 0
    field = base64.b64decode(told["field"])
    assert any(field in frame for frame in sent if isinstance(frame, bytes))  # to the last bit
    ddf = torch.from_numpy(np.frombuffer(field, "<f4").reshape(1, 2, *SIZE).copy())
    torch.testing.assert_close(ddf, pushed(torch.zeros(1, 2, *SIZE), *ends), atol=1e-4, rtol=0)
    given = run_cell(page, 2).locator(".jp-OutputArea-output").inner_text().split()[1]
    settle(page)
    assert numbers(page)["bending"] == pytest.approx(float(given), rel=1e-5)


@pytest.fixture
def notebook(case, as_notebook):
    return as_notebook(show.field_pad(**case))


def test_the_stored_output_bends_in_a_trusted_notebook(page, case, lab, notebook):
    page.goto(lab(notebook, trusted=True))
    page.locator("canvas.hand").wait_for(timeout=30_000)
    page.locator("canvas.hand").focus()
    for key in ("ArrowUp", "b", "Shift+ArrowUp"):  # which JupyterLab would take for itself
        page.keyboard.press(key)
    once = pushed(torch.zeros(1, 2, *SIZE), (19, 28), (18, 28))
    agree(page, case, once)
    twice = pushed(once, *drag(page, (20, 20), (17, 20)))
    agree(page, case, twice)
    assert page.locator(".jp-CodeCell").count() == 3


def test_the_stored_output_is_a_named_picture_in_an_untrusted_notebook(page, lab, notebook):
    page.goto(lab(notebook))
    picture = page.locator(".jp-OutputArea img")
    picture.wait_for(timeout=30_000)
    assert "Doing nothing: Dice" in picture.get_attribute("alt")
    assert page.locator("canvas.hand").count() == 0


def test_the_stored_output_bends_in_an_nbconvert_page(page, case, notebook, as_site):
    page.goto(as_site(notebook))
    page.wait_for_selector("canvas.hand")
    agree(page, case, pushed(torch.zeros(1, 2, *SIZE), *drag(page, (20, 20), (17, 20))))
