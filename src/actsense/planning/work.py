"""The work table: what the jobs of every rule of a study take, before anything is run.

Every study is one entry of `STUDIES`, the folder of its plan. Memory and time of a job, the number
of jobs, and what `snakemake plan` prints are read from the table or sums over it.
"""

__all__ = ["STUDIES", "WorkTable"]

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from math import ceil, inf

from actsense.data.settings import PublishedImages
from actsense.sampling.plan import SPEED
from actsense.work import BESIDE, LIGHT, PROCESS, Facts, Work

STUDIES = (  # in the order of the plan that is printed
    "data",
    "networks",
    "sensitivity",
    "correlation",
    "recognition",
    "masking",
    "single_class",
    "segments",
    "spatial",
    "patterns",
    "featvis",
    "invariance",
    "invariance.factors",
    "findings",
)

# What a study of published values reads, and the rules that make what was imported instead.
READ = ("sensitivity", "correlation", "recognition", "masking", "single_class", "segments")
IMPORTED = (
    *("sample_activations", "accumulate", "accumulate_part", "stream_moments", "stream_part"),
    *("merge_moments", "estimate_indices", "contrast_part", "estimate_contrast"),
    *("mask_part", "evaluate_masks", "sample_segments"),
)
SNAKEMAKE = 500  # megabytes of the process that starts the script, in the same job
CUDA = 2000  # megabytes that a process takes beside, where it uses a CUDA device
STEP = 50  # megabytes, so that jobs that are alike ask alike
USUAL = 15  # minutes of a job beside its work, at most


@dataclass(frozen=True)
class WorkTable:
    """The work of all studies of a configuration.

    Arguments:
        facts: What is known of it.
    """

    facts: Facts

    @cached_property
    def studies(self) -> dict[str, list[Work]]:
        """The works of every study; those that read published values alone where they are."""
        if isinstance(self.facts.settings.dataset, PublishedImages):
            read = {name: _plan(name)(self.facts) for name in READ}
            return {
                name: [work for work in works if work.rule not in IMPORTED]
                for name, works in read.items()
            }
        return {name: _plan(name)(self.facts) for name in STUDIES}

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs every rule has when there are no results yet."""
        counts = Counter({"all": 1})
        for works in self.studies.values():
            for work in works:
                counts[work.rule] += work.jobs
        return {rule: count for rule, count in counts.items() if count}

    def megabytes(self, rule: str, network: str = "", design: str = "", layer: str = "") -> int:
        """Return the memory that a job of a rule asks for at its first attempt.

        Arguments:
            rule: Name of the rule.
            network: Its network, if it has one.
            design: Its design, if it has one.
            layer: Its layer, if it has one.
        """
        work = self._places[rule, network, design, layer]
        facts, opened = self.facts, [self.facts.networks[name] for name in work.opened]
        process = PROCESS if opened or work.tensors else LIGHT
        needed = process + SNAKEMAKE + work.holds + sum(own.weights for own in opened) / 1e6
        if opened:
            alive = max(self._alive(work, name) for name in work.opened)
            needed += (BESIDE * alive + facts.kept_image_bytes) / 1e6
        if opened or work.on_device:
            needed += CUDA * (facts.settings.device != "cpu")
        return STEP * ceil(needed / STEP)

    def _alive(self, work: Work, network: str) -> float:
        """Return the bytes of a batch that passes a network, forward or back."""
        own, batch = self.facts.networks[network], self.facts.batch(network)
        back = min(batch, work.batch or inf) * own.back if work.back else 0
        return max(batch * own.forward, back)

    def minutes(self, rule: str, network: str = "", design: str = "", layer: str = "") -> int:
        """Return the time that a job of a rule asks for at its first attempt.

        Arguments are those of `megabytes`.
        """
        work = self._places[rule, network, design, layer]
        speed = self.facts.networks[network].speed if network else 0
        return USUAL + ceil((2 * work.job_passes / (speed or SPEED) + work.seconds) / 60)

    @cached_property
    def _places(self) -> dict[tuple[str, str, str, str], Work]:
        works = [work for works in self.studies.values() for work in works]
        return {(work.rule, work.network, work.design, work.layer): work for work in works}


def _plan(study: str) -> Callable[[Facts], list[Work]]:
    """Return the plan of a study; its module imports nothing heavy."""
    work: Callable[[Facts], list[Work]] = import_module(f"actsense.{study}.plan").work
    return work
