"""Labelled images: sources, and the checked cache that everything else reads."""

__all__ = [
    "ImageCache",
    "archive_folder",
    "build_cache",
    "count_classes",
    "dataset_archives",
    "download_archive",
    "missing_archives",
    "read_manifest",
    "read_skipped",
]

from actsense.data.build import build_cache, count_classes
from actsense.data.cache import ImageCache
from actsense.data.downloads import (
    archive_folder,
    dataset_archives,
    download_archive,
    missing_archives,
)
from actsense.data.manifest import read_manifest, read_skipped
