"""Kept activations and the table of their rows: what the network was shown, bit for bit."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from small_study import AUGMENTATIONS, CLASSES, SIDE, build, convolutional, images

import actsense
from actsense.augment import AUGMENTATIONS as USUAL
from actsense.augment import PUBLISHED, Augmentation, augment, parameter_columns, stretch
from actsense.data.cache import Sample, write_cache
from actsense.errors import ConfigError, MissingResultError
from actsense.inspection.activations import KeptActivations
from actsense.inspection.run_results import RunResults
from actsense.sampling.blocks import write_shard
from actsense.sampling.decoding import decode_block
from actsense.sampling.design_table import JOINED, DesignTable
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.settings import DesignSettings
from actsense.sampling.sharding import Shard
from actsense.sensitivity.moments import layout
from actsense.sensitivity.summing import accumulate_replicate
from actsense.store import file_hash, read_table, write_results
from actsense.store.rows import Rows

BATCH, IMAGES = 16, 10 * CLASSES
DESIGN = {"augmentations": list(AUGMENTATIONS), "base_points": 32, "replicates": 2}
SHARDS = {"0_0": Shard(range(1), range(1)), "0_1": Shard(range(1), range(1, 2)),
          "1-1": Shard(range(1, 2), range(2))}  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a study whose activations were kept, in three shards."""
    folder = tmp_path_factory.mktemp("kept") / "study"
    paths = folder / "data/images.zarr", folder / "data/manifest.csv"
    pixels = images(IMAGES).read(np.arange(IMAGES))
    samples = [
        Sample(f"{row}.png", row % CLASSES, ("train", "validation")[row // CLASSES % 2], own)
        for row, own in enumerate(pixels)
    ]
    names = ["ant", "bee", "=cow()", "dog"]
    write_cache(samples, *paths, capacity=IMAGES, side=SIDE, class_names=names, provenance={})
    write_run(folder, DESIGN)
    sampling = replace(build(batch_size=BATCH), design=run_of(folder).design_table.design)
    for name, shard in SHARDS.items():
        write_shard(sampling, shard, folder / f"net/small/shards/{name}.zarr.zip")
    (folder / "net/small/shards/0_0.moments.zarr.zip").touch()
    return folder


def write_run(folder: Path, design: dict[str, Any], *, activations: str = "store") -> None:
    settings = {"seed": 0, "activations": activations, "designs": {"small": design}}
    manifest = folder / "data/manifest.csv"
    attributes = {"configuration": settings, "dataset_sha256": file_hash(manifest)}
    path = folder / "net/small/indices.zarr"
    write_results(path, {"": xr.Dataset({"S1": ("layer", [0.5])})}, attributes=attributes)


def run_of(folder: Path) -> RunResults:
    return actsense.open_study(folder)["net", "small"]


def beside(study: Path, folder: Path, **settings: Any) -> RunResults:
    """Return the run of a study with the same images and no activations."""
    (folder / "net").mkdir(parents=True)
    (folder / "data").symlink_to(study / "data")
    write_run(folder, DESIGN, **settings)
    return run_of(folder)


def fed(
    table: pd.DataFrame, pixels: np.ndarray, catalog: Mapping[str, Augmentation] = USUAL
) -> torch.Tensor:
    """Return what the pooled layer says of the images that rows of the table describe."""
    sequence = np.full((len(table), len(AUGMENTATIONS)), -1)
    for row, applied in enumerate(table["order"]):
        for place, name in enumerate(applied.split(JOINED) if applied else ()):
            sequence[row, place] = AUGMENTATIONS.index(name)
    columns = ["brightness_factor", "rolling_rows", "rolling_columns"]
    assert parameter_columns(AUGMENTATIONS)["rolling"] == slice(1, 3)
    values = table[columns].fillna(0).to_numpy(np.float32, copy=True)
    shown = torch.from_numpy(pixels[table["image"]]).float() / 255
    seen = augment(shown, *map(torch.from_numpy, (sequence, values)), AUGMENTATIONS, catalog)
    seen = stretch(seen) if catalog is PUBLISHED else seen
    with torch.inference_mode():
        return convolutional()[:3]((seen - 0.5) / 0.25)


def test_rows_fed_by_hand_give_the_stored_activations(study: Path) -> None:
    run = run_of(study)
    kept = run.activations("2")
    pixels = images(IMAGES).read(np.arange(IMAGES))
    assert kept.dims == ("evaluation", "channel", "row", "col")
    assert kept.shape == (len(run.evaluations), 6, 7, 7)
    for _, rows in run.evaluations.groupby(["replicate", "block"]):
        different = rows.drop_duplicates("row")
        assert 10 < len(different) < len(rows)
        assert different["row"].tolist() == [*range(len(different))]
        parts = [different[k : k + BATCH] for k in range(0, len(different), BATCH)]
        by_hand = torch.cat([fed(part, pixels) for part in parts]).numpy()
        np.testing.assert_array_equal(kept[rows.index], by_hand[rows["row"]])


def test_rows_of_the_published_law_say_what_it_shows(study: Path) -> None:
    """Its operations, its stretch, and the image that it hides and draws for every evaluation."""
    manifest = run_of(study)._source.images().manifest
    settings = DesignSettings(**DESIGN | {"law": "published"})
    table = DesignTable.of("small", settings, manifest, size=SIDE, seed=0)
    subject = build().subject
    recorded = subject.tap(["2"])
    evaluator = Evaluator(subject, recorded, AUGMENTATIONS, stretch=True, catalog=PUBLISHED)
    _, evaluations, place = decode_block(table.design, table.law, 1, 1)
    answers = evaluator(evaluations[:BATCH]).numpy()
    rows = table.block(1, 1)
    np.testing.assert_array_equal(rows["row"], place.reshape(-1))
    pixels = images(IMAGES).read(np.arange(IMAGES))
    by_hand = fed(rows.drop_duplicates("row")[:BATCH], pixels, PUBLISHED).numpy()
    np.testing.assert_array_equal(answers, by_hand.reshape(BATCH, -1))
    alone = rows[rows["point"].isin(["A", "AB brightness"])]
    assert (alone.groupby("base_point")["image"].nunique() == 2).any()


def test_means_are_those_of_the_moments(study: Path) -> None:
    run = run_of(study)
    where = {"0": ["0_0", "0_1"], "1": ["1-1"]}
    table = run.evaluations
    pooled = run.activations("2")
    for replicate, names in where.items():
        own = table[table["replicate"] == int(replicate)]
        a, b = (pooled[own.index[own["point"] == end]].to_numpy() for end in "AB")
        assert len(a) == 32
        states = [
            accumulate_replicate(
                *(run.design_table.design, int(replicate), SHARDS[name].blocks),
                study / f"net/small/shards/{name}.zarr.zip",
            ).joined()
            for name in names
        ]
        summed = sum(state.sums[layout(4, 3)["sum"]] for state in states)[0, : 6 * 49]
        both = np.concatenate([a, b]).reshape(64, -1).sum(axis=0, dtype=np.float64)
        np.testing.assert_allclose(both, summed, rtol=2e-7)  # moments sum a block in float32


def test_any_choice_is_that_of_the_whole_array(study: Path) -> None:
    vector = run_of(study).activations("probabilities")
    maps = run_of(study).activations("2")
    whole = maps.to_numpy()
    rows = np.array([900, 41, 3, 3, 870])
    np.testing.assert_array_equal(maps[rows, 1:5:2, ::-1, 2], whole[rows][:, 1:5:2, ::-1, 2])
    np.testing.assert_array_equal(maps[7, :, -1], whole[7, :, -1])
    kept = KeptActivations(study / "net/small/shards", run_of(study).design_table)
    flat = whole.reshape(len(whole), -1)
    np.testing.assert_array_equal(kept.read(rows, slice(3, 9)), flat[rows, 3:9])
    assert maps[0:0].shape == (0, 6, 7, 7)
    np.testing.assert_allclose(vector.sum("unit"), 1, rtol=1e-5)


def test_nothing_is_read_before_values_are_used(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from actsense.inspection import activations

    run = run_of(study)
    maps = run.activations("2")
    opened = []
    real = activations.open_archive
    monkeypatch.setattr(
        activations, "open_archive", lambda path: opened.append(path.name) or real(path)
    )
    chosen = maps.isel(evaluation=slice(0, 40), channel=2)
    assert not opened
    chosen.load()
    assert opened == ["0_0.zarr.zip"]
    opened.clear()
    kept = activations.KeptActivations(study / "net/small/shards", run.design_table)
    opened.clear()
    kept.read(np.array([5, 1500, 7, 1501, 6]), slice(0, 1))
    assert opened == ["0_0.zarr.zip", "1-1.zarr.zip"]  # each block once


def test_points_say_what_comes_from_b(study: Path) -> None:
    table = run_of(study).evaluations
    own = {
        "brightness": ["brightness", "brightness_factor"],
        "rolling": ["rolling", "rolling_rows", "rolling_columns"],
        "content": ["image", "class", "partition"],
    }
    wide = {
        name: rows.set_index(["replicate", "base_point"]).sort_index()
        for name, rows in table.groupby("point", observed=True)
    }
    assert [*wide["A"].index] == [*product(range(2), range(32))]
    assert len(wide["walk"]) % len(wide["A"]) == 0
    for name, columns in own.items():
        for other, others in own.items():
            alone, rest = ("B", "A") if other == name else ("A", "B")
            pd.testing.assert_frame_equal(wide[f"AB {name}"][others], wide[alone][others])
            pd.testing.assert_frame_equal(wide[f"BA {name}"][others], wide[rest][others])
        assert not wide["A"][columns].equals(wide["B"][columns])
    ends = ["class", "partition"]
    pd.testing.assert_series_equal(wide["AB image"]["class"], wide["A"]["class"])
    pd.testing.assert_frame_equal(wide["AB partition+class"][ends], wide["B"][ends])
    pd.testing.assert_series_equal(wide["AB class+image"]["class"], wide["B"]["class"])
    pd.testing.assert_series_equal(wide["AB class+image"]["partition"], wide["A"]["partition"])


def test_the_table_describes_the_images_of_the_manifest(study: Path) -> None:
    table = run_of(study).evaluations
    assert set(table["class"]) == {"ant", "bee", "=cow()", "dog"}
    assert (table["class"].cat.codes >= 0).all()
    names = np.array(["ant", "bee", "=cow()", "dog"])
    np.testing.assert_array_equal(table["class"], names[table["image"] % CLASSES])
    parts = np.array(["train", "validation"])
    np.testing.assert_array_equal(table["partition"], parts[table["image"] // CLASSES % 2])
    assert table["brightness"].mean() == pytest.approx(0.5, abs=0.05)
    assert table.loc[table["brightness"], "brightness_factor"].between(0.1, 2.5).all()
    assert table.loc[~table["brightness"], "brightness_factor"].isna().all()
    both = table[table["brightness"] & table["rolling"]]["order"]
    assert set(both) == {"brightness > rolling", "rolling > brightness"}
    assert (table.loc[~table["brightness"] & ~table["rolling"], "order"] == "").all()


def test_a_written_table_is_read_as_it_was(study: Path, tmp_path: Path) -> None:
    run = run_of(study)
    run.design_table.write(tmp_path / "rows.csv")
    again = read_table(tmp_path / "rows.csv").fillna({"order": ""})
    assert "'=cow()" in (tmp_path / "rows.csv").read_text()
    types = run.evaluations.dtypes.to_dict()
    pd.testing.assert_frame_equal(again.astype(types), run.evaluations, check_exact=True)


def test_streamed_and_deleted_activations_are_said(study: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingResultError, match=r"were streamed.*keep_activations: true"):
        beside(study, tmp_path / "streamed", activations="stream").activations("2")
    run = beside(study, tmp_path / "deleted")
    with pytest.raises(MissingResultError, match=r"4 of 4 blocks .* deleted .* --forcerun"):
        run.activations("2")
    (run.path / "shards").mkdir()
    (run.path / "shards/1-1.zarr.zip").symlink_to(study / "net/small/shards/1-1.zarr.zip")
    with pytest.raises(MissingResultError, match=r"2 of 4 blocks .* block 0 of replicate 0"):
        run_of(tmp_path / "deleted").activations("2")
    assert len(run.evaluations) == len(run.design_table)  # the table needs none


def test_activations_of_another_design_are_refused(study: Path, tmp_path: Path) -> None:
    run = beside(study, tmp_path / "other")
    (run.path / "shards").symlink_to(study / "net/small/shards")
    write_run(tmp_path / "other", DESIGN | {"law": "always"})
    with pytest.raises(ConfigError, match="activations of another design"):
        run_of(tmp_path / "other").activations("2")


def test_other_images_and_layers_are_refused(study: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"layer 'conv' .* 2, probabilities"):
        run_of(study).activations("conv")
    run = beside(study, tmp_path / "study")
    (tmp_path / "study/data").unlink()
    names = ["ant", "bee", "cow", "dog"]
    samples = [Sample("0.png", k, p, np.zeros((3, SIDE, SIDE), np.uint8))
               for k in range(4) for p in ("train", "validation")]  # fmt: skip
    paths = tmp_path / "study/data/images.zarr", tmp_path / "study/data/manifest.csv"
    write_cache(samples, *paths, capacity=8, side=SIDE, class_names=names, provenance={})
    assert len(Rows(paths[0])) == 8
    with pytest.raises(ConfigError, match="not those of these indices any more"):
        _ = run_of(run.path.parents[1]).evaluations
