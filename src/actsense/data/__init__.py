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

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actsense.data.build import build_cache, count_classes
    from actsense.data.cache import ImageCache
    from actsense.data.downloads import (
        archive_folder,
        dataset_archives,
        download_archive,
        missing_archives,
    )
    from actsense.data.manifest import read_manifest, read_skipped

# Who reads a configuration imports the settings here and nothing that does the work.
HOMES = {
    "build_cache": "build",
    "count_classes": "build",
    "ImageCache": "cache",
    "archive_folder": "downloads",
    "dataset_archives": "downloads",
    "download_archive": "downloads",
    "missing_archives": "downloads",
    "read_manifest": "manifest",
    "read_skipped": "manifest",
}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
