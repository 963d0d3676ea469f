"""The search against its plain form, against known optima, and against itself."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from accelerator import accelerator
from searches import (
    BUSY,
    OFF,
    PICTURES,
    SIDE,
    assert_same,
    made,
    network,
    noise,
    photos,
    respond,
    targets,
    units,
)
from torch import Tensor, nn

from actsense.featvis.pictures.model import make_model
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.steps import Adam, Nesterov, Steps
from actsense.featvis.settings import Picture
from actsense.featvis.targets.targets import Targets

# Against the plain form.


@pytest.mark.parametrize("model", ["pixels", "fourier", "maco"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_with_everything_off_the_search_is_a_loop_of_ten_lines(model: str, optimiser: str) -> None:
    own, starts = units(), photos()[:PICTURES] * 0.5 + 0.25
    plain = make_model(Picture(model=model), starts, ImageStatistics.typical(SIDE))  # type: ignore[arg-type]
    (leaf,) = plain.parameters
    stepping = {
        "adam": torch.optim.Adam([leaf], lr=0.03),
        "sgd": torch.optim.SGD([leaf], lr=0.03, momentum=0.9, nesterov=True),
    }[optimiser]
    scale = 1.0
    for step in range(6):
        stepping.zero_grad()
        (-own.activation(respond(plain.images())[0].mean(dim=(2, 3)))).sum().backward()
        if optimiser == "sgd":
            size = leaf.grad.flatten(1).pow(2).mean(dim=1).sqrt()
            scale = size.view(-1, *[1] * (leaf.ndim - 1)) if not step else scale
            leaf.grad *= 0.1 / scale
        stepping.step()
    options = {"optimiser": optimiser, "learning_rate": 0.03, "iterations": 6, **OFF}
    found = made(own=own, starts=starts, model=model, **options)
    torch.testing.assert_close(found.images[-1], plain.images().detach(), atol=2e-6, rtol=0)
    assert (found.images[-1] - found.images[0]).abs().max() > 0.02


def test_the_whole_loss_is_that_of_the_definition() -> None:
    own, starts = targets(), photos()[:PICTURES] * 0.97 + 0.01
    objective = {"power": 2, "distance": "l2", "balance": 3.0, "variation": 0.7}
    objective |= {"penalty": "inner", "penalty_weight": {"start": 0.5, "end": 2.5}}
    found = made(own=own, starts=starts, objective=objective, iterations=3, kept=4, **OFF)
    for place, images in enumerate(found.images[:3]):
        maps, inner = respond(images)
        o = maps.mean(dim=(2, 3))
        cosine = nn.functional.cosine_similarity(o, own.response)
        activation = (own.direction * (o - own.mean) / own.std).sum(1)
        distance = ((o - own.response) / own.std).square().mean(1)
        penalty = inner.abs().mean(dim=(1, 2, 3))
        across, down = images.diff(dim=3).abs(), images.diff(dim=2).abs()
        variation = (across.mean(dim=(1, 2, 3)) + down.mean(dim=(1, 2, 3))) / 2
        total = (
            *(-activation * torch.where(activation > 0, cosine**2, 1), found.balance * distance),
            *((0.5, 1.5, 2.5)[place] * penalty, 0.7 * variation),
        )
        curves = {name: curve[:, place] for name, curve in found.curves.items()}
        expected = {"total": sum(total), "activation": activation, "cosine": cosine}
        expected |= {"distance": distance, "penalty": penalty, "variation": variation}
        torch.testing.assert_close(curves, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("balance", [0.5, 2.0])
def test_gradients_are_balanced_at_the_first_iteration(balance: float) -> None:
    own, starts = targets(), photos()[3 : 3 + PICTURES]
    found = made(own=own, starts=starts, objective={"balance": balance, "power": 0}, **OFF)
    images = starts.clone().requires_grad_()
    o = respond(images)[0].mean(dim=(2, 3))
    r = (o - own.response) / own.std
    lengths = []
    for value in (own.activation(o), (r.square() + 1).sqrt().mean(dim=1)):
        (gradient,) = torch.autograd.grad(value.sum(), images, retain_graph=True)
        lengths.append(gradient.flatten(1).norm(dim=1))
    torch.testing.assert_close(found.balance * lengths[1], balance * lengths[0], rtol=1e-4, atol=0)


def test_without_a_response_or_its_weight_there_is_no_distance() -> None:
    found = made(own=units())
    for name in ("cosine", "distance", "penalty"):
        assert found.curves[name].isnan().all()
    assert found.balance.isnan().all()
    alone = made(objective={"balance": 0.0})
    assert (alone.balance == 0).all()
    assert alone.curves["distance"].isfinite().all()
    expected = -alone.curves["activation"] * alone.curves["cosine"].clamp(min=0.1)
    some = alone.curves["activation"] > 0
    torch.testing.assert_close(alone.curves["total"][some], expected[some])


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        (Adam, lambda leaf: torch.optim.Adam([leaf], lr=1.0)),
        (Nesterov, lambda leaf: torch.optim.SGD([leaf], lr=1.0, momentum=0.9, nesterov=True)),
    ],
)
def test_steps_are_those_of_pytorchs_optimisers(own: type[Steps], theirs: Callable) -> None:
    mine, leaf = noise(4, 5), noise(4, 5).requires_grad_()
    steps, stepping = own([mine]), theirs(leaf)
    for step in range(8):
        rate, gradient = 0.1 / (step + 1), noise(4, 5, seed=step) * 10.0**-step
        gradient[step % 4] = 0
        stepping.param_groups[0]["lr"] = rate
        leaf.grad = gradient.clone()
        stepping.step()
        steps.step([gradient], rate)
        torch.testing.assert_close(mine, leaf.detach(), rtol=1e-6, atol=1e-7)
    assert steps.taken == 8


# Against known optima.


def test_of_a_linear_layer_the_best_image_is_black_and_white() -> None:
    weight = noise(PICTURES, 3 * 4 * 4, seed=3)
    own = Targets(
        *("layer", torch.eye(PICTURES), torch.zeros(PICTURES, PICTURES)),
        *(torch.ones(PICTURES, PICTURES), torch.full((PICTURES, 2), -1)),
        torch.full((PICTURES, PICTURES), torch.nan),
    )
    found = made(
        respond=lambda images: (images.flatten(1) @ weight.T, None),
        own=own,
        starts=torch.full((PICTURES, 3, 4, 4), 0.5),
        iterations=60,
        **OFF,
    )
    best = (weight > 0).float().view(PICTURES, 3, 4, 4)
    torch.testing.assert_close(found.images[-1], best, atol=1e-6, rtol=0)
    rising = found.curves["activation"]
    assert (rising.diff(dim=1) >= 0).all()
    torch.testing.assert_close(rising[:, -1], weight.clamp(min=0).sum(dim=1))


@pytest.mark.parametrize("model", ["fourier", "pixels"])
def test_pictures_drive_their_channels_and_stay_like_their_facet(model: str) -> None:
    """Spec test 30, first part."""
    own = targets()
    found = made(own=own, model=model, iterations=60, starts=photos()[8 : 8 + PICTURES])
    total, activation = found.curves["total"], found.curves["activation"]
    assert (total[:, -5:].mean(1) < total[:, :5].mean(1)).all()
    natural = own.activation(own.response).median()
    assert activation[:, -1].median() >= 1.5 * max(float(activation[:, 0].median()), 0.1)
    assert activation[:, -1].median() > natural
    assert (found.curves["cosine"][:, -1] >= 0.7).all()


@pytest.mark.parametrize("distance", ["charbonnier", "huber", "l2", "l1", "cosine"])
def test_where_the_distance_is_all_a_picture_comes_to_resemble_its_facet(distance: str) -> None:
    """Spec test 30, second part."""
    found = made(
        objective={"distance": distance, "balance": 1000.0},
        starts=photos()[8 : 8 + PICTURES],
        **{"iterations": 60, "learning_rate": {"start": 0.02, "end": 0.001}, **OFF},
    )
    curve = found.curves["distance"].unfold(1, 10, 1).mean(dim=2)
    assert (curve.diff(dim=1) <= 0.005 * curve[:, :1]).all()
    assert (curve[:, -1] < 0.3 * curve[:, 0]).all()
    assert (found.curves["cosine"][:, -1] > found.curves["cosine"][:, 0]).all()


def test_distributions_of_activations_are_reached() -> None:
    facet = photos()[:PICTURES]
    wanted = respond(facet)[0].flatten(2).sort(dim=2).values
    found = made(
        own=replace(targets(), sorted=wanted),
        objective={"distance": "distribution", "balance": 100.0},
        starts=photos()[8 : 8 + PICTURES],
        **{"iterations": 60, **OFF},
    )
    distance = found.curves["distance"]
    assert (distance[:, -1] < 0.2 * distance[:, 0]).all()


def test_several_pictures_of_one_target_differ_by_diversity() -> None:
    own = units()[torch.tensor([0, 0, 0])]
    starts = photos()[3:4].expand(PICTURES, -1, -1, -1) + 0.01 * noise(PICTURES, 3, SIDE, SIDE)
    alike = []
    for diversity in (0.0, 5.0):
        found = made(
            own=own,
            starts=starts.clamp(0, 1),
            groups=torch.zeros(PICTURES, dtype=torch.int64),
            objective={"diversity": diversity},
            iterations=30,
        )
        maps = respond(found.images[-1])[0].flatten(2)
        grams = nn.functional.normalize((maps @ maps.mT).flatten(1))
        alike.append(float((grams @ grams.T).sum() - PICTURES))
    assert alike[1] < 0.9 * alike[0]


# What it does not depend on.


def test_two_runs_are_equal_to_the_last_bit() -> None:
    for model in ("pixels", "fourier", "maco"):
        assert_same(made(model=model), made(model=model))


def test_a_picture_does_not_depend_on_the_others() -> None:
    own, starts, keys = targets(), photos()[:PICTURES] * 0.5 + 0.25, torch.tensor([11, 12, 13])
    whole = made(own=own, starts=starts, keys=keys, **BUSY)
    for place in range(PICTURES):
        one = slice(place, place + 1)
        alone = made(own=own[one], starts=starts[one], keys=keys[one], **BUSY)
        torch.testing.assert_close(alone.images, whole.images[:, one], atol=1e-4, rtol=0)
        torch.testing.assert_close(alone.balance, whole.balance[one], rtol=1e-4, atol=0)


def test_a_picture_depends_on_its_key() -> None:
    one, other = (made(keys=torch.arange(PICTURES) + shift) for shift in (0, 5))
    assert (one.images[-1] - other.images[-1]).abs().flatten(1).amax(dim=1).min() > 0.01


def test_a_penalty_of_weight_zero_changes_nothing() -> None:
    """Spec test 33, second part."""
    without = made()
    weightless = made(objective={"penalty": "inner", "penalty_weight": 0.0})
    heavy = made(objective={"penalty": "inner", "penalty_weight": 5.0})
    assert torch.equal(without.images, weightless.images)
    assert weightless.curves["penalty"].isfinite().all()
    assert (heavy.curves["penalty"][:, -1] < weightless.curves["penalty"][:, -1]).all()


# On a GPU.


@pytest.mark.parametrize("model", ["pixels", "fourier", "maco"])
def test_pictures_are_made_on_a_gpu_as_on_the_host(model: str) -> None:
    options = {"model": model, "iterations": 4, **BUSY}
    expected, own, starts = made(**options), targets(), photos()[:PICTURES].flip(0) * 0.5 + 0.25
    with accelerator() as device:
        weights = network().to(device)

        def there(images: Tensor) -> tuple[Tensor, Tensor | None]:
            return weights(4 * images - 2), None

        numbers = torch.arange(PICTURES).to(device)
        found = made(
            **{"respond": there, "own": own.to(device), "starts": starts.to(device)},
            **{"keys": numbers, "groups": numbers, **options},
        )
    assert found.images.device.type == "cpu"
    torch.testing.assert_close(found.images, expected.images, atol=1e-3, rtol=0)
