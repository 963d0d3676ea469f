"""The images of a dataset in one checked array, beside a manifest of its rows.

`images.zarr` holds rows (see `store.rows`) of one array (images, 3, side, side) of uint8. Its
attributes name the classes, the settings it was made from, and the SHA-256 of the manifest.
"""

__all__ = ["ImageCache", "Sample", "image_column", "write_cache"]

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actsense.data.class_names import readable
from actsense.data.manifest import (
    SKIPPED,
    pixel_sha256,
    read_manifest,
    write_manifest,
)
from actsense.data.signature import content_digest
from actsense.errors import ConfigError
from actsense.store import file_hash
from actsense.store.columns import ALONE, Column
from actsense.store.manifest import sealing
from actsense.store.rows import Rows, write_rows


@dataclass(frozen=True)
class Sample:
    """One image on its way into the cache, or the reason why a file gave none."""

    path: str
    label: int
    partition: str
    pixels: NDArray[np.uint8] | None  # (3, side, side)
    reason: str = ""
    brightest: float | None = None  # the largest value of a dark file of more than 8 bits
    content: str = ""  # SHA-256 of the file


class ImageCache:
    """The images and the manifest of a dataset, read only.

    Attributes:
        class_names: Name of each label, in order.
        image_size: Side of the square images, pixels.
        manifest: Columns `path`, `class_name`, `label`, `partition`, `sha256`; row i belongs
            to image i.
    """

    class_names: list[str]
    image_size: int
    manifest: pd.DataFrame

    def __init__(self, images: Path, manifest: Path) -> None:
        if not images.is_dir():
            raise ConfigError(
                f"{images}: no image cache there. Run the rule that prepares the data."
            )
        self._rows = Rows(images)
        self._sha256 = file_hash(manifest) if manifest.is_file() else ""
        self.manifest = read_manifest(manifest)
        if self._rows.attributes.get("manifest_sha256") != self._sha256:
            raise ConfigError(
                f"{images} and {manifest} were not made together, or one of them is damaged. "
                "Delete both and run again."
            )
        self.class_names = [str(name) for name in self._rows.attributes["class_names"]]
        self.image_size = self._rows.columns[ALONE].shape[-1]

    @classmethod
    def open(cls, images: Path | str, manifest: Path | str) -> "ImageCache":
        """Open a cache written by `build_cache`.

        Arguments:
            images: The array, a directory.
            manifest: The table beside it.

        Raises:
            ConfigError: If one of the two is missing, damaged, or belongs to another dataset.
        """
        return cls(Path(images), Path(manifest))

    def __len__(self) -> int:
        return len(self.manifest)

    def read(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Read images by row, in any order, with repeats.

        Arguments:
            rows: Rows of the manifest, shape (images,).

        Returns:
            The images, shape (images, 3, side, side).

        Raises:
            IndexError: If a row does not exist.
            CorruptFileError: If a file of the cache is missing or damaged.
        """
        return self._rows.read(rows)

    def partition_rows(self, partition: str) -> NDArray[np.int64]:
        """List the rows of `train` or of `validation`, ascending."""
        return np.flatnonzero(self.manifest["partition"].to_numpy() == partition)

    def sha256(self) -> str:
        """Identify the dataset: the hash of its manifest, which holds one hash per image."""
        return self._sha256


def image_column(side: int) -> Column:
    """Return what every row of a cache holds: the pixels of a square image."""
    return Column((3, side, side), "uint8", ("image", "channel", "height", "width"))


def write_cache(
    samples: Iterable[Sample],
    images: Path,
    manifest: Path,
    *,
    capacity: int,
    side: int,
    class_names: list[str],
    provenance: dict[str, Any],
) -> None:
    """Write the images and the manifest; both appear only when complete.

    Arguments:
        samples: The images in their final order, and skipped files anywhere among them.
        images: Where the array goes.
        manifest: Where the table goes.
        capacity: Number of images at most.
        side: Side of the images, pixels.
        class_names: Name of each label.
        provenance: Anything JSON can hold, kept in the attributes; `originals`, if it is there,
            gets a digest of the contents of the files.
    """
    rows: list[tuple[str, str, int, str, str]] = []
    skipped: list[tuple[str, str, int, str, str]] = []
    reasons: dict[str, str] = {}
    contents: dict[str, list[tuple[str, str]]] = {"taken": [], SKIPPED: []}
    columns = {ALONE: image_column(side)}
    with (
        sealing(manifest) as table,
        write_rows(images, columns, capacity=capacity) as writer,
    ):
        for sample in samples:
            name, path = class_names[sample.label], readable(sample.path)
            kind = SKIPPED if sample.pixels is None else "taken"
            contents[kind].append((path, sample.content))
            if sample.pixels is None:
                skipped.append((path, name, sample.label, SKIPPED, ""))
                reasons[path] = sample.reason
                continue
            writer.append({ALONE: sample.pixels[None]})
            digest = pixel_sha256(sample.pixels)
            rows.append((path, name, sample.label, sample.partition, digest))
        writer.attributes = {
            "class_names": class_names,
            "manifest_sha256": write_manifest([*rows, *skipped], table),
            "skipped": reasons,
            **provenance,
        }
        if originals := provenance.get("originals"):
            read = content_digest([*contents["taken"], *contents[SKIPPED]])
            writer.attributes["originals"] = originals | {"contents": read}
