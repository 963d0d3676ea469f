"""Which image files a folder of classes holds, in an order that is the same everywhere.

Either `root/<class>/**`, one folder per class, to be split by a seeded draw; or
`root/train/<class>/**` with `root/val/<class>/**` or `root/validation/<class>/**`.
"""

__all__ = ["SUFFIXES", "Listing", "count_class_folders", "list_images"]

import os
from dataclasses import dataclass
from pathlib import Path

from actsense.data.class_names import named_classes
from actsense.errors import ConfigError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm")
VALIDATION = ("val", "validation")


@dataclass(frozen=True)
class Listing:
    """Files by partition and class, relative to the root, with forward slashes.

    The only partition is `all` where the folder itself is not split.
    """

    classes: list[str]
    files: dict[str, dict[str, list[str]]]


def list_images(root: Path) -> Listing:
    """List the images under `root` by partition and class, sorted.

    Hidden files and folders are ignored, and so are files with other suffixes than `SUFFIXES`
    (in any case).

    Raises:
        ConfigError: If the folder does not exist, has no class folders or no images, a class
            is empty, or train and validation differ in their classes.
    """
    if not root.is_dir():
        raise ConfigError(f"dataset.path: the folder {str(root)!r} does not exist.")
    parts = _partitions(root)
    files = {part: _classes(root, folder) for part, folder in parts.items()}
    if len(files) == 2:
        _check_same_classes(root, files["train"], files["validation"])
    return Listing(sorted(next(iter(files.values()))), files)


def count_class_folders(root: Path) -> int:
    """Count the classes without listing their images.

    Raises:
        ConfigError: If the folder does not exist.
    """
    if not root.is_dir():
        raise ConfigError(f"dataset.path: the folder {str(root)!r} does not exist.")
    return len(_folders(next(iter(_partitions(root).values()))))


def _partitions(root: Path) -> dict[str, Path]:
    found = [root / name for name in VALIDATION if (root / name).is_dir()]
    if len(found) == 2:
        raise ConfigError(
            f"dataset.path: {str(root)!r} has both val/ and validation/. Remove one of them."
        )
    train = root / "train"
    if found and train.is_dir():
        return {"train": train, "validation": found[0]}
    for folder in [*found, train]:  # a class may be called train, if it directly holds images
        if folder.is_dir() and _folders(folder):
            raise ConfigError(
                f"dataset.path: {str(root)!r} has {folder.name}/ with classes inside, but no "
                f"{'train/' if found else 'val/ or validation/'} beside it. Add that folder, or "
                f"give the path of {folder.name}/ itself to split it by a draw."
            )
    return {"all": root}


def _classes(root: Path, folder: Path) -> dict[str, list[str]]:
    folders = named_classes(_folders(folder))
    classes = {name: _images(root, sub) for name, sub in folders.items()}
    if not classes:
        raise ConfigError(
            f"dataset.path: {str(folder)!r} has no class folders. The images of a class belong "
            "into a folder of its name."
        )
    empty = [name for name, files in classes.items() if not files]
    if len(empty) == len(classes):
        raise ConfigError(
            f"dataset.path: no images under {str(folder)!r} (looked for {', '.join(SUFFIXES)})."
        )
    if empty:
        raise ConfigError(
            f"dataset.path: no images in the class folders {', '.join(empty)} of "
            f"{str(folder)!r}. Add images or remove the folders."
        )
    return classes


def _folders(folder: Path) -> list[Path]:
    return sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def _images(root: Path, folder: Path) -> list[str]:
    found = []
    for place, subfolders, names in os.walk(folder, followlinks=True):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        here = Path(place).relative_to(root).as_posix()
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                found.append(f"{here}/{name}")
    return sorted(found)


def _check_same_classes(
    root: Path, train: dict[str, list[str]], validation: dict[str, list[str]]
) -> None:
    lacking = {
        "validation": sorted(train.keys() - validation.keys()),
        "train": sorted(validation.keys() - train.keys()),
    }
    for part, names in lacking.items():
        if names:
            raise ConfigError(
                f"dataset.path: {str(root)!r}: {part} lacks the classes {', '.join(names[:10])}"
                f"{' ...' if len(names) > 10 else ''}. Both partitions need the same classes."
            )
