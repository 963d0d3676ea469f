"""The loop: what it computes in, and that a stop in it leaves no trace."""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from actsense.networks import fitting
from actsense.networks.checkpoint import Learner, load_checkpoint, save_checkpoint
from actsense.networks.fitting import Batch, FitSettings, fit
from actsense.networks.state import read_state
from actsense.store import CorruptFileError

EPOCHS = 3
SETTINGS = FitSettings(epochs=EPOCHS, seed=4, origin={"width": 6})


@dataclass(frozen=True)
class Points:
    """Points of a plane; which class they are of is a matter of their first coordinate."""

    steps: int = 4
    examples: int = 30
    unit: str = "point"

    def read(self, epoch: int, step: int) -> Batch:
        """Return eight points, (8, 2), and their classes, (8,)."""
        points = torch.randn(8, 2, generator=torch.Generator().manual_seed(100 * epoch + step))
        return points, (points[:, 0] > 0).long()


def learner(seed: int = 0) -> Learner:
    """Return a network that draws random numbers, and an optimiser that has a memory."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Dropout(), nn.Linear(6, 2))
    optimiser = torch.optim.AdamW(module.parameters(), 0.1)
    return Learner(module, optimiser, OneCycleLR(optimiser, 0.1, total_steps=EPOCHS * 4))


def loss_of(module: nn.Module) -> Callable[[Batch], Tensor]:
    return lambda batch: functional.cross_entropy(module(batch[0]), batch[1])


def run(path: Path, *, settings: FitSettings = SETTINGS, until: int | None = None) -> Learner:
    trained = learner()
    fit(trained, loss_of(trained.module), Points(), settings, until=until, position=path)
    return trained


def stopped(path: Path, steps: int, *, settings: FitSettings = SETTINGS) -> None:
    """Train until something ends the process after some steps."""
    trained = learner()

    def loss(batch: Batch) -> Tensor:
        if trained.step == steps:
            raise KeyboardInterrupt
        return loss_of(trained.module)(batch)

    with pytest.raises(KeyboardInterrupt):
        fit(trained, loss, Points(), settings, position=path)


def assert_same(first: Learner, second: Learner) -> None:
    assert repr(plain(first.state())) == repr(plain(second.state()))


def plain(value: object) -> object:
    """Return the bits of every tensor in place of it."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return value.numpy().tobytes() if isinstance(value, Tensor) else value


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state after every step."""
    monkeypatch.setattr(fitting, "KEPT_EVERY", 0)


@pytest.mark.parametrize("steps", range(1, EPOCHS * 4))
def test_a_stop_after_any_step_does_not_show(
    kept: None, tmp_path: Path, caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    stopped(tmp_path / "position", steps)
    with caplog.at_level(logging.INFO):
        resumed = run(tmp_path / "position")
    assert f"Going on after step {steps}" in caplog.text
    assert_same(resumed, run(tmp_path / "other"))


def test_training_in_parts_is_training_in_one(tmp_path: Path) -> None:
    trained = learner()
    for epoch in (0, 1, EPOCHS):
        path = tmp_path / f"{epoch}.pt"
        fit(trained, loss_of(trained.module), Points(), SETTINGS, until=epoch, position=path)
        assert trained.step == 4 * epoch
        save_checkpoint(path, trained, {})
        trained = learner(seed=epoch)  # as in another process
        assert load_checkpoint(path, trained, {})
    assert_same(trained, run(tmp_path / "position"))


@pytest.mark.parametrize(
    "other",
    [
        replace(SETTINGS, seed=5),
        replace(SETTINGS, precision="bfloat16"),
        replace(SETTINGS, origin={"width": 7}),
    ],
)
def test_what_another_training_kept_is_ignored(
    kept: None, tmp_path: Path, caplog: pytest.LogCaptureFixture, other: FitSettings
) -> None:
    stopped(tmp_path / "position", 5, settings=other)
    assert_same(run(tmp_path / "position"), run(tmp_path / "other"))
    assert "position: kept by another training, ignored" in caplog.text


def flipped(content: bytes) -> bytes:
    """Flip a bit of a weight."""
    broken = bytearray(content)
    weights = torch.load(io.BytesIO(content))["model"]["0.weight"]
    broken[content.index(weights.numpy().tobytes()) + 5] ^= 1
    return bytes(broken)


@pytest.mark.parametrize("damage", [flipped, lambda content: content[:-100], lambda _: b""])
def test_a_damaged_file_is_told_and_ignored(
    kept: None, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "position"
    stopped(path, 5)
    path.write_bytes(damage(path.read_bytes()))
    assert_same(run(path), run(tmp_path / "other"))
    assert "position: damaged" in caplog.text


def test_little_work_is_not_kept(tmp_path: Path) -> None:
    run(tmp_path / "position")
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_training_changes_nothing(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.pt", run(tmp_path / "position"), {"seed": 1})
    fresh = learner()
    assert not load_checkpoint(tmp_path / "c.pt", fresh, {"seed": 2})
    assert_same(fresh, learner())


def test_a_checkpoint_holds_the_weights_where_they_are_looked_for(tmp_path: Path) -> None:
    trained = run(tmp_path / "position")
    save_checkpoint(tmp_path / "c.pt", trained, {})
    torch.testing.assert_close(
        read_state(tmp_path / "c.pt"), dict(trained.module.state_dict()), rtol=0, atol=0
    )


def test_weights_alone_are_no_checkpoint(tmp_path: Path) -> None:
    torch.save(learner().module.state_dict(), tmp_path / "w.pt")
    with pytest.raises(CorruptFileError, match=r"w\.pt: damaged .* made anew"):
        load_checkpoint(tmp_path / "w.pt", learner(), {})


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_every_step_is_computed_in_the_precision_and_repeats(
    tmp_path: Path, precision: str
) -> None:
    trained, seen = learner(), set()

    def loss(batch: Batch) -> Tensor:
        outputs = trained.module(batch[0])
        outputs.register_hook(lambda gradient: seen.add((surroundings(), gradient.dtype)))
        seen.add((surroundings(), outputs.dtype))
        return functional.cross_entropy(outputs, batch[1])

    before = surroundings()
    settings = replace(SETTINGS, precision=precision)
    fit(trained, loss, Points(), settings, position=tmp_path / "position")
    narrow = precision == "bfloat16"
    multiplied = "tf32" if precision == "tf32" else "ieee"
    dtype = torch.bfloat16 if narrow else torch.float32
    assert seen == {((narrow, multiplied, multiplied, False, True, True), dtype)}
    assert surroundings() == before
    assert {value.dtype for value in trained.module.parameters()} == {torch.float32}


def surroundings() -> tuple[object, ...]:
    """Return what decides how PyTorch computes."""
    backends = torch.backends
    return (
        torch.is_autocast_enabled("cpu"),
        backends.cuda.matmul.fp32_precision,
        backends.cudnn.conv.fp32_precision,
        backends.cudnn.benchmark,
        backends.cudnn.deterministic,
        torch.are_deterministic_algorithms_enabled(),
    )


def test_narrow_weights_follow_every_step(tmp_path: Path) -> None:
    trained, outputs = learner(), []

    def loss(batch: Batch) -> Tensor:
        outputs.append(trained.module[3](torch.ones(1, 6)).detach())
        return loss_of(trained.module)(batch)

    settings = replace(SETTINGS, precision="bfloat16")
    fit(trained, loss, Points(), settings, position=tmp_path / "position")
    assert len({tuple(values.flatten().tolist()) for values in outputs}) > EPOCHS * 2


def test_random_numbers_of_the_caller_are_as_before(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    run(tmp_path / "position")
    assert torch.equal(torch.get_rng_state(), state)
