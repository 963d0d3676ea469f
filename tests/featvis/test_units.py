"""Units that feel a factor most and least, from a store of indices with planted winners."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from analytic import moments_of
from numpy.typing import NDArray
from scipy.stats import norm

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.featvis.settings import Units
from actsense.featvis.targets.natural import Natural
from actsense.featvis.targets.units import ChosenUnit, channel_targets, choose_units, unit_targets
from actsense.layers import Layer, place_layers, read_layers, unit_dimensions
from actsense.sampling.designs import Design, Factor
from actsense.sensitivity.estimation import write_indices
from actsense.sensitivity.moments_file import write_moments
from actsense.store import read_indices

FACTORS = ["blur", "hue", "order"]
INDICES = ("S1", "ST", "shapley")
LAYERS = place_layers(
    [("conv", (6, 3, 4)), ("late", (4, 2, 2)), ("pooled", (5, 1, 1)), ("fc", (7,))]
)
Groups = dict[str, dict[str, tuple[Any, ...]]]
NUMBERS = stream(0, "indices in a test of units")


def layer_data(layer: Layer) -> dict[str, tuple[Any, ...]]:
    dims = unit_dimensions(layer.shape)
    shape = len(FACTORS), *layer.shape
    data = {
        name: (("factor", *dims), NUMBERS.random(shape).astype(np.float32)) for name in INDICES
    }
    return data | {flag: (dims, np.zeros(layer.shape, dtype=bool)) for flag in ("dead", "rare")}


def datasets(groups: Groups) -> dict[str, xr.Dataset]:
    """Return the groups of a store of indices."""
    root = xr.Dataset(coords={"factor": FACTORS, "layer": [*groups, "network"]})
    return {"": root} | {name: xr.Dataset(data) for name, data in groups.items()}


def store(groups: Groups) -> xr.DataTree:
    """Return a store of indices as it is opened."""
    named = {f"/{name}": data for name, data in datasets(groups).items()}
    return xr.DataTree.from_dict(named)


@pytest.fixture
def groups() -> Groups:
    return {layer.name: layer_data(layer) for layer in LAYERS}


def settings(**given: Any) -> Units:
    return Units(**({"factor": "hue", "top": 3, "controls": 2} | given))


def told(found: list[ChosenUnit], role: str) -> list[tuple[Any, ...]]:
    return [(own.layer, *own.unit) for own in found if own.role == role]


def by_hand(
    groups: Groups, layers: tuple[str, ...], role: str, by: str = "shapley"
) -> list[tuple[Any, ...]]:
    """Return the unit of every channel that is alive, in the order of its index."""
    sign = -1 if role == "most" else 1
    every = []
    for number, layer in enumerate(layers):
        data = groups[layer]
        values = data[by][1][FACTORS.index("hue")]
        left_out = data["dead"][1] | data["rare"][1] | ~np.isfinite(values)
        for place in np.ndindex(values.shape):
            if not left_out[place]:
                every.append((sign * values[place], number, place, layer))
    found, taken = [], set()
    for _, _, place, layer in sorted(every):
        if (layer, place[0]) not in taken:
            taken.add((layer, place[0]))
            found.append((layer, *(place if len(place) == 3 else (place[0], -1, -1))))
    return found


@pytest.mark.parametrize("by", INDICES)
def test_units_that_feel_the_factor_most_come_first(groups: Groups, by: str) -> None:
    tree = store(groups)
    found = choose_units(tree, LAYERS, settings(by=by, top=8))
    assert told(found, "most") == by_hand(groups, ("conv", "late"), "most", by)[:8]
    for own in found:
        values = groups[own.layer][by][1][1]
        assert own.index == values[own.unit]
        np.testing.assert_array_equal(own.map, values[own.channel])


def test_a_planted_unit_wins(groups: Groups) -> None:
    for index in INDICES:
        groups["late"][index][1][1, 2, 1, 0] = 5
        groups["conv"][index][1][0, 0, 0, 0] = 9  # feels another factor
    found = choose_units(store(groups), LAYERS, settings(top=1, controls=0))
    assert told(found, "most") == [("late", 2, 1, 0)]
    assert len(found) == 1


def test_controls_are_the_least_of_the_same_layers_in_turn(groups: Groups) -> None:
    values = groups["conv"]["shapley"][1][1]
    values[:3, 0, 0] = [3, 4, 5]
    groups["late"]["shapley"][1][1, 3, 1, 1] = 4.5
    found = choose_units(store(groups), LAYERS, settings(top=4, controls=4))
    most = [("conv", 2, 0, 0), ("late", 3, 1, 1), ("conv", 1, 0, 0), ("conv", 0, 0, 0)]
    least = by_hand(groups, ("conv", "late"), "least")
    left = [unit for unit in least if unit[:2] not in {unit[:2] for unit in most}]
    conv, late = ([unit for unit in left if unit[0] == layer] for layer in ("conv", "late"))
    assert told(found, "most") == most
    assert told(found, "least") == [conv[0], late[0], conv[1], conv[2]]
    assert all(own.role == "least" for own in found[4:])


def test_layers_of_which_no_unit_is_drawn_give_no_controls(groups: Groups) -> None:
    groups["late"]["shapley"][1][1] = 8
    groups["conv"]["shapley"][1][1, 0, 0, 0] = -1
    found = choose_units(store(groups), LAYERS, settings(top=2, controls=3))
    assert told(found, "most") == [("late", 0, 0, 0), ("late", 1, 0, 0)]
    assert told(found, "least") == [("late", 2, 0, 0), ("late", 3, 0, 0)]


def test_controls_that_one_layer_lacks_come_from_the_others(
    groups: Groups, caplog: pytest.LogCaptureFixture
) -> None:
    groups["late"]["shapley"][1][1, :3, 0, 0] = 8
    groups["conv"]["shapley"][1][1, 5, 2, 3] = 7
    found = choose_units(store(groups), LAYERS, settings(top=4, controls=5))
    layers = [unit[0] for unit in told(found, "least")]
    assert layers == ["late", "conv", "conv", "conv", "conv"]
    assert caplog.text == ""


def test_of_equal_units_the_first_is_taken(groups: Groups) -> None:
    for layer in ("conv", "late"):
        groups[layer]["shapley"][1][1] = 0.5
    found = choose_units(store(groups), LAYERS, settings())
    assert told(found, "most") == [("conv", channel, 0, 0) for channel in range(3)]
    assert told(found, "least") == [("conv", channel, 0, 0) for channel in (3, 4)]


@pytest.mark.parametrize("fault", ["dead", "rare", "undefined"])
def test_units_without_an_index_are_left_out(groups: Groups, fault: str) -> None:
    for layer, unit in (("conv", (0, 2, 2)), ("late", (3, 0, 1))):
        for index, value in zip(INDICES, (9, -9, 9), strict=True):
            groups[layer][index][1][1][unit] = np.nan if fault == "undefined" else value
        if fault != "undefined":
            groups[layer][fault][1][unit] = True
    tree = store(groups)
    for by in INDICES:
        found = choose_units(tree, LAYERS, settings(by=by, top=8, controls=2))
        assert told(found, "most") == by_hand(groups, ("conv", "late"), "most", by)[:8]
        (own,) = (own for own in found if (own.layer, own.channel) == ("late", 3))
        assert np.isnan(own.map).tolist() == [[False, True], [False, False]]


def test_a_channel_without_a_unit_is_passed_over(
    groups: Groups, caplog: pytest.LogCaptureFixture
) -> None:
    groups["late"]["dead"][1][1] = True
    found = choose_units(store(groups), LAYERS, settings(layers=["late"], top=9, controls=1))
    assert sorted(own.channel for own in found) == [0, 2, 3]
    messages = [record.message for record in caplog.records]
    assert [message.split(",")[0] for message in messages] == [
        "featvis.units.top: 3 instead of 9",
        "featvis.units.controls: 0 instead of 1",
    ]


@pytest.mark.parametrize(
    ("layer", "expected"), [("fc", (-1, -1)), ("pooled", (0, 0))], ids=["vector", "one place"]
)
def test_layers_without_positions_are_taken_by_name_alone(
    groups: Groups, layer: str, expected: tuple[int, int]
) -> None:
    groups[layer]["shapley"][1][1, 4] = 9
    tree = store(groups)
    assert {own.layer for own in choose_units(tree, LAYERS, settings(top=30))} == {"conv", "late"}
    found = choose_units(tree, LAYERS, settings(layers=[layer], top=2))
    assert found[0].unit == (4, *expected)
    assert found[0].map.tolist() == [[9]]
    assert len(found) == 4


def test_indices_as_the_pipeline_estimates_them_are_read(tmp_path: Path) -> None:
    """A unit that is the sum of two factors has their squared weights as indices."""
    described = [{"name": "conv", "shape": [3, 2, 2]}, {"name": "fc", "shape": [2]}]
    weights = np.ones((3, 14))
    weights[1] = np.linspace(0.1, 0.9, 14)[NUMBERS.permutation(14)]
    weights[1, [5, 8]] = 6, 0.01  # of conv: channel 1 at 0, 1, and channel 2 at 0, 0
    weights[:, 0] = 0  # dead
    design = Design("linear", tuple(Factor(name, 1) for name in FACTORS), 64, 4, seed=2)

    def linear(u: NDArray[np.float64]) -> NDArray[np.float64]:
        return norm.ppf(u) @ weights

    paths = []
    for replicate, moments in enumerate(moments_of(linear, design, dtype=torch.float64)):
        paths.append(tmp_path / f"replicate_{replicate}.zarr.zip")
        write_moments(paths[-1], [(moments.tiled, {"layers": described, "seed": 2})])
    write_indices(paths, tmp_path / "indices.zarr", {})
    tree = read_indices(tmp_path / "indices.zarr")
    for by in INDICES:
        found = choose_units(tree, read_layers(described), settings(by=by, top=1, controls=2))
        assert told(found, "most") == [("conv", 1, 0, 1)]
        assert told(found, "least")[0] == ("conv", 2, 0, 0)
        assert found[0].index == pytest.approx(36 / 38, abs=0.05)
        (first,) = (own for own in found if own.channel == 0)
        assert np.isnan(first.map).tolist() == [[True, False], [False, False]]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"factor": "hues"},
            r"featvis\.units\.factor: 'hues' is not known\. Nearest: hue\. "
            r"Allowed: blur, hue, order\.",
        ),
        (
            {"layers": ["conv", "cnov"]},
            r"featvis\.units\.layers: 'cnov' is not known\. Nearest: conv\. Allowed: conv, fc,",
        ),
        ({"layers": ["absent"]}, "'absent' is not known"),
        ({"layers": ["silent"]}, r"no unit of silent has a shapley of hue that can be relied on"),
        ({"layers": ["grown"]}, r"of layer 'grown' are of units \(2, 2, 2\), and the layer has"),
    ],
)
def test_what_has_no_units_is_refused(groups: Groups, given: dict[str, Any], message: str) -> None:
    small = place_layers([("silent", (2, 2, 2)), ("grown", (2, 2, 2))])
    groups |= {layer.name: layer_data(layer) for layer in small}
    groups["silent"]["dead"][1][0] = True
    groups["silent"]["rare"][1][1] = True
    network = [*LAYERS, small[0], Layer("grown", (2, 4, 1), 200), Layer("absent", (2, 2, 2), 300)]
    with pytest.raises(ConfigError, match=message) as refused:
        choose_units(store(groups), network, settings(**given))
    assert "\n" not in str(refused.value)


def test_a_network_without_positions_needs_names(groups: Groups) -> None:
    tree = store(groups)
    with pytest.raises(ConfigError, match=r"no layer with indices has positions.*: pooled, fc\."):
        choose_units(tree, LAYERS[2:], settings())
    with pytest.raises(ConfigError, match=r"allowed: none\."):
        choose_units(tree, [], settings())


# Targets.

CONV = LAYERS[0]
UNITS = [(4, 2, 3), (0, 0, 0), (4, 1, 1)]


def natural(layer: Layer = CONV, units: Any = UNITS) -> Natural:
    around = NUMBERS.normal(2, 3, (20, len(units), layer.shape[0])).astype(np.float32)
    whole = NUMBERS.normal(5, 1, (20, layer.shape[0])).astype(np.float32)
    return Natural(layer, whole, tuple(units), around)


def chosen(units: Any = UNITS, layer: str = "conv") -> list[ChosenUnit]:
    return [ChosenUnit(layer, *unit, 0.5, "most", np.zeros((1, 1), np.float32)) for unit in units]


def test_a_unit_is_driven_alone_at_its_place_in_its_own_spreads() -> None:
    own = natural()
    targets = unit_targets(chosen(), own)
    maps = torch.from_numpy(NUMBERS.normal(size=(3, *CONV.shape)).astype(np.float32))
    activation = targets.activation(targets.read(maps))
    for k, unit in enumerate(UNITS):
        seen = own.single[:, k].astype(float)
        expected = (float(maps[k][unit]) - seen.mean()) / seen.std()
        assert activation[k].item() == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(targets.mean[k], own.around[:, k].mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(targets.std[k], own.around[:, k].std(axis=0), rtol=1e-5)
    assert targets.direction.sum(dim=1).tolist() == [1, 1, 1]
    assert targets.response.isnan().all()
    assert (targets.layer, targets.sorted) == ("conv", None)


def test_a_unit_of_a_vector_has_no_place() -> None:
    units = [(6, -1, -1), (2, -1, -1)]
    targets = unit_targets(chosen(units, "fc"), natural(LAYERS[3], units))
    vector = torch.from_numpy(NUMBERS.normal(size=(2, 7)).astype(np.float32))
    assert torch.equal(targets.read(vector), vector)
    assert targets.place.tolist() == [[-1, -1]] * 2
    assert [row.nonzero().item() for row in targets.direction] == [6, 2]


def test_responses_of_other_units_are_refused() -> None:
    with pytest.raises(ValueError, match="not of the units that are drawn"):
        unit_targets(chosen(UNITS[::-1]), natural())


def test_units_that_never_respond_are_named(caplog: pytest.LogCaptureFixture) -> None:
    own = natural()
    own.around[:, 1, 0] = 3
    targets = unit_targets(chosen(), own)
    assert (targets.std > 0).all()
    (record,) = caplog.records
    assert "featvis.units: 1 of 3 units of layer 'conv' answer" in record.message
    assert "alike (0 at 0, 0), and" in record.message
    own.around[:, :, [0, 4]] = 3
    with pytest.raises(ConfigError, match=r"featvis\.units: none of the 3 units of layer 'conv'"):
        unit_targets(chosen(), own)
    caplog.clear()
    with pytest.raises(ConfigError, match="none of the 1 units"):
        unit_targets(chosen([(3, -1, -1)], "fc"), Natural(LAYERS[3], *silent_vector()))


def silent_vector() -> tuple[Any, ...]:
    return np.ones((5, 7), np.float32), ((3, -1, -1),), np.ones((5, 1, 7), np.float32)


def test_every_channel_is_driven_in_the_mean_over_places(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = natural()
    targets = channel_targets("conv", own)
    assert torch.equal(targets.direction, torch.eye(6))
    assert targets.place.tolist() == [[-1, -1]] * 6
    assert targets.response.isnan().all()
    for channel in range(6):
        np.testing.assert_allclose(targets.mean[channel], own.whole.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(targets.std[channel], own.whole.std(axis=0), rtol=1e-5)
    assert caplog.text == ""


def test_channels_that_never_respond_are_named_and_all_are_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    layer = Layer("wide", (9, 2, 2), 0)
    own = natural(layer, [])
    own.whole[:, 2:] = 1
    assert (channel_targets("wide", own).std > 0).all()
    (record,) = caplog.records
    assert "featvis.channels: 7 of 9 channels of layer 'wide' answer" in record.message
    assert "alike (2; 3; 4; 5; 6; ...), and" in record.message
    own.whole[:] = 1
    with pytest.raises(ConfigError, match=r"featvis\.channels: none of the 9 channels of layer"):
        channel_targets("wide", own)
