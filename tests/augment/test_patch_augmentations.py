"""The two augmentations of patches: what their parameters do, and that their draws are uniform."""

import pytest
import torch
from scipy.stats import chisquare

from actsense.augment.patches import cell_map, mask_patches, shuffle_patches


def test_the_augmentation_shuffles_a_grid_by_its_seed() -> None:
    images = torch.rand(40, 3, 13, 17, generator=torch.Generator().manual_seed(0))
    values = torch.tensor([[k, seed] for k in (1, 2, 4, 8) for seed in range(10)]).float()

    shuffled = shuffle_patches(images, values)

    differ = (shuffled != images).flatten(1).any(dim=1)
    assert not differ[:10].any()
    assert differ[20:].all()
    for i, k in enumerate(values[:, 0].long().tolist()):
        height, width = 13 // k, 17 // k
        cells = [
            x[:, (13 % k) // 2 :, (17 % k) // 2 :][:, : height * k, : width * k]
            .unfold(1, height, height)
            .unfold(2, width, width)
            .permute(1, 2, 0, 3, 4)
            .reshape(k * k, -1)
            .tolist()
            for x in (shuffled[i], images[i])
        ]
        assert sorted(cells[0]) == sorted(cells[1])


def test_the_augmentation_draws_every_arrangement_equally_often() -> None:
    image = torch.arange(4.0).view(1, 1, 2, 2).expand(24_000, 3, 2, 2)
    values = torch.tensor([[2.0, 0.0]]).repeat(24_000, 1)
    values[:, 1] = torch.arange(24_000) * 699.0

    shuffled = shuffle_patches(image, values)

    _, counts = torch.unique(shuffled[:, 0].flatten(1), dim=0, return_counts=True)
    assert len(counts) == 24
    assert chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("size", [(32, 32), (13, 17)])
def test_masking_hides_the_share_of_cells_and_keeps_the_rest(size: tuple[int, int]) -> None:
    images = torch.rand(90, 3, *size, generator=torch.Generator().manual_seed(0))
    draws = [(k, share, i) for k in (2, 4, 8) for share in (0.1, 0.3, 0.5) for i in range(10)]

    masked = mask_patches(images, torch.tensor(draws))

    for (k, share, _), before, after in zip(draws, images, masked, strict=True):
        cells = cell_map(*size, k, "bands")
        changed = (before != after).all(dim=0)
        hidden = cells[changed].unique()
        assert len(hidden) == max(1, round(share * k * k))
        assert torch.equal(changed, torch.isin(cells, hidden))
        assert torch.equal(after[:, ~changed], before[:, ~changed])
        mean = before.double().mean(dim=(1, 2)).float()
        torch.testing.assert_close(after[:, changed], mean[:, None].expand(-1, changed.sum()))


def test_masking_hides_every_cell_equally_often() -> None:
    values = torch.tensor([[4.0, 0.25, 0.0]]).repeat(8000, 1)
    values[:, 2] = torch.arange(8000) * 2000.0
    images = torch.arange(16.0).view(1, 1, 4, 4).expand(8000, 3, 4, 4) / 20

    hidden = (mask_patches(images, values) != images)[:, 0].flatten(1).double().mean(dim=0)

    assert (abs(hidden - 0.25) < 4 * (0.25 * 0.75 / 8000) ** 0.5).all()


def test_mask_and_shuffle_of_one_seed_are_unrelated() -> None:
    """The first cell to be hidden and the content of the first cell, over many seeds."""
    values = torch.tensor([[2.0, 0.25, 0.0]]).repeat(8000, 1)
    values[:, 2] = torch.arange(8000)
    images = torch.arange(4.0).view(1, 1, 2, 2).expand(8000, 3, 2, 2)

    first = shuffle_patches(images, values[:, [0, 2]])[:, 0, 0, 0].long()
    hidden = (mask_patches(images / 4, values) != images / 4)[:, 0].flatten(1).int().argmax(dim=1)

    _, counts = torch.unique(4 * first + hidden, return_counts=True)
    assert len(counts) == 16
    assert chisquare(counts.numpy()).pvalue > 1e-3
