"""What factors are used for, with a rotation in place of a flow: everything has a closed form."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from factor_world import SIZES, FactorWorld, Rotation, true_factors
from linear_world import LATENT, VARIANCE, linear_world
from scipy.stats import ks_2samp, kstest, ortho_group
from torch import Tensor

from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.factors.editing import (
    blend_factor,
    swap_factor,
    swap_matrix,
    walk_factor,
)
from actsense.invariance.factors.explained import explained_factors, factor_spreads
from actsense.invariance.factors.factors import Factors
from actsense.invariance.factors.response import FactorResponse, factor_response
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.kept.sampling import invariance_noise

CPU, FACTORS = torch.device("cpu"), true_factors()
DRAWS = torch.Generator().manual_seed(0)
FIRST, SECOND = (torch.randn(7, 6, generator=DRAWS) for _ in range(2))
TURN = Rotation().matrix
ROWS = np.arange(7) * 3


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


# Parts.


def test_parts_are_the_columns_of_the_rotation() -> None:
    parts = FACTORS.split(FIRST)
    assert [*parts] == [*FACTORS.names] == ["digit", "ground", "residual"]
    close(parts["digit"], FIRST @ TURN[:, :2])
    close(parts["ground"], FIRST @ TURN[:, 2:3])
    close(parts["residual"], FIRST @ TURN[:, 3:])
    close(FACTORS.joined(dict(reversed(parts.items()))), FIRST)


def test_a_part_is_replaced_and_the_others_stay() -> None:
    changed = FACTORS.split(FACTORS.replaced(FIRST, "ground", torch.full((7, 1), 9.0)))
    close(changed["ground"], torch.full((7, 1), 9.0))
    for name in ("digit", "residual"):
        close(changed[name], FACTORS.split(FIRST)[name])


@pytest.mark.parametrize(
    "use",
    [
        lambda name: FACTORS.place(name),
        lambda name: FACTORS.joined({name: FIRST}),
        lambda name: swap_factor(FACTORS, FIRST, SECOND, name),
        lambda name: blend_factor(FACTORS, FIRST, SECOND, name, 3),
        lambda name: walk_factor(FACTORS, FIRST, ROWS, name, steps=2, length=0.1, seed=0),
        lambda name: respond(name),
    ],
)
def test_an_unknown_factor_is_told(use: Callable[[str], object]) -> None:
    with pytest.raises(ConfigError, match=r"no factor `sky`\. There are: digit, ground, residual"):
        use("sky")


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ConfigError, match=r"`digit` of these latents has shape \(7, 2\); got"):
        FACTORS.replaced(FIRST, "digit", torch.zeros(7, 3))
    with pytest.raises(ConfigError, match="no factor `residual`"):
        FACTORS.joined({"digit": FIRST[:, :2], "ground": FIRST[:, :1]})
    with pytest.raises(ConfigError, match="sum up to the 6 numbers"):
        Factors(Rotation(), {"digit": 3, "residual": 1})


# Other images.


@pytest.mark.parametrize("name", SIZES)
def test_swaps_bring_one_part_and_swapped_back_nothing(name: str) -> None:
    swapped = swap_factor(FACTORS, FIRST, SECOND, name)
    own, other, found = (FACTORS.split(x) for x in (FIRST, SECOND, swapped))
    for part in SIZES:
        close(found[part], other[part] if part == name else own[part])
    close(swap_factor(FACTORS, swapped, FIRST, name), FIRST)
    close(swap_factor(FACTORS, FIRST, FIRST, name), FIRST)


def test_all_swaps_one_after_another_are_the_other_image() -> None:
    latents = FIRST
    for name in SIZES:
        latents = swap_factor(FACTORS, latents, SECOND, name)
    close(latents, SECOND)


def test_a_matrix_has_the_part_of_its_columns() -> None:
    found = swap_matrix(FACTORS, FIRST[:3], SECOND[:2], "digit")
    assert found.shape == (3, 2, 6)
    for row in range(3):
        for column in range(2):
            one, other = FIRST[row : row + 1], SECOND[column : column + 1]
            close(found[row, column], swap_factor(FACTORS, one, other, "digit")[0])


def test_a_way_is_straight_between_parts_and_ends_in_a_swap() -> None:
    found = blend_factor(FACTORS, FIRST, SECOND, "digit", 5)
    close(found[:, 0], FIRST)
    close(found[:, 4], swap_factor(FACTORS, FIRST, SECOND, "digit"))
    steps = FACTORS.encode(found.flatten(0, 1)).view(7, 5, 6).diff(dim=1)
    close(steps, steps[:, :1].expand_as(steps))
    close(blend_factor(FACTORS, FIRST, SECOND, None, 3)[:, 2], SECOND)
    with pytest.raises(ConfigError, match="2 images at least; got 1"):
        blend_factor(FACTORS, FIRST, SECOND, "digit", 1)


def test_walks_stay_among_the_values_of_images() -> None:
    """Steps are correlated by sqrt(1 - length^2), and every one is standard normal."""
    start = torch.randn(3000, 6, generator=torch.Generator().manual_seed(1))
    rows = np.arange(3000)
    found = walk_factor(FACTORS, start, rows, "digit", steps=4, length=0.6, seed=0)
    assert found.shape == (3000, 5, 6)
    close(found[:, 0], start)
    e = FACTORS.encode(found.flatten(0, 1)).view(found.shape)
    close(e[:, :, 2:], e[:, :1, 2:].expand(-1, 5, -1))
    for number in range(2):
        walked = e[:, :, number].double().numpy()
        correlation = np.corrcoef(walked.T)
        expected = 0.8 ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
        np.testing.assert_allclose(correlation, expected, atol=0.06)  # 3.3 standard errors
        assert kstest(walked[:, 4], "norm").pvalue > 0.001
    correlation = np.corrcoef(e[:, 4, :2].T.double().numpy())
    assert abs(correlation[0, 1]) < 0.06


def test_walks_follow_from_row_and_seed() -> None:
    walks = [
        walk_factor(
            FACTORS, FIRST[[place]], ROWS[[place]], "digit", steps=3, length=0.5, seed=seed
        )
        for place, seed in ((2, 0), (2, 1))
    ]
    together = walk_factor(FACTORS, FIRST, ROWS, "digit", steps=3, length=0.5, seed=0)
    close(together[2], walks[0][0])
    assert (walks[0] - walks[1])[:, 1:].abs().max() > 0.1
    with pytest.raises(ConfigError, match="up to 1 standard deviation long; got 0"):
        walk_factor(FACTORS, FIRST, ROWS, "digit", steps=3, length=0, seed=0)


# What a network makes of them.


@dataclass(frozen=True)
class Plain:
    """Images that are the latents."""

    def decode(self, latents: Tensor) -> Tensor:
        """Return them as they are."""
        return latents


def signs(images: Tensor) -> Tensor:
    """Tell images by the first number of their digit: classes 0 and 1, and 2 never."""
    value = (images @ TURN)[:, 0]
    return torch.stack([-value, value, torch.full_like(value, -99)], dim=1)


def respond(name: str, size: int = 50, samples: int = 40, anchors: int = 7) -> FactorResponse:
    return factor_response(
        *(FACTORS, Plain(), signs, FIRST[:anchors], ROWS[:anchors], name),
        **{"samples": samples, "seed": 0, "memory": Memory(CPU, size, "images")},  # type: ignore[arg-type]
    )


def test_a_network_sees_its_factor_and_no_other() -> None:
    for name in ("ground", "residual"):
        assert not respond(name).changed.any()
        assert not respond(name).scatter.any()
    found = respond("digit", samples=600)
    np.testing.assert_array_equal(found.own, signs(FIRST).argmax(dim=1))
    np.testing.assert_allclose(found.changed, 0.5, atol=0.08)  # four standard errors
    share = found.drawn.mean(axis=1)
    np.testing.assert_allclose(found.scatter, np.sqrt(share * (1 - share)))
    counts = found.counts(3)
    assert counts.sum() == 7 * 600
    np.testing.assert_array_equal(counts.sum(axis=1), 600 * np.bincount(found.own, minlength=3))
    np.testing.assert_array_equal(
        counts.sum(axis=0), np.bincount(found.drawn.ravel(), minlength=3)
    )


@pytest.mark.parametrize("size", [1, 41, 64])
def test_responses_are_the_same_in_batches_of_any_size(size: int) -> None:
    found, whole = respond("digit", size), respond("digit", 1000)
    np.testing.assert_array_equal(found.drawn, whole.drawn)
    np.testing.assert_array_equal(found.own, whole.own)
    np.testing.assert_array_equal(respond("digit", anchors=3).drawn, whole.drawn[:3])
    assert len(np.unique(whole.drawn, axis=0)) > 4


def test_a_drawn_part_is_standard_normal() -> None:
    seen: list[Tensor] = []

    def network(images: Tensor) -> Tensor:
        seen.append(FACTORS.encode(images))
        return images

    factor_response(
        *(FACTORS, Plain(), network, FIRST, ROWS, "residual"),
        **{"samples": 300, "seed": 1, "memory": Memory(CPU, 500, "images")},  # type: ignore[arg-type]
    )
    e = torch.cat(seen).view(7, 301, 6)[:, 1:]
    close(e[..., :3], FACTORS.encode(FIRST)[:, None, :3].expand(-1, 300, -1))
    drawn = e[..., 3:].double().numpy()
    assert len(np.unique(drawn)) > 0.99 * 7 * 300 * 3
    for number in range(3):
        assert kstest(drawn[..., number].ravel(), "norm").pvalue > 0.001
    assert ks_2samp(drawn[0].ravel(), drawn[1].ravel()).statistic < 0.1


# What a layer keeps of them.


def test_shares_are_those_of_the_closed_form() -> None:
    """A linear layer; parts in directions that are none of its own."""
    world, turn = linear_world(), ortho_group.rvs(LATENT, random_state=1)
    sizes = {"digit": 3, "ground": 4, "residual": 5}
    factors = Factors(Rotation(LATENT, torch.from_numpy(turn).float()), sizes)
    anchors, samples = 500, 20
    said = world.said(world.latents(anchors))
    noise = invariance_noise(np.arange(anchors), samples, LATENT, seed=0)
    memory = Memory(CPU, 700, "samples")
    spreads = factor_spreads(factors, world, said, noise, memory=memory, device=CPU)
    found = explained_factors(spreads, anchor_draws(anchors, 300, seed=0))
    assert [*found] == [*sizes]
    for name, share in found.items():
        axes = turn[:, factors.place(name)]
        remaining = np.trace(axes.T @ world.conditional @ axes)
        total = np.trace(axes.T @ np.diag(VARIANCE) @ axes)
        low, high = share.by_layer.interval
        assert low - 0.01 < 1 - remaining / total < high + 0.01
        assert high - low < 0.1
        np.testing.assert_allclose(share.within.value, remaining, rtol=0.03)


@dataclass(frozen=True)
class Keeping:
    """A layer that says a part of the latent, exactly, and nothing else."""

    name: str

    def embed(self, condition: Tensor) -> Tensor:
        """Return the part."""
        return condition

    def restore(self, v: Tensor, embedded: Tensor) -> Tensor:
        """Return latents of this part, and any others."""
        return FACTORS.replaced(v, self.name, embedded)


@pytest.mark.parametrize("name", SIZES)
def test_a_layer_that_says_one_factor_explains_it_alone(name: str) -> None:
    latents = FactorWorld().pairs(100, seed=0).latents.mean[:200]
    said = FACTORS.split(torch.from_numpy(latents))[name].numpy()
    noise = invariance_noise(np.arange(200), 10, 6, seed=0)
    spreads = factor_spreads(
        *(FACTORS, Keeping(name), said, noise), memory=Memory(CPU, 100, "samples"), device=CPU
    )
    for part, share in explained_factors(spreads, anchor_draws(200, 100, seed=0)).items():
        assert share.by_layer.value == pytest.approx(float(part == name), abs=0.05)


def test_samples_of_another_autoencoder_are_told() -> None:
    noise = invariance_noise(np.arange(3), 2, 8, seed=0)
    with pytest.raises(ConfigError, match="latents of 6 numbers, samples of 8"):
        factor_spreads(
            *(FACTORS, Keeping("digit"), np.zeros((3, 2)), noise),
            memory=Memory(CPU, 9, "samples"),
            device=CPU,
        )
