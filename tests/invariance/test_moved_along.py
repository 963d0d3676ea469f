"""Directions of augmentations, and invariances that were planted along them."""

from itertools import permutations, product
from math import factorial

import numpy as np
import pytest
import torch
from linear_world import LATENT, SCALE, LinearWorld, linear_world
from torch import Tensor

from actsense.augment import AUGMENTATIONS
from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.directions import (
    Directions,
    Moved,
    augmentation_directions,
    moved_along,
    rank_agreement,
)
from actsense.invariance.kept.estimates import Estimate, anchor_draws
from actsense.invariance.kept.explained import Spread, explained_variance
from actsense.invariance.kept.sampling import invariance_noise

CPU, ANCHORS = torch.device("cpu"), 20
ROWS = np.arange(ANCHORS) * 3
WORLD = linear_world()
LATENTS = torch.from_numpy(WORLD.latents(ANCHORS))
IMAGES = WORLD.decode(LATENTS)
DRAWS = anchor_draws(ANCHORS, 60, seed=0)


def found_directions(
    *names: str, images: Tensor = IMAGES, size: int = 100, **options: int
) -> Directions:
    given = {"rank": 1, "draws": 3, "seed": 0} | options
    rows = ROWS[: len(images)]
    return augmentation_directions(
        *(WORLD, images, names), rows=rows, memory=Memory(CPU, size, "x"), device=CPU, **given
    )


def made(rooms: Tensor) -> Directions:
    names = tuple(f"made {k}" for k in range(rooms.shape[1]))
    return Directions(names, rooms, np.ones(rooms.shape[:2]))


def random_rooms(factors: int, rank: int, seed: int = 0) -> Tensor:
    generator = np.random.default_rng(seed)
    drawn = generator.normal(size=(ANCHORS, factors, LATENT, rank))
    return torch.from_numpy(np.linalg.qr(drawn)[0]).mT.contiguous()


def normal(samples: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(
        np.random.default_rng(seed).normal(size=(ANCHORS, samples, LATENT))
    ).float()


def moved(samples: Tensor, directions: Directions) -> Moved:
    return moved_along(samples, directions, DRAWS, seed=0)


def values(estimates: tuple[Estimate, ...]) -> np.ndarray:
    return np.array([one.value for one in estimates])


# Where augmentations move latents.


def test_directions_are_those_of_changed_images() -> None:
    """Flips and stretches around grey are linear here; so is the encoder."""
    gray = (IMAGES * torch.tensor([0.2989, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    expected = [IMAGES.flip(3) - IMAGES, IMAGES - gray, gray - IMAGES]
    found = found_directions("hflip", "saturation", "grayscaling")
    assert found.names == ("hflip", "saturation", "grayscaling")
    assert found.rooms.shape == (ANCHORS, 3, 1, LATENT)
    for k, change in enumerate(expected):
        unit = torch.nn.functional.normalize(change.flatten(1).double(), dim=1)
        cosine = (found.rooms[:, k, 0] * unit).sum(dim=1)
        np.testing.assert_allclose(cosine.abs(), 1, atol=1e-6)
    length = torch.linalg.vector_norm(expected[0].flatten(1), dim=1) / SCALE
    np.testing.assert_allclose(found.length[:, 0], length, rtol=1e-4)


def test_rooms_are_spanned_by_the_longest_moves() -> None:
    found = found_directions("erasing", rank=2, draws=7)
    gram = found.rooms[:, 0] @ found.rooms[:, 0].mT
    ranks = gram.diagonal(dim1=1, dim2=2).sum(dim=1)
    torch.testing.assert_close(gram, torch.diag_embed(gram.diagonal(dim1=1, dim2=2)))
    assert set(ranks.round().tolist()) <= {1.0, 2.0}
    assert (ranks - ranks.round()).abs().max() < 1e-9
    # One of them alone explains most, the first; more explain more.
    one = found_directions("erasing", rank=1, draws=7)
    np.testing.assert_allclose(one.rooms[:, 0, 0].abs(), found.rooms[:, 0, 0].abs(), atol=1e-9)


def test_an_augmentation_without_parameters_has_one_direction_and_a_still_image_none() -> None:
    grey = IMAGES.clone()
    grey[3] = grey[3].mean(dim=0)
    grey[5] = 0.5
    found = found_directions("hflip", "grayscaling", images=grey, rank=3)
    sizes = torch.linalg.vector_norm(found.rooms, dim=3)
    assert not sizes[:, :, 1:].any()
    expected = torch.ones(ANCHORS, 2, dtype=torch.float64)
    expected[3, 1] = expected[5] = 0
    torch.testing.assert_close(sizes[:, :, 0], expected)


@pytest.mark.parametrize("size", [1, 7])
def test_directions_are_a_matter_of_seed_and_row(size: int) -> None:
    names = ("brightness", "rotation")
    whole, parts = found_directions(*names), found_directions(*names, size=size)
    torch.testing.assert_close(parts.length, whole.length, rtol=1e-5, atol=0)
    some = found_directions(*names, images=IMAGES[:4])
    np.testing.assert_allclose(some.length, whole.length[:4], rtol=1e-5)
    assert (found_directions(*names, seed=1).length[:, 0] != whole.length[:, 0]).all()
    assert len(np.unique(whole.length[:, 0])) == ANCHORS


def test_every_augmentation_of_the_catalogue_has_directions() -> None:
    found = found_directions(*AUGMENTATIONS, images=IMAGES[:2], draws=2)
    assert found.rooms.shape == (2, len(AUGMENTATIONS), 1, LATENT)
    assert np.isfinite(found.length).all()


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (("hflop",), {}, "augmentations: 'hflop' is not known. Nearest: hflip"),
        (("hflip", "hflip"), {}, "augmentations that differ.*got 20 images, hflip, hflip"),
        ((), {}, "got 20 images, no augmentation, 3 and 1"),
        (("hflip",), {"rank": 0}, "1 draw of 1 rank or more; got .* 3 and 0"),
        (("hflip",), {"draws": 0}, "1 draw of 1 rank or more; got .* 0 and 1"),
        (("hflip",), {"images": IMAGES[:0]}, "got 0 images"),
    ],
)
def test_directions_of_nothing_are_refused(
    names: tuple[str, ...], options: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        found_directions(*names, **options)
    assert "\n" not in str(caught.value)


# What samples move along.


def test_a_planted_direction_is_recovered() -> None:
    directions = found_directions("hflip", "saturation", "brightness")
    v = torch.from_numpy(np.random.default_rng(1).normal(size=(ANCHORS, 8, 1)))
    samples = LATENTS[:, None] + v * directions.rooms[:, 0]
    found = moved(samples.float(), directions)
    cosines = (directions.rooms[:, :, 0] * directions.rooms[:, :1, 0]).sum(dim=2)
    variance = v.var(dim=1)
    expected = (cosines**2 * variance).sum(dim=0) / variance.sum()
    np.testing.assert_allclose(values(found.invariances.alone), expected, rtol=1e-4)
    assert found.invariances.alone[0].value == pytest.approx(1)
    assert found.invariances.together.value == pytest.approx(1)
    assert found.invariances.shapley[0].value > 0.8
    assert found.images.alone[0].value < 0.4
    assert max(values(found.free)) < 1
    assert found.names == directions.names
    low, high = found.invariances.alone[1].interval
    assert low < found.invariances.alone[1].value < high


def test_shares_are_those_of_the_closed_form() -> None:
    """The linear world's samples have the same covariance around every anchor."""
    samples, each = LinearWorld.restore, 600
    noise = invariance_noise(ROWS, each, LATENT, seed=1).flatten(0, 1)
    said = torch.from_numpy(WORLD.said(LATENTS.numpy())).repeat_interleave(each, dim=0)
    drawn = samples(WORLD, noise, WORLD.embed(said)).view(ANCHORS, each, LATENT)
    rooms = random_rooms(3, 2)
    found = moved(drawn, made(rooms))
    covariance = WORLD.conditional
    along = np.einsum("akrd,de,akre->k", rooms, covariance, rooms) / ANCHORS
    np.testing.assert_allclose(
        values(found.invariances.alone), along / np.trace(covariance), atol=0.01
    )
    flat = rooms.flatten(1, 2).numpy()
    projection = np.linalg.pinv(flat) @ flat
    expected = np.einsum("ade,ed->", projection, covariance) / ANCHORS / np.trace(covariance)
    assert found.invariances.together.value == pytest.approx(expected, abs=0.01)


def test_what_is_expected_is_half_the_square_differences_to_other_anchors() -> None:
    drawn, rooms = normal(3) + LATENTS[:, None], random_rooms(2, 2)
    found = moved(drawn, made(rooms))
    above, own, below = np.zeros(2), np.zeros(2), 0.0
    for i in range(ANCHORS):
        for k in range(2):
            q = rooms[i, k].numpy()
            own[k] += (drawn[i].double().numpy() @ q.T).var(axis=0, ddof=1).sum()
        for j in set(range(ANCHORS)) - {i}:
            for s, t in product(range(3), repeat=2):
                away = (drawn[i, s] - drawn[j, t]).double().numpy()
                below += away @ away / 2 / 9 / (ANCHORS - 1)
                for k in range(2):
                    inside = rooms[i, k].numpy() @ away
                    above[k] += inside @ inside / 2 / 9 / (ANCHORS - 1)
    np.testing.assert_allclose(values(found.images.alone), above / below, rtol=1e-5)
    np.testing.assert_allclose(values(found.free), own / above, rtol=1e-5)


def test_a_layer_that_says_nothing_leaves_everything_free() -> None:
    found = moved(normal(200), made(random_rooms(3, 2)))
    np.testing.assert_allclose(values(found.free), 1, atol=0.03)
    expected = values(found.images.alone)
    np.testing.assert_allclose(values(found.invariances.alone), expected, atol=0.01)
    np.testing.assert_allclose(expected, 2 / LATENT, atol=0.01)


def test_a_room_of_all_directions_holds_all_and_is_as_free_as_variance_is_explained() -> None:
    drawn = normal(5) + 2 * LATENTS[:, None]
    everything = torch.eye(LATENT, dtype=torch.float64).expand(ANCHORS, 1, LATENT, LATENT)
    found = moved(drawn, made(everything.contiguous()))
    assert found.invariances.together.value == pytest.approx(1)
    assert found.images.together.value == pytest.approx(1)
    explained = explained_variance(Spread.of(drawn), DRAWS).by_invariances.value
    assert found.free[0].value == pytest.approx(explained, rel=1e-5)


def test_shares_of_sets_are_those_of_projections_in_any_order() -> None:
    drawn, rooms = normal(4) + LATENTS[:, None], random_rooms(4, 2, seed=3)
    found = moved(drawn, made(rooms)).invariances
    covariance = np.stack([np.cov(one.double().numpy().T) for one in drawn])
    total = np.trace(covariance, axis1=1, axis2=2).sum()

    def share(chosen: tuple[int, ...]) -> float:
        if not chosen:
            return 0.0
        flat = rooms[:, [*chosen]].flatten(1, 2).numpy()
        return float(np.einsum("ade,aed->", np.linalg.pinv(flat) @ flat, covariance) / total)

    everyone = (0, 1, 2, 3)
    last = [share(everyone) - share(tuple(j for j in everyone if j != k)) for k in everyone]
    shapley = np.zeros(4)
    for order in permutations(everyone):
        for place, k in enumerate(order):
            shapley[k] += share(order[: place + 1]) - share(order[:place])
    np.testing.assert_allclose(values(found.last), last, rtol=1e-5)
    np.testing.assert_allclose(values(found.shapley), shapley / factorial(4), rtol=1e-5)
    np.testing.assert_allclose(found.together.value, share(everyone), rtol=1e-5)
    np.testing.assert_allclose(values(found.alone), [share((k,)) for k in everyone], rtol=1e-5)


def test_shares_of_many_augmentations_add_up() -> None:
    found = moved(normal(4), made(random_rooms(7, 1))).invariances  # more orders than are tried
    total = sum(one.samples for one in found.shapley)
    np.testing.assert_allclose(total, found.together.samples, rtol=1e-9)
    assert (values(found.last) <= values(found.alone) + 0.05).all()


def test_twins_share_what_is_theirs() -> None:
    rooms = random_rooms(2, 2)
    twice = torch.cat([rooms, -rooms[:, :1].flip(2)], dim=1)
    single, found = moved(normal(4), made(rooms)), moved(normal(4), made(twice))
    shares = found.invariances
    assert shares.shapley[0].value == pytest.approx(shares.shapley[2].value)
    assert shares.last[0].value == pytest.approx(0, abs=1e-9)
    assert shares.together.value == pytest.approx(single.invariances.together.value)


def test_images_that_do_not_move_do_not_count() -> None:
    rooms = random_rooms(3, 1)
    rooms[4:, 1], rooms[:, 2] = 0, 0
    found = moved(normal(5), made(rooms))
    drawn = normal(5)[:4].double()
    variance = torch.stack([x @ q for x, q in zip(drawn, rooms[:4, 1, 0], strict=True)])
    expected = variance.var(dim=1).sum() / drawn.var(dim=1).sum()
    assert found.invariances.alone[1].value == pytest.approx(float(expected), rel=1e-5)
    for estimates in (*(found.invariances.alone, found.invariances.shapley), found.free):
        assert np.isnan(estimates[2].value)
        assert np.isfinite(estimates[1].value)
    assert np.isfinite(found.invariances.together.value)


def test_too_few_samples_or_other_anchors_are_refused() -> None:
    directions = made(random_rooms(2, 1))
    with pytest.raises(ConfigError, match="2 samples of each, or more; got 20 and 1"):
        moved(normal(1), directions)
    with pytest.raises(ConfigError, match=r"needs 2 anchors .* got 1 and 5"):
        moved(normal(5)[:1], directions)
    with pytest.raises(ValueError, match="directions and draws of the same anchors"):
        moved(normal(5)[:7], directions)
    with pytest.raises(ValueError, match="directions and draws of the same anchors"):
        moved(normal(5)[..., :4], directions)


# Beside sensitivities.


def estimates(*samples: list[float]) -> list[Estimate]:
    return [Estimate(np.array(column)) for column in zip(*samples, strict=True)]


def test_rank_agreement_is_spearmans_draw_by_draw() -> None:
    from scipy.stats import spearmanr

    generator = np.random.default_rng(0)
    own, effects = generator.normal(size=(4, 9)), generator.normal(size=9).round(1)
    found = rank_agreement(estimates(*own.tolist()), effects)
    expected = [spearmanr(row, effects).statistic for row in own]
    np.testing.assert_allclose(found.samples, expected)
    paired = rank_agreement(estimates(*own.tolist()), np.tile(effects, (4, 1)))
    np.testing.assert_allclose(paired.samples, expected)


def test_rank_agreement_leaves_out_what_is_not_known() -> None:
    own = estimates([1.0, 2.0, np.nan, 4.0], [1.0, 3.0, 2.0, 2.0])
    found = rank_agreement(own, np.array([3.0, 2.0, 9.0, 1.0]))
    np.testing.assert_allclose(found.samples, [-1, -0.5])
    assert np.isnan(rank_agreement(own[:3], np.array([3.0, 2.0, 9.0])).samples).all()
    assert np.isnan(rank_agreement(own, np.ones(4)).samples).all()
