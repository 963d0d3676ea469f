"""The images of a dataset in one checked array, beside a manifest of its rows.

`images.zarr` is one Zarr v3 array (images, 3, side, side) of uint8. A shard is one file of
many chunks; every chunk is compressed and carries a CRC-32C. The attributes of the array name
the classes, the settings it was made from, and the SHA-256 of the manifest.
"""

__all__ = ["ImageCache", "Sample", "write_cache"]

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from actsense.data.manifest import (
    SKIPPED,
    pixel_sha256,
    read_manifest,
    write_manifest,
)
from actsense.errors import ConfigError
from actsense.store import file_hash
from actsense.store.atomic import replacing

SHARD_BYTES = 2**28  # before compression; what the writer holds in memory
CHUNK_BYTES = 2**18  # one image at 224x224, many at 32x32
MEMORY_BYTES = 10**9  # a cache below this is read once and kept


@dataclass(frozen=True)
class Sample:
    """One image on its way into the cache, or the reason why a file gave none."""

    path: str
    label: int
    partition: str
    pixels: NDArray[np.uint8] | None  # (3, side, side)
    reason: str = ""


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
        self._array = _opened(images)
        self._images = images
        self._memory: NDArray[np.uint8] | None = None
        self._sha256 = file_hash(manifest) if manifest.is_file() else ""
        self.manifest = read_manifest(manifest)
        if self._array.attrs.get("manifest_sha256") != self._sha256:
            raise ConfigError(
                f"{images} and {manifest} were not made together, or one of them is damaged. "
                "Delete both and run again."
            )
        self.class_names = [str(name) for name in _listed(self._array.attrs["class_names"])]
        self.image_size = int(self._array.shape[-1])

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
            ConfigError: If a file of the cache is missing or damaged.
        """
        rows = np.asarray(rows, dtype=np.int64)
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(
                f"rows must lie in 0..{len(self) - 1}, got {rows.min()}..{rows.max()}"
            )
        if self._array.nbytes < MEMORY_BYTES:
            if self._memory is None:
                self._memory = self._selected(np.arange(len(self)))
            images: NDArray[np.uint8] = self._memory[rows]
            return images
        unique, position = np.unique(rows, return_inverse=True)
        return self._selected(unique)[position]

    def partition_rows(self, partition: str) -> NDArray[np.int64]:
        """List the rows of `train` or of `validation`, ascending."""
        return np.flatnonzero(self.manifest["partition"].to_numpy() == partition)

    def sha256(self) -> str:
        """Identify the dataset: the hash of its manifest, which holds one hash per image."""
        return self._sha256

    def _selected(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read ascending rows, one shard after another, so that an error can name its file."""
        images = np.empty((len(rows), *self._array.shape[1:]), np.uint8)
        per_shard = (self._array.shards or self._array.chunks)[0]
        bounds = np.arange(0, len(self) + per_shard, per_shard)
        cuts = np.searchsorted(rows, bounds)
        for shard, (start, stop) in enumerate(pairwise(cuts)):
            if start < stop:
                images[start:stop] = self._shard_rows(shard, rows[start:stop])
        return images

    def _shard_rows(self, shard: int, rows: NDArray[np.int64]) -> Any:
        file = self._images / "c" / str(shard) / "0" / "0" / "0"
        advice = f"Delete {self._images} and its manifest, and run again."
        if not file.is_file():  # Zarr would return black images
            raise ConfigError(f"{file}: missing from the image cache. {advice}")
        try:
            # Runs of neighbours: Zarr's `oindex` took 90 ms per image here, a slice takes 1 ms.
            runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
            return np.concatenate([self._array[int(run[0]) : int(run[-1]) + 1] for run in runs])
        except (ValueError, RuntimeError, OSError, KeyError, TypeError) as error:
            raise ConfigError(f"{file}: damaged image cache ({error}). {advice}") from error


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
        provenance: Anything JSON can hold, kept in the attributes.
    """
    rows: list[tuple[str, str, int, str, str]] = []
    skipped: list[tuple[str, str, int, str, str]] = []
    reasons: dict[str, str] = {}
    with replacing(images) as store, replacing(manifest) as table:
        array = _created(store, capacity, side)
        buffer = np.empty((array.shards[0], *array.shape[1:]), np.uint8)  # type: ignore[index]
        for sample in samples:
            name = class_names[sample.label]
            if sample.pixels is None:
                skipped.append((sample.path, name, sample.label, SKIPPED, ""))
                reasons[sample.path] = sample.reason
                continue
            buffer[len(rows) % len(buffer)] = sample.pixels
            digest = pixel_sha256(sample.pixels)
            rows.append((sample.path, name, sample.label, sample.partition, digest))
            if len(rows) % len(buffer) == 0:
                array[len(rows) - len(buffer) : len(rows)] = buffer
        if rest := len(rows) % len(buffer):
            array[len(rows) - rest : len(rows)] = buffer[:rest]
        array.resize((len(rows), *array.shape[1:]))
        array.attrs.update(
            class_names=class_names,
            manifest_sha256=write_manifest([*rows, *skipped], table),
            skipped=reasons,
            **json.loads(json.dumps(provenance, default=str)),
        )


def _created(store: Path, capacity: int, side: int) -> zarr.Array[Any]:
    image_bytes = 3 * side * side
    chunk = max(1, CHUNK_BYTES // image_bytes)
    chunks = min(max(1, SHARD_BYTES // (chunk * image_bytes)), -(-capacity // chunk))
    return zarr.create_array(
        str(store),
        shape=(capacity, 3, side, side),
        dtype="uint8",
        chunks=(chunk, 3, side, side),
        shards=(chunks * chunk, 3, side, side),
        compressors=[ZstdCodec(level=3), Crc32cCodec()],
        dimension_names=("image", "channel", "height", "width"),
        fill_value=0,
        config={"write_empty_chunks": True},  # an absent file is then always an error
    )


def _opened(images: Path) -> zarr.Array[Any]:
    if not images.is_dir():
        raise ConfigError(f"{images}: no image cache there. Run the rule that prepares the data.")
    try:
        return zarr.open_array(str(images), mode="r")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ConfigError(
            f"{images / 'zarr.json'}: damaged image cache ({error}). Delete {images} and its "
            "manifest, and run again."
        ) from error


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
