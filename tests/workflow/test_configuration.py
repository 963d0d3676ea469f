"""Every mistake in a configuration is one clear line."""

import re
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import yaml
from pipeline import configure, planned, snakemake

from actsense.augment import AUGMENTATIONS, DIVISIONS, LARGEST_DIVISION
from actsense.errors import ConfigError
from actsense.sampling.law import LAWS
from actsense.sampling.settings import DIVIDED
from actsense.study.configuration import check, filled, typed
from actsense.study.schema import configuration_schema
from actsense.study.study import Study

REPOSITORY = Path(__file__).parents[2]
FOLDER = {"kind": "folder", "path": "photographs"}
COLOURS = ["brightness", "contrast", "saturation", "hue", "grayscaling"]


def default() -> dict[str, Any]:
    """Return the demo's configuration with designs whose sizes the tests know."""
    settings: dict[str, Any] = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    sizes = {"base_points": 128, "replicates": 8}
    seven = [name for name in AUGMENTATIONS if name not in COLOURS and "patch" not in name]
    settings["designs"]["colour"] |= {"augmentations": COLOURS, **sizes}
    settings["designs"]["geometry"] |= {"augmentations": seven, **sizes}
    del settings["invariance"]["networks"]  # which tests replace
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


def test_designs_offer_what_the_augmentations_can() -> None:
    fields = configuration_schema()["$defs"]["DesignSettings"]["properties"]
    assert fields["augmentations"]["items"]["enum"] == list(AUGMENTATIONS)
    assert fields["divisions"]["default"] == list(DIVISIONS)
    assert fields["divisions"]["items"]["maximum"] == LARGEST_DIVISION
    assert tuple(fields["law"]["enum"]) == LAWS
    assert {name for name, own in AUGMENTATIONS.items() if own.divided} == {*DIVIDED}


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    return filled(settings, check(settings))


def shown_settings() -> list[Any]:
    """Return the settings that pages show; those of extending.md are of the patches there."""
    pages = [page for page in REPOSITORY.glob("docs/*.md") if page.name != "extending.md"]
    blocks = [
        (page.stem, block)
        for page in sorted(pages)
        for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    return [pytest.param(yaml.safe_load(block), id=page) for page, block in blocks]


@pytest.mark.parametrize("shown", shown_settings())
def test_settings_that_a_page_shows_are_valid(shown: dict[str, Any]) -> None:
    demo = default()
    base = {name: demo[name] for name in ("study", "dataset", "networks", "designs")}
    found = checked(base | shown)
    assert all(found[section] for section in shown)


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


COMPACT = {"kind": "trained", "architecture": "compact"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sead", 1, "sead: unknown key. Did you mean 'seed'"),
        ("designs.colour.base_point", 4, "designs.colour.base_point: unknown key. Did you mean"),
        ("designs.colour.base_points", 100, "not a power of two.* Nearest: 64, 128"),
        ("designs.colour.base_points", "many", "base_points: 'many' has the wrong type.*integer"),
        ("designs.colour.augmentations", ["hew"], "'hew' is not allowed. Nearest: hue.*Allowed"),
        ("designs.colour.law", "sometimes", "law: 'sometimes' is not allowed.*switched, always"),
        ("designs.colour.shards", 99, "99 is more than the 8 blocks.*Allowed: 1 to 8"),
        ("designs.colour.shards", 0, "shards: 0 is not allowed. Allowed: auto or an integer"),
        ("designs.colour.shards", "many", "shards: 'many' is not allowed. Allowed: auto or an"),
        ("networks.small.base_points", 100, "small.base_points: 100 is not.* Nearest: 64, 128"),
        ("networks.small.base_points", "many", "small.base_points: 'many' has the wrong type"),
        ("networks.small.images_per_second", 0, "networks.small.images_per_second: 0"),
        ("job_minutes", 0, "job_minutes: 0"),
        ("designs.colour.base_points", None, "designs.colour.base_points: missing"),
        ("dataset.kind", "folders", "dataset.kind: 'folders' is not known. Nearest: folder"),
        ("dataset.image_size", 4, "dataset.image_size: 4 is less than the minimum of 16.*to 256"),
        ("dataset.patches_per_digit", 0, "dataset.patches_per_digit: 0 is less than the minimum"),
        ("dataset.validation_fraction", 1.0, "fraction: 1.0 is not below 1.*above 0 and below 1"),
        ("dataset", FOLDER | {"on_unreadable": "skp"}, "'skp' is not allowed. Nearest: skip"),
        (
            "dataset",
            FOLDER | {"image_size": 300, "resize": 256},
            "dataset.resize: 256 is smaller.*_size: 300",
        ),
        ("dataset.pth", "x", "dataset.pth: unknown key"),
        ("networks.small.mean", 0.5, "networks.small.mean: 0.5 has the wrong type.*a list of 3"),
        ("networks.small.mean", [0.5], "networks.small.mean: .0.5. is too short.*a list of 3"),
        ("networks.small.std", [1, 0, 1], "networks.small.std.1: 0 is not above 0"),
        ("networks.small.architecture", "bags", "'bags' is not allowed. Nearest: bag. Allowed"),
        ("patterns", {"networks": ["smal"]}, "patterns.networks: there is no network 'smal'. All"),
        ("featvis", {"networks": ["smal"]}, "featvis.networks: there is no network 'smal'. Allo"),
        ("featvis", {"search": {"octave": 1}}, "featvis.search.octave"),
        ("invariance", {"networks": ["smal"]}, "invariance.networks: there is no network 'smal'."),
        ("invariance", {"autoencoder": {"latent": 7}}, "latent: 7 is no multiple of 2.*of 2"),
        ("patterns", {"classes": ["0"]}, "patterns.classes: ..0.. is not allowed.*at least 2"),
        ("patterns", {"attack": {"norm": "l3"}}, "norm: 'l3' is not allowed. Allowed: linf, l2"),
        ("patterns", {"attack": {"epsilon": 0}}, "patterns.attack.epsilon: 0 is not above 0"),
        (
            "networks.small.teacher",
            "bug",
            "small.teacher: there is no network 'bug'. Allowed: bag",
        ),
        ("networks.small.teacher", "small", "nobody learns from .* from it: 'small' of 'small'"),
        (
            "networks",
            {
                name: COMPACT | {"teacher": of}
                for name, of in {"a": "b", "b": "c", "c": "a"}.items()
            },
            "networks.a.teacher: nobody .*: 'a' of 'b' of 'c' of 'a'",
        ),
        ("networks.small.learns", "colour", "learns: 'colour' is not .*Allowed: .*back"),
        ("networks.small.learns", "background", "Write class, or .* dataset.photographs: shared"),
        ("networks.small.distil", "stage2", "small.distil: there is no teacher. Name one: net"),
        ("networks.small.distil_weight", 2, "distil_weight: 2 is greater than the maximum of 1"),
        ("networks.small.kind", "onnx", "networks.small.kind: 'onnx' is not known.*Allowed"),
        ("networks.small.epochs", -1, "networks.small.epochs"),
        ("networks", {}, "networks"),
        ("networks", {"../out": {"kind": "trained"}}, "'../out' is not allowed"),
        ("study", "a/b", "'a/b' is not allowed"),
        ("study", "a" * 101, "is not allowed.*at most 100"),
        ("networks", {"a": COMPACT, "A": COMPACT}, "networks.A: differs from 'a' by capitals"),
        ("networks", {"Data": COMPACT}, "networks.Data: differs from 'data' by capitals"),
        ("networks", {"data": {"kind": "trained"}}, "are taken"),
        ("networks", {"spatial": {"kind": "trained"}}, "are taken"),
        ("networks", {"notebooks": {"kind": "trained"}}, "are taken"),
        ("networks.bag.designs", ["lay"], "bag.designs: there is no design 'lay'. Allowed: col"),
        ("networks.bag.receptive_field", 7, "receptive_field: 7 is not allowed.*9, 17, 33"),
        ("designs.layout.divisions", [2, 40], "divisions.1: 40 is greater than the maximum of 16"),
        ("spatial.transforms.divisions", [1, 33], "divisions: 33 is too large for.*1 to 32"),
        ("spatial.cells.size", 17, "cells.size: 17 is too large for images.*1 to 16"),
        ("spatial.cells.fills", ["gray"], "'gray' is not allowed.*mean, zero, blur"),
        ("spatial.transform", {}, "spatial.transform: unknown key. Did you mean 'transforms'"),
        ("device", "tpu", "device: 'tpu' is not allowed. Nearest: cpu. Allowed: auto, cpu, cuda"),
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


def test_networks_choose_designs_and_designs_whether_they_are_analysed() -> None:
    own = Study.load(default())
    assert own.designs("small") == ["colour", "geometry", "layout"]
    assert own.analysed("small") == ["colour", "geometry"]
    assert own.designs("bag") == ["layout"]
    assert own.analysed("bag") == []
    assert ("bag", "layout") in own.runs
    assert ("bag", "colour") not in own.runs


def test_defaults_beside_a_reference_win_over_those_behind_it() -> None:
    spatial = checked(default() | {"spatial": {}})["spatial"]
    assert spatial["saliency"]["images"] == 4
    assert spatial["cells"]["images"] == 200
    assert spatial["cells"]["bootstrap"] == 1000


def test_divisions_are_settings_of_designs_that_use_them() -> None:
    own = Study.load(default())
    assert "divisions" not in own.sampling_settings("small", "colour")["design"][1]
    assert own.sampling_settings("small", "layout")["design"][1]["divisions"] == [2, 4, 8]


def test_shuffled_patches_fit_into_the_images() -> None:
    settings = changed("spatial.transforms.divisions", [1, 24])
    checked(settings)
    settings["dataset"]["image_size"] = 16
    with pytest.raises(ConfigError, match=r"24 is too large for images of 16x16.*1 to 16"):
        checked(settings)


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
    study = Study.load(changed("networks.small.layers", ["stage11"]))
    with pytest.raises(ConfigError, match=r"networks.small.layers.*'stage11'.*stage1"):
        study.check_budget()


def test_an_unknown_model_lists_the_nearest() -> None:
    network = {"kind": "torchvision", "model": "alexnt", "weights": "none"}
    study = Study.load(changed("networks.small", network))
    with pytest.raises(ConfigError, match=r"networks.small.model: 'alexnt'.*alexnet"):
        study.check_budget()


@pytest.mark.parametrize("budget", [0.05, 0.1, 0.2])
def test_a_budget_below_one_shard_names_what_would_fit(budget: float) -> None:
    settings = changed("designs.geometry.shards", 1) | {"store_budget_gb": budget}
    message = rf"store_budget_gb: {budget} is too small.*Raise it to ([\d.]+), .*shards: (\d+)"
    with pytest.raises(ConfigError, match=message) as caught:
        Study.load(settings).check_budget()
    raised, shards = re.search(message, str(caught.value)).groups()  # type: ignore[union-attr]
    Study.load(settings | {"store_budget_gb": float(raised)}).check_budget()
    settings["designs"]["geometry"]["shards"] = int(shards)
    Study.load(settings).check_budget()
    settings["designs"]["geometry"]["shards"] = int(shards) - 1 or 1
    with pytest.raises(ConfigError, match="is too small for one shard"):
        Study.load(settings).check_budget()


@pytest.mark.parametrize(
    ("shards", "advice"),
    [
        ("auto", r"0\.045, or choose `activations: stream`"),
        (1, r"0\.349 \(or to 0\.045 and designs\.geometry\.shards: 8\), or choose"),
    ],
)
def test_a_budget_below_one_block_names_the_smallest_that_works(shards: Any, advice: str) -> None:
    # One block: 16 points x 44 nodes x 15,434 units x 4 bytes = 43.5 MB, and one more.
    settings = changed("designs.geometry.shards", shards) | {"store_budget_gb": 0.04}
    del settings["designs"]["colour"]
    with pytest.raises(ConfigError, match=f"Raise it to {advice}"):
        Study.load(settings).check_budget()
    settings["designs"]["geometry"]["shards"] = 8
    Study.load(settings | {"store_budget_gb": 0.045}).check_budget()


@pytest.mark.parametrize("budget", [0.05, 0.3, 0.4, 0.7, 1.3, 4])
@pytest.mark.parametrize("images_per_second", [None, 1, 3, 20, 1000])
@pytest.mark.parametrize("activations", ["store", "stream"])
def test_automatic_shards_are_the_fewest_within_budget_and_time(
    budget: float, images_per_second: float | None, activations: str
) -> None:
    settings = changed("networks.small.images_per_second", images_per_second or 1)
    if images_per_second is None:
        del settings["networks"]["small"]["images_per_second"]
    settings |= {"store_budget_gb": budget, "activations": activations, "job_minutes": 20}
    study = Study.load(settings)
    rows, units, blocks = 16 * 44, study.units("small"), study.blocks("small", "geometry")

    def fits(shards: int) -> bool:
        largest = ceil(blocks / shards) * rows
        small = ceil(largest * units * 4 / 1e6) + 1 <= budget * 1000 / 8
        short = images_per_second is None or largest / images_per_second <= 20 * 60
        return (small or activations == "stream") and short

    fewest = next((n for n in range(1, blocks) if fits(n)), blocks)
    assert study.sharding("small", "geometry").parts == fewest
    assert study.sharding("small", "colour").parts <= fewest  # 36 nodes instead of 44


@pytest.mark.parametrize("path", ["config.yaml", "workflow/studies/test.yaml"])
def test_small_designs_are_one_shard(path: str) -> None:
    study = Study.load(yaml.safe_load((REPOSITORY / path).read_text()))
    for network, design in study.runs:
        assert len(study.sharding(network, design).shards) == 1


def test_a_network_may_have_its_own_base_points() -> None:
    settings = changed("networks.small.base_points", 64)
    settings["networks"]["other"] = {"kind": "trained"}
    settings["designs"]["colour"]["shards"] = 4
    study = Study.load(settings)
    assert study.blocks("small", "colour") == 4
    assert study.blocks("other", "colour") == 8
    assert study.sharding("small", "colour").shards["0_3"].blocks == range(3, 4)
    assert study.sharding("other", "colour").shards["0_3"].blocks == range(6, 8)
    assert study.design("small", "colour").evaluations * 2 == (
        study.design("other", "colour").evaluations
    )
    for made in (study.sampling_settings, study.provenance_settings):
        kept = made("small", "colour")
        design = kept["design"][1] if "design" in kept else kept["designs"]["colour"]
        assert design["base_points"] == 64


@pytest.mark.parametrize(
    ("checkpoints", "message"),
    [
        ([4, 2], r"\[4, 2\] does not ascend\. Write \[2, 4\]"),
        ([0, 7], r"7 is after the last of 6 epochs\. Allowed: 0 to 6"),
        ([1, 1], r"\[1, 1\] is not allowed, 1 is there twice"),
        ([-1], r"-1 is less than the minimum of 0"),
        (3, "3 has the wrong type"),
    ],
)
def test_checkpoints_are_epochs_of_the_training(checkpoints: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"networks\.small\.checkpoints.*: {message}") as error:
        checked(changed("networks.small.checkpoints", checkpoints))
    assert len(str(error.value).splitlines()) == 1


def test_checkpoints_do_not_change_what_the_network_is() -> None:
    plain, kept = (
        Study.load(settings)
        for settings in (default(), changed("networks.small.checkpoints", [0, 3]))
    )
    assert kept.weights_settings("small") == plain.weights_settings("small")
    design = ("small", "colour")
    assert kept.sampling_settings(*design) == plain.sampling_settings(*design)


def test_more_shards_than_blocks_of_a_network_are_refused() -> None:
    settings = changed("networks.small.base_points", 64)
    settings["designs"]["colour"]["shards"] = 8
    message = r"designs.colour.shards: 8 is more than the 4 blocks of a replicate of small of 64"
    with pytest.raises(ConfigError, match=message):
        checked(settings)


@pytest.mark.parametrize("key", ["base_points", "images_per_second"])
def test_what_is_not_about_the_network_does_not_train_it_again(key: str) -> None:
    study, other = (
        Study.load(settings) for settings in (default(), changed(f"networks.small.{key}", 64))
    )
    assert study.weights_settings("small") == other.weights_settings("small")
    same = study.sampling_settings("small", "colour") == other.sampling_settings("small", "colour")
    assert same == (key == "images_per_second")


@pytest.mark.parametrize("side", [32, 64, 224, 384])
def test_every_size_shows_the_same_share_of_a_photograph(side: int) -> None:
    shown = checked(changed("dataset", FOLDER | {"image_size": side}))["dataset"]
    assert shown["image_size"] / shown["resize"] == pytest.approx(224 / 256, abs=0.02)


def test_what_follows_from_a_wrong_setting_is_no_mistake_of_its_own() -> None:
    with pytest.raises(ConfigError) as caught:
        checked(changed("dataset", FOLDER | {"image_size": "large"}))
    assert str(caught.value).count("\n") == 0


def test_numbers_inside_a_mapping_on_the_command_line_are_numbers() -> None:
    given = {"a": {"b": "64", "c": ["1e-3", "x", "true"]}, "d": "null", "e": "no", "f": 3}
    assert typed(given) == {"a": {"b": 64, "c": [1e-3, "x", True]}, "d": None, "e": "no", "f": 3}


def test_the_command_line_changes_the_default_study_in_any_folder(tmp_path: Path) -> None:
    folder = tmp_path / "o'brien's {x} $HOME & ü"
    folder.mkdir()
    configure(folder)
    changes = ("study=second", "dataset={image_size: 40}", "seed=7")
    result = snakemake(folder, "--dry-run", "data", "--config", *changes)
    assert planned(result) == {"cache_images": 1, "data": 1}
    assert "Decoding the images of study second" in result.stdout
