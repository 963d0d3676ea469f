"""Which networks, layers and states are looked at, and what is refused before anything runs."""

from types import SimpleNamespace
from typing import Any

import pytest

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.invariance.choices import (
    bias_pair,
    chosen_augmentations,
    chosen_layers,
    demo_layers,
    factor_layers,
    judge,
    judge_layers,
    state_layers,
)
from actsense.invariance.settings import Invariance
from actsense.layers import Layer, place_layers
from actsense.networks.settings import Trained
from actsense.work import Facts, NetworkFacts

NET = {
    "one": (4, 8, 8),
    "two": (8, 4, 4),
    "hidden": (16,),
    "logits": (10,),
    "probabilities": (10,),
}
FLAT = {"hidden": (16,), "last": (12,)}
NETWORKS = {"net": NET, "flat": FLAT, "seer": {"early": (4, 9, 9), "late": (6,)}}
AUGMENTED = {"colour": ["hue", "contrast"], "more": ["hue", "rolling"]}


def facts(**invariance: Any) -> Facts:
    """Return what is known of a study of three networks."""
    trained = Trained(kind="trained", epochs=4, checkpoints=[0, 2])
    designs = {name: SimpleNamespace(augmentations=own) for name, own in AUGMENTED.items()}
    settings = SimpleNamespace(
        invariance=Invariance.model_validate({"networks": ["net", "flat"]} | invariance),
        networks=dict.fromkeys(NETWORKS, trained),
        designs=designs,
    )
    sizes = {"weights": 4, "forward": 100, "back": 200, "hidden": 5, "speed": 0.0}
    known = {
        name: NetworkFacts("trained", place_layers(own.items()), **sizes, designs=(), analysed=())
        for name, own in NETWORKS.items()
    }
    return Facts(settings, 10, 0, known)


def names(layers: list[Layer]) -> list[str]:
    return [layer.name for layer in layers]


def test_by_default_map_vector_and_output_are_looked_at() -> None:
    assert names(chosen_layers(facts(), "net")) == ["two", "hidden", "probabilities"]
    assert names(chosen_layers(facts(), "flat")) == ["last"]


def test_named_layers_are_those_that_a_network_has_in_its_order() -> None:
    own = facts(layers=["hidden", "one"])
    assert names(chosen_layers(own, "net")) == ["one", "hidden"]
    assert names(chosen_layers(own, "flat")) == ["hidden"]


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (["hiden"], "invariance.layers: 'hiden' is not known. Nearest: hidden"),
        (["one"], "none of one is recorded of flat. Allowed: hidden, last; or leave flat out"),
        (["early"], "'early' is not known"),  # of a network that is not looked at
    ],
)
def test_layers_that_a_network_lacks_are_refused(layers: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        chosen_layers(facts(layers=layers), "flat")


def test_the_judge_is_another_network() -> None:
    assert judge(facts()) == "seer"
    assert judge(facts(networks=["seer"])) == "net"
    assert judge(facts(networks=[*NETWORKS])) is None
    assert judge(facts(perceptual=None)) is None
    assert judge(facts(networks=[])) is None
    assert names(judge_layers(facts())) == ["early"]
    assert names(judge_layers(facts(networks=["seer"], perceptual="flat"))) == ["hidden", "last"]
    with pytest.raises(
        ConfigError, match=r"net is looked at itself.* Allowed: seer, auto, or emp"
    ):
        judge(facts(perceptual="net"))
    with pytest.raises(ConfigError, match=r"'sear' is not known. Nearest: seer"):
        judge(facts(perceptual="sear"))


def test_demos_are_of_named_layers_or_of_the_last() -> None:
    assert names(demo_layers(facts(), "net")) == ["probabilities"]
    own = facts(demos={"layers": ["hidden", "two"]})
    assert names(demo_layers(own, "net")) == ["two", "hidden"]
    assert names(demo_layers(own, "flat")) == ["last"]
    with pytest.raises(ConfigError, match=r"invariance.demos.layers: 'one' is not known"):
        demo_layers(facts(demos={"layers": ["one"]}), "net")


def test_two_networks_are_compared_in_layers_that_both_have() -> None:
    assert bias_pair(facts()) == ([], [])
    own = facts(layers=["hidden", "two"], demos={"layers": ["hidden", "two"]})
    assert (bias_pair(own)[0], names(bias_pair(own)[1])) == (["net", "flat"], ["hidden"])
    assert bias_pair(facts(networks=["net"])) == ([], [])
    with pytest.raises(ConfigError, match="no layer of net is one of flat"):
        bias_pair(facts(demos={"bias": ["net", "flat"]}))


def test_states_are_followed_where_concepts_are() -> None:
    assert [*state_layers(facts(), "net")] == ["trained", "random"]
    assert [*state_layers(facts(random=False), "net")] == ["trained"]
    followed = state_layers(facts(factors={"layers": ["two", "hidden"]}), "net")
    assert {state: names(layers) for state, layers in followed.items()} == {
        "trained": ["two", "hidden", "probabilities"],
        "random": ["two", "hidden", "probabilities"],
        "epoch_0": ["hidden"],
        "epoch_2": ["hidden"],
    }
    assert [*state_layers(facts(factors={"training": False}), "net")] == ["trained", "random"]
    assert factor_layers(facts(), "net") == []


def test_augmentations_are_those_of_all_designs() -> None:
    assert chosen_augmentations(facts()) == ["hue", "contrast", "rolling"]
    assert chosen_augmentations(facts(augmentations=["rolling"])) == ["rolling"]
    with pytest.raises(ConfigError, match=r"invariance.augmentations: 'huge' is not known"):
        chosen_augmentations(facts(augmentations=["huge"]))


@pytest.mark.parametrize(
    ("settings", "side", "told"),
    [
        ({}, 16, "images of 16 pixels. Allowed: 32 to 256 pixels"),
        ({}, 299, "images of 299 pixels"),
        ({"architecture": "published", "latent": 128}, 96, "96 pixels. Allowed: 32, 64, 128, 256"),
        ({"architecture": "published"}, 128, "64 numbers are too few .* Allowed: 102 or more"),
    ],
)
def test_images_without_an_autoencoder_are_refused(
    settings: dict[str, Any], side: int, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        AutoencoderSettings.model_validate(settings).check_side(side)
