"""Distances against closed forms, PyTorch's own losses and SciPy's assignment."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.stats import wasserstein_distance
from torch import Tensor
from torch.nn import functional

from actsense.featvis.search.distances import distance
from actsense.featvis.targets.targets import Targets

PICTURES, CHANNELS = 3, 5


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def targets(sorted_: Tensor | None = None) -> Targets:
    shape = (PICTURES, CHANNELS)
    return Targets(
        *("layer", noise(*shape), noise(*shape, seed=1), 0.5 + noise(*shape, seed=2).abs()),
        torch.full((PICTURES, 2), -1),
        3 * noise(*shape, seed=3),
        sorted_,
    )


def found(kind: str, response: Tensor, sorted_: Tensor | None = None) -> Tensor:
    return distance(kind, targets(sorted_), response, response)


OTHERS = {
    "huber": lambda r: functional.huber_loss(r, 0 * r, reduction="none"),
    "l2": lambda r: functional.mse_loss(r, 0 * r, reduction="none"),
    "l1": lambda r: functional.l1_loss(r, 0 * r, reduction="none"),
    "charbonnier": lambda r: torch.hypot(r, torch.ones_like(r)) - 1,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_distances_are_means_of_losses_of_differences_in_standard_deviations(kind: str) -> None:
    own, response = targets(), 3 * noise(PICTURES, CHANNELS, seed=9)
    r = (response - own.response) / own.std
    assert (r.abs() < 1).any()
    assert (r.abs() > 1).any()
    torch.testing.assert_close(found(kind, response), OTHERS[kind](r).mean(dim=1))


@pytest.mark.parametrize("kind", [*OTHERS, "cosine"])
def test_a_response_is_at_no_distance_from_itself(kind: str) -> None:
    response = targets().response.clone().requires_grad_()
    far = found(kind, response)
    torch.testing.assert_close(far, torch.zeros(PICTURES), atol=1e-6, rtol=0)
    (gradient,) = torch.autograd.grad(far.sum(), response)
    assert gradient.isfinite().all()


def test_charbonnier_keeps_its_digits_near_zero() -> None:
    own = targets()
    r = torch.full_like(own.response, 1e-4)
    exact = np.sqrt(1 + 1e-8) - 1  # in float64
    near = distance("charbonnier", own, own.response.double() + r.double() * own.std, r)
    np.testing.assert_allclose(near, exact, rtol=1e-3)


def test_the_cosine_is_that_of_responses_in_standard_deviations() -> None:
    own, response = targets(), noise(PICTURES, CHANNELS, seed=9)
    one, other = ((x - own.mean) / own.std for x in (response, own.response))
    cosine = (one * other).sum(1) / (one.norm(dim=1) * other.norm(dim=1))
    torch.testing.assert_close(found("cosine", response), 1 - cosine)


def test_distributions_are_compared_by_the_best_assignment_of_places() -> None:
    places = (PICTURES, CHANNELS, 2, 3)
    maps, wanted = noise(*places, seed=4), noise(*places, seed=5).flatten(2)
    own = targets(wanted.sort(dim=2).values)
    far = distance("distribution", own, maps.mean((2, 3)), maps)
    for picture in range(PICTURES):
        costs = []
        for channel in range(CHANNELS):
            s, t = maps[picture, channel].flatten(), wanted[picture, channel]
            cost = (s[:, None] - t).square() / own.std[picture, channel] ** 2
            costs.append(cost[linear_sum_assignment(cost)].mean())
        torch.testing.assert_close(far[picture], torch.stack(costs).mean())


def test_a_shift_of_a_distribution_is_its_wasserstein_distance_squared() -> None:
    maps = noise(PICTURES, CHANNELS, 4, 4, seed=4)
    own = targets((maps + 0.3).flatten(2).sort(dim=2).values)
    far = distance("distribution", own, maps.mean((2, 3)), maps)
    shift = wasserstein_distance(maps[0, 0].flatten(), maps[0, 0].flatten() + 0.3)
    torch.testing.assert_close(far, (shift / own.std).square().mean(dim=1).float())


def test_other_numbers_of_places_are_refused() -> None:
    maps = noise(PICTURES, CHANNELS, 2, 2)
    with pytest.raises(ValueError, match=r"must be \(3, 5, 4\); got \(3, 5, 9\)"):
        distance("distribution", targets(noise(PICTURES, CHANNELS, 9)), maps, maps)
    with pytest.raises(ValueError, match="got none"):
        distance("distribution", targets(), maps, maps)
