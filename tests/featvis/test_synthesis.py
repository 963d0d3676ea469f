"""The search against its plain form, against known optima, and against itself."""

import logging
from collections.abc import Callable
from dataclasses import fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerator import accelerator
from pydantic import ValidationError
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.featvis.pictures.model import make_model
from actsense.featvis.pictures.statistics import ImageStatistics
from actsense.featvis.search.record import Made
from actsense.featvis.search.smoothing import gradient_mask
from actsense.featvis.search.steps import Adam, Nesterov, Steps
from actsense.featvis.search.synthesis import synthesise
from actsense.featvis.settings import Objective, Picture, Search
from actsense.featvis.targets.targets import Targets
from actsense.progress import Progress

SIDE, PICTURES = 16, 3
OFF = {"jitter_px": 0, "zoom": 0.0, "rotation_degrees": 0.0}
# Everything that an iteration can do.
BUSY = {
    "mask_sigma_px": {"start": 6.0, "end": 4.0},
    "blur_sigma_px": {"start": 0.9, "end": 0.2},
    "blur_every": 2,
    "denoise_weight": {"start": 4.0, "end": 8.0},
    "denoise_every": 3,
    "brightness_every": 4,
    "canvas": 1.3,
    "window_every": 5,
    "learning_rate": {"start": 0.05, "end": 0.02},
}

Respond = Callable[[Tensor], tuple[Tensor, Tensor | None]]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.BatchNorm2d(8), nn.Conv2d(8, 12, 3), nn.ReLU())
        )
    return made.eval().requires_grad_(False)


NETWORK = network()


def respond(images: Tensor) -> tuple[Tensor, Tensor]:
    inner = NETWORK[:3](4 * images - 2)
    return NETWORK[3:](inner), inner


def photos(images: int = 40) -> Tensor:
    """Return images of soft colours."""
    small = torch.rand(images, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    return nn.functional.interpolate(small, SIDE, mode="bilinear")


def targets(*, respond: Respond = respond, response: bool = True) -> Targets:
    """Return facets of planted images: some channels that they drive, and their response."""
    found = respond(photos())[0].mean(dim=(2, 3))
    mean, std = found.mean(dim=0), found.std(dim=0)
    own = found[:PICTURES]
    contrast = (own - mean) / std
    chosen = contrast >= contrast.topk(3, dim=1).values[:, -1:]
    shape = (PICTURES, found.shape[1])
    return Targets(
        *("layer", chosen / 3.0, mean.expand(shape).clone(), std.expand(shape).clone()),
        torch.full((PICTURES, 2), -1),
        own if response else torch.full(shape, torch.nan),
    )


def units() -> Targets:
    return targets(response=False)


def made(
    *,
    respond: Respond = respond,
    own: Targets | None = None,
    starts: Tensor | None = None,
    keys: Tensor | None = None,
    groups: Tensor | None = None,
    model: str = "pixels",
    objective: dict[str, Any] | None = None,
    **options: Any,
) -> Made:
    """Search with a few iterations; options of the search, or of the function."""
    own = targets() if own is None else own
    starts = photos()[:PICTURES].flip(0) * 0.5 + 0.25 if starts is None else starts
    numbers = torch.arange(len(own))
    known = ("state", "clock", "bar", "precision")
    for_function = {name: options.pop(name) for name in known if name in options}
    statistics = options.pop("statistics", ImageStatistics.typical(starts.shape[-1]))
    kept = options.pop("kept", 3)
    return synthesise(
        *(respond, own, starts, statistics),
        keys=numbers if keys is None else keys,
        groups=numbers if groups is None else groups,
        objective=Objective.model_validate(objective or {}),
        picture=Picture.model_validate({"model": model}),
        search=Search.model_validate({"iterations": 12} | options),
        kept=kept,
        **for_function,
    )


def assert_same(one: Made, other: Made) -> None:
    for own in fields(one):
        first, second = getattr(one, own.name), getattr(other, own.name)
        if own.name == "curves":
            assert first.keys() == second.keys()
            torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)
        elif isinstance(first, Tensor):
            torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)
        else:
            assert first == second


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


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_pixels_outside_the_window_do_not_change(optimiser: str) -> None:
    """Spec test 33, first part."""
    found = made(optimiser=optimiser, mask_sigma_px=1.5, iterations=20, learning_rate=0.02)
    changed = (found.images[-1] - found.images[0]).abs().amax(dim=(0, 1))
    assert changed[0, 0] == changed[-1, -1] == 0
    assert changed[0].max() < 1e-4
    assert changed[6:10, 6:10].min() > 0.01


@pytest.mark.parametrize(
    ("edit", "moment"),
    [
        ({"blur_sigma_px": 1.0, "blur_every": 3}, 3),
        ({"denoise_weight": 2.0, "denoise_every": 3}, 3),
        ({"brightness_every": 3}, 3),
        ({"canvas": 1.5, "window_every": 3}, 3),
    ],
)
def test_pictures_are_edited_when_it_is_time(edit: dict[str, Any], moment: int) -> None:
    plain, edited = (made(iterations=4, kept=5, **OFF, **own) for own in ({}, edit))
    differ = (plain.images - edited.images).flatten(1).abs().amax(dim=1) > 0
    assert differ.tolist() == [False] * moment + [True] * (5 - moment)


def test_a_brightening_adds_grey_levels_and_stays_in_range() -> None:
    starts = photos()[:PICTURES]
    options = {"learning_rate": 0.0, "iterations": 2, **OFF}
    found = made(starts=starts, brightness_every=1, brightness_levels=51.0, **options)
    torch.testing.assert_close(found.images[-1], (starts + 0.4).clamp(max=1))


# Targets that do not respond.


def dead(images: Tensor) -> tuple[Tensor, None]:
    maps, _ = respond(images)
    alive = (torch.arange(maps.shape[1]) < 6).float().view(1, -1, 1, 1)
    return maps * alive, None


def unit_targets(*channels: int) -> Targets:
    shape = (len(channels), 12)
    return Targets(
        *("layer", torch.eye(12)[list(channels)], torch.zeros(shape), torch.ones(shape)),
        torch.full((len(channels), 2), -1),
        torch.full(shape, torch.nan),
    )


def test_targets_that_never_respond_are_one_clear_line() -> None:
    with pytest.raises(ConfigError, match="not one of its targets responds") as told:
        made(respond=dead, own=unit_targets(9, 10, 11), iterations=40)
    assert "\n" not in str(told.value)


def test_beside_others_they_are_left_at_their_start_and_marked() -> None:
    found = made(respond=dead, own=unit_targets(0, 10, 1), iterations=30, **BUSY)
    assert found.silent.tolist() == [False, True, False]
    assert (found.images[:, 1] == found.images[0, 1]).all()
    assert not found.transparency[1].any()
    moved = (found.images[-1] - found.images[0]).abs().flatten(1).amax(dim=1)
    assert (moved[[0, 2]] > 0.05).all()


def test_a_target_that_responds_a_little_later_is_waited_for() -> None:
    passes = count(1)

    def late(images: Tensor) -> tuple[Tensor, None]:
        maps, _ = respond(images)
        return (maps if next(passes) > 4 else maps * 0), None

    # Smoothness alone moves nothing until then.
    found = made(respond=late, iterations=20, kept=21, objective={"variation": 1.0})
    assert not found.silent.any()
    assert found.balance.isfinite().all()
    moved = (found.images - found.images[0]).abs().flatten(1).amax(dim=1)
    assert (moved > 0).tolist() == [False] * 5 + [True] * 16


def test_balances_stay_while_others_are_waited_for() -> None:
    own = targets()
    own.direction[1] = torch.eye(12)[10]  # a dead channel
    first, later = (made(respond=dead, own=own, iterations=last) for last in (1, 4))
    assert first.balance.isnan().tolist() == [False, True, False]
    torch.testing.assert_close(later.balance, first.balance, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", ["mask_sigma_px", "denoise_weight"])
@pytest.mark.parametrize("given", [0.0, {"start": 2.0, "end": 0.0}])
def test_numbers_that_would_be_divided_by_are_above_zero(name: str, given: Any) -> None:
    with pytest.raises(ValidationError, match=rf"{name}\.(.|\n)*should be greater than 0"):
        Search.model_validate({name: given})


# What is kept.


@pytest.mark.parametrize(
    ("iterations", "kept", "expected"),
    [(12, 4, [0, 4, 8, 12]), (1, 5, [0, 1]), (7, 3, [0, 4, 7]), (9, [2, 5], [0, 2, 5, 9])],
)
def test_pictures_are_kept_evenly_with_start_and_result(
    iterations: int, kept: Any, expected: list[int]
) -> None:
    found = made(iterations=iterations, kept=kept, learning_rate={"start": 0.1, "end": 0.0})
    assert found.kept == expected
    assert found.images.shape == (len(expected), PICTURES, 3, SIDE, SIDE)
    starts = photos()[:PICTURES].flip(0) * 0.5 + 0.25
    assert torch.equal(found.images[0], starts)
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    assert found.iterations == list(range(1, iterations + 1))


def test_curves_are_thinned_and_keep_their_ends() -> None:
    tiny = {"respond": lambda images: (images.mean(dim=(2, 3)), None), "own": tiny_targets()}
    found = made(iterations=501, starts=torch.full((1, 3, 4, 4), 0.5), **tiny)
    assert (found.iterations[0], found.iterations[-1], len(found.iterations)) == (1, 501, 200)
    assert all(curve.shape == (1, 200) for curve in found.curves.values())


def tiny_targets() -> Targets:
    shape = (1, 3)
    return Targets(
        *("layer", torch.ones(shape), torch.zeros(shape), torch.ones(shape)),
        *(torch.full((1, 2), -1), torch.full(shape, torch.nan)),
    )


def test_transparency_is_the_accumulated_size_of_gradients() -> None:
    weights = noise(12, 3 * 4 * 4, seed=3)  # other ones in every iteration
    passes, sigma = count(), {"start": 1.0, "end": 4.0}
    found = made(
        respond=lambda x: ((x.flatten(1) @ weights[next(passes)])[:, None].expand(-1, 3), None),
        own=tiny_targets(),
        starts=torch.full((1, 3, 4, 4), 0.5),
        **{"mask_sigma_px": sigma, **OFF},
    )
    sizes = weights.view(12, 3, 4, 4).abs().sum(dim=1)
    windows = [gradient_mask(4, float(one)) for one in torch.linspace(1, 4, 12)]
    size = (sizes * torch.stack(windows)).sum(dim=0)
    torch.testing.assert_close(found.transparency[0], size / size.max(), atol=1e-5, rtol=1e-4)


def test_views_move_by_a_sixteenth_if_nothing_is_said() -> None:
    assert_same(made(iterations=2), made(iterations=2, jitter_px=1))


# Going on.


class Killed(Exception):
    """Stands for whatever ends a job."""


def killed_after(passes: int) -> Respond:
    """Return a network that is shown as many batches, and no more."""
    seen = count(1)

    def watched(images: Tensor) -> tuple[Tensor, Tensor | None]:
        if next(seen) > passes:
            raise Killed
        return respond(images)

    return watched


@pytest.mark.parametrize(
    ("model", "optimiser", "busy"),
    [
        ("fourier", "adam", False),
        ("pixels", "sgd", True),
        ("pixels", "adam", True),
        ("maco", "adam", True),
    ],
)
def test_a_search_that_was_killed_goes_on_to_the_last_bit(
    model: str, optimiser: str, busy: bool, tmp_path: Path
) -> None:
    """Spec test 34: resumed at half of its iterations it equals an uninterrupted one."""
    options: dict[str, Any] = {"model": model, "optimiser": optimiser, **(BUSY if busy else {})}
    options["objective"] = {"penalty": "inner"}
    whole, state = made(**options), tmp_path / "state"
    every_iteration = {"state": state, "clock": count(0.0, 31.0).__next__}
    with pytest.raises(Killed):
        made(respond=killed_after(6), **every_iteration, **options)
    assert_same(made(respond=counted(6), **every_iteration, **options), whole)
    assert_same(made(respond=counted(0), **every_iteration, **options), whole)
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def counted(passes: int) -> Respond:
    """Return a network that must not be shown more batches than these."""
    return killed_after(passes)


def test_a_kill_while_targets_are_waited_for_loses_nothing(tmp_path: Path) -> None:
    options = {"own": unit_targets(0, 10, 1), "iterations": 24, "clock": count(0.0, 31).__next__}
    whole, state = made(respond=dead, **options), tmp_path / "state"
    left = killed_after(10)
    with pytest.raises(Killed):
        made(respond=lambda x: dead(x) if left(x) else None, state=state, **options)
    assert_same(made(respond=dead, state=state, **options), whole)


def test_the_state_is_kept_every_half_minute_and_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    shown: list[Tensor] = []
    monkeypatch.setattr(
        "actsense.featvis.search.synthesis.save_tensors",
        lambda held, path: saved.append(held["done"]),
    )
    made(
        respond=lambda images: shown.append(images) or respond(images),
        **{"iterations": 20, "state": tmp_path / "state", "clock": lambda: 4.0 * len(shown)},
    )
    assert saved == [8, 16, 20]


def another(options: dict[str, Any]) -> dict[str, Any]:
    return {"iterations": 6, "learning_rate": 0.05} | options


@pytest.mark.parametrize(
    "other",
    [
        {"learning_rate": 0.06},
        {"keys": torch.arange(PICTURES) + 1},
        {"groups": torch.zeros(PICTURES, dtype=torch.int64)},
        {"starts": photos()[:PICTURES]},
        {"own": replace(targets(), std=targets().std * 2)},
        {"own": replace(targets(), layer="other")},
        {"objective": {"power": 2}},
        {"model": "fourier"},
        {"kept": 4},
        {"precision": "tf32"},
        {"statistics": replace(ImageStatistics.typical(SIDE), mean=torch.ones(3))},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_state_of_another_search_is_not_used(
    other: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    made(state=state, **another({}))
    with caplog.at_level(logging.INFO):
        found = made(state=state, **another(other))
    assert "kept by another search, begins anew" in caplog.text
    assert_same(found, made(**another(other)))


def test_the_state_of_another_pytorch_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(state=tmp_path / "state", iterations=2)
    monkeypatch.setattr(torch, "__version__", "0.1")
    made(state=tmp_path / "state", iterations=2)
    assert "kept by another search, begins anew" in caplog.text


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", None])
def test_a_broken_state_is_not_used(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = tmp_path / "state"
    made(state=state)
    whole = state.read_bytes()
    middle = len(whole) // 2  # a flipped bit among the numbers
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    state.write_bytes(flipped if content is None else content)
    with caplog.at_level(logging.INFO):
        assert_same(made(state=state), made())
    assert "damaged" in caplog.text


def test_progress_counts_iterations_with_the_activation_as_its_note() -> None:
    with Progress(12, desc="pictures", unit="iteration") as bar:
        found = made(bar=bar)
    assert bar.done == 12
    assert bar.note == f"activation {found.curves['activation'][:, -1].median():.2f}"


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
