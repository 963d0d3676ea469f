"""The states in which a network is looked at: trained, on the way there, not at all, attacked."""

__all__ = ["State", "at_checkpoint", "list_states", "randomised"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from actsense.draws import stream
from actsense.draws.global_state import seeded_globals
from actsense.networks.network import build_module, load_network
from actsense.networks.settings import NetworkSettings, Python, read_network
from actsense.networks.subject import Subject
from actsense.store.rows import Rows

Read = Callable[[slice], Tensor]  # from places among the chosen images to images in [0, 1]


@dataclass(frozen=True)
class State:
    """One state of a network, with what it is shown.

    Attributes:
        name: In words that are no other state's.
        kind: `final`, `checkpoint`, `random` or `attack`.
        open: Opens the network in this state.
        read: Reads images that it is shown.
        place: Epoch of a checkpoint, or step of an attack, by its name.
    """

    name: str
    kind: str
    open: Callable[[], Subject]
    read: Read
    place: dict[str, int]

    @property
    def described(self) -> dict[str, Any]:
        """What a store says of it."""
        return {"name": self.name, "kind": self.kind, **self.place}


def list_states(
    subject: Subject,
    settings: Mapping[str, Any],
    checkpoints: Mapping[int, Path],
    attack: Path,
    *,
    random: bool,
) -> list[State]:
    """List the final state, checkpoints by epoch, random weights, and steps of the attack.

    Arguments:
        subject: The network in its final state, with its images.
        settings: What it was opened with: `network`, a name with its settings, and `seed`.
        checkpoints: Files of its training, by epoch.
        attack: Store of the attack, see `write_attack`; its images are those that are shown.
        random: Whether the same architecture with random weights is a state.

    Returns:
        The states in that order.
    """
    attacked, described = Rows(attack), read_network(settings["network"][1])
    rows = attacked.read(np.arange(len(attacked)), "row")

    def intact(part: slice) -> Tensor:
        return subject.read(rows[part])

    def final() -> Subject:
        return subject

    states = [State("final", "final", final, intact, {})]
    for epoch, path in sorted(checkpoints.items()):
        loaded = partial(at_checkpoint, subject, described, path)
        states.append(State(f"epoch {epoch}", "checkpoint", loaded, intact, {"epoch": epoch}))
    if random:
        drawn = partial(randomised, subject, described, settings["seed"])
        states.append(State("random weights", "random", drawn, intact, {}))
    for place, step in enumerate(attacked.attributes["recorded"]):
        moved = partial(_moved, subject, attacked, place)
        states.append(State(f"attack step {step}", "attack", final, moved, {"step": step}))
    return states


def at_checkpoint(subject: Subject, settings: NetworkSettings, path: Path) -> Subject:
    """Return the same network as a checkpoint of its training holds it.

    Arguments:
        subject: The network.
        settings: Its settings.
        path: The checkpoint.

    Raises:
        ConfigError: If it is missing, damaged or of another network.
    """
    network = load_network(
        *(subject.network.name, settings, path),
        classes=len(subject.images.class_names),
        image_size=subject.side,
    )
    return replace(subject, network=network)


def randomised(subject: Subject, settings: NetworkSettings, seed: int) -> Subject:
    """Return the same architecture with weights drawn at random.

    They are those that a training would begin with. Of a module of the user's, whose factory may
    read weights, all are drawn anew: by the modules that know how to, and else in a random order.

    Arguments:
        subject: The network.
        settings: Its settings.
        seed: Seed of the study.
    """
    drawn = int(stream(seed, "random weights of a control").integers(2**32))
    network = subject.network
    with seeded_globals(drawn):
        module = build_module(
            *(network.name, settings), classes=len(subject.classes), image_size=subject.side
        )
        torch.manual_seed(drawn)
        if isinstance(settings, Python):
            _draw_anew(module)
    module.eval().requires_grad_(False)
    return replace(subject, network=replace(network, module=module))


def _draw_anew(module: nn.Module) -> None:
    """Draw the weights of every module again."""
    for inner in module.modules():
        if callable(reset := getattr(inner, "reset_parameters", None)):
            reset()
            continue
        for values in inner.parameters(recurse=False):
            order = torch.randperm(values.numel())
            values.data = values.data.flatten()[order].view_as(values)


def _moved(subject: Subject, attacked: Rows, place: int, part: slice) -> Tensor:
    rows = np.arange(part.start, part.stop)
    moved = attacked.read(rows, "images")[:, place]
    return torch.from_numpy(np.ascontiguousarray(moved)).to(subject.device)
