"""Samples and what they keep: a linear world with samplers whose consistency is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from linear_world import LATENT, SIDE, LinearWorld, linear_world
from torch import Tensor

from actsense.device.memory import Memory
from actsense.invariance.kept.comparison import Comparison
from actsense.invariance.kept.consistency import Likeness, consistency
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.kept.explained import explained_variance
from actsense.invariance.kept.kept import Kept
from actsense.invariance.kept.maps import Maps
from actsense.invariance.kept.measure import measure_kept
from actsense.invariance.kept.sampling import Drawn, draw_samples, invariance_noise

CPU, ANCHORS, SAMPLES = torch.device("cpu"), 30, 6
ROWS = np.arange(ANCHORS) * 7
WORLD = linear_world()
LATENTS = WORLD.latents(ANCHORS)
SAID, PREDICTED = WORLD.said(LATENTS), WORLD.predicted(LATENTS)


@dataclass(frozen=True)
class Given:
    """A sampler made of a function of v and what the layer says."""

    sample: Callable[[Tensor, Tensor], Tensor]

    def embed(self, condition: Tensor) -> Tensor:
        """Return it as it is."""
        return condition

    def restore(self, v: Tensor, embedded: Tensor) -> Tensor:
        """Return what the function returns."""
        return self.sample(v, embedded)


@dataclass(frozen=True)
class Blind(LinearWorld):
    """Decodes half of the latent alone."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return images without what is lost."""
        return super().decode(latents * (torch.arange(LATENT) < LATENT // 2))


def anchor_of(condition: Tensor) -> Tensor:
    """Return which anchor the layer says this of."""
    return torch.cdist(condition, torch.from_numpy(SAID)).argmin(dim=1)


def kept(world: LinearWorld = WORLD, **changes: object) -> Kept:
    options = {"sampler": world, "decoder": world, "samples": SAMPLES, "seed": 3} | changes
    return measure_kept(
        world.subject(),
        "said",
        SAID,
        PREDICTED,
        LATENTS,
        ROWS,
        **options,  # type: ignore[arg-type]
    )


def likeness(latents: np.ndarray, said: np.ndarray = SAID) -> Likeness:
    """Compare the images of latents, (anchors, images, latent), with the anchors."""
    comparison = Comparison(WORLD.subject(), "said", said, PREDICTED)
    images = WORLD.decode(torch.from_numpy(latents).flatten(0, 1))
    return comparison.likeness(
        images.view(*latents.shape[:2], 3, SIDE, SIDE), slice(0, len(latents))
    )


def drawn(samples: int, size: int, seed: int = 0) -> list[Drawn]:
    noise = invariance_noise(ROWS, samples, LATENT, seed=seed)
    return [
        *draw_samples(WORLD, WORLD, SAID, noise, memory=Memory(CPU, size, "samples"), device=CPU)
    ]


# What is drawn.


def test_noise_is_normal_and_a_matter_of_seed_row_and_number_alone() -> None:
    noise = invariance_noise(np.arange(300), 10, 8, seed=1)
    assert noise.shape == (300, 10, 8)
    assert abs(float(noise.mean())) < 0.03
    assert abs(float(noise.std()) - 1) < 0.03
    correlation = np.corrcoef(noise.view(300, -1).T.numpy())
    assert np.abs(correlation - np.eye(80)).max() < 0.3  # 4.9 standard errors
    assert len(noise[..., 0].unique()) == 3000
    again = invariance_noise(np.array([7, 250]), 4, 8, seed=1)
    torch.testing.assert_close(again, noise[[7, 250], :4], rtol=0, atol=0)
    other = invariance_noise(np.array([7, 250]), 4, 8, seed=2)
    assert (other != again).all()


def test_temperature_scales_noise_down_to_one_and_the_same_sample() -> None:
    rows = np.arange(3)
    plain = invariance_noise(rows, 2, 4, seed=0)
    torch.testing.assert_close(invariance_noise(rows, 2, 4, seed=0, temperature=0.5), plain / 2)
    assert not invariance_noise(rows, 2, 4, seed=0, temperature=0).any()
    assert not kept(temperature=0.0).maps.variance.any()


@pytest.mark.parametrize("size", [1, 4, 13, 1000])
def test_samples_are_the_same_in_batches_of_any_size(size: int) -> None:
    parts = drawn(5, size)
    assert max(len(part.latents) for part in parts) <= max(1, size // 5)
    places = np.concatenate([np.arange(ANCHORS)[part.anchors] for part in parts])
    np.testing.assert_array_equal(places, np.arange(ANCHORS))
    noise = invariance_noise(ROWS, 5, LATENT, seed=0)
    for part in parts:
        for place, latents, images in zip(
            places[part.anchors], part.latents, part.images, strict=True
        ):
            said = torch.from_numpy(SAID[[place] * 5])
            expected = WORLD.restore(noise[place], WORLD.embed(said))
            torch.testing.assert_close(latents, expected, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(images, WORLD.decode(latents), rtol=1e-5, atol=1e-6)


def test_samples_that_do_not_fit_are_drawn_in_smaller_parts() -> None:
    tried: list[int] = []

    def full(v: Tensor, condition: Tensor) -> Tensor:
        tried.append(len(v))
        if len(v) > 3:
            raise torch.OutOfMemoryError
        return WORLD.restore(v, WORLD.embed(condition))

    noise = invariance_noise(ROWS, 5, LATENT, seed=0)
    memory = Memory(CPU, 15, "samples")  # three anchors, and then some of the second and third
    parts = [*draw_samples(Given(full), WORLD, SAID, noise, memory=memory, device=CPU)]
    assert max(tried) == 15
    assert memory.size == 3
    found = torch.cat([part.latents for part in parts])
    expected = torch.cat([part.latents for part in drawn(5, 15)])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_as_many_rows_of_noise_as_anchors_are_needed() -> None:
    noise = invariance_noise(ROWS[:4], 2, LATENT, seed=0)
    with pytest.raises(ValueError, match="30 anchors need as many rows of v; got 4"):
        next(draw_samples(WORLD, WORLD, SAID, noise, memory=Memory(CPU, 4, "x"), device=CPU))


# What samples keep.


def test_samples_of_a_perfect_flow_are_said_to_be_their_anchors() -> None:
    found = kept()
    np.testing.assert_allclose(found.samples.centred, 1, atol=1e-5)
    np.testing.assert_allclose(found.samples.cosine, 1, atol=1e-5)
    np.testing.assert_array_equal(found.samples.agreement, 1)
    assert found.maps.strength.min() > 0


def test_what_is_measured_is_what_was_drawn() -> None:
    found, parts = kept(), drawn(SAMPLES, 7, seed=3)
    latents = torch.cat([part.latents for part in parts]).numpy()
    images = torch.cat([part.images for part in parts]).numpy()
    np.testing.assert_allclose(found.latents.mean, latents.mean(axis=1), atol=1e-5)
    within = latents.var(axis=1, ddof=1).sum(axis=1)
    np.testing.assert_allclose(found.latents.within, within, rtol=1e-5)
    np.testing.assert_allclose(found.maps.mean, images.mean(axis=1), atol=1e-5)
    np.testing.assert_allclose(found.maps.variance, images.var(axis=1, ddof=1), rtol=1e-3)


def test_pixels_have_the_shares_of_latents_that_they_are_a_line_of() -> None:
    found, draws = kept(), anchor_draws(ANCHORS, 50, seed=0)
    latents = explained_variance(found.latents, draws)
    pixels = explained_variance(found.maps.spread, draws)
    np.testing.assert_allclose(
        pixels.by_invariances.samples, latents.by_invariances.samples, rtol=1e-4
    )


def test_a_sampler_that_returns_the_latent_itself_reaches_the_ceiling() -> None:
    own = Given(lambda _, condition: torch.from_numpy(LATENTS)[anchor_of(condition)])
    found = kept(Blind(WORLD.weight, WORLD.bias), sampler=own)
    assert found.reconstructions.centred.mean() < 0.9
    for name in ("centred", "cosine", "agreement"):
        np.testing.assert_allclose(
            getattr(found.samples, name), getattr(found.reconstructions, name), atol=1e-4
        )


def test_the_ceiling_is_what_the_decoder_leaves() -> None:
    blind = Blind(WORLD.weight, WORLD.bias)
    found = kept(blind)
    left = LATENTS * (np.arange(LATENT) < LATENT // 2)
    expected = likeness(left[:, None])
    np.testing.assert_allclose(found.reconstructions.centred, expected.centred, atol=1e-5)
    np.testing.assert_array_equal(found.reconstructions.agreement, expected.agreement)
    assert found.reconstructions.centred.mean() < 0.9


def test_exchanged_anchors_are_at_the_floor() -> None:
    """Over all ways to go round the anchors, each meets every other once."""
    comparison = Comparison(WORLD.subject(ANCHORS), "said", SAID, PREDICTED)
    images, everyone = WORLD.decode(torch.from_numpy(LATENTS))[:, None], slice(0, ANCHORS)
    met = [comparison.likeness(images.roll(k, 0), everyone) for k in range(1, ANCHORS)]
    exact = kept().samples
    for name, floor in (("centred", "cosine_floor"), ("agreement", "agreement_floor")):
        expected = np.mean([getattr(one, name).mean() for one in met])
        np.testing.assert_allclose(getattr(exact, floor).mean(), expected, atol=1e-5)
    assert exact.cosine_floor.mean() < 0.1


def test_a_sampler_that_is_told_of_another_anchor_is_at_the_floor() -> None:
    turned = torch.from_numpy(np.roll(SAID, 1, axis=0))
    strangers = Given(
        lambda v, condition: WORLD.restore(v, WORLD.embed(turned[anchor_of(condition)]))
    )
    found = kept(sampler=strangers).samples
    for name, floor in (("centred", "cosine_floor"), ("agreement", "agreement_floor")):
        values = getattr(found, name)
        error = values.std() / np.sqrt(ANCHORS)
        assert abs(values.mean() - getattr(found, floor).mean()) < 3 * error


def test_likeness_is_that_of_loops_over_anchors_and_images() -> None:
    latents = np.random.default_rng(5).normal(size=(ANCHORS, 2, LATENT)).astype(np.float32)
    found = likeness(latents)
    z = WORLD.said(latents.reshape(-1, LATENT)).reshape(ANCHORS, 2, -1).astype(np.float64)
    classes = WORLD.predicted(latents.reshape(-1, LATENT)).reshape(ANCHORS, 2)
    centre = SAID.astype(np.float64).mean(axis=0)

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    for i in range(ANCHORS):
        others = [j for j in range(ANCHORS) if j != i]
        pairs = [(z[i, s], classes[i, s]) for s in range(2)]
        expected = {
            "cosine": [cosine(a, SAID[i]) for a, _ in pairs],
            "centred": [cosine(a - centre, SAID[i] - centre) for a, _ in pairs],
            "agreement": [k == PREDICTED[i] for _, k in pairs],
            "cosine_floor": [
                cosine(a - centre, SAID[j] - centre) for a, _ in pairs for j in others
            ],
            "agreement_floor": [k == PREDICTED[j] for _, k in pairs for j in others],
            "distance": [((a - SAID[i]) ** 2).sum() / (SAID[i] ** 2).sum() for a, _ in pairs],
        }
        for name, values in expected.items():
            np.testing.assert_allclose(getattr(found, name)[i], np.mean(values), atol=1e-5)


def test_an_anchor_in_the_centre_has_no_centred_cosine_and_is_nobodys_floor() -> None:
    said = SAID.copy()
    said[4] = np.delete(said, 4, axis=0).mean(axis=0)
    latents = WORLD.latents(ANCHORS, seed=9)[:, None]
    found, without = likeness(latents, said), np.delete(np.arange(ANCHORS), 4)
    assert np.isnan(found.centred).nonzero()[0].tolist() == [4]
    centre = said.astype(np.float64).mean(axis=0)
    u = WORLD.said(latents[:, 0]) - centre
    others = said[without] - centre
    u, others = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (u, others))
    np.testing.assert_allclose(found.cosine_floor[4], (others @ u[4]).mean(), atol=1e-5)
    np.testing.assert_allclose(found.cosine_floor[0], (others[1:] @ u[0]).mean(), atol=1e-5)


def test_an_anchor_of_which_nothing_is_said_has_a_distance_that_is_not_relative() -> None:
    said, latents = np.zeros_like(SAID), WORLD.latents(ANCHORS, seed=9)
    expected = np.square(WORLD.said(latents)).sum(axis=1)
    np.testing.assert_allclose(likeness(latents[:, None], said).distance, expected, rtol=1e-4)


def test_anchors_may_be_read_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = likeness(LATENTS[:, None][::-1].copy())
    monkeypatch.setattr("actsense.invariance.kept.comparison.READ_BYTES", 4 * SAID[:1].nbytes)
    parts = likeness(LATENTS[:, None][::-1].copy())
    np.testing.assert_allclose(parts.centred, whole.centred, atol=1e-6)
    np.testing.assert_allclose(parts.cosine_floor, whole.cosine_floor, atol=1e-6)


def test_a_layer_that_says_the_same_of_all_has_no_cosine() -> None:
    said = np.tile(np.float32([0.1, 0.2, 0.3]), (ANCHORS, 1))
    found = likeness(LATENTS[:, None], said)
    assert np.isnan(found.centred).all()
    assert np.isnan(found.cosine_floor).all()
    assert np.isfinite(found.agreement).all()


def test_the_logits_are_a_layer_as_well() -> None:
    subject = WORLD.subject()
    images = WORLD.decode(torch.from_numpy(LATENTS))
    logits = subject.logits(images).numpy()
    comparison = Comparison(subject, "logits", logits, PREDICTED)
    found = comparison.likeness(images[:, None], slice(0, ANCHORS))
    np.testing.assert_allclose(found.centred, 1, atol=1e-6)
    np.testing.assert_array_equal(found.agreement, 1)


def test_what_does_not_fit_together_is_refused() -> None:
    subject = WORLD.subject()
    for said, predicted in (
        (SAID[:1], PREDICTED[:1]),
        (SAID, PREDICTED[:3]),
        (LATENTS, PREDICTED),
    ):
        with pytest.raises(ValueError, match="At least 2 anchors are needed"):
            Comparison(subject, "said", said, predicted)
    comparison = Comparison(subject, "said", SAID, PREDICTED)
    with pytest.raises(ValueError, match="Images of 4 anchors are needed; got 3"):
        comparison.likeness(torch.zeros(3, 1, 3, SIDE, SIDE), slice(2, 6))
    with pytest.raises(ValueError, match="at least 2 samples"):
        Maps.of(torch.zeros(3, 1, 3, SIDE, SIDE))


def test_consistency_puts_samples_between_floor_and_ceiling() -> None:
    found, draws = kept(Blind(WORLD.weight, WORLD.bias)), anchor_draws(ANCHORS, 200, seed=0)
    told = consistency(found.samples, found.reconstructions, draws)
    expected = {
        "cosine": found.samples.centred,
        "cosine_floor": found.samples.cosine_floor,
        "cosine_ceiling": found.reconstructions.centred,
        "agreement": found.samples.agreement,
        "agreement_floor": found.samples.agreement_floor,
        "agreement_ceiling": found.reconstructions.agreement,
        "raw_cosine": found.samples.cosine,
    }
    for name, values in expected.items():
        estimate = getattr(told, name)
        assert estimate.value == pytest.approx(values.mean())
        assert estimate.interval[0] <= estimate.value <= estimate.interval[1]
    assert told.cosine_floor.value < told.cosine.value < told.cosine_ceiling.value


# Where they differ.


def test_maps_measure_the_size_of_what_differs() -> None:
    images = torch.zeros(2, 2, 3, 4, 4)
    images[0, 1] = 1
    images[1, 1, 0, 2, 3] = 1
    maps = Maps.of(images)
    np.testing.assert_allclose(maps.mean[0], 0.5)
    np.testing.assert_allclose(maps.strength, [0.5, 0.5 / 48])
    np.testing.assert_allclose(maps.norm, [0.5 * 48**0.5, 0.5])
    assert maps.variance[1, 0, 2, 3] == 0.5
