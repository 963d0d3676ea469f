"""A study as its configuration describes it: what every rule needs to know beforehand."""

__all__ = ["Study"]

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actsense.data.settings import PublishedImages, most_by_partition, most_images
from actsense.errors import ConfigError
from actsense.layers import place_layers
from actsense.masking.plan import settings_in_force
from actsense.sampling.designs import Design
from actsense.sampling.plan import SampledDesign, build_design
from actsense.sampling.settings import DesignSettings
from actsense.sampling.sharding import Sharding
from actsense.sensitivity.plan import sampled_design
from actsense.study.configuration import check, filled
from actsense.study.settings import Settings
from actsense.work import Facts, NetworkFacts

# Every job reads the workflow before its script starts, and importing PyTorch would take longer
# than all the rest of that. Whoever needs it here imports it.
if TYPE_CHECKING:
    from actsense.networks.network import Network

Plain = dict[str, Any]

SURVEY = "ACTSENSE_SURVEY"  # environment variable in which jobs find what the run looked up
# Settings of a network that are not about the network, and of a design not about its samples.
NETWORK_ASIDE = ("base_points", "checkpoints", "designs", "images_per_second")
DESIGN_ASIDE = ("analyses", "shards")


@dataclass(frozen=True)
class Study:
    """A checked configuration.

    Attributes:
        settings: The configuration.
        plain: The same as plain values with every default filled in, what was given first.
    """

    settings: Settings
    plain: Plain

    @classmethod
    def load(cls, config: Mapping[str, Any]) -> "Study":
        """Check a configuration and fill in the defaults.

        Raises:
            ConfigError: With one line per mistake.
        """
        return cls(settings := check(config), filled(config, settings))

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.settings.study

    @property
    def results(self) -> Path:
        """Folder of its results, relative to the working directory."""
        return Path("results") / self.name

    @property
    def stores_activations(self) -> bool:
        """Whether activations are written to disk."""
        return self.settings.activations == "store"

    @property
    def store_megabytes(self) -> int:
        """Megabytes of activations that may be on disk at a time."""
        return int(self.settings.store_budget_gb * 1000)

    @cached_property
    def survey(self) -> Plain:
        """What files and models say, see `survey`; jobs inherit it from their run."""
        inherited = json.loads(os.environ.get(SURVEY, "{}"))
        if inherited.get("settings") == self._digest:
            return dict(inherited["survey"])
        from actsense.study.survey import survey

        return survey(self.settings)

    def looked_at_again(self) -> "Study":
        """Return the study with files as they are now, whatever the run looked up at its start."""
        from actsense.study.survey import survey

        anew = Study(self.settings, self.plain)
        anew.__dict__["survey"] = survey(self.settings)
        return anew

    def bequeath(self) -> None:
        """Let the jobs that this process starts inherit the survey."""
        os.environ[SURVEY] = json.dumps({"settings": self._digest, "survey": self.survey})

    @property
    def dataset(self) -> Plain:
        """The settings of the dataset, with the place that a finished cache of it was made from.

        Originals that are the same elsewhere make no other results.
        """
        place: Plain = self.survey["originals"]["place"]
        return {**self.plain["dataset"], **place}

    @property
    def originals(self) -> Plain:
        """What the originals of the images are known by, if anything: a param of their rule."""
        key = self.survey["originals"]["key"]
        return {"originals": key} if key else {}

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Every network with every design that samples it."""
        return [
            (network, design)
            for network in self.settings.networks
            for design in self.designs(network)
        ]

    def designs(self, network: str) -> list[str]:
        """Return the designs that sample a network, or that there are published values of."""
        own = self.settings.networks[network].designs
        named = [name for name in self.settings.designs if own is None or name in own]
        return [name for name in named if self.holds("indices", network, name)]

    @property
    def imported(self) -> bool:
        """Whether `actsense import` made the results: nothing is sampled, trained or shown."""
        return isinstance(self.settings.dataset, PublishedImages)

    def holds(self, kind: str, network: str, design: str) -> bool:
        """Tell whether there are results of a kind, or can be: all that a study makes itself.

        Arguments:
            kind: `indices`, `contrast`, `masking` or `segments`.
            network: Name of the network.
            design: Name of the design.
        """
        return not self.imported or kind in self.survey["held"][network][design]

    def analysed(self, network: str) -> list[str]:
        """Return the designs whose maps of a network are analysed further."""
        return [d for d in self.designs(network) if self.settings.designs[d].analyses]

    def compared(self, network: str, kind: str) -> list[str]:
        """Return those of them that there are results of a kind of, or will be; see `holds`."""
        return [name for name in self.analysed(network) if self.holds(kind, network, name)]

    def check_budget(self) -> None:
        """Refuse shards beyond the budget.

        Raises:
            ConfigError: With the smallest budget and the number of shards that would do.
        """
        for network, design in self.runs if self.stores_activations else ():
            self._check_shard(network, design)

    def check_kept_moments(self, results: Path) -> None:
        """Refuse moments that an earlier version kept one replicate a file.

        Arguments:
            results: Folder of the study's results.

        Raises:
            ConfigError: With the folder of the first such moments, and what to do.
        """
        for network, design in self.runs:
            folder = results / network / design / "moments"
            sharding = self.sharding(network, design)
            kept = [folder / f"{name}.zarr.zip" for name in sharding.kept]
            single = folder / "replicate_0.zarr.zip"
            if sharding.parts == 1 and single.exists() and not any(map(Path.exists, kept)):
                raise ConfigError(
                    f"{folder}: one file per replicate, as an earlier version wrote them or as "
                    f"another setting of shards did. This study keeps {kept[0].name} instead. "
                    f"Set designs.{design}.shards as it was, or delete that folder: it is "
                    "sampled again."
                )

    def kept_note(self) -> str:
        """Say how much `keep_activations` will leave on disk, or nothing if it leaves nothing."""
        if not (self.stores_activations and self.settings.keep_activations):
            return ""
        sizes = [(len(self.sharding(*names).shards), *names) for names in self.runs]
        files = sum(count for count, _, _ in sizes)
        most = sum(count * self.shard_megabytes(*names) for count, *names in sizes) / 1000
        return f"keep_activations: up to {most:.3g} GB of activations stay, in {files} files.\n"

    def networks_pattern(self, origin: str) -> str:
        """Return a regular expression for the networks whose weights have this origin.

        Arguments:
            origin: `trained`, `downloaded` or `imported`.
        """
        names = [name for name in self.settings.networks if self.origin(name) == origin]
        return "|".join(names) or "(?!)"

    def origin(self, network: str) -> str:
        """Return where a network's weights come from: `trained`, `downloaded` or `imported`."""
        return str(self.survey["origins"][network])

    def weights_settings(self, network: str) -> Plain:
        """Return the settings that decide a network's weights."""
        return self._network_settings(network, "layers", "layout", "outputs") | {"name": network}

    def training_settings(self, network: str) -> Plain:
        """Return the same, and what the teacher of a student is opened with."""
        own = self.weights_settings(network)
        return own | {"opened": self.subject_settings(own["teacher"])} if "teacher" in own else own

    def import_settings(self, network: str) -> Plain:
        """Return what decides them, and `inputs`, what files of the user's are known by."""
        key = self.survey["inputs"][network]
        return self.weights_settings(network) | ({"inputs": key} if key else {})

    def subject_settings(self, network: str) -> Plain:
        """Return the settings that decide what a network says of an image."""
        return {
            "network": [network, self._network_settings(network, "layers")],
            "seed": self.settings.seed,
            "precision": self.settings.precision,
        }

    def sampling_settings(self, network: str, design: str) -> Plain:
        """Return the settings that decide activations and moments."""
        described = self.design_settings(network, design)
        return {
            "network": [network, self._network_settings(network, "outputs")],
            "design": [design, {k: v for k, v in described.items() if k not in DESIGN_ASIDE}],
            "seed": self.settings.seed,
            "size": self.settings.dataset.image_size,
            "precision": self.settings.precision,
        }

    def masking_settings(self, network: str, design: str) -> Plain:
        """Return those, and what decides which predictions of a masked network are right."""
        settings = self.sampling_settings(network, design)
        return settings | {"network": [network, self._network_settings(network)]}

    def masks(self, network: str, design: str) -> Plain:
        """Return the section `masking` with defaults that a network and a design can afford."""
        stated: Plain = self.plain["masking"]
        return stated | settings_in_force(self.facts, network, design).plain()

    def provenance_settings(self, network: str, design: str, *sections: str) -> Plain:
        """Return the settings behind one result, to be kept inside it.

        Arguments:
            network: Name of the network.
            design: Name of the design.
            sections: Further sections of the configuration that decide this result.
        """
        kept = ["study", "seed", "dataset", *sections]
        kept += ["activations", "device", "precision", "batch_size"]
        aside = () if "masking" in sections else ("outputs",)  # activations do not know classes
        settings = {key: self.plain[key] for key in kept}
        if "masking" in sections:
            settings["masking"] = self.masks(network, design)
        return settings | {
            "dataset": self.dataset,
            "networks": {network: self._network_settings(network, *aside)},
            "designs": {design: self.design_settings(network, design)},
        }

    def seen_provenance(self, network: str, decided: Plain) -> Plain:
        """Return the settings behind what a network says of images as they are.

        Arguments:
            network: Name of the network.
            decided: Further sections of the configuration that decide this result.
        """
        kept = ("study", "seed", "dataset", "device", "precision", "batch_size")
        return {key: self.plain[key] for key in kept} | {
            "dataset": self.dataset,
            "networks": {network: self._network_settings(network, "layers")},
            **decided,
        }

    def design_settings(self, network: str, design: str) -> Plain:
        """Return the settings of a design for one network, which may have its own base points."""
        described = self.settings.designs[design].without_defaults(self.plain["designs"][design])
        own = self.settings.networks[network].base_points
        return described | {"base_points": own} if own else described

    @property
    def chosen_ranges(self) -> Plain:
        """Ranges of parameters that designs chose, `ranges` by design; nothing without any."""
        found = {name: own.chosen_ranges for name, own in self.settings.designs.items()}
        return (
            {"ranges": chosen} if (chosen := {n: own for n, own in found.items() if own}) else {}
        )

    def segments_settings(self, network: str, design: str) -> Plain:
        """Return the sampling settings of the segments, which have base points of their own."""
        settings = self.sampling_settings(network, design)
        name, described = settings["design"]
        points = self.settings.segments.base_points
        return settings | {"design": [name, described | {"base_points": points}]}

    def design(self, network: str, design: str) -> Design:
        """Build the design that a network is evaluated under."""
        described = DesignSettings(**self.design_settings(network, design))
        return build_design(design, described, seed=self.settings.seed)

    def units(self, network: str) -> int:
        """Return the number of recorded units of a network; its weights need not exist yet."""
        return self.facts.networks[network].units

    def maps(self, network: str) -> list[tuple[int, ...]]:
        """Return the shapes of the recorded layers that have positions: (channel, row, col)."""
        return self.facts.networks[network].maps

    def outline(self, network: str) -> "Network":
        """Build a network without weights."""
        from actsense.networks.network import outline_network

        return outline_network(
            network,
            self.settings.networks[network],
            classes=self.survey["classes"],
            image_size=self.settings.dataset.image_size,
        )

    def blocks(self, network: str, design: str) -> int:
        """Return the number of blocks in a replicate."""
        return self._sampled(network, design).design.blocks

    def sharding(self, network: str, design: str) -> Sharding:
        """Return how a design is cut into shards."""
        return self._sampled(network, design).sharding

    def shard_megabytes(self, network: str, design: str) -> int:
        """Return the most that one shard's activations can take on disk, megabytes."""
        return self._sampled(network, design).shard_megabytes

    @cached_property
    def facts(self) -> Facts:
        """What is known of the study before anything is run."""
        found, networks = self.survey, self.settings.networks
        return Facts(
            settings=self.settings,
            classes=found["classes"],
            missing=len(found["missing"]),
            most_images=most_images(self.settings.dataset, found["classes"]),
            most=most_by_partition(self.settings.dataset, found["classes"]),
            networks={
                name: NetworkFacts(
                    origin=self.origin(name),
                    layers=tuple(place_layers(found["layers"][name])),
                    **found["peaks"][name],
                    hidden=found["hidden"][name],
                    speed=settings.images_per_second or found["speeds"][name],
                    designs=tuple(self.designs(name)),
                    analysed=tuple(self.analysed(name)),
                    listed=found["units"].get(name),
                )
                for name, settings in networks.items()
            },
        )

    @property
    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.plain, sort_keys=True).encode()).hexdigest()

    def _sampled(self, network: str, design: str) -> SampledDesign:
        return sampled_design(self.facts, network, design)

    def _network_settings(self, network: str, *aside: str) -> Plain:
        """Return a network's settings without those that do not change what it computes."""
        settings = self.plain["networks"][network]
        return {k: v for k, v in settings.items() if k not in (*NETWORK_ASIDE, *aside)}

    def _check_shard(self, network: str, design: str) -> None:
        sampled = self._sampled(network, design)
        needed, blocks = sampled.shard_megabytes, sampled.design.blocks
        if needed <= self.store_megabytes:
            return
        advice, smallest = f"Raise it to {needed / 1000:.3f}", sampled.megabytes(1)
        if fitting := sampled.blocks_within(self.store_megabytes):
            advice += f", or set designs.{design}.shards: {ceil(blocks / fitting)}"
        elif smallest < needed:
            advice += f" (or to {smallest / 1000:.3f} and designs.{design}.shards: {blocks})"
        raise ConfigError(
            f"store_budget_gb: {self.settings.store_budget_gb} is too small for one shard of "
            f"{network} under {design}, up to {needed / 1000:.3f} GB. {advice}, or choose "
            "`activations: stream`."
        )
