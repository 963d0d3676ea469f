"""Every mistake in a configuration is one clear line."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from actsense.augment import AUGMENTATIONS
from actsense.config import check, read_schema
from actsense.errors import ConfigError
from actsense.study import Study

REPOSITORY = Path(__file__).parents[2]
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"


def default() -> dict[str, Any]:
    settings: dict[str, Any] = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    return settings


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the default configuration with one key set, `None` to remove it."""
    settings = default()
    inner = settings
    *parents, last = path.split(".")
    for parent in parents:
        inner = inner[parent]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return settings


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    return check(settings, read_schema(SCHEMA), augmentations=list(AUGMENTATIONS))


@pytest.mark.parametrize(
    "path",
    [
        "config.yaml",
        *sorted(
            str(p.relative_to(REPOSITORY))
            for p in (REPOSITORY / "workflow/studies").glob("*.yaml")
        ),
    ],
)
def test_every_study_in_the_repository_is_valid(path: str) -> None:
    checked(yaml.safe_load((REPOSITORY / path).read_text()))


def test_defaults_are_filled_in() -> None:
    filled = checked(default())
    assert filled["designs"]["colour"]["law"] == "switched"
    assert filled["networks"]["small"]["epochs"] >= 1
    assert filled["dataset"]["image_size"] == 32
    assert filled["contrast"]["draws"] == 1


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sead", 1, "sead: unknown key. Did you mean 'seed'"),
        ("designs.colour.base_point", 4, "designs.colour.base_point: unknown key. Did you mean"),
        ("designs.colour.base_points", 100, "not a power of two.* Nearest: 64, 128"),
        ("designs.colour.base_points", "many", "base_points: 'many' has the wrong type.*integer"),
        ("designs.colour.augmentations", ["hew"], "'hew' is not known. Nearest: hue.*Allowed: b"),
        ("designs.colour.law", "sometimes", "law: 'sometimes' is not allowed.*switched, always"),
        ("designs.colour.shards", 99, "99 is more than the 8 blocks.*Allowed: 1 to 8"),
        ("designs.colour.base_points", None, "designs.colour.base_points: missing"),
        ("dataset.kind", "folders", "dataset.kind: 'folders' is not known. Nearest: folder"),
        ("dataset.pth", "x", "dataset.pth: unknown key"),
        ("networks.small.kind", "onnx", "networks.small.kind: 'onnx' is not known.*Allowed"),
        ("networks.small.epochs", -1, "networks.small.epochs"),
        ("networks", {}, "networks"),
        ("networks", {"../out": {"kind": "trained"}}, "'../out' is not allowed"),
        ("study", "a/b", "'a/b' is not allowed"),
        ("networks", {"data": {"kind": "trained"}}, "data, logs and benchmarks are taken"),
        ("device", "tpu", "device: 'tpu' is not allowed. Allowed: auto, cpu, cuda"),
        ("activations", "both", "activations: 'both' is not allowed. Allowed: store, stream"),
        ("store_budget_gb", 0, "store_budget_gb"),
        ("study", None, "study: missing"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        checked(changed(path, value))
    assert all(line.startswith("Configuration: ") for line in str(caught.value).splitlines())
    assert len(str(caught.value).splitlines()) == 1


def test_a_network_that_names_no_layers_records_the_automatic_ones() -> None:
    network = {"kind": "torchvision", "model": "alexnet", "weights": "none"}
    filled = checked(changed("networks.small", network))["networks"]["small"]
    assert filled["layers"] == "auto"
    assert filled["mean"] is None


def test_several_mistakes_are_all_named() -> None:
    settings = changed("device", "tpu") | {"activations": "both", "sead": 1}
    with pytest.raises(ConfigError) as caught:
        checked(settings)
    assert len(str(caught.value).splitlines()) == 3


def test_an_unknown_layer_lists_the_nearest() -> None:
    study = Study.load(changed("networks.small.layers", ["stage11"]), SCHEMA)
    with pytest.raises(ConfigError, match=r"networks.small.layers.*'stage11'.*stage1"):
        study.check_networks()


def test_an_unknown_model_lists_the_nearest() -> None:
    network = {"kind": "torchvision", "model": "alexnt", "weights": "none"}
    study = Study.load(changed("networks.small", network), SCHEMA)
    with pytest.raises(ConfigError, match=r"networks.small.model: 'alexnt'.*alexnet"):
        study.check_networks()


def test_a_budget_below_one_shard_names_what_would_fit() -> None:
    study = Study.load(default() | {"store_budget_gb": 0.05}, SCHEMA)
    with pytest.raises(ConfigError, match=r"store_budget_gb: 0.05 is too small.*shards: \d+"):
        study.check_networks()


def test_shards_cover_every_block_once() -> None:
    settings = changed("designs.colour.shards", 3)
    study = Study.load(settings, SCHEMA)
    bounds = [study.shard_blocks("colour", shard) for shard in range(3)]
    covered = [block for start, stop in bounds for block in range(start, stop)]
    assert covered == list(range(study.blocks("colour")))
