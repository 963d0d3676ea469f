"""What a configuration says of the studies beside the indices."""

__all__ = ["StudiesBeside"]

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from actsense.featvis.plan import (
    channel_layers,
    facet_layers,
    pictured,
    unit_layers,
    units_design,
)
from actsense.invariance.choices import (
    RANDOM,
    TRAINED,
    bias_pair,
    chosen_augmentations,
    demo_layers,
    examined,
    judge,
    judge_layers,
    state_layers,
)
from actsense.invariance.factors.plan import (
    check_concepts,
    concepts_file,
    factor_places,
    followed,
    over_training,
)
from actsense.layers import Layer
from actsense.patterns.plan import chosen_grid, chosen_layers, looked_at
from actsense.study.study import Study

Plain = dict[str, Any]


@dataclass(frozen=True)
class StudiesBeside:
    """The studies beside the indices, of one configuration.

    Attributes:
        study: The configuration.
    """

    study: Study

    def check(self) -> None:
        """Refuse networks, layers, designs and factors that the configuration does not have.

        Raises:
            ConfigError: With those that it has.
        """
        if self.patterned:
            chosen_grid(self.study.facts)
        for network in self.pictured:
            self.featvis_places(network)
        for network in self.examined:
            self.invariance_places(network)
            self.demo_layers(network)
        if self.examined:
            self._check_invariance()

    def _check_invariance(self) -> None:
        settings = self.study.settings
        settings.invariance.autoencoder.check_side(settings.dataset.image_size)
        judge(self.study.facts)
        bias_pair(self.study.facts)
        chosen_augmentations(self.study.facts)
        check_concepts(self.study.facts)

    def spatial_settings(self, section: str) -> Plain:
        """Return the part of `spatial` that decides what is evaluated, not how it is compared."""
        settings = self.study.plain["spatial"][section]
        return {k: v for k, v in settings.items() if k != "bootstrap"}

    def spatial_provenance(self, network: str, section: str) -> Plain:
        """Return the settings behind one result of the spatial study.

        Arguments:
            network: Name of the network.
            section: The part of `spatial` that decides this result.
        """
        decided = {"spatial": {section: self.spatial_settings(section)}}
        return self.study.seen_provenance(network, decided)

    @property
    def patterned(self) -> list[str]:
        """The networks whose visual patterns are looked at."""
        return looked_at(self.study.facts)

    def patterns_places(self, network: str) -> Plain:
        """Return the `layers` that are looked at of a network, and the `grid` of their maps."""
        layers = _names(chosen_layers(self.study.facts, network))
        return {"layers": layers, "grid": list(chosen_grid(self.study.facts))}

    def patterns_settings(self, *keys: str) -> Plain:
        """Return some settings of `patterns`."""
        return {key: self.study.plain["patterns"][key] for key in keys}

    def patterns_provenance(self, network: str, *keys: str) -> Plain:
        """Return the settings behind one result of the patterns study.

        Arguments:
            network: Name of the network.
            keys: Those of `patterns` that decide this result.
        """
        return self.study.seen_provenance(network, {"patterns": self.patterns_settings(*keys)})

    @property
    def pictured(self) -> list[str]:
        """The networks that pictures are made of."""
        return pictured(self.study.facts)

    def featvis_places(self, network: str) -> Plain:
        """Return the layers of a network whose facets, units and channels are drawn."""
        facts = self.study.facts
        return {
            "facets": _names(facet_layers(facts, network)),
            "units": _names(unit_layers(facts, network)),
            "channels": _names(channel_layers(facts, network)),
        }

    @property
    def depths(self) -> dict[str, list[str]]:
        """Layers that stand for the depth of every network: those with positions, if any are."""
        found = {name: self.study.facts.networks[name].layers for name in self.pictured}
        return {
            name: _names([layer for layer in layers if layer.is_map] or list(layers))
            for name, layers in found.items()
        }

    def units_design(self, network: str) -> str | None:
        """Return the design whose indices choose the units that are drawn; None without any."""
        return units_design(self.study.facts, network)

    @property
    def featvis_settings(self) -> Plain:
        """The settings of `featvis` that decide pictures."""
        settings = self.study.plain["featvis"]
        return {k: v for k, v in settings.items() if k not in ("networks", "bootstrap")}

    def featvis_provenance(self, network: str) -> Plain:
        """Return the settings behind the pictures of a network."""
        return self.study.seen_provenance(network, {"featvis": self.featvis_settings})

    @property
    def examined(self) -> list[str]:
        """The networks whose invariances are looked at."""
        return examined(self.study.facts)

    @property
    def judge(self) -> str | None:
        """The network that judges images of the autoencoder and of samples; None without any."""
        return judge(self.study.facts)

    @property
    def judge_layers(self) -> list[str]:
        """Layers of the judge that see images."""
        return _names(judge_layers(self.study.facts))

    def invariance_places(self, network: str) -> dict[str, list[str]]:
        """Return the states in which a network is looked at, each with its layers."""
        found = state_layers(self.study.facts, network)
        return {state: _names(layers) for state, layers in found.items()}

    def measured_places(self, network: str) -> dict[str, list[str]]:
        """Return the states of a network whose samples are compared, each with its layers."""
        found = self.invariance_places(network)
        return {state: found[state] for state in (TRAINED, RANDOM) if state in found}

    def sampled_places(self, networks: Iterable[str]) -> list[dict[str, str]]:
        """Return every `network`, `state` and `layer` whose samples are compared, in order."""
        return [
            {"network": network, "state": state, "layer": layer}
            for network in networks
            for state, layers in self.measured_places(network).items()
            for layer in layers
        ]

    @property
    def bias(self) -> dict[str, list[str]]:
        """Two `networks` whose samples are compared, and the `layers` of both; or none."""
        networks, layers = bias_pair(self.study.facts)
        return {"networks": networks, "layers": _names(layers)}

    def demo_layers(self, network: str) -> list[str]:
        """Return the layers of a network whose demos are drawn."""
        return _names(demo_layers(self.study.facts, network))

    @property
    def compared_augmentations(self) -> list[str]:
        """The augmentations that samples are compared with."""
        return chosen_augmentations(self.study.facts)

    def invariance_settings(self, *keys: str) -> Plain:
        """Return some settings of `invariance`."""
        return {key: self.study.plain["invariance"][key] for key in keys}

    def invariance_provenance(self, network: str, *keys: str) -> Plain:
        """Return the settings behind one result of the invariances of a network.

        Arguments:
            network: Name of the network.
            keys: Those of `invariance` that decide this result.
        """
        return self.study.seen_provenance(network, {"invariance": self.invariance_settings(*keys)})

    @property
    def conceptual(self) -> list[str]:
        """The networks whose share of every concept is told."""
        return followed(self.study.facts)

    @property
    def concepts_over_training(self) -> bool:
        """Whether one of them is followed over its checkpoints."""
        return over_training(self.study.facts)

    @property
    def concepts_file(self) -> str | None:
        """The file that concepts are read from, or None."""
        return concepts_file(self.study.facts)

    def factor_places(self, network: str) -> list[Plain]:
        """Return every `state`, `layer` and `epoch` that concepts are looked for in."""
        names = "state", "layer", "epoch"
        places = factor_places(self.study.facts, network)
        return [dict(zip(names, place, strict=True)) for place in places]

    @property
    def factor_settings(self) -> Plain:
        """The settings that decide how latents are split into concepts."""
        settings = self.study.plain["invariance"]["factors"] or {}
        return {k: v for k, v in settings.items() if k not in ("layers", "training")}

    @property
    def factor_provenance(self) -> Plain:
        """The settings behind the concepts of the study."""
        known = self.autoencoder_provenance
        return known | {"invariance": known["invariance"] | {"factors": self.factor_settings}}

    def explained_provenance(self, network: str) -> Plain:
        """Return the settings behind what layers of a network keep of concepts."""
        keys = "images", "validation", "autoencoder", "flow", "anchors", "samples"
        decided = self.invariance_settings(*keys) | {"factors": self.factor_settings}
        return self.study.seen_provenance(network, {"invariance": decided})

    @property
    def autoencoder_provenance(self) -> Plain:
        """The settings behind the autoencoder of the study."""
        decided = self.invariance_settings("images", "validation", "autoencoder")
        kept = ("study", "seed", "dataset", "device", "precision", "batch_size")
        plain = self.study.plain
        settings = {key: plain[key] for key in kept} | {"dataset": self.study.dataset}
        judged = {"networks": {name: plain["networks"][name]}} if (name := self.judge) else {}
        return settings | judged | {"invariance": decided}


def _names(layers: list[Layer]) -> list[str]:
    return [layer.name for layer in layers]
