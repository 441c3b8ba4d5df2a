"""MONAI is the oracle here, and only here; what it warns about itself does not fail our run.

Its import touches many optional packages, which warn as they like, so it is imported once with
warnings off. While a test runs, warnings that arise in MONAI's own code pass; ours stay errors.
"""

import importlib
import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for name in ("data", "losses", "metrics", "networks.blocks", "networks.nets", "transforms"):
        importlib.import_module(f"monai.{name}")


@pytest.fixture(autouse=True)
def monai_may_warn() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"monai\.")
        yield
