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
from heapq import nlargest
from itertools import repeat, takewhile
from math import ceil, inf
from pathlib import Path
from typing import Any

import torch

from actsense.device.machine import machine_memory
from actsense.errors import ConfigError
from actsense.planning.cost import Cost, counted_facts, study_costs, total_cost
from actsense.planning.ladder import STEPS, Step, settings_of
from actsense.planning.photographs import FolderImages, listed_images
from actsense.planning.speed import StandIn, measured_speeds
from actsense.planning.work import WorkTable
from actsense.study.study import Study
from actsense.work import Facts, NetworkFacts, Work

SHARE = 0.8  # of the wanted time: jobs wait for each other, and measurements err
ROOM = 0.75  # of the free disk that results may take
JOB = 4.5  # processor seconds of a job beside its passes: it starts, tabulates and draws
LINKS = 8  # jobs at least that wait for one another, from images to the page
UNIT = 1.2e-4  # and of every unit and design: indices are estimated and drawn
LASTING = 1.0  # seconds of a measurement that tell how busy the machine is
MEMORY = 0.8  # of the machine's, that jobs may take side by side
SIZES = (4, 6, 8, 12, 16, 24, 32, 48, 64)  # gigabytes of a job, if the default is too few
GAIN = 0.95  # of the time, from which on a setting is worth another line
AS_GOOD = 1.02  # times the fewest passes: more memory for less is none the better
SHORTER = 0.1  # of the wanted time that a job may last, where few jobs leave cores idle
BEFORE = ("sensitivity",)  # studies that others wait for, design by design
AFTER = ("masking", "segments", "featvis")  # and those that wait


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
        chain: Minutes in which images pass in jobs that wait for one another.
        memory: Gigabytes that jobs side by side take at most.
        machine: Gigabytes that the machine has.
        cramped: Whether a richer one would end in time, but has no room on the disk.
    """

    config: Mapping[str, Any]
    images: FolderImages
    cost: Cost
    speed: float
    network: NetworkFacts
    cores: int
    on_cpu: bool
    slowdown: float = 1
    chain: float = 0
    memory: float = 0
    machine: float = inf
    cramped: bool = False

    @property
    def passing(self) -> float:
        """Minutes in which images pass the network."""
        return 60 * self.cost.hours / (self.cores if self.on_cpu else 1)

    @property
    def beside(self) -> float:
        """Minutes that its jobs take beside."""
        indices = UNIT * self.network.units * len(self.config["designs"])
        decoded = self.images.look.seconds * self.images.count
        return self.slowdown * (JOB * self.cost.jobs + indices + decoded) / self.cores / 60

    @property
    def waiting(self) -> float:
        """Minutes that jobs which wait for one another take, however many cores there are."""
        return self.chain + self.slowdown * (LINKS * JOB + UNIT * self.network.units) / 60

    @property
    def minutes(self) -> float:
        """Minutes that it is expected to take."""
        return max(self.passing + self.beside, self.waiting)

    @property
    def crowded(self) -> bool:
        """Whether jobs side by side may take more memory than the machine has."""
        return self.memory > MEMORY * self.machine

    def ends(self, minutes: float) -> bool:
        """Tell whether it ends within a share of the minutes."""
        return self.minutes <= SHARE * minutes

    def fits(self, room: float) -> bool:
        """Tell whether it is written within a share of the free gigabytes."""
        return self.cost.written <= ROOM * room


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
    memory: float | None = None,
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
        memory: Gigabytes of memory for all jobs; those of the machine by default.

    Raises:
        ConfigError: If folder or network cannot be used, or not even the smallest study fits.
    """
    images = listed_images(folder, image_size)
    free = shutil.disk_usage(".").free / 1e9 if room is None else room
    machine = machine_memory() / 1e9 if memory is None else memory
    head = {
        "study": images.study_name,
        "dataset": dict(images.settings),
        "networks": {name: {**network, "layers": "auto"}},
    }
    known = Study.load(head | {"designs": {}}).facts.networks[name]
    measured: tuple[dict[tuple[str, str], float], float] | None = None
    cramped = False
    for step in _steps(looked_at=images.enough and bool(known.maps)):
        config = head | settings_of(step, image_size, grey=images.look.grey)
        stand_in = StandIn(Study.load(config))
        measured = measured or _measured(stand_in, name, device)
        own = _Planner(name, images, counted_facts(stand_in), *measured, cores, device, machine)
        planned = own.with_shorter_jobs(own.with_memory(own.planned(config)), minutes)
        if planned.ends(minutes) and planned.fits(free):
            return replace(planned, cramped=cramped)
        cramped |= planned.ends(minutes)
    raise ConfigError(_too_much(planned, name, minutes, free))


@dataclass(frozen=True)
class _Planner:
    """Plans variants of one step of the ladder, which differ in how it is cut into jobs."""

    name: str
    images: FolderImages
    facts: Facts
    speeds: Mapping[tuple[str, str], float]
    slowdown: float
    cores: int
    device: torch.device
    machine: float

    def planned(self, config: Mapping[str, Any]) -> FirstStudy:
        """Plan a configuration of the step."""
        table = WorkTable(self._facts(config))
        on_cpu = self.device.type == "cpu"
        return FirstStudy(
            config=config,
            images=self.images,
            cost=total_cost(table, study_costs(table, self.speeds)),
            speed=min(self.speeds.values()),
            network=table.facts.networks[self.name],
            cores=self.cores,
            on_cpu=on_cpu,
            slowdown=self.slowdown,
            chain=self._chain(table) if on_cpu else 0,
            memory=sum(nlargest(self.cores, _job_megabytes(table))) / 1000,
            machine=self.machine,
        )

    def with_memory(self, planned: FirstStudy) -> FirstStudy:
        """Give jobs more memory, where images would pass again and again for want of it."""
        sizes = [size for size in SIZES if planned.on_cpu]
        larger = (self.planned({**planned.config, "memory_gb": size}) for size in sizes)
        fitting = [planned, *takewhile(lambda own: not own.crowded, larger)]
        fewest = min(own.cost.passes for own in fitting)
        if planned.crowded or fewest > GAIN * planned.cost.passes:
            return planned
        return next(own for own in fitting if own.cost.passes <= AS_GOOD * fewest)

    def with_shorter_jobs(self, planned: FirstStudy, minutes: float) -> FirstStudy:
        """Cut long jobs, where cores would wait for them; needs a speed that is stated."""
        if planned.waiting <= planned.passing + planned.beside:
            return planned
        networks = planned.config["networks"]
        stated = networks[self.name] | {"images_per_second": float(f"{planned.speed:.2g}")}
        shorter = max(1, round(SHORTER * minutes))
        cut = self.planned(
            {**planned.config, "networks": {self.name: stated}, "job_minutes": shorter}
        )
        return cut if cut.minutes <= GAIN * planned.minutes else planned

    def _facts(self, config: Mapping[str, Any]) -> Facts:
        """Return what is known of the step, cut into jobs as a configuration says."""
        stated = {key: config[key] for key in ("memory_gb", "job_minutes") if key in config}
        settings = self.facts.settings.model_copy(update=stated)
        if self.device.type == "cpu":
            settings = settings.model_copy(update={"device": "cpu"})
        known = self.facts.networks[self.name]
        speed = config["networks"][self.name].get("images_per_second", known.speed)
        networks = {self.name: replace(known, speed=speed)}
        return replace(self.facts, settings=settings, networks=networks)

    def _chain(self, table: WorkTable) -> float:
        """Return the minutes of the longest jobs that wait for one another."""
        lasting = {
            study: max((self._minutes(work) for work in works if work.jobs), default=0.0)
            for study, works in table.studies.items()
        }
        waiting = sum(lasting[study] for study in BEFORE) + max(lasting[own] for own in AFTER)
        return max(waiting, *lasting.values())

    def _minutes(self, work: Work) -> float:
        """Return the minutes in which images pass in a job."""
        speed = self.speeds.get((work.network, work.design), 0.0)
        return work.job_passes / speed / 60 if work.passes else 0.0


def _job_megabytes(table: WorkTable) -> Iterator[int]:
    """Yield the memory that every job asks for."""
    for works in table.studies.values():
        for own in works:
            asked = table.megabytes(own.rule, own.network, own.design, own.layer)
            yield from repeat(asked, own.jobs)


def _steps(*, looked_at: bool) -> Iterator[Step]:
    """Yield the steps from rich to small; without what needs many images, and positions."""
    for step in STEPS:
        yield step if looked_at else replace(step, patterns=0, pictures=0)


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
    if not planned.ends(minutes):
        needed = ceil(planned.minutes / SHARE)
        return (
            f"--minutes {minutes:g}: the smallest study of {name} on {path!r} takes about "
            f"{planned.minutes:.0f} minutes on {planned.cores} cores, at {planned.speed:.3g} "
            f"images per second now. Give --minutes {needed}, a smaller --image-size, or a "
            "faster --network."
        )
    return (
        f"The smallest study of {name} on {path!r} takes up to {planned.cost.written:.1f} GB, "
        f"more than {100 * ROOM:.0f} % of the {free:.1f} GB free here. Make room, or give "
        "a smaller --image-size."
    )
