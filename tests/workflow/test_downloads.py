"""Published datasets: planned without files, cached from archives, never fetched twice."""

import io
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from pipeline import configure, planned, snakemake

from actsense.data import places

PLACES = {
    "kind": "places365",
    "folder": "kept here",
    "image_size": 16,
    "resize": 16,
    "samples_per_class": {"train": 1, "validation": 1},
}


def pack(folder: Path) -> None:
    """Make the three archives, with one image per class and partition."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(stream, "JPEG")
    names = [f"/c/class{label:03d}" for label in range(365)]
    train = [f"{name}/00000001.jpg" for name in names]
    validation = [f"Places365_val_{label:08d}.jpg" for label in range(365)]
    lists = {
        "categories_places365.txt": names,
        "places365_train_standard.txt": train,
        "places365_val.txt": validation,
    }
    rows = {
        name: "\n".join(f"{line} {label}" for label, line in enumerate(lines)).encode()
        for name, lines in lists.items()
    }
    contents = {
        places.LISTS: rows,
        places.TRAIN: {f"data_256{name}": stream.getvalue() for name in train},
        places.VALIDATION: {f"val_256/{name}": stream.getvalue() for name in validation},
    }
    folder.mkdir()
    for archive, members in contents.items():
        with tarfile.open(folder / archive, "w") as opened:
            for name, data in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                opened.addfile(entry, io.BytesIO(data))


@pytest.mark.parametrize(("kind", "archives"), [("imagenet", 1), ("places365", 3)])
def test_a_dry_run_needs_neither_files_nor_credentials(
    tmp_path: Path, kind: str, archives: int
) -> None:
    configure(tmp_path, dataset={"kind": kind, "image_size": 32})
    jobs = planned(snakemake(tmp_path, "-n"))
    assert jobs["download_dataset"] == archives
    assert jobs["cache_images"] == 1
    assert jobs["all"] == 1


def test_archives_are_used_in_place_and_never_fetched_again(tmp_path: Path) -> None:
    configure(tmp_path, dataset=PLACES)
    pack(tmp_path / "kept here")
    result = snakemake(tmp_path, "data")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "download_dataset" not in result.stdout + result.stderr
    archive = tmp_path / "kept here" / places.TRAIN
    os.utime(archive)  # newer than the cache
    assert planned(snakemake(tmp_path, "-n", "data")) == {}
    archive.unlink()  # to make room: the cache is all that is needed
    assert planned(snakemake(tmp_path, "-n", "data")) == {}
