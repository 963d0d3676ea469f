"""What tests of masks share: one thread, and indices of a made network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from masked_study import store


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads cost more than they gain on images of eight pixels."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def indices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the index store of the made network; tests must not change it."""
    return store(tmp_path_factory.mktemp("indices"))
