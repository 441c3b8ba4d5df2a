"""Cases, transformed one by one, kept in memory, put together in batches.

CacheDataset keeps what the transforms before the first random one made: those always do the same.
Put the costly ones (read, resize) there and the random ones behind. Taught in notebook 06.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils import data as torch_data
from torch.utils.data import Subset, default_collate
from tqdm import tqdm

from regtutor.checks import complaint, require, require_count, require_fraction
from regtutor.transforms.dictionary import Compose, kept_for_place

Transform = Sequence[Callable[..., Any]] | Callable[..., Any] | None


class Dataset(torch_data.Dataset[Any]):
    """Items and what to do with each when it is asked for.

    Args:
        data: the items, dicts of file names or of tensors.
        transform: a callable or a list of them.

    Raises:
        ValueError: no items.
    """

    def __init__(self, data: Sequence[Any], transform: Transform = None) -> None:
        listed = hasattr(data, "__len__") and not isinstance(data, str | Mapping)
        remedy = "One pair alone? Put it in a list: [pair]."
        require(listed, "data", "a list of items", type(data).__name__, remedy)
        require(len(data) > 0, "data", "at least one item", "none", "Is the folder empty?")
        self.data = data
        self.transform = transform if isinstance(transform, Compose) else Compose(transform)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int | slice | Sequence[int]) -> Any:
        """The transformed item; for a slice or several indices a `Subset` of them."""
        if isinstance(index, slice):
            return Subset(self, range(len(self))[index])
        if isinstance(index, Sequence):
            return Subset(self, index)
        return self._item(range(len(self))[index])

    def _item(self, index: int) -> Any:
        return self.transform(self.data[index])


class CacheDataset(Dataset):
    """A Dataset that does once, at the start, what its transforms before the first random one do.

    A plain function counts as random, for nobody can see whether it is. What is handed out is
    always a copy: no caller can change the cache.

    Args:
        data, transform: as in `Dataset`.
        cache_num, cache_rate: keep so many items at most, and this share of them.
        num_workers: threads that fill the cache; None takes one a core.
        progress: show a bar meanwhile.
        as_contiguous: keep tensors contiguous.
        copy_cache and the others: kept for their place in MONAI's signature.

    Raises:
        ValueError: no items, a share outside [0, 1], an item that cannot be made.
    """

    def __init__(
        self,
        data: Sequence[Any],
        transform: Transform = None,
        cache_num: int = sys.maxsize,
        cache_rate: float = 1.0,
        num_workers: int | None = 1,
        progress: bool = True,
        copy_cache: bool = True,
        as_contiguous: bool = True,
        hash_as_key: bool = False,
        hash_func: None = None,
        runtime_cache: bool = False,
    ) -> None:
        super().__init__(data, transform)
        require_count("cache_num", cache_num, least=0)
        require_fraction("cache_rate", cache_rate)
        kept_for_place("copy_cache", copy_cache, True)
        kept_for_place("hash_as_key", hash_as_key, False)
        kept_for_place("hash_func", hash_func, None)
        kept_for_place("runtime_cache", runtime_cache, False)
        self.as_contiguous = as_contiguous
        self._kept = self.transform.first_random
        count = min(cache_num, int(len(data) * cache_rate))
        threads = (os.cpu_count() or 1) if num_workers is None else max(num_workers, 1)
        with ThreadPoolExecutor(threads) as pool:
            made = pool.map(self._make, range(count))
            bar = tqdm(made, "Loading dataset", total=count, disable=not progress)
            self._cache = list(bar)

    def _make(self, index: int) -> Any:
        item = self.transform(_copy(self.data[index]), end=self._kept)
        if not self.as_contiguous or not isinstance(item, Mapping):
            return item
        return {k: v.contiguous() if isinstance(v, Tensor) else v for k, v in item.items()}

    def _item(self, index: int) -> Any:
        if index >= len(self._cache):
            return super()._item(index)
        item = _copy(self._cache[index])
        return self.transform(item, start=self._kept, source=self.data[index])


def _copy(item: Any) -> Any:
    """A copy whose tensors are its own."""
    if isinstance(item, Mapping):
        return {key: _copy(value) for key, value in item.items()}
    return item.clone() if isinstance(item, Tensor) else deepcopy(item)


class DataLoader(torch_data.DataLoader[Any]):
    """torch's DataLoader, with a `collate` that knows points and says what does not fit.

    Each worker's generator is seeded by torch from the global one, anew each epoch: random
    transforms differ from worker to worker and from epoch to epoch, and come again under
    `set_determinism`. Making a loader draws nothing; starting an epoch does.

    Args:
        dataset: what to load from.
        num_workers: processes that load ahead; 0 loads here.
        kwargs: torch's: batch_size=1, shuffle=False, …

    Raises:
        ValueError: a batch of tensors of different shapes.
    """

    def __init__(
        self, dataset: torch_data.Dataset[Any], num_workers: int = 0, **kwargs: Any
    ) -> None:
        if kwargs.get("batch_size") is not None:
            require_count("batch_size", kwargs["batch_size"])
        kwargs.setdefault("collate_fn", collate)
        super().__init__(dataset, num_workers=num_workers, **kwargs)


def collate(items: Sequence[Any]) -> Any:
    """Put items together key by key, along a new first axis.

    Points, `(N, 2)` or `(N, 3)`, may differ in N: the shorter ones end in rows of NaN.

    Args:
        items: dicts with the same keys (or what torch's `default_collate` takes).

    Raises:
        ValueError: keys that not all have, or tensors of different shapes, with both named.

    >>> batch = collate([{"points": torch.zeros(1, 2)}, {"points": torch.zeros(2, 2)}])
    >>> batch["points"][0]
    tensor([[0., 0.],
            [nan, nan]])
    """
    if not isinstance(items[0], Mapping):
        return default_collate(list(items))
    keys = set().union(*items)
    for key in keys:
        lacking = [place for place, item in enumerate(items) if key not in item]
        require(not lacking, key, "it in every item of the batch", f"none in items {lacking}")
    return {key: _stack(key, [item[key] for item in items]) for key in items[0]}


def _stack(key: str, values: list[Any]) -> Any:
    tensors = [value for value in values if isinstance(value, Tensor)]
    if len(tensors) < len(values):
        try:
            return default_collate(values)
        except TypeError as error:
            got, remedy = type(values[0]).__name__, "Is the key missing in a transform's keys?"
            raise ValueError(complaint(key, "tensors, numbers or text", got, remedy)) from error
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if all(len(shape) == 2 and shape[1] == shapes[0][1] in (2, 3) for shape in shapes):
        points = [tensor.float() for tensor in tensors]
        return pad_sequence(points, batch_first=True, padding_value=torch.nan)
    remedy = "Resized or SpatialPadd bring images to one size; or take batch_size=1."
    require(len(set(shapes)) == 1, key, "one shape in a batch", sorted(set(shapes)), remedy)
    return torch.stack(tensors)
