"""Contrasts that are made in jobs one after another, and beside each other, are those of one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actsense.errors import ConfigError
from actsense.sensitivity.contrast import write_contrast, write_contrast_part
from actsense.sensitivity.contrast_statistics import STATISTICS
from actsense.sensitivity.cuts import ContrastPart
from actsense.sensitivity.settings import Contrast
from actsense.store import read_results
from actsense.store.damage import CorruptFileError
from tests.made.closed_responses import UNITS, build

PIECES = [(slice(0, 2), range(2)), (slice(0, 2), range(2, 3))]
PIECES += [(slice(2, UNITS), range(1)), (slice(2, UNITS), range(1, 3))]
LINKS = 5


def settings(**changes: Any) -> Contrast:
    return Contrast(**{"images": 30, "draws": 3, "top_images": 2} | changes)


def made(folder: Path, own: Contrast, links: int = LINKS, **how: Any) -> list[Path]:
    """Make all parts of a contrast; return what the last one of every piece wrote."""
    ends = []
    for tile, group in PIECES:
        before: list[Path] = []
        for link in range(links):
            path = folder / f"{tile.start}_{group.start}_{link}.zarr.zip"
            part = ContrastPart(tile, group, link, links)
            write_contrast_part(build(**how), own, part, before, path)
            before = [path]
        ends += before
    return ends


def written(folder: Path, own: Contrast, parts: list[Path], **how: Any) -> dict[str, Any]:
    """Return all groups of both stores of a contrast."""
    folder.mkdir()
    outputs = {name: folder / f"{name}.zarr" for name in ("contrast", "top_images")}
    write_contrast(build(**how), own, outputs, {}, parts)
    return {
        f"{store} {node.path}": node.to_dataset().load()
        for store, path in outputs.items()
        for node in read_results(path).subtree
    }


@pytest.mark.parametrize(
    "changes", [{}, {"partitions": "each"}, {"partitions": "each", "averaged": False}]
)
def test_parts_give_the_bits_of_one_job(changes: dict[str, Any], tmp_path: Path) -> None:
    own = settings(**changes)
    whole = written(tmp_path / "whole", own, [])
    parts = made(tmp_path, own)
    for name, how in (("joined", {}), ("in tiles", {"room": 1})):  # other tiles than the pieces
        found = written(tmp_path / name, own, parts, **how)
        assert whole.keys() == found.keys()
        for group, data in whole.items():
            assert data.identical(found[group]), group
    values = whole["contrast /head"]["mean_difference"].to_numpy()
    assert len(np.unique(values[np.isfinite(values)])) > 2  # of few units, most undefined
    assert set(STATISTICS) <= set(whole["contrast /head"].data_vars)


def test_codes_that_became_counts_go_on_as_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with more images than codes are kept of, which would take longer."""
    monkeypatch.setattr("actsense.sensitivity.cuts.BINNED", 16)
    monkeypatch.setattr("actsense.sensitivity.cuts.EXACT_BYTES", 0)
    own = settings(images=60)
    whole = written(tmp_path / "whole", own, [], batch_size=6)
    found = written(tmp_path / "joined", own, made(tmp_path, own, 9, batch_size=6), batch_size=6)
    for group, data in whole.items():
        assert data.identical(found[group]), group


def test_a_part_sends_its_share_of_the_images(tmp_path: Path) -> None:
    own, sampling, path = settings(), build(batch_size=6), tmp_path / "0"
    write_contrast_part(sampling, own, ContrastPart(*PIECES[1], 0, 3), [], path)
    asked = sampling.evaluate.asked  # type: ignore[attr-defined]
    assert {which for which, _ in asked} == {-1, 2}  # untouched, and the one of its group
    assert len({row for _, row in asked}) == 10  # of 30


def test_parts_of_other_runs_are_refused(tmp_path: Path) -> None:
    own = settings()
    parts = made(tmp_path, own, 1)
    part, path = ContrastPart(*PIECES[0], 1, 2), tmp_path / "next"
    with pytest.raises(CorruptFileError, match="is of another part or run"):
        write_contrast_part(build(), own, part, parts[:1], path)  # one of one, not of two
    with pytest.raises(CorruptFileError, match="is of another part or run"):
        written(tmp_path / "other", settings(images=31), parts)
    with pytest.raises(CorruptFileError, match="pieces beside it are missing"):
        written(tmp_path / "fewer", own, parts[:-1])
    with pytest.raises(ConfigError, match="with batches of 21 images, but here they have 20"):
        written(tmp_path / "batches", own, parts, batch_size=20)
    write_contrast_part(build(), own, ContrastPart(*PIECES[0], 0, 2), [], path)
    with pytest.raises(CorruptFileError, match="is not the end of its piece"):
        written(tmp_path / "half", own, [path, *parts[1:]])
