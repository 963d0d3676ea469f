"""The settings of the spatial study."""

__all__ = ["Spatial"]

from actsense.settings import Section
from actsense.spatial.cells.settings import Cells
from actsense.spatial.interaction.settings import Interaction
from actsense.spatial.saliency.settings import Saliency
from actsense.spatial.transforms.settings import Transforms


class Spatial(Section):
    """How much the networks depend on where things are."""

    transforms: Transforms = Transforms()
    saliency: Saliency = Saliency()
    cells: Cells = Cells()
    interaction: Interaction = Interaction()
