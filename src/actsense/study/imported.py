"""What there is of a study whose results `actsense import` made of published values."""

__all__ = ["KINDS", "refused", "survey_imported"]

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from actsense.errors import ConfigError
from actsense.store import read_results
from actsense.study.settings import Settings

Plain = dict[str, Any]

KINDS = {  # of results of a network under a design, and where they are
    "indices": "indices.zarr",
    "contrast": "contrast.zarr",
    "masking": "masking.zarr",
    "segments": "segments/indices.zarr",
}
# Targets of an imported study, and those that need images or weights.
OF_VALUES = (
    *("indices", "contrast", "figures", "correlation", "lda", "masking", "single_class"),
    *("segments", "notebooks", "page"),
)
OF_IMAGES = ("data", "networks", "spatial", "patterns", "featvis", "invariance", "demos", "plan")
OUTPUTS = ("probabilities", "logits")  # layers with a unit per class
FEWEST = 2  # classes, where no layer tells how many


def refused(study: str, targets: Iterable[str]) -> str:
    """Say which of some targets an imported study cannot make, or nothing.

    Arguments:
        study: Its name.
        targets: What is asked for.
    """
    asked = [target for target in targets if target in OF_IMAGES]
    if not asked:
        return ""
    return (
        f"{', '.join(asked)}: needs images or weights, and study {study} has published values "
        f"alone. Its targets: {', '.join(OF_VALUES)}."
    )


def survey_imported(settings: Settings, results: Path) -> Plain:
    """Look up what `survey` does, in the results alone, and what is `held` of every network.

    Arguments:
        settings: Those of the study.
        results: Folder of its results.

    Raises:
        ConfigError: If there are no results of a network.
    """
    held: dict[str, dict[str, list[str]]] = {}
    layers: dict[str, list[list[Any]]] = {}
    for name in settings.networks:
        held[name] = {
            design: [
                kind for kind, store in KINDS.items() if (results / name / design / store).is_dir()
            ]
            for design in settings.designs
        }
        first = next((one for one, kinds in held[name].items() if "indices" in kinds), None)
        if first is None:
            raise ConfigError(
                f"networks.{name}: {results / name} holds no imported results. Make them: "
                f"actsense import PUBLISHED {results}"
            )
        layers[name] = _layers(results / name / first / KINDS["indices"])
    none = dict.fromkeys(settings.networks, 0)
    sizes = [shape[0] for own in layers.values() for name, shape in own if name in OUTPUTS]
    return {
        "classes": max(sizes, default=FEWEST),
        "folder": "archives",
        "archives": [],
        "missing": [],
        "originals": {"classes": None, "key": "", "place": {}, "notes": []},
        "inputs": dict.fromkeys(settings.networks, ""),
        "layers": layers,
        "peaks": {name: {"weights": 0, "forward": 0, "back": 0} for name in settings.networks},
        "hidden": none,
        "speeds": none,
        "origins": dict.fromkeys(settings.networks, "published"),
        "units": {},
        "held": held,
    }


def _layers(store: Path) -> list[list[Any]]:
    """Return name and shape of every layer of a store of indices."""
    tree = read_results(store)
    named = [str(name) for name in tree["layer"].to_numpy() if str(name) in tree.children]
    return [[name, [int(size) for size in tree[name]["dead"].shape]] for name in named]
