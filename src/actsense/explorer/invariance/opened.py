"""Networks and flows that are opened once for all visitors, and what one visitor has computed."""

__all__ = ["Opened", "open_network", "remembered"]

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

if TYPE_CHECKING:
    from actsense.invariance.demos.opening import DemoSet

Found = TypeVar("Found")
Stamp = tuple[tuple[str, int], ...]
KEPT = 24  # results of one visitor
RUNNING = RLock()  # a network is watched by hooks: one visitor at a time


@dataclass(frozen=True)
class Opened:
    """A network with its flows.

    Attributes:
        demos: What demos need.
        stamp: When its files were made.
    """

    demos: "DemoSet"
    stamp: Stamp


def open_network(study: Path, network: str) -> Opened:
    """Open a network with its flows; what was opened before is used if its files are the same.

    Raises:
        ConfigError: If something is missing or damaged.
    """
    return _opened(str(study), network, _stamp(study, network))


def remembered(name: Hashable, work: Callable[[], Found]) -> Found:
    """Return what some work returns, from this visitor's memory if it was done before.

    Work is done by one visitor at a time, and none of it is seen by others.

    Arguments:
        name: All that the work depends on.
        work: What is done.
    """
    memory: dict[Hashable, Any] = st.session_state.setdefault("invariance_results", {})
    if name in memory:
        memory[name] = memory.pop(name)  # the last one used is the last one to go
    else:
        with RUNNING:
            memory[name] = work()
        while len(memory) > KEPT:
            memory.pop(next(iter(memory)))
    found: Found = memory[name]
    return found


def _stamp(study: Path, network: str) -> Stamp:
    return tuple((str(path), path.stat().st_mtime_ns) for path in _files(study, network))


def _files(study: Path, network: str) -> Iterator[Path]:
    home = study / network / "invariance"
    single = (study / network / "weights.pt", study / "invariance/autoencoder.pt")
    for path in (*single, home / "kept.zarr/zarr.json", *sorted(home.glob("flows/*/*.pt"))):
        if path.exists():
            yield path


@st.cache_resource(max_entries=4, show_spinner="Opening the network and its flows ...")
def _opened(study: str, network: str, stamp: Stamp) -> Opened:
    from actsense.invariance.demos.opening import open_demos

    with RUNNING:
        return Opened(open_demos(Path(study), network), stamp)
