"""Of which networks and layers invariances are looked at, and in which states.

Needs no torch, so that a study can be planned without it.
"""

__all__ = [
    "RANDOM",
    "TRAINED",
    "bias_pair",
    "chosen_augmentations",
    "chosen_layers",
    "demo_layers",
    "epoch_state",
    "examined",
    "factor_layers",
    "judge",
    "judge_layers",
    "state_layers",
]

from collections.abc import Sequence

from actsense.errors import ConfigError, choose
from actsense.invariance.settings import Invariance
from actsense.layers import Layer
from actsense.networks.settings import checkpoint_epochs
from actsense.work import Facts

TRAINED, RANDOM = "trained", "random"
OUTPUTS = ("logits", "probabilities")


def examined(facts: Facts) -> list[str]:
    """Name the networks that are looked at."""
    return list(facts.settings.invariance.networks)


def judge(facts: Facts) -> str | None:
    """Name the network behind the perceptual term and the quality of samples; None without any.

    Raises:
        ConfigError: If the one that is named is looked at itself, or unknown.
    """
    settings: Invariance = facts.settings.invariance
    others = [name for name in facts.networks if name not in settings.networks]
    if settings.perceptual is None or not settings.networks:
        return None
    if settings.perceptual == "auto":
        return next(iter(others), None)
    if settings.perceptual in settings.networks:
        raise ConfigError(
            f"invariance.perceptual: {settings.perceptual} is looked at itself, and images would "
            f"be made to please it. Allowed: {', '.join(others) or 'no network of the study'}, "
            "auto, or empty."
        )
    return choose("invariance.perceptual", settings.perceptual, others)


def judge_layers(facts: Facts) -> list[Layer]:
    """Return the layers of the judge that see images: those with positions, or else all."""
    layers = facts.networks[name].layers if (name := judge(facts)) else ()
    return [layer for layer in layers if layer.is_map] or list(layers)


def chosen_layers(facts: Facts, network: str) -> list[Layer]:
    """Return the layers of a network that are looked at, in its order, one at least.

    Raises:
        ConfigError: If one that is named is recorded by none of the networks, or none by this one.
    """
    settings: Invariance = facts.settings.invariance
    layers = facts.networks[network].layers
    if settings.layers != "auto":
        return _recorded(facts, network, settings.layers)
    maps = [layer for layer in layers if layer.is_map]
    vectors = [layer for layer in layers if not layer.is_map and layer.name not in OUTPUTS]
    outputs = [layer for layer in layers if layer.name in OUTPUTS]
    kept = {group[-1].name for group in (maps, vectors, outputs) if group}
    return [layer for layer in layers if layer.name in kept]


def demo_layers(facts: Facts, network: str) -> list[Layer]:
    """Return the layers of a network whose demos are drawn: the last where it has none of them.

    Raises:
        ConfigError: If one that is named is not looked at in any network.
    """
    settings: Invariance = facts.settings.invariance
    chosen, named = chosen_layers(facts, network), settings.demos.layers
    if named is None:
        return chosen[-1:]
    return _among(facts, "demos.layers", named, chosen) or chosen[-1:]


def bias_pair(facts: Facts) -> tuple[list[str], list[Layer]]:
    """Return two networks whose samples are compared, and their layers; of one network, nothing.

    Raises:
        ConfigError: If one that is named is not looked at, both are the same, or they share no
            layer.
    """
    settings: Invariance = facts.settings.invariance
    named = settings.demos.bias
    pair = list(settings.networks[:2] if named is None else named)
    for name in named or ():
        choose("invariance.demos.bias", name, settings.networks)
    if len(set(pair)) < 2:
        return [], []
    own, other = (demo_layers(facts, name) for name in pair)
    shared = [layer for layer in own if layer.name in {one.name for one in other}]
    if named is not None and not shared:
        told = f"no layer of {pair[0]} is one of {pair[1]}"
        raise ConfigError(f"invariance.demos.bias: {told}. Name some: invariance.demos.layers.")
    return (pair, shared) if shared else ([], [])


def factor_layers(facts: Facts, network: str) -> list[Layer]:
    """Return the layers of a network whose share of every concept is told; none without concepts.

    Raises:
        ConfigError: If one that is named is not looked at in any network.
    """
    settings: Invariance = facts.settings.invariance
    chosen = chosen_layers(facts, network)
    if settings.factors is None:
        return []
    if settings.factors.layers is None:
        return chosen
    return _among(facts, "factors.layers", settings.factors.layers, chosen)


def epoch_state(epoch: int) -> str:
    """Name the state of a network after an epoch of its training."""
    return f"epoch_{epoch}"


def state_layers(facts: Facts, network: str) -> dict[str, list[Layer]]:
    """Return the states in which a network is looked at, each with its layers.

    They are `trained`, `random`, and `epoch_0` and so on, where concepts are followed.
    """
    settings: Invariance = facts.settings.invariance
    chosen = chosen_layers(facts, network)
    found = {TRAINED: chosen} | ({RANDOM: chosen} if settings.random else {})
    followed = factor_layers(facts, network)[-1:]
    if settings.factors is not None and settings.factors.training and followed:
        epochs = checkpoint_epochs(facts.settings.networks[network])
        found |= {epoch_state(epoch): followed for epoch in epochs}
    return found


def chosen_augmentations(facts: Facts) -> list[str]:
    """Return the augmentations that samples are compared with.

    Raises:
        ConfigError: If one that is named is in no design.
    """
    designs = facts.settings.designs.values()
    known = list(dict.fromkeys(own for design in designs for own in design.augmentations))
    named = facts.settings.invariance.augmentations
    for name in named or ():
        choose("invariance.augmentations", name, known)
    return known if named is None else list(named)


def _among(facts: Facts, key: str, named: Sequence[str], chosen: Sequence[Layer]) -> list[Layer]:
    """Return those of some layers that are named; every name is looked at in some network."""
    known = {layer.name for name in examined(facts) for layer in chosen_layers(facts, name)}
    for name in named:
        choose(f"invariance.{key}", name, known)
    return [layer for layer in chosen if layer.name in named]


def _recorded(facts: Facts, network: str, named: Sequence[str]) -> list[Layer]:
    """Return those of some layers that a network records; of several networks, each its own."""
    layers = facts.networks[network].layers
    for name in named:
        known = {layer.name for own in examined(facts) for layer in facts.networks[own].layers}
        choose("invariance.layers", name, known)
    found = [layer for layer in layers if layer.name in named]
    if not found:
        raise ConfigError(
            f"invariance.layers: none of {', '.join(named)} is recorded of {network}. Allowed: "
            f"{', '.join(layer.name for layer in layers)}; or leave {network} out of "
            "invariance.networks."
        )
    return found
