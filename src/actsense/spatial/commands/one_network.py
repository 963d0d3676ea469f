"""One network on one folder of images with shuffled patches, without a configuration."""

__all__ = ["parse_divisions", "shuffle_folder"]

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from actsense.data.build import build_cache
from actsense.data.listing import list_images
from actsense.data.settings import read_dataset
from actsense.device.choice import use_device
from actsense.errors import ConfigError
from actsense.networks.opening import open_subject
from actsense.networks.settings import Torchvision, weights_file
from actsense.networks.weights import download_weights, import_weights
from actsense.spatial.commands.curves import plot_curves
from actsense.spatial.transforms.divisions import Division
from actsense.spatial.transforms.evaluate import evaluate_transforms
from actsense.spatial.transforms.settings import UNSATURATED, Transforms
from actsense.spatial.transforms.tables import compare_transforms
from actsense.store import write_results, write_tables

TABLES = ("shuffle", "shuffle_curves", "shuffle_scores")
BOOTSTRAP = 1000


def shuffle_folder(
    folder: Path,
    output: Path,
    *,
    network: str,
    weights: str = "DEFAULT",
    divisions: Sequence[Division] = tuple(range(1, 11)),
    modes: Sequence[str] = ("grid", "bands"),
    images: int = 1000,
    repeats: int = 3,
    image_size: int = 224,
    batch_size: int = 256,
    seed: int = 0,
    device: str = "auto",
) -> list[Path]:
    """Evaluate a classifier of torchvision on shuffled images; return the files that are made.

    Arguments:
        folder: `<class>/`, all of which are shown, or `train/<class>/` and `val/<class>/`.
        output: Folder of the tables `shuffle`, `shuffle_curves` and `shuffle_scores` and of the
            plot `shuffle.png`; those of the study `spatial`, with the same numbers.
        network: Its name in torchvision.
        weights: `DEFAULT`, another name of published weights, `none`, or a file.
        divisions: Patches along a side, or rows and columns of them; a number above 1 among them.
        modes: `grid`, `bands` or both.
        images: Validation images, in turn from every class, at most.
        repeats: Shuffles of every image.
        image_size: Side of the images, pixels.
        batch_size: Images per forward pass.
        seed: Seed of the choice of images and of the shuffles.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        ConfigError: If the images or the network cannot be used.
    """
    with TemporaryDirectory(prefix="actsense-") as there:
        work = Path(there)
        cache, manifest = work / "images.zarr", work / "manifest.csv"
        root = _split(folder, work / "split")
        dataset = {"kind": "folder", "path": str(root), "image_size": image_size}
        build_cache(read_dataset(dataset), seed, cache, manifest)
        settings = Torchvision(model=network, weights=weights)
        state = _weights(settings, network, work, _classes(root), seed, image_size)
        subject = open_subject(
            *(cache, manifest, state),
            {"network": [network, settings.plain()], "seed": seed, "precision": "float32"},
            batch_size=batch_size,
            device=use_device(device),
        )
        wanted = Transforms.model_validate(
            {
                "images": images,
                "divisions": [*dict.fromkeys([1, *divisions])],
                "modes": [*modes],
                "repeats": repeats,
                "saturations": [UNSATURATED],
            }
        )
        store = work / "transforms.zarr"
        write_results(store, evaluate_transforms(subject, wanted, seed), attributes={})
        tables = compare_transforms({network: store}, bootstrap=BOOTSTRAP, seed=seed)
    output.mkdir(parents=True, exist_ok=True)
    paths = {name: output / f"{name}.csv" for name in TABLES}
    write_tables({name: tables[name] for name in TABLES}, paths)
    plot_curves([paths["shuffle_curves"]], output / "shuffle.png")
    return [*paths.values(), output / "shuffle.png"]


def parse_divisions(text: str) -> list[Division]:
    """Return the divisions of `1..10`, `1,2,4` or both: `1..4,7,14`; `2x3` is 2 rows, 3 columns.

    Raises:
        ConfigError: If the text is anything else, or no number in it is above 1.
    """
    found: list[Division] = []
    for part in text.split(","):
        if pair := re.fullmatch(r"\s*(\d+)\s*[x\u00d7]\s*(\d+)\s*", part):
            rows, columns = int(pair[1]), int(pair[2])
            new: list[Division] = [rows if rows == columns else (rows, columns)]
            wrong = min(rows, columns) < 1
        else:
            run = re.fullmatch(r"\s*(\d+)(?:\.\.(\d+))?\s*", part)
            first, last = (int(run[1]), int(run[2] or run[1])) if run else (0, 0)
            new, wrong = [*range(first, last + 1)], not 1 <= first <= last
        if wrong:
            raise ConfigError(
                f"-k {text}: {part!r} is no number from 1 on, no range such as 1..10, and no rows "
                "and columns such as 2x3."
            )
        found += new
    if not any(isinstance(k, int) and k > 1 for k in found):
        raise ConfigError(
            f"-k {text}: there is no number above 1, which curves and scores are over. Add some, "
            "such as 2."
        )
    return [*dict.fromkeys(found)]


def _split(folder: Path, place: Path) -> Path:
    """Let all images of an unsplit folder be for validation; training gets one of each class."""
    listing = list_images(folder)
    if set(listing.files) != {"all"}:
        return folder
    for name, files in listing.files["all"].items():
        own = place / "train" / name
        own.mkdir(parents=True)
        first = (folder / files[0]).resolve()
        (own / first.name).symlink_to(first)
    (place / "val").symlink_to(folder.resolve(), target_is_directory=True)
    return place


def _classes(root: Path) -> int:
    return len(list_images(root).classes)


def _weights(
    settings: Torchvision, name: str, work: Path, classes: int, seed: int, image_size: int
) -> Path:
    """Draw, copy or download the weights of a network."""
    plain, (state, card) = settings.plain() | {"name": name}, (work / "weights.pt", work / "card")
    if settings.weights == "none" or weights_file(settings):
        import_weights(plain, seed, classes, state, card, image_size=image_size)
    else:
        download_weights(plain, state, card, image_size=image_size)
    return state
