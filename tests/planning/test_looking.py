"""A look at some photographs tells what a study of them would stop at, or not show."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actsense.data.folder import plan_folder
from actsense.data.image_plan import ImagePlan
from actsense.data.settings import ImageFolder
from actsense.errors import ConfigError
from actsense.planning import photographs
from actsense.planning.looking import Look, look_at
from actsense.planning.photographs import MOST, listed_images

Save = Callable[[Path], None]


def coloured(path: Path) -> None:
    Image.new("RGB", (40, 60), (200, 60, 20)).save(path)


def grey(path: Path) -> None:
    Image.new("L", (40, 60), 90).save(path)


def broken(path: Path) -> None:
    path.write_bytes(b"no image")


def scan(path: Path) -> None:
    Image.fromarray(np.full((40, 60), 4095, np.uint16)).save(path)


def folder(root: Path, classes: dict[str, list[Save]]) -> Path:
    """Save as many files of every class; numbers are in the order of names."""
    for name, files in classes.items():
        (root / name).mkdir(parents=True)
        for number, save in enumerate(files):
            save(root / name / f"{number:04}.png")
    return root


def planned(path: Path) -> ImagePlan:
    settings = {"kind": "folder", "path": str(path), "validation_fraction": 0.5, "image_size": 32}
    return plan_folder(ImageFolder.model_validate(settings), 0)


@pytest.mark.parametrize(
    ("save", "is_grey", "is_dark"),
    [(coloured, False, False), (grey, True, False), (scan, True, True)],
)
def test_all_are_seen_with_what_they_have_in_common(
    tmp_path: Path, save: Save, is_grey: bool, is_dark: bool
) -> None:
    look = look_at(planned(folder(tmp_path, {"a": [save] * 3, "b": [save] * 4})))
    assert (look.count, look.every, look.side) == (7, True, 40)
    assert (look.grey, look.dark) == (is_grey, is_dark)
    assert not look.unreadable
    assert 0 < look.seconds < 1


def test_one_coloured_photograph_is_enough(tmp_path: Path) -> None:
    assert not look_at(planned(folder(tmp_path, {"a": [grey] * 3, "b": [grey, coloured]}))).grey


def test_time_is_up_after_the_first_and_classes_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path, {"a": [coloured] * 9, "b": [grey] * 9})
    look = look_at(planned(path), seconds=0)
    assert (look.count, look.every) == (1, False)
    seen: list[str] = []
    kept = Image.open

    def opened(file: Path) -> Image.Image:
        seen.append(Path(file).parent.name)
        return kept(file)

    monkeypatch.setattr(Image, "open", opened)
    look_at(planned(path))
    assert seen[:8] == ["a", "a", "b", "b"] * 2  # decoded and measured, for both partitions


def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    path = folder(tmp_path, {"a": [coloured] * 5 + [broken], "b": [coloured] * 6})
    images = listed_images(path, 32)
    assert images.settings["on_unreadable"] == "skip"
    assert [*images.look.unreadable] == ["a/0005.png"]
    (note,) = images.notes
    assert note.startswith("1 of 12 photographs that were looked at cannot be read and are left")
    assert "'a/0005.png' (cannot identify image file" in note
    (path / "a/0005.png").unlink()
    assert "on_unreadable" not in listed_images(path, 32).settings


def test_a_class_without_a_readable_photograph_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path, {"a": [coloured, broken], "b": [coloured] * 2})
    with pytest.raises(ConfigError, match=r"class 'a': none of its 1 photographs for .* can be"):
        listed_images(path, 32)


def test_the_shortest_class_of_many_is_counted_without_what_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photographs, "MOST", 12)
    path = folder(tmp_path, {"a": [coloured] * 5 + [broken], "b": [coloured] * 20})
    images = listed_images(path, 32)
    assert sorted(images.settings["samples_per_class"].values()) == [2, 3]
    assert images.count == 10


def test_of_uneven_classes_all_are_taken_where_decoding_is_cheap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photographs, "MOST", 40)
    path = folder(tmp_path, {"many": [coloured] * 50, "owls": [coloured] * 2})
    images = listed_images(path, 32)
    assert "samples_per_class" not in images.settings
    assert (images.count, images.settings["on_unreadable"]) == (52, "skip")  # not all were seen
    assert images.notes == ()
    monkeypatch.setattr(photographs, "DECODING", 0)
    images = listed_images(path, 32)
    assert images.settings["samples_per_class"] == {"train": 1, "validation": 1}
    assert images.notes == (
        "as many are taken of every class, and 'owls' has but 2: move its folder away for more of "
        "the others",
    )


def test_two_are_taken_of_each_of_very_many_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST == 1000
    monkeypatch.setattr(photographs, "MOST", 6)
    five = folder(tmp_path / "five", dict.fromkeys("abcde", [coloured] * 5))
    assert listed_images(five, 32).settings["samples_per_class"] == {"train": 2, "validation": 2}
    seven = folder(tmp_path / "seven", dict.fromkeys("abcdefg", [coloured] * 5))
    assert listed_images(seven, 32).settings["samples_per_class"] == {"train": 1, "validation": 1}


def test_what_photographs_look_like_is_told(tmp_path: Path) -> None:
    grey_ones = folder(tmp_path / "grey", dict.fromkeys("ab", [grey] * 2))
    dark = folder(tmp_path / "dark", dict.fromkeys("ab", [scan] * 2))
    shown = listed_images(grey_ones, 32).notes
    assert [note.partition(":")[0] for note in shown] == [
        "none of the 4 photographs that were looked at has any colour"
    ]
    assert any("nearly black as they are read" in note for note in listed_images(dark, 32).notes)
    for side, told in ((69, False), (70, True)):  # enlarged to 79 and 80 pixels; they have 40
        enlarged = [note for note in listed_images(grey_ones, side).notes if "enlarged" in note]
        assert bool(enlarged) == told
    assert "a shorter side of 40 pixels, and is enlarged to 80;" in enlarged[0]


def test_few_classes_with_pairs_are_enough_for_patterns() -> None:
    look = Look(count=1, every=True, seconds=0.1, unreadable={}, side=64, grey=False, dark=False)

    def enough(*validation: int) -> bool:
        taken = {"train": [1] * len(validation), "validation": [*validation]}
        return photographs.FolderImages({}, {}, taken, look, ()).enough

    assert enough(6, 6)
    assert enough(10, 2, 1)  # of the third class none is compared
    assert not enough(11, 1)
    assert not enough(6, 5)
