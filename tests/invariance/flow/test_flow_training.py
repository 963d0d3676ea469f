"""Training: a loop by hand, stops that leave no trace, a likelihood that is known."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import pytest
import torch
from flows import SMALL, LinearWorld, normal
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.flow import course
from actsense.invariance.flow.course import FlowHistory, fit_flow
from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.likelihood import evaluate
from actsense.invariance.flow.settings import Embedder, FlowSettings, FlowTraining
from actsense.invariance.flow.training import train_flow
from actsense.progress import Progress

CPU = torch.device("cpu")
QUICK = FlowTraining(steps=14, batch_size=16, check_every=4)
FLOW = SMALL.replaced(blocks=2, width=8, embedder=Embedder(size=4, depth=3, noise=0.1).plain())


def images(count: int = 60, seed: int = 0, shape: tuple[int, ...] = (3,)) -> FlowData:
    draws = np.random.default_rng(seed)
    mean = draws.normal(size=(count, 4)).astype(np.float32)
    return FlowData(mean, mean - 3, draws.normal(size=(count, *shape)).astype(np.float32))


def bits(flow: Flow) -> bytes:
    return b"".join(value.numpy().tobytes() for value in flow.state_dict().values())


@pytest.mark.parametrize("clip", [None, 0.01])
@pytest.mark.parametrize("average", [0.0, 0.6])
def test_steps_are_those_of_a_loop_by_hand(clip: float | None, average: float) -> None:
    settings = FlowTraining(
        **{"steps": 6, "check_every": 6, "clip": clip, "average": average},  # type: ignore[arg-type]
        **{"final_rate": 0.1, "weight_decay": 0.2, "betas": (0.8, 0.9), "learning_rate": 0.01},
    )
    flow, by_hand = (build_flow(SMALL, 4, (3,)).double() for _ in range(2))
    data = [(normal(20, 4, seed=k), normal(20, 3, seed=50 + k)) for k in range(6)]

    fit_flow(flow, lambda k: -flow.log_prob(*data[k]).mean(), lambda _: 0.0, settings, seed=0)

    weights = [*by_hand.parameters()]
    averaged = [weight.detach().clone() for weight in weights]
    groups = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": 0.2},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    adam = torch.optim.AdamW(groups, 0.01, betas=(0.8, 0.9), fused=False)
    for k in range(6):
        rate = 0.01 * (0.1 + 0.9 * (1 + cos(pi * k / 5)) / 2)
        for group in adam.param_groups:
            group["lr"] = rate
        gradients = torch.autograd.grad(-by_hand.log_prob(*data[k]).mean(), weights)
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient * (min(1.0, clip / (norm + 1e-6)) if clip else 1)
        adam.step()
        memory = min(average, (k + 1) / (11 + k))
        for own, weight in zip(averaged, weights, strict=True):
            own.mul_(memory).add_(weight.detach(), alpha=1 - memory)
    for own, expected in zip(flow.parameters(), averaged, strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-6, atol=1e-9)


def scripted(values: list[float], patience: int | None) -> tuple[FlowHistory, list[bytes], Flow]:
    """Train while a list says what is seen of validation images; return what was looked at."""
    flow, seen = build_flow(FLOW, 4, None), []
    x = normal(20, 4).float()

    def validate(averaged: Flow) -> float:
        seen.append(bits(averaged))
        return values[len(seen) - 1]

    settings = FlowTraining(steps=2 * len(values), check_every=2, patience=patience)
    history = fit_flow(flow, lambda _: -flow.log_prob(x, None).mean(), validate, settings, seed=0)
    return history, seen, flow


def test_training_ends_early_and_keeps_the_best_weights() -> None:
    history, seen, flow = scripted([5.0, 3, 4, 3, 3.5, 1, 0], patience=3)
    assert history.validation == [5, 3, 4, 3, 3.5]
    assert history.steps == [2, 4, 6, 8, 10]
    assert history.best == 4
    assert bits(flow) == seen[1]
    assert len({*seen}) == 5
    assert not flow.training


def test_without_patience_training_goes_to_its_end() -> None:
    history, seen, flow = scripted([5.0, 3, 4, 3, 3.5, 1, 2], patience=None)
    assert history.steps[-1] == 14
    assert bits(flow) == seen[5]


@dataclass
class Stopping(Progress):
    """Ends the process after some steps."""

    def __init__(self, after: int) -> None:
        super().__init__(14, desc="training", unit="step")
        self._after = after

    def update(self, count: int = 1) -> None:
        """Count, and stop."""
        super().update(count)
        if self.done == self._after:
            raise KeyboardInterrupt


def run(
    state: Path | None, *, bar: Progress | None = None, judged: int = 1, **changes: object
) -> bytes:
    """Train on maps, read in windows, with noise on them; return weights and history."""
    options = {"seed": 0, "held_bytes": 32 * 27 * 4, "state": state, "bar": bar} | changes
    settings = FLOW.replaced(training=QUICK.plain())
    maps = images(shape=(3, 3, 3)), images(30, judged, (3, 3, 3))
    flow, history = train_flow(*maps, settings, device=CPU, **options)  # type: ignore[arg-type]
    return bits(flow) + repr(history).encode()


def stopped(state: Path, steps: int, **changes: object) -> None:
    """Train until something ends the process after some steps, each of which was kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "KEPT_EVERY", 0)
        with pytest.raises(KeyboardInterrupt):
            run(state, bar=Stopping(steps), **changes)


LOOKED = 6  # steps, with a look at validation images among them


@pytest.fixture(scope="module")
def unstopped() -> bytes:
    torch.set_num_threads(1)
    return run(None)


@pytest.mark.parametrize("steps", [2, 4, 5, 9, 13])
def test_a_stop_after_any_step_does_not_show(
    unstopped: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    stopped(tmp_path / "state", steps)
    bar = Progress(14, desc="training", unit="step")
    with caplog.at_level(logging.INFO):
        resumed = run(tmp_path / "state", bar=bar)
    assert f"Going on after step {steps - 1}" in caplog.text
    assert resumed == unstopped
    assert bar.done == 14


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"held_bytes": 2**20}, {"origin": {"layer": "conv3"}}, {"judged": 2}]
)
def test_what_another_training_kept_is_ignored(
    unstopped: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, object]
) -> None:
    stopped(tmp_path / "state", LOOKED, **changes)
    assert run(tmp_path / "state") == unstopped
    assert "state: kept by another training, ignored" in caplog.text


@pytest.mark.parametrize("damage", [lambda content: content[:-100], lambda _: b""])
def test_a_damaged_state_is_told_and_ignored(
    unstopped: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:  # fmt: skip
    path = tmp_path / "state"
    stopped(path, LOOKED)
    path.write_bytes(damage(path.read_bytes()))
    assert run(path) == unstopped
    assert "state: damaged" in caplog.text


def test_little_work_is_not_kept(tmp_path: Path) -> None:
    run(tmp_path / "state")
    assert not [*tmp_path.iterdir()]


def test_posteriors_are_sampled_anew_in_every_step() -> None:
    """With one image twice, wide posteriors: its likelihood would else run away."""
    mean = np.zeros((2, 2), np.float32)
    data = FlowData(mean, mean, None)  # standard normal latents
    training = FlowTraining(steps=150, batch_size=2, learning_rate=0.01, check_every=150)
    flow, history = train_flow(
        *(data, images_of_noise(), FLOW.replaced(training=training.plain())), seed=0, device=CPU
    )
    assert abs(history.train[-1] - 2.84) < 0.5  # the entropy of two standard normal numbers
    assert flow.latent == 2


def images_of_noise() -> FlowData:
    mean = np.zeros((50, 2), np.float32)
    return FlowData(mean, mean, None)


def test_channels_are_standardised_by_all_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in parts whose means differ."""
    monkeypatch.setattr("actsense.invariance.flow.data.PIECE_BYTES", 40 * 120)
    given = images(300, shape=(3, 2, 5))
    conditions = np.sort(np.asarray(given.conditions), axis=0) * 0.01 + np.array(
        [1e3, -5, 0]
    ).reshape(3, 1, 1)
    moved = FlowData(given.mean, given.log_variance, conditions.astype(np.float32))
    settings = FLOW.replaced(training=QUICK.replaced(steps=1).plain())
    flow, _ = train_flow(moved, moved, settings, seed=0, device=CPU)
    assert flow.embedding is not None
    exact = moved.conditions.astype(np.float64)  # type: ignore[union-attr]
    np.testing.assert_allclose(flow.embedding.mean, exact.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(flow.embedding.std, exact.std(axis=(0, 2, 3)), rtol=1e-3)


@dataclass(frozen=True)
class Trained:
    """A flow of the linear world, one without condition, and images that neither has seen."""

    world: LinearWorld
    flow: Flow
    bare: Flow
    history: FlowHistory
    fresh: FlowData
    z: Tensor


@pytest.fixture(scope="module")
def trained() -> Trained:
    """A flow of the linear world, and one that is told no condition."""
    torch.set_num_threads(1)
    world = LinearWorld(6, 3)
    settings = FlowSettings(
        **{"blocks": 3, "width": 32, "embedder": Embedder(size=6, depth=2)},  # type: ignore[arg-type]
        training=FlowTraining(steps=150, batch_size=128, learning_rate=8e-3, check_every=30),
    )
    train, validation = FlowData(*world.draw(6000, 1)), FlowData(*world.draw(1000, 2))
    flow, history = train_flow(train, validation, settings, seed=0, device=CPU)
    blind = [FlowData(data.mean, data.log_variance, None) for data in (train, validation)]
    bare, _ = train_flow(*blind, settings, seed=0, device=CPU)
    fresh = FlowData(*world.draw(4000, 3))
    z = torch.from_numpy(np.asarray(fresh.conditions))
    return Trained(world, flow, bare, history, fresh, z)


def test_likelihood_is_that_of_the_conditional_distribution(trained: Trained) -> None:
    found = -evaluate(trained.flow, trained.fresh, seed=1).log_prob
    error = found.std().item() / len(found) ** 0.5 / 6
    gap = (found.mean().item() - trained.world.entropy) / 6
    assert error < 0.01
    assert -3 * error < gap < 0.02


def test_without_condition_it_is_that_of_all_latents(trained: Trained) -> None:
    blind = FlowData(trained.fresh.mean, trained.fresh.log_variance, None)
    found = -evaluate(trained.bare, blind, seed=1).log_prob
    gap = (found.mean().item() - trained.world.unconditional) / 6
    assert abs(gap) < 0.02
    assert trained.world.unconditional > trained.world.entropy + 3


def test_noise_is_normal_and_knows_nothing_of_the_condition(trained: Trained) -> None:
    v = evaluate(trained.flow, trained.fresh, seed=1).v
    both = torch.corrcoef(torch.cat([v, trained.z], dim=1).mT)[:6]
    assert (both[:, :6] - torch.eye(6)).abs().max() < 0.1
    assert both[:, 6:].abs().max() < 0.1
    squares = torch.corrcoef(torch.cat([v**2, trained.z**2], dim=1).mT)[:6, 6:]
    assert squares.abs().max() < 0.1
    assert 0.9 < v.square().mean() < 1.15
    assert ((v.std(dim=0) > 0.8) & (v.std(dim=0) < 1.25)).all()


def test_a_trained_flow_is_still_inverted_exactly(trained: Trained) -> None:
    x = torch.from_numpy(trained.fresh.mean)
    with torch.no_grad():
        v, _ = trained.flow(x, trained.z)
        assert (trained.flow.inverse(v, trained.z) - x).abs().max() < 1e-5 * x.abs().max()


def test_likelihood_rises_while_training(trained: Trained) -> None:
    history = trained.history
    assert history.train[-1] < history.train[0]
    assert history.steps == [30, 60, 90, 120, 150]
    assert min(history.validation) == history.validation[history.steps.index(history.best)]


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_narrow_arithmetic_leaves_likelihoods_close(precision: str) -> None:
    settings = FLOW.replaced(training=QUICK.plain())
    found = [
        train_flow(images(), images(30, 1), settings, seed=0, device=CPU, precision=name)[1]
        for name in ("float32", precision)
    ]
    assert all(np.isfinite(history.validation).all() for history in found)
    np.testing.assert_allclose(found[0].validation, found[1].validation, rtol=0.02)
    assert (found[0].validation == found[1].validation) == (precision == "tf32")


def test_representations_of_other_shapes_are_refused() -> None:
    settings = FLOW.replaced(training=QUICK.plain())
    with pytest.raises(ConfigError, match=r"shapes \(4, \(3,\)\), those of validation"):
        train_flow(images(), images(shape=(5,)), settings, seed=0, device=CPU)


def test_one_image_is_refused() -> None:
    settings = FLOW.replaced(training=QUICK.plain())
    with pytest.raises(ConfigError, match="two images or more, and judged on as many; got 60 and"):
        train_flow(images(), images(1), settings, seed=0, device=CPU)


def test_a_likelihood_that_is_not_finite_is_told() -> None:
    flow = build_flow(FLOW, 4, None)
    weight = next(flow.parameters())
    with pytest.raises(ConfigError, match=r"not finite after step 4\. Try a smaller"):
        fit_flow(flow, lambda _: weight.sum() * torch.nan, lambda _: 0.0, QUICK, seed=0)
    with pytest.raises(ConfigError, match=r"not finite after step 4\. Try a smaller"):
        fit_flow(flow, lambda _: weight.sum(), lambda _: torch.inf, QUICK, seed=0)
