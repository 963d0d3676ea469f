"""What a study costs, before anything is run: evaluations, time, bytes, files, jobs.

Bytes and files are bounds: everything is counted as if it did not compress. Two numbers are
estimates: the share of the evaluations that are different, and a speed that is measured.
"""

__all__ = [
    "DECODED_BLOCKS",
    "Cost",
    "counted_facts",
    "different_share",
    "study_costs",
    "total_cost",
]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from actsense.planning.speed import StandIn
from actsense.planning.work import WorkTable
from actsense.sampling.designs import Design
from actsense.sampling.law import InputLaw
from actsense.work import Facts, Work

GB = 1e9
DECODED_BLOCKS = 16  # of a design: their share of different evaluations errs by about 0.01
RECORDS = 2  # files of every job: its log and its benchmark
Speeds = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Cost:
    """What one study costs for one network and design, where it has these.

    Attributes:
        study: Name of the study.
        network: Name of the network, or empty for all of them.
        design: Name of the design, or empty for all of them.
        jobs: Jobs of all rules.
        passes: Images that go through the network; a gradient counts as three.
        speed: Images per second.
        hours: Time of the device for all of them.
        minutes: Time of the device in the longest job.
        passing: Gigabytes that are written and deleted at once, within the budget of the store.
        dropped: Gigabytes that are written and deleted later.
        kept: Gigabytes that stay.
        files_dropped: Files that are deleted later.
        files_kept: Files that stay.
    """

    study: str
    network: str = ""
    design: str = ""
    jobs: int = 0
    passes: int = 0
    speed: float = 0.0
    hours: float = 0.0
    minutes: float = 0.0
    passing: float = 0.0
    dropped: float = 0.0
    kept: float = 0.0
    files_dropped: int = 0
    files_kept: int = 0

    @classmethod
    def of(cls, study: str, works: Sequence[Work], speed: float = 0.0) -> "Cost":
        """Sum up what some works cost that are of one network and design.

        Arguments:
            study: Name of the study.
            works: Its works.
            speed: Images per second.
        """
        passes, jobs = sum(work.passes for work in works), sum(work.jobs for work in works)
        beside = [work.seconds * work.on_device for work in works]  # of a job, on the device
        lasting = [
            (work.job_passes / speed if work.passes else 0.0) + own
            for work, own in zip(works, beside, strict=True)
        ]
        further = sum(own * work.jobs for own, work in zip(beside, works, strict=True))
        return cls(
            study,
            works[0].network,
            works[0].design,
            jobs=jobs,
            passes=passes,
            speed=speed if passes else 0.0,
            hours=((passes / speed if passes else 0.0) + further) / 3600,
            minutes=max(lasting) / 60,
            passing=sum(work.passing for work in works) / GB,
            dropped=sum(work.dropped for work in works) / GB,
            kept=sum(work.kept for work in works) / GB,
            files_dropped=sum(work.files_dropped for work in works),
            files_kept=sum(work.files for work in works) + RECORDS * jobs,
        )

    @property
    def written(self) -> float:
        """Gigabytes written in all."""
        return self.passing + self.dropped + self.kept

    def peak(self, budget: float) -> float:
        """Return the gigabytes on disk at most, if nothing is merged before the last shard.

        Arguments:
            budget: Gigabytes of activations that may be there at a time.
        """
        return min(self.passing, budget) + self.dropped + self.kept

    @property
    def files_peak(self) -> int:
        """Files on disk at most."""
        return self.files_dropped + self.files_kept


def counted_facts(images: StandIn) -> Facts:
    """Return what is known of a study when its designs are decoded, too.

    Arguments:
        images: Stands in for those of the study.
    """
    study = images.study
    laws = {design: images.law(design) for design in study.settings.designs}
    train, validation = images.counts.sum(axis=1).tolist()
    return replace(
        study.facts,
        images=(train, validation),
        different={
            names: different_share(study.design(*names), laws[names[1]]) for names in study.runs
        },
        drawn={design: tuple(map(len, law.parameters)) for design, law in laws.items()},
    )


def study_costs(table: WorkTable, speeds: Speeds) -> list[Cost]:
    """Return what every study costs, a cost per network and design that it has jobs for.

    Arguments:
        table: The work table.
        speeds: Images per second, by network and design; the design is empty for the fastest.
    """
    networks, designs = table.facts.networks, table.facts.settings.designs
    costs = []
    for network, design in [*product(networks, [*designs, ""]), ("", "")]:
        for study, works in table.studies.items():
            own = [w for w in works if w.jobs and (w.network, w.design) == (network, design)]
            if own:
                costs.append(Cost.of(study, own, speeds.get((network, design), 0.0)))
    return costs


def different_share(built: Design, law: InputLaw) -> float:
    """Estimate which share of a design's evaluations goes through the network.

    Arguments:
        built: The design.
        law: Its input law; the images need not exist.
    """
    total = built.replicates * built.blocks
    chosen = np.linspace(0, total - 1, min(total, DECODED_BLOCKS)).astype(np.int64)
    shares = []
    for replicate, number in (divmod(int(block), built.blocks) for block in chosen):
        coordinates = built.block(replicate, number).coordinates
        evaluations = law.decode(coordinates.reshape(-1, coordinates.shape[-1]))
        shares.append(len(evaluations.distinct()[0]) / len(evaluations))
    return float(np.mean(shares))


def total_cost(table: WorkTable, costs: Sequence[Cost]) -> Cost:
    """Return what everything costs together.

    Arguments:
        table: The work table.
        costs: From `study_costs`.
    """
    summed = ("passes", "hours", "passing", "dropped", "kept", "files_dropped", "files_kept")
    return Cost(
        study="",
        network="all",
        jobs=sum(table.jobs.values()),
        minutes=max(cost.minutes for cost in costs),
        **{name: sum(getattr(cost, name) for cost in costs) for name in summed},
    )
