"""The study that findings are about."""

import json
from pathlib import Path

import pytest
from found_study import write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a study of one network under one design."""
    run = tmp_path / "animals/net/colour"
    write_run(run)
    (run.parent / "card.json").write_text(json.dumps({"accuracy": {"validation": 0.9}}))
    return tmp_path / "animals"
