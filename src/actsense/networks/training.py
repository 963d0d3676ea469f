"""Training of a small network to classify the images of a cached dataset."""

__all__ = ["Training", "train_checkpoint", "train_network"]

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from actsense.data.cache import ImageCache
from actsense.data.digits import background_labels
from actsense.device.precision import arithmetic
from actsense.errors import ConfigError
from actsense.networks.checkpoint import Learner, load_checkpoint, save_checkpoint
from actsense.networks.distillation import Distillation, Teacher
from actsense.networks.fingerprint import fingerprint
from actsense.networks.fitting import Batch, FitSettings, fit
from actsense.networks.image_batches import (
    CroppedBatches,
    ImageBatches,
    LabelledImages,
    ShiftedBatches,
)
from actsense.networks.network import build_module, load_network, normalisation
from actsense.networks.optimisers import build_optimiser, build_schedule
from actsense.networks.settings import Trained, read_network
from actsense.networks.state import save_state
from actsense.store import file_hash, write_facts
from actsense.store.atomic import partials, remove

log = logging.getLogger(__name__)

READ = 512  # images per batch when scoring
TRIED = 2  # images that tell the shapes of what a student learns
OPENED = "opened"  # among the settings of a student: what its teacher is opened with
PARTS = ("train", "validation")
BATCHES = {"shift": ShiftedBatches, "crop_flip": CroppedBatches}
COURSE = {"width", "epochs", "batch_size", "learning_rate", "weight_decay"}


@dataclass(frozen=True)
class Training:
    """A network to be trained, and what decides its weights.

    Arguments:
        settings: The network's settings as plain values, kept on the card, and its `name`.
        cache: The dataset.
        seed: Seed of the weights, the order of the images and their shifts.
        precision: What the network computes in, see `arithmetic`.
        device: Where to train.
        teacher: The network that it learns from, if its settings name one.
    """

    settings: Mapping[str, Any]
    cache: ImageCache
    seed: int
    precision: str = "float32"
    device: torch.device | str = "cpu"
    teacher: Teacher | None = None

    @classmethod
    def opened(cls, params: Any, inputs: Any, device: torch.device) -> "Training":
        """Open the images of a job, and the teacher where there is one.

        Arguments:
            params: Its `settings`, `seed` and `precision`; see `Study.training_settings`.
            inputs: Its `images` and `manifest`, and `teacher`, a list of one file of weights.
            device: Where to train.
        """
        own = dict(params.settings)
        described = own.pop(OPENED, None)
        training = cls(
            *(own, ImageCache.open(inputs.images, inputs.manifest), params.seed),
            precision=params.precision,
            device=device,
        )
        if described is None:
            return training
        (weights,) = inputs.teacher
        teacher = Teacher.opened(
            *(inputs.images, inputs.manifest, weights, described),
            batch_size=training.chosen.batch_size,
            device=device,
        )
        return replace(training, teacher=teacher)

    @property
    def name(self) -> str:
        """Name of the network in the configuration."""
        return str(self.settings["name"])

    @cached_property
    def chosen(self) -> Trained:
        """Network and course of the training.

        Measured on the digits, two idle cores: 15 s, 97 to 99 % on the validation images. A bag
        of 9x9 windows: 40 s of one core, 87 %.
        """
        described = read_network(self.settings)
        if not isinstance(described, Trained):
            raise ValueError(f"networks.{self.name} is of kind {described.kind}: not trained.")
        return described

    @property
    def outputs(self) -> list[str]:
        """What its outputs are: the classes of the dataset, or photographs."""
        return list(self.chosen.outputs or self.cache.class_names)

    @cached_property
    def labels(self) -> NDArray[np.int64] | None:
        """Output of every image, (rows,), where that is not its class."""
        if self.chosen.learns == "class":
            return None
        if len(self.outputs) != len(self.cache.class_names):
            raise ValueError("All networks of a study have as many outputs as there are classes.")
        return background_labels(self.cache.manifest["path"])

    @property
    def kept(self) -> dict[str, Any]:
        """Settings that decide the weights, with their defaults."""
        return {**self.settings, **self.chosen.model_dump(include=COURSE)}

    @property
    def taught(self) -> dict[str, Any]:
        """Whom it learns from, and what; nothing without a teacher."""
        if self.teacher is None:
            return {}
        return {"teacher": self.chosen.taught | {"sha256": self.teacher.sha256}}

    @cached_property
    def fitting(self) -> FitSettings:
        """What files of this training are told by."""
        return FitSettings(
            epochs=self.chosen.epochs,
            seed=self.seed,
            precision=self.precision,
            origin={
                "settings": self.kept,
                "data_sha256": self.cache.sha256(),
                "torch": version("torch"),
                **self.taught,
            },
        )


def train_network(
    training: Training, weights: Path, card: Path, *, checkpoints: Sequence[Path] = ()
) -> None:
    """Train a small network and write its weights and its model card.

    A training that was killed goes on from what it kept beside the weights.

    Arguments:
        training: See `Training`.
        weights: Where the state dict goes.
        card: Where the model card goes, JSON.
        checkpoints: Files of `train_checkpoint`, by epoch. The training goes on from the last.

    Raises:
        ConfigError: If a setting is out of range, or a checkpoint is damaged or of another
            training.
    """
    started = time.perf_counter()
    course = _Course.begun(training, checkpoints[-1:])
    course.go_on(training.chosen.epochs, _position(weights))
    accuracy = course.accuracy()
    save_state(course.learner.module, weights)
    passed = [course.described(path) for path in checkpoints]
    module, cache = course.learner.module, training.cache
    facts = {
        "settings": training.kept,
        "seed": training.seed,
        "precision": training.precision,
        "accuracy": accuracy,
        **training.taught,
        **({"checkpoints": passed} if passed else {}),
        "images": {part: len(cache.partition_rows(part)) for part in PARTS},
        "classes": training.outputs,
        "data_sha256": cache.sha256(),
        "sha256": file_hash(weights),
        "fingerprint": _mark(training, weights),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
        "seconds": round(time.perf_counter() - started, 1),
        "versions": {package: version(package) for package in ("actsense", "torch")},
    }
    write_facts(card, facts)
    _forget(_position(weights))


def train_checkpoint(
    training: Training, path: Path, *, epoch: int, earlier: Sequence[Path] = ()
) -> None:
    """Train a small network for some of its epochs and write all that the others need.

    Arguments:
        training: See `Training`; its settings describe the whole training.
        path: Where the checkpoint goes; `load_network` reads the weights in it.
        epoch: Epochs until then; 0 for the weights that the training begins with.
        earlier: Checkpoints of the same training to go on from, by epoch: the last is used.

    Raises:
        ConfigError: As `train_network`, or if the training has fewer epochs.
    """
    if not 0 <= epoch <= training.chosen.epochs:
        raise ConfigError(
            f"{path}: epoch {epoch} is none of networks.{training.name}. "
            f"Allowed: 0 to {training.chosen.epochs}."
        )
    course = _Course.begun(training, earlier[-1:])
    course.go_on(epoch, _position(path))
    save_checkpoint(path, course.learner, asdict(training.fitting))
    _forget(_position(path))


@dataclass(frozen=True)
class _Course:
    training: Training
    learner: Learner
    images: LabelledImages
    batches: ImageBatches
    distillation: Distillation | None

    @classmethod
    def begun(cls, training: Training, checkpoints: Sequence[Path]) -> "_Course":
        """Draw the weights, or take a checkpoint."""
        chosen, cache, name = training.chosen, training.cache, training.name
        with torch.random.fork_rng(devices=[]):  # weights are drawn on the CPU
            torch.manual_seed(training.seed)
            module = build_module(name, chosen, classes=len(training.outputs))
        module.to(training.device)
        images = LabelledImages(
            cache, *normalisation(name, chosen), training.device, training.labels
        )
        batches = BATCHES[chosen.augment](
            images, cache.partition_rows("train"), chosen.batch_size, training.seed
        )
        distillation = cls._distillation(training, module, images)
        beside = distillation.adapter if distillation else None
        trained = [*module.parameters(), *(beside.parameters() if beside else ())]
        optimiser = build_optimiser(chosen, trained)
        schedule = build_schedule(chosen, optimiser, batches.steps)
        learner = Learner(module, optimiser, schedule, beside=beside)
        course = cls(training, learner, images, batches, distillation)
        for path in checkpoints:
            course.take(path)
        return course

    @staticmethod
    def _distillation(
        training: Training, module: nn.Module, images: LabelledImages
    ) -> Distillation | None:
        if training.teacher is None:
            return None
        few, _ = images.read(training.cache.partition_rows("train")[:TRIED])
        return Distillation(
            *(training.name, training.chosen, module, training.teacher, images.unit(few)),
            seed=training.seed,
        )

    def take(self, path: Path) -> None:
        """Go to where a checkpoint stands."""
        if not load_checkpoint(path, self.learner, asdict(self.training.fitting)):
            raise ConfigError(
                f"{path}: a checkpoint of another training than that of "
                f"networks.{self.training.name}. Delete it and run again: it is made anew."
            )

    def go_on(self, epoch: int, position: Path) -> None:
        """Train to the end of an epoch."""
        module = self.learner.module

        def loss(batch: Batch) -> Tensor:
            z, labels = batch
            if self.distillation is None:
                return functional.cross_entropy(module(z), labels)
            return self.distillation.loss(z, labels, self.images.unit(z))

        settings = self.training.fitting
        fit(self.learner, loss, self.batches, settings, until=epoch, position=position)

    def described(self, path: Path) -> dict[str, Any]:
        """Return what the card says of a checkpoint; the learner stands there afterwards."""
        self.take(path)
        epoch = self.learner.step // self.batches.steps
        return {"epoch": epoch, "accuracy": self.accuracy(), "sha256": file_hash(path)}

    def accuracy(self) -> dict[str, float]:
        """Return the share of images of each partition that are classified right."""
        self.learner.module.eval()
        rows = {part: self.training.cache.partition_rows(part) for part in PARTS}
        device = torch.device(self.training.device)
        with torch.inference_mode(), arithmetic(self.training.precision, device):
            found = {part: self._hits(rows[part]) / len(rows[part]) for part in PARTS}
        log.info(
            "Accuracy: %.1f %% on train, %.1f %% on validation images",
            *(100 * share for share in found.values()),
        )
        return found

    def _hits(self, rows: NDArray[np.int64]) -> int:
        hits = 0
        for start in range(0, len(rows), READ):
            images, labels = self.images.read(rows[start : start + READ])
            hits += int((self.learner.module(images).argmax(dim=1) == labels).sum())
        return hits


def _mark(training: Training, weights: Path) -> dict[str, Any]:
    side, classes = training.cache.image_size, len(training.outputs)
    network = load_network(
        *(training.name, training.chosen, weights), classes=classes, image_size=side
    )
    return fingerprint(network, side)


def _position(path: Path) -> Path:
    """Return the file of the state kept on the way to a result: no output of the job's rule.

    Snakemake deletes outputs before a job and after a failure.
    """
    return path.with_name(f".{path.name}.position")


def _forget(position: Path) -> None:
    for path in (position, *partials(position)):
        remove(path)
