"""What the units of the last layer stand for."""

__all__ = ["output_names"]

from actsense.errors import ConfigError
from actsense.inspection.run_results import RunResults
from actsense.inspection.study_results import StudyResults
from actsense.networks.matching import name_outputs
from actsense.networks.settings import Python, Trained, read_network


def output_names(study: StudyResults, run: RunResults, layer: str) -> list[str]:
    """Return the class of every unit of a layer, nothing if it is not the output or not known.

    Masks of the network under any design name the outputs; else those of a network that was
    trained here are on its card, and others are called as published with their weights, by their
    settings, or as the classes of the dataset, as `actsense.networks.matching` says.

    Arguments:
        study: The study.
        run: One of its networks under one design.
        layer: One of its layers.
    """
    count = run.layer(layer).sizes.get("unit", 0)
    if layer != run.layers[-1] or count < 2:
        return []
    try:
        named = _masked(study, run) or _named(study, run.network, count)
    except (ConfigError, KeyError, ValueError):  # no card, no images, or of another version
        return []
    return named if len(named) == count else []


def _masked(study: StudyResults, run: RunResults) -> list[str]:
    """Return the names by which masks call the outputs, nothing if there are none."""
    others = [name for name in study.designs(run.network) if name != run.design]
    for own in (run, *(study[run.network, name] for name in others)):
        if own.has("masking") and "class" in own.masking.coords:
            return [str(name) for name in own.masking.coords["class"].to_numpy()]
    return []


def _named(study: StudyResults, network: str, count: int) -> list[str]:
    card = study[network].card
    settings = read_network(card["settings"])
    if isinstance(settings, Trained):
        return [str(name) for name in card.get("classes") or study.images.class_names]
    published = None
    if not isinstance(settings, Python):
        # It imports PyTorch, which pages on networks of one's own should not wait for.
        from actsense.networks.network import published_classes

        published = published_classes(network, settings)
    classes = study.images.class_names
    return name_outputs(settings.outputs, classes, count, published=published)
