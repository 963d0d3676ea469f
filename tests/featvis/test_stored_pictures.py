"""Stored pictures say what was written, by whatever order pictures stand in."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from featvis_study import (
    CLASSES,
    COLORS,
    EACH,
    FACTOR,
    GREY,
    INDICES,
    ITERATIONS,
    KEPT,
    LAYER,
    PLACES,
    SEEDS,
    SIDE,
    TRAIN,
    UNITS_LAYER,
)

from actsense.data.cache import ImageCache
from actsense.featvis.stored import OF_PICTURE, RANDOM, PictureGroup, StoredPictures
from actsense.store import read_results, read_table


@pytest.fixture(scope="module")
def stored(study: Path) -> StoredPictures:
    return StoredPictures(read_results(study / "net/featvis/pictures.zarr"))


def shuffled(group: PictureGroup) -> tuple[PictureGroup, list[int]]:
    """Return a group whose pictures stand in another order, and that order."""
    order = np.random.default_rng(0).permutation(len(group.pictures)).tolist()
    return PictureGroup(group.name, group.data.isel(picture=order), group.rows), order


def test_the_store_says_what_was_written(stored: StoredPictures) -> None:
    assert (stored.network, stored.side, stored.classes) == ("net", SIDE, list(CLASSES))
    assert stored.settings("search") == {"iterations": KEPT[-1]}
    assert stored.labels.tolist() == np.repeat([0, 1, 2], EACH).tolist()
    assert ((stored.contrast > 0.1) & (stored.high_frequency < 0.11)).all()
    facets, units, channels = stored.groups
    assert [one.kind for one in stored.groups] == ["facets", "units", "channels"]
    assert [one.layer for one in (facets, units)] == [LAYER, UNITS_LAYER]
    assert (units.factor, units.by, facets.factor) == (FACTOR, "shapley", "")
    assert (facets.kept, facets.iterations.tolist()) == (list(KEPT), list(ITERATIONS))
    assert facets.silhouette == pytest.approx({2: 0.5, 3: 0.6, 4: 0.5, 5: 0.4, 6: 0.3})
    assert (units.places, units.indices.tolist()) == (list(PLACES), list(INDICES))
    assert channels.names[:2] == ["channel 0", "channel 1"]
    assert stored.of_kind("units") == [units]


def test_groups_stand_by_kind_and_layer_and_not_by_their_names() -> None:
    names = ["channels_0", "units_0", "facets_10", "facets_2"]
    root = xr.Dataset({"row": ("image", [0, 1])})
    tree = xr.DataTree.from_dict({"/": root} | {name: xr.Dataset() for name in names})
    found = [group.name for group in StoredPictures(tree).groups]
    assert found == ["facets_2", "facets_10", "units_0", "channels_0"]


def test_the_shown_picture_is_of_the_first_seed_wherever_it_stands(stored: StoredPictures) -> None:
    facets = stored.groups[0]
    group, order = shuffled(facets)
    for target in range(len(CLASSES)):
        for weights in ("trained", RANDOM):
            own = group.of_target(target, weights)
            assert [order[k] for k in own] == facets.of_target(target, weights)
            assert len(own) == SEEDS
            told = group.pictures.loc[own]
            assert told["seed"].tolist() == list(range(SEEDS))
            assert set(told["target"]) == {target}
            assert set(told["weights"]) == {weights}
            assert group.shown(target, weights) == own[0]


def test_there_is_no_picture_of_what_was_not_drawn(stored: StoredPictures) -> None:
    assert stored.groups[1].shown(0, RANDOM) is None


def test_a_film_ends_with_the_result_in_the_colour_of_its_target(stored: StoredPictures) -> None:
    facets = stored.groups[0]
    for target, color in enumerate(COLORS[:2]):
        picture = facets.of_target(target)[0]
        film = facets.film(picture)
        assert film.shape == (len(KEPT), 3, SIDE, SIDE)
        np.testing.assert_array_equal(film[-1], facets.image(picture))
        np.testing.assert_array_equal(film[1], facets.image(picture, 1))
        shares = film[-1].mean(axis=(1, 2))
        np.testing.assert_allclose(shares / shares.max(), np.array(color) / max(color), atol=0.02)


def test_rows_of_the_best_images_lead_to_images_of_the_facet(
    study: Path, stored: StoredPictures
) -> None:
    facets = stored.groups[0]
    cache = ImageCache.open(study / "data/images.zarr", study / "data/manifest.csv")
    for target, name in enumerate(CLASSES):
        rows = facets.best_rows(target, 3)
        assert cache.manifest["class_name"].to_numpy()[rows].tolist() == [name] * 3
        strongest = facets.natural[:, target].argsort()[::-1][:3]
        assert rows.tolist() == (TRAIN + strongest).tolist()


def test_curves_are_of_the_pictures_that_are_asked_for(stored: StoredPictures) -> None:
    facets = stored.groups[0]
    every = facets.curve("activation")
    assert every.shape == (len(facets.pictures), len(ITERATIONS))
    np.testing.assert_array_equal(facets.curve("activation", [5, 1]), every[[5, 1]])


def test_facts_follow_the_order_of_pictures(study: Path, stored: StoredPictures) -> None:
    table = read_table(study / "featvis/tables/pictures.csv")
    for group in (shuffled(one)[0] for one in stored.groups):
        facts = group.facts(table.sample(frac=1, random_state=0), "net")
        pd.testing.assert_frame_equal(facts[OF_PICTURE], group.pictures, check_dtype=False)
        last = group.curve("activation")[:, -1]
        np.testing.assert_allclose(facts["activation"].astype(float), last, rtol=1e-5)
        grey = facts.loc[facts["grey"].astype(bool), OF_PICTURE].to_numpy().tolist()
        failed = group.kind == GREY[1]
        assert grey == [[GREY[2], "trained", GREY[3], 0]] * failed


def test_pictures_that_a_table_does_not_know_have_no_facts(
    study: Path, stored: StoredPictures
) -> None:
    table = read_table(study / "featvis/tables/pictures.csv")
    facts = stored.groups[0].facts(table[table["network"] == "twin"], "net")
    assert len(facts) == len(stored.groups[0].pictures)
    assert facts["percentile"].isna().all()


def test_a_store_without_tried_counts_has_no_silhouette(stored: StoredPictures) -> None:
    facets = stored.groups[0]
    without = PictureGroup("facets_0", facets.data.drop_dims("count"), facets.rows)
    assert without.silhouette == {}
