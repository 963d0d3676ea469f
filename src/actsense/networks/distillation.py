"""Learning from another network: from its logits, or from what one of its layers computes.

With weight w, the loss of a batch is (1 - w) times the cross-entropy with the labels, and w times

    logits    T^2 KL(softmax(t / T) || softmax(s / T)), t the teacher's logits, s the student's
    a layer   the mean squared difference of the student's features, adapted, and the teacher's,
              over the variance of these in the batch

Where shapes differ, maps are averaged onto the smaller grid, or over all places beside a vector,
and a linear map of channels, trained along and then dropped, adapts the student's.
"""

__all__ = ["Distillation", "Teacher"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from actsense.draws import stream
from actsense.errors import ConfigError, choose
from actsense.networks.opening import open_subject
from actsense.networks.outputs import NONE
from actsense.networks.settings import LOGITS, Trained
from actsense.networks.subject import Subject
from actsense.store import file_hash

MAP = 4  # axes of a batch of maps
TINY = 1e-12  # a variance that is none


@dataclass(frozen=True)
class Teacher:
    """A network that another one learns from.

    Arguments:
        subject: The network, opened on the images that the student is trained on.
        sha256: Of its weights.
    """

    subject: Subject
    sha256: str

    @classmethod
    def opened(
        cls,
        images: Path,
        manifest: Path,
        weights: Path,
        settings: Mapping[str, Any],
        *,
        batch_size: int,
        device: torch.device,
    ) -> "Teacher":
        """Open a teacher; arguments and errors are those of `open_subject`."""
        subject = open_subject(
            *(images, manifest, weights, settings), batch_size=batch_size, device=device
        )
        return cls(subject, file_hash(Path(weights)))

    @cached_property
    def places(self) -> Tensor:
        """Output of every class of the dataset, (classes,) int64 on the device.

        Raises:
            ConfigError: If a class has none.
        """
        subject = self.subject
        places = torch.from_numpy(subject.outputs.places)
        if subject.network.returns == "sigmoids" or (places == NONE).any():
            raise ConfigError(
                f"networks.{subject.network.name}: a student cannot learn from its logits, for "
                "its outputs are not the classes of the dataset. Name a layer as `distil`, or "
                "another teacher."
            )
        return places.to(subject.device)

    def logits(self, images: Tensor) -> Tensor:
        """Return logits of the classes, (batch, classes), of images in [0, 1]."""
        return self.subject(images)[:, self.places]

    @torch.no_grad()
    def answers(self, images: Tensor, ask: Callable[[Tensor], Tensor]) -> Tensor:
        """Ask about images in [0, 1], (batch, 3, side, side), as many at a time as fit."""
        found: list[Tensor] = []
        self.subject.memory.run(len(images), lambda part: found.append(ask(images[part])))
        return torch.cat(found)


class Distillation:
    """The loss of a student.

    Arguments:
        name: Name of the student, for messages.
        settings: Its settings.
        module: The student, on the device.
        teacher: Its teacher.
        images: Some images that both can be tried on, in [0, 1], (batch, 3, side, side).
        seed: Seed of the adapter.

    Attributes:
        adapter: From channels of the student's layer to those of the teacher's; None where no
            map is needed.
    """

    adapter: nn.Module | None

    def __init__(
        self,
        name: str,
        settings: Trained,
        module: nn.Module,
        teacher: Teacher,
        images: Tensor,
        seed: int,
    ) -> None:
        self._settings, self._module, self._teacher = settings, module, teacher
        self._own, self._ask = module, teacher.logits
        self._distance, self.adapter = self._of_logits, None
        if settings.distil != LOGITS:
            known = [inner for inner, _ in module.named_modules() if inner]
            choose(f"networks.{name}.distil", settings.distil, [LOGITS, *known])
            tap = teacher.subject.tap([settings.teacher_layer or settings.distil])
            self._own = module.get_submodule(settings.distil)
            self._ask = lambda images: next(iter(tap(images).values()))
            self._distance, self.adapter = self._of_features, self._adapting(images, seed)

    def loss(self, z: Tensor, labels: Tensor, images: Tensor) -> Tensor:
        """Return the loss of a batch, ().

        Arguments:
            z: Images as the student gets them, (batch, 3, side, side).
            labels: Their classes, (batch,).
            images: The same images in [0, 1].
        """
        weight = self._settings.distil_weight
        logits, own = self._run(z)
        plain = functional.cross_entropy(logits, labels)
        taught = self._teacher.answers(images, self._ask)
        return (1 - weight) * plain + weight * self._distance(own.float(), taught.float())

    def _run(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the student's logits, and what is held against the teacher."""
        seen: list[Tensor] = []
        hook = self._own.register_forward_hook(lambda _module, _given, output: seen.append(output))
        try:
            return self._module(z), seen[-1]
        finally:
            hook.remove()

    def _of_logits(self, own: Tensor, taught: Tensor) -> Tensor:
        temperature = self._settings.distil_temperature
        log_own, log_taught = ((x / temperature).log_softmax(dim=1) for x in (own, taught))
        divergence = functional.kl_div(log_own, log_taught, reduction="batchmean", log_target=True)
        return divergence * temperature**2

    def _of_features(self, own: Tensor, taught: Tensor) -> Tensor:
        own, taught = _alike(own, taught)
        if self.adapter is not None:
            own = self.adapter(own)
        return functional.mse_loss(own, taught) / taught.var().clamp(min=TINY)

    @torch.no_grad()
    def _adapting(self, images: Tensor, seed: int) -> nn.Module | None:
        """Build the adapter, if one is needed."""
        training = self._module.training
        self._module.eval()  # nothing is to be learned of these images
        _, own = self._run(images)
        self._module.train(training)
        pair = _alike(own, self._teacher.answers(images, self._ask))
        widths = [features.shape[-1] for features in pair]
        if widths[0] == widths[1]:
            return None
        with torch.random.fork_rng(devices=[]):
            drawn = stream(seed, "adapter of a student").integers(2**63)
            torch.manual_seed(int(drawn))
            return nn.Linear(widths[0], widths[1]).to(images.device)


def _alike(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Bring features of both onto one grid, channels last: (batch, ..., channels)."""
    if one.ndim == other.ndim == MAP:
        grid = [min(sides) for sides in zip(one.shape[2:], other.shape[2:], strict=True)]
        return _averaged(one, grid).movedim(1, -1), _averaged(other, grid).movedim(1, -1)
    return _mean(one), _mean(other)


def _mean(features: Tensor) -> Tensor:
    """Average over places, if there are any."""
    return features.flatten(2).mean(dim=2) if features.ndim > 2 else features


def _averaged(maps: Tensor, grid: list[int]) -> Tensor:
    """Average maps onto a grid, as adaptive pooling does, whose way back has no order on a GPU."""
    rows, cols = (_means(n, k, maps) for n, k in zip(maps.shape[2:], grid, strict=True))
    return rows @ maps @ cols.mT


def _means(length: int, count: int, like: Tensor) -> Tensor:
    """Return what averages so many places into a count of them, (count, length)."""
    unit = torch.eye(length, dtype=like.dtype, device=like.device)
    return functional.adaptive_avg_pool1d(unit, count).mT
