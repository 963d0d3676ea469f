"""A job's files by name, and the origin of what it makes."""

from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest

from actsense.job.files import by_name, origin, paths


def inputs(folder: Path) -> SimpleNamespace:
    """Return inputs of a job whose files hold their own name."""
    names = {name: str(folder / name) for name in ("weights", "manifest", "others")}
    for name, path in names.items():
        Path(path).write_text(name)
    return SimpleNamespace(**names)


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_files_keep_their_names_and_order() -> None:
    files = {"table": "a/b.csv", "page": "a/c.png"}
    assert list(paths(files).items()) == [("table", Path("a/b.csv")), ("page", Path("a/c.png"))]
    assert by_name(["one", "two"], ["1.zarr", "2.zarr"]) == {
        "one": Path("1.zarr"),
        "two": Path("2.zarr"),
    }


def test_a_network_without_its_file_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        by_name(["one", "two"], ["1.zarr"])


def test_the_origin_holds_settings_and_hashes_of_what_was_read(tmp_path: Path) -> None:
    params = SimpleNamespace(study={"seed": 3})
    told = origin(params, inputs(tmp_path), replicates=2)
    assert told["configuration"] == {"seed": 3}
    assert told["weights_sha256"] == digest("weights")
    assert told["dataset_sha256"] == digest("manifest")
    assert told["replicates"] == 2
    assert {"versions", "commit", "python"} <= told.keys()


def test_several_networks_have_a_hash_each(tmp_path: Path) -> None:
    files = inputs(tmp_path)
    weights = by_name(["one", "two"], [files.weights, files.others])
    told = origin(SimpleNamespace(study={}), files, weights=weights)
    assert told["weights_sha256"] == {"one": digest("weights"), "two": digest("others")}
