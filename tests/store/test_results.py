"""Results come back labelled, with their provenance inside."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from zarr.storage import LocalStore

from actsense.errors import ConfigError, MissingResultError
from actsense.inspection.describe import describe
from actsense.store import (
    CorruptFileError,
    Gathered,
    create_results,
    file_hash,
    provenance,
    read_results,
    write_results,
)
from actsense.store.manifest import MANIFEST


def layer() -> xr.Dataset:
    values = np.random.default_rng(0).random((2, 3, 4, 4)).astype(np.float32)
    return xr.Dataset(
        {"S1": (("factor", "channel", "row", "col"), values, {"description": "first order"})},
        coords={"factor": ["hue", "order"]},
    )


def test_groups_dimensions_and_attributes_survive(tmp_path: Path) -> None:
    path = tmp_path / "indices.zarr"
    write_results(path, {"features.2": layer()}, attributes={"seed": 3, "nested": {"a": [1]}})
    tree = read_results(path)

    found = tree["features.2"].to_dataset().load()
    xr.testing.assert_equal(found, layer())
    assert found["S1"].attrs["description"] == "first order"
    assert tree.attrs["seed"] == 3
    assert json.loads(tree.attrs["nested"]) == {"a": [1]}
    assert [child.name for child in tmp_path.iterdir()] == ["indices.zarr"]


def test_a_store_reads_as_with_xarray_alone_and_lists_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results.zarr"
    layers = {name: xr.Dataset({"S1": ("unit", np.arange(3.0))}) for name in ("0.10", "_ü $x$")}
    root = xr.Dataset({"S1": ("layer", [1.0, 2.0])}, coords={"layer": [*layers]})
    deeper = {f"{name}/by_channel": data for name, data in layers.items()}
    write_results(path, {"": root, **layers, **deeper}, attributes={"seed": 3})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the manifest, which is no part of it
        expected = xr.open_datatree(path, engine="zarr", consolidated=False, chunks=None).load()
    for name in ("list_dir", "list", "list_prefix"):
        monkeypatch.setattr(LocalStore, name, None)
    found = read_results(path)
    assert found.identical(expected)
    assert len([*found.subtree]) == 5


def test_descriptions_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "results.zarr"
    write_results(path, {"stem": xr.Dataset({"S1": ("unit", [1.0])})}, attributes={})
    (path / MANIFEST).unlink()  # which would tell first
    (path / "stem/S1/zarr.json").write_bytes(b"{")
    with pytest.raises(CorruptFileError, match="damaged"):
        read_results(path)


def test_writing_again_replaces_the_store(tmp_path: Path) -> None:
    path = tmp_path / "indices.zarr"
    write_results(path, {"old": layer()}, attributes={})
    write_results(path, {"new": layer()}, attributes={})
    assert list(read_results(path).children) == ["new"]


def test_parts_of_a_dataset_are_put_together(tmp_path: Path) -> None:
    whole, gathered = (
        layer().assign(dead=(("channel", "row", "col"), np.eye(4) > np.ones((3, 1, 1)) / 2)),
        Gathered(),
    )
    root = xr.Dataset({"units": ("layer", [48])}, coords={"factor": ["hue", "order"]})
    with create_results(tmp_path / "store", {"seed": 3}) as results:
        for writer in (results, gathered):
            writer.append("", xr.Dataset(coords={"factor": ["hue", "order"]}))
            for part in (slice(0, 2), slice(2, 3)):
                writer.append("deep/features.2", whole.isel(channel=part), axis="channel")
            writer.append("deep/features.2", xr.Dataset({"later": ("channel", [1, 2, 3])}))
            writer.append("", root)
    tree = read_results(tmp_path / "store")
    for found in (tree["deep/features.2"].to_dataset(), gathered["deep/features.2"]):
        xr.testing.assert_identical(found.drop_vars("later").load(), whole)
        assert found["later"].to_numpy().tolist() == [1, 2, 3]
    assert tree["units"].item() == gathered[""]["units"].item() == 48
    assert tree.attrs["seed"] == 3
    assert not (tmp_path / "store/deep/features.2/factor").exists()  # the root has it


def test_a_store_is_few_files(tmp_path: Path) -> None:
    big = xr.Dataset({"S1": (("factor", "unit"), np.ones((4, 3_000_000), np.float32))})
    write_results(tmp_path / "indices.zarr", {"layer": big}, attributes={})
    assert sum(path.is_file() for path in (tmp_path / "indices.zarr").rglob("*")) <= 5


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "indices.zarr"
    write_results(path, {"layer": layer()}, attributes={})
    chunk = max(path.rglob("c/**/*"), key=lambda p: p.stat().st_size if p.is_file() else 0)
    content = bytearray(chunk.read_bytes())
    content[len(content) // 3] ^= 4
    chunk.write_bytes(content)
    with pytest.raises(Exception, match=r"(?i)checksum|corrupt"):
        read_results(path)["layer"]["S1"].load()


def test_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingResultError, match="absent"):
        read_results(tmp_path / "absent.zarr")


def test_provenance_names_versions_and_commit() -> None:
    found = provenance(seed=1)
    assert found["seed"] == 1
    assert found["versions"]["numpy"] == np.__version__
    assert found["commit"]


def test_file_hash_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert file_hash(path).startswith("ba7816bf8f01cfea414140de5dae2223")


def test_describe_prints_a_store(tmp_path: Path) -> None:
    path = tmp_path / "indices.zarr"
    write_results(path, {"features.2": layer()}, attributes={"seed": 3})
    text = describe(path)
    assert "seed: 3" in text
    assert "features.2" in text
    assert "first order" in text


def test_describe_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        describe(tmp_path / "nothing.zarr")
    (tmp_path / "picture.png").touch()
    with pytest.raises(ConfigError, match="nothing that can be described"):
        describe(tmp_path / "picture.png")
