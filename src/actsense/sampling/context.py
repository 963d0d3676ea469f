"""What a design varies beside its augmentations: the order, and which image is shown.

The content of an input is its partition, its class, and its image inside of both. A design may
leave some of them out:

    order       the augmentations are applied in the order of their listing
    image       one image of every class and partition is shown, the first of the seeded order
    class       `image` is which image of any class; the first class alone if `image` is out, too
    partition   `image` is which image of either partition, each as often as the other

So the images that are shown stay the same unless `image` is left out: without class or partition
they are told apart less finely. If more than one part is left, they make up `content`, each inside
those before it; a single one is a factor of its own name.
"""

__all__ = ["CHOICES", "ORDER", "PARTITIONS", "Context"]

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actsense.sampling.designs import CONTEXT, PARTS, Factor, Hidden

ORDER, CONTENT = CONTEXT
PARTITION, CLASS, IMAGE = PARTS
CHOICES = (ORDER, CLASS, IMAGE, PARTITION)  # as the published study listed them
PARTITIONS = ("train", "validation")


@dataclass(frozen=True)
class Context:
    """The factors of a design behind its augmentations.

    Arguments:
        kept: Those of `CHOICES` that are not left out.
        partitions: The partitions whose images are shown; with one, it is no factor.
        hides_image: Whether the image is drawn anew for every evaluation instead, and class and
            partition are factors beside each other.
    """

    kept: tuple[str, ...] = CHOICES
    partitions: tuple[str, ...] = PARTITIONS
    hides_image: bool = False

    @property
    def drawn(self) -> dict[str, tuple[str, ...]]:
        """What each drawn part of the content decides, the outermost first; all of `PARTS`."""
        fixed = {PARTITION} if len(self.partitions) == 1 else set()
        parts = [part for part in PARTS if part in self.kept and part not in fixed]
        within = [p for p in PARTS[:-1] if p not in parts and p not in fixed]
        return {part: (*within, IMAGE) if part == IMAGE else (part,) for part in parts}

    @property
    def is_clear(self) -> bool:
        """Whether it is said of which partition the images are."""
        return len(self.partitions) == 1 or PARTITION in self.kept or IMAGE in self.kept

    @property
    def hidden(self) -> Hidden | None:
        """What every evaluation draws anew, if it does."""
        drawn = self.drawn
        if not self.hides_image or IMAGE not in drawn:
            return None
        return Hidden(len(drawn[IMAGE]), tuple(part for part in drawn if part != IMAGE))

    def factors(self, keys: int) -> tuple[Factor, ...]:
        """Return the factors.

        Arguments:
            keys: Coordinates of the order.
        """
        order = (Factor(ORDER, keys),) if ORDER in self.kept else ()
        parts = [Factor(part, len(self.drawn[part])) for part in self._ordered]
        if self.hides_image:
            return (*order, *(part for part in parts if part.name != IMAGE))
        return (*order, *([Factor.nested(CONTENT, parts)] if len(parts) > 1 else parts))

    def decode(self, coordinates: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Return the uniforms of partition, class and image, 0 where one is fixed, each (rows,).

        Arguments:
            coordinates: Those of the factors behind the order and hidden ones, (rows, any number).
        """
        columns = [decided for part in self._ordered for decided in self.drawn[part]]
        found = dict(zip(columns, coordinates.T, strict=True))
        return {part: found.get(part, np.zeros(len(coordinates))) for part in PARTS}

    @property
    def _ordered(self) -> list[str]:
        """Drawn parts in the order of their coordinates; class first beside a hidden image."""
        drawn = [*self.drawn]
        return sorted(drawn, key=(CLASS, PARTITION, IMAGE).index) if self.hides_image else drawn
