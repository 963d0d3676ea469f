"""From a network in one of its states to what its layers say of all images, once."""

__all__ = ["JUDGED", "in_state", "write_representations"]

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actsense.errors import ConfigError
from actsense.features.states import at_checkpoint, randomised
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.card import judge_autoencoder
from actsense.invariance.choices import RANDOM, TRAINED
from actsense.invariance.evaluate.memory import heed_autoencoder
from actsense.invariance.recorded import LatentRows
from actsense.invariance.representations import record_representations
from actsense.networks.settings import read_network
from actsense.networks.subject import Subject
from actsense.store import write_facts

JUDGED = 2000  # validation images that tell how faithful the autoencoder is, at most


def in_state(
    subject: Subject, settings: Mapping[str, Any], state: str, checkpoints: Sequence[Path] = ()
) -> Subject:
    """Open a network in one of its states.

    Arguments:
        subject: The trained network.
        settings: What it was opened with: `network`, a name with its settings, and `seed`.
        state: `trained`, `random`, or else that of the only checkpoint, such as `epoch_2`.
        checkpoints: Files of the training, as the state needs them.

    Raises:
        ConfigError: If a state has no checkpoint, or that is of another network.
    """
    name, plain = settings["network"]
    described = read_network(plain)
    if state == TRAINED:
        return subject
    if state == RANDOM:
        return randomised(subject, described, settings["seed"])
    if len(checkpoints) != 1:
        raise ConfigError(
            f"networks.{name}: state {state} needs the file of 1 checkpoint; got "
            f"{len(checkpoints)}. Without one, the states are {TRAINED} and {RANDOM}."
        )
    return at_checkpoint(subject, described, checkpoints[0])


def write_representations(
    path: Path,
    card: Path,
    subject: Subject,
    autoencoder: Autoencoder,
    rows: LatentRows,
    layers: Sequence[str],
    *,
    state: str,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Record what layers say, and judge the autoencoder by them.

    Arguments:
        path: Where the store of representations is written.
        card: Where the card of the autoencoder is written, JSON.
        subject: The network in the state.
        autoencoder: The autoencoder, in evaluation mode, on the device of the network.
        rows: The images, those of the latents.
        layers: Names of layers.
        state: Name of the state.
        attributes: Kept with the representations, and on the card as `origin`.

    Raises:
        ConfigError: If a layer cannot be watched, or images are of another size.
    """
    heed_autoencoder(subject, autoencoder)
    known = dict(attributes or {})
    record_representations(
        *(subject, layers, rows.all, path), attributes={**known, "state": state}
    )
    name = subject.network.name
    judged = judge_autoencoder(
        *(autoencoder, {name: subject}, {name: layers}), rows.validation[:JUDGED]
    )
    write_facts(card, {"state": state, **judged.facts(), "origin": known})
