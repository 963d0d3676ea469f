"""Files that are complete when they exist: archives, moments, results, provenance."""

from actsense.store.archive import CHECKSUM, create_archive, open_archive
from actsense.store.atomic import replacing
from actsense.store.damage import (
    CorruptFileError,
    DiskFullError,
    LimitError,
    reading,
    trouble,
)
from actsense.store.facts import read_facts, write_facts
from actsense.store.file_names import file_names
from actsense.store.footprint import allowance, remove_orphans, reserve
from actsense.store.left_out import LeftOut, read_indices
from actsense.store.manifest import Manifest, seal, sealing
from actsense.store.parts import Part, part_starts, read_parts, read_shard_layers
from actsense.store.provenance import file_hash, provenance
from actsense.store.results import (
    Gathered,
    Results,
    create_results,
    read_results,
    write_results,
)
from actsense.store.shards import create_shard
from actsense.store.tables import read_table, write_tables

__all__ = [
    "CHECKSUM",
    "CorruptFileError",
    "DiskFullError",
    "Gathered",
    "LeftOut",
    "LimitError",
    "Manifest",
    "Part",
    "Results",
    "allowance",
    "create_archive",
    "create_results",
    "create_shard",
    "file_hash",
    "file_names",
    "open_archive",
    "part_starts",
    "provenance",
    "read_facts",
    "read_indices",
    "read_parts",
    "read_results",
    "read_shard_layers",
    "read_table",
    "reading",
    "remove_orphans",
    "replacing",
    "reserve",
    "seal",
    "sealing",
    "trouble",
    "write_facts",
    "write_results",
    "write_tables",
]
