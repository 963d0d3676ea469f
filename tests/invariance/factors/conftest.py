"""Concepts looked for in the linear world, which tests read and leave as they are."""

from pathlib import Path

import pytest
from factor_study import FactorStudy, factor_study

from actsense.invariance.factors.evaluate import explain
from actsense.invariance.factors.stored import StoredFactors
from actsense.store import read_results, write_results


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> FactorStudy:
    return factor_study(tmp_path_factory.mktemp("factors"))


@pytest.fixture(scope="session")
def store(made: FactorStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the job finds there; its flow is the closed form of the world."""
    path = tmp_path_factory.mktemp("explained") / "factors.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explain, "open_flow", lambda *_, **__: made.world)
        found = explain.explain_factors(made.subject, made.watched, made.places)
    write_results(path, found, attributes={"commit": "none"})
    return path


@pytest.fixture(scope="session")
def stored(store: Path) -> StoredFactors:
    return StoredFactors(read_results(store))
