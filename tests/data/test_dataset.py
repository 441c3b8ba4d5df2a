"""Data sets: what is kept, that it cannot be edited, what a batch is, seeds of workers."""

from __future__ import annotations

import pytest
import torch

from regtutor.data import CacheDataset, DataLoader, Dataset, collate
from regtutor.seeds import set_determinism
from regtutor.transforms import MapTransform, RandGaussianNoised, ScaleIntensityd

# Four workers on fewer cores, and forking beside threads, are torch's and Python's to warn of.
pytestmark = [
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


class Count(MapTransform):
    """Says how often it was called, in `calls`."""

    def __init__(self):
        super().__init__("a")
        self.calls = 0

    def __call__(self, data):
        self.calls += 1
        return dict(data)


def items(n=4):
    return [{"a": torch.full((1, 3, 4), float(i)), "name": f"case {i}"} for i in range(n)]


def test_dataset():
    data = Dataset(items(), lambda d: d | {"a": d["a"] + 1})
    assert len(data) == 4
    assert data[2]["a"].unique() == 3
    assert data[-1]["a"].unique() == 4
    assert [item["name"] for item in data[1:3]] == ["case 1", "case 2"]
    assert [item["name"] for item in data[[3, 0]]] == ["case 3", "case 0"]
    with pytest.raises(IndexError):
        data[4]
    assert len(list(data)) == 4


@pytest.mark.parametrize("kind", [Dataset, CacheDataset])
def test_nothing_to_load(kind):
    with pytest.raises(ValueError, match="data: expected at least one item, got none"):
        kind([])


def test_only_what_is_sure_is_done_once():
    before, after, noise = Count(), Count(), RandGaussianNoised("a", prob=1.0)
    data = CacheDataset(items(), [before, noise, after], progress=False)
    assert (before.calls, after.calls) == (4, 0)
    first, second = data[1], data[1]
    assert (before.calls, after.calls) == (4, 2)
    assert not torch.equal(first["a"], second["a"])


def test_a_plain_function_ends_what_is_kept():
    after = Count()
    data = CacheDataset(items(), [lambda d: d | {"a": torch.rand(1)}, after], progress=False)
    assert not torch.equal(data[0]["a"], data[0]["a"])
    assert after.calls == 2


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        ({"cache_num": 3}, 3),
        ({"cache_num": 0}, 0),
        ({"cache_rate": 0.5}, 2),
        ({"cache_rate": 0.0}, 0),
        ({"cache_num": 9, "cache_rate": 0.99}, 3),
        ({"num_workers": None}, 4),
        ({"num_workers": 3}, 4),
    ],
)
def test_how_many_are_kept(arguments, kept):
    count = Count()
    data = CacheDataset(items(), [count], progress=False, **arguments)
    assert count.calls == kept
    assert [item["name"] for item in data] == [f"case {i}" for i in range(4)]
    assert count.calls == 4


@pytest.mark.parametrize("steps", [[], [ScaleIntensityd("a")], [lambda d: d], [Count()]])
def test_no_caller_can_edit_the_cache(steps):
    def spoil(data):
        data["a"].mul_(0).sub_(7)
        data["more"] = 1
        return data

    source = [{"a": torch.rand(1, 3, 4), "list": [1]}]
    same = source[0]["a"].clone()
    data = CacheDataset(source, steps, progress=False)
    expected = data[0]["a"].clone()
    for _ in range(2):
        item = data[0]
        assert torch.equal(item["a"], expected)
        item["list"].append(2)
        spoil(item)
    assert data[0]["list"] == [1]
    spoiling = CacheDataset(source, [*steps, spoil], progress=False)
    assert torch.equal(spoiling[0]["a"], spoiling[0]["a"])
    assert torch.equal(source[0]["a"], same)
    assert (
        CacheDataset(source, steps, progress=False)._cache[0]["a"].data_ptr()
        != source[0]["a"].data_ptr()
    )


def test_tensors_are_kept_contiguous():
    source = [{"a": torch.rand(1, 3, 4).movedim(-1, 0)}]
    assert CacheDataset(source, progress=False)[0]["a"].is_contiguous()


def test_the_bar_and_its_absence(capsys):
    CacheDataset(items(), progress=True)
    assert "Loading dataset: 100%" in capsys.readouterr().err
    CacheDataset(items(), progress=False)
    assert capsys.readouterr().err == ""


def test_an_error_names_the_file_also_behind_the_cache():
    class Fails(MapTransform):
        is_random = True

        def __call__(self, data):
            raise ValueError("wrong")

    class Reads(MapTransform):
        def __call__(self, data):
            return {"a": torch.zeros(1)}

    data = CacheDataset([{"a": "scan.nii"}], [Reads("a"), Fails("a")], progress=False)
    with pytest.raises(ValueError, match=r"(?s)wrong.*step 2 of 2, Fails.*a = scan\.nii"):
        data[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cache_rate": 1.5}, r"cache_rate: expected a number in \[0, 1\], got 1.5"),
        ({"cache_rate": -0.1}, r"cache_rate: expected a number in \[0, 1\]"),
        ({"cache_num": -1}, "cache_num: expected a whole number ≥ 0, got -1"),
        ({"copy_cache": False}, "copy_cache: expected True"),
        ({"runtime_cache": True}, "runtime_cache: expected False"),
        ({"hash_as_key": True}, "hash_as_key: expected False"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CacheDataset(items(), **arguments)


def test_a_batch():
    batch = next(iter(DataLoader(Dataset(items()), batch_size=3)))
    assert batch["a"].shape == (3, 1, 3, 4)
    assert batch["name"] == ["case 0", "case 1", "case 2"]
    assert collate([1.5, 2.5]).tolist() == [1.5, 2.5]
    assert collate([{"n": 1}, {"n": 2}])["n"].tolist() == [1, 2]


def test_points_are_filled_up_with_nan():
    points = [torch.rand(n, 3) for n in (2, 5, 0)]
    batch = collate([{"p": p} for p in points])["p"]
    assert batch.shape == (3, 5, 3)
    for row, p in zip(batch, points, strict=True):
        assert torch.equal(row[: len(p)], p)
        assert row[len(p) :].isnan().all()


def test_what_does_not_fit_is_named():
    ragged = [{"ct": torch.zeros(1, 4, 4, n)} for n in (5, 6)]
    with pytest.raises(
        ValueError, match=r"ct: expected one shape in a batch, got \[\(1, 4, 4, 5\).*SpatialPadd"
    ):
        next(iter(DataLoader(Dataset(ragged), batch_size=2)))
    with pytest.raises(ValueError, match=r"p: expected one shape in a batch"):
        collate([{"p": torch.zeros(2, 3)}, {"p": torch.zeros(2, 2)}])
    with pytest.raises(ValueError, match=r"b: expected it in every item of the batch.*items \[1\]"):
        collate([{"a": 1, "b": 1}, {"a": 1}])
    with pytest.raises(ValueError, match="x: expected tensors, numbers or text, got object"):
        collate([{"x": object()}])


def epochs(num_workers, n=2):
    noise = RandGaussianNoised("a", prob=1.0, sample_std=False)
    data = CacheDataset([{"a": torch.zeros(1, 2, 2)} for _ in range(6)], noise, progress=False)
    loader = DataLoader(data, num_workers=num_workers, shuffle=True)
    return [batch["a"].flatten().tolist() for _ in range(n) for batch in loader]


@pytest.mark.parametrize("num_workers", [0, 2, 4])
def test_every_draw_differs_and_all_come_again_by_the_seed(num_workers):
    set_determinism(5)
    first = epochs(num_workers)
    set_determinism(5)
    again = epochs(num_workers)
    assert first == again
    assert len({tuple(values) for values in first}) == 12
    set_determinism(6)
    assert epochs(num_workers) != first


def test_making_a_loader_draws_nothing():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    DataLoader(Dataset(items()), batch_size=2, shuffle=True)
    assert torch.equal(torch.rand(3), expected)


def test_an_error_in_a_worker_keeps_its_kind_and_text():
    loader = DataLoader(Dataset([{"b": 1}], ScaleIntensityd("a")), num_workers=1)
    with pytest.raises(ValueError, match="key 'a': expected one of the data's keys"):
        next(iter(loader))
