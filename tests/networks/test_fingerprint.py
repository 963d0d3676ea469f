"""A network that is another one since its weights were made is refused in every job."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from opened import digit_files

from actsense.errors import ConfigError
from actsense.networks.fingerprint import check_fingerprint
from actsense.networks.network import load_network
from actsense.networks.opening import open_subject
from actsense.networks.settings import read_network
from actsense.networks.weights import import_weights
from actsense.store import write_facts

SETTINGS = {"name": "net", "kind": "python", "factory": "own_networks:Tempered"}


def made(folder: Path) -> tuple[Path, Path]:
    """Import weights; return them and their card."""
    weights, card = folder / "weights.pt", folder / "card.json"
    import_weights(SETTINGS, 0, 3, weights, card, image_size=16)
    return weights, card


def check(weights: Path, arguments: dict[str, Any]) -> None:
    settings = read_network(SETTINGS | {"arguments": arguments})
    network = load_network("net", settings, weights, classes=3, image_size=16)
    check_fingerprint(network, weights, torch.device("cpu"))


def test_the_same_network_passes_and_another_is_refused(tmp_path: Path) -> None:
    weights, _ = made(tmp_path)
    check(weights, {})
    check(weights, {"temperature": 1.0 + 1e-5})  # as far as another device may compute
    with pytest.raises(ConfigError, match=r"no longer the network .* code of its factory") as told:
        check(weights, {"temperature": 1.01})
    assert "\n" not in str(told.value)


def test_another_version_of_a_library_is_named(tmp_path: Path) -> None:
    weights, card = made(tmp_path)
    facts = json.loads(card.read_text())
    write_facts(card, facts | {"versions": facts["versions"] | {"torch": "1.0"}})
    with pytest.raises(ConfigError, match=rf"with torch 1\.0 \({torch.__version__} now"[:20]):
        check(weights, {"temperature": 2.0})


def test_a_card_of_an_earlier_version_is_not_compared(tmp_path: Path) -> None:
    weights, card = made(tmp_path)
    facts = json.loads(card.read_text())
    del facts["fingerprint"]
    write_facts(card, facts)
    check(weights, {"temperature": 2.0})
    card.unlink()
    check(weights, {"temperature": 2.0})


def test_numbers_that_are_none_are_kept_as_such(tmp_path: Path) -> None:
    weights, card = tmp_path / "weights.pt", tmp_path / "card.json"
    settings = SETTINGS | {"arguments": {"first": -math.inf}}  # a class that is ruled out
    import_weights(settings, 0, 3, weights, card, image_size=16)
    assert json.loads(card.read_text())["fingerprint"]["outputs"][0][0] is None
    check(weights, {"first": -math.inf})
    with pytest.raises(ConfigError, match="was no number, and is"):
        check(weights, {})


def test_opening_a_network_compares(tmp_path: Path) -> None:
    paths, network = digit_files(tmp_path)
    card = Path(paths.weights).with_name("card.json")
    facts = json.loads((tmp_path / "card").read_text())
    settings = {"network": ["one", network], "seed": 0, "precision": "float32"}
    where = {"batch_size": 8, "device": torch.device("cpu")}
    write_facts(card, facts)
    open_subject(paths.images, paths.manifest, paths.weights, settings, **where)
    facts["fingerprint"]["outputs"][0][0] += 1
    write_facts(card, facts)
    with pytest.raises(ConfigError, match=r"networks\.one: it is no longer"):
        open_subject(paths.images, paths.manifest, paths.weights, settings, **where)
