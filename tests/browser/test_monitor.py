"""The monitor's page, stored and fed: what is drawn is held against NumPy and the records."""

import base64
import io
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from regtutor import show
from regtutor.deformation import identity_grid
from regtutor.show.live import script
from regtutor.show.picture import BLUE, ORANGE

SIZE, SPACING, EPOCHS = (48, 30, 40), (5.0, 4.0, 2.5), 9
LEFT, RIGHT, TOP, BOTTOM = 46, 290, 10, 158  # of a chart, as the script has them
EVIL = "<img src=x onerror=document.title='hurt'>"
BLUE_RGB, ORANGE_RGB = (tuple(int(c[k : k + 2], 16) for k in (1, 3, 5)) for c in (BLUE, ORANGE))


def record(epoch):
    return {"epoch": epoch, "loss": 1 / epoch + 0.2, "image": 1 / epoch, EVIL: 0.3, "mi": -0.1,
            "dice": 0.95 - 0.1 / epoch, "tre_mm": 2 + 12 / epoch, "folding": 0.0}  # fmt: skip


def field(epoch):
    waves = torch.sin(identity_grid(SIZE) / 5)
    return epoch / EPOCHS * (4 * waves + torch.tensor([1.0, 9.0, -2.0]).view(1, 3, 1, 1, 1))


def image():
    """Boxes of 8 voxels, so that a grey can be told between the lines."""
    return (identity_grid(SIZE).div(8, rounding_mode="floor").sum(1, keepdim=True) % 3) / 2


def trained(epochs=EPOCHS, title="Eighteen pairs", with_image=True, every=1):
    view = show.View(spacing=SPACING)
    nothing, under = {"dice": 0.8, "tre_mm": 19.0}, image() if with_image else None
    monitor = show.monitor(nothing=nothing, image=under, view=view, title=title)
    for epoch in range(1, epochs + 1):
        monitor.add(record(epoch), ddf=field(epoch) if epoch % every == 0 else None)
    monitor._repr_mimebundle_()  # draws the poster
    return monitor


def pixels(page):
    """The canvas as `(rows, columns, 4)`, once it is drawn."""
    page.wait_for_function("document.querySelector('figcaption')?.textContent.includes('Epoch')")
    code = page.locator("canvas").evaluate("canvas => canvas.toDataURL()").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGBA"))


def set_epoch(page, epoch):
    page.get_by_label("Epoch", exact=True).evaluate("(e, n) => e.set(n)", epoch - 1)


def at(page):
    return int(page.locator("output").inner_text().split()[0])


def places(epoch, shape, row, column):
    """Where the grid's point (row k, column i) must lie on the canvas: down, right."""
    ddf, index = field(epoch)[0], SIZE[1] // 2
    fit = shape[1] / (SIZE[0] * SPACING[0])
    right = (column + ddf[0, column, index, row].item() + 0.5) * SPACING[0] * fit
    up = (row + ddf[2, column, index, row].item() + 0.5) * SPACING[2] * fit
    return shape[0] - up, right


@pytest.mark.parametrize("epoch", [1, 5, EPOCHS])
def test_grid_lines_cross_where_torch_reads_the_image(page, as_page, epoch):
    page.goto(as_page(trained(with_image=False)))
    set_epoch(page, epoch)
    seen = pixels(page)
    blue = (seen[..., 2] > 150) & (seen[..., 0] < 100) & (seen[..., 3] > 100)
    assert seen.shape[1] / seen.shape[0] == pytest.approx(48 * 5 / (40 * 2.5), rel=0.01)
    tried = 0
    for row in range(0, SIZE[2], 6):
        for column in range(0, SIZE[0], 6):
            down, right = places(epoch, seen.shape, row, column)
            if 3 < down < seen.shape[0] - 3 and 3 < right < seen.shape[1] - 3:
                # Of both lines through the node, something is seen on each side of it.
                near = blue[round(down) - 2 : round(down) + 3, round(right) - 2 : round(right) + 3]
                assert near[2, 2] or near[1:4, 1:4].sum() >= 4, (row, column)
                tried += 1
    assert tried > 30
    assert 0.05 < blue.mean() < 0.5
    # A shift of the grid by a voxel would be seen: the middle of a mesh is empty.
    a, b = (np.array(places(epoch, seen.shape, r, c)) for r, c in ((18, 24), (20, 26)))
    assert not blue[tuple(np.rint((a + b) / 2).astype(int))]
    assert f"Epoch {epoch}. Coronal slice 15 of 30" in page.locator("figcaption").first.inner_text()


def test_the_moving_image_lies_under_the_grid_upright(page, as_page):
    page.goto(as_page(trained()))
    seen = pixels(page).astype(int)
    wanted = image()[0, 0, :, SIZE[1] // 2].T.flip(0).numpy() * 255  # k up
    tall, wide = seen.shape[0] / SIZE[2], seen.shape[1] / SIZE[0]
    agree = []
    for row in range(2, SIZE[2], 4):
        for column in range(2, SIZE[0], 4):
            pixel = seen[int((row + 0.5) * tall), int((column + 0.5) * wide), :3]
            if np.ptp(pixel) < 5:  # no line there
                agree.append(abs(pixel.mean() - wanted[row, column]) < 25)
    assert len(agree) > 40
    assert np.mean(agree) > 0.95  # WebP softens edges
    orange = (abs(seen[..., :3] - np.array(ORANGE_RGB)) < 12).all(-1)
    assert orange.mean() > 0.02


def test_curves_stand_at_their_values(page, as_page):
    page.goto(as_page(trained()))
    pixels(page)

    def drawn(selector):
        text = page.locator(selector).get_attribute("points")
        return np.array([[float(v) for v in pair.split(",")] for pair in text.split()])

    epochs = np.arange(1, EPOCHS + 1)
    across = LEFT + (epochs - 1) / (EPOCHS - 1) * (RIGHT - LEFT)
    for name, nothing in (("dice", 0.8), ("tre_mm", 19.0)):
        values = np.array([record(e)[name] for e in epochs])
        low, high = min(*values, nothing), max(*values, nothing)
        room = 0.06 * (high - low)
        height = (BOTTOM - TOP) / (high - low + 2 * room)
        down = BOTTOM - (values - low + room) * height
        assert drawn(f'[data-name="{name}"]') == pytest.approx(np.c_[across, down], abs=0.11)
        chart = page.locator("svg", has=page.locator(f'[data-name="{name}"]'))
        dashed = chart.locator(".nothing")
        there = BOTTOM - (nothing - low + room) * height
        assert float(dashed.get_attribute("y1")) == pytest.approx(there, abs=0.11)
        assert dashed.get_attribute("stroke-dasharray")
    # Stacked: each layer is as thick as its term, on the one before; what is negative hangs.
    per = (BOTTOM - TOP) / (1.3 - -0.1)
    base = BOTTOM - 0.1 * per
    there = drawn('[data-name="image"]')[:EPOCHS]
    assert there == pytest.approx(np.c_[across, base - per / epochs], abs=0.11)
    second = page.locator("polygon").nth(1).get_attribute("points").split()
    assert float(second[0].split(",")[1]) == pytest.approx(base - 1.3 * per, abs=0.11)
    hanging = drawn('[data-name="mi"]')
    assert hanging[:EPOCHS, 1] == pytest.approx(base + 0.1 * per, abs=0.11)


def test_mouse_and_keys_move_the_epoch(page, anywhere):
    page.goto(anywhere(trained()))
    figure = page.locator(".rt")
    figure.locator("canvas:visible").wait_for(timeout=60_000)
    last = pixels(page)
    assert at(page) == EPOCHS
    scrub = figure.get_by_label("Epoch", exact=True)
    box = scrub.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert at(page) == 5
    page.keyboard.press("ArrowLeft")
    assert at(page) == 4
    page.keyboard.press("Home")
    assert at(page) == 1
    assert (pixels(page) != last).any()
    said = "Epoch 1: loss 1.20 = image 1.00 + <img src=x onerror=document.title='hurt'> 0.300"
    assert said in figure.locator("p").inner_text()
    assert "Dice (1 = same) 0.850, doing nothing 0.800" in figure.locator("p").inner_text()
    assert scrub.get_attribute("aria-valuetext") == figure.locator("p").inner_text()
    page.keyboard.press("End")
    assert (pixels(page) == last).all()
    # A drag along a chart: its left end is the first epoch, seven eighths along is the eighth.
    chart = figure.locator("svg").nth(1).bounding_box()
    spot = lambda share: chart["x"] + (LEFT + share * (RIGHT - LEFT)) / 300 * chart["width"]  # noqa: E731
    page.mouse.move(spot(0.0), chart["y"] + 40)
    page.mouse.down()
    assert at(page) == 1
    page.mouse.move(spot(0.52), chart["y"] + 60, steps=5)
    assert at(page) == 5
    page.mouse.move(spot(7 / 8), chart["y"] + 300)  # beyond the chart: still held
    assert at(page) == 8
    page.mouse.up()
    page.mouse.move(spot(0.1), chart["y"] + 60)
    assert at(page) == 8


def test_play_runs_once_through_and_nothing_moves_before_it(page, anywhere):
    page.goto(anywhere(trained()))
    figure = page.locator(".rt")
    figure.locator("canvas:visible").wait_for(timeout=60_000)
    pixels(page)
    page.wait_for_timeout(400)
    assert at(page) == EPOCHS
    play = figure.get_by_role("button")
    play.focus()
    page.keyboard.press("Enter")
    assert play.inner_text() == "Pause"
    assert at(page) == 1
    page.wait_for_function("document.querySelector('.rt output').textContent.startsWith('3 ')")
    play.click()
    stopped = at(page)
    page.wait_for_timeout(500)
    assert at(page) == stopped < EPOCHS
    play.click()
    page.wait_for_function("document.querySelector('.rt button').textContent === 'Play'")
    assert at(page) == EPOCHS


def test_a_finger_scrubs_on_a_narrow_phone(browser, as_page):
    monitor = trained()
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True)
    page = context.new_page()
    page.goto(as_page(monitor))
    pixels(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    chart = page.locator("svg").nth(2)
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * LEFT / 300, box["y"] + 40)
    assert at(page) == 1
    assert chart.evaluate("e => getComputedStyle(e).touchAction") == "pan-y"
    context.close()


def test_names_are_text(page, as_page):
    page.goto(as_page(trained(title=EVIL)))
    pixels(page)
    assert page.title() == "A stored output"
    assert page.locator("figure img, strong img, span img").count() == 0
    assert page.locator("strong").inner_text() == EVIL
    assert EVIL in page.locator(".key").all_inner_texts()


def test_an_epoch_without_a_field_keeps_the_last_one_and_says_so(page, as_page):
    page.goto(as_page(trained(every=3)))
    pixels(page)
    set_epoch(page, 8)
    assert "Epoch 6. Coronal" in page.locator("figcaption").first.inner_text()
    set_epoch(page, 2)
    assert not page.locator("canvas").is_visible()


def test_scrubbing_ends_where_it_stops_and_the_speed_is_told(page, as_page, capsys):
    page.goto(as_page(trained(epochs=100)))
    set_epoch(page, 30)
    rested = pixels(page)
    frames = page.get_by_label("Epoch", exact=True).evaluate(
        """(input) => new Promise((done) => {
             const start = performance.now();
             let count = 0;
             const step = () => {
               input.set(count++ % 100);
               if (performance.now() - start < 1000) requestAnimationFrame(step);
               else done(count);
             };
             step();
           })"""
    )
    with capsys.disabled():
        print(f"\nmonitor, 100 epochs: {frames} epochs a second")
    set_epoch(page, 70)
    assert (pixels(page) != rested).any()
    set_epoch(page, 30)
    assert (pixels(page) == rested).all()


FED = """
<!doctype html><meta charset="utf-8"><title>Fed</title><body><div id="here"></div>
<script type="module">
%s
const state = {}, heard = {};
const model = { get: (name) => state[name], on: (name, f) => { heard[name] = f; },
                off: (name) => { delete heard[name]; } };
let undo = null;
window.feed = (data, bytes) => {
  state.data = data;
  const held = new Uint8Array([0, ...bytes]);  // a view that does not begin at its buffer's start
  state.fields = new DataView(held.buffer, 1);
  if (undo) heard["change:data"](); else undo = mount(document.getElementById("here"), data, model);
};
window.end = () => { undo(); return Object.keys(heard).length; };
</script>
"""


def test_fed_it_follows_the_newest_epoch_unless_the_hand_looks_back(page, as_page, tmp_path):
    path = tmp_path / "fed.html"
    path.write_text(FED % script("chart", "monitor"), "utf-8")
    page.goto(path.as_uri())
    monitor, seen = show.monitor(view=show.View(spacing=SPACING)), []
    for epoch in range(1, 7):
        monitor.add(record(epoch), ddf=field(epoch))
        monitor._tell()  # a page that is slower is told of several at once
        page.evaluate("([data, bytes]) => feed(data, bytes)", [monitor.data, list(monitor.fields)])
        if epoch == 5:
            set_epoch(page, 2)
        if epoch < 5:
            assert page.locator("output").inner_text() == f"{epoch} of {epoch}"
            seen.append(pixels(page))
    assert all((a.shape != b.shape) or (a != b).any() for a, b in pairwise(seen))
    page.wait_for_function("document.querySelector('output').textContent.endsWith('of 6')")
    assert at(page) == 2
    assert (pixels(page) == seen[1]).all()
    assert page.evaluate("end()") == 0
    page.goto(as_page(monitor))  # stored, the same epoch is the same picture
    set_epoch(page, 2)
    assert (pixels(page) == seen[1]).all()


CELL = """
import time, torch
from regtutor import show
monitor = show.monitor(nothing={"dice": 0.8}, image=torch.zeros(1, 1, 40, 40))
for epoch in range(1, 13):
    time.sleep(0.25)
    record = {"epoch": epoch, "loss": 1 / epoch, "image": 1 / epoch, "dice": 0.9, "folding": 0.0}
    monitor.add(record, ddf=torch.full((1, 2, 40, 40), epoch / 2))
monitor
"""


def test_in_jupyterlab_one_cell_is_live_and_ends_as_the_stored_scrubber(page, lab, run_cell):
    cells = [nbformat.v4.new_code_cell(CELL, id="one")]
    page.goto(lab(nbformat.v4.new_notebook(cells=cells)))
    run_cell(page, 0, wait=False)
    live = page.locator(".jp-OutputArea .rt")
    live.locator("canvas").wait_for()
    told, drawn = [], []
    while page.locator(".jp-RenderedHTMLCommon .rt").count() == 0:
        told.append(
            page.evaluate("document.querySelector('.jp-OutputArea .rt output')?.textContent")
        )
        drawn.append(
            page.evaluate("document.querySelector('.jp-OutputArea .rt canvas')?.toDataURL()")
        )
        page.wait_for_timeout(50)
    print(
        f"{len(set(drawn) - {None})} different grids and {len(set(told) - {None})} epochs seen live"
    )
    assert len(set(drawn) - {None}) >= 6
    assert live.count() == 1  # the live one has gone
    scrub = live.get_by_label("Epoch", exact=True)
    scrub.focus()
    page.keyboard.press("Home")
    assert at(page) == 1
    page.keyboard.press("ArrowRight")
    assert at(page) == 2
