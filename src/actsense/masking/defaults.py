"""Defaults that follow their cost: masks send no more images through a network than its sampling.

What a configuration states is obeyed, whatever it takes. Of the rest, less is masked step by step
until enough images are left; then their number is what fits.
"""

__all__ = ["lowered"]

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from actsense.masking.settings import Masking

ENOUGH = 100  # images; fewer only where there is nothing else to leave out
LEAST = 20  # images, whatever they take: recalls of fewer say nothing
STEPS: tuple[Mapping[str, Any], ...] = (
    {},
    {"layers": ("together",)},
    {"levels": ("activation",)},
    {"values": ("shapley",)},
    {"factors": "augmentations"},
    {"scales": (0, 0.5)},
    {"fractions": (0.5, 0.3, 0.1)},
    {"random_masks": 10},
    {"scales": (0,)},
    {"fractions": (0.3, 0.1)},
    {"random_masks": 5},
)


def lowered(
    masking: Masking, conditions: Callable[[Masking], Iterable[object]], passes: int
) -> Masking:
    """Return the settings with defaults that take no more passes than given, as far as possible.

    Arguments:
        masking: The section `masking` of the configuration, as stated.
        conditions: Lists the conditions under which every image passes.
        passes: Images that may pass, all conditions together.
    """
    stated = masking.model_fields_set
    most = passes // (masking.images if "images" in stated else ENOUGH)
    for step in STEPS:
        unstated = {name: value for name, value in step.items() if name not in stated}
        masking = masking.model_copy(update=unstated)
        if _count(islice(conditions(masking), most + 1)) <= most:
            break
    if "images" in stated:
        return masking
    fitting = max(LEAST, passes // _count(conditions(masking)))
    return masking.model_copy(update={"images": min(masking.images, fitting)})


def _count(listed: Iterable[object]) -> int:
    return sum(1 for _ in listed)
