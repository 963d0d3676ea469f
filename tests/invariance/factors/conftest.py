"""Concepts looked for in the linear world, which tests read and leave as they are."""

from pathlib import Path

import pytest
import xarray as xr
from factor_study import FactorStudy, factor_study

from actsense.invariance.factors.evaluate import explain
from actsense.invariance.factors.evaluate.explain import Watched
from actsense.invariance.factors.stored import StoredFactors
from actsense.store import read_results, write_results


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> FactorStudy:
    return factor_study(tmp_path_factory.mktemp("factors"))


def look(made: FactorStudy, watched: Watched, folder: Path) -> dict[str, xr.Dataset]:
    """Look for concepts in the network, which is the same in all its states."""
    own = made.subject, lambda state: made.subject, watched, made.places
    return explain.explain_factors(*own, folder=folder)


@pytest.fixture(scope="session")
def store(made: FactorStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job finds there; its flow is the closed form of the world."""
    path = tmp_path_factory.mktemp("explained") / "factors.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explain, "open_flow", lambda *_, **__: made.world)
        found = look(made, made.watched, tmp_path_factory.mktemp("said"))
    write_results(path, found, attributes={"commit": "none"})
    return path


@pytest.fixture(scope="session")
def stored(store: Path) -> StoredFactors:
    return StoredFactors(read_results(store))
