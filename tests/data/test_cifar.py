"""The archive of CIFAR-10 becomes a cache, image for image, and no pickle in it is run."""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from storage_server import serve
from torchvision import datasets

from actsense.data import cifar
from actsense.data.build import build_cache, count_classes
from actsense.data.cache import ImageCache
from actsense.data.cifar import ARCHIVE, FOLDER, META
from actsense.data.downloads import download_archive
from actsense.data.settings import Cifar10, SamplesPerClass, most_images
from actsense.errors import ConfigError

NAMES = ["bird", "airplane", *(f"thing{number}" for number in range(8))]  # order, not alphabet
PER_BATCH = 20
Bytes = dict[str, bytes]


def python2(value: Any) -> bytes:
    """Pickle as Python 2 did: texts are strings of bytes, arrays made by NumPy's old names."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: Any) -> bytes:
    match value:
        case str():
            return b"T" + len(value).to_bytes(4, "little") + value.encode("latin1")
        case int():
            return b"J" + value.to_bytes(4, "little", signed=True)
        case list():
            return b"](" + b"".join(map(_opcodes, value)) + b"e"
        case dict():
            pairs = (_opcodes(key) + _opcodes(own) for key, own in value.items())
            return b"}(" + b"".join(pairs) + b"u"
        case np.ndarray():
            begun = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
            kind = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff"
            kind += b"\xff\xffK\x00tb"
            shape = b"(" + b"".join(map(_opcodes, value.shape)) + b"t"
            content = _opcodes(value.tobytes().decode("latin1"))
            return begun + b"(K\x01" + shape + kind + b"\x89" + content + b"tb"
    raise TypeError(value)


def batch(seed: int) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    return {
        "batch_label": f"batch {seed}",
        "labels": draw.permutation(np.arange(PER_BATCH) % 10).tolist(),
        "data": draw.integers(0, 256, (PER_BATCH, 3072), dtype=np.uint8),
        "filenames": [f"same_{place % 3}.png" for place in range(PER_BATCH)],
    }


BATCHES = {name: batch(seed) for seed, name in enumerate(sum(cifar.BATCHES.values(), ()))}


def packed(contents: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as opened:
        for name, data in contents.items():
            entry = tarfile.TarInfo(FOLDER + name)
            entry.size = len(data)
            opened.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def members(**changed: Any) -> Bytes:
    """Return what the archive holds, some members changed, each a value or bytes as they are."""
    whole = {META: {"label_names": NAMES, "num_vis": 3072}, "readme.html": "", **BATCHES}
    contents = whole | {name.replace("meta", META): value for name, value in changed.items()}
    return {
        name: value if isinstance(value, bytes) else python2(value)
        for name, value in contents.items()
        if value is not None
    }


def built(folder: Path, contents: Bytes, **settings: Any) -> ImageCache:
    (folder / ARCHIVE).write_bytes(packed(contents))
    paths = folder / "images.zarr", folder / "manifest.csv"
    chosen = {"samples_per_class": None} | settings
    build_cache(Cifar10(folder=str(folder), **chosen), 0, *paths, threads=1)
    return ImageCache.open(*paths)


def test_every_image_is_the_row_of_its_batch(tmp_path: Path) -> None:
    cache = built(tmp_path, members())
    assert cache.class_names == NAMES
    assert cache.image_size == 32
    table = cache.manifest
    assert table["partition"].value_counts().to_dict() == {"train": 100, "validation": 20}
    assert table["path"].is_unique
    images = cache.read(np.arange(len(cache)))
    for image, path, label, partition in zip(
        images, table["path"], table["label"], table["partition"], strict=True
    ):
        name, _, own = path.partition("/")
        place = int(own[:5])
        assert own[6:] == BATCHES[name]["filenames"][place]
        assert label == BATCHES[name]["labels"][place]
        assert (partition == "validation") == (name == "test_batch")
        # Red, green, blue, each row by row.
        rows: NDArray[np.uint8] = BATCHES[name]["data"][place]
        assert (image == rows.reshape(3, 32, 32)).all()


def test_some_images_of_every_class_are_taken(tmp_path: Path) -> None:
    few = SamplesPerClass(train=3, validation=1)
    table = built(tmp_path, members(), samples_per_class=few).manifest
    assert (table.groupby(["partition", "label"]).size().to_numpy() == [3] * 10 + [1] * 10).all()


def test_all_images_are_counted_before_there_is_an_archive() -> None:
    assert most_images(Cifar10(), len(NAMES)) == 60_000


def test_names_and_checksum_are_those_of_torchvision() -> None:
    theirs = datasets.CIFAR10
    assert (theirs.url, theirs.filename, theirs.tgz_md5) == (
        Cifar10().address,
        ARCHIVE,
        cifar.MD5,
    )
    assert f"{theirs.base_folder}/" == FOLDER
    assert theirs.meta["filename"] == META
    for part, list_ in (("train", theirs.train_list), ("validation", theirs.test_list)):
        assert cifar.BATCHES[part] == tuple(name for name, _ in list_)
    assert count_classes(Cifar10(folder="nowhere")) == len(NAMES)


def test_the_archive_comes_from_the_address_and_goes_on_after_a_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed(members())
    monkeypatch.setenv("no_proxy", "*")
    archive = tmp_path / ARCHIVE
    with serve() as running:
        running.files, running.cuts = {"/copy.tar.gz": content}, [1000]
        settings = Cifar10(folder=str(tmp_path), address=f"{running.address}/copy.tar.gz")
        with pytest.raises(ConfigError, match=f"not {cifar.MD5}: it was damaged"):
            download_archive(settings, archive, pause=0)
        assert not archive.exists()
        monkeypatch.setattr(cifar, "MD5", hashlib.md5(content).hexdigest())
        running.transfers.clear()
        running.cuts = [1000]
        download_archive(settings, archive, pause=0)
        assert [asked for _, asked, _ in running.transfers] == [None, "bytes=1000-"]
    assert archive.read_bytes() == content


def test_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    trap = b"\x80\x02cos\nmkdir\n(X\x05\x00\x00\x00tracetR."
    pickle.loads(trap)
    (tmp_path / "trace").rmdir()  # which it had left
    with pytest.raises(ConfigError, match=r"data_batch_2: it asks for os\.mkdir, which no array"):
        built(tmp_path, members(data_batch_2=trap))
    assert not (tmp_path / "trace").exists()


LESS = {name: BATCHES["test_batch"][name] for name in ("labels", "data", "filenames")}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"meta": None},
            r"damaged or incomplete archive \(cifar-10-batches-py/batches.meta is mis",
        ),
        ({"meta": {"label_names": NAMES[:9]}}, r"batches.meta has 9 classes, not 10"),
        ({"meta": [1]}, "holds list, not a table"),
        ({"test_batch": b"\x80\x02}("}, r"not the archive of CIFAR-10 for Python \(test_batch: "),
        ({"test_batch": LESS | {"labels": [0]}}, "test_batch has not as many labels as images"),
        ({"test_batch": LESS | {"labels": [10] * 20}}, "test_batch has the label 10"),
        ({"test_batch": LESS | {"labels": [0] * 20}}, "no images of airplane.* for validation"),
        ({"test_batch": {"data": "x"}}, "test_batch holds no bytes of images"),
        (
            {"test_batch": LESS | {"data": LESS["data"][:, :3000].copy()}},
            "images of test_batch have 3000 values, not 3072",
        ),
    ],
)
def test_another_archive_is_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        built(tmp_path, members(**changed))
    assert "Delete it and run again" in str(caught.value)


def test_an_archive_that_was_cut_is_refused(tmp_path: Path) -> None:
    content = packed(members())
    (tmp_path / ARCHIVE).write_bytes(content[: len(content) // 2])
    with pytest.raises(ConfigError, match="damaged or incomplete archive"):
        build_cache(
            Cifar10(folder=str(tmp_path)), 0, tmp_path / "images.zarr", tmp_path / "manifest.csv"
        )
