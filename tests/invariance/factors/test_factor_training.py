"""Factors learned from pairs: a loss with a closed form, and blocks that are found again."""

from dataclasses import dataclass, replace
from math import log, pi
from pathlib import Path

import numpy as np
import pytest
import torch
from factor_world import SIZES, FactorWorld
from flows import normal, shaken
from scipy.stats import multivariate_normal
from torch import Tensor

from actsense.errors import ConfigError
from actsense.invariance.factors.card import describe_factors, pair_correlations
from actsense.invariance.factors.editing import swap_factor
from actsense.invariance.factors.factors import Factors, open_factors, save_factors
from actsense.invariance.factors.loss import image_nats, pair_nats
from actsense.invariance.factors.pairs import Pairs
from actsense.invariance.factors.settings import FactorSettings
from actsense.invariance.factors.training import train_factors
from actsense.invariance.flow import course
from actsense.invariance.flow.course import FlowHistory
from actsense.invariance.flow.flow import build_flow
from actsense.invariance.flow.opening import save_flow
from actsense.invariance.flow.settings import FlowSettings, FlowTraining
from actsense.progress import Progress

CPU, WORLD = torch.device("cpu"), FactorWorld()
PLACES = {"digit": slice(0, 2), "ground": slice(2, 3), "residual": slice(3, 6)}
QUICK = FactorSettings(
    flow=FlowSettings(
        **{"blocks": 2, "width": 8},  # type: ignore[arg-type]
        training=FlowTraining(steps=5, batch_size=16, check_every=2),
    )
)
FEW, OTHER = WORLD.pairs(40, seed=1), WORLD.pairs(20, seed=2)


# The loss.


@pytest.mark.parametrize("rho", [0.0, 0.4, 0.975])
def test_the_loss_is_the_density_of_a_pair(rho: float) -> None:
    """Of 12 numbers, normal with correlations rho of those that are shared; SciPy's."""
    flow, first, second = shaken(6, None), normal(5, 6, seed=1), normal(5, 6, seed=2)
    shared = normal(5, 6, seed=3) > 0
    found = pair_nats(flow, first, second, shared, rho)
    with torch.no_grad():
        (one, gained), (other, more) = flow(first, None), flow(second, None)
    for k in range(5):
        covariance = np.eye(12)
        covariance[range(6), range(6, 12)] = covariance[range(6, 12), range(6)] = (
            rho * shared[k].numpy()
        )
        both = torch.cat([one[k], other[k]]).numpy()
        expected = -multivariate_normal.logpdf(both, cov=covariance) - (gained + more)[k]
        torch.testing.assert_close(found[k].detach(), expected)


def test_without_correlation_a_pair_is_two_images() -> None:
    flow, first, second = shaken(6, None), normal(9, 6, seed=1), normal(9, 6, seed=2)
    both = image_nats(flow, first) + image_nats(flow, second)
    shared = torch.ones(9, 6, dtype=torch.bool)
    torch.testing.assert_close(pair_nats(flow, first, second, shared, 0.0), both)
    torch.testing.assert_close(pair_nats(flow, first, second, ~shared, 0.9), both)
    torch.testing.assert_close(
        both[0], -flow.log_prob(torch.stack([first[0], second[0]]), None).sum()
    )


def test_equal_pairs_stay_finite_and_ever_less_surprising() -> None:
    flow, x = shaken(6, None).float(), normal(9, 6).float()
    shared = torch.ones(9, 6, dtype=torch.bool)
    found = [pair_nats(flow, x, x, shared, 1 - 10.0**-k).mean() for k in range(1, 9)]
    assert all(loss.isfinite() for loss in found)
    falls = torch.stack(found).diff()
    torch.testing.assert_close(falls[3:], torch.full((4,), -3 * log(10)), rtol=1e-3, atol=0)
    found[-1].backward()  # type: ignore[no-untyped-call]
    assert all(
        weight.grad.isfinite().all() for weight in flow.parameters() if weight.grad is not None
    )


# What is learned.


@dataclass(frozen=True)
class Learned:
    """Factors of the world, and pairs that they have not seen."""

    factors: Factors
    history: FlowHistory
    fresh: Pairs
    blocks: np.ndarray

    @property
    def latents(self) -> tuple[Tensor, Tensor]:
        """Latents of both images of the fresh pairs."""
        first, second = torch.from_numpy(self.fresh.latents.mean).chunk(2)
        return first, second


@pytest.fixture(scope="module")
def learned() -> Learned:
    torch.set_num_threads(1)
    settings = FactorSettings(
        sizes="rank",
        flow=FlowSettings(
            **{"blocks": 2, "width": 32, "hidden": 0},  # type: ignore[arg-type]
            training=FlowTraining(steps=200, batch_size=128, learning_rate=2e-2, check_every=50),
        ),
    )
    train, validation = WORLD.pairs(6000, seed=1), WORLD.pairs(500, seed=2)
    factors, history = train_factors(train, validation, settings, seed=0, device=CPU)
    return Learned(factors, history, WORLD.pairs(1000, seed=3), WORLD.blocks(1000, seed=3))


def explained(by: np.ndarray, what: np.ndarray) -> float:
    """Return R^2 of a linear regression."""
    given = np.column_stack([by, np.ones(len(by))])
    remaining = what - given @ np.linalg.lstsq(given, what, rcond=None)[0]
    return float(1 - remaining.var(axis=0).sum() / what.var(axis=0).sum())


def test_every_part_is_its_block_and_no_other(learned: Learned) -> None:
    assert dict(learned.factors.sizes) == SIZES
    parts = learned.factors.split(learned.latents[0])
    for name, e in parts.items():
        for other, place in PLACES.items():
            share = explained(e.numpy(), learned.blocks[0][:, place])
            assert share > 0.9 if name == other else share < 0.1, (name, other)


def test_likelihood_is_that_of_the_world(learned: Learned) -> None:
    expected = (WORLD.entropy(2) + WORLD.entropy(1)) / 2
    first, second = learned.latents
    shared = torch.from_numpy(learned.fresh.shared.repeat([*SIZES.values()], axis=1))
    noise = WORLD.posterior * normal(2, *first.shape).float()
    with torch.no_grad():
        flow = learned.factors.flow
        found = pair_nats(flow, first + noise[0], second + noise[1], shared, 0.975)  # type: ignore[arg-type]
    error = found.std().item() / len(found) ** 0.5
    assert error < 0.08
    assert -3 * error < found.mean().item() - expected < 3 * error + 0.12  # 0.01 a number
    assert learned.history.validation[-1] == pytest.approx(expected, abs=0.4)


def test_pairs_have_in_common_what_they_share(learned: Learned) -> None:
    found = pair_correlations(learned.factors, learned.fresh, device=CPU)
    for concept, by_part in found.items():
        for part, value in by_part.items():
            assert value == pytest.approx(0.975 if part == concept else 0, abs=0.1)


def test_the_card_tells_it(learned: Learned) -> None:
    card = describe_factors(learned.factors, learned.history, FEW, learned.fresh, device=CPU)
    assert card["sizes"] == SIZES
    assert card["pairs"] == {"train": 80, "validation": 2000}
    assert 0.9 < card["noise"]["mean_square"] < 1.15
    assert card["nats"]["validation"] == min(learned.history.validation)
    assert card["correlations"]["digit"]["digit"] > 0.9


@pytest.mark.parametrize("name", ["digit", "ground"])
def test_swaps_change_their_attribute_and_no_other(learned: Learned, name: str) -> None:
    """What a block's first number is above or below; strangers who differ in all of them."""
    first, second = learned.latents[0], learned.latents[0].roll(500, dims=0)
    strangers = learned.blocks[0], np.roll(learned.blocks[0], 500, axis=0)
    swapped = swap_factor(learned.factors, first, second, name)
    shown = FactorWorld.read(swapped)
    for other, place in PLACES.items():
        before, after, given = (
            blocks[:, place.start] > 0 for blocks in (strangers[0], shown, strangers[1])
        )
        differ = before != given
        assert differ.mean() > 0.4
        changed = (after != before)[differ].mean()
        assert changed >= 0.8 if other == name else changed <= 0.2, other
    back = swap_factor(learned.factors, swapped, first, name)
    torch.testing.assert_close(back, first, rtol=0, atol=1e-4)


def test_factors_come_back_from_their_file(learned: Learned, tmp_path: Path) -> None:
    save_factors(learned.factors, tmp_path / "factors.pt")
    opened = open_factors(tmp_path / "factors.pt", device=CPU)
    assert [*opened.sizes.items()] == [*SIZES.items()]
    x = learned.latents[0]
    assert torch.equal(opened.encode(x), learned.factors.encode(x))


def test_a_flow_without_sizes_is_no_factors(tmp_path: Path) -> None:
    save_flow(build_flow(QUICK.flow, 6, None), tmp_path / "flow.pt")
    with pytest.raises(ConfigError, match="a flow without factors"):
        open_factors(tmp_path / "flow.pt", device=CPU)


# The course of training.


def trained(
    train: Pairs = FEW,
    validation: Pairs = OTHER,
    settings: FactorSettings = QUICK,
    **changes: object,
) -> bytes:
    options = {"seed": 0, "device": CPU, "sizes": SIZES} | changes
    factors, history = train_factors(train, validation, settings, **options)  # type: ignore[arg-type]
    state = factors.flow.state_dict()  # type: ignore[attr-defined]
    return b"".join(x.numpy().tobytes() for x in state.values()) + repr(history).encode()


class Stopping(Progress):
    """Ends the process after some steps."""

    def update(self, count: int = 1) -> None:
        """Count, and stop."""
        super().update(count)
        if self.done == 3:
            raise KeyboardInterrupt


def test_a_stop_does_not_show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(course, "KEPT_EVERY", 0)
    path = tmp_path / "state"
    with pytest.raises(KeyboardInterrupt):
        trained(state=path, bar=Stopping(5, desc="factors", unit="step"))
    assert path.exists()
    bar = Progress(5, desc="factors", unit="step")
    assert trained(state=path, bar=bar) == trained()
    assert bar.done == 5


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"train": WORLD.pairs(40, seed=5)},
        {"train": replace(FEW, second=np.roll(FEW.second, 1))},
        {"validation": WORLD.pairs(20, seed=5)},
        {"settings": QUICK.replaced(correlation=0.5)},
        {"settings": QUICK.replaced(supervised=False)},
        {"sizes": {"digit": 1, "ground": 1, "residual": 4}},
        {"origin": {"autoencoder": "another"}},
    ],
)
def test_what_another_training_kept_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    changes: dict[str, object],
) -> None:  # fmt: skip
    monkeypatch.setattr(course, "KEPT_EVERY", 0)
    with pytest.raises(KeyboardInterrupt):
        trained(state=tmp_path / "state", bar=Stopping(5, desc="factors", unit="step"), **changes)
    trained(state=tmp_path / "state")
    assert "kept by another training, ignored" in caplog.text


def test_unsupervised_factors_do_not_look_at_what_is_shared() -> None:
    settings = QUICK.replaced(supervised=False)
    others = replace(FEW, shared=np.roll(FEW.shared, 1, axis=1))
    assert trained(settings=settings) == trained(others, settings=settings)
    assert trained() != trained(others)


def test_they_are_nats_of_single_images() -> None:
    """At the start of a training too short to matter."""
    training = QUICK.flow.training.replaced(steps=1, learning_rate=1e-9, batch_size=80)
    settings = QUICK.replaced(flow=QUICK.flow.replaced(training=training.plain()).plain())
    found = [
        train_factors(
            FEW, FEW, settings.replaced(supervised=flag), seed=0, device=CPU, sizes=SIZES
        )[1].train[0]
        for flag in (True, False)
    ]
    assert found[1] == pytest.approx(3 * (log(2 * pi) + 1), rel=0.05)
    assert found[0] != pytest.approx(found[1], rel=0.1)


def test_posteriors_are_drawn_anew_in_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def nats(flow: object, first: Tensor, second: Tensor, *others: object) -> Tensor:
        seen.append(torch.cat([first, second]))
        return pair_nats(flow, first, second, *others)  # type: ignore[arg-type]

    monkeypatch.setattr("actsense.invariance.factors.training.pair_nats", nats)
    wide = replace(FEW.latents, log_variance=np.zeros_like(FEW.latents.log_variance))
    training = QUICK.flow.training.replaced(steps=2, batch_size=80, check_every=1)
    settings = QUICK.replaced(flow=QUICK.flow.replaced(training=training.plain()).plain())
    pairs = replace(FEW, latents=wide)
    train_factors(pairs, pairs, settings, seed=0, device=CPU, sizes=SIZES)
    step, look, later, again = seen
    torch.testing.assert_close(look, again, rtol=0, atol=0)  # so that looks can be compared
    for drawn in (step, look, later):
        noise = drawn - torch.from_numpy(wide.mean)[:160]
        assert abs(drawn.var() - 2) < 0.4
        assert noise.shape == (160, 6)
    assert not torch.isin(step, later).any()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"sizes": {"digit": 5, "residual": 1}},
            "factors digit, residual, pairs of digit, ground",
        ),
        ({"sizes": {"ground": 2, "digit": 1, "residual": 3}}, "Give one size for each of these"),
        ({"sizes": {"digit": 2, "ground": 1, "residual": 2}}, "sum up to the 6 numbers"),
        ({"validation": replace(OTHER, concepts=("digit", "sky"))}, "digit, ground, residual, va"),
        ({"validation": OTHER.chosen(np.array([3]))}, "two pairs or more, and judged on as many"),
    ],
)
def test_what_does_not_fit_is_told(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        trained(**changes)  # type: ignore[arg-type]
