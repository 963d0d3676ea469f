"""Attacks and recorded features against bare passes of as many images."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from actsense.features.attack import Goal, perturb, start_keys
from actsense.features.attacked import write_attack
from actsense.features.images import choose_images
from actsense.features.record import record_features
from actsense.features.settings import Attack
from actsense.features.states import list_states
from actsense.networks.subject import Subject
from benchmarks.measure import Measurement, interleaved
from benchmarks.spatial import BATCH, CLASSES, SETTINGS, SIDE, alexnet

STEPS = 3
IMAGES = 40  # validation images, in two states; a study has hundreds in a dozen
LAYERS, GRID = ("features.2", "features.5", "features.7", "features.9"), (13, 13)
LAST = Attack(steps=1, recorded=1)  # with the intact images, two states of the same weights


def measurements() -> Iterator[Measurement]:
    """Measure AlexNet with random weights on the CPU."""
    own = alexnet(images=2 * IMAGES)
    for norm in ("linf", "l2"):
        yield _attack(own, Attack(norm=norm, steps=STEPS))
    with tempfile.TemporaryDirectory() as folder:
        yield _record(own, Path(folder))


def _attack(own: Subject, settings: Attack) -> Measurement:
    rows = np.resize(np.concatenate(own.pool.rows[1]), BATCH)
    images, keys = own.read(rows), start_keys(0, rows)
    labels, classes = torch.arange(BATCH) % CLASSES, torch.arange(CLASSES)

    def attack() -> None:
        for _ in perturb(own, images, Goal(classes, labels, targeted=False), keys, settings):
            pass

    def bare() -> None:
        for _ in range(STEPS):
            z = own.normalise(images).requires_grad_()
            loss = functional.cross_entropy(own.network.module(z), labels, reduction="sum")
            torch.autograd.grad(loss, z)

    taken, alone = interleaved(attack, bare, rounds=3)
    return Measurement(
        f"attack_{settings.norm}_over_gradient",
        taken / alone,
        1.3,
        1.15,
        "ratio",
        f"{STEPS} steps for {BATCH} images of AlexNet at {SIDE}x{SIDE}: "
        f"{taken / STEPS / BATCH * 1e3:.2f} ms each; bare {alone / STEPS / BATCH * 1e3:.2f} ms",
    )


def _record(own: Subject, folder: Path) -> Measurement:
    chosen = choose_images(own, images=IMAGES, classes=CLASSES)
    write_attack(own, chosen, LAST, folder / "attack.zarr", seed=0, attributes={})
    opened = {"network": ["alexnet", SETTINGS.plain()], "seed": 0}
    states = list_states(own, opened, {}, folder / "attack.zarr", random=False)
    written = iter(range(1000))

    def record() -> None:
        path = folder / f"features_{next(written)}.zarr"
        places = {"layers": LAYERS, "grid": GRID}
        record_features(own, states, folder / "attack.zarr", path, **places, attributes={})

    images = own.read(chosen.rows)

    def bare() -> None:
        with torch.inference_mode():
            for _ in states:
                own.network.module(own.normalise(images))

    taken, forward = interleaved(record, bare, rounds=3)
    count = len(states) * IMAGES
    return Measurement(
        "record_features_over_forward",
        taken / forward,
        2.0,
        1.5,
        "ratio",
        f"{count} images of AlexNet at {SIDE}x{SIDE}, four layers of {GRID[0]}x{GRID[1]} places, "
        f"read, averaged and written: {taken / count * 1e3:.2f} ms each; "
        f"bare {forward / count * 1e3:.2f} ms",
    )
