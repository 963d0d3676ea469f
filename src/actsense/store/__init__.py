"""Files that are complete when they exist: archives, moments, results, provenance."""

from actsense.store.activations import read_blocks, read_shard_layers, write_block
from actsense.store.archive import (
    CHECKSUM,
    CorruptFileError,
    create_archive,
    open_archive,
    reading,
)
from actsense.store.atomic import DiskFullError, replacing
from actsense.store.footprint import remove_orphans, reserve
from actsense.store.provenance import file_hash, provenance
from actsense.store.results import read_results, unit_dimensions, write_results, write_tables

__all__ = [
    "CHECKSUM",
    "CorruptFileError",
    "DiskFullError",
    "create_archive",
    "file_hash",
    "open_archive",
    "provenance",
    "read_blocks",
    "read_results",
    "read_shard_layers",
    "reading",
    "remove_orphans",
    "replacing",
    "reserve",
    "unit_dimensions",
    "write_block",
    "write_results",
    "write_tables",
]
