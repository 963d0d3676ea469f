"""One network under one design."""

__all__ = ["RunResults"]

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, final, overload

import pandas as pd
import xarray as xr

from actsense.errors import ConfigError, MissingResultError
from actsense.inspection.results import Results
from actsense.inspection.source import Source
from actsense.layout import make_command
from actsense.sampling.designs import CONTEXT, PARTS

# They import PyTorch, which tables and indices do not need.
if TYPE_CHECKING:
    from actsense.inspection.activations import KeptActivations
    from actsense.sampling.design_table import DesignTable


class _Store:
    """A store as an attribute of its run, of its own name, opened when it is used."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, run: None, owner: type) -> Self: ...
    @overload
    def __get__(self, run: Results, owner: type) -> xr.DataTree: ...
    def __get__(self, run: Results | None, owner: type) -> Self | xr.DataTree:
        return self if run is None else run.store(self._name)


@final
class RunResults(Results):
    """What is known of one network under one design.

    Tables are those of the run, such as `layers`, `channels`, `contrast` or `masking`. Stores are
    attributes, too. One that has not been made raises `MissingResultError`, a damaged one
    `CorruptFileError`.

    Attributes:
        network: Name of the network.
        design: Name of the design.
    """

    indices = _Store()
    """Sobol' indices and Shapley effects with the half-widths of their 95 % intervals.

    The root holds one entry per layer (`S1`, `ST`, `shapley`: factor x layer; `S2`: factor x
    factor_2 x layer; shares of variance); the child of a layer holds every unit, factor x
    channel x row x col or factor x unit, and `<layer>/by_channel` every channel. `mean` and
    `variance` are in the units' own scale; `dead` marks units that no factor moves, `rare`
    those whose intervals cannot be trusted: too few differences (`support`) carry them.
    """
    contrast = _Store()
    """Every augmentation alone against the untouched image, a child per layer."""
    top_images = _Store()
    """The images that every unit answers most, untouched and under each augmentation."""
    masking = _Store()
    """Predictions under every mask and control."""
    segments = _Store()
    """Indices of parts of the network behind one colour channel."""

    def __init__(self, source: Source, network: str, design: str) -> None:
        super().__init__(source, (network, design))
        self.network = network
        self.design = design

    def __repr__(self) -> str:
        return f"<RunResults {self.network} under {self.design}: {self.path}>"

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Names of the recorded layers, from the input on."""
        named = map(str, self.indices["layer"].to_numpy())
        return tuple(name for name in named if name in self.indices.children)

    @cached_property
    def factors(self) -> tuple[str, ...]:
        """Names of the factors: augmentations, `order`, `content` and the parts of content."""
        return tuple(map(str, self.indices["factor"].to_numpy()))

    @cached_property
    def augmentations(self) -> tuple[str, ...]:
        """Names of the factors that are augmentations."""
        return tuple(name for name in self.factors if name not in (*CONTEXT, *PARTS))

    def layer(self, name: str) -> xr.Dataset:
        """Return the indices of every unit of a layer, factors labelled.

        Arguments:
            name: One of `layers`.

        Raises:
            ConfigError: If there is no such layer.
        """
        if name not in self.layers:
            raise ConfigError(
                f"layer {name!r} is not among the layers of {self.network} under {self.design}: "
                f"{', '.join(self.layers)}."
            )
        return self.indices.children[name].to_dataset()

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings behind the indices, as they are kept inside them."""
        settings: dict[str, Any] = json.loads(self.indices.attrs["configuration"])
        return settings

    @cached_property
    def design_table(self) -> "DesignTable":
        """Every evaluation of the design, block by block: what the network was shown.

        Raises:
            MissingResultError: If there are no indices or no images.
            ConfigError: If the images are not those of the indices.
        """
        from actsense.sampling.design_table import DesignTable
        from actsense.sampling.settings import DesignSettings

        attributes = self.indices.attrs
        if "configuration" not in attributes:
            reason = "these indices do not say which design they come from."
            raise MissingResultError(self.path, "", reason)
        images, settings = self._source.images(), self.settings
        if attributes.get("dataset_sha256") != images.sha256():
            raise ConfigError(
                f"{self.path}: the images of the study are not those of these indices any more. "
                f"Run first: {make_command('indices', self.path)}"
            )
        return DesignTable.of(
            self.design,
            DesignSettings(**settings["designs"][self.design]),
            images.manifest,
            size=images.image_size,
            seed=settings["seed"],
        )

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        """Factors and parameters of every evaluation, see `actsense.sampling.design_table`.

        A row takes some 100 to 300 bytes; `design_table.blocks()` yields them block by block.
        """
        return self.design_table.whole()

    def activations(self, layer: str) -> xr.DataArray:
        """Return the kept activations of a layer, read when their values are used.

        Arguments:
            layer: Its name.

        Returns:
            (evaluation, channel, row, col) or (evaluation, unit), float32, in the unit's own
            scale; evaluation i is row i of `evaluations`.

        Raises:
            MissingResultError: If they have not been kept.
            ConfigError: If there is no such layer, or they belong to another design.
        """
        if layer not in self._kept.layers:
            raise ConfigError(
                f"layer {layer!r} is not among those recorded of {self.network} under "
                f"{self.design}: {', '.join(self._kept.layers)}."
            )
        return self._kept.layer(layer)

    @cached_property
    def _kept(self) -> "KeptActivations":
        from actsense.inspection.activations import KeptActivations, keeping

        if self.settings["activations"] == "stream" and not (self.path / "shards").is_dir():
            folder = self.path / "shards"
            reason = f"activations were streamed, and none written. {keeping(folder)}"
            raise MissingResultError(folder, "", reason)
        return KeptActivations(self.path / "shards", self.design_table)
