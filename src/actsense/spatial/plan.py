"""How many images the spatial study sends through a network, before it does."""

__all__ = ["count_passes"]

from collections.abc import Mapping
from typing import Any

from actsense.spatial.cells.plan import GRADIENT
from actsense.spatial.cells.plan import count_passes as count_cell_passes
from actsense.spatial.interaction.plan import count_passes as count_interaction_passes


def count_passes(spatial: Mapping[str, Any], side: int, networks: int) -> dict[str, int]:
    """Count the images that the rules send through networks; gradients count as three.

    Arguments:
        spatial: The section `spatial` of the configuration.
        side: Side of the images, pixels.
        networks: Networks of the study, which lend each other their maps.
    """
    transforms, saliency = spatial["transforms"], spatial["saliency"]
    cells, interaction = spatial["cells"], spatial["interaction"]
    shuffled = len(transforms["modes"]) * len({*transforms["divisions"]} - {1})
    saturated = len({*transforms["saturations"]} - {2})
    return {
        "evaluate_transforms": transforms["images"]
        * (1 + transforms["repeats"] * shuffled + saturated),
        "evaluate_cells": count_cell_passes(cells, side, networks),
        "evaluate_interaction": interaction["images"]
        * count_interaction_passes(side, interaction["sizes"]),
        "map_saliency": saliency["images"]
        * len(saliency["saturations"])
        * (1 + saliency["samples"])
        * GRADIENT,
    }
