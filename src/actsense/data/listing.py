"""Which image files a folder of classes holds, in an order that is the same everywhere.

Either `root/<class>/**`, one folder per class, to be split by a seeded draw; or
`root/train/<class>/**` beside a folder of validation classes, in small or capital letters.
"""

__all__ = ["SUFFIXES", "Listing", "count_class_folders", "list_images"]

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from actsense.data.class_names import named_classes
from actsense.errors import ConfigError

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".avif"),
    *(".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"),
)
VALIDATION = ("val", "validation", "valid")
TEST = "test"
# What storage boxes, cameras and systems put beside photographs; besides, all that is hidden.
SYSTEM_FOLDERS = {
    *("@eadir", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "__macosx"),
    *("lost+found", "system volume information"),
}
SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"}


@dataclass(frozen=True)
class Listing:
    """Files by partition and class, relative to the root, with forward slashes.

    The only partition is `all` where the folder itself is not split.

    Attributes:
        classes: Names of the classes, in the order of their labels.
        files: By partition and class, sorted.
        taken_from: The folder of each partition, where the root is split.
        left_out: How many files or folders were left out, by what they are.
    """

    classes: list[str]
    files: dict[str, dict[str, list[str]]]
    taken_from: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def all_files(self) -> list[str]:
        """Every listed file."""
        return [file for part in self.files.values() for found in part.values() for file in found]

    def summary(self) -> list[str]:
        """Say in words what is taken from where, and what is left out."""
        lines = []
        if self.taken_from:
            places = (f"{place}/ for {part}" for part, place in self.taken_from.items())
            lines.append(f"taken from {' and '.join(places)}")
        if self.left_out:
            lines.append(f"left out: {_counted(Counter(self.left_out))}")
        return lines


def list_images(root: Path) -> Listing:
    """List the images under `root` by partition and class, sorted.

    Hidden files and folders are left out, those of storage boxes and systems, and files with
    other suffixes than `SUFFIXES` (in any case). Links are followed; a folder that is reached
    twice in a class is walked once.

    Raises:
        ConfigError: If the folder does not exist or cannot be read, has no class folders or no
            images, a class is empty, or train and validation differ in their classes.
    """
    if not root.is_dir():
        raise ConfigError(f"dataset.path: the folder {str(root)!r} does not exist.")
    try:
        return _listed(root)
    except OSError as error:
        raise ConfigError(f"dataset.path: {str(root)!r} cannot be listed: {error}.") from error


def _listed(root: Path) -> Listing:
    parts, left = _partitions(root), Counter[str]()
    files = {part: _classes(root, folder, left) for part, folder in parts.items()}
    if len(files) == 2:
        _check_same_classes(root, files["train"], files["validation"])
        taken_from = {part: folder.name for part, folder in parts.items()}
        left.update(
            f"folder {folder.name} beside {' and '.join(taken_from.values())}"
            for folder in _folders(root)
            if folder not in parts.values()
        )
    else:
        taken_from = {}
    return Listing(sorted(next(iter(files.values()))), files, taken_from, dict(left))


def count_class_folders(root: Path) -> int:
    """Count the classes without listing their images.

    Raises:
        ConfigError: If the folder does not exist.
    """
    if not root.is_dir():
        raise ConfigError(f"dataset.path: the folder {str(root)!r} does not exist.")
    return len(_folders(next(iter(_partitions(root).values()))))


def _partitions(root: Path) -> dict[str, Path]:
    """Find the folders of train and validation, or else take the root as it is."""
    named: dict[str, list[Path]] = {}
    for folder in _folders(root):
        named.setdefault(folder.name.lower(), []).append(folder)
    training = named.get("train", [])
    found = [folder for name in VALIDATION for folder in named.get(name, ())]
    found = found or [*named.get(TEST, ())]
    for folders in (training, found):
        if len(folders) > 1 and any(map(_folders, folders)):
            both = " and ".join(f"{folder.name}/" for folder in folders)
            raise ConfigError(f"dataset.path: {str(root)!r} has both {both}. Remove one of them.")
    if training and found and (found[0].name.lower() != TEST or all(map(_folders, found))):
        return {"train": training[0], "validation": found[0]}
    for folder in [*found, *training]:  # a class may be called train, if it holds images directly
        if folder.name.lower() != TEST and _folders(folder):
            raise ConfigError(
                f"dataset.path: {str(root)!r} has {folder.name}/ with classes inside, but no "
                f"{'train/' if found else 'val/ or validation/'} beside it. Add that folder, or "
                f"give the path of {folder.name}/ itself to split it by a draw."
            )
    return {"all": root}


def _classes(root: Path, folder: Path, left: Counter[str]) -> dict[str, list[str]]:
    folders = named_classes(_folders(folder))
    classes = {name: sorted(_images(root, sub, left)) for name, sub in folders.items()}
    _leave_out(folder, left)
    if not classes:
        raise ConfigError(
            f"dataset.path: {str(folder)!r} has no class folders. The images of a class belong "
            "into a folder of its name."
        )
    empty = [name for name, files in classes.items() if not files]
    if len(empty) == len(classes):
        found = f"; there are {_counted(left)}" if left else ""
        raise ConfigError(
            f"dataset.path: no images under {str(folder)!r} (looked for {', '.join(SUFFIXES)}"
            f"{found})."
        )
    if empty:
        raise ConfigError(
            f"dataset.path: no images in the class folders {', '.join(empty)} of "
            f"{str(folder)!r}. Add images or remove the folders."
        )
    return classes


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not _aside(entry.name))


def _aside(folder: str) -> bool:
    return folder.startswith(".") or folder.lower() in SYSTEM_FOLDERS


def _images(root: Path, folder: Path, left: Counter[str]) -> Iterator[str]:
    """Walk through the folder of a class, and count what is no image."""
    walked = {_identity(above) for above in (folder, *folder.resolve().parents)}
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        here = place.relative_to(root).as_posix()
        for entry in sorted(os.scandir(place), key=lambda one: one.name):
            mode = _mode(entry)
            if stat.S_ISDIR(mode):
                if _aside(entry.name):
                    left[f"folders {entry.name}"] += 1
                elif (identity := _identity(Path(entry.path))) in walked:
                    left["folders reached twice by links"] += 1
                else:
                    walked.add(identity)
                    waiting.append(Path(entry.path))
            elif kind := _no_image(entry.name):
                left[kind] += 1
            elif mode and not stat.S_ISREG(mode):
                left["pipes, sockets or devices"] += 1
            else:  # a link that leads nowhere, too: a photograph that is missing is an error
                yield f"{here}/{entry.name}"


def _mode(entry: os.DirEntry[str]) -> int:
    """Return the mode of an entry, or of what a link leads to; 0 for one that leads nowhere."""
    if entry.is_file(follow_symlinks=False):
        return stat.S_IFREG  # known without a look at every file
    try:
        return entry.stat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return 0
        raise


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _no_image(name: str) -> str:
    """Say what a file is that is no image, or nothing."""
    if name.startswith(".") or name.lower() in SYSTEM_FILES:
        return "hidden files"
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a million times
    if suffix in SUFFIXES:
        return ""
    return f"files {suffix}" if suffix else "files without suffix"


def _leave_out(folder: Path, left: Counter[str]) -> None:
    """Count what lies beside the folders of the classes."""
    for entry in folder.iterdir():
        if entry.is_dir():
            left.update([f"folders {entry.name}"] if _aside(entry.name) else [])
        else:
            left[_no_image(entry.name) or "images beside the class folders"] += 1


def _counted(left: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in left.most_common(10))


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
