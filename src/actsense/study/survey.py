"""What only files and models can tell about a study: looked up once per run."""

__all__ = ["survey"]

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from actsense.data.build import count_classes
from actsense.data.downloads import archive_folder, dataset_archives, missing_archives
from actsense.data.originals import look_at_originals
from actsense.data.settings import PublishedImages
from actsense.errors import ConfigError
from actsense.layers import place_layers
from actsense.networks.inputs import input_key
from actsense.networks.settings import NetworkSettings, Python, Trained, weights_file
from actsense.sampling.kept_speed import kept_speeds
from actsense.segments.listed import check_units, read_units
from actsense.store import DiskFullError, file_hash, replacing
from actsense.study.settings import Settings

Plain = dict[str, Any]

# Beside what Snakemake remembers of the working directory; whoever deletes it loses seconds.
REMEMBERED = Path(".snakemake/actsense")


def survey(settings: Settings) -> Plain:
    """Look up the classes of a study, the files that it is made from, and its networks.

    Networks of our own, of torchvision and of timm are built once per version of the code:
    building them imports PyTorch, which takes longer than all the rest of a dry run. Their layers
    are remembered in the working directory.

    Arguments:
        settings: Those of the study.

    Returns:
        `classes`, the number of them; the `folder` of archives, their paths in it, `archives`,
        and the names of the `missing` ones; the `originals` of the images, see `Originals`; and
        by network `layers`, name and shape of the recorded ones, `peaks`, the bytes that it
        holds, `hidden`, the width of its last hidden vector, `speeds`, the
        kept images per second of the slowest design or 0, `origins`: `trained`, `downloaded` or
        `imported`, and `inputs`, what the files of an imported one are known by; and `units`,
        for networks whose segments a file lists, their numbers of channels by last layer.
        Of published values `survey_imported` tells the same.

    Raises:
        ConfigError: If a folder, a model or a layer does not exist.
    """
    dataset, results = settings.dataset, Path("results") / settings.study
    if isinstance(dataset, PublishedImages):
        # Nobody else needs it, and it opens stores.
        from actsense.study.imported import survey_imported

        return survey_imported(settings, results)
    cache = results / "data/images.zarr", results / "data/manifest.csv"
    originals = look_at_originals(dataset, settings.seed, *cache, _answer)
    classes = originals.classes or count_classes(dataset)
    outlines = {
        name: _outline(name, _as_imported(network, results / name), classes, dataset.image_size)
        for name, network in settings.networks.items()
    }
    listed = {
        name: _listed_units(name, Path(file), outlines[name]["layers"])
        for name, file in settings.segments.units.items()
    }
    return {
        "classes": classes,
        "units": listed,
        "folder": str(archive_folder(dataset)),
        "archives": [str(path) for path in dataset_archives(dataset)],
        "missing": missing_archives(dataset),
        "originals": asdict(originals),
        "inputs": {
            name: input_key(network, results / name / "card.json", _file_digest)
            for name, network in settings.networks.items()
        },
        "layers": {name: outline["layers"] for name, outline in outlines.items()},
        "peaks": {name: outline["peak"] for name, outline in outlines.items()},
        "hidden": {name: outline["hidden"] for name, outline in outlines.items()},
        "speeds": {name: _slowest(results, name) for name in settings.networks},
        "origins": {name: outline["origin"] for name, outline in outlines.items()},
    }


def _listed_units(name: str, file: Path, recorded: Any) -> dict[str, int]:
    """Count the channels of every segment that a file lists for a network."""
    units = read_units(file)
    layers = {layer.name: layer for layer in place_layers(recorded)}
    check_units(f"segments.units.{name}: {file}", units, layers)
    return {layer: len(channels) for layer, channels in units.items()}


def _as_imported(network: NetworkSettings, folder: Path) -> NetworkSettings:
    """Return a network with its imported weights where the file that they came from is gone."""
    file, imported = weights_file(network), folder / "weights.pt"
    if file and not file.is_file() and imported.is_file():
        return network.replaced(weights=str(imported))
    return network


def _slowest(results: Path, network: str) -> float:
    speeds = kept_speeds(results, network).get("images_per_second", {})
    return float(min(speeds.values(), default=0))


def _outline(name: str, network: NetworkSettings, classes: int, side: int) -> Plain:
    """Return what is to know of a network, from memory where nothing else can decide it."""
    if isinstance(network, Python):  # code of the user's may have changed
        return _look(name, network, classes, side)
    file = weights_file(network)
    weights = _file_digest(file) if file and file.is_file() else None
    packages = {package: version(package) for package in ("torch", "torchvision", "timm")}
    decides = [name, network.plain(), weights, classes, side, packages, _source()]
    return dict(_remembered(decides, lambda: _look(name, network, classes, side)))


def _answer(question: str, ask: Callable[[], bool]) -> bool:
    return bool(_remembered(question, ask))


def _file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, from memory where its size and time are the same."""
    facts = path.stat()
    described = [str(path.absolute()), facts.st_size, facts.st_mtime_ns]
    return str(_remembered(described, lambda: file_hash(path)))


def _remembered(decides: Any, look: Callable[[], Any]) -> Any:
    """Return what was found before for the same reasons, or else look."""
    path = REMEMBERED / f"{_digest(json.dumps(decides, sort_keys=True).encode())}.json"
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    found = look()
    with suppress(OSError, ConfigError, DiskFullError), replacing(path) as beside:  # only a help
        beside.write_text(json.dumps(found), encoding="utf-8")
    return found


def _look(name: str, network: NetworkSettings, classes: int, side: int) -> Plain:
    from actsense.networks.classifiers import hidden_width
    from actsense.networks.layers import lay_out
    from actsense.networks.network import outline_network
    from actsense.networks.peak import measure_peak

    outline = outline_network(name, network, classes=classes, image_size=side)
    layers = [[layer.name, list(layer.shape)] for layer in lay_out(outline, network.layers, side)]
    peak = asdict(measure_peak(outline.module, side))
    hidden = hidden_width(outline, side)
    return {"layers": layers, "peak": peak, "hidden": hidden, "origin": _origin(network)}


def _origin(network: NetworkSettings) -> str:
    if isinstance(network, Trained):
        return "trained"
    here = isinstance(network, Python) or network.weights in ("none", "packaged")
    return "imported" if here or weights_file(network) else "downloaded"


def _source() -> str:
    """Return a digest of the code that builds networks and lays out their layers."""
    files = sorted((Path(__file__).parents[1] / "networks").rglob("*.py"))
    return _digest(b"".join(file.read_bytes() for file in files))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
