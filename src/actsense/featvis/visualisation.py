"""Pictures of what any module responds to, in one call."""

__all__ = ["Pictures", "evaluating", "finished", "visualise"]

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from actsense.draws.counter import counter_keys
from actsense.errors import ConfigError, choose
from actsense.featvis.pictures.starts import start_images
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.record import Made
from actsense.featvis.search.synthesis import synthesise
from actsense.featvis.search.watch import Watch
from actsense.featvis.settings import Objective, Picture, Search
from actsense.featvis.targets.targets import WHOLE, Targets, direction_targets
from actsense.progress import Progress

SECTIONS: tuple[type[BaseModel], ...] = (Objective, Picture, Search)
STRONGEST = 10  # images that a picture starts at the mean of
BATCH = 32  # images that are shown, and pictures that are made, at a time
LEVELS = 255

Unit = tuple[int, int, int]


@dataclass(frozen=True)
class Pictures:
    """Pictures of the targets of a layer.

    Attributes:
        images: The pictures, (targets, 3, side, side) float32 in [0, 1].
        activation: Along every target's direction, (targets,) float32: of the pictures as they
            are, in standard deviations of the given images; without these, in the layer's unit.
        silent: Targets that never responded, whose pictures are their starts, (targets,) bool.
        iterations: Iterations of the curves.
        curves: What pictures were judged by on the way, (targets, iterations) by name: total,
            activation, cosine, distance, penalty, variation.
    """

    images: Tensor
    activation: Tensor
    silent: Tensor
    iterations: list[int]
    curves: dict[str, Tensor]


def visualise(
    module: nn.Module,
    target: str,
    *,
    images: Tensor | NDArray[Any] | None = None,
    channels: Sequence[int] | None = None,
    unit: Unit | None = None,
    direction: Tensor | NDArray[Any] | None = None,
    side: int | None = None,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    seed: int = 0,
    **settings: Any,
) -> Pictures:
    """Make pictures of what a layer of any module responds to.

    Arguments:
        module: The module, on any device; left in the mode that it is in.
        target: Name of a module in it, as in `module.named_modules()`.
        images: Natural images in [0, 1], (images, 3, side, side): pictures have their colours
            and spectra, start at the mean of the strongest, and are compared with them. None:
            those of photographs at large, and a start from noise.
        channels: Channels, or units of a vector, that get a picture each; default: all.
        unit: Instead, channel, row and column of a single unit.
        direction: Instead, how much every channel counts, (channels,).
        side: Side of the pictures, pixels, where there are no images.
        mean: What the module expects images in [0, 1] to be normalised by, a number per colour.
        std: Like it.
        seed: Seed of all random numbers.
        settings: Keys of the sections `objective`, `picture` and `search` of the configuration,
            such as `iterations`, `model` or `penalty`.

    Returns:
        The pictures, on the CPU, in the order of the targets.

    Raises:
        ConfigError: If a name, a setting or a target is not allowed, or no target responds.
    """
    natural = _Natural.given(images, side)
    start = "noise" if natural.images is None else "mean"
    objective, picture, search = _sections({"start": start} | settings)
    if natural.images is None and picture.start in ("mean", "image"):
        raise ConfigError(
            f"start: {picture.start} needs images. Give some, or take noise or grey."
        )
    with evaluating(module) as device:
        watch = Watch.of_module(
            *(module, target, objective.penalty), side=natural.side, mean=mean, std=std
        )
        directions, place = _wanted(watch.layer.shape, channels, unit, direction)
        responses = natural.responses(watch, place, device)
        targets = _targets(target, directions, place, responses)
        strongest = _strongest(targets, responses)
        keys = counter_keys(seed, ["picture for a Python user", torch.arange(len(targets))])
        parts = torch.split(torch.arange(len(targets)), BATCH)
        made = []
        total = search.iterations * len(parts)
        with Progress(total, desc="pictures", unit="iteration") as bar:
            for part in parts:
                members = natural.members(strongest[part])
                starts = start_images(picture.start, keys[part], natural.statistics, **members)
                own = targets[part].to(device)
                found = synthesise(
                    *(watch, own, starts.to(device), natural.statistics),
                    keys=keys[part].to(device),
                    groups=part.to(device),
                    objective=objective,
                    picture=picture,
                    search=search,
                    kept=2,
                    bar=bar,
                )
                made.append(finished(watch, own, found))
    return _joined(made)


def finished(watch: Watch, targets: Targets, made: Made) -> Pictures:
    """Return the results of a search, shown to the network once more as they are.

    Arguments:
        watch: Reads the layer.
        targets: The targets, on the device of the network.
        made: The search.
    """
    images = made.images[-1]
    with torch.inference_mode():
        maps, _ = watch(images.to(targets.direction.device))
        activation = targets.activation(targets.read(maps)).cpu()
    return Pictures(images, activation, made.silent, made.iterations, made.curves)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[torch.device]:
    """Have a module in evaluation mode, and put all of it back; yields its device."""
    training = {own: own.training for own in module.modules()}
    first = next(module.parameters(), next(module.buffers(), torch.empty(0)))
    module.eval()
    try:
        yield first.device
    finally:
        for own, mode in training.items():
            own.training = mode


@dataclass(frozen=True)
class _Natural:
    """Natural images, or none.

    Attributes:
        images: The images, (images, 3, side, side), or None.
        side: Side of pictures, pixels.
    """

    images: Tensor | None
    side: int

    @classmethod
    def given(cls, images: Tensor | NDArray[Any] | None, side: int | None) -> "_Natural":
        """Check what a user gave."""
        if images is None:
            if side is None:
                raise ConfigError("side: there are no images to take it from. Give it, in pixels.")
            return cls(None, side)
        found = torch.as_tensor(images).detach().cpu().float()
        if found.ndim != 4 or found.shape[1] != 3 or found.shape[2] != found.shape[3]:
            raise ConfigError(
                f"images: must be (images, 3, side, side); got {tuple(found.shape)}. Cut them "
                "square."
            )
        if not len(found) or not 0 <= float(found.min()) <= float(found.max()) <= 1:
            raise ConfigError("images: must be one or more, with values in [0, 1].")
        return cls(found, found.shape[-1])

    @cached_property
    def statistics(self) -> ImageStatistics:
        """What they are like."""
        if self.images is None:
            return ImageStatistics.typical(self.side)
        return ImageStatistics.measure(torch.split(self.images, BATCH))

    def responses(
        self, watch: Watch, place: tuple[int, int], device: torch.device
    ) -> Tensor | None:
        """Return what a layer says of them, averaged or at a place, (images, channels)."""
        if self.images is None:
            return None
        found = []
        for batch in torch.split(self.images, BATCH):
            with torch.inference_mode():
                maps, _ = watch(batch.to(device))
            if maps.ndim > 2:
                maps = maps.mean(dim=(2, 3)) if WHOLE in place else maps[:, :, *place]
            found.append(maps.cpu())
        return torch.cat(found)

    def members(self, chosen: Tensor) -> dict[str, Tensor]:
        """Return images to start at, and how much each counts; (targets, members) are given."""
        if self.images is None:
            return {}
        members = (self.images[chosen] * LEVELS).round().to(torch.uint8)
        return {"members": members, "weights": torch.full(chosen.shape, 1 / chosen.shape[1])}


def _sections(settings: dict[str, Any]) -> tuple[Objective, Picture, Search]:
    homes = {name: home for home in SECTIONS for name in home.model_fields}
    for name in settings:
        choose("visualise", name, homes)
    try:
        objective, picture, search = (
            home.model_validate({k: v for k, v in settings.items() if homes[k] is home})
            for home in SECTIONS
        )
    except ValidationError as error:
        (first, *_) = error.errors()
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{place}: {first['msg']}; got {first['input']!r}.") from error
    assert isinstance(objective, Objective)
    assert isinstance(picture, Picture)
    assert isinstance(search, Search)
    return objective, picture, search


def _wanted(
    shape: tuple[int, ...],
    channels: Sequence[int] | None,
    unit: Unit | None,
    direction: Tensor | NDArray[Any] | None,
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Return directions, (targets, channels), and the place that is looked at."""
    given = [one for one in (channels, unit, direction) if one is not None]
    if len(given) > 1:
        raise ConfigError("Give channels, a unit or a direction: one of them.")
    count, place = shape[0], (WHOLE, WHOLE)
    if direction is not None:
        along = torch.as_tensor(direction).detach().cpu().double().numpy()
        if along.shape != (count,) or not np.isfinite(along).all() or not along.any():
            raise ConfigError(
                f"direction: must hold {count} finite numbers, one per channel, not all 0; got "
                f"the shape {along.shape}."
            )
        return along[None], place
    if unit is not None:
        grid = shape[1:] or (1, 1)
        if any(not 0 <= at < size for at, size in zip(unit, (count, *grid), strict=True)):
            raise ConfigError(f"unit: {unit} is none of a layer of {(count, *grid)}.")
        channels, place = unit[:1], unit[1:] if len(shape) > 1 else place
    chosen = list(range(count)) if channels is None else list(channels)
    if not chosen or any(not 0 <= channel < count for channel in chosen):
        raise ConfigError(f"channels: {chosen} must be one or more of 0 to {count - 1}.")
    return np.eye(count)[chosen], place


def _targets(
    layer: str,
    directions: NDArray[np.float64],
    place: tuple[int, int],
    responses: Tensor | None,
) -> Targets:
    # Without images, a mean of 0 and a deviation of 1: activations are in the layer's unit.
    told = np.array([-1.0, 1.0])[:, None] * np.ones(directions.shape[1])
    known = told if responses is None else responses.numpy()
    targets = direction_targets(layer, directions, known)
    return replace(targets, place=torch.tensor(place).expand(len(targets), 2).contiguous())


def _strongest(targets: Targets, responses: Tensor | None) -> Tensor:
    """Return the images that drive every target most, (targets, members)."""
    if responses is None:
        return torch.empty(len(targets), 0, dtype=torch.int64)
    along = (targets.standardise(responses[:, None]) * targets.direction).sum(dim=2)
    order = along.argsort(dim=0, descending=True, stable=True)
    return order[:STRONGEST].T


def _joined(parts: Sequence[Pictures]) -> Pictures:
    first = parts[0]
    curves = {name: torch.cat([part.curves[name] for part in parts]) for name in first.curves}
    return Pictures(
        torch.cat([part.images for part in parts]),
        torch.cat([part.activation for part in parts]),
        torch.cat([part.silent for part in parts]),
        first.iterations,
        curves,
    )
