"""A piece of a contrast: some units under some augmentations, image by image.

No number depends on the pieces, nor on where one job leaves off and the next one goes on.
"""

__all__ = ["ContrastPiece", "Shown"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsense.draws import stream
from actsense.layers import Layer
from actsense.progress import progress
from actsense.sampling.opening import Sampling
from actsense.sensitivity.contrast_images import ImageResponses
from actsense.sensitivity.contrast_statistics import contrast_statistics, statistic_kinds
from actsense.sensitivity.cuts import exact_bytes
from actsense.sensitivity.differences import Differences, Responses
from actsense.sensitivity.top_images import TopImages

Floats = NDArray[np.floating]
Parts = Sequence[tuple[slice, bool]]
Array = NDArray[np.generic]


@dataclass(frozen=True)
class Shown:
    """The images of a contrast, and how often they are augmented.

    Attributes:
        samples: Rows of the images of every sample, by partition; under no name if partitions are
            pooled.
        draws: Random draws of an augmentation per image.
        averaged: Whether they are averaged, or pairs of their own.
        parameters: How many numbers every augmentation draws.
    """

    samples: Mapping[str, NDArray[np.int64]]
    draws: int
    averaged: bool
    parameters: Sequence[int]

    @classmethod
    def of(
        cls, sampling: Sampling, *, images: int, draws: int, averaged: bool, partitions: str
    ) -> "Shown":
        """Take images evenly from the dataset; arguments are those of `estimate_contrast`.

        Raises:
            ValueError: If a sample has fewer than 2 images.
        """
        samples = sampling.law.pool.samples(images, apart=partitions == "each")
        if (fewest := min(map(len, samples.values()))) < 2:
            raise ValueError(f"A contrast needs at least 2 images; got {fewest}.")
        return cls(samples, draws, averaged, [*map(len, sampling.law.parameters)])

    @property
    def counts(self) -> dict[str, int]:
        """Images of every sample."""
        return {name: len(rows) for name, rows in self.samples.items()}

    @property
    def pairs(self) -> list[int] | None:
        """Draws of an image that count by themselves, of every augmentation, if they do."""
        return None if self.averaged else [self.repeats(k) for k in range(len(self.parameters))]

    def repeats(self, which: int) -> int:
        """Return how often an image is drawn under one augmentation: without numbers, once."""
        return self.draws if self.parameters[which] else 1


class ContrastPiece:
    """Statistics of some units under some augmentations in the making.

    Arguments:
        sampling: Images, network and augmentations.
        shown: The images.
        tile: Which units of the network.
        group: Which augmentations.
        top: Is shown every response before it is averaged; it has begun with these units.
        single: Is shown every response, too.
        statistics: Take the statistics; by default new ones.

    Attributes:
        statistics: All but `p_adjusted`, (augmentations of the group, samples, units) each.
        images: Images of all samples.
    """

    def __init__(
        self,
        sampling: Sampling,
        shown: Shown,
        tile: slice,
        group: range,
        *,
        top: TopImages | None,
        single: ImageResponses,
        statistics: Mapping[str, Floats] | None = None,
    ) -> None:
        self._sampling, self._shown, self._top, self._single = sampling, shown, top, single
        self._tile, self._group = tile, group
        self.images = sum(shown.counts.values())
        most = max(shown.pairs or [1]) * max(shown.counts.values())
        self._parts = _parts(sampling.layers, tile, most)
        shape = len(group), len(shown.samples), tile.stop - tile.start
        self.statistics = statistics or {
            name: np.zeros(shape, kind) for name, kind in statistic_kinds().items()
        }
        self._sample, self._responses = 0, Responses(0)
        self._differences: dict[int, list[Differences]] = {}

    def run(self, within: range | None = None) -> None:
        """Send images through the network, untouched and under the augmentations.

        Arguments:
            within: Numbers of images, all samples one after another; all of them by default.
                Batches that begin within it are sent; those before it have been, see `resume`.
        """
        within, offset = within or range(self.images), 0
        chunk = max(1, self._sampling.subject.batch_size // self._shown.draws)
        for number, (sample, rows) in enumerate(self._shown.samples.items()):
            starts = range(0, len(rows), chunk)
            own = [start for start in starts if offset + start in within]
            if 0 in own:
                self._begin(number)
            self._compare(sample, rows, own, chunk)
            if starts[-1] in own:
                self._end()
            offset += len(rows)

    @property
    def state(self) -> dict[str, Array]:
        """All that is known so far, for `resume`."""
        found = _named("statistics", self.statistics)
        found |= _named("single", self._single.state(self._group))
        if self._top:
            found |= _named("top", self._top.state())
        if self._differences:
            found["under_way"] = np.array([self._sample, self._responses.images])
            found |= _named("responses", self._responses.state)
        for which, parts in self._differences.items():
            for number, part in enumerate(parts):
                found |= _named(f"differences/{which}/{number}", part.state)
        return found

    def resume(self, state: Mapping[str, Array]) -> None:
        """Go on from what the same piece has known in another job, its `state`."""
        for name, values in self.statistics.items():
            values[...] = state[f"statistics/{name}"]
        self._single.resume(self._group, self._tile, _below(state, "single"))
        if self._top:
            self._top.resume(self._group, _below(state, "top"))
        if "under_way" in state:
            sample, images = map(int, state["under_way"])
            self._begin(sample)
            self._responses.resume(images, _below(state, "responses"))
            for which, parts in self._differences.items():
                pairs = self._shown.repeats(which) if self._shown.pairs else 1
                for number, part in enumerate(parts):
                    kept = _below(state, f"differences/{which}/{number}")
                    part.resume(images * pairs, kept)

    def _begin(self, sample: int) -> None:
        """Make room for a sample."""
        device, pairs = self._sampling.subject.device, self._shown.pairs
        images = [*self._shown.counts.values()][sample]
        self._sample, self._responses = (
            sample,
            Responses(self._tile.stop - self._tile.start, device),
        )
        self._differences = {
            which: [
                Differences(units, images * (pairs[which] if pairs else 1), exact, device)
                for units, exact in self._parts
            ]
            for which in self._group
        }

    def _end(self) -> None:
        """Take the statistics of a sample that is complete."""
        for place, which in enumerate(self._group):
            found = contrast_statistics(self._responses, self._differences.pop(which))
            for name, values in found.items():
                self.statistics[name][place, self._sample] = values

    def _compare(
        self, sample: str, rows: NDArray[np.int64], starts: Sequence[int], chunk: int
    ) -> None:
        """Send some batches of a sample."""
        sampling, shown, tile = self._sampling, self._shown, self._tile
        label = f"contrast, {sample}" if sample else "contrast"
        drawn = {
            which: _uniforms(sampling, which, len(rows), shown.draws) for which in self._group
        }
        total = sum(len(rows[start : start + chunk]) for start in starts)
        for start in progress(starts, total=total, desc=label, unit="image", each=chunk):
            chosen = rows[start : start + chunk]
            untouched = sampling.law.alone(chosen, -1, np.empty((len(chosen), 0)))
            control = sampling.evaluate(untouched, tile)
            # Too large to be kept, untouched responses are made again for every group.
            self._responses.add(control)
            if self._top and not self._group.start:
                self._top.add(-1, untouched, control[:, None])
            for which, parts in self._differences.items():
                u = drawn[which][start : start + chunk]
                repeats = u.shape[1]
                evaluations = sampling.law.alone(
                    chosen.repeat(repeats), which, u.reshape(len(chosen) * repeats, -1)
                )
                treated = sampling.evaluate(evaluations, tile).view(len(chosen), repeats, -1)
                if self._top:
                    self._top.add(which, evaluations, treated)
                self._single.add(sample, start, which, control, treated, tile)
                own = control
                if shown.pairs:  # a draw is a pair of its own, with the same untouched response
                    treated = treated.view(len(chosen) * repeats, 1, -1)
                    own = control.repeat_interleave(repeats, dim=0) if repeats > 1 else control
                for part in parts:
                    part.add(self._responses.origin, own, treated)
                del treated, own  # makes room for those of the next augmentation


def _named(kind: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{kind}/{name}": array for name, array in arrays.items()}


def _below(state: Mapping[str, Array], kind: str) -> dict[str, Array]:
    return {
        name.removeprefix(f"{kind}/"): array
        for name, array in state.items()
        if name.startswith(f"{kind}/")
    }


def _parts(layers: Sequence[Layer], tile: slice, differences: int) -> Parts:
    """Cut units where layers of vectors, whose codes are exact, meet layers of maps.

    Units are counted from the first of the tile.
    """
    room = exact_bytes(layers, differences) > 0
    parts: list[tuple[slice, bool]] = []
    for layer in layers:
        exact, within = room and len(layer.shape) == 1, layer.within(tile)
        if within.start >= within.stop:
            continue
        if parts and parts[-1][1] == exact:
            parts[-1] = (slice(parts[-1][0].start, within.stop), exact)
        else:
            parts.append((within, exact))
    return parts


def _uniforms(sampling: Sampling, which: int, images: int, draws: int) -> NDArray[np.float64]:
    """Draw for one augmentation and all images in turn, (images, draws, parameters)."""
    name, parameters = sampling.law.augmentations[which], len(sampling.law.parameters[which])
    generator = stream(sampling.design.seed, "contrast", name)
    # Without parameters all draws agree.
    return generator.random((images, draws if parameters else 1, parameters))
