"""Which tests share a process when several run the suite."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep modules together, and all tests of the workflow, which share one finished run."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(
            pytest.mark.xdist_group(folder if folder == "workflow" else item.path.stem)
        )
