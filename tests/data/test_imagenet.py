"""Kaggle's ImageNet zip becomes a cache without being unpacked."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actsense.data import imagenet
from actsense.data.archives import index_zip
from actsense.data.build import build_cache, count_classes
from actsense.data.cache import ImageCache
from actsense.data.decode import decode
from actsense.data.folder import plan_folder
from actsense.data.image_plan import ImagePlan, planned_samples
from actsense.data.imagenet import plan_imagenet
from actsense.data.manifest import read_skipped
from actsense.data.settings import ImageFolder, ImageNet
from actsense.errors import ConfigError

SYNSETS = {"n02": "goldfish, Carassius auratus", "n01": "tench, Tinca tinca", "n03": "cock"}
TRAIN, VALIDATION = "ILSVRC/Data/CLS-LOC/train", "ILSVRC/Data/CLS-LOC/val"
Content = dict[str, bytes]


def jpeg(seed: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG")
    return stream.getvalue()


def content() -> Content:
    """Return the members of a small ImageNet: 4 train and 2 validation images per class."""
    files = {"LOC_sample_submission.csv": b"nothing"}
    names = "".join(f"{synset} {words}\n" for synset, words in SYNSETS.items())
    files["LOC_synset_mapping.txt"] = names.encode()
    rows = ["ImageId,PredictionString"]
    for label, synset in enumerate(sorted(SYNSETS)):
        for number in range(4):
            files[f"{TRAIN}/{synset}/{synset}_{number}.JPEG"] = jpeg(10 * label + number)
        for number in (label, label + 3):  # classes are mixed in the names
            image = f"ILSVRC2012_val_{number:08d}"
            files[f"{VALIDATION}/{image}.JPEG"] = jpeg(100 + number)
            rows.append(f"{image},{synset} 1 2 3 4 ")
    files["LOC_val_solution.csv"] = "\n".join(rows).encode()
    files["ILSVRC/Annotations/CLS-LOC/train/n01/n01_0.xml"] = b"<annotation/>"
    return files


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ImageNet:
    monkeypatch.setattr(imagenet, "CLASSES", 3)
    return ImageNet(folder=str(tmp_path), image_size=16, resize=18, samples_per_class=None)


def pack(settings: ImageNet, files: Content, method: int = zipfile.ZIP_DEFLATED) -> Path:
    archive = Path(settings.folder) / imagenet.ARCHIVE
    with zipfile.ZipFile(archive, "w", method) as opened:
        opened.mkdir(TRAIN)
        for name, data in files.items():
            opened.writestr(name, data)
    return archive


def built(settings: ImageNet) -> ImageCache:
    folder = Path(settings.folder) / "cache"
    paths = folder / "images.zarr", folder / "manifest.csv"
    build_cache(settings, 0, *paths, threads=2)
    return ImageCache.open(*paths)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_images_are_those_of_the_members(settings: ImageNet, method: int) -> None:
    files = content()
    pack(settings, files, method)
    data = built(settings)
    assert len(data) == 18
    for row, member in enumerate(data.manifest["path"]):
        expected = decode(io.BytesIO(files[member]), resize=18, side=16).pixels
        np.testing.assert_array_equal(data.read(np.array([row]))[0], expected)


def test_labels_follow_the_sorted_synsets(settings: ImageNet) -> None:
    pack(settings, content())
    data = built(settings)
    assert data.class_names == ["n01 tench", "n02 goldfish", "n03 cock"]
    for path, label in zip(data.manifest["path"], data.manifest["label"], strict=True):
        if path.startswith(TRAIN):
            assert path.split("/")[-2] == sorted(SYNSETS)[label]
        else:
            assert int(path[-13:-5]) % 3 == label  # by construction


def test_partitions_are_those_of_imagenet(settings: ImageNet) -> None:
    pack(settings, content())
    table = built(settings).manifest
    inside = table["path"].str.startswith(TRAIN)
    assert (inside == (table["partition"] == "train")).all()
    assert table["partition"].value_counts().to_dict() == {"train": 12, "validation": 6}


def test_nothing_is_unpacked(settings: ImageNet, tmp_path: Path) -> None:
    archive = pack(settings, content())
    built(settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", archive.name]


def test_subsets_are_those_of_a_folder_with_the_same_classes(
    settings: ImageNet, tmp_path: Path
) -> None:
    """The draw knows class names and counts only, not where the bytes come from."""
    pack(settings, content())
    chosen = settings.replaced(samples_per_class={"train": 2, "validation": 1})
    for name, data in content().items():
        if name.startswith(TRAIN):
            synset = name.split("/")[-2]
            words = SYNSETS[synset].partition(",")[0]
            place = tmp_path / "same" / "train" / f"{synset} {words}"
            place.mkdir(parents=True, exist_ok=True)
            (place / Path(name).name).write_bytes(data)
    shutil.copytree(tmp_path / "same" / "train", tmp_path / "same" / "val")
    alike = chosen.model_dump(exclude={"kind", "folder"})
    same = ImageFolder(path=str(tmp_path / "same"), **alike)
    for seed in range(3):
        from_zip = plan_imagenet(chosen, seed)
        from_folder = plan_folder(same, seed)
        assert train_files(from_zip) == train_files(from_folder)


def train_files(plan: ImagePlan) -> list[list[str]]:
    groups = [group for group in plan.groups if group.partition == "train"]
    return [[Path(file).name for file in group.files] for group in groups]


def test_the_number_of_classes_needs_no_archive() -> None:
    assert count_classes(ImageNet(folder="nowhere")) == 1000


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"no image"])
def test_a_corrupt_image_stops_and_the_way_out_is_named(
    settings: ImageNet, damage: Callable[[bytes], bytes]
) -> None:
    files = content()
    files[f"{TRAIN}/n02/n02_1.JPEG"] = damage(files[f"{TRAIN}/n02/n02_1.JPEG"])
    pack(settings, files)
    message = rf"{imagenet.ARCHIVE}, member {TRAIN}/n02/n02_1\.JPEG: unreadable image.*: skip"
    with pytest.raises(ConfigError, match=message):
        built(settings)


def test_a_corrupt_image_is_skipped_and_another_stands_in(
    settings: ImageNet, tmp_path: Path
) -> None:
    chosen = settings.replaced(samples_per_class={"train": 3, "validation": 2})
    pack(settings, content())
    bad = plan_imagenet(chosen, 0).groups[0].files[0]
    pack(settings, content() | {bad: b"no image"})
    data = built(chosen.replaced(on_unreadable="skip"))
    assert set(data.manifest.groupby(["label", "partition"]).size()) == {3, 2}
    assert read_skipped(tmp_path / "cache" / "manifest.csv")["path"].tolist() == [bad]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_flipped_bit_inside_the_zip_is_noticed(settings: ImageNet, method: int) -> None:
    archive = pack(settings, content(), method)
    member = index_zip(archive)[f"{TRAIN}/n01/n01_0.JPEG"]
    whole = bytearray(archive.read_bytes())
    whole[member.start + 30 + len(f"{TRAIN}/n01/n01_0.JPEG") + member.size // 2] ^= 1
    archive.write_bytes(whole)
    with pytest.raises(ConfigError, match=r"n01_0\.JPEG: unreadable image .*[Dd]elete the arch"):
        built(settings)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_zip_cut_short_is_named(settings: ImageNet, share: float) -> None:
    archive = pack(settings, content())
    archive.write_bytes(archive.read_bytes()[: int(share * archive.stat().st_size)])
    with pytest.raises(
        ConfigError, match=rf"{archive.name}: damaged or incomplete archive .*anew"
    ):
        plan_imagenet(settings, 0)


def test_a_zip_that_shrinks_meanwhile_is_named_even_when_skipping(
    settings: ImageNet,
) -> None:
    archive = pack(settings, content(), zipfile.ZIP_STORED)
    plan = plan_imagenet(settings.replaced(on_unreadable="skip"), 0)
    archive.write_bytes(b"")
    with pytest.raises(ConfigError, match=rf"{archive.name}: damaged or incomplete archive"):
        list(planned_samples(plan, threads=1))


@pytest.mark.parametrize(
    ("name", "replacement", "message"),
    [
        ("LOC_synset_mapping.txt", None, r"\(LOC_synset_mapping\.txt is missing\)"),
        ("LOC_val_solution.csv", None, r"\(LOC_val_solution\.csv is missing\)"),
        (f"{VALIDATION}/ILSVRC2012_val_00000004.JPEG", None, r"_00000004\.JPEG is missing\)"),
        ("LOC_synset_mapping.txt", b"n01 tench\n", "has 1 classes, not 3"),
        ("LOC_val_solution.csv", b"ImageId,PredictionString\nx,n99 1", "has a line .*n99"),
        ("LOC_val_solution.csv", b"ImageId,PredictionString\n", "no images of .* for validation"),
    ],
)
def test_an_archive_that_lacks_something_is_refused(
    settings: ImageNet, name: str, replacement: bytes | None, message: str
) -> None:
    files = content()
    del files[name]
    pack(settings, files | ({} if replacement is None else {name: replacement}))
    with pytest.raises(ConfigError, match=message) as caught:
        plan_imagenet(settings, 0)
    assert "not the complete archive" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_class_without_train_images_is_named(settings: ImageNet) -> None:
    files = {name: data for name, data in content().items() if f"{TRAIN}/n03/" not in name}
    pack(settings, files)
    with pytest.raises(ConfigError, match="no images of n03 cock for train"):
        plan_imagenet(settings, 0)


def test_a_missing_archive_is_named(settings: ImageNet) -> None:
    with pytest.raises(ConfigError, match=rf"{imagenet.ARCHIVE}: no such file\. Run the rule"):
        plan_imagenet(settings, 0)


def test_more_images_than_a_class_has_are_refused(settings: ImageNet) -> None:
    pack(settings, content())
    chosen = settings.replaced(samples_per_class={"train": 5, "validation": 1})
    with pytest.raises(ConfigError, match="5 wanted, but class 'n01 tench' has 4 images there"):
        plan_imagenet(chosen, 0)
