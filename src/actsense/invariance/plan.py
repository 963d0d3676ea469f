"""What invariances take, for the study, for every network and for its layers.

Needs no torch, so that a study can be planned without it.
"""

__all__ = ["PRODUCTS", "work"]

from collections.abc import Sequence

from actsense.invariance.choices import (
    bias_pair,
    chosen_augmentations,
    chosen_layers,
    demo_layers,
    examined,
    judge,
    judge_layers,
    state_layers,
)
from actsense.invariance.extent import (
    autoencoder_alive,
    autoencoder_products,
    autoencoder_weights,
    flow_weights,
)
from actsense.invariance.settings import Invariance
from actsense.layers import Layer
from actsense.work import FILE_BYTES, GRADIENT, Facts, Work, row_files, store_files, table_files

NUMBER, WHOLE = 4, 8  # bytes
COPIES = 6  # of weights that are trained: gradients, the optimiser's, average, best and state
JUDGED = 2000  # images that an autoencoder is judged by, at most
SHOWN, SHOWN_SAMPLES = 24, 8  # anchors and samples whose images are kept, at most
PRODUCTS = {"cpu": 1e10, "cuda": 1e12, "auto": 1e12}  # per second, of one thread or a device
BYTE_PRODUCTS = 300  # of a network, for every byte that is alive while an image passes: VGG11's
HELD_BYTES = 2**30  # of representations that a flow holds
ROOT_ARRAYS, LAYER_ARRAYS = 11, 26  # of what is kept, with what labels it
TABLES, STUDY_FIGURES, NETWORK_FIGURES, DEMO_FILES = 7, 5, 3, 5


def work(facts: Facts) -> list[Work]:
    """Return what invariances take, for the study, for every network and for its layers."""
    networks = examined(facts)
    if not networks:
        return []
    return [
        _autoencoder(facts),
        *(own for network in networks for own in _network(facts, network)),
        *_bias(facts),
        Work(
            "compare_invariances",
            tensors=True,
            holds=sum(_kept(facts, name) for name in networks) / 1e6,
            files=table_files(TABLES) + STUDY_FIGURES,
        ),
    ]


def _bias(facts: Facts) -> list[Work]:
    settings: Invariance = facts.settings.invariance
    pair, layers = bias_pair(facts)
    if not pair:
        return []
    drawn = Work(
        "compare_bias",
        passes=len(layers) * settings.anchors * (2 + 4 * settings.demos.samples),
        opens=tuple(pair),
        holds=NUMBER * autoencoder_weights(settings.autoencoder, _side(facts)) / 1e6
        + autoencoder_alive(settings.autoencoder, _side(facts), max(map(facts.batch, pair))),
        files=table_files(1) + 1,
    )
    return [drawn]


def _autoencoder(facts: Facts) -> Work:
    settings: Invariance = facts.settings.invariance
    train, validation = _images(facts)
    name, weights = judge(facts), autoencoder_weights(settings.autoencoder, _side(facts))
    latents, rows = _latent_row(settings), train + validation
    judged = (1 + GRADIENT) * BYTE_PRODUCTS * facts.networks[name].forward if name else 0
    products = settings.autoencoder.epochs * train * (
        GRADIENT * autoencoder_products(settings.autoencoder, _side(facts)) + judged
    ) + rows * autoencoder_products(settings.autoencoder, _side(facts))
    return Work(
        "train_autoencoder",
        opens=(name,) if name else (),
        back=bool(name),
        batch=settings.autoencoder.batch_size,
        tensors=True,
        on_device=True,
        seconds=products / PRODUCTS[facts.settings.device],
        holds=(COPIES * NUMBER * weights + _buffered(rows, latents)) / 1e6
        + autoencoder_alive(settings.autoencoder, _side(facts), settings.autoencoder.batch_size),
        kept=NUMBER * weights + rows * sum(latents),
        files=1 + row_files(rows, latents),
    )


def _network(facts: Facts, network: str) -> list[Work]:
    settings: Invariance = facts.settings.invariance
    states, chosen = state_layers(facts, network), chosen_layers(facts, network)
    demos = demo_layers(facts, network)
    recorded = _recording(facts, network, states)
    return [
        recorded,
        *(_flow(facts, network, layer, states) for layer in chosen),
        _measuring(facts, network),
        Work(
            "plot_invariances", network, files=NETWORK_FIGURES + (settings.inversion is not None)
        ),
        Work(
            *("show_demos", network),
            passes=100 * len(demos) * settings.demos.samples,
            back=True,
            holds=NUMBER * autoencoder_weights(settings.autoencoder, _side(facts)) / 1e6
            + autoencoder_alive(settings.autoencoder, _side(facts), facts.batch(network)),
            files=DEMO_FILES,
        ),
    ]


def _recording(facts: Facts, network: str, states: dict[str, list[Layer]]) -> Work:
    settings: Invariance = facts.settings.invariance
    train, validation = _images(facts)
    rows, judged = train + validation, min(validation, JUDGED)
    columns = {state: _columns(layers) for state, layers in states.items()}
    written = sum(rows * sum(own) for own in columns.values())
    files = sum(row_files(rows, own) for own in columns.values())
    stay = facts.settings.keep_activations
    return Work(
        *("record_representations", network),
        jobs=len(states),
        passes=len(states) * (rows + 5 * judged),  # means, errors, and of images made
        holds=max(_buffered(rows, own) for own in columns.values()) / 1e6
        + autoencoder_alive(settings.autoencoder, _side(facts), facts.batch(network)),
        kept=written * stay,
        dropped=written * (not stay),
        files=table_files(len(states)) + files * stay,
        files_dropped=files * (not stay),
    )


def _flow(facts: Facts, network: str, layer: Layer, states: dict[str, list[Layer]]) -> Work:
    settings: Invariance = facts.settings.invariance
    training = settings.flow.training
    weights, (train, validation) = (
        flow_weights(settings.flow, settings.autoencoder.latent, layer),
        _images(facts),
    )
    latents = (train + validation) * sum(_latent_row(settings))
    held = min(HELD_BYTES, (train + validation) * layer.size * NUMBER)
    jobs = sum(layer in layers for layers in states.values())
    products = GRADIENT * training.steps * training.batch_size * weights
    return Work(
        *("train_flow", network),
        layer=layer.name,
        jobs=jobs,
        tensors=True,
        on_device=True,
        seconds=products / PRODUCTS[facts.settings.device],
        holds=(COPIES * NUMBER * weights + 2 * (latents + held)) / 1e6,
        kept=jobs * NUMBER * weights,
        files=jobs * (1 + table_files(1)),
    )


def _measuring(facts: Facts, network: str) -> Work:
    settings: Invariance = facts.settings.invariance
    anchors, name = _anchors(facts), judge(facts)
    groups = len(chosen_layers(facts, network)) * (1 + settings.random)
    inversion = settings.inversion
    searched = inversion.iterations * min(settings.inverted, anchors) if inversion else 0
    sampled = anchors * (1 + settings.samples)
    moved = anchors * (1 + 16 * len(chosen_augmentations(facts)))
    judged = _images(facts)[1] + groups * anchors * settings.samples if name else 0
    return Work(
        *("measure_invariances", network),
        passes=groups * (sampled + GRADIENT * searched) + judged,
        back=inversion is not None,
        opens=(network, name) if name else (network,),
        seconds=(groups * sampled + moved)
        * autoencoder_products(settings.autoencoder, _side(facts))
        / PRODUCTS[facts.settings.device],
        holds=2 * _kept(facts, network) / 1e6
        + NUMBER * autoencoder_weights(settings.autoencoder, _side(facts)) / 1e6
        + autoencoder_alive(settings.autoencoder, _side(facts), facts.batch(network)),
        kept=_kept(facts, network),
        files=store_files(ROOT_ARRAYS + LAYER_ARRAYS * groups, 1 + groups),
    )


def _images(facts: Facts) -> tuple[int, int]:
    """Count the train and validation images that are learned from, at most."""
    settings: Invariance = facts.settings.invariance
    train, validation = facts.images or (settings.images, settings.validation)
    return min(settings.images, train), min(settings.validation, validation)


def _anchors(facts: Facts) -> int:
    return min(int(facts.settings.invariance.anchors), _images(facts)[1])


def _side(facts: Facts) -> int:
    return int(facts.settings.dataset.image_size)


def _latent_row(settings: Invariance) -> list[float]:
    """Return the bytes of a row in every column of the latents."""
    latent = NUMBER * settings.autoencoder.latent
    return [latent, latent, WHOLE]


def _columns(layers: Sequence[Layer]) -> list[float]:
    """Return the bytes of a row in every column of the representations."""
    return [*(NUMBER * layer.size for layer in layers), WHOLE, WHOLE]


def _kept(facts: Facts, network: str) -> float:
    """Return the bytes of all that is kept of the samples of a network."""
    settings: Invariance = facts.settings.invariance
    anchors, latent, name = _anchors(facts), settings.autoencoder.latent, judge(facts)
    pixels = 3 * _side(facts) ** 2
    groups = len(chosen_layers(facts, network)) * (1 + settings.random)
    features = judge_layers(facts)[-1].shape[0] if name else 0
    shown = min(SHOWN, anchors) * min(SHOWN_SAMPLES, settings.samples)
    inverted = min(settings.inverted, anchors) * (settings.inversion is not None)
    each = (
        anchors * (WHOLE * 12 + NUMBER * latent * (1 + settings.samples) + 2 * NUMBER * pixels)
        + shown * (pixels + WHOLE)
        + inverted * (pixels + 2 * WHOLE)
        + anchors * settings.samples * NUMBER * features
    )
    rooms = len(chosen_augmentations(facts)) * (settings.rank * latent * NUMBER + WHOLE)
    root = anchors * (2 * WHOLE + 2 * pixels + NUMBER * latent + rooms)
    return float(groups * each + root + _images(facts)[1] * NUMBER * features)


def _buffered(rows: int, columns: Sequence[float]) -> float:
    """Return the bytes of rows that writers or readers hold at a time."""
    return sum(min(FILE_BYTES, rows * each) for each in columns)
