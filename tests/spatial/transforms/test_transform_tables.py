"""Tables against loops over the images of their stores."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import binomtest
from spatial_study import convolutions, subject

from actsense.errors import ConfigError
from actsense.spatial.transforms.evaluate import evaluate_transforms
from actsense.spatial.transforms.settings import Transforms
from actsense.spatial.transforms.tables import compare_transforms
from actsense.statistics.resampling import image_draws
from actsense.store import write_results, write_tables

SETTINGS: dict[str, Any] = {
    "images": 40,
    "divisions": [4, 1, 2, 8],
    "modes": ["grid", "bands"],
    "repeats": 3,
    "saturations": [8, 0.5],
}
BOOTSTRAP = 100
METRICS = ("top1", "top5", "relative", "agreement", "probability")


def bounded(*names: str) -> list[str]:
    return [name + side for name in names for side in ("", "_low", "_high")]


COLUMNS = {
    "shuffle": [
        *("network", "mode", "k", "rows", "columns", "repeat", "images", "labelled", "label"),
        *("moved", "area"),
        *(*bounded(*METRICS[:4]), "probability", "chance", "seed"),
    ],
    "shuffle_curves": [
        *("network", "mode", "k", "rows", "columns", "repeats", "images", "labelled", "label"),
        "chance",
        *bounded(*METRICS),
    ],
    "shuffle_differences": [
        *("first", "second", "mode", "k", "rows", "columns", "metric"),
        *("difference", "low", "high"),
    ],
    "shuffle_scores": ["network", "mode", *bounded("area", "k50"), "censored"],
    "saturation_curves": [
        "network",
        "level",
        "images",
        "labelled",
        "label",
        "chance",
        *bounded(*METRICS),
    ],
}


def answers(name: str, *, outputs: int = 4, seed: int = 0, **changes: Any) -> xr.Dataset:
    """Evaluate a network of its own."""
    module = convolutions(outputs, seed=sum(map(ord, name)))
    return evaluate_transforms(
        subject(module, name=name), Transforms(**(SETTINGS | changes)), seed
    )[""]


def written(folder: Path, networks: Mapping[str, xr.Dataset]) -> dict[str, Path]:
    """Write a store of every network."""
    paths = {name: folder / name / "transforms.zarr" for name in networks}
    for name, data in networks.items():
        paths[name].parent.mkdir(exist_ok=True)
        write_results(paths[name], {"": data}, attributes={"commit": "none"})
    return paths


def compared(folder: Path, networks: Mapping[str, xr.Dataset]) -> dict[str, pd.DataFrame]:
    return compare_transforms(written(folder, networks), bootstrap=BOOTSTRAP, seed=1)


def falling(shares: Mapping[int, float], *, classes: int = 4) -> xr.Dataset:
    """Return a store's data with a share of images right at every k, in all repeats."""
    data = answers("net").copy(deep=True)
    data.attrs["classes"] = classes
    for number, level in enumerate(data["level"].to_numpy()):
        right = shares[1 if np.isnan(level) else int(level)] * 40 if level != 0.5 else 0
        data["rank"][number] = np.where(np.arange(40) < right, 0, 1)
    return data


@pytest.fixture(scope="module")
def data() -> dict[str, xr.Dataset]:
    return {"one": answers("one"), "two": answers("two")}


@pytest.fixture(scope="module")
def tables(
    data: dict[str, xr.Dataset], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pd.DataFrame]:
    return compared(tmp_path_factory.mktemp("stores"), data)


def image_values(
    data: xr.Dataset, transform: str, mode: str = "", level: float = np.nan, repeat: int = 0
) -> dict[str, list[tuple[float, float]]]:
    """Return what every image counts for and among, for all metrics, image by image."""
    transforms, modes, levels, repeats, rank, predicted, probability = (
        data[name].to_numpy().tolist()
        for name in ("transform", "mode", "level", "repeat", "rank", "predicted", "probability")
    )
    intact = transforms.index("none")
    (number,) = [
        c
        for c, kind in enumerate(zip(transforms, modes, levels, repeats, strict=True))
        if kind == (transform, mode, kind[2] if transform == "none" else level, repeat)
    ]
    found: dict[str, list[tuple[float, float]]] = {metric: [] for metric in METRICS}
    for i in range(data.sizes["image"]):
        right, was_right = (rank[c][i] == 0 for c in (number, intact))
        found["top1"].append((right, 1))
        found["top5"].append((rank[number][i] < 5, 1))
        found["relative"].append((right and was_right, was_right))
        found["agreement"].append((predicted[number][i] == predicted[intact][i], 1))
        found["probability"].append((probability[number][i], 1))
    return found


def ratio(pairs: list[tuple[float, float]]) -> float:
    return sum(above for above, _ in pairs) / sum(below for _, below in pairs)


def row(table: pd.DataFrame, **where: Any) -> pd.Series:
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_tables_have_the_columns_that_figures_read(tables: dict[str, pd.DataFrame]) -> None:
    assert {name: list(table.columns) for name, table in tables.items()} == COLUMNS


@pytest.mark.parametrize(
    ("network", "mode", "k", "repeat"), [("one", "grid", 2, 0), ("two", "bands", 8, 2)]
)
def test_a_shuffle_is_counted_image_by_image(
    tables: dict[str, pd.DataFrame],
    data: dict[str, xr.Dataset],
    network: str,
    mode: str,
    k: int,
    repeat: int,
) -> None:
    found = row(tables["shuffle"], network=network, mode=mode, k=k, repeat=repeat)
    expected = image_values(data[network], "patch_shuffle", mode, k, repeat)
    for metric in METRICS:
        assert found[metric] == pytest.approx(ratio(expected[metric]))
    for metric in METRICS[:4]:
        hits, trials = (int(sum(column)) for column in zip(*expected[metric], strict=True))
        ends = binomtest(hits, trials).proportion_ci(method="wilson")
        assert found[f"{metric}_low"] == pytest.approx(ends.low)
        assert found[f"{metric}_high"] == pytest.approx(ends.high)
    assert 0.3 < found["moved"] <= 1
    assert found["area"] == 1
    assert (found["images"], found["label"], found["chance"]) == (40, "class", 0.25)


def test_saturations_are_counted_image_by_image(
    tables: dict[str, pd.DataFrame], data: dict[str, xr.Dataset]
) -> None:
    table = tables["saturation_curves"]
    assert list(table["level"]) == [0.5, 2, 8] * 2
    for level in (0.5, 8):
        expected = image_values(data["two"], "saturation", level=level)
        found = row(table, network="two", level=level)
        for metric in METRICS:
            assert found[metric] == pytest.approx(ratio(expected[metric]))
            assert found[f"{metric}_low"] < found[metric] + 1e-9
            assert found[f"{metric}_high"] > found[metric] - 1e-9


def test_the_first_point_of_every_curve_is_the_intact_image(
    tables: dict[str, pd.DataFrame], data: dict[str, xr.Dataset]
) -> None:
    for network in ("one", "two"):
        expected = image_values(data[network], "none")
        points = [
            row(tables["shuffle"], network=network, mode="grid", k=1),
            row(tables["shuffle"], network=network, mode="bands", k=1),
            row(tables["shuffle_curves"], network=network, mode="grid", k=1),
            row(tables["shuffle_curves"], network=network, mode="bands", k=1),
            row(tables["saturation_curves"], network=network, level=2),
        ]
        for found in points:
            for metric in METRICS:
                assert found[metric] == pytest.approx(ratio(expected[metric]))
            assert found["relative"] == found["agreement"] == 1
        assert points[0]["moved"] == 0


def test_intact_networks_score_what_their_logits_say(tables: dict[str, pd.DataFrame]) -> None:
    own = subject(convolutions(seed=sum(map(ord, "one"))))
    rows, labels = own.validation(40)
    accuracy = (own.logits(own.read(rows)).argmax(dim=1).numpy() == labels).mean()
    assert row(tables["shuffle"], network="one", mode="grid", k=1)["top1"] == accuracy


@pytest.mark.parametrize("name", ["shuffle", "shuffle_curves", "saturation_curves"])
def test_right_images_that_stay_right_are_some_of_the_right(
    tables: dict[str, pd.DataFrame], name: str
) -> None:
    table = tables[name]
    assert table["relative"].between(0, 1).all()
    level, intact = ("level", 2) if name == "saturation_curves" else ("k", 1)
    first = table[table[level] == intact].drop_duplicates("network").set_index("network")["top1"]
    assert (table["relative"] * table["network"].map(first) <= table["top1"] + 1e-12).all()


def test_curves_are_means_over_repeats(tables: dict[str, pd.DataFrame]) -> None:
    names = ["network", "mode", "k"]
    means = tables["shuffle"].groupby(names, sort=False)[list(METRICS)].mean()
    curves = tables["shuffle_curves"].set_index(names)
    np.testing.assert_allclose(curves[list(METRICS)], means.loc[curves.index])
    assert list(curves["repeats"]) == [1, 3, 3, 3] * 4
    assert list(tables["shuffle_curves"]["k"]) == [1, 2, 4, 8] * 4


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_of_curves_draw_images_with_all_their_repeats(
    tables: dict[str, pd.DataFrame], data: dict[str, xr.Dataset], metric: str
) -> None:
    repeats = [image_values(data["one"], "patch_shuffle", "grid", 4, r)[metric] for r in range(3)]
    resamples = []
    for counts in image_draws(40, BOOTSTRAP, seed=1)[1:].astype(int):
        taken = np.repeat(np.arange(40), counts)
        resamples.append(np.mean([ratio([pairs[i] for i in taken]) for pairs in repeats]))
    found = row(tables["shuffle_curves"], network="one", mode="grid", k=4)
    low, high = np.sort(resamples)[[2, 97]]
    if metric == "top5":  # all are right: no narrower than Wilson's interval of 3 x 40 images
        assert low == high == 1
        low, high = binomtest(120, 120).proportion_ci(method="wilson")
    assert found[f"{metric}_low"] == pytest.approx(low)
    assert found[f"{metric}_high"] == pytest.approx(high)


@pytest.mark.parametrize("metric", ["top1", "relative"])
def test_differences_draw_the_same_images_for_both(
    tables: dict[str, pd.DataFrame], data: dict[str, xr.Dataset], metric: str
) -> None:
    values = {
        network: [
            image_values(data[network], "patch_shuffle", "bands", 2, r)[metric] for r in range(3)
        ]
        for network in data
    }
    resamples = []
    for counts in image_draws(40, BOOTSTRAP, seed=1).astype(int):
        taken = np.repeat(np.arange(40), counts)
        one, two = (
            np.mean([ratio([pairs[i] for i in taken]) for pairs in values[network]])
            for network in data
        )
        resamples.append(one - two)
    found = row(tables["shuffle_differences"], mode="bands", k=2, metric=metric)
    assert (found["first"], found["second"]) == ("one", "two")
    assert found["difference"] == pytest.approx(resamples[0])
    low, high = np.sort(resamples[1:])[[2, 97]]
    assert found["low"] == pytest.approx(low)
    assert found["high"] == pytest.approx(high)


def test_a_network_does_not_differ_from_itself(
    data: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    table = compared(tmp_path, {"one": data["one"], "again": data["one"]})["shuffle_differences"]
    assert len(table) == 2 * 4 * 2
    assert (table[["difference", "low", "high"]] == 0).all(axis=None)


def test_differences_are_of_all_pairs_with_labels_of_one_kind(
    data: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    others = {name: answers(name, outputs=7) for name in ("odd", "odder")}
    found = compared(tmp_path, {"odd": others["odd"], **data, "odder": others["odder"]})
    pairs = found["shuffle_differences"][["first", "second"]].drop_duplicates()
    assert pairs.to_numpy().tolist() == [["odd", "odder"], ["one", "two"]]
    labels = found["shuffle"].drop_duplicates("network").set_index("network")["label"]
    assert list(labels) == ["prediction", "class", "class", "prediction"]


def test_images_of_classes_without_an_output_are_left_out(tmp_path: Path) -> None:
    names = ("other", "class 2", "none", "class 0", "more", "class 1")  # class 3 is none of them
    own = subject(convolutions(6, seed=4), outputs=names)
    data = evaluate_transforms(own, Transforms(**SETTINGS), 0)[""]
    tables = compared(tmp_path, {"some": data, "all": answers("all")})
    found = row(tables["shuffle"][lambda t: t["network"] == "some"], mode="grid", k=8, repeat=1)
    known = data["label"].to_numpy() >= 0
    place = np.flatnonzero(
        (data["mode"] == "grid") & (data["level"] == 8) & (data["repeat"] == 1)
    ).item()
    first, predicted, probability = (data[name].to_numpy() for name in
                                     ("rank", "predicted", "probability"))  # fmt: skip
    right, intact = (first[k][known] == 0 for k in (place, 0))
    assert (found["images"], found["labelled"]) == (40, known.sum()) == (40, 30)
    assert found["top1"] == pytest.approx(right.mean())
    assert found["top5"] == pytest.approx((first[place][known] < 5).mean())
    assert found["relative"] == pytest.approx(right[intact].mean())
    assert found["agreement"] == pytest.approx((predicted[place] == predicted[0]).mean())
    assert found["probability"] == pytest.approx(probability[place][known].mean())
    assert found["chance"] == pytest.approx(1 / 6)
    assert tables["shuffle_differences"].empty  # of other images


def test_top1_relative_and_agreement_are_one_for_a_networks_own_labels(tmp_path: Path) -> None:
    table = compared(tmp_path, {"odd": answers("odd", outputs=7)})["shuffle"]
    np.testing.assert_array_equal(table["top1"], table["relative"])
    np.testing.assert_array_equal(table["top1"], table["agreement"])
    assert (table["top1"] < 1).any()
    assert (table["top5"] < 1).any()


def test_labels_are_among_the_first_five_of_seven_as_counted(tmp_path: Path) -> None:
    data = answers("odd", outputs=7)
    expected = image_values(data, "patch_shuffle", "grid", 8, 1)["top5"]
    assert (data["rank"] == 5).any()  # the sixth
    found = row(compared(tmp_path, {"odd": data})["shuffle"], mode="grid", k=8, repeat=1)
    assert found["top5"] == pytest.approx(ratio(expected))


def test_labels_are_always_among_the_first_five_of_four(tables: dict[str, pd.DataFrame]) -> None:
    assert (tables["shuffle"]["top5"] == 1).all()


def test_one_network_has_no_differences_but_their_columns(
    data: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    found = compared(tmp_path, {"one": data["one"]})
    assert found["shuffle_differences"].empty
    assert {name: list(table.columns) for name, table in found.items()} == COLUMNS


def test_scores_of_a_known_curve(tmp_path: Path) -> None:
    """From 1 down to 1/4: half way between intact and chance is 5/8."""
    shares = {1: 1.0, 2: 0.75, 4: 0.5, 8: 0.25}
    table = compared(tmp_path, {"net": falling(shares)})["shuffle_scores"]
    assert list(table["mode"]) == ["grid", "bands"]
    for _, found in table.iterrows():
        assert found["area"] == pytest.approx((0.875 + 2 * 0.625 + 4 * 0.375) / 7)
        assert found["k50"] == pytest.approx(3)
        assert found["area_low"] < found["area"] < found["area_high"]
        assert found["k50_low"] < found["k50"] < found["k50_high"]
        assert not found["censored"]


def test_curves_that_stay_up_are_censored(tmp_path: Path) -> None:
    shares = {1: 1.0, 2: 0.95, 4: 0.9, 8: 0.9}
    tables = compared(tmp_path, {"net": falling(shares)})
    assert tables["shuffle_scores"]["censored"].all()
    assert tables["shuffle_scores"][bounded("k50")].isna().all(axis=None)
    assert tables["shuffle_scores"]["area"].notna().all()


def test_the_end_of_an_interval_may_be_censored_alone(tmp_path: Path) -> None:
    """24 of 40 are just below half way: many resamples stay above."""
    shares = {1: 1.0, 2: 0.9, 4: 0.7, 8: 0.6}
    table = compared(tmp_path, {"net": falling(shares)})["shuffle_scores"]
    np.testing.assert_allclose(table["k50"], 4 + 4 * 0.075 / 0.1)
    assert (table["k50_low"] < 7).all()
    assert table["k50_high"].isna().all()
    assert not table["censored"].any()


def test_chance_moves_where_half_way_is(tmp_path: Path) -> None:
    shares = {1: 1.0, 2: 0.75, 4: 0.5, 8: 0.25}
    table = compared(tmp_path, {"net": falling(shares, classes=1000)})["shuffle_scores"]
    np.testing.assert_allclose(table["k50"], 4 - 2 * 0.0005 / 0.25)


def test_nothing_is_relative_to_images_that_were_never_right(tmp_path: Path) -> None:
    data = falling({1: 0.0, 2: 0.25, 4: 0.5, 8: 0.25})
    found = compared(tmp_path, {"net": data})
    for name in ("shuffle", "shuffle_curves", "saturation_curves"):
        assert found[name][bounded("relative")].isna().all(axis=None)
        assert found[name][bounded("top1")].notna().all(axis=None)
    assert found["shuffle_scores"]["censored"].all()


def test_tables_come_back_from_csv(tmp_path: Path) -> None:
    networks = {"net": falling({1: 1.0, 2: 0.95, 4: 0.9, 8: 0.9}), "two": answers("two")}
    tables = compared(tmp_path, networks)
    paths = {name: str(tmp_path / f"{name}.csv") for name in tables}
    write_tables(tables, paths)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(pd.read_csv(paths[name]), table)
        assert "nan" not in Path(paths[name]).read_text().lower()


def test_the_same_stores_give_the_same_tables(
    tables: dict[str, pd.DataFrame], data: dict[str, xr.Dataset], tmp_path: Path
) -> None:
    for name, table in compared(tmp_path, data).items():
        pd.testing.assert_frame_equal(table, tables[name])


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"images": 12}, "images"),
        ({"divisions": [2, 4]}, "transforms"),
        ({"seed": 1}, "transforms"),
    ],
)
def test_networks_that_were_shown_something_else_are_not_compared(
    data: dict[str, xr.Dataset], tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    other = answers("other", **changes)
    with pytest.raises(ConfigError, match=f"one and other were shown different {what} and cannot"):
        compared(tmp_path, {"one": data["one"], "other": other})


def test_curves_of_images_that_are_all_alike_are_not_certain(tmp_path: Path) -> None:
    """Three repeats of 40 images are no more than 120 independent ones."""
    table = compared(tmp_path, {"net": falling({1: 1, 2: 1, 4: 0, 8: 0})})["shuffle_curves"]
    own = table[(table["mode"] == "grid") & (table["k"] > 1)].set_index("k")
    for k, hits in ((2, 120), (4, 0), (8, 0)):
        ends = binomtest(hits, 120).proportion_ci(method="wilson")
        np.testing.assert_allclose(own.loc[k, ["top1_low", "top1_high"]].astype(float), ends)
