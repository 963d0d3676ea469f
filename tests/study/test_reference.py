"""What is written from the settings for users agrees with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from actsense.study.reference import PAGE, SCHEMA, page, schema_text

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("path", "written"), [(SCHEMA, schema_text), (PAGE, page)], ids=["schema", "page"]
)
def test_written_files_agree_with_the_models(path: Path, written: Callable[[], str]) -> None:
    again = f"{path} does not agree with the settings. Write it again: make configuration"
    assert (REPOSITORY / path).read_text() == written(), again
