"""Networks that return probabilities are measured as those that return their logits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from spatial_study import convolutions, subject
from torch import nn
from torch.nn import functional

from actsense.networks.network import Network, load_network
from actsense.networks.returned import look_at_outputs
from actsense.networks.settings import Python
from actsense.networks.state import save_state
from actsense.networks.subject import Subject

LAST: dict[str, nn.Module] = {
    "softmax": nn.Softmax(dim=1),
    "log_softmax": nn.LogSoftmax(dim=1),
    "sigmoid": nn.Sigmoid(),
    "relu": nn.ReLU(),
    "none": nn.Identity(),
}
RETURNS = {"softmax": "probabilities", "sigmoid": "sigmoids"}


def ending(last: str) -> nn.Module:
    """Return the network of the spatial study with something behind it."""
    return nn.Sequential(convolutions(), LAST[last])


def probable() -> tuple[Subject, Subject]:
    """Return a subject whose network returns probabilities, and the same that returns logits."""
    own = subject(ending("softmax"))
    return replace(own, network=replace(own.network, returns="probabilities")), subject()


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_outputs_tell_what_they_are(last: str, dtype: torch.dtype) -> None:
    z = (torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.5).to(dtype)
    found = look_at_outputs("net", ending(last).eval().to(dtype), z)
    assert found == RETURNS.get(last, "logits")


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_no_logits_are_taken_for_something_else(seed: int, outputs: int) -> None:
    module = convolutions(outputs, seed=seed).eval()
    module[-1].weight.data /= 1000  # near the bias, all positive here
    module[-1].bias.data.fill_(1 / outputs)
    assert look_at_outputs("net", module, torch.rand(2, 3, 16, 16)) == "logits"


def test_outputs_that_are_all_zero_are_logits_of_nothing_learned() -> None:
    module = convolutions(3, seed=0).eval()
    nn.init.zeros_(module[-1].weight)
    nn.init.zeros_(module[-1].bias)
    assert look_at_outputs("net", module, torch.rand(2, 3, 16, 16)) == "logits"


def loaded(folder: Path, last: str) -> Network:
    save_state(ending(last), folder / "weights.pt")
    described = Python(factory="test_returned:ending", arguments={"last": last})
    return load_network("net", described, folder / "weights.pt", classes=4, image_size=16)


def test_a_loaded_network_knows_what_it_returns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    for last in LAST:
        caplog.clear()
        assert loaded(tmp_path, last).returns == RETURNS.get(last, "logits")
        assert ("its outputs lie in [0, 1]" in caplog.text) == (last == "sigmoid")


def test_probabilities_are_recorded_once_and_logits_are_their_logarithms() -> None:
    own, plain = probable()
    images = own.read(np.arange(6))
    recorded = own.tap(["logits", "probabilities"])(images)
    logits = plain.logits(images)
    torch.testing.assert_close(recorded["probabilities"], logits.softmax(dim=1))
    torch.testing.assert_close(recorded["logits"], logits.log_softmax(dim=1), atol=1e-4, rtol=1e-4)
    assert own.predictions(np.arange(6)).tolist() == plain.predictions(np.arange(6)).tolist()


def test_sigmoids_are_recorded_as_they_are() -> None:
    own = subject(ending("sigmoid"))
    own = replace(own, network=replace(own.network, returns="sigmoids"))
    images = own.read(np.arange(6))
    recorded = own.tap(["logits", "probabilities"])(images)
    expected = own.network.module(own.normalise(images))
    for name in ("logits", "probabilities"):
        torch.testing.assert_close(recorded[name], expected)


def test_the_gradient_of_the_cross_entropy_is_that_of_logits() -> None:
    own, plain = probable()
    images = own.read(np.arange(6))
    target = (plain.logits(images).argmax(dim=1) + 1) % 4
    found, expected = (
        each.gradient(
            images,
            lambda shown, each=each: functional.cross_entropy(each(shown), target),
        )
        for each in (own, plain)
    )
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_probabilities_that_vanish_have_finite_logits() -> None:
    own, _ = probable()
    sure = own.as_logits(torch.tensor([[1.0, 0.0, 0.0, 0.0]]))
    assert sure.isfinite().all()
    torch.testing.assert_close(own.as_probabilities(sure)[0], torch.tensor([1.0, 0, 0, 0]))
