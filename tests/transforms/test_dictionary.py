"""Compose and MapTransform: order, keys, and errors that say which transform and which file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from regtutor.transforms import Compose, MapTransform, RandFlipd, ScaleIntensityd


class Add(MapTransform):
    """Adds a number to the values."""

    def __init__(self, keys, number=1):
        super().__init__(keys)
        self.number = number

    def __call__(self, data):
        out = dict(data)
        for key in self.key_iterator(data):
            out[key] = out[key] + self.number
        return out


def test_compose_goes_in_order_and_leaves_its_input():
    data = {"a": 1, "b": 2}
    double = Compose([Add("a"), lambda d: d | {"a": d["a"] * 10}])
    assert double(data) == {"a": 20, "b": 2}
    assert data == {"a": 1, "b": 2}
    assert double([data, {"a": 0}]) == [{"a": 20, "b": 2}, {"a": 10}]
    assert Compose()(data) == data
    assert Compose(Add("b"))(data) == {"a": 1, "b": 3}


def test_a_callable_that_edits_its_dict_does_not_edit_ours():
    data = {"a": 1}
    Compose([lambda d: d.update(a=5) or d])(data)
    assert data == {"a": 1}


def test_a_compose_among_them_is_unrolled_and_parts_can_be_run():
    row = Compose([Add("a"), Compose([Add("a", 10), Add("a", 100)])])
    assert len(row) == 3
    assert row({"a": 0}, end=2) == {"a": 11}
    assert row({"a": 0}, start=2) == {"a": 100}


def test_what_counts_as_random():
    sure = Add("a")
    assert Compose([sure, sure]).first_random == 2
    assert Compose([sure, RandFlipd("a"), sure]).first_random == 1
    assert Compose([sure, Compose([sure, RandFlipd("a")])]).first_random == 2
    assert Compose([sure, lambda d: d, sure]).first_random == 1  # nobody can see into a lambda


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ValueError("wrong"), ValueError),
        (FileNotFoundError("wrong"), FileNotFoundError),
        (KeyError("wrong"), KeyError),
        (RuntimeError("wrong"), RuntimeError),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "wrong"), ValueError),
        (ZeroDivisionError("wrong"), RuntimeError),
    ],
)
def test_an_error_names_the_transform_and_its_files(raised, kind):
    class Fails(MapTransform):
        def __call__(self, data):
            raise raised

    row = Compose([Add("n"), Fails("a")])
    with pytest.raises(kind, match=r"(?s)wrong.*In step 2 of 2, Fails.*a = scans/x\.nii") as caught:
        row({"n": 1, "a": Path("scans/x.nii"), "other": "y.nii"})
    assert "y.nii" not in str(caught.value)
    assert caught.value.__cause__ is raised
    with pytest.raises(kind, match=r"(?s)step 2 of 2.*on a = first\.nii"):
        row({"n": 1, "a": torch.zeros(1)}, source={"a": "first.nii"})


def test_keys():
    assert MapTransform("a").keys == ("a",)
    assert MapTransform(["a", "b"])({"a": 1, "b": 2}) == {"a": 1, "b": 2}
    transform = MapTransform(["a", "b"], allow_missing_keys=True)
    assert list(transform.key_iterator({"b": 0}, "xy")) == [("b", "y")]
    assert list(transform.key_iterator({"b": 0})) == ["b"]
    with pytest.raises(ValueError, match="keys: expected a key or several, got none"):
        MapTransform([])
    with pytest.raises(ValueError, match=r"keys: expected each key once, got \('a', 'a'\)"):
        MapTransform(["a", "a"])
    with pytest.raises(ValueError, match=r"Add, key 'c': expected one of the data's keys \['a'\]"):
        Add("c")({"a": 1})


@pytest.mark.parametrize(
    "arguments",
    [{"unpack_items": True}, {"log_stats": True}, {"lazy": True}, {"overrides": {"mode": 0}}],
)
def test_arguments_kept_for_their_place(arguments):
    with pytest.raises(ValueError, match="kept for its place in MONAI's signature"):
        Compose([], **arguments)


def test_what_is_no_transform():
    with pytest.raises(ValueError, match="transforms: expected callables, got 3"):
        Compose([ScaleIntensityd("a"), 3])
