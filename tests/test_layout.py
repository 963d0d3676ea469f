"""The list of where results lie, held against the rules that make them."""

import re
from pathlib import Path

import pytest

from actsense.layout import LEVELS, PLACES, RESERVED, Level, places

REPOSITORY = Path(__file__).parents[1]
RULES = "\n".join(path.read_text() for path in (REPOSITORY / "workflow/rules").glob("*.smk"))
ABOVE = {"study": "", "network": "{network}/", "run": "{network}/{design}/"}
DELETED = {"{network}/invariance/representations/{state}.zarr"}  # when they have been read
LISTED = {f"{ABOVE[place.level]}{path}" for place in PLACES for path in place.paths}


def made(ending: str) -> set[str]:
    """Return what rules write for readers, below the folder of a study."""
    found = re.findall(r'"results/\{study\}/([^"]*)"', RULES)
    return {path for path in found if re.search(ending, path)}


def test_every_table_and_store_of_the_workflow_is_listed() -> None:
    tables, stores = made(r"/tables/\w+\.csv$"), made(r"\.zarr$")
    assert len(tables) > 20
    assert len(stores) > 8
    assert tables | stores <= LISTED | DELETED


def test_every_listed_table_is_made() -> None:
    assert {path for path in LISTED if path.endswith(".csv")} <= made(r"\.csv$")


@pytest.mark.parametrize("target", sorted({place.target for place in PLACES}))
def test_targets_are_rules(target: str) -> None:
    assert re.search(rf"^rule {target}:", RULES, flags=re.MULTILINE)


@pytest.mark.parametrize("level", LEVELS)
def test_a_name_means_one_result_of_a_study_network_or_run(level: Level) -> None:
    held = places(level)
    for names in ([n for p in held for n in p.stores], [n for p in held for n in p.tables]):
        assert len(names) == len(set(names))


def test_networks_and_designs_cannot_be_called_like_these_folders() -> None:
    schema = (REPOSITORY / "workflow/schemas/config.schema.yaml").read_text()
    taken = re.findall(r"\^\(\?!\(\?:([a-z|]+)\)\$\)", schema)
    assert {frozenset(names.split("|")) for names in taken} == {frozenset(RESERVED)}
