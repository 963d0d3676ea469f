"""Embeddings of whole images: planted ones come back, gradients are right, invariances hold."""

from typing import Any

import numpy as np
import pytest
import torch
from accelerator import accelerator
from radial_mixture import draw_radial_mixture
from scipy.optimize import minimize
from scipy.stats import entropy
from torch import Tensor

from actsense.draws import stream
from actsense.patterns import radial
from actsense.patterns.alignment import procrustes
from actsense.patterns.radial import concentrated, concentration, log_posterior
from actsense.patterns.samples import SampleFit, divergence, fit_samples, targets

MADE = draw_radial_mixture(300, classes=6)
FEATURES, TARGET = MADE.features(), MADE.target
NUMBERS = stream(0, "turns and maps in a test of embeddings")
TURN = torch.from_numpy(np.linalg.qr(NUMBERS.normal(size=(3, 3)))[0])
MAP = torch.from_numpy(NUMBERS.normal(size=(3, 64)))


@pytest.fixture(scope="module")
def fit() -> SampleFit:
    return fit_samples(FEATURES, TARGET)


def cosines(a: Tensor, b: Tensor) -> Tensor:
    return torch.nn.functional.cosine_similarity(a, b, dim=-1)


def test_targets_are_softened_probabilities() -> None:
    logits = torch.tensor([[1000.0, 0.0, 990.0]])
    expected = np.exp([0, -500, -5]) / np.exp([0, -500, -5]).sum()
    np.testing.assert_allclose(targets(logits, temperature=2.0)[0], expected, rtol=1e-9)


def test_planted_vectors_come_back(fit: SampleFit) -> None:
    found = cosines(fit.embedding @ procrustes(fit.embedding, MADE.vectors), MADE.vectors)
    assert found.mean() > 0.99
    long = MADE.vectors.norm(dim=1) > 0.5  # short ones have hardly a direction
    assert (found[long] > 0.95).double().mean() > 0.99


def test_planted_strengths_come_back(fit: SampleFit) -> None:
    strengths = torch.stack([fit.embedding.norm(dim=1), MADE.vectors.norm(dim=1)])
    assert torch.corrcoef(strengths)[0, 1] > 0.99


def test_embedding_is_nearer_to_planted_probabilities_than_planted_ones(
    fit: SampleFit,
) -> None:
    # Their best directions are not those planted: the vectors are a sample.
    assert 0 <= fit.loss < divergence(MADE.vectors, TARGET) < 0.01


def test_loss_is_the_mean_divergence_of_the_posterior(fit: SampleFit) -> None:
    q = log_posterior(fit.embedding, fit.directions, fit.prior).exp()
    expected = entropy(TARGET.numpy(), q.numpy(), axis=1).mean()
    assert fit.loss == pytest.approx(expected, rel=1e-6)


def test_embedding_is_the_projection_of_the_features(fit: SampleFit) -> None:
    np.testing.assert_allclose(FEATURES @ fit.projection.T, fit.embedding, atol=1e-10)


def test_no_other_optimiser_finds_a_better_map_nearby(fit: SampleFit) -> None:
    def objective(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        m = torch.from_numpy(numbers).view(3, -1).requires_grad_()
        loss = divergence(FEATURES @ m.T, TARGET)
        (slope,) = torch.autograd.grad(loss, m)
        return loss.item(), slope.numpy().ravel()

    polished = minimize(objective, fit.projection.numpy().ravel(), jac=True, method="L-BFGS-B")
    assert polished.fun > fit.loss - 2e-4


@pytest.mark.parametrize("axes", [2, 3, 4])
def test_exact_gradient_is_the_difference_quotient(axes: int) -> None:
    numbers = stream(axes, "maps in a test of gradients")
    m = torch.from_numpy(numbers.normal(size=(axes, 8))).requires_grad_()
    few = FEATURES[:12, :8] * 3
    assert torch.autograd.gradcheck(lambda m: divergence(few @ m.T, TARGET[:12]), m, eps=1e-6)


def slopes(gradient: Any) -> Tensor:
    m = MAP.clone().requires_grad_()
    loss = divergence(FEATURES @ m.T, TARGET, gradient=gradient)
    (slope,) = torch.autograd.grad(loss, m)
    return slope


def test_published_gradient_is_exact_if_concentration_is_proportional_to_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (slopes("published") - slopes("exact")).abs().max() > 1e-3
    monkeypatch.setattr(radial, "concentration", lambda length, axes: 1.7 * length)
    np.testing.assert_allclose(slopes("published"), slopes("exact"), atol=1e-12)


def test_published_gradient_differs_along_the_vector_alone() -> None:
    g = MADE.vectors[:20].clone().requires_grad_()
    pull = TURN[0]
    exact, published = (
        torch.autograd.grad((concentrated(g, gradient=name) @ pull).sum(), g)[0]
        for name in ("exact", "published")
    )
    with torch.no_grad():
        length = g.norm(dim=1)
        outward = (exact - published) @ torch.eye(3, dtype=torch.float64)
        unit = g / length[:, None]
        np.testing.assert_allclose(
            outward - (outward * unit).sum(dim=1, keepdim=True) * unit, 0, atol=1e-10
        )
        along = (published * unit).sum(dim=1) / (unit @ pull)
        np.testing.assert_allclose(along, concentration(length) / length, rtol=1e-9)


def test_published_gradient_reaches_nearly_the_same_loss(fit: SampleFit) -> None:
    published = fit_samples(FEATURES, TARGET, gradient="published")
    assert fit.loss < published.loss < 5 * fit.loss  # it is no gradient of the loss


@pytest.mark.parametrize("power", [1.0, -1.0], ids=["turned", "mirrored"])
def test_loss_stays_when_the_map_is_turned(fit: SampleFit, power: float) -> None:
    turn = TURN * power
    start = turn.T @ fit.projection
    turned = fit_samples(FEATURES, TARGET, seeds=1, steps=0, start=start)
    assert turned.loss == pytest.approx(fit.loss, rel=1e-9)


def test_unit_of_the_features_does_not_matter(fit: SampleFit) -> None:
    other = fit_samples(FEATURES * 1e4, TARGET)
    np.testing.assert_allclose(other.embedding, fit.embedding, atol=1e-6)


def test_best_start_is_kept() -> None:
    several = fit_samples(FEATURES, TARGET, seeds=5, steps=10)
    assert several.traces.shape == (5, 11)
    np.testing.assert_array_equal(several.losses, several.traces[:, -1])
    assert several.loss == several.losses.min() < several.losses.max()


def test_further_starts_leave_the_first_ones_as_they_are() -> None:
    few, many = (fit_samples(FEATURES, TARGET, seeds=n, steps=3) for n in (2, 4))
    np.testing.assert_allclose(many.traces[:2], few.traces, rtol=1e-12)


def test_first_start_finds_what_tells_classes_apart_among_louder_features() -> None:
    numbers = stream(3, "loud features that say nothing in a test")
    loud = 2 * torch.from_numpy(numbers.normal(size=(300, 12)))
    begun = fit_samples(torch.cat([MADE.vectors, loud], dim=1), TARGET, seeds=8, steps=0)
    assert begun.traces[0, 0] < 0.5 * begun.traces[1:, 0].min()


def test_axes_that_no_class_asks_for_start_along_the_strongest_features() -> None:
    two, numbers = draw_radial_mixture(300, classes=2), stream(4, "weak features in a test")
    telling = two.vectors[:, :1] + 2 * two.labels[:, None]
    others = torch.from_numpy(numbers.normal(size=(300, 22)) * ([5, 4] + [1] * 20))
    begun = fit_samples(torch.cat([telling, others], dim=1), two.target, seeds=1, steps=0)
    share = begun.projection.square().sum(dim=0)
    assert share[1:3].sum() > 2 * share[3:].sum()


def test_lengths_are_one_on_average_at_first() -> None:
    begun = fit_samples(FEATURES, TARGET, seeds=3, steps=0)
    assert float(begun.embedding.norm(dim=1).mean()) == pytest.approx(1)


def test_starts_that_agree_have_no_spread(fit: SampleFit) -> None:
    assert np.ptp(fit.losses.numpy()) < 1e-6
    assert fit.spread.median() < 0.01


def test_spread_is_the_angle_of_starts_that_disagree() -> None:
    fit = fit_samples(FEATURES, TARGET, seeds=2, steps=0)
    first, second = (
        fit_samples(FEATURES, TARGET, seeds=1, steps=0, start=start).embedding
        for start in _starts(2)
    )
    best, other = (first, second) if fit.traces[0, 0] <= fit.traces[1, 0] else (second, first)
    expected = torch.arccos(cosines(other @ procrustes(other, best), best))
    np.testing.assert_allclose(fit.spread, expected, atol=1e-6)


def _starts(count: int) -> list[Tensor]:
    from actsense.patterns.samples import _Space

    space = _Space.of(FEATURES)
    return [space.to_features(one) for one in space.starts(TARGET, 3, count, 0, None)]


def test_spread_of_a_single_start_is_undefined() -> None:
    assert fit_samples(FEATURES, TARGET, seeds=1, steps=1).spread.isnan().all()


def test_same_call_gives_the_same_bits(fit: SampleFit) -> None:
    for one, other in zip(
        vars(fit).values(), vars(fit_samples(FEATURES, TARGET)).values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("axes", [3, 4])
def test_accelerator_computes_the_same(axes: int) -> None:
    few, target, short = FEATURES[:30, :8], TARGET[:30], {"steps": 2, "axes": axes}
    expected = fit_samples(few, target, **short)
    start, align = expected.projection, expected.embedding
    with accelerator() as device:
        placed = [part.to(device) for part in (few, target, start, align)]
        found = fit_samples(*placed[:2], **short)
        again = fit_samples(*placed[:2], start=placed[2], align=placed[3], **short)
        np.testing.assert_allclose(found.embedding.cpu(), expected.embedding, atol=1e-9)
        assert again.loss < found.loss


def test_nothing_given_is_changed(fit: SampleFit) -> None:
    given = [FEATURES.clone().float(), TARGET.clone().float(), fit.projection, fit.embedding]
    before = [one.clone() for one in given]
    fit_samples(given[0], given[1], start=given[2], align=given[3], steps=2)
    for one, other in zip(given, before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_checkpoint_begins_at_the_one_before_and_lies_beside_it(fit: SampleFit) -> None:
    later = FEATURES + 0.02 * torch.from_numpy(
        stream(1, "features of a later checkpoint in a test").normal(size=FEATURES.shape)
    )
    fit = fit_samples(
        *(later, TARGET), seeds=1, start=fit.projection, align=fit.embedding, steps=100
    )
    begun = fit.traces[0, 0]
    assert begun < 0.05 < fit_samples(later, TARGET, seeds=1, steps=0).loss
    assert fit.loss < begun
    assert cosines(fit.embedding, fit.embedding).median() > 0.99


def test_result_is_turned_onto_what_it_is_aligned_to(fit: SampleFit) -> None:
    turned = fit_samples(FEATURES, TARGET, align=fit.embedding @ TURN)
    np.testing.assert_allclose(turned.embedding, fit.embedding @ TURN, atol=1e-9)
    np.testing.assert_allclose(turned.directions, fit.directions @ TURN, atol=1e-9)


def test_more_features_than_images_give_the_smallest_map() -> None:
    few, target = MADE.features(200)[:60], MADE.target[:60]
    m = fit_samples(few, target, steps=50).projection
    inside = m @ torch.linalg.pinv(few) @ few
    np.testing.assert_allclose(m, inside, atol=1e-7 * float(m.abs().max()))


def test_features_in_a_plane_are_embedded_in_a_plane() -> None:
    fit = fit_samples(FEATURES[:, :2], TARGET)
    assert torch.linalg.matrix_rank(fit.embedding, rtol=1e-6) == 2
    assert fit.embedding.isfinite().all()


def test_images_of_which_nothing_is_said_come_to_lie_at_the_origin() -> None:
    silent = fit_samples(FEATURES, torch.full((300, 6), 1 / 6))
    assert silent.embedding.norm(dim=1).mean() < 0.02


def test_certain_targets_are_allowed() -> None:
    certain = torch.nn.functional.one_hot(MADE.labels, 6).float()
    fit = fit_samples(FEATURES, certain)
    assert fit.loss < float(-(fit.prior * fit.prior.log()).sum())
    assert fit.embedding.isfinite().all()


def changed(tensor: Tensor, value: float) -> Tensor:
    other = tensor.clone()
    other[0, 0] = value
    return other


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"features": FEATURES[:-1]}, r"same images; got \(299, 64\) and \(300, 6\)"),
        ({"features": FEATURES[0]}, "must be \\(images, features\\)"),
        ({"features": changed(FEATURES, torch.nan)}, "features must be finite"),
        ({"features": 0 * FEATURES}, "must differ from 0"),
        ({"target": changed(TARGET, torch.inf)}, "target must be finite"),
        ({"target": TARGET * 1.01}, "add up to 1; got rows that add up to 1.01"),
        ({"target": TARGET + torch.tensor([1.0, -1, 0, 0, 0, 0])}, "probabilities, 0 or more"),
        ({"target": torch.ones(300, 1)}, "two classes or more.*got 1 classes"),
        ({"target": torch.eye(3)[:2].repeat(150, 1)}, r"without any image: \[2\]"),
        ({"start": torch.ones(3, 63)}, r"start must be \(3, 64\); got \(3, 63\)"),
        ({"start": changed(MAP, torch.nan)}, "start must be finite"),
        ({"align": torch.ones(300, 2)}, r"align must be \(300, 3\); got \(300, 2\)"),
        ({"axes": 1}, "axes must be 2 or more.*got 1,"),
        ({"seeds": 0}, "seeds 1 or more"),
        ({"steps": -1}, "steps 0 or more"),
        ({"rate": 0.0}, "rate above 0"),
        ({"gradient": "half"}, "one of exact, published.*'half'"),
    ],
)
def test_what_does_not_fit_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_samples(**{"features": FEATURES, "target": TARGET, **given})
