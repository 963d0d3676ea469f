"""A study as its configuration describes it: what every rule needs to know beforehand."""

__all__ = ["Study"]

from ast import literal_eval
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any

from actsense.augment import AUGMENTATIONS
from actsense.config import check, read_schema
from actsense.data import count_classes
from actsense.errors import ConfigError
from actsense.models import outline_network
from actsense.models.layers import lay_out
from actsense.sampling.designs import Design
from actsense.sampling.shards import build_design

Settings = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A checked configuration.

    Attributes:
        settings: The configuration with every default filled in.
    """

    settings: Settings

    @classmethod
    def load(cls, config: Mapping[str, Any], schema: Path) -> "Study":
        """Check a configuration and fill in the defaults.

        Raises:
            ConfigError: With one line per mistake.
        """
        return cls(check(config, read_schema(schema), augmentations=list(AUGMENTATIONS)))

    @property
    def name(self) -> str:
        """Name of the study."""
        return str(self.settings["study"])

    @property
    def stores_activations(self) -> bool:
        """Whether activations are written to disk."""
        return bool(self.settings["activations"] == "store")

    @property
    def store_megabytes(self) -> int:
        """Megabytes of activations that may be on disk at a time."""
        return int(self.settings["store_budget_gb"] * 1000)

    def check_networks(self) -> None:
        """Refuse unknown models and layers, and shards beyond the budget.

        Raises:
            ConfigError: Naming the setting and what is allowed.
        """
        for network in self.settings["networks"]:
            self._units(network)
            for design in self.settings["designs"] if self.stores_activations else ():
                self._check_budget(network, design)

    def networks_pattern(self, origin: str) -> str:
        """Return a regular expression for the networks whose weights have this origin.

        Arguments:
            origin: `trained`, `downloaded` or `imported`.
        """
        names = [n for n, s in self.settings["networks"].items() if _origin(s) == origin]
        return "|".join(names) or "(?!)"

    def weights_settings(self, network: str) -> Settings:
        """Return the settings that decide a network's weights."""
        settings = self.settings["networks"][network]
        return {k: v for k, v in settings.items() if k != "layers"} | {"name": network}

    def sampling_settings(self, network: str, design: str) -> Settings:
        """Return the settings that decide activations and moments."""
        described = self.settings["designs"][design]
        return {
            "network": [network, self.settings["networks"][network]],
            "design": [design, {k: v for k, v in described.items() if k != "shards"}],
            "seed": self.settings["seed"],
            "size": self.settings["dataset"]["image_size"],
        }

    def provenance_settings(self, network: str, design: str) -> Settings:
        """Return the settings behind one result, to be kept inside it."""
        kept = ("study", "seed", "dataset", "contrast", "activations", "batch_size", "device")
        return {key: self.settings[key] for key in kept} | {
            "networks": {network: self.settings["networks"][network]},
            "designs": {design: self.settings["designs"][design]},
        }

    def blocks(self, design: str) -> int:
        """Return the number of blocks in a replicate."""
        return self._design(design).blocks

    def shard_blocks(self, design: str, shard: int) -> list[int]:
        """Return first block and end of a shard: shards differ by one block at most."""
        blocks, shards = self.blocks(design), self.settings["designs"][design]["shards"]
        return [blocks * shard // shards, blocks * (shard + 1) // shards]

    def shard_megabytes(self, network: str, design: str) -> int:
        """Return the most that one shard's activations can take on disk, megabytes."""
        built = self._design(design)
        blocks = ceil(built.blocks / self.settings["designs"][design]["shards"])
        rows: int = blocks * built.points_per_block * built.nodes
        return ceil(rows * self._units(network) * 4 / 1e6) + 1

    def _check_budget(self, network: str, design: str) -> None:
        needed = self.shard_megabytes(network, design)
        if needed > self.store_megabytes:
            blocks, shards = self.blocks(design), self.settings["designs"][design]["shards"]
            fitting = min(blocks, ceil(shards * needed / self.store_megabytes))
            raise ConfigError(
                f"store_budget_gb: {self.settings['store_budget_gb']} is too small for one shard "
                f"of {network} under {design}, up to {needed / 1000:.3f} GB. Raise it to "
                f"{needed / 1000:.3f}, or set designs.{design}.shards: {fitting}, "
                "or choose `activations: stream`."
            )

    def _design(self, name: str) -> Design:
        size = self.settings["dataset"]["image_size"]
        return build_design(
            name, self.settings["designs"][name], size=size, seed=self.settings["seed"]
        )

    def _units(self, network: str) -> int:
        """Count the recorded units of a network; its weights need not exist yet."""
        settings, dataset = self.settings["networks"][network], self.settings["dataset"]
        return _units(network, repr(settings), repr(dataset))


@lru_cache
def _units(network: str, settings: str, dataset: str) -> int:
    """Count once per process; the settings travel as text, because a key must be hashable."""
    described, images = literal_eval(settings), literal_eval(dataset)
    outline = outline_network(
        network, described, classes=count_classes(images), image_size=images["image_size"]
    )
    return lay_out(outline, described["layers"], images["image_size"])[-1].stop


def _origin(settings: Mapping[str, Any]) -> str:
    if settings["kind"] == "trained":
        return "trained"
    published = settings["kind"] == "torchvision" and settings["weights"] != "none"
    return "downloaded" if published and not Path(settings["weights"]).exists() else "imported"
