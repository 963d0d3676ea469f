"""Masked cells, pixel by pixel."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from spatial_study import noise, subject
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.spatial.cells.trials import FILLS, CellTrial, cell_means, fill_images

IMAGES, SIZE = 6, 4
Pixels = np.ndarray


class Seen(nn.Module):
    """Keeps what it is shown, and says of it what another network would."""

    def __init__(self, says: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.shown: list[Tensor] = []
        self.says = says or (lambda images: images.mean(dim=3)[:, 0, :4])

    def forward(self, images: Tensor) -> Tensor:
        """Keep the images and return logits."""
        self.shown.append(images)
        return self.says(images)


def trial(
    module: nn.Module | None = None, *, side: int = 16, batch_size: int = 32, **changes: object
) -> CellTrial:
    net = subject(module, noise(side=side), batch_size=batch_size)
    rows = np.array([5, 40, 3, 3, 20, 11])
    return CellTrial(net, rows, torch.tensor([0, 1, 2, 3, 0, 1]), SIZE, FILLS, **changes)


def drawn(own: CellTrial, count: int = 9) -> tuple[Tensor, Tensor]:
    """Draw masks and fills, (images, count, cells) and (images, count)."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(IMAGES, count, own.cells, generator=generator) < 0.5
    return masks, torch.arange(count).remainder(len(FILLS)).expand(IMAGES, count)


def show(own: CellTrial, masks: Tensor, fills: Tensor) -> Tensor:
    return own.probabilities(fills[0].tolist(), lambda image, which: masks[image, which])


def by_hand(own: CellTrial, masks: Tensor, fills: Tensor) -> Pixels:
    """Mask pixel by pixel, (images, maskings, 3, side, side), what the network's module sees."""
    edges = np.linspace(0, own.subject.side, own.across + 1)
    edges = np.cumsum([0, *sorted(np.diff(edges.round().astype(int)), reverse=True)])
    shown = np.empty((*masks.shape[:2], 3, own.subject.side, own.subject.side))
    for image, row in enumerate(own.rows):
        intact = own.subject.read(np.array([row]))[0].double().numpy()
        filled = {
            "mean": np.broadcast_to(intact.mean(axis=(1, 2), keepdims=True), intact.shape),
            "zero": np.full_like(intact, 0.5),
            "blur": blurred(intact),
        }
        for masking in range(masks.shape[1]):
            pixels = intact.copy()
            for cell in np.flatnonzero(masks[image, masking]):
                i, j = divmod(cell, own.across)
                place = (
                    slice(None),
                    slice(edges[i], edges[i + 1]),
                    slice(edges[j], edges[j + 1]),
                )
                pixels[place] = filled[FILLS[fills[image, masking]]][place]
            shown[image, masking] = (pixels - 0.5) / 0.25
    return shown


def blurred(image: Pixels) -> Pixels:
    """Blur with zeros around the image, and divide by how much of the kernel lies inside."""
    wide = {"sigma": (0, SIZE, SIZE), "mode": "constant", "truncate": 20}
    return gaussian_filter(image, **wide) / gaussian_filter(np.ones_like(image), **wide)


@pytest.mark.parametrize("side", [16, 18])
def test_the_network_sees_images_masked_pixel_by_pixel(side: int) -> None:
    seen = Seen()
    own = trial(seen, side=side)
    masks, fills = drawn(own)
    show(own, masks, fills)
    expected = by_hand(own, masks, fills)
    np.testing.assert_allclose(
        torch.cat(seen.shown), expected.reshape(-1, 3, side, side), atol=1e-5
    )


def test_pixels_that_are_not_masked_keep_their_bits() -> None:
    seen = Seen()
    own = trial(seen)
    masks, fills = drawn(own)
    show(own, masks, fills)
    intact = (own.subject.read(own.rows)[:, None] - 0.5) / 0.25
    shown = torch.cat(seen.shown).view(IMAGES, 9, 3, 16, 16)
    hidden = masks.view(IMAGES, 9, 1, 4, 4).repeat_interleave(4, 3).repeat_interleave(4, 4)
    same = shown == intact
    assert same[~hidden.expand_as(same)].all()
    assert not same[hidden.expand_as(same)].all()


def test_zero_is_zero_for_the_network() -> None:
    seen = Seen()
    own = trial(seen)
    everything = torch.ones(own.cells, dtype=torch.bool)
    own.probabilities([1], lambda image, which: everything.expand(len(image), -1))
    assert (torch.cat(seen.shown) == 0).all()


def test_probabilities_are_those_of_the_targets() -> None:
    own = trial()
    nothing = torch.zeros(own.cells, dtype=torch.bool)
    found = own.probabilities([0, 1], lambda image, which: nothing.expand(len(image), -1))
    logits = own.subject.logits(own.subject.read(own.rows))
    expected = logits.double().softmax(dim=1)[torch.arange(IMAGES), own.targets]
    assert expected.std() > 0.1
    np.testing.assert_allclose(found, expected[:, None].expand(-1, 2), rtol=1e-5)


def test_one_fill_is_made_once_per_image_and_images_are_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, made, read = trial(batch_size=4), [], []
    monkeypatch.setattr(
        "actsense.spatial.cells.trials.fill_images",
        lambda images, fill, *rest: (made.append(fill), fill_images(images, fill, *rest))[1],
    )
    original = own.subject.images.read
    own.subject.images.read = lambda rows: (read.extend(rows), original(rows))[1]
    masks, _ = drawn(own, 20)
    own.probabilities([FILLS.index("blur")] * 20, lambda image, which: masks[image, which])
    assert made == ["blur"] * IMAGES
    assert read == own.rows.tolist()


@pytest.mark.parametrize("batch_size", [1, 7])
def test_masked_images_do_not_depend_on_the_batch(batch_size: int) -> None:
    seen, alone = Seen(), Seen()
    for module, size in ((seen, 32), (alone, batch_size)):
        own = trial(module, batch_size=size)
        masks, fills = drawn(own, 4)
        show(own, masks, fills)
    torch.testing.assert_close(torch.cat(seen.shown), torch.cat(alone.shown), rtol=0, atol=1e-6)


def test_the_blur_of_a_plain_image_is_that_image() -> None:
    plain = torch.full((2, 3, 12, 20), 0.3)
    torch.testing.assert_close(fill_images(plain, "blur", torch.zeros(3), 30), plain)


def test_another_fill_is_refused() -> None:
    with pytest.raises(ValueError, match="fill must be one of mean, zero, blur; got 'grey'"):
        fill_images(torch.zeros(1, 3, 8, 8), "grey", torch.zeros(3), 4)


@pytest.mark.parametrize("side", [16, 18])
def test_means_over_cells_are_those_of_loops(side: int) -> None:
    maps = torch.randn(3, side, side, generator=torch.Generator().manual_seed(0))
    edges = [0, 4, 8, 12, 16] if side == 16 else [0, 5, 10, 14, 18]
    spans = [slice(*ends) for ends in pairwise(edges)]
    expected = [[float(one[i, j].mean()) for i in spans for j in spans] for one in maps]
    np.testing.assert_allclose(cell_means(maps, 4), expected, rtol=1e-5, atol=1e-7)


def test_cells_of_a_plain_map_tie_whatever_their_size() -> None:
    maps = torch.tensor([0.1, 1 / 3])[:, None, None].expand(-1, 18, 18)
    means = cell_means(maps, 4)
    assert (means == maps[:, :1, 0].double()).all()


def test_logits_that_are_not_finite_are_refused() -> None:
    own = trial(Seen(lambda images: images.mean(dim=3)[:, 0, :4] * torch.inf))
    nothing = torch.zeros(own.cells, dtype=torch.bool)
    with pytest.raises(ConfigError, match=r"logits of net are not finite. Set precision: float32"):
        own.probabilities([0], lambda image, which: nothing.expand(len(image), -1))
