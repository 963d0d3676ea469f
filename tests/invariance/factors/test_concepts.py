"""Concepts of a study: labels of the manifest or of a file, and what is wrong with a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from linear_world import LATENT

from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.factors.concepts import concept_labels, recorded_pairs
from actsense.invariance.latents import record_latents

PATHS = ["a/1.png", "a/2.png", "b/1, 2.png", "b/4.png"]
MANIFEST = pd.DataFrame({"path": PATHS, "label": [0, 0, 1, 1]})
LINES = ["path,hat,hair", "b/4.png,yes,red", "a/1.png,no,red", '"b/1, 2.png",no,fair',
         "a/2.png,yes,red"]  # fmt: skip


def written(folder: Path, lines: list[str]) -> str:
    path = folder / "concepts.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_classes_are_those_of_the_manifest() -> None:
    (found,) = concept_labels("classes", MANIFEST).items()
    assert found[0] == "class"
    np.testing.assert_array_equal(found[1], [0, 0, 1, 1])


def test_labels_of_a_file_are_put_beside_their_images(tmp_path: Path) -> None:
    found = concept_labels(written(tmp_path, LINES), MANIFEST)
    assert {name: own.tolist() for name, own in found.items()} == {
        "hat": ["no", "yes", "no", "yes"],
        "hair": ["red", "red", "fair", "red"],
    }


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([*LINES, "c/9.png,no,red"], "1 paths are no images of the dataset, first 'c/9.png'. L"),
        (LINES[:-1], "1 paths are images without a line, first 'a/2.png'. Add their labels"),
        ([*LINES, LINES[1]], "1 paths have several lines, first 'b/4.png'. Leave one of each"),
        ([*LINES[:-1], "a/2.png,yes,"], "1 paths have no label of `hair`, first 'a/2.png'. Add"),
        ([*LINES[:-1], "a/2.png,yes"], "line 5 has another number of cells than the 3 columns"),
        (["file,hat,hair", *LINES[1:]], "has the columns file, hat, hair. It needs `path`"),
        (["path,hat,hat", *LINES[1:]], "has the columns path, hat, hat. It needs `path`"),
        (["path"], "has the columns path. It needs `path`, as in the manifest, and one for"),
        ([], "has the columns none. It needs `path`"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_line(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    with pytest.raises(ConfigError, match=r"^invariance\.factors\.concepts: ") as error:
        concept_labels(written(tmp_path, lines), MANIFEST)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no readable CSV file"):
        concept_labels(str(tmp_path / "none.csv"), MANIFEST)
    (tmp_path / "bytes.csv").write_bytes(b"path,\xff\xfe\n")
    with pytest.raises(ConfigError, match="no readable CSV file"):
        concept_labels(str(tmp_path / "bytes.csv"), MANIFEST)


class Counting:
    """Latents that tell the image."""

    latent = LATENT

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return its number again and again."""
        return images[:, :1].repeat(1, LATENT), torch.zeros(len(images), LATENT)


@pytest.fixture
def latents(tmp_path: Path) -> Path:
    """Latents of every second image of forty, not in their order."""
    rows, cpu = np.arange(0, 40, 2)[::-1].copy(), torch.device("cpu")
    record_latents(
        *(Counting(), lambda some: torch.from_numpy(some).float()[:, None], rows),
        tmp_path / "latents.zarr",
        memory=Memory(cpu, 8, "images"),
    )
    return tmp_path / "latents.zarr"


def test_pairs_are_recorded_images_of_one_partition_that_share_a_label(latents: Path) -> None:
    numbers = np.arange(40)
    labels: dict[str, Any] = {"third": numbers % 3, "name": np.array([*"ab"])[numbers // 4 % 2]}
    pairs = recorded_pairs(labels, numbers < 30, latents, 200, seed=0)
    rows = pairs.latents.mean[:, 0].astype(int)
    first, second = rows[pairs.first], rows[pairs.second]
    assert {*first, *second} == {*range(0, 30, 2)}
    assert (first != second).all()
    assert pairs.concepts == ("third", "name")
    for place, own in enumerate(labels.values()):
        shared = pairs.shared[:, place]
        assert shared.sum() == 200
        assert (own[first] == own[second])[shared].all()


def test_a_concept_that_no_two_images_share_is_refused(latents: Path) -> None:
    with pytest.raises(ConfigError, match="No two images share `name`: each has a label of its o"):
        recorded_pairs({"name": np.arange(40)}, np.ones(40, bool), latents, 20, seed=0)
