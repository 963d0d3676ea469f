"""Plain facts as JSON files, such as model cards."""

__all__ = ["read_facts", "write_facts"]

import json
from pathlib import Path
from typing import Any

from actsense.store.damage import reading
from actsense.store.manifest import Manifest, sealing


def write_facts(path: Path, facts: Any) -> None:
    """Write anything JSON can hold, atomically."""
    with sealing(path) as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def read_facts(path: Path) -> Any:
    """Read what `write_facts` wrote.

    Raises:
        MissingResultError: If there is no such file.
        CorruptFileError: If it is damaged.
    """
    Manifest.open(path)
    with reading(path):
        return json.loads(path.read_text(encoding="utf-8"))
