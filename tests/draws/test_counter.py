"""Counter-based random numbers: the published generator, uniform, and independent of company."""

import pytest
import torch
from scipy.stats import chisquare

from actsense.draws.counter import counter_keys, counter_noise, counter_permutations


def test_noise_is_splitmix64() -> None:
    # What Vigna's public reference implementation returns first for the seed 1234567.
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    noise = counter_noise(torch.tensor([1234567]), 5)[0]
    assert [int(number) % 2**64 for number in noise] == expected


def test_a_key_does_not_depend_on_its_company() -> None:
    many = counter_keys(7, [3, torch.arange(100), 2])
    for part in (torch.tensor([41]), torch.arange(40, 43)):
        torch.testing.assert_close(counter_keys(7, [3, part, 2]), many[part], rtol=0, atol=0)


@pytest.mark.parametrize("other", [(8, [3, 5]), (7, [5, 3]), (7, [3]), (7, [3, 5, 0])])
def test_every_part_and_its_place_matter(other: tuple[int, list[int]]) -> None:
    assert int(counter_keys(*other)) != int(counter_keys(7, [3, 5]))


def test_permutations_are_uniform() -> None:
    orders = counter_permutations(counter_keys(0, [torch.arange(24_000)]), 4)
    _, counts = torch.unique(orders, dim=0, return_counts=True)
    assert len(counts) == 24
    assert chisquare(counts.numpy()).pvalue > 1e-3


def test_neighbouring_keys_are_unrelated() -> None:
    first, second = (
        counter_noise(counter_keys(seed, [torch.arange(20_000)]), 1)[:, 0].double()
        for seed in (0, 1)
    )
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1]) < 4 / 20_000**0.5
    assert abs(torch.corrcoef(torch.stack([first[1:], first[:-1]]))[0, 1]) < 4 / 20_000**0.5


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    counter_permutations(counter_keys(0, [torch.arange(3)]), 9)
    assert torch.equal(torch.get_rng_state(), before)
