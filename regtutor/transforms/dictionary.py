"""The frame of every transform: a dict of a case goes in, a new dict comes out.

A transform names the keys it works on and leaves the others alone. It never edits what it is given,
neither the dict nor a tensor in it. A random one draws once and applies the draw to every key, so
that image, label and points move together. Taught in notebook 06.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, ClassVar

import numpy as np
import torch

from regtutor.checks import require, require_choice, require_fraction

Data = Mapping[str, Any]


def kept_for_place(name: str, value: object, only: object) -> None:
    """An argument that stands in MONAI's signature and has one value here."""
    require(value == only, name, f"{only!r}, kept for its place in MONAI's signature", repr(value))


def float32_only(dtype: object) -> None:
    """What MONAI computes in by default is what we compute in."""
    require(dtype in (np.float32, torch.float32), "dtype", "float32", dtype)


def per_key(
    name: str, value: Any, keys: Sequence[str], choices: Sequence[object] = ()
) -> tuple[Any, ...]:
    """One value for all keys, or a sequence with one for each, as a tuple."""
    many = isinstance(value, Sequence) and not isinstance(value, str)
    values = tuple(value) if many else (value,) * len(keys)
    require(len(values) == len(keys), name, f"one value, or one for each of {keys}", value)
    for one in values if choices else ():
        require_choice(name, one, choices)
    return values


class MapTransform:
    """A transform of the values under some keys: write `__call__(self, data)` and it is one.

    `is_random` says whether two calls may differ: CacheDataset keeps what comes before the first
    random transform. Set it to True in a class that draws.

    Args:
        keys: one key or several.
        allow_missing_keys: pass over a key that the data lacks, instead of refusing.

    Raises:
        ValueError: no keys, or one twice.
    """

    is_random: ClassVar[bool] = False

    def __init__(self, keys: str | Sequence[str], allow_missing_keys: bool = False) -> None:
        self.keys = (keys,) if isinstance(keys, str) else tuple(keys)
        self.allow_missing_keys = allow_missing_keys
        require(len(self.keys) > 0, "keys", "a key or several", "none")
        require(len(set(self.keys)) == len(self.keys), "keys", "each key once", self.keys)

    def key_iterator(self, data: Data, *values: Sequence[Any]) -> Iterator[Any]:
        """Each key that the data has, alone or with its one of every sequence in `values`."""
        for key, *own in zip(self.keys, *values, strict=True):
            if self.has(data, key):
                yield (key, *own) if values else key

    def has(self, data: Data, key: str) -> bool:
        """Whether the data has a key; refuses if it must."""
        there = key in data
        require(
            there or self.allow_missing_keys,
            f"{type(self).__name__}, key {key!r}",
            f"one of the data's keys {sorted(data)}",
            "none of that name",
            "Is a name misspelt? allow_missing_keys=True passes over it.",
        )
        return there

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict; this one changes nothing."""
        return dict(data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(keys={self.keys})"


class RandomTransform:
    """Beside a MapTransform: draw once for a case, then apply the draw to every key.

    Args:
        prob: how often it acts.

    Raises:
        ValueError: `prob` is outside [0, 1].
    """

    is_random: ClassVar[bool] = True

    def __init__(self, prob: float = 0.1) -> None:
        require_fraction("prob", prob)
        self.prob = prob

    def draw(self, data: Data) -> Any:
        """What chance decides, from torch's global generator."""
        return True

    def apply(self, data: dict[str, Any], drawn: Any) -> dict[str, Any]:
        """Act on every key with what was drawn; None when this is not the turn."""
        return data

    def __call__(self, data: Data) -> dict[str, Any]:
        """A new dict."""
        acts = bool(torch.rand(()) < self.prob)
        return self.apply(dict(data), self.draw(data) if acts else None)


class Compose:
    """Transforms in a row, with MONAI's arguments. An error says which of them, on which files.

    Args:
        transforms: callables from dict to dict; a Compose among them is unrolled.
        map_items: apply to each item of a list instead of to the list.
        unpack_items, log_stats, lazy, overrides: kept for their place in MONAI's signature.
    """

    def __init__(
        self,
        transforms: Sequence[Callable[..., Any]] | Callable[..., Any] | None = None,
        map_items: bool = True,
        unpack_items: bool = False,
        log_stats: bool = False,
        lazy: bool = False,
        overrides: dict[str, Any] | None = None,
    ) -> None:
        kept_for_place("unpack_items", unpack_items, False)
        kept_for_place("log_stats", log_stats, False)
        kept_for_place("lazy", lazy, False)
        kept_for_place("overrides", overrides, None)
        steps = () if transforms is None else transforms
        self.transforms: list[Callable[..., Any]] = []
        for step in steps if isinstance(steps, Sequence) else (steps,):
            require(callable(step), "transforms", "callables", repr(step))
            self.transforms += step.transforms if isinstance(step, Compose) else [step]
        self.map_items = map_items

    @property
    def first_random(self) -> int:
        """How many lead the row that always do the same. A callable of unknown kind ends them."""
        for place, step in enumerate(self.transforms):
            if getattr(step, "is_random", True):
                return place
        return len(self)

    def __len__(self) -> int:
        return len(self.transforms)

    def __call__(
        self, data: Any, start: int = 0, end: int | None = None, *, source: Any = None
    ) -> Any:
        """Apply the transforms from `start` to before `end`.

        Args:
            data: a dict, or a list of them.
            start, end: the part of the row.
            source: the item as it was before any of the row, whose files an error shall name.
        """
        if self.map_items and isinstance(data, list | tuple):
            return [self(item, start, end) for item in data]
        source = data if source is None else source
        data = dict(data) if isinstance(data, Mapping) else data
        for place, step in list(enumerate(self.transforms, start=1))[start:end]:
            try:
                data = step(data)
                require(data is not None, "data", "a dict", "None", "Does it end in return data?")
            except Exception as error:
                where = f"step {place} of {len(self)}, {_step_on(step, source)}"
                raise _kind(error)(f"{error}\n  In {where}") from error
        return data


def _kind(error: Exception) -> type[Exception]:
    """What a caller would catch; other kinds may not be made from a text."""
    kinds = (FileNotFoundError, ValueError, KeyError, RuntimeError)
    return next((kind for kind in kinds if isinstance(error, kind)), RuntimeError)


def _step_on(step: Any, item: Any) -> str:
    """A step, never by its address in memory, and the files of the item that it works on."""
    name = getattr(step, "__name__", type(step).__name__)
    called = repr(step) if isinstance(step, MapTransform) else name
    named = item if isinstance(item, Mapping) else {}
    files = {key: named[key] for key in getattr(step, "keys", named) if key in named}
    texts = [f"{k} = {file}" for k, file in files.items() if isinstance(file, str | PathLike)]
    return f"{called}, on " + ", ".join(texts) if texts else called
