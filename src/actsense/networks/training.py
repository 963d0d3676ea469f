"""Training of a small network on a cached dataset."""

__all__ = ["TrainingSettings", "train_network"]

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from actsense.data import ImageCache
from actsense.data.manifest import file_sha256
from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.networks.network import build_module, normalisation
from actsense.networks.state import save_state, write_card
from actsense.progress import Progress

log = logging.getLogger(__name__)

SHIFT = 1 / 16  # largest random shift while training, as a share of the side
READ = 512  # images per batch when scoring


@dataclass(frozen=True)
class TrainingSettings:
    """Width of the network and course of its training.

    Measured on the digits, two idle cores: 15 s, 97 to 99 % on the validation images. A bag of
    9x9 windows: 40 s of one core, 89 %.
    """

    width: int = 8  # channels of the first stage
    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 5e-3  # highest, on the way of a one-cycle schedule
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 0 or (value == 0 and field.name != "weight_decay"):
                raise ConfigError(f"networks: {field.name}: {value} must be positive.")


def train_network(
    settings: dict[str, Any],
    cache: ImageCache,
    seed: int,
    weights: Path,
    card: Path,
    device: torch.device | str = "cpu",
    threads: int = 1,
) -> None:
    """Train a small network and write its weights and its model card.

    Arguments:
        settings: The network's settings, as for `load_network`; `width`, `epochs`, `batch_size`,
            `learning_rate` and `weight_decay` have the defaults of `TrainingSettings`.
        cache: The dataset.
        seed: Seed of the weights, the order of the images and their shifts.
        weights: Where the state dict goes.
        card: Where the model card goes, JSON.
        device: Where to train.
        threads: CPU threads.

    Raises:
        ConfigError: If a setting is out of range.
    """
    names = {field.name for field in fields(TrainingSettings)}
    chosen = TrainingSettings(**{key: settings[key] for key in names & settings.keys()})
    started = time.perf_counter()
    with _surroundings(seed, threads):
        module = build_module("trained", settings, classes=len(cache.class_names)).to(device)
        rows = cache.partition_rows("train")
        mean, std = normalisation("trained", settings)
        batches = _Batches(cache, _column(mean, device), _column(std, device))
        _fit(module, batches, rows, chosen, seed)
        module.eval()
        accuracy = {
            part: _accuracy(module, batches, cache.partition_rows(part))
            for part in ("train", "validation")
        }
    log.info(
        "Accuracy: %.1f %% on train, %.1f %% on validation images",
        *(100 * share for share in accuracy.values()),
    )
    save_state(module, Path(weights))
    facts = {
        "settings": settings | asdict(chosen),
        "seed": seed,
        "accuracy": accuracy,
        "images": {part: len(cache.partition_rows(part)) for part in accuracy},
        "classes": cache.class_names,
        "data_sha256": cache.sha256(),
        "sha256": file_sha256(Path(weights)),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {package: version(package) for package in ("actsense", "torch")},
    }
    write_card(Path(card), facts)


@dataclass(frozen=True)
class _Batches:
    cache: ImageCache
    mean: Tensor  # (channel, 1, 1), on the device
    std: Tensor

    def read(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return the normalised images (batch, 3, side, side) and their labels (batch,)."""
        images = torch.from_numpy(self.cache.read(rows)).to(self.mean.device)
        labels = torch.from_numpy(self.cache.manifest["label"].to_numpy()[rows])
        return (images.float() / 255 - self.mean) / self.std, labels.to(self.mean.device)


def _fit(
    module: nn.Module,
    batches: _Batches,
    rows: NDArray[np.int64],
    settings: TrainingSettings,
    seed: int,
) -> None:
    draw = stream(seed, "order and shifts of training images")
    steps = -(-len(rows) // settings.batch_size)
    optimiser = torch.optim.AdamW(
        module.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.epochs * steps
    )
    module.train()
    with Progress(settings.epochs * len(rows), desc="training", unit="image") as known:
        for epoch in range(settings.epochs):
            for batch in np.array_split(draw.permutation(rows), steps):
                images, labels = batches.read(batch)
                loss = functional.cross_entropy(module(_shifted(images, draw)), labels)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
                known.update(len(batch))
            known.note = f"loss {loss.item():.3f} after epoch {epoch + 1}"


def _shifted(images: Tensor, draw: np.random.Generator) -> Tensor:
    """Shift a batch by a few pixels; the border is repeated."""
    height, width = images.shape[2:]
    most = round(height * SHIFT)
    top, left = draw.integers(2 * most + 1, size=2)
    padded = functional.pad(images, (most, most, most, most), mode="replicate")
    return padded[:, :, top : top + height, left : left + width]


@torch.inference_mode()
def _accuracy(module: nn.Module, batches: _Batches, rows: NDArray[np.int64]) -> float:
    hits = 0
    for start in range(0, len(rows), READ):
        images, labels = batches.read(rows[start : start + READ])
        hits += int((module(images).argmax(dim=1) == labels).sum())
    return hits / len(rows)


def _column(values: tuple[float, ...], device: torch.device | str) -> Tensor:
    return torch.tensor(values, device=device).view(3, 1, 1)


@contextmanager
def _surroundings(seed: int, threads: int) -> Iterator[None]:
    """Seed torch and set its threads; leave both as they were."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
