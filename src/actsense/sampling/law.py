"""The input law: from uniform coordinates to images and augmentations.

Independent factors: one per augmentation (its switch together with its parameters), then `order`
and `content`, whose parts are `partition`, `class` and `image`, each inside those before it; some
may be left out, see `Context`. The network's output is a deterministic function of them; in
particular the image is a part of a factor, and a hidden draw under the law of the published study
alone (specified in docs/method.md).
"""

__all__ = ["LAWS", "Evaluations", "InputLaw", "catalog_of", "ranged"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from actsense.augment import (
    AUGMENTATIONS,
    DIVISIONS,
    LARGEST_DIVISION,
    PUBLISHED,
    Augmentation,
    Choice,
    Parameter,
    parameter_columns,
)
from actsense.data.pool import ImagePool
from actsense.errors import ConfigError
from actsense.sampling.context import ORDER, Context
from actsense.sampling.designs import Factor
from actsense.sampling.settings import DesignSettings

LAWS = ("switched", "always", "published")
SWITCH_PROBABILITY = 0.5  # of augmentations that have a switch, unless another one is given


@dataclass(frozen=True)
class Evaluations:
    """What to feed the network, one row per evaluation, in canonical form.

    Two rows are equal exactly when they make the same input image: augmentations that are off
    leave no trace in `values` or in `sequence`.

    Attributes:
        image: Dataset row, (rows,) int64.
        sequence: Augmentations in order of application, then -1, (rows, augmentations) int64.
        values: Their parameters, 0 where off, (rows, parameters) float32.
    """

    image: NDArray[np.int64]
    sequence: NDArray[np.int64]
    values: NDArray[np.float32]

    def distinct(self) -> tuple["Evaluations", NDArray[np.int64]]:
        """Return the different rows, and for every row where it stands among them, (rows,)."""
        integers = np.column_stack([self.image, self.sequence]).astype(np.int64)
        parameters = np.ascontiguousarray(self.values).view(np.int32).astype(np.int64)
        _, first, place = np.unique(
            np.column_stack([integers, parameters]), axis=0, return_index=True, return_inverse=True
        )
        # In order of first appearance, so that a batch keeps the images of a base point together.
        rank = np.empty(len(first), dtype=np.int64)
        rank[first.argsort()] = np.arange(len(first))
        kept = np.sort(first)
        return self[kept], rank[place.reshape(-1)]

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> "Evaluations":
        return Evaluations(self.image[rows], self.sequence[rows], self.values[rows])

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True)
class InputLaw:
    """The joint law of augmentations and images behind every index.

    Arguments:
        augmentations: Names, in the order of the factors.
        law: `switched`: every augmentation is on with probability one half, its parameters are
            uniform on their ranges. `always`: those with parameters are always on. `published`:
            so they are, as operations of the published study; see `Context` for its images.
        size: Height and width of the images, pixels.
        pool: The images to draw from.
        divisions: Cells per side that augmentations of patches choose from.
        chances: Other probabilities that augmentations are on, by name; 1 leaves no switch.
        ranges: Other ends of ranges, by augmentation and parameter.
        context: The factors beside the augmentations.

    Raises:
        ConfigError: If an augmentation cannot divide the images so.
        ValueError: If something is unknown.
    """

    augmentations: tuple[str, ...]
    law: str
    size: tuple[int, int]
    pool: ImagePool
    divisions: tuple[int, ...] = DIVISIONS
    chances: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    context: Context = field(default_factory=Context)

    def __post_init__(self) -> None:
        if self.law not in LAWS:
            raise ValueError(f"law must be one of {', '.join(LAWS)}; got {self.law!r}.")
        for name in (*self.augmentations, *self.chances, *self.ranges):
            if name not in self.catalog or name not in self.augmentations:
                raise ValueError(f"{name!r} is no augmentation of the design, or of its law.")
        divided = [name for name in self.augmentations if self.catalog[name].divided]
        most = min(*self.size, LARGEST_DIVISION)
        if divided and not all(1 <= division <= most for division in self.divisions):
            raise ConfigError(
                f"designs, divisions: {list(self.divisions)} do not all lie between 1 and {most}, "
                f"the most cells per side that {', '.join(divided)} can cut images of "
                f"{self.size[0]} x {self.size[1]} pixels into. Give smaller numbers."
            )

    @classmethod
    def of_design(cls, settings: DesignSettings, *, size: int, pool: ImagePool) -> "InputLaw":
        """Read the law of a design.

        Arguments:
            settings: Its settings.
            size: Side of the images, pixels.
            pool: The images to draw from.
        """
        return cls(
            settings.augmentations,
            settings.law,
            (size, size),
            pool.within(settings.partitions),
            tuple(sorted(settings.divisions)),
            settings.chances,
            settings.chosen_ranges,
            settings.surroundings,
        )

    @property
    def catalog(self) -> Mapping[str, Augmentation]:
        """What the names of the augmentations stand for."""
        return catalog_of(self.law)

    @cached_property
    def parameters(self) -> tuple[tuple[Parameter | Choice, ...], ...]:
        """Parameters of every augmentation."""
        return tuple(self._ranged(name) for name in self.augmentations)

    @cached_property
    def probabilities(self) -> tuple[float, ...]:
        """How probable it is that each augmentation is on; with 1 it has no switch."""
        return tuple(
            self.chances.get(
                name, 1.0 if ranges and self.law != "switched" else SWITCH_PROBABILITY
            )
            for name, ranges in zip(self.augmentations, self.parameters, strict=True)
        )

    @cached_property
    def factors(self) -> tuple[Factor, ...]:
        """The factors with their uniform coordinates: switch first, then parameters."""
        own = [
            Factor(name, int(chance < 1) + len(ranges), apart=self.context.hides_image)
            for name, chance, ranges in zip(
                self.augmentations, self.probabilities, self.parameters, strict=True
            )
        ]
        # One key per augmentation, ranked: continuous in every key, unlike one coded coordinate.
        return (*own, *self.context.factors(keys=len(self.augmentations)))

    def decode(self, coordinates: NDArray[np.float64]) -> Evaluations:
        """Turn uniform coordinates into evaluations.

        Arguments:
            coordinates: Uniforms in factor order, and then hidden ones if there are some,
                (rows, coordinates) in [0, 1).
        """
        rows, count = len(coordinates), len(self.augmentations)
        widths = [factor.coordinates for factor in self.factors[:count]]
        widths += [factor.coordinates for factor in self.factors if factor.name == ORDER]
        *parts, content = np.split(coordinates, np.cumsum(widths), axis=1)
        own, keys = parts[:count], parts[count:]
        columns, values = self._empty_values(rows)
        on = np.ones((rows, count), dtype=bool)
        for j, (name, u) in enumerate(zip(self.augmentations, own, strict=True)):
            switched = self.probabilities[j] < 1
            if switched:
                on[:, j] = u[:, 0] < self.probabilities[j]
            drawn = self._draw(j, u[:, int(switched) :])
            values[:, columns[name]] = np.where(on[:, j, None], drawn, 0.0)
        order = keys[0].argsort(axis=1) if keys else np.tile(np.arange(count), (rows, 1))
        shown = self.context.decode(content)
        return Evaluations(
            image=self.pool.locate(shown["class"], shown["image"], shown["partition"]),
            sequence=_pack(order, on),
            values=values,
        )

    def alone(
        self, rows: NDArray[np.int64], augmentation: int, u: NDArray[np.float64]
    ) -> Evaluations:
        """Apply one augmentation, always on, to chosen images.

        Arguments:
            rows: Dataset rows, (rows,).
            augmentation: Position among the augmentations, or -1 for the untouched images.
            u: Uniforms for its parameters, (rows, at least its parameters).
        """
        columns, values = self._empty_values(len(rows))
        sequence = np.full((len(rows), len(self.augmentations)), -1)
        if augmentation >= 0:
            sequence[:, 0] = augmentation
            values[:, columns[self.augmentations[augmentation]]] = self._draw(augmentation, u)
        return Evaluations(rows, sequence, values)

    def _ranged(self, name: str) -> tuple[Parameter | Choice, ...]:
        usual = self.catalog[name].parameters(*self.size, self.divisions)
        return ranged(usual, self.ranges.get(name, {}))

    def _draw(self, augmentation: int, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn uniforms into the parameters of one augmentation, (rows, its parameters)."""
        parameters = self.parameters[augmentation]
        drawn = np.empty((len(u), len(parameters)))
        for j, parameter in enumerate(parameters):
            drawn[:, j] = parameter.at(u[:, j])
        return drawn

    def _empty_values(self, rows: int) -> tuple[dict[str, slice], NDArray[np.float32]]:
        columns = parameter_columns(self.augmentations, self.catalog)
        total = sum(len(ranges) for ranges in self.parameters)
        return columns, np.zeros((rows, total), dtype=np.float32)


def catalog_of(law: str) -> Mapping[str, Augmentation]:
    """Return what the names of the augmentations stand for under a law."""
    return PUBLISHED if law == "published" else AUGMENTATIONS


def ranged(
    usual: Sequence[Parameter | Choice], given: Mapping[str, tuple[float, float]]
) -> tuple[Parameter | Choice, ...]:
    """Return the parameters of an augmentation with other ranges.

    Arguments:
        usual: Its parameters.
        given: Lower and upper ends by the name of the parameter.

    Raises:
        ValueError: If a name is of none that has a range.
    """
    known = {own.name for own in usual if isinstance(own, Parameter)}
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"There is no range of {', '.join(map(repr, unknown))}.")
    return tuple(
        replace(own, low=given[own.name][0], high=given[own.name][1])
        if isinstance(own, Parameter) and own.name in given
        else own
        for own in usual
    )


def _pack(order: NDArray[np.int64], on: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Keep the augmentations that are on, in order, and fill up with -1."""
    used = np.take_along_axis(on, order, axis=1)
    left = np.argsort(~used, axis=1, kind="stable")
    packed = np.take_along_axis(np.where(used, order, -1), left, axis=1)
    return np.ascontiguousarray(packed)
