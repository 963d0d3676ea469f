"""Pictures of a small network from targets to tables, each number computed once more, slowly."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from opened import Images, opened
from scipy.stats import percentileofscore
from small_study import images as blocks
from torch import Tensor, nn

from actsense.augment import AUGMENTATIONS
from actsense.data.pool import ImagePool
from actsense.errors import ConfigError
from actsense.featvis.evaluate import Places, visualise_features
from actsense.featvis.images import natural_rows
from actsense.featvis.outcome.measures import high_frequency
from actsense.featvis.outcome.tables import TABLES, picture_tables
from actsense.featvis.outcome.transfer import layer_alike, transfers
from actsense.featvis.settings import Featvis
from actsense.featvis.stored import StoredPictures
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from actsense.store import read_results, write_results

LAYER, CHANNELS, IMAGES, SEEDS = "2", 6, 16, 2
SETTINGS: dict[str, Any] = {
    "images": IMAGES,
    "facets": {"count": 3, "members": 2, "channels": 2},
    "units": {"factor": "brightness", "top": 2, "controls": 1},
    "search": {"iterations": 3, "learning_rate": 0.5},
    "seeds": SEEDS,
    "kept": 2,
}
PLACES = Places(facets=[LAYER], units=[LAYER], channels=[LAYER])
Groups = dict[str, xr.Dataset]


def images() -> Images:
    return Images(blocks(40).read(np.arange(40)), "ant", "bee", "cat", "dog")


def subject(seed: int = 0) -> Subject:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = nn.Sequential(
            *(nn.Conv2d(3, CHANNELS, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(CHANNELS * 49, 4)),
        )
    fixed = module.eval().requires_grad_(False)
    network = Network("net", fixed, (0.5,) * 3, (0.25,) * 3, None, None)
    rows = np.arange(40)
    pool = ImagePool.shuffled(rows // 4 % 2, rows % 4, seed=0)
    return opened(network, images(), pool, batch_size=8)


def maps(seed: int, pictures: np.ndarray) -> Tensor:
    """Return what the layer says of pictures, without anything of this house."""
    inner: nn.Sequential = subject(seed).network.module[:3]
    return inner((torch.from_numpy(pictures).float() / 255 - 0.5) / 0.25).double()


def indices() -> xr.DataTree:
    shapley = np.zeros((1, CHANNELS, 7, 7), np.float32)
    shapley[0, 4, 2, 3], shapley[0, 1, 5, 6], shapley[0, 3] = 0.9, 0.8, 0.01
    shapley[0, 3, 1, 1] = -0.2
    dims = ("channel", "row", "col")
    flags = {name: (dims, np.zeros(shapley.shape[1:], bool)) for name in ("dead", "rare")}
    layer = xr.Dataset({"shapley": (("factor", *dims), shapley), **flags})
    root = xr.Dataset(coords={"factor": ["brightness"], "layer": [LAYER, "network"]})
    return xr.DataTree.from_dict({"/": root, f"/{LAYER}": layer})


def visualise(states: Path) -> Groups:
    return visualise_features(
        subject(),
        Featvis.model_validate(SETTINGS),
        PLACES,
        states=states,
        seed=0,
        random=lambda: subject(1),
        indices=indices(),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Groups, Path]:
    states = tmp_path_factory.mktemp("visualised") / "states"
    return visualise(states), states


@pytest.fixture(scope="module")
def groups(made: tuple[Groups, Path]) -> Groups:
    return made[0]


@pytest.fixture(scope="module")
def stored(groups: Groups, tmp_path_factory: pytest.TempPathFactory) -> StoredPictures:
    path = tmp_path_factory.mktemp("stored") / "pictures.zarr"
    write_results(path, groups, attributes={"network": "net"})
    return StoredPictures(read_results(path))


@pytest.fixture(scope="module")
def tables(stored: StoredPictures) -> dict[str, pd.DataFrame]:
    # The same network under another name: it shares everything but its name.
    found = transfers(
        {"net": stored},
        {"net": subject(), "other": subject()},
        {n: [LAYER] for n in ("net", "other")},
    )
    return picture_tables({"net": stored}, found, bootstrap=200, seed=0)


def natural(groups: Groups, seed: int = 0) -> Tensor:
    return maps(seed, images().read(groups[""]["row"].to_numpy()))


def standard(values: Tensor, among: Tensor) -> Tensor:
    return (values - among.mean(dim=0)) / among.std(dim=0, unbiased=False)


def of(data: xr.Dataset, weights: str = "trained") -> xr.Dataset:
    return data.isel(picture=np.flatnonzero(data["weights"] == weights))


def test_every_target_has_its_pictures(groups: Groups) -> None:
    assert set(groups) == {"", "facets_0", "units_0", "channels_0"}
    for name, targets in {"facets_0": 3, "units_0": 3, "channels_0": CHANNELS}.items():
        own = of(groups[name])
        pairs = [(int(t), int(s)) for t, s in zip(own["target"], own["seed"], strict=True)]
        assert pairs == [(t, s) for t in range(targets) for s in range(SEEDS)]
    assert of(groups["facets_0"], "random").sizes["picture"] == 3 * SEEDS
    assert set(np.asarray(groups["units_0"]["weights"])) == {"trained"}


def test_units_are_those_that_feel_the_factor(groups: Groups) -> None:
    units = groups["units_0"]
    places = [tuple(units[n].to_numpy()) for n in ("channel", "unit_row", "unit_col")]
    assert [*zip(*places, strict=True)] == [(4, 2, 3), (1, 5, 6), (3, 1, 1)]
    assert units["role"].to_numpy().tolist() == ["most", "most", "least"]
    assert units["name"].to_numpy()[0] == "channel 4 at 2, 3"
    assert units.attrs["factor"] == "brightness"


def test_the_drive_of_facets_is_what_the_network_says(groups: Groups) -> None:
    data = groups["facets_0"]
    among = natural(groups).mean(dim=(2, 3))
    direction = torch.from_numpy(data["direction"].to_numpy()).double()
    np.testing.assert_allclose(data["natural"], standard(among, among) @ direction.T, atol=1e-4)
    said = maps(0, data["image"][-1].to_numpy()).mean(dim=(2, 3))
    np.testing.assert_allclose(data["drive"], standard(said, among) @ direction.T, atol=1e-3)
    np.testing.assert_allclose(of(data)["own_drive"], of(data)["drive"])
    np.testing.assert_allclose(of(data)["response"], said[: 3 * SEEDS], atol=1e-5)


def test_random_weights_are_judged_by_themselves(groups: Groups) -> None:
    data = of(groups["facets_0"], "random")
    among = natural(groups, 1).mean(dim=(2, 3))
    said = maps(1, data["image"][-1].to_numpy()).mean(dim=(2, 3))
    members = torch.from_numpy(data["best"].to_numpy())
    weight = torch.from_numpy(data["member_weight"].to_numpy())
    response = (among[members] * weight[..., None]).sum(dim=1)
    chosen = standard(response, among).topk(2, dim=1).indices
    direction = torch.zeros(3, CHANNELS, dtype=torch.float64).scatter(1, chosen, 0.5)
    np.testing.assert_allclose(data["own_drive"], standard(said, among) @ direction.T, atol=1e-3)
    expected = standard(among, among) @ direction.T
    np.testing.assert_allclose(data["natural_random"], expected, atol=1e-4)


def test_likeness_to_the_target_is_that_of_its_response(groups: Groups) -> None:
    data = of(groups["facets_0"])
    among = natural(groups).mean(dim=(2, 3))
    said = torch.from_numpy(data["response"].to_numpy()).double()
    wanted = torch.from_numpy(data["target_response"].to_numpy()).double()[
        data["target"].to_numpy()
    ]
    plain = torch.cosine_similarity(said, wanted)
    difference = standard(said, among) - standard(wanted, among)
    centred = torch.cosine_similarity(standard(said, among), standard(wanted, among))
    np.testing.assert_allclose(data["end_cosine"], plain, atol=1e-5)
    np.testing.assert_allclose(data["end_cosine_centred"], centred, atol=1e-3)
    far = ((difference**2 + 1).sqrt() - 1).mean(dim=1)
    np.testing.assert_allclose(data["end_distance"], far, atol=1e-3)


def test_units_are_driven_at_their_place_and_lose_what_versions_take(groups: Groups) -> None:
    data = groups["units_0"]
    among, target = natural(groups), data["target"].to_numpy()
    channel, row, col = (data[n].to_numpy()[target] for n in ("channel", "unit_row", "unit_col"))
    pictures = data["image"][-1].to_numpy()
    mean, std = (
        f[channel, row, col] for f in (among.mean(dim=0), among.std(dim=0, unbiased=False))
    )
    numbers = np.arange(len(target))

    def drive(shown: np.ndarray) -> Tensor:
        return (maps(0, shown)[numbers, channel, row, col] - mean) / std

    np.testing.assert_allclose(
        data["drive"].to_numpy()[numbers, target], drive(pictures), atol=1e-3
    )
    for number, value in enumerate(data["value"].to_numpy()):
        values = torch.full((len(pictures), 1), float(value))
        shifted = AUGMENTATIONS["brightness"].apply(torch.from_numpy(pictures) / 255, values)
        found = data["shifted"].to_numpy()[:, number]
        np.testing.assert_allclose(found, drive((shifted * 255).numpy()), atol=1e-3)


def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_same_bits(
    made: tuple[Groups, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, states = made
    assert len([*states.iterdir()]) >= 4
    again = visualise(tmp_path / "elsewhere")
    steps = 0

    def counted(*_: Any) -> None:
        nonlocal steps
        steps += 1

    monkeypatch.setattr("actsense.featvis.search.course.Course.advance", counted)
    kept = visualise(states)  # all of it was finished
    assert steps == 0
    for name, data in groups.items():
        xr.testing.assert_identical(data, again[name])
        xr.testing.assert_identical(data, kept[name])


def test_pictures_are_ranked_among_natural_images(
    groups: Groups, tables: dict[str, pd.DataFrame]
) -> None:
    table = tables["pictures"]
    assert [*table.columns] == [*TABLES["pictures"]]
    own = table[(table["kind"] == "facets") & (table["weights"] == "trained")]
    data = of(groups["facets_0"])
    assert len(own) == data.sizes["picture"]
    pictures = data["image"][-1].to_numpy()
    usual = np.median(high_frequency(images().read(groups[""]["row"].to_numpy())))
    for (_, row), number in zip(own.iterrows(), range(len(own)), strict=True):
        target = int(row["target"])
        among = data["natural"].to_numpy()[:, target]
        drive = float(data["drive"][number, target])
        assert row["activation"] == pytest.approx(drive)
        assert row["percentile"] == pytest.approx(percentileofscore(among, drive, kind="mean"))
        assert row["ratio"] == pytest.approx(drive / among.max())
        fast = high_frequency(pictures[number : number + 1])[0] / usual
        assert row["high_frequency_ratio"] == pytest.approx(fast)
    logits = subject().network.module((torch.from_numpy(pictures).float() / 255 - 0.5) / 0.25)
    assert own["class_1"].tolist() == [subject().classes[k] for k in logits.argmax(dim=1)]
    best = logits.softmax(dim=1).max(dim=1).values
    np.testing.assert_allclose(own["probability_1"], best, rtol=1e-4)


def test_medians_are_over_the_pictures_that_are_shown(tables: dict[str, pd.DataFrame]) -> None:
    table, summary = tables["pictures"], tables["picture_summary"]
    shown = table[(table["seed"] == 0) & ~table["grey"].astype(bool)]
    for labels, own in shown.groupby(["kind", "role", "weights"]):
        found = summary[(summary[["kind", "role", "weights"]] == [*labels]).all(axis=1)]
        for measure in ("percentile", "ratio", "cosine", "specificity"):
            (row,) = found[found["measure"] == measure].to_dict("records") or [None]
            if row is None:
                assert own[measure].isna().all()
                continue
            values = own[measure].dropna()
            assert row["median"] == pytest.approx(values.median())
            assert values.min() <= row["low"] <= row["median"] <= row["high"] <= values.max()
            assert row["targets"] == len(values)


def test_another_network_sees_what_members_have_in_common(
    groups: Groups, tables: dict[str, pd.DataFrame]
) -> None:
    table = tables["picture_transfers"]
    own = table[(table["kind"] == "facets") & (table["other"] == "other")]
    data, among = of(groups["facets_0"]), natural(groups).mean(dim=(2, 3))
    said = standard(maps(0, data["image"][-1].to_numpy()).mean(dim=(2, 3)), among)
    members, weight = data["best"].to_numpy(), data["member_weight"].to_numpy()
    for number, target in enumerate(data["target"].to_numpy()):
        common = torch.from_numpy(weight[target]) @ standard(among, among)[members[target]]
        expected = percentileofscore(
            standard(among, among) @ common, said[number] @ common, "mean"
        )
        assert own["percentile"].iloc[number] == pytest.approx(expected)
    control = table[(table["other"] == "net")]
    assert set(control["weights"]) == {"random"}
    drive = of(groups["facets_0"], "random")["drive"].to_numpy()
    expected = percentileofscore(data["natural"].to_numpy()[:, 0], drive[0, 0], "mean")
    assert control["percentile"].iloc[0] == pytest.approx(expected)
    assert not (table["kind"] == "units").any()


def test_losses_are_those_of_all_units_together(
    groups: Groups, tables: dict[str, pd.DataFrame]
) -> None:
    data, losses = groups["units_0"], tables["picture_losses"].set_index("role")
    target = data["target"].to_numpy()
    drive = data["drive"].to_numpy()[np.arange(len(target)), target]
    shifted = data["shifted"].to_numpy().mean(axis=1)
    units = [
        [numbers[(target == k) & (drive > 0)].mean() for k in range(3)]
        for numbers in (shifted, drive)
    ]
    left, had = np.array(units)
    assert losses.loc["most", "lost"] == pytest.approx(
        1 - left[:2].sum() / had[:2].sum(), abs=1e-5
    )
    assert losses.loc["least", "lost"] == pytest.approx(1 - left[2] / had[2], abs=1e-5)
    difference = losses.loc["most", "lost"] - losses.loc["least", "lost"]
    assert losses.loc["difference", "lost"] == pytest.approx(difference)
    assert losses.loc["most", "low"] <= losses.loc["most", "lost"] <= losses.loc["most", "high"]


def test_likeness_is_the_mean_over_pairs(groups: Groups, tables: dict[str, pd.DataFrame]) -> None:
    table = tables["picture_likeness"]
    found = table[(table["kind"] == "channels")].set_index("between")
    own, data = groups["channels_0"]["standard"].to_numpy(), groups["channels_0"]
    target = data["target"].to_numpy()
    pairs = [
        np.dot(own[i], own[j]) / np.linalg.norm(own[i]) / np.linalg.norm(own[j])
        for i in range(len(own))
        for j in range(i + 1, len(own))
        if target[i] == target[j]
    ]
    assert found.loc["seeds", "pairs"] == len(pairs) == CHANNELS
    assert found.loc["seeds", "responses"] == pytest.approx(np.mean(pairs), abs=1e-4)
    assert found.loc["targets", "pairs"] == CHANNELS * (CHANNELS - 1) / 2


def test_layers_are_alike_by_depth() -> None:
    assert layer_alike("b", ["a", "b"], ["x", "y", "z"]) == "z"
    assert layer_alike("a", ["a", "b", "c", "d"], ["x", "y"]) == "x"
    assert layer_alike("c", ["a", "b", "c", "d"], ["x", "y"]) == "y"
    assert layer_alike("elsewhere", ["a"], ["x", "y"]) == "y"


def test_natural_images_are_taken_in_turn_or_by_row() -> None:
    own = subject()
    rows, classes = natural_rows(own, Featvis(images=8))
    assert sorted(classes) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert (rows % 4 == classes).all()
    rows, classes = natural_rows(own, Featvis(images=(3, 0, 38, 5)))
    assert rows.tolist() == [3, 0, 38, 5]
    assert classes.tolist() == [3, 0, 2, 1]
    rows, classes = natural_rows(own, Featvis(images=8, classes=("cat", "bee")))
    assert set(classes) == {1, 2}
    with pytest.raises(ConfigError, match=r"featvis.images: 99 is no row.*0 to 39"):
        natural_rows(own, Featvis(images=(1, 2, 3, 99)))
    with pytest.raises(ConfigError, match=r"featvis.classes: 'cap' is not known. Nearest: cat"):
        natural_rows(own, Featvis(classes=("cap",)))
    few = ImagePool((own.pool.rows[0], tuple(group[:1] for group in own.pool.rows[1][:3])))
    lacking = opened(own.network, images(), few)
    with pytest.raises(ConfigError, match="featvis: 3 natural images are left"):
        natural_rows(lacking, Featvis(images=4))
