"""Training: a stop leaves no trace, and what is learned is what images show."""

import logging
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.invariance.autoencoder import training
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.settings import Adversary, AutoencoderSettings
from actsense.invariance.autoencoder.training import train_autoencoder
from actsense.networks import fitting

ADVERSARY = Adversary(start=0.5, width=1)
TINY = AutoencoderSettings(latent=2, width=1, epochs=2, batch_size=4, adversary=ADVERSARY)
ROWS = np.arange(3, 14)  # batches of 4, 4 and 3 images
STEPS = 2 * 3


def halves(rows: NDArray[np.int64]) -> Tensor:
    """Return images of two colours, left and right, that follow from the row."""
    draw = torch.rand(500, 6, generator=torch.Generator().manual_seed(0))[torch.from_numpy(rows)]
    left, right = draw[:, :3, None, None], draw[:, 3:, None, None]
    return torch.where(torch.arange(32) < 16, left, right).expand(-1, 3, 32, 32)


def features(images: Tensor) -> list[Tensor]:
    return [functional.avg_pool2d(images, 4), images.mean(dim=(2, 3))]


def trained(state: Path, read: Callable[..., Tensor] = halves, **changes: Any) -> Autoencoder:
    given: dict[str, Any] = {"settings": TINY, "seed": 5, "rows": ROWS, "features": features}
    given |= {"origin": None} | changes
    rows, seen, settings = given.pop("rows"), given.pop("features"), given.pop("settings")
    device = torch.device("cpu")
    return train_autoencoder(read, rows, seen, settings, device=device, state=state, **given)


def bits(autoencoder: Autoencoder) -> Mapping[str, bytes]:
    return {k: v.numpy().tobytes() for k, v in autoencoder.state_dict().items()}


def stopped(state: Path, steps: int, **changes: Any) -> None:
    """Train until something ends the process after some steps."""
    reads = 0

    def read(rows: NDArray[np.int64]) -> Tensor:
        nonlocal reads
        reads += 1  # the first tells how much features vary
        if reads == steps + 2:
            raise KeyboardInterrupt
        return halves(rows)

    with pytest.raises(KeyboardInterrupt):
        trained(state, read, **changes)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state after every step."""
    monkeypatch.setattr(fitting, "KEPT_EVERY", 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    return bits(trained(tmp_path_factory.mktemp("whole") / "state"))


@pytest.mark.parametrize("steps", range(1, STEPS))
def test_a_stop_after_any_step_does_not_show(
    kept: None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    whole: Mapping[str, bytes],
    steps: int,
) -> None:
    stopped(tmp_path / "state", steps)
    torch.manual_seed(77)  # as in another process
    with caplog.at_level(logging.INFO):
        resumed = trained(tmp_path / "state")
    assert f"Going on after step {steps}" in caplog.text
    assert bits(resumed) == whole


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 6},
        {"settings": TINY.replaced(noise=0.2)},
        {"settings": TINY.replaced(learning_rate=0.003)},
        {"rows": ROWS + 1},
        {"features": None},
        {"origin": {"images": "another digest"}},
        {"precision": "bfloat16"},
    ],
)
def test_what_another_training_kept_is_not_gone_on_from(
    kept: None, tmp_path: Path, caplog: pytest.LogCaptureFixture, other: dict[str, Any]
) -> None:
    stopped(tmp_path / "state", 3)
    stopped(tmp_path / "state", 0, **other)
    assert "kept by another training, ignored" in caplog.text


def test_a_damaged_state_is_not_gone_on_from(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, whole: Mapping[str, bytes]
) -> None:
    (tmp_path / "state").write_bytes(b"PK\x03\x04 half of it")
    assert bits(trained(tmp_path / "state")) == whole
    assert "Begins anew" in caplog.text


def test_every_epoch_shows_every_image_once_in_an_order_of_its_own() -> None:
    batches = training._ImageBatches(halves, ROWS, 4, seed=5)
    epochs = [[batches._order(epoch)[step].tolist() for step in range(3)] for epoch in (0, 1, 0)]
    assert [[len(rows) for rows in epoch] for epoch in epochs] == [[4, 4, 3]] * 3
    for epoch in epochs:
        assert sorted(chain(*epoch)) == ROWS.tolist()
    assert epochs[0] == epochs[2] != epochs[1]


@pytest.mark.parametrize("count", range(2, 40))
def test_no_batch_is_a_single_image(count: int) -> None:
    """Of one image there are no moments."""
    order = training._ImageBatches(halves, np.arange(count), 4, seed=5)._order(0)
    assert min(map(len, order)) >= 2
    assert max(map(len, order)) <= 4


def test_images_come_back_and_latents_are_standard(tmp_path: Path) -> None:
    settings = AutoencoderSettings(latent=8, width=4, epochs=7, batch_size=16, learning_rate=0.01)
    autoencoder = trained(
        tmp_path / "state", settings=settings, rows=np.arange(400), features=None
    )
    seen, other = halves(np.arange(400)), halves(np.arange(400, 500))
    assert not autoencoder.training
    assert not any(p.requires_grad for p in autoencoder.parameters())
    mean, log_variance = autoencoder.encode(seen)
    assert mean.std(dim=0).sub(1).abs().max() < 0.15
    assert mean.mean(dim=0).abs().max() < 0.15
    assert (log_variance / 2).exp().min() > 0.0999
    with torch.inference_mode():
        error = (autoencoder(other) - other).square().mean()
        noisy = autoencoder.encode(other)[0] + 0.1 * torch.randn(100, 8)
        error_with_noise = (autoencoder.decode(noisy) - other).square().mean()
    assert error < 0.5 * other.var(dim=0).mean()
    assert error_with_noise < 0.55 * other.var(dim=0).mean()


def test_there_are_images_to_train_on(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two images at least; got 1"):
        trained(tmp_path / "state", rows=ROWS[:1])


def test_a_size_that_cannot_be_built_is_told_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="30 pixels"):
        trained(tmp_path / "state", lambda rows: halves(rows)[:, :, :30, :30])


@pytest.mark.parametrize(("most", "expected"), [(512, ROWS), (6, ROWS[:6])])
def test_features_are_measured_on_all_images_or_as_many_as_are_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, expected: NDArray[np.int64]
) -> None:
    monkeypatch.setattr("actsense.invariance.autoencoder.training.MEASURED", most)
    seen = []

    def read(rows: NDArray[np.int64]) -> Tensor:
        seen.append(rows)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return halves(rows)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "state", read)
    np.testing.assert_array_equal(seen[0], expected)
