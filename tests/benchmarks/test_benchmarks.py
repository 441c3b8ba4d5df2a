"""The benchmarks run, at a tiny size, and take no time of what is wrong."""

from __future__ import annotations

import importlib
import re
import time
from argparse import Namespace

import pytest
import torch

import regtutor.losses
import regtutor.transforms

CUBE, SQUARE = (32, 32, 32), (32, 32)


def load(name):
    return importlib.import_module(name)


def options(**more):
    return Namespace(**{"only": None, "threads": torch.get_num_threads(), "out": None, **more})


def printed(capfd):
    """The cells of the rows below the head."""
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize("size", [SQUARE, (16, 16, 16)], ids=str)
def test_every_component_agrees_with_monai(size):
    components = load("components")
    for component in components.COMPONENTS:
        if not component.fits(size) or "32 channels" in component.name:
            continue
        ways = [False] if component.gradient is None else [False, True]
        for backward in ways:
            ours, monai = (
                components.ready(component.build(lib, size), component.given(size), backward)()
                for lib in (components.OURS, components.MONAI)
            )
            found = load("measure").compare(
                component.name, ours, monai, component.tolerances(backward)
            )
            assert len(found) == component.outputs + backward
            assert all(float(one.abs().max()) > 0 for one in ours)  # something to compare


def test_components_print_a_row_for_each_size_and_pass(capfd):
    load("components").main(options(only=["bending", "DiceMetric"], sizes=[SQUARE, (8, 9, 10)]))
    rows = printed(capfd)
    assert [row[:3] for row in rows] == [
        [name, size, way]
        for size in ("32²", "8×9×10")
        for name, ways in (
            ("bending energy", ("forward", "and backward")),
            ("DiceMetric", ("forward",)),
        )
        for way in ways
    ]
    assert all(float(cell) >= 0 for row in rows for cell in row[3:8] if cell != "n/a")


def test_a_wrong_loss_is_not_measured(monkeypatch, capfd):
    components, measure = load("components"), load("measure")
    right = regtutor.losses.BendingEnergyLoss.forward
    monkeypatch.setattr(
        regtutor.losses.BendingEnergyLoss, "forward", lambda self, ddf: 1.001 * right(self, ddf)
    )
    monkeypatch.setattr(measure, "alternate", lambda *_: pytest.fail("time was taken"))
    with pytest.raises(measure.UnequalError, match=r"bending energy at 32², result 0: 1\.0e-03 of"):
        components.main(options(only=["bending"], sizes=[SQUARE]))
    assert printed(capfd) == []


def test_a_wrong_gradient_is_not_measured(monkeypatch):
    components, measure = load("components"), load("measure")
    right = regtutor.losses.DiffusionLoss.forward

    def wrong(self, ddf):
        loss = right(self, ddf)
        return loss.detach() + 1.01 * (loss - loss.detach())

    monkeypatch.setattr(regtutor.losses.DiffusionLoss, "forward", wrong)
    with pytest.raises(measure.UnequalError, match=r"diffusion at 32², result 1: 1\.0e-02 of"):
        components.main(options(only=["diffusion"], sizes=[SQUARE]))


@pytest.mark.parametrize(
    ("mine", "complaint"),
    [
        (torch.tensor([1.0, 2.1]), "5.0e-02 of the largest value apart, allowed 1e-03"),
        (torch.tensor([1.0, torch.nan]), "nan of the largest value apart"),
        (torch.tensor([[1.0, 2.0]]), r"shapes \(1, 2\) and \(2,\)"),
    ],
)
def test_compare(mine, complaint):
    measure, theirs = load("measure"), torch.tensor([1.0, 2.0])
    assert measure.compare("a", [theirs + 1e-4], [theirs], [1e-3]) == [pytest.approx(5e-5, rel=0.1)]
    with pytest.raises(measure.UnequalError, match=f"a, result 0: .*{complaint}"):
        measure.compare("a", [mine], [theirs], [1e-3])
    with pytest.raises(ValueError, match="zip"):
        measure.compare("a", [theirs, theirs], [theirs], [1e-3])


def busy(seconds):
    def call():
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass
        return [torch.ones(1)]

    return call


def test_the_ratio_is_the_peers_time_over_ours(monkeypatch):
    measure = load("measure")
    monkeypatch.setattr(measure, "now", time.process_time)
    found = measure.side_by_side("a", busy(0.01), busy(0.03), [0.0])
    assert 2.5 < found.ratio < 3.5
    assert 9 < found.ours.ms < 15
    assert found.peer.ms > 2 * found.ours.ms


def test_memory_is_what_the_call_takes_and_no_more():
    measure = load("measure")
    if measure.reset_high_water() is None:
        pytest.skip("only Linux tells")
    big = torch.ones(25_000_000)  # 100 MB that are there before do not count
    assert measure.peak(lambda: [torch.zeros(1)]) < 5
    assert 35 < measure.peak(lambda: [torch.ones(10_000_000)]) < 50
    assert 110 < measure.peak(lambda: [(big * 2)[:1], torch.ones(5_000_000)]) < 130
    for _ in range(3):  # 20 MB in small pieces, that the allocator keeps when they are freed
        assert measure.peak(lambda: [torch.ones(25_000) for _ in range(200)]) > 15


def test_step_beside_monai(capfd):
    load("step").main(options(only=["none of them"], cases=["16x16x16:2"], steps=1))
    rows = printed(capfd)
    assert [row[:3] for row in rows] == [[name, "16³", "2"] for name in ("MONAI", "ours")]
    assert rows[0][4] == "1.0"
    assert rows[0][6] == rows[1][6]  # the loss
    assert all(100 < float(row[5]) < 3000 for row in rows)


@pytest.mark.parametrize(
    ("switches", "most"),
    [
        (["recompute"], 1e-6),
        (["recompute level 0"], 1e-6),
        (["no Fourier"], 1e-4),
        (["channels_last"], 1e-3),
        (["bf16 autocast", "channels_last"], 0.1),
    ],
)
def test_a_switch_does_what_it_says(switches, most):
    stepper = load("stepper")
    # torch 2.13's bf16 gradient of a 3³ kernel over 2³ voxels, the bottom of 16³, is not defined.
    size = [32] * 3 if stepper.AUTOCAST in switches else [16] * 3
    plain, switched = (stepper.Step("ours", size, 8, used) for used in ([], switches))
    for _ in range(2):
        assert switched() == pytest.approx(plain(), rel=most)
    forgetful = [m.recomputes for m in switched.network.modules() if hasattr(m, "recomputes")]
    assert all(forgetful) == ("recompute" in switches)
    assert any(forgetful) == bool({"recompute", "recompute level 0"} & set(switches))
    wide = [m for m in switched.network.modules() if getattr(m, "kernel_size", 0) == (7, 7, 7)]
    assert len(wide) == 3
    assert all((type(m) is torch.nn.Conv3d) == ("no Fourier" in switches) for m in wide)
    last = [m.weight.is_contiguous(memory_format=torch.channels_last_3d) for m in wide[1:]]
    assert last == ["channels_last" in switches] * 2
    assert set(stepper.SWITCHES) | {stepper.AUTOCAST} == {
        one for used in load("step").SWITCHES.values() for one in used
    }


def test_step_compares_the_losses():
    step = load("step")
    one, other = [{"loss": 1.0}, {"loss": 0.9}], [{"loss": 1.0}, {"loss": 0.91}]
    step.same_losses("a", one, one)
    with pytest.raises(step.UnequalError, match="step 2 at a: the losses are 1e-02 apart"):
        step.same_losses("a", one, other)


def test_pipeline_beside_monai(capfd, monkeypatch):
    pipeline = load("pipeline")
    pipeline.main(options(only=["augment", "cache"], sizes=[(32, 34, 36)]))
    rows = printed(capfd)
    assert [row[0] for row in rows] == [n for n in pipeline.ROWS if "augment" in n or "cache" in n]
    monkeypatch.setattr(
        regtutor.transforms.ScaleIntensityRanged, "change", lambda self, image: image * 0
    )
    with pytest.raises(load("measure").UnequalError, match="fill the cache"):
        pipeline.main(options(only=["fill"], sizes=[CUBE]))


def test_growth_draws_what_it_measured(tmp_path, capfd):
    growth = load("growth")
    sizes = [(8, 8, 8), (12, 12, 12)]
    out = tmp_path / "growth.png"
    growth.main(options(only=["bending", "DiceMetric"], sizes=sizes, patience=60, out=out))
    rows = printed(capfd)
    assert [row[:2] for row in rows] == [
        [name, size] for name in ("bending energy", "DiceMetric") for size in ("8³", "12³")
    ]
    assert all(float(row[2]) > float(row[3]) for row in rows)  # nothing is below the floor
    assert out.read_bytes().startswith(b"\x89PNG")


def test_growth_draws_a_peak_too_small_to_be_measured():
    growth = load("growth")
    sizes = ((8, 8, 8), (12, 12, 12))
    machine = growth.Machine(bandwidth=1e6, operations=1e6)
    for peaks in ((0.0, 0.0), (0.0, 0.2), (None, None)):
        points = [
            growth.Point(size, ms=1.0, floor_ms=0.1, mb=mb, floor_mb=0.0)
            for size, mb in zip(sizes, peaks, strict=True)
        ]
        figure = growth.draw({"a": points}, machine)
        figure.canvas.draw()
        drawn = [len(line.get_xdata()) for line in figure.axes[1].lines]
        assert drawn == ([1] if peaks[1] else [])


def test_growth_stops_in_time():
    growth = load("growth")
    points = (growth.Point((n,) * 3, ms=n**3, floor_ms=0, mb=0, floor_mb=0) for n in (1, 2, 4, 8))
    sizes = [(n,) * 3 for n in (1, 2, 4, 8)]
    assert [p.size[0] for p in growth.patiently(points, sizes, patience=0.1)] == [1, 2, 4]


def test_a_table_goes_between_its_marks_and_old_rows_stay(tmp_path, capfd):
    table, readme = load("table"), tmp_path / "README.md"
    readme.write_text("# A\n\n<!-- one -->\n<!-- end one -->\n\ntext\n")
    for rows in ([("a", "1"), ("b", "2")], [("b", "3"), ("c", "4")]):
        made = table.Table("one", ("name", "ms"), keys=1)
        for row in rows:
            made.add(*row)
        made.write(readme)
    text = readme.read_text()
    assert re.findall(r"^\| (\w) \| (\d) \|$", text, re.MULTILINE) == [
        ("a", "1"),
        ("b", "3"),
        ("c", "4"),
    ]
    assert text.startswith("# A\n\n<!-- one -->")
    assert text.endswith("<!-- end one -->\n\ntext\n")
    assert "monai 1.6.1" in text
    other = table.Table("two", ("name", "ms"), keys=1)
    other.add("a", "1")
    with pytest.raises(ValueError, match="expected the marks <!-- two -->"):
        other.write(readme)


def test_the_readme_has_a_place_for_every_table():
    text = load("table").README.read_text()
    for section in ("components", "step", "pipeline", "imports"):
        assert f"<!-- {section} -->" in text
        assert f"<!-- end {section} -->" in text


def test_watching_says_what_an_epoch_and_the_monitor_take():
    line = load("watching").watch((16, 16, 16), epochs=2, steps=1)
    assert re.fullmatch(r"an epoch of 1 steps \d+ ms, asking .* ms, adding .* % of a step", line)
