"""CIFAR-10: its archive for Python, whose batches are pickles, read without running any of them.

A label is the place in the archive's list of names. Images of the test batch are for validation.

Source:
    Krizhevsky (2009), Learning multiple layers of features from tiny images. The MD5 is the one
    that is published beside the archive.
"""

__all__ = ["ARCHIVE", "CLASSES", "MD5", "plan_cifar"]

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from actsense.data.archives import read_members
from actsense.data.image_plan import ImagePlan, plan_images
from actsense.data.listing import Listing
from actsense.data.settings import Cifar10
from actsense.errors import ConfigError

ARCHIVE = "cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
CLASSES = 10
FOLDER = "cifar-10-batches-py/"
BATCHES = {
    "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
    "validation": ("test_batch",),
}
META = "batches.meta"
COLUMNS = (b"labels", b"filenames")

Pickled = Mapping[bytes, Any]


@dataclass(frozen=True)
class CifarImages:
    """Images by their names, `<batch>/<place>_<file>`.

    Attributes:
        archive: Where they come from.
        pixels: One image each, (3, side, side).
    """

    archive: Path
    pixels: Mapping[str, NDArray[np.uint8]]
    repair = "Delete the archive and run again to download it anew"

    def locate(self, file: str) -> str:
        """Name the archive and the image."""
        return f"{self.archive}, image {file}"

    def open(self, file: str) -> BinaryIO:
        """Return an image as a PNM file, which is one line of text before the same numbers."""
        image = self.pixels[file]
        _, height, width = image.shape
        return io.BytesIO(b"P6 %d %d 255\n" % (width, height) + image.transpose(1, 2, 0).tobytes())


def plan_cifar(settings: Cifar10, seed: int) -> ImagePlan:
    """Decide which images of CIFAR-10 are taken; its test images are for validation.

    Arguments:
        settings: Where the archive lies, and how many images are wanted.
        seed: Seed of the subsets.

    Raises:
        ConfigError: If the archive is missing, damaged or another one.
    """
    archive, side = settings.place / ARCHIVE, settings.image_size
    batches = [batch for part in BATCHES.values() for batch in part]
    read = read_members(archive, [FOLDER + name for name in (META, *batches)])
    names = _class_names(archive, _unpickled(archive, META, read))
    pixels: dict[str, NDArray[np.uint8]] = {}
    files: dict[str, dict[str, list[str]]] = {}
    for partition, own in BATCHES.items():
        labelled: list[tuple[int, str]] = []
        for batch in own:
            found = _unpickled(archive, batch, read)
            images, labels, called = _columns(archive, batch, found, side)
            keys = [f"{batch}/{place:05d}_{name}" for place, name in enumerate(called)]
            pixels |= zip(keys, images, strict=True)
            labelled += zip(labels, keys, strict=True)
        files[partition] = {
            name: sorted(key for own_label, key in labelled if own_label == label)
            for label, name in enumerate(names)
        }
        if empty := [name for name, found_files in files[partition].items() if not found_files]:
            raise _other(archive, f"no images of {', '.join(empty[:5])} for {partition}")
    return plan_images(
        Listing(names, files),
        CifarImages(archive, pixels),
        seed,
        side=side,
        resize=side,
        samples=settings.samples_per_class,
    )


def _class_names(archive: Path, meta: Pickled) -> list[str]:
    names = meta.get(b"label_names")
    if not (isinstance(names, list) and all(isinstance(name, bytes) for name in names)):
        raise _other(archive, f"{META} has no names of classes")
    if len({*names}) != CLASSES:
        raise _other(archive, f"{META} has {len({*names})} classes, not {CLASSES}")
    return [name.decode(errors="backslashreplace") for name in names]


def _columns(
    archive: Path, batch: str, found: Pickled, side: int
) -> tuple[NDArray[np.uint8], list[int], list[str]]:
    """Return images, (images, 3, side, side), labels and names of files of a batch, checked."""
    data = found.get(b"data")
    if not (isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.ndim == 2):
        raise _other(archive, f"{batch} holds no bytes of images")
    if data.shape[1] != 3 * side**2:
        raise _other(archive, f"images of {batch} have {data.shape[1]} values, not {3 * side**2}")
    labels, called = (_column(archive, batch, found, key, len(data)) for key in COLUMNS)
    odd = [one for one in labels if type(one) is not int or not 0 <= one < CLASSES]
    if odd:
        raise _other(archive, f"{batch} has the label {odd[0]!r}")
    texts = [bytes(name).decode(errors="backslashreplace") for name in called]
    return data.reshape(-1, 3, side, side), labels, texts


def _column(archive: Path, batch: str, found: Pickled, key: bytes, count: int) -> list[Any]:
    column = found.get(key)
    if not isinstance(column, list) or len(column) != count:
        raise _other(archive, f"{batch} has not as many {key.decode()} as images")
    return column


class _Unpickler(pickle.Unpickler):
    """Makes arrays, and nothing else that is not plain: no name but those below is ever looked up.

    A pickle is a program. What it may call is decided here, so that a strange archive can do no
    more than be refused.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return what an array is made with."""
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray"):
            known: dict[str, Callable[..., Any]] = {
                "_reconstruct": _empty_array,
                "ndarray": np.ndarray,
                "dtype": np.dtype,
            }
            if name in known:
                return known[name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")


def _empty_array(*_: Any) -> NDArray[Any]:
    """Begin an array, as NumPy's own pickles do: what follows in the pickle fills it."""
    return np.ndarray((0,), dtype=np.int8)


def _unpickled(archive: Path, name: str, read: Mapping[str, bytes]) -> Pickled:
    """Return what a batch holds; texts are bytes, as Python 2 wrote them."""
    try:
        found = _Unpickler(io.BytesIO(read[FOLDER + name]), encoding="bytes").load()
    except Exception as error:  # a damaged pickle raises whatever its numbers happen to ask for
        raise _other(archive, f"{name}: {error}") from error
    if not isinstance(found, dict):
        raise _other(archive, f"{name} holds {type(found).__name__}, not a table")
    return found


def _other(archive: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"{archive}: not the archive of CIFAR-10 for Python ({reason}). Delete it and run again "
        "to download it anew."
    )
