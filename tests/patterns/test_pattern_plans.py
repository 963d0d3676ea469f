"""Which networks and layers are looked at, what is refused, and what is planned."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from opened import digit_files

from actsense.errors import ConfigError
from actsense.features.attacked import write_attack
from actsense.features.images import choose_images
from actsense.features.record import record_features
from actsense.features.settings import Attack
from actsense.features.states import list_states
from actsense.layers import place_layers
from actsense.networks.opening import open_subject
from actsense.networks.subject import Subject
from actsense.patterns.plan import chosen_grid, chosen_layers, looked_at, work
from actsense.patterns.settings import Patterns
from actsense.study.beside import StudiesBeside
from actsense.study.study import Study
from actsense.work import GRADIENT, Facts, NetworkFacts

MAPS = {"stem": (8, 32, 32), "one": (8, 16, 16), "two": (8, 16, 9), "three": (16, 8, 8)}
MORE = MAPS | {"four": (16, 4, 4), "pooled": (16, 1, 1), "logits": (10,)}
FEW = {"one": (8, 20, 20), "logits": (10,)}


def facts(recorded: dict[str, Any] | None = None, **patterns: Any) -> Facts:
    """Return what is known of a study of networks that record such layers."""
    recorded = recorded or {"net": MORE}
    settings = SimpleNamespace(
        patterns=Patterns(**patterns),
        networks=dict.fromkeys(recorded),
        dataset=SimpleNamespace(image_size=32),
        batch_size=16,
        device="cpu",
    )
    known = {
        name: NetworkFacts(
            *("imported", place_layers(shapes.items())),
            **{"weights": 4, "forward": 100, "back": 200, "hidden": 5, "speed": 0.0},
            designs=(),
            analysed=(),
        )
        for name, shapes in recorded.items()
    }
    return Facts(settings, 10, 0, known)


def names(own: Facts) -> list[str]:
    return [layer.name for layer in chosen_layers(own, "net")]


def test_four_layers_over_the_depth_are_taken() -> None:
    assert names(facts()) == ["stem", "one", "three", "four"]
    assert names(facts({"net": FEW})) == ["one"]
    assert names(facts({"net": MAPS})) == [*MAPS]


def test_layers_that_are_named_come_in_the_order_of_the_network() -> None:
    assert names(facts(layers=["three", "stem"])) == ["stem", "three"]


@pytest.mark.parametrize(
    ("made", "grid"),
    [
        ({}, (4, 4)),
        ({"layers": ["stem"]}, (14, 14)),
        ({"layers": ["two"]}, (14, 9)),
        ({"layers": ["two", "three"]}, (8, 8)),
        ({"grid": 3}, (3, 3)),
    ],
)
def test_the_grid_is_that_of_the_smallest_map(made: dict[str, Any], grid: tuple[int, int]) -> None:
    assert chosen_grid(facts(**made)) == grid


def test_all_networks_have_the_same_grid() -> None:
    both = {"net": MORE, "coarse": {"one": (8, 3, 2)}}
    assert chosen_grid(facts(both)) == (3, 2)
    with pytest.raises(ConfigError, match="3 is more than the 3x2 places of layer 'one'"):
        chosen_grid(facts(both, grid=3))


def test_networks_without_positions_are_left_out_unless_they_are_named() -> None:
    both = {"net": MORE, "flat": {"logits": (10,)}}
    assert looked_at(facts(both)) == ["net"]
    assert looked_at(facts(both, networks=["net"])) == ["net"]
    assert looked_at(facts(both, networks=[])) == []
    with pytest.raises(ConfigError, match=r"flat records no layer with positions \(logits\)"):
        looked_at(facts(both, networks=["flat"]))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"layers": ["logits"]}, r"layers: 'logits' of net has no positions\. Allowed: stem, one"),
        ({"layers": ["pooled"]}, r"layers: 'pooled' of net has no positions"),
        ({"layers": ["thre"]}, r"patterns\.layers: 'thre' is not known\. Nearest: three"),
        ({"grid": 5}, r"grid: 5 is more than the 4x4 places of layer 'four' of net.* 1 to 4"),
    ],
)
def test_what_has_no_positions_is_refused_in_one_line(made: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        chosen_grid(facts(**made))
    assert "\n" not in str(refused.value)


class Counting:
    """Counts the images that pass a network, a way back as two."""

    def __init__(self, subject: Subject) -> None:
        self.passes = 0
        subject.network.module.register_forward_hook(self._pass)

    def _pass(self, _module: Any, given: tuple[torch.Tensor], _output: Any) -> None:
        self.passes += len(given[0]) * (GRADIENT if given[0].requires_grad else 1)


def test_planned_passes_bytes_and_files_are_those_of_a_run(tmp_path: Path) -> None:
    files, network = digit_files(tmp_path)
    network |= {"layers": ["stage1", "stage2", "logits"]}
    patterns = {"images": 40, "classes": 4, "attack": {"steps": 3, "recorded": 2}}
    config: dict[str, Any] = {
        "study": "small",
        "dataset": {"kind": "digits"},
        "networks": {"one": {key: value for key, value in network.items() if key != "name"}},
        "designs": {"mixed": {"augmentations": ["hue"], "base_points": 16}},
        "patterns": patterns,
    }
    study = Study.load(config)
    planned = {own.rule: own for own in work(study.facts)}
    opened = study.subject_settings("one")
    subject = open_subject(
        *(files.images, files.manifest, files.weights, opened),
        batch_size=16,
        device=torch.device("cpu"),
    )
    settings, stores = Patterns(**patterns), {n: tmp_path / f"{n}.zarr" for n in ("a", "f")}
    chosen = choose_images(subject, images=40, classes=4)
    counted = Counting(subject)
    made: dict[str, Any] = {"seed": 0, "attributes": {}}
    write_attack(subject, chosen, settings.attack, stores["a"], **made)
    attacking = counted.passes
    states = list_states(subject, opened, {}, stores["a"], random=True)
    drawn = [state for state in states if state.kind == "random"]
    assert len(drawn) == 1
    places: dict[str, Any] = StudiesBeside(study).patterns_places("one")
    record_features(subject, states, stores["a"], stores["f"], **places, attributes={})
    recording = counted.passes - attacking
    assert attacking == planned["attack_images"].passes - 4 * 40  # of classes that are not known
    assert 40 * (len(states) - 1) <= recording <= planned["record_features"].passes
    for rule, path in zip(("attack_images", "record_features"), stores.values(), strict=True):
        held = [file for file in path.rglob("*") if file.is_file()]
        kept = sum(file.stat().st_size for file in held if file.name != "zarr.json")
        assert 0.5 * planned[rule].kept < kept < planned[rule].kept + 20_000
        assert len(held) + 1 == planned[rule].files  # a time stamp of Snakemake's


def test_attacks_are_as_strong_as_stated_or_as_usual() -> None:
    assert Attack().radius(32) == 8 / 255
    assert Attack(norm="l2").radius(32) == 0.5
    assert Attack(epsilon=0.25).radius(32) == 0.25
    assert Attack(steps=10).pace(32) == pytest.approx(2 / 255)
    assert Attack(step=0.5).pace(32) == 0.5
    np.testing.assert_allclose(Attack(norm="l2", steps=5).pace(64), 0.5)
