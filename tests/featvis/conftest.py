"""A made study of pictures that tests read, and leave as it is."""

from pathlib import Path

import pytest
from featvis_study import make_featvis


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_featvis(tmp_path_factory.mktemp("featvis") / "results/shapes")
