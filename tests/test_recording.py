"""The recording of the explorer: small enough for a page, shown there, of views that there are."""

import re
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from actsense.explorer.invariance.views import PARTS
from actsense.explorer.page import VIEWS
from docs.images import recording

REPOSITORY = Path(__file__).parents[1]
COLORS = ["red", "green", "blue"]


def frames(*milliseconds: int) -> recording.Frames:
    """Return pictures of one colour each, that differ from their neighbours."""
    return [
        (Image.new("RGB", (16, 8), COLORS[k % len(COLORS)]), time)
        for k, time in enumerate(milliseconds)
    ]


def durations(path: Path) -> list[int]:
    """Return the milliseconds of all frames of a WebP file, without decoding them."""
    data, place, found = path.read_bytes(), 12, []
    while place < len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if data[place : place + 4] == b"ANMF":
            found.append(int.from_bytes(data[place + 20 : place + 23], "little"))
        place += 8 + size + size % 2
    return found


def test_the_manual_shows_a_recording_that_moves_and_is_small() -> None:
    path = REPOSITORY / "docs/images/explorer.webp"
    assert "(images/explorer.webp)" in (REPOSITORY / "docs/explorer.md").read_text()
    assert path.stat().st_size < recording.MOST
    with Image.open(path) as shown:
        assert shown.width == recording.SHOWN
    times = durations(path)
    assert sum(time >= recording.READ for time in times) >= 8  # scenes that can be read
    assert 15_000 < sum(times) < 60_000


def test_scenes_go_to_views_that_there_are() -> None:
    source = Path(recording.__file__).read_text()
    named = re.findall(r'record\.view\("(.+?)"\)', source)
    assert len(named) > 5
    assert set(named) <= {*VIEWS.values(), *PARTS.values()}


def test_every_frame_stands_as_long_as_it_should(tmp_path: Path) -> None:
    path = tmp_path / "moving.webp"
    size = recording.write(frames(40, 2000, 90), path)
    assert size == path.stat().st_size
    with Image.open(path) as shown:
        found = [
            (frame.convert("RGB").getpixel((3, 3)), frame.info["duration"])
            for frame in ImageSequence.Iterator(shown)
        ]
    assert [time for _, time in found] == [40, 2000, 90]
    for (pixel, _), place in zip(found, (0, 1, 2), strict=True):
        assert isinstance(pixel, tuple)
        assert pixel.index(max(pixel)) == place
    assert [*tmp_path.iterdir()] == [path]


def test_a_recording_too_large_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "moving.webp"
    size = recording.write(frames(40, 50), path)
    path.write_text("old")
    monkeypatch.setattr(recording, "MOST", size - 1)
    with pytest.raises(ValueError, match=f"{size} bytes are more than {size - 1}"):
        recording.write(frames(40, 50), path)
    assert path.read_text() == "old"
