"""Regional embeddings against loops over the published product, and worlds that are known."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from patterns_world import region_world
from torch import Tensor

from actsense.attribution.region_weights import (
    KAPPA_P,
    MOST,
    TOLERANCE,
    region_weights,
    sharpness,
)
from actsense.attribution.regions import other_images
from actsense.patterns import regions as module
from actsense.patterns.knowledge import knowledge_points, mean_strength, region_posterior
from actsense.patterns.radial import concentration
from actsense.patterns.regions import fit_regions

IMAGES, CHANNELS, REGIONS, CLASSES = 9, 6, 4, 3
Given = tuple[Tensor, ...]


def drawn(seed: int = 0) -> Given:
    """Return features, probabilities, samples, both weights and others, as `fit_regions` asks."""
    generator = torch.Generator().manual_seed(seed)

    def noise(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator)

    features = noise(IMAGES, CHANNELS, REGIONS)
    target, w, v = (noise(IMAGES, n).softmax(dim=1) for n in (CLASSES, REGIONS, CHANNELS))
    others = other_images(torch.arange(IMAGES), 6, seed=seed)
    return features, target, noise(IMAGES, 3), w, v, others


def published_losses(given: Given, projection: Tensor) -> NDArray[np.float64]:
    """Return both terms, means over images, from a product over regions of distributions."""
    f, p, g, w, v = (one.double().numpy() for one in given[:5])
    h = np.einsum("ek,ikr->ire", projection.double().numpy(), f)
    length = np.linalg.norm(h, axis=2)
    kappa = concentration(torch.from_numpy(length)).numpy()
    unit = f / np.linalg.norm(f, axis=1, keepdims=True)
    terms = []
    for i, others in enumerate(given[5].tolist()):
        said = [p[i] @ p[j] / np.linalg.norm(p[i]) / np.linalg.norm(p[j]) for j in others]
        target = np.exp(KAPPA_P * np.array(said))
        target /= target.sum()
        estimate = np.ones(len(others))
        for r in range(REGIONS):
            score = []
            for j in others:
                q = int(np.argmax(v[i] * unit[i, :, r] @ unit[j]))
                cosine = h[i, r] @ h[j, q] / length[i, r] / length[j, q]
                score.append(kappa[i, r] * cosine)
            share = np.exp(score)
            estimate *= (share / share.sum()) ** w[i, r]
        estimate /= estimate.sum()
        aligned = h[i] @ g[i] / length[i] / np.linalg.norm(g[i])
        terms.append([(target * np.log(target / estimate)).sum(), -(w[i] * aligned).sum()])
    return np.mean(terms, axis=0)


@pytest.fixture
def without_decay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DECAY", 0.0)


@pytest.mark.parametrize("steps", [0, 3, 25])
def test_the_losses_are_those_of_the_published_product(steps: int) -> None:
    given = drawn()
    fit = fit_regions(*given, steps=steps)
    np.testing.assert_allclose(fit.losses[-1], published_losses(given, fit.projection), 1e-4)
    assert len(fit.losses) == steps + 1


def test_the_embedding_is_the_map_of_the_features() -> None:
    given = drawn()
    fit = fit_regions(*given)
    torch.testing.assert_close(fit.embedding, (fit.projection @ given[0]).mT)


@pytest.mark.usefixtures("without_decay")
@pytest.mark.parametrize("seed", range(3))
def test_every_step_lowers_the_loss(seed: int) -> None:
    losses = fit_regions(*drawn(seed)).losses @ torch.tensor([1.0, 0.1]).double()
    assert (losses.diff() <= 1e-6).all()
    assert losses[-1] < losses[0] - 0.01


@pytest.mark.usefixtures("without_decay")
def test_no_small_change_of_the_map_lowers_the_loss() -> None:
    """Of what is found in the end, with as many steps as it takes."""
    given = drawn()
    fit = fit_regions(*given, steps=2000)
    weights = np.array([1.0, 0.1])
    least = weights @ published_losses(given, fit.projection)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        change = 0.02 * fit.projection.norm() * torch.randn(3, CHANNELS, generator=generator)
        assert weights @ published_losses(given, fit.projection + change) > least - 1e-6


@pytest.mark.usefixtures("without_decay")
def test_regions_that_can_point_where_their_image_does_do() -> None:
    features, target, samples, w, v, others = drawn()
    basis = torch.randn(CHANNELS, 3, generator=torch.Generator().manual_seed(1))
    features = (samples @ basis.T)[..., None].expand(-1, -1, REGIONS)
    fit = fit_regions(features, target, samples, w, v, others, lambda_kl=0.0, steps=100)
    assert fit.losses[-1, 1] == pytest.approx(-1, abs=1e-6)


def test_nothing_given_is_changed_and_bits_repeat() -> None:
    given = drawn()
    before = [one.clone() for one in given]
    first, second = fit_regions(*given), fit_regions(*given)
    assert all(torch.equal(one, other) for one, other in zip(given, before, strict=True))
    for name in ("projection", "embedding", "losses"):
        assert torch.equal(getattr(first, name), getattr(second, name))


def test_the_unit_of_the_features_is_of_no_account() -> None:
    given = drawn()
    plain, scaled = fit_regions(*given, steps=8), fit_regions(1024 * given[0], *given[1:], steps=8)
    torch.testing.assert_close(scaled.embedding, plain.embedding)
    torch.testing.assert_close(1024 * scaled.projection, plain.projection)


def test_embeddings_turn_with_those_of_the_images() -> None:
    features, target, samples, w, v, others = drawn()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0]
    plain = fit_regions(features, target, samples, w, v, others, steps=8)
    turned = fit_regions(features, target, samples @ turn, w, v, others, steps=8)
    torch.testing.assert_close(turned.embedding, plain.embedding @ turn, rtol=1e-3, atol=1e-3)


def test_few_images_at_a_time_are_as_good_as_all(monkeypatch: pytest.MonkeyPatch) -> None:
    together = fit_regions(*drawn(), steps=8)
    monkeypatch.setattr(module, "NUMBERS", 1)
    alone = fit_regions(*drawn(), steps=8)
    torch.testing.assert_close(alone.embedding, together.embedding, rtol=1e-3, atol=1e-4)


def test_few_regions_that_count_are_not_turned_away() -> None:
    """They are far stronger than the mean, and the divergence alone leaves directions free."""
    world = region_world(40, regions=64, noise=0.2)
    w, channels = world.planted / 3, world.features.shape[1]
    v = torch.full((40, channels), 1 / channels)
    others = other_images(torch.arange(40), 39, seed=0)
    fit = fit_regions(world.features, world.target, world.samples, w, v, others)
    assert fit.losses[:, 1].max() < -0.85


@pytest.mark.parametrize("swapped", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("seed", range(2))
def test_planted_regions_are_found(swapped: float, seed: int) -> None:
    world = region_world(60, swapped=swapped, seed=seed)
    others = other_images(torch.arange(60), 100, seed=0)
    channels = world.features.shape[1]
    w, v, _ = region_weights(
        world.features,
        world.target.float(),
        others,
        kappa_m=sharpness(channels),
        steps=MOST,
        tolerance=TOLERANCE,
    )
    assert (w * world.planted).sum(dim=1).mean() > 0.8
    share = world.own.float().mean(dim=1)
    assert ((v * world.own).sum(dim=1) > 2 * share).all()

    fit = fit_regions(world.features, world.target, world.samples, w, v, others)
    assert fit.losses[-1, 0] < 0.15
    scaled = fit.embedding / mean_strength(fit.embedding)
    probabilities = region_posterior(scaled, world.directions)
    points, reliable = knowledge_points(probabilities, world.labels)
    planted = world.planted.numpy()
    assert (points & planted).sum() > 0.9 * points.sum()
    assert (points & planted).sum() > 0.9 * planted.sum()
    assert reliable.sum() / points.sum() == pytest.approx(1 - swapped, abs=0.05)


@pytest.mark.parametrize(
    ("place", "wrong", "words"),
    [
        (0, torch.ones(IMAGES, CHANNELS), r"features must be \(images, channels, regions\)"),
        (0, torch.full((IMAGES, CHANNELS, REGIONS), torch.nan), "features must be finite"),
        (0, torch.zeros(IMAGES, CHANNELS, REGIONS), "features are all 0"),
        (1, torch.ones(IMAGES + 1, CLASSES), "target must be"),
        (2, torch.ones(IMAGES, 2), r"samples must be \(9, 3\); got \(9, 2\)"),
        (2, torch.full((IMAGES, 3), torch.inf), "samples must be finite"),
        (3, torch.ones(IMAGES, CHANNELS), r"w must be \(9, 4\)"),
        (4, torch.ones(IMAGES, REGIONS), r"v must be \(9, 6\)"),
    ],
)
def test_what_does_not_fit_is_refused(place: int, wrong: Tensor, words: str) -> None:
    given = list(drawn())
    given[place] = wrong
    with pytest.raises(ValueError, match=words):
        fit_regions(*given)
