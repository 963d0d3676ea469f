"""Of what pictures are made, what is refused, and what is planned."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from opened import digit_files

from actsense.errors import ConfigError
from actsense.features.states import randomised
from actsense.featvis.evaluate import Places, write_pictures
from actsense.featvis.plan import (
    channel_layers,
    facet_layers,
    picture_count,
    pictured,
    unit_layers,
    units_design,
    work,
)
from actsense.featvis.settings import Featvis
from actsense.layers import place_layers
from actsense.networks.opening import open_subject
from actsense.networks.settings import read_network
from actsense.networks.subject import Subject
from actsense.sampling.settings import DesignSettings
from actsense.study.beside import StudiesBeside
from actsense.study.study import Study
from actsense.work import GRADIENT, Facts, NetworkFacts

LAYERS = {"one": (8, 16, 16), "two": (16, 4, 4), "pooled": (16, 1, 1), "logits": (10,)}
BOTH = {"net": LAYERS, "flat": {"hidden": (12,), "logits": (10,)}}
DESIGNS = {
    name: DesignSettings(augmentations=augmentations, base_points=16)
    for name, augmentations in {"colour": ["hue"], "layout": ["rolling"]}.items()
}


def facts(
    recorded: dict[str, Any] | None = None,
    sampled: dict[str, list[str]] | None = None,
    **featvis: Any,
) -> Facts:
    """Return what is known of a study of networks that record such layers."""
    recorded = recorded or {"net": LAYERS}
    settings = SimpleNamespace(
        featvis=Featvis.model_validate(featvis),
        networks=dict.fromkeys(recorded),
        designs=DESIGNS,
        dataset=SimpleNamespace(image_size=32),
        batch_size=16,
        device="cpu",
    )
    known = {
        name: NetworkFacts(
            *("imported", place_layers(shapes.items())),
            **{"weights": 4, "forward": 100, "back": 200, "hidden": 5, "speed": 0.0},
            designs=tuple((sampled or {}).get(name, [*DESIGNS])),
            analysed=(),
        )
        for name, shapes in recorded.items()
    }
    return Facts(settings, 10, 0, known)


def names(layers: list[Any]) -> list[str]:
    return [layer.name for layer in layers]


def test_facets_are_those_of_the_last_layer_with_positions() -> None:
    assert names(facet_layers(facts(), "net")) == ["two"]
    assert names(facet_layers(facts(BOTH), "flat")) == ["logits"]
    assert names(facet_layers(facts(layers=["logits", "one"]), "net")) == ["one", "logits"]
    assert facet_layers(facts(layers=[]), "net") == []


def test_every_network_has_those_of_the_named_layers_that_it_records() -> None:
    own = facts(BOTH, layers=["hidden", "two"], channels=["two"])
    assert names(facet_layers(own, "net")) == ["two"]
    assert names(facet_layers(own, "flat")) == ["hidden"]
    assert names(channel_layers(own, "net")) == ["two"]
    assert channel_layers(own, "flat") == []


def test_units_come_from_the_first_design_with_their_factor() -> None:
    units = {"factor": "rolling"}
    assert units_design(facts(units=units), "net") == "layout"
    assert units_design(facts(units={"factor": "content"}), "net") == "colour"
    assert units_design(facts(units={"factor": "content", "design": "layout"}), "net") == "layout"
    assert units_design(facts(), "net") is None
    assert names(unit_layers(facts(units=units), "net")) == ["one", "two"]
    assert names(unit_layers(facts(units=units | {"layers": ["logits"]}), "net")) == ["logits"]


def test_networks_without_such_a_design_have_no_units() -> None:
    own = facts(BOTH, {"net": ["colour"], "flat": ["layout"]}, units={"factor": "hue"})
    assert units_design(own, "net") == "colour"
    assert units_design(own, "flat") is None
    assert unit_layers(own, "flat") == []


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"layers": ["on"]}, r"featvis\.layers: 'on' is not known\. Nearest: one"),
        ({"channels": ["tow"]}, r"featvis\.channels: 'tow' is not known\. Nearest: two"),
        (
            {"units": {"factor": "huge"}},
            r"units\.factor: no network is sampled .* 'huge'\. Allowed: class, content, hue",
        ),
        (
            {"units": {"factor": "hue", "design": "layout"}},
            r"units\.factor: no network is sampled .* 'hue'",
        ),
        (
            {"units": {"factor": "hue", "design": "color"}},
            r"units\.design: 'color' is not known\. Nearest: colour",
        ),
        (
            {"units": {"factor": "hue", "layers": ["three"]}},
            r"units\.layers: 'three' is not known",
        ),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(made: dict[str, Any], said: str) -> None:
    own = facts(**made)
    with pytest.raises(ConfigError, match=said) as refused:
        [ask(own, "net") for ask in (facet_layers, channel_layers, unit_layers)]
    assert "\n" not in str(refused.value)


def test_units_need_a_layer_with_positions_unless_it_is_named() -> None:
    assert unit_layers(facts(BOTH, units={"factor": "hue"}), "flat") == []
    alone = facts({"flat": BOTH["flat"]}, units={"factor": "hue"})
    with pytest.raises(ConfigError, match=r"no network records .* positions.*: hidden, logits"):
        unit_layers(alone, "flat")


def test_pictures_are_counted() -> None:
    chosen = {"seeds": 3, "variants": 2, "facets": {"count": 5}, "channels": ["two"]}
    own = facts(units={"factor": "hue", "top": 4, "controls": 1}, **chosen)
    assert picture_count(own, "net") == 6 * (5 * 2 + 5 + 16)
    assert picture_count(facts(control=False, seeds=1), "net") == 8


def test_networks_that_are_left_out_take_nothing() -> None:
    assert pictured(facts(BOTH, networks=["net"])) == ["net"]
    planned = {(own.rule, own.network): own.jobs for own in work(facts(BOTH, networks=[]))}
    assert planned == {("judge_pictures", ""): 0}


def jobs(own: Facts) -> dict[tuple[str, str], int]:
    return {(made.rule, made.network): made.jobs for made in work(own) if made.jobs}


def test_figures_of_units_are_drawn_where_there_are_units() -> None:
    own = facts(BOTH, {"net": ["colour"], "flat": ["layout"]}, units={"factor": "hue"})
    assert ("plot_units", "net") in jobs(own)
    assert ("plot_units", "flat") not in jobs(own)
    assert not [rule for rule, _ in jobs(own) if rule == "plot_channels"]


def test_planned_passes_bytes_and_files_are_those_of_a_run(tmp_path: Path) -> None:
    files, network = digit_files(tmp_path)
    network |= {"layers": ["stage1", "stage2", "logits"]}
    featvis = {
        "images": 40,
        "facets": {"count": 3, "members": 3},
        "channels": ["stage2"],
        "search": {"iterations": 4},
        "kept": 3,
    }
    config: dict[str, Any] = {
        "study": "small",
        "dataset": {"kind": "digits"},
        "networks": {"one": {key: value for key, value in network.items() if key != "name"}},
        "designs": {"mixed": {"augmentations": ["hue"], "base_points": 16}},
        "featvis": featvis,
    }
    study = Study.load(config)
    beside = StudiesBeside(study)
    planned = {own.rule: own for own in work(study.facts)}
    opened, path = study.subject_settings("one"), tmp_path / "pictures.zarr"
    subject = open_subject(
        *(files.images, files.manifest, files.weights, opened),
        batch_size=16,
        device=torch.device("cpu"),
    )
    described = read_network(opened["network"][1])
    passes = 0

    def count(_module: Any, given: tuple[torch.Tensor]) -> None:
        nonlocal passes
        passes += len(given[0]) * (GRADIENT if given[0].requires_grad else 1)

    def random() -> Subject:
        drawn = randomised(subject, described, 0)
        drawn.network.module.register_forward_pre_hook(count)
        return drawn

    subject.network.module.register_forward_pre_hook(count)
    write_pictures(
        *(path, subject, Featvis.model_validate(beside.featvis_settings)),
        Places(**beside.featvis_places("one")),
        seed=0,
        random=random,
        indices=[],
        attributes={"network": "one"},
    )
    own = planned["visualise_features"]
    assert own.passes <= passes <= own.passes + 30  # looks at layers
    assert not (tmp_path / ".pictures.state").exists()
    held = [file for file in path.rglob("*") if file.is_file()]
    kept = sum(file.stat().st_size for file in held if file.name != "zarr.json")
    assert 0.4 * own.kept < kept < own.kept + 50_000
    assert 0.95 * own.files <= len(held) + 1 <= own.files  # a time stamp of Snakemake's
