"""Of which layers concepts are told, and what that takes.

Needs no torch, so that a study can be planned without it.
"""

__all__ = [
    "CLASSES",
    "DIGITS",
    "SETTING",
    "check_concepts",
    "concepts_file",
    "factor_places",
    "followed",
    "judged_pairs",
    "over_training",
    "work",
]

from pathlib import Path

from actsense.errors import ConfigError
from actsense.invariance.choices import (
    RANDOM,
    TRAINED,
    epoch_state,
    examined,
    factor_layers,
    state_layers,
)
from actsense.invariance.plan import PRODUCTS
from actsense.invariance.settings import Factors, Invariance
from actsense.networks.settings import Trained, checkpoint_epochs
from actsense.work import GRADIENT, Facts, Work, store_files, table_files

SETTING = "invariance.factors.concepts"
CLASSES, DIGITS = "classes", "digits"
JUDGED = 2000  # pairs of every concept that factors are judged on, at most
CONCEPTS = 4  # of a file of them, about
SHOWN, WALKS, STEPS = 6, 2, 6  # images that are swapped, walks, and steps of them
ROOT_ARRAYS, PLACE_ARRAYS = 12, 2
TABLES, FIGURES = 3, 4


def check_concepts(facts: Facts) -> None:
    """Refuse concepts that the dataset does not have.

    Raises:
        ConfigError: If it has no digits, or there is no such file.
    """
    settings: Factors | None = facts.settings.invariance.factors
    if settings is None:
        return
    concepts, kind = settings.concepts, facts.settings.dataset.kind
    if concepts == DIGITS and kind != DIGITS:
        raise ConfigError(
            f"{SETTING}: `digits` makes pairs of digits on photographs, and the dataset is of "
            f"kind `{kind}`. Allowed: `classes`, a CSV file, or dataset.kind: digits."
        )
    if concepts not in (CLASSES, DIGITS) and not Path(concepts).expanduser().is_file():
        raise ConfigError(
            f"{SETTING}: {concepts!r} is no file. Allowed: `classes`, `digits`, or a CSV file "
            "with a column `path` and one for every concept."
        )


def concepts_file(facts: Facts) -> str | None:
    """Return the file that concepts are read from; None where they are not of a file."""
    settings: Factors | None = facts.settings.invariance.factors
    if settings is None or settings.concepts in (CLASSES, DIGITS):
        return None
    return str(Path(settings.concepts).expanduser())


def followed(facts: Facts) -> list[str]:
    """Name the networks whose share of every concept is told; none without concepts."""
    return [name for name in examined(facts) if factor_layers(facts, name)]


def factor_places(facts: Facts, network: str) -> list[tuple[str, str, int | None]]:
    """Return where concepts are looked for: states of the network, layers, and epochs.

    Epochs are those of the training after which a state was reached; None for random weights, and
    for weights that are not trained here.
    """
    own = facts.settings.networks[network]
    named = {layer.name for layer in factor_layers(facts, network)}
    last = own.epochs if isinstance(own, Trained) else None
    epochs: dict[str, int | None] = {TRAINED: last, RANDOM: None}
    epochs |= {epoch_state(epoch): epoch for epoch in checkpoint_epochs(own)}
    return [
        (state, layer.name, epochs[state])
        for state, layers in state_layers(facts, network).items()
        for layer in layers
        if layer.name in named
    ]


def over_training(facts: Facts) -> bool:
    """Tell whether concepts of a network are looked for in its checkpoints."""
    return any(
        state not in (TRAINED, RANDOM)
        for network in followed(facts)
        for state, _, _ in factor_places(facts, network)
    )


def judged_pairs(pairs: int) -> int:
    """Return how many pairs of every concept factors are judged on, if trained on so many."""
    return min(pairs, JUDGED)


def work(facts: Facts) -> list[Work]:
    """Return what it takes to split latents into concepts, and to find them in layers."""
    settings: Invariance = facts.settings.invariance
    networks = followed(facts)
    if settings.factors is None or not networks:
        return []
    latent, side = settings.autoencoder.latent, int(facts.settings.dataset.image_size)
    pairs = settings.factors.pairs + judged_pairs(settings.factors.pairs)
    concepts = {CLASSES: 1, DIGITS: 2}.get(settings.factors.concepts, CONCEPTS)
    parts, image = concepts + 1, 3 * side**2
    anchors, products = facts.validation(settings.anchors), PRODUCTS[facts.settings.device]
    weights = _weights(settings, latent)
    found = [
        Work(
            "train_factors",
            tensors=True,
            on_device=True,
            holds=(2 * concepts * pairs * latent * 4 * 4 + 16 * weights) / 1e6,
            seconds=_training(settings, weights) / products
            + _making(settings, concepts * pairs, side),
            kept=4 * weights,
            files=table_files(2),
        )
    ]
    for name in networks:
        places = factor_places(facts, name)
        samples = anchors * settings.samples
        responses = anchors * (1 + parts * (2 + settings.samples))
        looked = len({state for state, _, _ in places}) * facts.validation(settings.validation)
        shown = parts * (SHOWN**2 + WALKS * (1 + STEPS)) + 2 * SHOWN
        numbers = len(places) * anchors * (latent + parts) + anchors * parts * settings.samples
        found.append(
            Work(
                "explain_factors",
                name,
                passes=responses + looked,
                holds=8 * samples * latent / 1e6 + 100,
                seconds=3 * len(places) * samples * weights / products,
                kept=8 * numbers + shown * image,
                files=store_files(ROOT_ARRAYS + PLACE_ARRAYS * len(places), 1 + len(places)),
            )
        )
    return [
        *found,
        Work("compare_factors", tensors=True, files=table_files(TABLES) + FIGURES),
    ]


def _weights(settings: Invariance, latent: int) -> int:
    """Return how many weights a flow of factors has, about."""
    flow = settings.factors.flow  # type: ignore[union-attr]
    half, width = latent // 2, flow.width
    nets = 2 if flow.networks == "shared" else 4
    outputs = 2 * half if flow.networks == "shared" else half
    each = half * width + flow.hidden * width**2 + width * outputs
    return int(flow.blocks * nets * each)


def _training(settings: Invariance, weights: int) -> float:
    """Return the products that training takes at most: of two images, there and back."""
    training = settings.factors.flow.training  # type: ignore[union-attr]
    looks = training.steps / training.check_every * training.looked_at
    return 2 * (GRADIENT * training.steps * training.batch_size + looks) * weights


def _making(settings: Invariance, pairs: int, side: int) -> float:
    """Return the seconds that images of pairs take to be made and encoded, where they are."""
    made = settings.factors is not None and settings.factors.concepts == DIGITS
    return 2 * pairs * side**2 * 2e-6 if made else 0.0
