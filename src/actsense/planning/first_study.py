"""A first study of a network on somebody's photographs that ends in the time there is.

The speed of the network is measured once, beside whatever else the machine does; every step of
the ladder is planned with it, and the richest that fits is taken. What jobs take beside images
that pass is known from one run: `workflow/studies/photographs.yaml`, without patterns and
pictures, took 504 seconds of processor for 35 jobs and two designs of 223,080 units, 293 of them
for passes (docs/costs.md).
"""

__all__ = ["SHARE", "FirstStudy", "first_study"]

import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

import torch

from actsense.errors import ConfigError
from actsense.planning.cost import Cost, counted_facts, study_costs, total_cost
from actsense.planning.ladder import STEPS, Step, settings_of
from actsense.planning.photographs import FolderImages, listed_images
from actsense.planning.speed import StandIn, measured_speeds
from actsense.planning.work import WorkTable
from actsense.study.study import Study
from actsense.work import NetworkFacts

SHARE = 0.8  # of the wanted time: jobs wait for each other, and measurements err
ROOM = 0.5  # of the free disk that results may take
JOB = 4.5  # processor seconds of a job beside its passes: it starts, tabulates and draws
UNIT = 1.2e-4  # and of every unit and design: indices are estimated and drawn
IMAGE = 0.1  # and of every photograph: it is decoded, 12 million pixels of it
LASTING = 1.0  # seconds of a measurement that tell how busy the machine is


@dataclass(frozen=True)
class FirstStudy:
    """One step of the ladder on the photographs at hand, planned.

    Attributes:
        config: The configuration.
        images: The photographs.
        cost: What it costs in all.
        speed: Images per second through the network and the slowest augmentations.
        network: What is known of the network.
        cores: Cores that it runs on.
        on_cpu: Whether images pass on these cores, too.
        slowdown: How many times longer than its processor time a job takes now.
    """

    config: Mapping[str, Any]
    images: FolderImages
    cost: Cost
    speed: float
    network: NetworkFacts
    cores: int
    on_cpu: bool
    slowdown: float = 1

    @property
    def passing(self) -> float:
        """Minutes in which images pass the network."""
        return 60 * self.cost.hours / (self.cores if self.on_cpu else 1)

    @property
    def beside(self) -> float:
        """Minutes that its jobs take beside."""
        indices = UNIT * self.network.units * len(self.config["designs"])
        seconds = JOB * self.cost.jobs + indices + IMAGE * self.images.count
        return self.slowdown * seconds / self.cores / 60

    @property
    def minutes(self) -> float:
        """Minutes that it is expected to take; no less than its longest job."""
        return max(self.passing + self.beside, self.cost.minutes)

    def fits(self, minutes: float, room: float) -> bool:
        """Tell whether it ends within a share of the minutes and of the free gigabytes."""
        return self.minutes <= SHARE * minutes and self.cost.written <= ROOM * room


def first_study(
    folder: Path,
    name: str,
    network: Mapping[str, Any],
    device: torch.device,
    *,
    image_size: int,
    minutes: float = 30,
    cores: int = 2,
    room: float | None = None,
) -> FirstStudy:
    """Return the richest study of a folder of photographs that ends in so many minutes.

    Arguments:
        folder: `<class>/` or `train/<class>/` and `val/<class>/`.
        name: What the network is called in the study.
        network: Its settings.
        device: Where its speed is measured, with as many threads as jobs have.
        image_size: Side of the images, pixels.
        minutes: The time that there is.
        cores: Cores that the study will run on.
        room: Free gigabytes of disk; those of the working directory by default.

    Raises:
        ConfigError: If folder or network cannot be used, or not even the smallest study fits.
    """
    images = listed_images(folder, image_size)
    free = shutil.disk_usage(".").free / 1e9 if room is None else room
    head = {
        "study": images.study_name,
        "dataset": dict(images.settings),
        "networks": {name: {**network, "layers": "auto"}},
    }
    speeds: dict[tuple[str, str], float] = {}
    slowdown = 1.0
    for step in _steps(images):
        stand_in = StandIn(Study.load(config := head | settings_of(step, image_size)))
        if not speeds:
            speeds, slowdown = _measured(stand_in, name, device)
        table = WorkTable(counted_facts(stand_in))
        planned = FirstStudy(
            config=config,
            images=images,
            cost=total_cost(table, study_costs(table, speeds)),
            speed=min(speeds.values()),
            network=table.facts.networks[name],
            cores=cores,
            on_cpu=device.type == "cpu",
            slowdown=slowdown,
        )
        if planned.fits(minutes, free):
            return planned
    raise ConfigError(_too_much(planned, name, minutes, free))


def _steps(images: FolderImages) -> Iterator[Step]:
    """Yield the steps from rich to small; without what so few images say nothing of."""
    for step in STEPS:
        yield step if images.enough else replace(step, patterns=0, pictures=0)


def _measured(
    images: StandIn, network: str, device: torch.device
) -> tuple[dict[tuple[str, str], float], float]:
    """Measure the speed under every design, and how busy the machine is with other work."""
    designs = [*images.study.settings.designs]
    start, used = time.perf_counter(), time.process_time()
    speeds = measured_speeds(images, {network: designs}, device)
    lasted, used = time.perf_counter() - start, time.process_time() - used
    busy = device.type == "cpu" and lasted > LASTING  # with one thread
    speeds[network, ""] = max(speeds.values())
    return speeds, max(1.0, lasted / used) if busy else 1.0


def _too_much(planned: FirstStudy, name: str, minutes: float, free: float) -> str:
    """Say what the smallest study takes."""
    path = planned.config["dataset"]["path"]
    if planned.minutes > SHARE * minutes:
        needed = ceil(planned.minutes / SHARE)
        return (
            f"--minutes {minutes:g}: the smallest study of {name} on {path!r} takes about "
            f"{planned.minutes:.0f} minutes on {planned.cores} cores, at {planned.speed:.3g} "
            f"images per second now. Give --minutes {needed}, a smaller --image-size, or a "
            "faster --network."
        )
    return (
        f"The smallest study of {name} on {path!r} takes up to {planned.cost.written:.1f} GB, and "
        f"{free:.1f} GB are free here. Make room, or give a smaller --image-size."
    )
