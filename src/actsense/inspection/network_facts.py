"""What is known of the networks of a study at a glance: accuracy, layers, units, designs."""

__all__ = ["HEADS", "network_rows", "validation_accuracy"]

from actsense.errors import MissingResultError
from actsense.inspection.study_results import StudyResults

HEADS = ("network", "right on validation images", "layers", "units", "designs")


def validation_accuracy(study: StudyResults, network: str) -> float | None:
    """Return the share of validation images that a network calls right, None if not known.

    It is on the card of a network that was trained here; of others, the spatial study has it,
    for the images that it leaves intact.

    Arguments:
        study: The study.
        network: Name of the network.
    """
    try:
        known: float | None = study[network].card.get("accuracy", {}).get("validation")
    except MissingResultError:
        known = None
    if known is not None or not study.has("shuffle_curves"):
        return known
    table = study.table("shuffle_curves")
    intact = table[(table["network"] == network) & (table["k"] == 1)]
    if "label" in intact:  # else right is what the network itself says
        intact = intact[intact["label"] == "class"]
    return float(intact["top1"].iloc[0]) if len(intact) else None


def network_rows(study: StudyResults) -> list[tuple[str, ...]]:
    """Return a row in words for every network, below `HEADS`; empty where nothing is known.

    Arguments:
        study: The study.

    Raises:
        ConfigError: If its results are damaged.
    """
    rows: list[tuple[str, ...]] = []
    for network in study.networks:
        accuracy = validation_accuracy(study, network)
        right = "" if accuracy is None else f"{100 * accuracy:.1f} %"
        designs = study.designs(network)
        runs = (study[network, design] for design in designs)
        run = next((run for run in runs if run.has("indices")), None)
        layers, units = "", ""
        if run is not None:
            layers = str(len(run.layers))
            units = f"{int(run.indices['units'].sel(layer=list(run.layers)).sum()):,}"
        rows.append((network, right, layers, units, ", ".join(designs) or "none"))
    return rows
