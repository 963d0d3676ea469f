"""The strongest images of every unit, against sorting all of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from actsense.device import memory as memory_module
from actsense.device.memory import Memory
from actsense.networks.layers import RESERVED
from actsense.sampling.opening import Sampling
from actsense.sensitivity import cuts
from actsense.sensitivity import strongest as strongest_module
from actsense.sensitivity.contrast import estimate_contrast
from actsense.sensitivity.cuts import cut_contrast
from actsense.sensitivity.strongest import NONE, Strongest
from actsense.sensitivity.top_images import TopImages
from actsense.store import Gathered, read_results, write_results
from tests.made.closed_responses import AUGMENTATIONS, DRIVING, UNITS, build

CPU = torch.device("cpu")
IMAGES, DRAWS, RANKS = 40, 3, 4


def by_sorting(y: np.ndarray, ranks: int) -> tuple[np.ndarray, np.ndarray]:
    """Sort the strongest draw of every image; equal ones by number. y: (images, draws, units)."""
    images, draws, units = y.shape
    kept, numbers = np.full((ranks, units), -np.inf), np.full((ranks, units), NONE)
    for u in range(units):
        best = [min((-y[i, d, u], i * draws + d) for d in range(draws)) for i in range(images)]
        for rank, (negative, number) in enumerate(sorted(best)[:ranks]):
            kept[rank, u], numbers[rank, u] = -negative, number
    return kept, numbers


def added(y: np.ndarray, parts: list[np.ndarray], path: str, ranks: int) -> Strongest:
    strongest = Strongest(ranks, y.shape[2])
    for rows in parts:
        getattr(strongest, path)(torch.from_numpy(y[rows]), (rows * y.shape[1]).astype(np.int32))
    return strongest


@pytest.mark.parametrize("path", ["add", "_add_on_device"])
@settings(deadline=None)  # the first call compiles
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 3), st.integers(1, 4)),
    ranks=st.integers(1, 5),
    levels=st.integers(1, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_is_kept_is_what_sorting_finds_whatever_the_order_and_the_batches(
    path: str, shape: tuple[int, int, int], ranks: int, levels: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    # Few levels make many ties; zeros of both signs are equal.
    y = (generator.integers(-levels, levels, size=shape) / 7).astype(np.float32)
    y *= generator.choice(np.float32([1, -1]), size=shape)
    order = generator.permutation(shape[0])
    cuts = np.unique(generator.integers(1, shape[0] + 1, size=2))
    parts = [part for part in np.split(order, cuts) if len(part)]
    found = added(y, parts, path, ranks)

    kept, numbers = by_sorting(y, ranks)
    np.testing.assert_array_equal(found.responses.numpy(), kept)
    np.testing.assert_array_equal(found.numbers.numpy(), numbers)
    np.testing.assert_array_equal(found.lowest.numpy(), y.max(axis=1).min(axis=0))


@pytest.mark.parametrize("path", ["add", "_add_on_device"])
def test_many_units_are_all_looked_at(path: str) -> None:
    generator = np.random.default_rng(1)
    y = generator.normal(size=(9, 2, 2 * strongest_module.UNITS_PER_TILE + 17)).astype(np.float32)
    found = added(y, [np.arange(5), np.arange(5, 9)], path, 3)
    strongest = -np.sort(-y.max(axis=1), axis=0)[:3]
    np.testing.assert_array_equal(found.responses.numpy(), strongest)


@pytest.mark.parametrize("path", ["add", "_add_on_device"])
def test_numbers_that_are_none_rank_below_all_others(path: str) -> None:
    y = np.float32([np.nan, -3, np.inf, np.nan, 2]).reshape(5, 1, 1)
    found = added(y, [np.arange(5)], path, 3)
    assert found.responses[:, 0].tolist() == [np.inf, 2, -3]
    assert found.numbers[:, 0].tolist() == [2, 4, 1]


def test_tiles_that_do_not_fit_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.random.default_rng(2).normal(size=(20, 2, 100)).astype(np.float32)
    expected = added(y, [np.arange(20)], "add", 3)
    genuine = strongest_module._keys

    def limited(responses: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        if responses.shape[-1] > 30:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return genuine(responses, numbers)

    monkeypatch.setattr(strongest_module, "_keys", limited)
    found = added(y, [np.arange(20)], "_add_on_device", 3)
    for one, other in zip(
        (found.responses, found.numbers, found.lowest),
        (expected.responses, expected.numbers, expected.lowest),
        strict=True,
    ):
        assert torch.equal(one, other)
    assert found._memory.size == 25


def test_without_room_on_the_device_all_is_kept_on_the_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def empty(shape: tuple[int, ...], dtype: torch.dtype, device: Any = None) -> torch.Tensor:
        if device is not None and device.type == "meta":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return torch.empty(shape, dtype=dtype)

    known = {name: getattr(torch, name) for name in ("OutOfMemoryError", "cuda", "device")}
    monkeypatch.setattr(memory_module, "torch", SimpleNamespace(empty=empty, **known))
    assert Memory(torch.device("meta"), 1, "units").empty(2).device == CPU
    strongest = Strongest(2, 3, "meta")
    strongest.add(torch.arange(12.0).view(4, 1, 3), np.arange(4, dtype=np.int32))
    assert strongest.numbers[:, 0].tolist() == [3, 2]


def found_by(sampling: Sampling, *, top: int = RANKS, images: int = IMAGES) -> Any:
    contrasts, groups = Gathered(), Gathered()
    watch = TopImages(sampling, groups, images=images, draws=DRAWS, top_images=top)
    estimate_contrast(sampling, contrasts, images=images, draws=DRAWS, top=watch)
    return contrasts, groups


def flat(groups: dict[str, xr.Dataset], name: str) -> np.ndarray:
    """Join the layers again, (conditions, ranks, units)."""
    head = groups["head"][name].to_numpy()
    body = groups["body"][name].to_numpy()
    return np.concatenate([body.reshape(*body.shape[:2], -1), head], axis=-1)


def test_a_contrast_keeps_the_strongest_draw_of_the_strongest_images() -> None:
    sampling = build()
    _, groups = found_by(sampling)
    image, draw, response = (flat(groups, name) for name in ("image", "draw", "response"))
    assert groups[""]["condition"].to_numpy().tolist() == ["original", *AUGMENTATIONS]
    assert groups["body"]["image"].dims == ("condition", "rank", "channel", "row", "col")
    asked = sampling.evaluate.asked  # type: ignore[attr-defined]
    for which in range(-1, len(AUGMENTATIONS)):
        rows = sorted(row for condition, row in asked if condition == which)
        y = np.stack([np.stack(asked[which, row]) for row in rows])
        assert y.shape == (IMAGES, DRAWS if which in (0, 2) else 1, UNITS)
        kept, numbers = by_sorting(y, RANKS)
        there = kept > y.max(axis=1).min(axis=0)
        places = np.where(there, numbers, 0) // y.shape[1]
        np.testing.assert_array_equal(
            image[which + 1], np.where(there, np.array(rows)[places], -1)
        )
        np.testing.assert_array_equal(draw[which + 1], np.where(there, numbers % y.shape[1], -1))
        np.testing.assert_array_equal(response[which + 1], np.where(there, kept, np.nan))
    assert draw.max() == DRAWS - 1


def test_units_have_no_more_top_images_than_images_that_drive_them() -> None:
    sampling = build()
    _, groups = found_by(sampling, images=80)
    image = flat(groups, "image")[0]
    assert image[:, 2].tolist() == [*DRIVING, -1, -1]
    assert (image[:, 3] == -1).all()
    assert np.isnan(flat(groups, "response")[:, :, 3]).all()
    assert (image[:, :2] >= 0).all()


def test_with_fewer_images_than_ranks_the_rest_is_empty() -> None:
    _, groups = found_by(build(), images=3)
    image = flat(groups, "image")[0, :, 0]
    assert len(set(image[:2])) == 2
    assert image[2:].tolist() == [-1, -1]  # the weakest image of all, and none


def test_equal_responses_are_listed_by_their_rows() -> None:
    sampling = build()
    _, groups = found_by(sampling)
    image = flat(groups, "image")
    constant = sampling.evaluate.asked  # type: ignore[attr-defined]
    assert len({answer[0][4] for (which, _), answer in constant.items() if which == 1}) == 1
    assert (image[2, :, 4] == -1).all()  # mirrored images: no parameter, so all alike


def test_no_statistic_of_the_contrast_moves_by_a_bit() -> None:
    with_images, _ = found_by(build())
    without = Gathered()
    estimate_contrast(build(), without, images=IMAGES, draws=DRAWS)
    for layer, data in without.items():
        assert data.identical(with_images[layer])
    assert any(data["mean_difference"].notnull().any() for data in without.values())


@pytest.mark.parametrize("batch_size", [1, 4, 400])
def test_the_batch_decides_nothing(batch_size: int) -> None:
    assert_same(found_by(build(21)), found_by(build(batch_size)))


def test_what_does_not_fit_together_is_compared_piece_by_piece() -> None:
    """Augmentations one by one, then units, too: no bit moves."""
    together, layers = found_by(build()), build().layers
    numbers = {"images": IMAGES, "top_images": RANKS, "batch": 21}
    one = cut_contrast(layers, len(AUGMENTATIONS), **numbers, room=7000)
    assert (len(one.tiles), len(one.groups)) == (1, len(AUGMENTATIONS))
    for room in (one.holds, 1):
        sampling = build(room=room)
        assert_same(together, found_by(sampling))
        cut = cut_contrast(layers, len(AUGMENTATIONS), **numbers, room=room)
        asked = sampling.evaluate.asked  # type: ignore[attr-defined]
        assert len(asked[-1, 0]) == len(cut.tiles) * len(cut.groups)
    assert len(cut.tiles) == UNITS


def test_vectors_that_are_too_many_are_coded_as_maps_are(monkeypatch: pytest.MonkeyPatch) -> None:
    contrasts, _ = found_by(build())
    monkeypatch.setattr(cuts, "EXACT_BYTES", 4 * 3 * IMAGES - 1)
    coded, _ = found_by(build())
    assert coded["body"].identical(contrasts["body"])
    for name in ("rank_biserial", "p_value"):
        np.testing.assert_allclose(coded["head"][name], contrasts["head"][name], rtol=0, atol=0.02)


def test_more_images_keep_the_draws_of_the_first_ones() -> None:
    _, few = found_by(build(), images=10)
    _, many = found_by(build(), images=IMAGES)
    places = np.searchsorted(many[""]["rows"], few[""]["rows"])
    np.testing.assert_array_equal(few[""]["parameters"], many[""]["parameters"][places])
    assert len(np.unique(few[""]["parameters"][:, :, 0])) == 10 * DRAWS


def assert_same(one: Any, other: Any) -> None:
    for mine, theirs in zip(one, other, strict=True):
        for layer, data in mine.items():
            assert data.identical(theirs[layer])


def test_parameters_are_kept_of_every_draw() -> None:
    sampling = build()
    _, groups = found_by(sampling)
    root, seen = groups[""], sampling.evaluate.values  # type: ignore[attr-defined]
    assert root["parameters"].attrs["columns"] == [
        "brightness.factor",
        "rolling.rows",
        "rolling.columns",
    ]
    for place, row in enumerate(root["rows"].to_numpy()):
        for which, columns in ((0, slice(0, 1)), (2, slice(1, 3))):
            used = np.stack(seen[which, row])[:, columns]
            np.testing.assert_array_equal(root["parameters"][place, :, columns], used)


@pytest.mark.parametrize("ranks", [0, RANKS])
def test_a_store_holds_what_was_found(tmp_path: Path, ranks: int) -> None:
    _, groups = found_by(build(), top=ranks)
    write_results(tmp_path / "top_images.zarr", groups, attributes={"commit": "none"})
    tree = read_results(tmp_path / "top_images.zarr")
    assert tree.attrs == {"stretch": 0, "commit": "none"}
    assert set(tree.variables) <= RESERVED  # no layer can have the name of one
    for layer in ("body", "head"):
        data = tree[layer].to_dataset()
        assert data.sizes["rank"] == ranks
        assert {name: str(data[name].dtype) for name in data.data_vars} == {
            "image": "int32",
            "draw": "int16",
            "response": "float32",
        }
        named = data.sel(condition="rolling")["image"].to_numpy()
        np.testing.assert_array_equal(named, groups[layer]["image"].to_numpy()[3])
