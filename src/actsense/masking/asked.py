"""Everything that masked networks are asked, and what answers: all of it at once, or a part."""

__all__ = ["Asked", "Draw"]

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from actsense.masking.metrics import Outcomes
from actsense.masking.outcomes_file import StoredOutcomes
from actsense.masking.plan import Condition, MaskPlan, conditions
from actsense.masking.ranks import MaskRanks
from actsense.masking.settings import Masking
from actsense.masking.trials import MaskTrial
from actsense.progress import Progress
from actsense.sampling.opening import Sampling
from actsense.work import part_range


@dataclass(frozen=True)
class Draw:
    """One draw of one input, under all plans of it.

    Attributes:
        input: The input.
        number: Which draw of its parameters.
        plans: What is masked.
        start: Outcomes before its first one.
    """

    input: str
    number: int
    plans: Sequence[MaskPlan]
    start: int


class Asked:
    """What a design asks of masked networks, and what answers.

    Arguments:
        sampling: Network, images and augmentations.
        indices: The index store of the design.
        settings: The section `masking` of the configuration.

    Attributes:
        rows: Dataset rows of the images, (images,).
        labels: Numbers of their classes, (images,).
        ranks: What plans mask.
        trial: The network under plans.
        conditions: All conditions, by the input that the network is shown.
        draws: Every draw of every input, in order.
        outcomes: How many outcomes there are in all.

    Raises:
        ConfigError: If there are fewer than two classes or no layer can be masked.
    """

    def __init__(self, sampling: Sampling, indices: Path, settings: Masking) -> None:
        self.rows, self.labels = sampling.subject.labelled(settings.images)
        self.ranks = MaskRanks(indices, sampling.design.name, seed=sampling.design.seed)
        self.trial = MaskTrial(sampling, self.ranks, self.rows)
        self.conditions: dict[str, list[Condition]] = {}
        for condition in conditions(
            settings,
            augmentations=sampling.law.augmentations,
            factors=self.ranks.factors,
            map_layers=self.ranks.layers,
        ):
            self.conditions.setdefault(condition.input, []).append(condition)
        drawn = dict(zip(sampling.law.augmentations, sampling.law.parameters, strict=True))
        self.draws: list[Draw] = []
        self.outcomes = 0
        for name, own in self.conditions.items():
            plans = [condition.plan for condition in own]
            for number in range(settings.draws if drawn.get(name) else 1):
                self.draws.append(Draw(name, number, plans, self.outcomes))
                self.outcomes += len(plans) * len(self.rows)

    def tried(self) -> Iterator[tuple[str, list[Outcomes]]]:
        """Try everything; yield every input with the outcomes of its draws."""
        with Progress(self.outcomes, desc="masking", unit="image") as known:
            for name in self.conditions:
                own = [draw for draw in self.draws if draw.input == name]
                yield (
                    name,
                    [self.trial.run(name, draw.plans, known, draw=draw.number) for draw in own],
                )

    def tried_part(self, part: int, parts: int) -> Iterator[Outcomes]:
        """Try one part of everything; yield outcomes in order, (plans of a block, its images)."""
        chosen = part_range(part, parts, self.outcomes)
        own = [
            (draw, block)
            for draw in self.draws
            for block in self.trial.blocks(
                draw.plans, range(chosen.start - draw.start, chosen.stop - draw.start)
            )
        ]
        total = sum(block.outcomes for _, block in own)
        with Progress(total, desc="masking", unit="image") as known:
            for draw, block in own:
                yield self.trial.show(draw.input, draw.plans, block, known, draw=draw.number)

    def read(self, stored: StoredOutcomes) -> Iterator[tuple[str, list[Outcomes]]]:
        """Read what parts have found; yield the same as `tried`.

        Raises:
            CorruptFileError: If parts are damaged, or those of another cut.
        """
        stored.check_count(self.outcomes)
        for name in self.conditions:
            own = [draw for draw in self.draws if draw.input == name]
            yield name, [self._read(draw, stored) for draw in own]

    def _read(self, draw: Draw, stored: StoredOutcomes) -> Outcomes:
        found = Outcomes.empty(len(draw.plans), len(self.rows), self.trial.k)
        order, divergence = stored.read(draw.start, found.divergence.size)
        done = 0
        for block in self.trial.blocks(draw.plans):
            shape = len(block.plans), block.images.stop - block.images.start
            own = slice(done, done := done + shape[0] * shape[1])
            values = order[own].reshape(*shape, -1), divergence[own].reshape(shape)
            found.put(block, Outcomes(*values))
        return found
