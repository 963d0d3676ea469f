"""Which networks and layers the patterns study looks at, and what that takes.

Needs no torch, so that a study can be planned without it.
"""

__all__ = ["chosen_grid", "chosen_layers", "looked_at", "work"]

from actsense.errors import ConfigError, choose
from actsense.features.settings import SEARCHED
from actsense.layers import Layer
from actsense.networks.settings import checkpoint_epochs
from actsense.patterns.settings import Patterns
from actsense.work import (
    FILE_BYTES,
    GRADIENT,
    Facts,
    Work,
    row_files,
    store_files,
    table_files,
)

DEPTHS = 4  # layers that `auto` takes
WIDEST = 14  # regions along a side that `auto` takes, as published
NUMBER, WHOLE = 4, 8  # bytes
AXES = 3  # of embeddings
# Products per second, by one thread; a search for weights and a fit together, which go over all
# pairs of regions again and again. Measured at 64 and 256 channels, 49 and 196 regions.
SPEED = 1e9
COPIES = 6  # of the features of a layer that are alive together while regions are embedded
IMAGE_ARRAYS, LAYER_ARRAYS = 18, 4  # of the embeddings, with what labels them
BESIDE_LAYERS = 2  # groups: other methods, and several starts
TABLES, STUDY_FIGURES, NETWORK_FIGURES = 10, 3, 7


def looked_at(facts: Facts) -> list[str]:
    """Name the networks that are looked at.

    Raises:
        ConfigError: If one that is named records no layer with positions.
    """
    settings: Patterns = facts.settings.patterns
    if settings.networks is None:
        return [name for name in facts.networks if _maps(facts, name)]
    for name in settings.networks:
        if not _maps(facts, name):
            layers = ", ".join(layer.name for layer in facts.networks[name].layers)
            raise ConfigError(
                f"patterns.networks: {name} records no layer with positions ({layers}). Add one "
                f"to networks.{name}.layers, or leave {name} out."
            )
    return list(settings.networks)


def chosen_layers(facts: Facts, network: str) -> list[Layer]:
    """Return the layers with positions that a network is looked at in, in their order.

    Raises:
        ConfigError: If a layer that is named has no positions, or is not recorded.
    """
    maps, wanted = _maps(facts, network), facts.settings.patterns.layers
    if wanted == "auto":
        last, count = len(maps) - 1, min(DEPTHS, len(maps))
        return [maps[round(k * last / max(1, count - 1))] for k in range(count)]
    with_positions = {layer.name: layer for layer in maps}
    for name in wanted:
        recorded = [layer.name for layer in facts.networks[network].layers]
        choose("patterns.layers", name, recorded)
        if name not in with_positions:
            raise ConfigError(
                f"patterns.layers: {name!r} of {network} has no positions. Allowed: "
                f"{', '.join(with_positions)}."
            )
    return [layer for layer in maps if layer.name in wanted]


def chosen_grid(facts: Facts) -> tuple[int, int]:
    """Return rows and columns of the grid onto which maps are averaged, the same for all networks.

    Raises:
        ConfigError: If a layer has fewer places.
    """
    maps = [(name, layer) for name in looked_at(facts) for layer in chosen_layers(facts, name)]
    rows, cols = (min(layer.shape[axis] for _, layer in maps) for axis in (1, 2))
    wanted = facts.settings.patterns.grid
    if wanted == "auto":
        return min(rows, WIDEST), min(cols, WIDEST)
    for name, layer in maps:
        if wanted > min(layer.shape[1:]):
            places = "x".join(map(str, layer.shape[1:]))
            raise ConfigError(
                f"patterns.grid: {wanted} is more than the {places} places of layer "
                f"{layer.name!r} of {name}. Allowed: 1 to {min(rows, cols)}, or auto."
            )
    return wanted, wanted


def work(facts: Facts) -> list[Work]:
    """Return what patterns take, for every network and for all together."""
    networks = looked_at(facts)
    made = [own for network in networks for own in _network(facts, network)]
    grown = [bool(checkpoint_epochs(facts.settings.networks[name])) for name in networks]
    figures = STUDY_FIGURES + any(grown) + (len(networks) > 1)
    return [
        *made,
        Work(
            "compare_patterns",
            jobs=int(bool(networks)),
            tensors=True,
            files=table_files(TABLES) + figures,
        ),
    ]


def _network(facts: Facts, network: str) -> list[Work]:
    settings: Patterns = facts.settings.patterns
    images, attack = facts.validation(settings.images), settings.attack
    side, kept = facts.settings.dataset.image_size, len(attack.kept)
    moved = kept * 3 * side**2 * NUMBER
    attacked = [moved, *[WHOLE] * 3, WHOLE * (1 + kept)]
    rows, features = images * _states(facts, network), _features(facts, network)
    return [
        Work(
            *("attack_images", network),
            passes=images * (SEARCHED + GRADIENT * attack.steps + 1 + kept),
            back=True,
            holds=(2 * facts.batch(network) * moved + _buffered(images, attacked)) / 1e6,
            kept=images * sum(attacked),
            files=row_files(images, attacked),
        ),
        Work(
            *("record_features", network),
            passes=rows,
            holds=(_buffered(images, attacked) + _buffered(rows, features)) / 1e6,
            kept=rows * sum(features),
            files=row_files(rows, features),
        ),
        Work(
            *("embed_patterns", network),
            tensors=True,
            on_device=True,
            holds=COPIES * images * max(features) / 1e6,
            seconds=_matched(facts, network) / SPEED,
            kept=rows * sum(_points(facts, network)),
            files=store_files(*_arrays(facts, network)),
        ),
        Work("plot_patterns", network, tensors=True, files=NETWORK_FIGURES),
        Work(
            *("plot_training", network),
            jobs=int(bool(checkpoint_epochs(facts.settings.networks[network]))),
            tensors=True,
            files=2,
        ),
    ]


def _features(facts: Facts, network: str) -> list[float]:
    """Return the bytes of a row in every column of the recorded features."""
    rows, cols = chosen_grid(facts)
    maps = [layer.shape[0] * rows * cols for layer in chosen_layers(facts, network)]
    hidden = facts.networks[network].hidden
    return [*(NUMBER * count for count in (*maps, hidden, _classes(facts))), WHOLE, WHOLE]


def _points(facts: Facts, network: str) -> list[float]:
    """Return the bytes of an image's embedding, and of those of its regions in every layer."""
    rows, cols = chosen_grid(facts)
    regions = len(chosen_layers(facts, network)) * rows * cols
    return [WHOLE * (AXES + 2 * _classes(facts)), NUMBER * (AXES + 1) * regions]


def _arrays(facts: Facts, network: str) -> tuple[int, int]:
    """Count the arrays of the embeddings, and the groups that they are in."""
    layers = len(chosen_layers(facts, network))
    return IMAGE_ARRAYS + LAYER_ARRAYS * layers, 1 + BESIDE_LAYERS + layers


def _matched(facts: Facts, network: str) -> float:
    """Count the products of one look at all pairs of regions, for all layers and fitted states."""
    settings: Patterns = facts.settings.patterns
    rows, cols = chosen_grid(facts)
    images = facts.validation(settings.images)
    pairs = images * min(settings.others, images) * (rows * cols) ** 2
    channels = sum(layer.shape[0] for layer in chosen_layers(facts, network))
    fitted = _states(facts, network) - len(settings.attack.kept)
    return float(pairs * channels * (fitted + ("shuffled" in settings.controls)))


def _classes(facts: Facts) -> int:
    classes = facts.settings.patterns.classes
    return classes if isinstance(classes, int) else len(classes)


def _states(facts: Facts, network: str) -> int:
    """Count the states: trained, on the way, random, and attacked."""
    settings: Patterns = facts.settings.patterns
    checkpoints = checkpoint_epochs(facts.settings.networks[network])
    random = "random" in settings.controls
    return 1 + len(checkpoints) + random + len(settings.attack.kept)


def _buffered(rows: int, columns: list[float]) -> float:
    """Return the bytes of rows that writers or readers hold at a time."""
    return sum(min(FILE_BYTES, rows * each) for each in columns)


def _maps(facts: Facts, network: str) -> list[Layer]:
    return [layer for layer in facts.networks[network].layers if layer.is_map]
