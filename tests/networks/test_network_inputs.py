"""A network is imported again when its files have other contents, and not else."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actsense.networks.inputs import describe_inputs, input_key
from actsense.networks.settings import NetworkSettings, Python, Timm, Trained
from actsense.store import file_hash

OWN = Python(factory="nets_of_inputs:build", weights="mine.pt")


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the card of a network that was imported in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("mine.pt").write_bytes(b"weights")
    Path("blocks_of_inputs.py").write_text("WIDTH = 4")
    Path("nets_of_inputs.py").write_text("import blocks_of_inputs\ndef build(): ...")
    __import__("nets_of_inputs")
    write(Path("card.json"), OWN)
    yield Path("card.json")
    for name in ("nets_of_inputs", "blocks_of_inputs"):
        del sys.modules[name]


def write(card: Path, settings: NetworkSettings) -> None:
    key = input_key(settings, card, file_hash)
    card.write_text(
        json.dumps({"inputs": {"key": key, "files": describe_inputs(settings, file_hash)}})
    )


SAME: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "touched": lambda: os.utime("mine.pt", (2e9, 2e9)),
    "gone": lambda: Path("mine.pt").unlink(),
}
OTHER: dict[str, Callable[[], Any]] = {
    "weights": lambda: Path("mine.pt").write_bytes(b"another"),
    "factory": lambda: Path("nets_of_inputs.py").write_text("def build(): return 1"),
    "a module that it imports": lambda: Path("blocks_of_inputs.py").write_text("WIDTH = 8"),
}


@pytest.mark.parametrize("change", [*SAME, *OTHER])
def test_other_contents_are_imported_again(card: Path, change: str) -> None:
    before = input_key(OWN, card, file_hash)
    (SAME | OTHER)[change]()
    after = input_key(OWN, card, file_hash)
    assert before
    assert (after == before) == (change in SAME)


def test_networks_of_before_are_kept_unless_a_file_is_newer(card: Path) -> None:
    card.write_text("{}")
    os.utime(card, (1.9e9, 1.9e9))
    assert input_key(OWN, card, file_hash) == ""
    os.utime("mine.pt", (2e9, 2e9))
    assert input_key(OWN, card, file_hash)


@pytest.mark.parametrize("settings", [Trained(), Timm(model="resnet18", weights="none")])
def test_networks_without_files_have_no_key(card: Path, settings: NetworkSettings) -> None:
    own = card.with_name("own.json")
    write(own, settings)
    assert input_key(settings, own, file_hash) == ""
