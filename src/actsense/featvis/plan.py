"""Of which networks, layers and units pictures are made, and what that takes.

Needs no torch, so that a study can be planned without it.
"""

__all__ = [
    "channel_layers",
    "facet_layers",
    "image_count",
    "picture_count",
    "pictured",
    "unit_layers",
    "units_design",
    "work",
]

from collections.abc import Sequence

from actsense.errors import ConfigError, choose
from actsense.featvis.settings import Featvis
from actsense.layers import Layer
from actsense.sampling.plan import SPEED
from actsense.work import GRADIENT, Facts, Work, store_files, table_files

NUMBER, WHOLE = 4, 8  # bytes
BEST = 10  # natural images that are kept of every unit or channel
POINTS, CURVES = 200, 6  # of a picture: numbers of a curve at most, and curves
COPIES = 12  # of a picture and its gradient that are alive together, with the optimiser's state
VERSIONS = 9  # of the finished picture of a unit, beside itself
ROOT_ARRAYS, SET_ARRAYS = 4, (34, 34, 30)  # of a set: of facets, of units, of channels
FIGURES, FACET_FIGURES, UNIT_FIGURES = 2, 2, 2
TABLES, TABULATED = 6, 5.0  # and seconds that they take


def pictured(facts: Facts) -> list[str]:
    """Name the networks that pictures are made of."""
    named = facts.settings.featvis.networks
    return list(facts.networks) if named is None else list(named)


def facet_layers(facts: Facts, network: str) -> list[Layer]:
    """Return the layers of a network whose facets are drawn, in its order.

    Raises:
        ConfigError: If one that is named is not recorded.
    """
    layers, named = facts.networks[network].layers, facts.settings.featvis.layers
    if named == "auto":
        return [([layer for layer in layers if layer.is_map] or list(layers))[-1]]
    return _recorded(facts, network, "layers", named)


def channel_layers(facts: Facts, network: str) -> list[Layer]:
    """Return the layers of a network of which every channel is drawn.

    Raises:
        ConfigError: If no network records one.
    """
    return _recorded(facts, network, "channels", facts.settings.featvis.channels)


def units_design(facts: Facts, network: str) -> str | None:
    """Return the design whose indices choose the units of a network; None without any.

    Raises:
        ConfigError: If the design is unknown, or no network has a design with the factor.
    """
    units = facts.settings.featvis.units
    if units is None:
        return None
    if units.design is not None:
        choose("featvis.units.design", units.design, [*facts.settings.designs])
    found = {name: _with_factor(facts, name) for name in pictured(facts)}
    if not any(found.values()):
        factors = set().union(*(_factors(facts, name) for name in found))
        raise ConfigError(
            f"featvis.units.factor: no network is sampled under a design with the factor "
            f"{units.factor!r}. Allowed: {', '.join(sorted(factors)) or 'none'}."
        )
    return next(iter(found[network]), None)


def unit_layers(facts: Facts, network: str) -> list[Layer]:
    """Return the layers that units of a network are taken from.

    Raises:
        ConfigError: If one that is named is not recorded, or none is and no network has any.
    """
    units = facts.settings.featvis.units
    if units is None or units_design(facts, network) is None:
        return []
    if units.layers is not None:
        return _recorded(facts, network, "units.layers", units.layers)
    maps = {name: _maps(facts, name) for name in pictured(facts)}
    if not any(maps.values()):
        known = dict.fromkeys(own for name in maps for own in _names(facts, name))
        raise ConfigError(
            "featvis.units.layers: no network records a layer with positions. Name layers that "
            f"units are taken from; allowed: {', '.join(known)}."
        )
    return maps[network]


def picture_count(facts: Facts, network: str) -> int:
    """Count the pictures that are made of a network, at most."""
    settings: Featvis = facts.settings.featvis
    each = settings.seeds * settings.variants
    facets, units, channels = _targets(facts, network)
    return each * (facets * (1 + settings.control) + units + channels)


def image_count(facts: Facts) -> int:
    """Count the natural images that pictures are compared with, at most."""
    images = facts.settings.featvis.images
    return facts.validation(images) if isinstance(images, int) else len(images)


def work(facts: Facts) -> list[Work]:
    """Return what pictures take, for every network and for all together."""
    networks = pictured(facts)
    others, images = len(networks) - 1, image_count(facts)
    pictures = sum(picture_count(facts, name) for name in networks)
    return [
        *(own for network in networks for own in _network(facts, network)),
        Work(
            "judge_pictures",
            jobs=int(bool(networks)),
            opens=tuple(networks),
            seconds=TABULATED + (pictures + images * len(networks)) * max(0, others) / SPEED,
            holds=sum(_held(facts, name) for name in networks) / 1e6,
            files=table_files(TABLES),
        ),
    ]


def _network(facts: Facts, network: str) -> list[Work]:
    settings: Featvis = facts.settings.featvis
    side, pictures = facts.settings.dataset.image_size, picture_count(facts, network)
    sets = [facet_layers(facts, network), unit_layers(facts, network)]
    sets.append(channel_layers(facts, network))
    counts = [len(layers) for layers in sets]
    arrays = ROOT_ARRAYS + sum(count * own for count, own in zip(counts, SET_ARRAYS, strict=True))
    pixels = 3 * side**2
    return [
        Work(
            *("visualise_features", network),
            passes=GRADIENT * pictures * settings.search.iterations
            + image_count(facts) * (1 + settings.control)
            + _looks(facts, network),
            back=True,
            holds=(COPIES * facts.batch(network) * pixels * NUMBER + _held(facts, network)) / 1e6,
            kept=pictures * (settings.kept * pixels + NUMBER * side**2) + _held(facts, network),
            files=store_files(arrays, 1 + sum(counts)),
        ),
        Work(
            *("plot_pictures", network),
            files=FIGURES + FACET_FIGURES * (settings.layers != ()),
        ),
        Work(
            "plot_units", network, jobs=int(bool(counts[1])), files=UNIT_FIGURES * bool(counts[1])
        ),
        Work("plot_channels", network, jobs=int(bool(counts[2])), files=int(bool(counts[2]))),
    ]


def _targets(facts: Facts, network: str) -> tuple[int, int, int]:
    """Count the facets, units and channels that pictures are made of."""
    settings: Featvis = facts.settings.featvis
    facets, units = settings.facets, settings.units
    most = facets.most if facets.count == "auto" else facets.count
    single = units.top + units.controls if units and unit_layers(facts, network) else 0
    channels = sum(layer.shape[0] for layer in channel_layers(facts, network))
    return most * len(facet_layers(facts, network)), single, channels


def _looks(facts: Facts, network: str) -> int:
    """Count how often finished pictures are shown to a network; control ones are to two."""
    settings: Featvis = facts.settings.featvis
    facets, units, channels = _targets(facts, network)
    looks = facets * (1 + 2 * settings.control) + units * (1 + VERSIONS) + channels
    return settings.seeds * settings.variants * looks


def _held(facts: Facts, network: str) -> float:
    """Return the bytes of all that is known of pictures and natural images, but the pictures."""
    images, pictures = image_count(facts), picture_count(facts, network)
    facets, units, channels = _targets(facts, network)
    widest = max(layer.shape[0] for layer in facts.networks[network].layers)
    targets = facets + units + channels
    curves = CURVES * POINTS * NUMBER
    return float(
        pictures * (curves + NUMBER * (widest + 2 * targets))
        + targets * NUMBER * (3 * images + 3 * widest + BEST * WHOLE)
        + images * NUMBER * 8
    )


def _recorded(facts: Facts, network: str, key: str, named: Sequence[str]) -> list[Layer]:
    """Return those of some layers that a network records; of several networks, each its own."""
    known = {name for own in pictured(facts) for name in _names(facts, own)}
    for name in named:
        choose(f"featvis.{key}", name, known)
    return [layer for layer in facts.networks[network].layers if layer.name in named]


def _maps(facts: Facts, network: str) -> list[Layer]:
    return [layer for layer in facts.networks[network].layers if layer.is_map]


def _names(facts: Facts, network: str) -> list[str]:
    return [layer.name for layer in facts.networks[network].layers]


def _with_factor(facts: Facts, network: str) -> list[str]:
    """Name the designs of a network that have the factor of the units."""
    units, designs = facts.settings.featvis.units, facts.settings.designs
    return [
        name
        for name in facts.networks[network].designs
        if units.factor in designs[name].factors and units.design in (None, name)
    ]


def _factors(facts: Facts, network: str) -> set[str]:
    designs = [facts.settings.designs[name] for name in facts.networks[network].designs]
    return {factor for design in designs for factor in design.factors}
