"""What the spatial study takes, said before anything is run."""

__all__ = ["work"]

from actsense.spatial.cells.plan import count_passes as count_cell_passes
from actsense.spatial.interaction.plan import count_passes as count_interaction_passes
from actsense.spatial.saliency.settings import Saliency
from actsense.spatial.settings import Spatial
from actsense.spatial.transforms.settings import Transforms
from actsense.work import GRADIENT, Facts, Work, store_files, table_files

PASS_BYTES = 16  # kept of every image that passes, at most, orders of cells among them
PARTS = ("transforms", "cells", "interaction", "saliency")
PIXEL_BYTES = 3 + 3 * 4  # of an image with its saliency maps


def work(facts: Facts) -> list[Work]:
    """Return what the spatial study takes, for every network and for all together."""
    return [
        *(own for network in facts.networks for own in _network(facts, network)),
        Work("compare_transforms", files=table_files(5) + 3),  # tables and figures
        Work(
            "compare_cells", files=table_files(2) + 1 + 1 + len(facts.networks)
        ),  # with a folder of curves
        Work("compare_interactions", files=table_files(1) + 2),
        Work("plot_saliency", files=1),
    ]


def _network(facts: Facts, network: str) -> list[Work]:
    spatial = _there(facts)
    side, cells = facts.settings.dataset.image_size, spatial.cells
    transforms, saliency = (
        _transform_passes(spatial.transforms),
        _saliency_passes(spatial.saliency),
    )
    searched = count_cell_passes(cells, side, len(facts.networks))
    edited = spatial.interaction.images * count_interaction_passes(side, spatial.interaction.sizes)
    pixels = spatial.saliency.images * len(spatial.saliency.saturations) * side**2
    return [
        Work(
            *("evaluate_transforms", network),
            passes=transforms,
            kept=PASS_BYTES * transforms,
            files=store_files(13),
        ),
        Work(
            *("evaluate_cells", network),
            passes=searched,
            back=True,
            batch=cells.images,
            opens=(*facts.networks,),  # which lend each other their maps
            kept=PASS_BYTES * searched,
            files=store_files(18, groups=2),
        ),
        Work(
            *("evaluate_interaction", network),
            passes=edited,
            kept=PASS_BYTES * edited,
            files=store_files(8),
        ),
        Work(
            *("map_saliency", network),
            passes=saliency,
            back=True,
            batch=spatial.saliency.images,
            kept=PASS_BYTES * saliency + PIXEL_BYTES * pixels,
            files=store_files(9),
        ),
    ]


def _there(facts: Facts) -> Spatial:
    """Return the section `spatial` with no more images in any part than there are."""
    spatial: Spatial = facts.settings.spatial
    parts = {name: getattr(spatial, name) for name in PARTS}
    fewer = {name: facts.validation(part.images) for name, part in parts.items()}
    return spatial.model_copy(
        update={
            name: part.model_copy(update={"images": fewer[name]}) for name, part in parts.items()
        }
    )


def _transform_passes(transforms: Transforms) -> int:
    shuffled = len(transforms.modes) * len({*transforms.divisions} - {1})
    saturated = len({*transforms.saturations} - {2})
    return transforms.images * (1 + transforms.repeats * shuffled + saturated)


def _saliency_passes(saliency: Saliency) -> int:
    return saliency.images * len(saliency.saturations) * (1 + saliency.samples) * GRADIENT
