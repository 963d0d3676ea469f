"""A small search: a network with a penalised layer, soft images and the facets they make."""

from collections.abc import Callable
from dataclasses import fields
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn

from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.record import Made
from actsense.featvis.search.synthesis import synthesise
from actsense.featvis.settings import Objective, Picture, Search
from actsense.featvis.targets.targets import Targets

SIDE, PICTURES = 16, 3
OFF = {"jitter_px": 0, "zoom": 0.0, "rotation_degrees": 0.0}
# Everything that an iteration can do.
BUSY = {
    "mask_sigma_px": {"start": 6.0, "end": 4.0},
    "blur_sigma_px": {"start": 0.9, "end": 0.2},
    "blur_every": 2,
    "denoise_weight": {"start": 4.0, "end": 8.0},
    "denoise_every": 3,
    "brightness_every": 4,
    "canvas": 1.3,
    "window_every": 5,
    "learning_rate": {"start": 0.05, "end": 0.02},
}

Respond = Callable[[Tensor], tuple[Tensor, Tensor | None]]


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Draw normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network() -> nn.Sequential:
    """Build two layers of random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.BatchNorm2d(8), nn.Conv2d(8, 12, 3), nn.ReLU())
        )
    return made.eval().requires_grad_(False)


NETWORK = network()


def respond(images: Tensor) -> tuple[Tensor, Tensor]:
    """Show images to the network; return its maps, and those of the layer that is penalised."""
    inner = NETWORK[:3](4 * images - 2)
    return NETWORK[3:](inner), inner


def photos(images: int = 40) -> Tensor:
    """Return images of soft colours."""
    small = torch.rand(images, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    return nn.functional.interpolate(small, SIDE, mode="bilinear")


def targets(*, respond: Respond = respond, response: bool = True) -> Targets:
    """Return facets of planted images: some channels that they drive, and their response."""
    found = respond(photos())[0].mean(dim=(2, 3))
    mean, std = found.mean(dim=0), found.std(dim=0)
    own = found[:PICTURES]
    contrast = (own - mean) / std
    chosen = contrast >= contrast.topk(3, dim=1).values[:, -1:]
    shape = (PICTURES, found.shape[1])
    return Targets(
        *("layer", chosen / 3.0, mean.expand(shape).clone(), std.expand(shape).clone()),
        torch.full((PICTURES, 2), -1),
        own if response else torch.full(shape, torch.nan),
    )


def units() -> Targets:
    """Return the targets without a response to come near to."""
    return targets(response=False)


def made(
    *,
    respond: Respond = respond,
    own: Targets | None = None,
    starts: Tensor | None = None,
    keys: Tensor | None = None,
    groups: Tensor | None = None,
    model: str = "pixels",
    objective: dict[str, Any] | None = None,
    **options: Any,
) -> Made:
    """Search with a few iterations; options of the search, or of the function."""
    own = targets() if own is None else own
    starts = photos()[:PICTURES].flip(0) * 0.5 + 0.25 if starts is None else starts
    numbers = torch.arange(len(own))
    known = ("state", "clock", "bar", "precision")
    for_function = {name: options.pop(name) for name in known if name in options}
    statistics = options.pop("statistics", ImageStatistics.typical(starts.shape[-1]))
    kept = options.pop("kept", 3)
    return synthesise(
        *(respond, own, starts, statistics),
        keys=numbers if keys is None else keys,
        groups=numbers if groups is None else groups,
        objective=Objective.model_validate(objective or {}),
        picture=Picture.model_validate({"model": model}),
        search=Search.model_validate({"iterations": 12} | options),
        kept=kept,
        **for_function,
    )


def assert_same(one: Made, other: Made) -> None:
    """Hold two results against each other, bit by bit."""
    for own in fields(one):
        first, second = getattr(one, own.name), getattr(other, own.name)
        if own.name == "curves":
            assert first.keys() == second.keys()
            torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)
        elif isinstance(first, Tensor):
            torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)
        else:
            assert first == second


def dead(images: Tensor) -> tuple[Tensor, None]:
    """Respond with half of the channels alone."""
    maps, _ = respond(images)
    alive = (torch.arange(maps.shape[1]) < 6).float().view(1, -1, 1, 1)
    return maps * alive, None


def unit_targets(*channels: int) -> Targets:
    """Return targets that are one channel each."""
    shape = (len(channels), 12)
    return Targets(
        *("layer", torch.eye(12)[list(channels)], torch.zeros(shape), torch.ones(shape)),
        torch.full((len(channels), 2), -1),
        torch.full(shape, torch.nan),
    )


def tiny_targets() -> Targets:
    """Return one target of three channels."""
    shape = (1, 3)
    return Targets(
        *("layer", torch.ones(shape), torch.zeros(shape), torch.ones(shape)),
        *(torch.full((1, 2), -1), torch.full(shape, torch.nan)),
    )


class Killed(Exception):
    """Stands for whatever ends a job."""


def killed_after(passes: int) -> Respond:
    """Return a network that is shown as many batches, and no more."""
    seen = count(1)

    def watched(images: Tensor) -> tuple[Tensor, Tensor | None]:
        if next(seen) > passes:
            raise Killed
        return respond(images)

    return watched
