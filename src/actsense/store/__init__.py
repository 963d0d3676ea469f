"""Files that are complete when they exist: archives, moments, results, provenance."""

from actsense.store.activations import read_blocks, read_shard_layers, write_block
from actsense.store.archive import (
    CHECKSUM,
    CorruptFileError,
    create_archive,
    open_archive,
    reading,
)
from actsense.store.atomic import replacing
from actsense.store.provenance import file_hash, provenance
from actsense.store.results import read_results, unit_dimensions, write_results, write_tables

__all__ = [
    "CHECKSUM",
    "CorruptFileError",
    "create_archive",
    "file_hash",
    "open_archive",
    "provenance",
    "read_blocks",
    "read_results",
    "read_shard_layers",
    "reading",
    "replacing",
    "unit_dimensions",
    "write_block",
    "write_results",
    "write_tables",
]
