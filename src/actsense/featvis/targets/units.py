"""Units that feel a factor most, and least, by the indices of a design; and what drives them."""

__all__ = ["ChosenUnit", "channel_targets", "choose_units", "unit_targets"]

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from actsense.errors import ConfigError, choose
from actsense.featvis.settings import Units
from actsense.featvis.targets.natural import Natural, Unit
from actsense.featvis.targets.spread import Spread
from actsense.featvis.targets.targets import WHOLE, Targets, direction_targets
from actsense.layers import Layer
from actsense.layout import make_command

Role = Literal["most", "least"]

NAMED = 5  # targets that a message lists, at most

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChosenUnit:
    """A unit that feels a factor.

    Attributes:
        layer: Name of its layer.
        channel: Its channel; of a vector, the unit.
        row, col: Its place; -1 of a vector.
        index: How much it feels the factor, share of its variance.
        role: Whether it is among those that feel it most, or least.
        map: The index of all units of its channel, (rows, cols) float32, (1, 1) of a vector; NaN
            of those that are dead or rare.
    """

    layer: str
    channel: int
    row: int
    col: int
    index: float
    role: Role
    map: NDArray[np.float32]

    @property
    def unit(self) -> Unit:
        """Channel, row and column."""
        return self.channel, self.row, self.col


def choose_units(
    indices: xr.DataTree, layers: Sequence[Layer], settings: Units
) -> list[ChosenUnit]:
    """Choose the units that feel a factor most, and least, one of a channel at most.

    Those that feel it least are taken in turn from the layers of those that feel it most, and
    from other channels, so that they differ in little else. Dead and rare units are left out; of
    equal ones the first is taken, by layer, channel, row and column.

    Arguments:
        indices: Store of the indices of a network under a design.
        layers: The network's layers, from the input on.
        settings: The section `featvis.units` of the configuration.

    Returns:
        Units with the role `most`, the strongest first, then `least`, the weakest of all in each
        turn; fewer than asked for where there are no more.

    Raises:
        ConfigError: If factor or layer is unknown, no layer has positions, or no unit is alive.
    """
    factors = [str(name) for name in indices["factor"].to_numpy()]
    choose("featvis.units.factor", settings.factor, factors)
    considered = _considered(indices, layers, settings)
    number = factors.index(settings.factor)
    maps = {layer: _map(indices, layer, number, settings.by) for layer in considered}
    names = ", ".join(layer.name for layer in considered)
    if all(np.isnan(values).all() for values in maps.values()):
        raise ConfigError(
            f"featvis.units.layers: no unit of {names} has a {settings.by} of "
            f"{settings.factor} that can be relied on: all are dead or rare. Name other layers."
        )
    most = _ranked(maps, "most")[: settings.top]
    least = _controls(_ranked(maps, "least"), most, settings.controls)
    for setting, found, wanted in (
        ("top", most, settings.top),
        ("controls", least, settings.controls),
    ):
        if len(found) < wanted:
            log.warning(
                "featvis.units.%s: %d instead of %d, one of a channel at most; no other channel "
                "of %s has units that can be relied on.",
                *(setting, len(found), wanted, names),
            )
    return [*most, *least]


def unit_targets(units: Sequence[ChosenUnit], natural: Natural) -> Targets:
    """Return what the pictures of single units are to drive.

    A line of the log names those that answer all images alike.

    Arguments:
        units: Units of one layer.
        natural: How the layer responds to natural images, recorded of these units.

    Raises:
        ConfigError: If all of them answer all images alike.
        ValueError: If responses were recorded of other units.
    """
    if natural.units != tuple(own.unit for own in units):
        raise ValueError(
            f"Responses to natural images are of {natural.units}, not of the units that are drawn."
        )
    spreads = [Spread.of(natural.around[:, number]) for number in range(len(units))]
    responds = [
        bool(spread.responds[own.channel]) for own, spread in zip(units, spreads, strict=True)
    ]
    names = [_named(own) for own in units]
    _tell_silent("featvis.units", "units", natural.layer.name, names, responds)
    mean, std = (
        torch.from_numpy(np.stack([getattr(own, name) for own in spreads]).astype(np.float32))
        for name in ("mean", "std")
    )
    return Targets(
        layer=natural.layer.name,
        direction=torch.eye(mean.shape[1])[[own.channel for own in units]],
        mean=mean,
        std=std,
        place=torch.tensor([[own.row, own.col] for own in units]),
        response=torch.full_like(mean, torch.nan),
    )


def channel_targets(layer: str, natural: Natural) -> Targets:
    """Return what the picture of every channel of a layer is to drive.

    A line of the log names those that answer all images alike.

    Arguments:
        layer: Name of the layer.
        natural: How it responds to natural images.

    Raises:
        ConfigError: If no channel responds.
    """
    responds = Spread.of(natural.whole).responds.tolist()
    names = [str(number) for number in range(len(responds))]
    _tell_silent("featvis.channels", "channels", layer, names, responds)
    return direction_targets(layer, np.eye(len(responds)), natural.whole)


def _tell_silent(
    setting: str, what: str, layer: str, names: Sequence[str], responds: Sequence[bool]
) -> None:
    """Say which targets answer all natural images alike."""
    silent = [name for name, own in zip(names, responds, strict=True) if not own]
    if len(silent) == len(names):
        raise ConfigError(
            f"{setting}: none of the {len(names)} {what} of layer {layer!r} responds to the "
            "images: each answers all of them alike. Name another layer, or other images with "
            "`featvis.images`."
        )
    if silent:
        shown = "; ".join(silent[:NAMED]) + ("; ..." if len(silent) > NAMED else "")
        log.warning(
            "%s: %d of %d %s of layer %r answer all images alike (%s), and there is nothing that "
            "their pictures could be compared with.",
            *(setting, len(silent), len(names), what, layer, shown),
        )


def _considered(indices: xr.DataTree, layers: Sequence[Layer], settings: Units) -> list[Layer]:
    """Return the layers that units are taken from."""
    known = [own for own in layers if own.name in indices.children and len(own.shape) in (1, 3)]
    if settings.layers is None:
        found = [layer for layer in known if layer.is_map]
        if not found:
            raise ConfigError(
                "featvis.units.layers: no layer with indices has positions. Name the layers that "
                f"units are taken from; allowed: {', '.join(own.name for own in known) or 'none'}."
            )
        return found
    for name in settings.layers:
        choose("featvis.units.layers", name, [layer.name for layer in known])
    return [layer for layer in known if layer.name in settings.layers]


def _map(indices: xr.DataTree, layer: Layer, factor: int, by: str) -> NDArray[np.float32]:
    """Return an index of all units, (channel, row, col), NaN of those that are left out."""
    node = indices.children[layer.name]
    if node["dead"].shape != layer.shape:
        raise ConfigError(
            f"featvis.units: indices of layer {layer.name!r} are of units {node['dead'].shape}, "
            f"and the layer has {layer.shape}. Make them again: "
            + make_command("indices", rule="estimate_indices")
        )
    values = node[by].isel(factor=factor).to_numpy().astype(np.float32)
    kept = ~(node["dead"].to_numpy() | node["rare"].to_numpy())
    whole = layer.shape if len(layer.shape) == 3 else (layer.shape[0], 1, 1)
    return np.where(kept, values, np.float32(np.nan)).reshape(whole)


def _ranked(maps: Mapping[Layer, NDArray[np.float32]], role: Role) -> list[ChosenUnit]:
    """Return the unit of every channel that feels the factor most, or least, in that order."""
    sign, found = (1 if role == "most" else -1), []
    for layer, values in maps.items():
        score = np.where(np.isnan(values), -np.inf, sign * values).reshape(len(values), -1)
        for channel in np.flatnonzero(score.max(axis=1) > -np.inf):
            place = int(score[channel].argmax())
            row, col = divmod(place, values.shape[2]) if len(layer.shape) == 3 else (WHOLE, WHOLE)
            index = float(values[channel].flat[place])
            found.append(
                ChosenUnit(layer.name, int(channel), row, col, index, role, values[channel])
            )
    return sorted(found, key=lambda own: -sign * own.index)


def _controls(
    ranked: Sequence[ChosenUnit], most: Sequence[ChosenUnit], wanted: int
) -> list[ChosenUnit]:
    """Return units that feel the factor least, from the layers of the others in turn."""
    layers, taken = [own.layer for own in most], {(own.layer, own.channel) for own in most}
    left = [own for own in ranked if own.layer in layers and (own.layer, own.channel) not in taken]
    found: list[ChosenUnit] = []
    for layer in cycle(layers):
        if len(found) == wanted or not left:
            break
        for own in [own for own in left if own.layer == layer][:1]:
            found.append(own)
            left.remove(own)
    return found


def _named(unit: ChosenUnit) -> str:
    place = "" if unit.row == WHOLE else f" at {unit.row}, {unit.col}"
    return f"{unit.channel}{place}"
