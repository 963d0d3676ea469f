"""What the page shows is what the stores hold."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from actsense.errors import ConfigError
from actsense.explorer import reading
from actsense.explorer.charts import contrast_chart
from actsense.inspection import RunResults, open_study
from actsense.store import read_results, seal, write_results

AT = {"channel": 2, "row": 1, "col": 3}


def stored(run: RunResults, name: str, group: str) -> np.ndarray:
    """Read an array without xarray and without our code."""
    return np.asarray(zarr.open_group(run.path / f"{name}.zarr", mode="r")[group][:])


def place(run: RunResults, factor: str) -> int:
    return list(run.factors).index(factor)


def test_a_ranking_of_channels_holds_the_values_of_channels(run: RunResults) -> None:
    table = reading.ranking(run, "conv", "hue")
    assert table.index.name == "channel"
    assert table["number"].tolist() == [0, 1, 2]
    hue = place(run, "hue")
    for index in ("S1", "ST", "shapley"):
        for name in (index, f"{index}_ci"):
            np.testing.assert_array_equal(
                table[name], stored(run, "indices", f"conv/by_channel/{name}")[hue]
            )
    contrast = stored(run, "contrast", "conv/rank_biserial")[run.augmentations.index("hue")]
    np.testing.assert_allclose(table["contrast"], contrast.reshape(3, -1).mean(axis=1), rtol=1e-6)


def test_partitions_apart_have_a_row_each(run: RunResults, tmp_path: Path) -> None:
    pooled, data = reading.contrasts(run, "conv", AT), run.contrast["conv"].to_dataset()
    halves = xr.concat([data, -data], "partition").transpose("augmentation", "partition", ...)
    halves = halves.assign_coords(partition=["train", "validation"])
    shutil.copytree(run.path, tmp_path / "made/mixed")
    shutil.rmtree(tmp_path / "made/mixed/contrast.zarr")
    write_results(tmp_path / "made/mixed/contrast.zarr", {"conv": halves}, attributes={})
    apart = open_study(tmp_path)["made", "mixed"]
    table = reading.contrasts(apart, "conv", AT)
    assert table["partition"].tolist() == ["train", "validation"] * len(pooled)
    train, validation = (table[table["partition"] == name] for name in ("train", "validation"))
    for column in ("mean_difference", "p_adjusted"):
        np.testing.assert_array_equal(train[column], pooled[column])
        np.testing.assert_array_equal(validation[column], -pooled[column])
    ranked, before = (reading.ranking(one, "conv", "hue")["contrast"] for one in (apart, run))
    np.testing.assert_allclose(ranked, -before)  # of validation images
    drawn = str(contrast_chart(table, "hue"))
    assert "yOffset" in drawn
    assert "yOffset" not in str(contrast_chart(pooled, "hue"))


def test_a_ranking_of_a_vector_holds_its_units(run: RunResults) -> None:
    table = reading.ranking(run, "fc", "class")
    assert table.index.name == "unit"
    assert len(table) == 7
    assert "contrast" not in table  # classes have none
    expected = stored(run, "indices", "fc/shapley")[place(run, "class")]
    rare = stored(run, "indices", "fc/rare")
    assert rare.any()
    expected[rare] = np.nan
    assert table["left_out"].eq("rare").tolist() == rare.tolist()
    np.testing.assert_array_equal(table["shapley"], expected)


def test_maps_are_those_of_the_channel(run: RunResults) -> None:
    found = reading.maps(run, "conv", "hue", 2)
    assert list(found) == ["S1", "ST", "shapley", "mean_difference"]
    for index in ("S1", "ST", "shapley"):
        for values, name in zip(found[index], (index, f"{index}_ci"), strict=True):
            expected = stored(run, "indices", f"conv/{name}")[place(run, "hue"), 2]
            np.testing.assert_array_equal(values, expected)
    value, half = found["mean_difference"]
    hue = run.augmentations.index("hue")
    np.testing.assert_array_equal(value, stored(run, "contrast", "conv/mean_difference")[hue, 2])
    np.testing.assert_array_equal(half, stored(run, "contrast", "conv/mean_difference_ci")[hue, 2])


def test_a_layer_that_was_read_once_is_at_hand(run: RunResults) -> None:
    layer = run.layers[0]
    reading.maps(run, layer, run.factors[0], 0)
    assert run.layer(layer)["S1"].variable._in_memory


def test_a_layer_with_one_axis_of_positions_is_a_map_of_one_row(run: RunResults) -> None:
    assert reading.layer_dimensions(run, "tokens") == {"axis_0": 4, "axis_1": 6}
    assert reading.maps(run, "tokens", "class", 1)["S1"][0].shape == (1, 6)


@pytest.mark.parametrize("index", ["S1", "ST", "shapley"])
@pytest.mark.parametrize("channel", range(3))
def test_the_strongest_position_has_the_largest_variance_due_to_the_factor(
    run: RunResults, index: str, channel: int
) -> None:
    for factor in run.factors:
        found = reading.strongest_position(run, "conv", factor, index, channel)
        share = stored(run, "indices", f"conv/{index}")[place(run, factor), channel].astype(float)
        due = share * stored(run, "indices", "conv/variance")[channel]
        due[stored(run, "indices", "conv/rare")[channel]] = np.nan
        assert due[found["row"], found["col"]] == np.nanmax(due)


def test_the_strongest_contrast_is_the_largest_of_either_sign(run: RunResults) -> None:
    for number, factor in enumerate(run.augmentations):
        found = reading.strongest_position(run, "conv", factor, "contrast", 1)
        values = abs(stored(run, "contrast", "conv/rank_biserial")[number, 1])
        assert values[found["row"], found["col"]] == values.max()
    assert reading.strongest_position(run, "fc", "hue", "ST", 1) == {}


def test_a_profile_holds_all_factors_of_the_unit(run: RunResults) -> None:
    table = reading.profile(run, "conv", AT)
    for index, part in table.groupby("index"):
        assert part["factor"].tolist() == list(run.factors)
        np.testing.assert_array_equal(
            part["value"], stored(run, "indices", f"conv/{index}")[:, 2, 1, 3]
        )
        np.testing.assert_array_equal(
            part["half"], stored(run, "indices", f"conv/{index}_ci")[:, 2, 1, 3]
        )
    facts = reading.unit_facts(run, "conv", AT)
    assert facts["mean"] == stored(run, "indices", "conv/mean")[2, 1, 3]


def test_pairs_hold_every_other_factor(run: RunResults) -> None:
    table = reading.pairs(run, "conv", "hue", AT)
    assert table["factor"].tolist() == [name for name in run.factors if name != "hue"]
    expected = stored(run, "indices", "conv/S2")[place(run, "hue"), :, 2, 1, 3]
    np.testing.assert_array_equal(table["value"], np.delete(expected, place(run, "hue")))


def test_contrasts_hold_every_augmentation(run: RunResults) -> None:
    table = reading.contrasts(run, "conv", AT)
    assert table["augmentation"].tolist() == list(run.augmentations)
    np.testing.assert_array_equal(
        table["p_adjusted"], stored(run, "contrast", "conv/p_adjusted")[:, 2, 1, 3]
    )


def test_a_depth_profile_holds_the_layers_in_order_without_the_network(run: RunResults) -> None:
    table = reading.depth_profile(run, "shapley")
    assert table["layer"].drop_duplicates().tolist() == ["conv", "tokens", "fc"]
    wide = table.pivot(index="factor", columns="layer", values="value")
    totals = stored(run, "indices", "shapley")
    axes = read_results(run.path / "indices.zarr")["shapley"].dims
    totals = totals if axes == ("factor", "layer") else totals.T
    for column, layer in enumerate(run.layers):
        np.testing.assert_array_equal(wide.loc[list(run.factors), layer], totals[:, column])


def test_without_channels_their_values_are_means_that_weigh_by_variance(copy: Path) -> None:
    whole = reading.ranking(open_study(copy)["made", "mixed"], "conv", "hue")
    shutil.rmtree(copy / "made/mixed/indices.zarr/conv/by_channel")
    seal(copy / "made/mixed/indices.zarr")
    alone = reading.ranking(open_study(copy)["made", "mixed"], "conv", "hue")
    pd.testing.assert_series_equal(alone["S1"], whole["S1"], rtol=1e-5)
    pd.testing.assert_series_equal(alone["shapley"], whole["shapley"], rtol=1e-5)


def test_what_published_values_lack_is_unknown(copy: Path) -> None:
    for name in ("S1_ci", "variance", "variance_ci", "mean_ci", "dead"):
        shutil.rmtree(copy / "made/mixed/indices.zarr/conv" / name)
    seal(copy / "made/mixed/indices.zarr")
    run = open_study(copy)["made", "mixed"]
    profile = reading.profile(run, "conv", AT)
    assert profile.loc[profile["index"] == "S1", "half"].isna().all()
    facts = reading.unit_facts(run, "conv", AT)
    assert np.isnan(facts["variance"])
    assert facts["dead"] == 0
    found = reading.strongest_position(run, "conv", "hue", "S1", 0)
    share = stored(run, "indices", "conv/S1")[place(run, "hue"), 0]
    assert share[found["row"], found["col"]] == np.nanmax(share)


def test_the_facts_of_a_rare_unit_say_how_little_is_known(run: RunResults) -> None:
    unit = int(stored(run, "indices", "fc/rare").argmax())
    facts = reading.unit_facts(run, "fc", {"unit": unit})
    assert (facts["rare"], facts["support"]) == (1, 3)
    rare = stored(run, "indices", "conv/rare")
    np.testing.assert_array_equal(reading.rare_map(run, "conv", 2), rare[2])
    dead = stored(run, "indices", "conv/dead")
    counts = f"{dead.sum()} dead, {rare.sum()} rare of {rare.size}"
    assert str(reading.left_out(run, "conv")) == counts


def test_a_store_that_marks_no_rare_units_opens_and_says_so(copy: Path) -> None:
    for layer in ("conv", "conv/by_channel", "fc"):
        shutil.rmtree(copy / "made/mixed/indices.zarr" / layer / "rare")
    seal(copy / "made/mixed/indices.zarr")
    run = open_study(copy)["made", "mixed"]
    assert np.isnan(reading.unit_facts(run, "conv", AT)["rare"])
    assert not reading.rare_map(run, "conv", 2).any()
    assert "rare" not in set(reading.ranking(run, "fc", "hue")["left_out"])


def test_damage_names_the_store(copy: Path) -> None:
    chunk = next(p for p in (copy / "made/mixed/indices.zarr/fc/S1/c").rglob("*") if p.is_file())
    data = bytearray(chunk.read_bytes())
    data[10] ^= 255
    chunk.write_bytes(data)
    run = open_study(copy)["made", "mixed"]
    with pytest.raises(ConfigError, match=r"indices\.zarr/fc/S1: damaged .* Delete .*zarr "):
        reading.ranking(run, "fc", "hue")


def test_values_that_are_gone_are_no_dead_layer(copy: Path) -> None:
    for index in ("S1", "ST", "shapley"):
        shutil.rmtree(copy / "made/mixed/indices.zarr/fc" / index / "c")
    seal(copy / "made/mixed/indices.zarr")
    run = open_study(copy)["made", "mixed"]
    with pytest.raises(ConfigError, match="fc has no values"):
        reading.ranking(run, "fc", "hue")
