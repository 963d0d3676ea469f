"""What pictures are good at: closed forms, and no term of two pictures."""

import pytest
import torch
from torch import Tensor

from actsense.featvis.search.objective import Criterion, Terms, pixel_variation
from actsense.featvis.settings import Objective
from actsense.featvis.targets.targets import Targets

PICTURES, CHANNELS = 4, 6


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def targets(*, without: int = 0) -> Targets:
    """Return targets, the last of which have no response to resemble."""
    shape = (PICTURES, CHANNELS)
    response = noise(*shape, seed=3).abs()
    response[PICTURES - without :] = torch.nan
    return Targets(
        *("layer", noise(*shape).abs(), noise(*shape, seed=1), 0.5 + noise(*shape, seed=2).abs()),
        torch.full((PICTURES, 2), -1),
        response,
    )


def judged(
    maps: Tensor, groups: list[int] | None = None, *, without: int = 0, **settings: object
) -> tuple[Terms, Criterion]:
    objective = Objective.model_validate(settings)
    groups = list(range(PICTURES)) if groups is None else groups
    criterion = Criterion(objective, targets(without=without), torch.tensor(groups))
    return criterion(torch.zeros(PICTURES, 3, 4, 4), maps, None), criterion


@pytest.mark.parametrize("power", [0, 1, 2, 4])
def test_activations_are_multiplied_by_a_power_of_the_cosine(power: int) -> None:
    maps = noise(PICTURES, CHANNELS, 2, 2, seed=5).abs() + 4
    terms, _ = judged(maps, power=power)
    own, o = targets(), maps.mean((2, 3))
    activation = (own.direction * (o - own.mean) / own.std).sum(1)
    cosine = (o * own.response).sum(1) / (o.norm(dim=1) * own.response.norm(dim=1))
    assert (activation > 0).all()
    torch.testing.assert_close(terms.activation, activation)
    torch.testing.assert_close(terms.cosine, cosine)
    torch.testing.assert_close(terms.driven, activation * cosine**power)


def test_the_cosine_does_nothing_where_it_would_be_lowered_or_is_unknown() -> None:
    below, _ = judged(noise(PICTURES, CHANNELS).abs() - 9, power=2)
    assert (below.activation < 0).all()
    torch.testing.assert_close(below.driven, below.activation)
    units, _ = judged(noise(PICTURES, CHANNELS).abs() + 9, power=2, without=PICTURES)
    torch.testing.assert_close(units.driven, units.activation)
    assert not units.cosine.any()
    assert not units.distance.any()


def test_a_picture_unlike_its_target_is_moved_by_a_tenth_of_its_activation() -> None:
    own = targets()
    unlike = -own.response * 1e-3  # an activation above the mean, a cosine of -1
    criterion = Criterion(Objective(), targets(), torch.arange(PICTURES))
    terms = criterion(torch.zeros(PICTURES, 3, 4, 4), unlike, None)
    some = terms.activation > 0
    assert some.any()
    torch.testing.assert_close(terms.driven[some], terms.activation[some] / 10)


def test_targets_with_and_without_a_response_can_be_mixed() -> None:
    maps = noise(PICTURES, CHANNELS, 2, 2, seed=5).requires_grad_()
    mixed, criterion = judged(maps, without=2)
    whole, _ = judged(maps)
    assert criterion.resembles.tolist() == [True, True, False, False]
    torch.testing.assert_close(mixed.distance[:2], whole.distance[:2])
    assert not mixed.distance[2:].any()
    total = criterion.total(mixed, torch.ones(PICTURES), 0.0)
    (gradient,) = torch.autograd.grad(total.sum(), maps)
    assert gradient.isfinite().all()


@pytest.mark.parametrize(
    "distance", ["charbonnier", "huber", "l2", "l1", "cosine", "distribution"]
)
def test_no_picture_has_a_part_in_the_loss_of_another_target(distance: str) -> None:
    """Spec test 28: d L_k / d x_j = 0 for j != k."""
    maps = noise(PICTURES, CHANNELS, 2, 2, seed=5).requires_grad_()
    images = torch.rand(PICTURES, 3, 4, 4, requires_grad=True)
    penalised = noise(PICTURES, 7, seed=6).requires_grad_()
    sorted_ = noise(PICTURES, CHANNELS, 4).sort(dim=2).values
    own = Targets(**{**vars(targets()), "sorted": sorted_})
    settings = Objective.model_validate(
        {"distance": distance, "variation": 0.3, "power": 2, "penalty": "module"}
    )
    criterion = Criterion(settings, own, torch.tensor([0, 1, 1, 2]))
    total = criterion.total(criterion(images, maps, penalised), torch.ones(PICTURES), 0.5)
    for picture, group in enumerate([[0], [1, 2], [1, 2], [3]]):
        inputs = (maps, images, penalised)
        for gradient in torch.autograd.grad(total[picture], inputs, retain_graph=True):
            moved = gradient.flatten(1).abs().sum(dim=1) > 0
            assert moved[picture]
            assert {*torch.nonzero(moved).flatten().tolist()} <= {*group}


def test_the_total_is_the_weighted_sum_of_all_terms() -> None:
    one = [torch.full((2,), float(2**k)) for k in range(7)]
    criterion = Criterion(
        Objective(variation=3.0, diversity=5.0), targets(), torch.arange(PICTURES)
    )
    total = criterion.total(Terms(*one), torch.tensor([7.0, 0.0]), 11.0)
    _, _, driven, distance, penalty, variation, likeness = (2.0**k for k in range(7))
    rest = -driven + 11 * penalty + 3 * variation + 5 * likeness
    assert total.tolist() == [rest + 7 * distance, rest]


def test_the_penalty_is_the_mean_size_of_every_pictures_own_input() -> None:
    criterion = Criterion(Objective(penalty="module"), targets(), torch.arange(PICTURES))
    penalised = noise(PICTURES, 2, 3, seed=8)
    terms = criterion(torch.zeros(PICTURES, 3, 4, 4), noise(PICTURES, CHANNELS), penalised)
    expected = [float(one.abs().sum()) / 6 for one in penalised]
    torch.testing.assert_close(terms.penalty, torch.tensor(expected))


def test_the_variation_of_stripes_is_known() -> None:
    columns = (torch.arange(4) % 2).float().expand(1, 3, 4, 4)  # each differs from the next
    torch.testing.assert_close(pixel_variation(columns), torch.tensor([0.5]))
    torch.testing.assert_close(pixel_variation(columns.mT * 0.4), torch.tensor([0.2]))
    assert pixel_variation(torch.ones(1, 3, 4, 4)) == 0


@pytest.mark.parametrize("places", [(), (1, 2), (3, 4)])  # fewer and more than channels
def test_likeness_is_the_mean_cosine_of_gram_matrices(places: tuple[int, ...]) -> None:
    maps = noise(PICTURES, CHANNELS, *places, seed=5)
    terms, _ = judged(maps, [0, 1, 0, 0])
    grams = [one.reshape(CHANNELS, -1) @ one.reshape(CHANNELS, -1).T for one in maps]
    unit = [gram / gram.norm() for gram in grams]

    def cosine(i: int, j: int) -> Tensor:
        return (unit[i] * unit[j]).sum()

    expected = [
        (cosine(0, 2) + cosine(0, 3)) / 2,
        torch.zeros(()),
        (cosine(2, 0) + cosine(2, 3)) / 2,
        (cosine(3, 0) + cosine(3, 2)) / 2,
    ]
    torch.testing.assert_close(terms.likeness, torch.stack(expected), atol=1e-5, rtol=1e-4)


def test_silent_pictures_of_a_group_have_a_finite_gradient() -> None:
    maps = torch.zeros(PICTURES, CHANNELS, 2, 2, requires_grad=True)
    terms, criterion = judged(maps, [0, 0, 0, 0])
    total = criterion.total(terms, torch.ones(PICTURES), 0.0)
    (gradient,) = torch.autograd.grad(total.sum(), maps)
    assert gradient.isfinite().all()
