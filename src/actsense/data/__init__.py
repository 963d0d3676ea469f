"""Labelled images: sources, and the checked cache that everything else reads."""

__all__ = ["ImageCache", "build_cache", "count_classes", "read_manifest", "read_skipped"]

from actsense.data.build import build_cache, count_classes
from actsense.data.cache import ImageCache
from actsense.data.manifest import read_manifest, read_skipped
