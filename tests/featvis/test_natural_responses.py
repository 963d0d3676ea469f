"""Responses of layers to natural images, against the module run by hand; and their barycentres."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from opened import Images, opened
from scipy.stats import wasserstein_distance
from torch import Tensor, nn

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.featvis.targets.natural import Natural, record_natural, sorted_responses
from actsense.networks.network import Network
from actsense.networks.subject import Subject

SIDE, COUNT = 12, 11
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
PIXELS = stream(0, "images in a test of natural responses").integers(
    0, 256, (COUNT, 3, SIDE, SIDE), dtype=np.uint8
)
ROWS = np.array([7, 0, 10, 3, 3, 5])


class Folded(nn.Module):
    """Gives a map two axes, of which neither is known to be the channel."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return (batch, 5, 32)."""
        return maps[:, :, :8].flatten(1)[:, :160].view(len(maps), 5, 32)


def module() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            *(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 7, 3, stride=2)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(7, 4)),
        ).eval()


def subject(own: nn.Module | None = None, *, batch_size: int = 4) -> Subject:
    network = Network("net", own or module(), MEAN, STD, None, None)
    return opened(network, Images(PIXELS, "one"), batch_size=batch_size)


def by_hand(layer: str, rows: NDArray[np.int64] = ROWS) -> NDArray[np.float64]:
    """Return what a layer says of images, one at a time, in float64."""
    parts = module().double()[: int(layer) + 1]
    mean, std = (torch.tensor(part, dtype=torch.float64).view(3, 1, 1) for part in (MEAN, STD))
    images = [(torch.from_numpy(PIXELS[row]).double() / 255 - mean) / std for row in rows]
    with torch.no_grad():
        return np.stack([parts(image[None])[0].numpy() for image in images])


def recorded(*layers: str, batch_size: int = 4, **units: Any) -> dict[str, Natural]:
    return record_natural(subject(batch_size=batch_size), layers, ROWS, units.get("units"))


@pytest.mark.parametrize("batch_size", [1, 4, 32])
def test_channels_are_means_over_places(batch_size: int) -> None:
    found = recorded("2", "1", batch_size=batch_size)
    assert list(found) == ["2", "1"]
    for layer, natural in found.items():
        expected = by_hand(layer).mean(axis=(2, 3))
        np.testing.assert_allclose(natural.whole, expected, rtol=1e-5, atol=1e-6)
        assert natural.whole.dtype == np.float32
        assert natural.layer.name == layer
        assert natural.single.shape == (len(ROWS), 0)


def test_units_are_read_at_their_places_with_all_channels_beside_them() -> None:
    units = {"2": [(6, 0, 3), (0, 3, 1), (6, 2, 2)]}
    natural = recorded("1", "2", units=units)["2"]
    maps = by_hand("2")
    for number, (channel, row, col) in enumerate(units["2"]):
        expected = maps[:, :, row, col]
        np.testing.assert_allclose(natural.around[:, number], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(
            natural.single[:, number], natural.around[:, number, channel]
        )
    assert natural.units == tuple(units["2"])


def test_a_vector_has_no_places() -> None:
    natural = recorded("5", units={"5": [(3, -1, -1), (0, -1, -1)]})["5"]
    np.testing.assert_allclose(natural.whole, by_hand("5"), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(natural.single, natural.whole[:, [3, 0]])


def test_a_map_of_one_place_is_read_like_any_map() -> None:
    natural = recorded("3", units={"3": [(2, 0, 0)]})["3"]
    assert natural.layer.shape == (7, 1, 1)
    np.testing.assert_array_equal(natural.single[:, 0], natural.whole[:, 2])


def counting(own: nn.Module) -> tuple[nn.Module, list[int]]:
    """Return the module, and the sizes of the batches that will pass through it."""
    sizes: list[int] = []
    own.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    return own, sizes


def test_all_layers_are_recorded_in_one_pass() -> None:
    own, shown = counting(module())
    opened_subject, layers = subject(own), ["1", "2", "5"]
    opened_subject.tap(layers)
    laid_out = len(shown)
    record_natural(opened_subject, layers, ROWS, {"2": [(0, 0, 0)]})
    assert shown[2 * laid_out :] == [4, 2]


def failing(sizes: int) -> tuple[Subject, list[int]]:
    """Return a subject that has no memory for more than so many images, and what it was shown."""
    own, shown = counting(module())

    def run_out(_module: nn.Module, _given: Any, output: Tensor) -> None:
        if len(output) > sizes:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    own.register_forward_hook(run_out)
    return subject(own), shown


def test_what_ran_out_of_memory_is_recorded_once() -> None:
    small, shown = failing(2)
    found = record_natural(small, ["2"], ROWS, {"2": [(1, 1, 1)]})["2"]
    whole = recorded("2", units={"2": [(1, 1, 1)]})["2"]
    assert max(shown) > 2
    np.testing.assert_allclose(found.whole, whole.whole, rtol=1e-6)
    np.testing.assert_allclose(found.around, whole.around, rtol=1e-6)


# Distributions.

MEMBERS = np.array([[4, 8, 0], [0, 9, 2]])
WEIGHTS = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])


def test_sorted_responses_are_weighted_means_of_sorted_maps() -> None:
    found = sorted_responses(subject(), "1", MEMBERS, WEIGHTS)
    assert found.shape == (2, 5, 100)
    assert found.dtype == torch.float32
    for k in range(2):
        maps = by_hand("1", MEMBERS[k])
        for channel in range(5):
            expected = sum(
                weight * np.sort(own[channel].ravel())
                for weight, own in zip(WEIGHTS[k], maps, strict=True)
            )
            np.testing.assert_allclose(found[k, channel], expected, rtol=1e-5, atol=1e-6)
    assert (found.diff(dim=2) >= 0).all()


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_the_mean_of_two_lies_between_them_on_a_line(share: float) -> None:
    """On the straight way between two distributions, distances are shares of its length."""
    pair = np.array([[4, 8]])
    found = sorted_responses(subject(), "2", pair, np.array([[1 - share, share]]))[0]
    first, second = by_hand("2", pair[0])
    for channel in range(7):
        own, one, other = found[channel].numpy(), first[channel].ravel(), second[channel].ravel()
        length = wasserstein_distance(one, other)
        assert wasserstein_distance(own, one) == pytest.approx(share * length, rel=1e-4)
        assert wasserstein_distance(own, other) == pytest.approx((1 - share) * length, rel=1e-4)


def test_no_other_distribution_is_nearer_to_the_members() -> None:
    """The barycentre has the least weighted mean of squared 2-Wasserstein distances."""
    found = sorted_responses(subject(), "1", MEMBERS, WEIGHTS)[0, 0].double().numpy()
    members = [np.sort(own[0].ravel()) for own in by_hand("1", MEMBERS[0])]

    def cost(values: NDArray[np.float64]) -> float:
        apart = [((np.sort(values) - own) ** 2).mean() for own in members]
        return float(WEIGHTS[0] @ np.array(apart))

    draw = stream(0, "other distributions in a test")
    for size in (1e-3, 1e-1):
        for _ in range(20):
            assert cost(found + size * draw.normal(size=found.shape)) > cost(found)


def test_a_vector_has_one_place() -> None:
    found = sorted_responses(subject(), "5", MEMBERS, WEIGHTS)
    expected = [weight @ by_hand("5", rows) for rows, weight in zip(MEMBERS, WEIGHTS, strict=True)]
    assert found.shape == (2, 4, 1)
    np.testing.assert_allclose(found[:, :, 0], expected, rtol=1e-4, atol=1e-5)


def test_the_mean_of_sorted_responses_is_that_of_the_channel() -> None:
    found = sorted_responses(subject(), "2", MEMBERS, WEIGHTS).mean(dim=2)
    natural = record_natural(subject(), ["2"], MEMBERS.ravel())["2"].whole.reshape(2, 3, 7)
    expected = np.einsum("km,kmc->kc", WEIGHTS, natural)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_members_pass_once_however_often_they_count() -> None:
    own, shown = counting(module())
    opened_subject = subject(own)
    opened_subject.tap(["1"])
    laid_out = len(shown)
    rows, weight = np.array([[4, 4, 0], [0, 4, 0]]), np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    found = sorted_responses(opened_subject, "1", rows, weight)
    assert shown[2 * laid_out :] == [2]
    once = sorted_responses(
        opened_subject, "1", np.array([[4, 0]] * 2), np.array([[0.8, 0.2], [0.1, 0.9]])
    )
    torch.testing.assert_close(found, once)


def test_members_that_ran_out_of_memory_count_once() -> None:
    small, shown = failing(2)
    found = sorted_responses(small, "1", MEMBERS, WEIGHTS)
    assert max(shown) > 2
    torch.testing.assert_close(found, sorted_responses(subject(), "1", MEMBERS, WEIGHTS))


# What is refused.


@pytest.mark.parametrize(
    ("layer", "unit"),
    [
        *(("2", unit) for unit in ((7, 0, 0), (-1, 0, 0), (0, 4, 0), (0, 0, 4), (0, -1, -1))),
        *(("5", unit) for unit in ((4, -1, -1), (0, 0, 0), (-1, -1, -1))),
    ],
)
def test_no_such_unit_is_refused(layer: str, unit: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="has no unit"):
        recorded(layer, units={layer: [unit]})


def folded() -> Subject:
    return subject(nn.Sequential(nn.Conv2d(3, 4, 3), Folded(), nn.Flatten(), nn.Linear(160, 3)))


@pytest.mark.parametrize(
    "work",
    [
        lambda own: record_natural(own, ["1"], ROWS),
        lambda own: sorted_responses(own, "1", MEMBERS, WEIGHTS),
    ],
)
def test_a_layer_without_channels_is_refused(work: Callable[[Subject], Any]) -> None:
    with pytest.raises(ConfigError, match=r"layer '1' has the axes \(5, 32\)"):
        work(folded())


@pytest.mark.parametrize("finite", [0, 1, 3])
def test_responses_that_are_not_finite_are_refused(finite: int) -> None:
    own = module()

    def spoil(_module: nn.Module, _given: Any, output: Tensor) -> Tensor:
        return output / (torch.arange(len(output)) < finite).view(-1, 1, 1, 1)

    own[2].register_forward_hook(spoil)
    with pytest.raises(ConfigError, match=r"networks\.net: layer '2' answers with numbers"):
        record_natural(subject(own), ["2"], ROWS)


def test_progress_is_told_in_images(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "actsense.progress"):
        recorded("1")
        sorted_responses(subject(), "1", MEMBERS, WEIGHTS)
    lines = [record.message for record in caplog.records]
    assert [line.split(" in ")[0] for line in lines] == [
        "natural images: 6 images",
        "members: 5 images",
    ]
