"""A finished cache is kept as long as its photographs are the same, wherever they are."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actsense.data.build import build_cache
from actsense.data.originals import Originals, look_at_originals
from actsense.data.settings import Dataset, Digits, ImageFolder
from actsense.errors import ConfigError

SaveNoise = Callable[[Path, int], None]


class Cached:
    """A finished cache of the fixture's photographs."""

    def __init__(self, folder: Path, settings: ImageFolder) -> None:
        self.paths = folder / "images.zarr", folder / "manifest.csv"
        self.settings = settings
        self.key = look_at_originals(settings, 0, *self.paths, self.remember).key
        self.answers: dict[str, bool] = {}
        build_cache(settings, 0, *self.paths, key=self.key)

    def remember(self, question: str, ask: Callable[[], bool]) -> bool:
        """Return what was answered before, or ask."""
        if question not in self.answers:
            self.answers[question] = ask()
        return self.answers[question]

    def look(self, settings: Dataset | None = None, seed: int = 0) -> Originals:
        """Look at the photographs as they are now."""
        return look_at_originals(settings or self.settings, seed, *self.paths, self.remember)

    def forget(self) -> None:
        """Make it a cache of an earlier version."""
        described = self.paths[0] / "zarr.json"
        text = json.loads(described.read_text())
        del text["attributes"]["originals"]
        described.write_text(json.dumps(text))


@pytest.fixture
def cached(tmp_path: Path, settings: ImageFolder) -> Cached:
    return Cached(tmp_path, settings)


def newer(path: Path) -> None:
    later = path.stat().st_mtime_ns + 10**10
    os.utime(path, ns=(later, later))


def edit(path: Path, *, keep_time: bool) -> None:
    """Change a byte of a file, which keeps its size."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        newer(path)


SAME: dict[str, Callable[[Path], Any]] = {
    "nothing": lambda photos: None,
    "copied over": lambda photos: [*map(newer, photos.rglob("*.png"))],
    "notes": lambda photos: (photos / "cat/notes.txt").write_text("no image"),
    "gone": shutil.rmtree,
}
OTHER: dict[str, Callable[[Path], Any]] = {
    "added": lambda photos: shutil.copy(photos / "cat/00.png", photos / "cat/new.png"),
    "removed": lambda photos: (photos / "cat/00.png").unlink(),
    "renamed": lambda photos: (photos / "cat/00.png").rename(photos / "cat/99.png"),
    "replaced": lambda photos: shutil.copy2(photos / "dog/01.png", photos / "cat/00.png"),
    "edited": lambda photos: edit(photos / "cat/00.png", keep_time=False),
    "class": lambda photos: shutil.copytree(photos / "cat", photos / "eel"),
}


@pytest.mark.parametrize("change", SAME)
def test_the_same_photographs_keep_the_cache(cached: Cached, photos: Path, change: str) -> None:
    SAME[change](photos)
    assert cached.look().key == cached.key
    assert cached.look().classes == 2


@pytest.mark.parametrize("change", OTHER)
def test_other_photographs_make_it_again(cached: Cached, photos: Path, change: str) -> None:
    OTHER[change](photos)
    found = cached.look()
    assert found.key not in ("", cached.key)
    assert found == cached.look()
    assert found.classes == 3 - (change != "class")


def test_contents_are_compared_once(cached: Cached, photos: Path) -> None:
    newer(photos / "cat/00.png")
    cached.look()
    (question,) = cached.answers
    cached.answers[question] = False  # what was answered once is not asked again
    assert cached.look().key != cached.key


def test_names_of_other_bytes_are_compared_too(
    tmp_path: Path, settings: ImageFolder, photos: Path
) -> None:
    odd = (photos / "cat/00.png").rename(photos / "cat" / os.fsdecode(b"caf\xe9,\n.png"))
    cached = Cached(tmp_path, settings)
    newer(odd)
    assert cached.look().key == cached.key
    edit(odd, keep_time=False)
    assert cached.look().key != cached.key
    cached.forget()
    os.utime(odd, (0, 0))
    assert cached.look().key == ""


def test_a_folder_that_was_moved_keeps_its_cache(cached: Cached, photos: Path) -> None:
    moved = photos.rename(photos.parent / "moved")
    found = cached.look(cached.settings.replaced(path=str(moved)))
    assert found.key == cached.key
    assert found.place == {"path": str(photos)}


@pytest.mark.parametrize("change", [*SAME, *OTHER])
def test_caches_of_before_notice_names_and_times(
    cached: Cached, photos: Path, change: str
) -> None:
    cached.forget()
    (SAME | OTHER)[change](photos)
    kept = change in SAME.keys() - {"copied over"} or change == "replaced"  # an old file
    assert (cached.look().key == "") == kept


def test_other_settings_need_the_photographs(cached: Cached, photos: Path) -> None:
    assert cached.look(seed=1).key == cached.key  # that of the files
    shutil.rmtree(photos)
    assert "is not there: the finished image cache is used" in cached.look().notes[0]
    with pytest.raises(ConfigError, match=r"dataset\.path: the folder .* does not exist"):
        cached.look(cached.settings.replaced(image_size=18))
    cached.paths[1].unlink()
    with pytest.raises(ConfigError, match=r"dataset\.path: the folder .* does not exist"):
        cached.look()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"train": 7, "validation": 1}, "train: 7 wanted, but class 'dog' has 6 .* 1 and 6, or"),
        ({"train": 1, "validation": 3}, r"3 wanted, but class 'cat' has 2 .*1 more classes"),
    ],
)
def test_too_few_images_are_said_beforehand(
    tmp_path: Path, settings: ImageFolder, samples: dict[str, int], message: str
) -> None:
    wanted = settings.replaced(samples_per_class=samples)
    with pytest.raises(ConfigError, match=message):
        Cached(tmp_path, wanted)


def test_empty_files_are_said_beforehand(tmp_path: Path, settings: ImageFolder) -> None:
    (settings.place / "cat/00.png").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"1 files are empty: cat/00\.png\. Replace or remove"):
        Cached(tmp_path, settings)
    assert Cached(tmp_path, settings.replaced(on_unreadable="skip")).look().key


def test_what_is_drawn_has_no_originals(tmp_path: Path) -> None:
    paths = tmp_path / "images.zarr", tmp_path / "manifest.csv"
    assert look_at_originals(Digits(), 0, *paths, lambda *_: True) == Originals()
