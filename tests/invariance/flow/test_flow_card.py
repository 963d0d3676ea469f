"""What is told of a flow, and what a file of it holds."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from flows import SMALL, normal, shaken
from scipy.stats import kstest, norm
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.flow.card import describe_flow, describe_noise
from actsense.invariance.flow.course import FlowHistory
from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.flow import Flow
from actsense.invariance.flow.likelihood import bits_per_dimension, evaluate
from actsense.invariance.flow.opening import open_flow, save_flow
from actsense.networks.state import save_tensors

CPU = torch.device("cpu")


def quantiles(count: int) -> Tensor:
    """Return numbers as normal as so many can be."""
    return torch.from_numpy(norm.ppf((np.arange(count) + 0.5) / count))


def two(first: Tensor, second: Tensor) -> Tensor:
    order = torch.randperm(len(second), generator=torch.Generator().manual_seed(0))
    return torch.stack([first, second[order]], dim=1).float()


def test_normal_noise_looks_normal() -> None:
    found = describe_noise(two(quantiles(2000), quantiles(2000)))
    assert found["mean_square"] == pytest.approx(1, abs=0.01)
    assert found["std_lowest"] == pytest.approx(1, abs=0.01)
    assert found["ks"] < 0.001
    assert found["ks_p"] == 1
    assert found["correlation"] < 0.1


def test_the_worst_number_is_told() -> None:
    """One is too wide by a tenth; the test is SciPy's, twice as strict for two numbers."""
    v = two(quantiles(2000), 1.1 * quantiles(2000))
    found = describe_noise(v)
    expected = kstest(v[:, 1].double().numpy(), "norm")
    assert found["ks"] == pytest.approx(expected.statistic)
    assert found["ks_p"] == pytest.approx(2 * expected.pvalue)
    assert found["std_highest"] == pytest.approx(1.1, abs=0.01)
    assert found["std_lowest"] == pytest.approx(1, abs=0.01)
    assert found["mean_square"] == pytest.approx((1 + 1.21) / 2, abs=0.01)


def test_correlated_numbers_are_told() -> None:
    v = normal(5000, 3)
    v[:, 2] = 0.8 * v[:, 0] + 0.6 * v[:, 2]
    assert describe_noise(v)["correlation"] == pytest.approx(0.8, abs=0.02)


def test_nats_become_bits_per_number() -> None:
    """A uniform number of 8 values costs 3 bits."""
    assert bits_per_dimension(5 * np.log(8), 5) == pytest.approx(3)


def images(seed: int, count: int = 40) -> FlowData:
    draws = np.random.default_rng(seed)
    mean, z = draws.normal(size=(count, 6)), draws.normal(size=(count, 7))
    parts = (mean, np.full_like(mean, -4), z)
    return FlowData(*(part.astype(np.float32) for part in parts))


@pytest.fixture
def flow() -> Flow:
    return shaken(6, (7,), SMALL, size=0.1).float()


def test_likelihoods_are_those_of_posterior_samples_in_parts(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = images(0)
    whole = evaluate(flow, data, seed=3)
    monkeypatch.setattr("actsense.invariance.flow.data.PIECE_BYTES", 9 * 28)
    parts = evaluate(flow, data, seed=3)
    torch.testing.assert_close(parts.log_prob, whole.log_prob, rtol=1e-5, atol=1e-5)
    assert whole.log_prob.dtype == torch.float64
    latents = flow.inverse(whole.v, torch.from_numpy(np.asarray(data.conditions)))
    noise = (latents.detach() - torch.from_numpy(data.mean)) / np.exp(-2)
    assert abs(noise.std().item() - 1) < 0.15
    torch.testing.assert_close(
        flow.log_prob(latents, torch.from_numpy(np.asarray(data.conditions))).double(),
        whole.log_prob,
        rtol=1e-4,
        atol=1e-4,
    )
    assert not torch.equal(evaluate(flow, data, seed=4).v, whole.v)


def test_a_card_tells_likelihoods_noise_and_errors(flow: Flow) -> None:
    train, validation = images(0), images(1)
    history = FlowHistory([10, 20, 30], [3.0, 2, 1], [3.0, 2, 4], 20)
    card = describe_flow(flow, history, train, validation, seed=2)
    assert json.loads(json.dumps(card)) == card
    nats = [-evaluate(flow, data, seed=2).log_prob.mean().item() for data in (train, validation)]
    assert card["nats"] == {"train": nats[0], "validation": nats[1]}
    assert card["gap_nats"] == pytest.approx(nats[1] - nats[0])
    assert card["bits_per_dimension"]["train"] == pytest.approx(nats[0] / 6 / np.log(2))
    assert card["noise"]["train"] == describe_noise(evaluate(flow, train, seed=2).v)
    assert (card["steps"], card["best_step"]) == (30, 20)
    assert (card["latent"], card["condition_shape"]) == (6, [7])
    assert 0 < card["inverse_error"] < 1e-5
    assert abs(card["shuffled_nats"] - nats[1]) > 1e-3
    assert card["parameters"] == sum(weight.numel() for weight in flow.parameters())


def test_every_image_gets_the_representation_of_another(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[FlowData] = []

    def note(flow: Flow, data: FlowData, *, seed: int) -> object:
        given.append(data)
        return evaluate(flow, data, seed=seed)

    monkeypatch.setattr("actsense.invariance.flow.card.evaluate", note)
    validation = images(1)
    describe_flow(flow, FlowHistory([1], [0.0], [0.0], 1), images(0), validation, seed=0)
    own = np.asarray(validation.conditions)
    strange = given[-1].read(slice(None))
    assert strange is not None
    assert {*map(bytes, strange.numpy())} == {*map(bytes, own)}
    assert not (strange.numpy() == own).all(axis=1).any()


def test_a_flow_without_condition_has_no_shuffled_likelihood() -> None:
    bare = FlowData(images(0).mean, images(0).log_variance, None)
    flow = shaken(6, None, SMALL).float()
    card = describe_flow(flow, FlowHistory([1], [0.0], [0.0], 1), bare, bare, seed=0)
    assert card["shuffled_nats"] is None
    assert card["condition_shape"] is None


@pytest.mark.parametrize("shape", [(7,), (3, 6, 5), None])
def test_a_flow_comes_back_from_its_file(tmp_path: Path, shape: tuple[int, ...] | None) -> None:
    flow = shaken(6, shape, SMALL.replaced(networks="separate"), seed=3).float()
    save_flow(flow, tmp_path / "flow.pt")
    opened = open_flow(tmp_path / "flow.pt", device=CPU)
    x, z = normal(5, 6).float(), None if shape is None else normal(5, *shape).float()
    for own, other in zip(flow(x, z), opened(x, z), strict=True):
        torch.testing.assert_close(other, own, rtol=0, atol=0)
    assert opened.settings == flow.settings
    assert opened.condition_shape == shape
    assert not opened.training


def test_what_holds_no_flow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no flow there"):
        open_flow(tmp_path / "none.pt", device=CPU)
    (tmp_path / "text.pt").write_text("nothing")
    save_tensors({"model": {}, "flow": {"settings": {"blocks": -1}}}, tmp_path / "wrong.pt")
    save_tensors({"weight": torch.zeros(1)}, tmp_path / "other.pt")
    for name in ("text", "wrong", "other"):
        with pytest.raises(ConfigError, match=f"{name}.pt: not a flow, or damaged"):
            open_flow(tmp_path / f"{name}.pt", device=CPU)
    save_flow(shaken(6, None), tmp_path / "flow.pt")
    held = torch.load(tmp_path / "flow.pt", weights_only=True)
    del held["model"]["blocks.0.norm.shift"]
    save_tensors(held, tmp_path / "less.pt")
    with pytest.raises(ConfigError, match=r"missing: blocks\.0\.norm\.shift"):
        open_flow(tmp_path / "less.pt", device=CPU)
