"""What a user has to know of the images that were taken, as lines in the log."""

__all__ = ["noting_dark", "report_manifest"]

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from actsense.data.cache import Sample
from actsense.data.manifest import read_manifest, read_skipped

log = logging.getLogger(__name__)


def noting_dark(samples: Iterable[Sample]) -> Iterator[Sample]:
    """Pass samples on, and warn at the end of those that are nearly black."""
    levels, first = Counter[float](), ""
    for sample in samples:
        if sample.brightest is not None:
            levels[sample.brightest] += 1
            first = first or sample.path
        yield sample
    if levels:
        log.warning(
            "%d images of more than 8 bits hold values up to %g only, less than an eighth of "
            "their range, and are nearly black (the first is %s). If white is less there, set "
            "dataset.white, such as 4095 for 12 bits; save colour images with 8 bits.",
            levels.total(),
            max(levels),
            first,
        )


def report_manifest(manifest: Path) -> None:
    """Count the images, those that could not be read, and those that are there twice."""
    table = read_manifest(manifest)
    counts = table["partition"].value_counts()
    log.info("%s", ", ".join(f"{counts[name]} images for {name}" for name in counts.index))
    if skipped := read_skipped(manifest)["path"].tolist():
        log.warning("%d unreadable files skipped: %s", len(skipped), ", ".join(skipped[:20]))
    hashes = table.groupby("partition")["sha256"].agg(set)
    if shared := set.intersection(*hashes):
        log.warning("%d images are the same in train and validation", len(shared))
    if copies := int(table.duplicated(["sha256", "partition", "label"]).sum()):
        log.warning("%d images are copies of others in their class", copies)
    labels = table.groupby("sha256")["label"].nunique()
    if torn := int((labels > 1).sum()):
        log.warning("%d images are the same in several classes", torn)
