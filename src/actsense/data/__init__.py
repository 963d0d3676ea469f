"""Labelled images: sources, and the checked cache that everything else reads."""

__all__ = ["ImageCache", "build_cache", "read_manifest", "read_skipped"]

from actsense.data.build import build_cache
from actsense.data.cache import ImageCache
from actsense.data.manifest import read_manifest, read_skipped
