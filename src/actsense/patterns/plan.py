"""Which networks and layers the patterns study looks at, and what that takes.

Needs no torch, so that a study can be planned without it.
"""

__all__ = ["chosen_grid", "chosen_layers", "looked_at", "work"]

from actsense.errors import ConfigError, choose
from actsense.features.settings import SEARCHED
from actsense.layers import Layer
from actsense.networks.settings import checkpoint_epochs
from actsense.patterns.settings import Patterns
from actsense.work import FILE_BYTES, GRADIENT, Facts, Work, row_files

DEPTHS = 4  # layers that `auto` takes
WIDEST = 14  # regions along a side that `auto` takes, as published
NUMBER, WHOLE = 4, 8  # bytes


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


def chosen_grid(facts: Facts, network: str) -> tuple[int, int]:
    """Return rows and columns of the grid onto which maps of a network are averaged.

    Raises:
        ConfigError: If a layer has fewer places.
    """
    shapes = {layer.name: layer.shape[1:] for layer in chosen_layers(facts, network)}
    rows, cols = (min(sides) for sides in zip(*shapes.values(), strict=True))
    wanted = facts.settings.patterns.grid
    if wanted == "auto":
        return min(rows, WIDEST), min(cols, WIDEST)
    if wanted > min(rows, cols):
        name = next(name for name, shape in shapes.items() if min(shape) < wanted)
        raise ConfigError(
            f"patterns.grid: {wanted} is more than the {'x'.join(map(str, shapes[name]))} places "
            f"of layer {name!r} of {network}. Allowed: 1 to {min(rows, cols)}, or auto."
        )
    return wanted, wanted


def work(facts: Facts) -> list[Work]:
    """Return what patterns take, for every network and for all together."""
    return [own for network in looked_at(facts) for own in _network(facts, network)]


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
            jobs=0,
            passes=images * (SEARCHED + GRADIENT * attack.steps + 1 + kept),
            back=True,
            holds=(2 * facts.batch(network) * moved + _buffered(images, attacked)) / 1e6,
            kept=images * sum(attacked),
            files=row_files(images, attacked),
        ),
        Work(
            *("record_features", network),
            jobs=0,
            passes=rows,
            holds=(_buffered(images, attacked) + _buffered(rows, features)) / 1e6,
            kept=rows * sum(features),
            files=row_files(rows, features),
        ),
    ]


def _features(facts: Facts, network: str) -> list[float]:
    """Return the bytes of a row in every column of the recorded features."""
    rows, cols = chosen_grid(facts, network)
    maps = [layer.shape[0] * rows * cols for layer in chosen_layers(facts, network)]
    hidden = facts.networks[network].hidden
    return [*(NUMBER * count for count in (*maps, hidden, _classes(facts))), WHOLE, WHOLE]


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
