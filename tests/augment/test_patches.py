"""Patches change places as their permutations say, and permutations are uniform."""

from itertools import permutations, product
from math import factorial

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor
from torchvision.transforms import v2

from actsense.augment.patches import (
    PatchShuffle,
    cell_map,
    moved_share,
    patch_shuffle,
    patch_unshuffle,
    shuffle_keys,
    shuffled_area,
)

Cells = int | tuple[int, int] | Tensor

SIZES = [(32, 32), (13, 17), (20, 11)]
CELLS = [2, 3, 5, (2, 5), (4, 1), torch.tensor([1, 3, 2, 5, 5, 4])]
BATCH = 6


def numbered(height: int, width: int, *, batch: int = BATCH) -> Tensor:
    """Images of which no two values are equal, so that every pixel is known by its value."""
    return torch.arange(batch * 2 * height * width).view(batch, 2, height, width)


def keys(k: Cells, *, count: int = BATCH, repeat: int = 0) -> Tensor:
    return shuffle_keys(3, torch.arange(count), k, repeat)


def sides(k: Cells, image: int) -> tuple[int, int]:
    """Rows and columns of cells of one image."""
    if isinstance(k, Tensor):
        return int(k[image]), int(k[image])
    return k if isinstance(k, tuple) else (k, k)


def sizes_of_bands(side: int, count: int) -> list[int]:
    return [side // count + (band < side % count) for band in range(count)]


def shuffled_as_defined(image: Tensor, rows: int, columns: int, mode: str, order: list) -> Tensor:
    """Cut an image into pieces with slices, and put the pieces together."""
    if mode == "bands":
        down = image.split(sizes_of_bands(image.shape[1], rows), dim=1)
        image = torch.cat([down[band] for band in order[0]], dim=1)
        across = image.split(sizes_of_bands(image.shape[2], columns), dim=2)
        return torch.cat([across[band] for band in order[1]], dim=2)
    height, width = image.shape[1] // rows, image.shape[2] // columns
    top, left = (image.shape[1] - rows * height) // 2, (image.shape[2] - columns * width) // 2
    places = [
        (
            slice(None),
            slice(top + i * height, top + (i + 1) * height),
            slice(left + j * width, left + (j + 1) * width),
        )
        for i, j in product(range(rows), range(columns))
    ]
    result = image.clone()
    for place, source in zip(places, order[0], strict=True):
        result[place] = image[places[source]]
    return result


def split(permutation: Tensor, k: Cells, mode: str, image: int) -> list:
    """Orders of one image's cells, or of its row and of its column bands."""
    rows, columns = sides(k, image)
    numbers = permutation[image].tolist()
    if mode == "grid":
        return [numbers[: rows * columns]]
    first = len(numbers) // 2 if isinstance(k, Tensor) else rows
    return [numbers[:rows], numbers[first : first + columns]]


@pytest.mark.parametrize("mode", ["grid", "bands"])
@pytest.mark.parametrize("k", CELLS, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_shuffling_equals_cutting_with_slices(size: tuple[int, int], k: Cells, mode: str) -> None:
    images = numbered(*size)

    shuffled, permutation = patch_shuffle(images, k, mode, keys=keys(k))

    for i in range(BATCH):
        order = split(permutation, k, mode, i)
        expected = shuffled_as_defined(images[i], *sides(k, i), mode, order)
        assert torch.equal(shuffled[i], expected)
    assert not torch.equal(shuffled, images)


@pytest.mark.parametrize("mode", ["grid", "bands"])
@pytest.mark.parametrize("k", CELLS, ids=str)
def test_a_number_per_image_shuffles_as_one_for_all(k: Cells, mode: str) -> None:
    if not isinstance(k, Tensor):
        k = torch.tensor([sides(k, 0)[0], 6, 1])
    images = numbered(13, 17, batch=len(k))
    own = keys(k, count=len(k))

    together, _ = patch_shuffle(images, k, mode, keys=own)

    for i, number in enumerate(k.tolist()):
        alone, _ = patch_shuffle(images[i : i + 1], number, mode, keys=own[i : i + 1])
        assert torch.equal(together[i : i + 1], alone)


@pytest.mark.parametrize("mode", ["grid", "bands"])
@pytest.mark.parametrize("k", CELLS, ids=str)
def test_unshuffling_restores_every_pixel(k: Cells, mode: str) -> None:
    images = numbered(13, 17)
    shuffled, permutation = patch_shuffle(images, k, mode, keys=keys(k))

    assert torch.equal(patch_unshuffle(shuffled, k, mode, permutation=permutation), images)


@pytest.mark.parametrize("mode", ["grid", "bands"])
def test_a_permutation_given_back_repeats_the_shuffle(mode: str) -> None:
    images = numbered(13, 17)
    shuffled, permutation = patch_shuffle(images, 4, mode, keys=keys(4))

    again, same = patch_shuffle(images, 4, mode, permutation=permutation)

    assert torch.equal(again, shuffled)
    assert torch.equal(same, permutation)


@pytest.mark.parametrize(
    ("mode", "remainder"),
    [("grid", "keep"), ("grid", "crop"), ("grid", "resize"), ("bands", "keep")],
)
def test_one_cell_is_the_identity_to_the_bit(mode: str, remainder: str) -> None:
    images = torch.rand(4, 3, 19, 23, generator=torch.Generator().manual_seed(0))

    shuffled, _ = patch_shuffle(images, 1, mode, keys=keys(1, count=4), remainder=remainder)

    assert torch.equal(shuffled, images)


@pytest.mark.parametrize("mode", ["grid", "bands"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.float16, torch.float64])
@pytest.mark.parametrize("channels", [1, 3, 7])
def test_any_type_and_number_of_channels_are_kept(
    channels: int, dtype: torch.dtype, mode: str
) -> None:
    images = torch.rand(3, channels, 12, 9, generator=torch.Generator().manual_seed(0))
    images = (images * 200).to(dtype)

    shuffled, permutation = patch_shuffle(images, 3, mode, keys=keys(3, count=3))

    assert (shuffled.shape, shuffled.dtype) == (images.shape, dtype)
    assert shuffled.device == images.device
    assert torch.equal(patch_unshuffle(shuffled, 3, mode, permutation=permutation), images)


def test_memory_layout_does_not_matter() -> None:
    images = numbered(12, 9)
    striped = images.contiguous(memory_format=torch.channels_last)[:, :, :, 1:]

    shuffled, _ = patch_shuffle(striped, 2, keys=keys(2))

    assert torch.equal(shuffled, patch_shuffle(images[..., 1:], 2, keys=keys(2))[0])


def test_one_image_is_a_batch_of_one() -> None:
    images = numbered(12, 9, batch=1)
    for remainder in ("keep", "crop", "resize"):
        alone, order = patch_shuffle(images[0], 5, keys=keys(5, count=1), remainder=remainder)
        batch, same = patch_shuffle(images, 5, keys=keys(5, count=1), remainder=remainder)
        assert torch.equal(alone, batch[0])
        assert torch.equal(order, same)
    shuffled, order = patch_shuffle(images[0], 3, keys=keys(3, count=1))
    assert torch.equal(patch_unshuffle(shuffled, 3, permutation=order), images[0])


@pytest.mark.parametrize("mode", ["grid", "bands"])
@pytest.mark.parametrize("k", CELLS, ids=str)
def test_every_channel_keeps_its_pixels(k: Cells, mode: str) -> None:
    images = numbered(13, 17)

    shuffled, _ = patch_shuffle(images, k, mode, keys=keys(k))

    assert torch.equal(shuffled.flatten(2).sort(dim=2).values, images.flatten(2))


def test_bands_are_larger_first_and_fill_the_side() -> None:
    for side, count in [(32, 5), (224, 10), (7, 7), (9, 2), (10, 3)]:
        row = cell_map(side, 1, (count, 1), "bands")[:, 0]
        found = torch.bincount(row).tolist()
        assert found == sizes_of_bands(side, count)
        assert sum(found) == side
        assert torch.equal(row, row.sort().values)
    first_of_each = cell_map(32, 1, (5, 1), "bands")[:, 0].diff(prepend=torch.tensor([-1]))
    assert first_of_each.nonzero().flatten().tolist() == [0, 7, 14, 20, 26]


@pytest.mark.parametrize(
    ("size", "k", "inside"), [((32, 32), 5, 30 * 30), ((13, 17), (2, 5), 12 * 15), ((8, 8), 4, 64)]
)
def test_equal_cells_stand_in_the_middle(
    size: tuple[int, int], k: int | tuple[int, int], inside: int
) -> None:
    cells = cell_map(*size, k)

    held = (cells >= 0).nonzero()
    assert len(held) == inside
    for axis in (0, 1):
        before, after = int(held[:, axis].min()), size[axis] - 1 - int(held[:, axis].max())
        assert 0 <= after - before <= 1
    assert len(torch.bincount(cells[cells >= 0]).unique()) == 1
    assert shuffled_area(*size, k) == inside / (size[0] * size[1])
    assert shuffled_area(*size, k, "bands") == shuffled_area(*size, k, remainder="crop") == 1


def test_as_many_cells_as_rows_shuffle_single_rows() -> None:
    images = numbered(13, 17)

    for mode in ("grid", "bands"):
        shuffled, permutation = patch_shuffle(images, (13, 1), mode, keys=keys((13, 1)))
        for i in range(BATCH):
            assert torch.equal(shuffled[i], images[i][:, permutation[i, :13]])


def together_before_and_after(mode: str) -> Tensor:
    """For every image, whether all cells of a row are still in one row."""
    rows = torch.arange(4).repeat_interleave(4).view(1, 1, 4, 4).expand(200, 1, 4, 4)
    shuffled, _ = patch_shuffle(rows, 4, mode, keys=keys(4, count=200))
    return (shuffled == shuffled[..., :1]).all(dim=3).all(dim=2)[:, 0]


def test_bands_keep_rows_together_and_grids_do_not() -> None:
    assert together_before_and_after("bands").all()
    assert together_before_and_after("grid").float().mean() < 0.05


@pytest.mark.parametrize(
    ("mode", "k", "chance"),
    [
        ("grid", 2, 1 / factorial(4)),
        ("bands", 2, 1 / factorial(2) ** 2),
        ("bands", 3, 1 / factorial(3) ** 2),
        ("grid", (1, 3), 1 / factorial(3)),
    ],
)
def test_the_identity_is_as_frequent_as_any_permutation(
    mode: str, k: int | tuple[int, int], chance: float
) -> None:
    count = 20_000
    images = torch.arange(6 * 6).view(1, 1, 6, 6).expand(count, 1, 6, 6)

    shuffled, _ = patch_shuffle(images, k, mode, keys=keys(k, count=count))

    same = (shuffled == images).flatten(1).all(dim=1).double().mean()
    error = (chance * (1 - chance) / count) ** 0.5
    assert abs(same - chance) < 4 * error < 0.2 * chance


@pytest.mark.parametrize("mixed", [False, True])
def test_all_arrangements_of_four_cells_are_equally_likely(mixed: bool) -> None:
    k = torch.tensor([2, 5]).repeat(12_000) if mixed else 2
    _, permutation = patch_shuffle(torch.zeros(24_000, 1, 5, 5), k, keys=keys(k, count=24_000))
    orders = permutation[::2, :4] if mixed else permutation

    _, counts = torch.unique(orders, dim=0, return_counts=True)
    assert len(counts) == 24
    assert chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize(
    ("mode", "k"), [("grid", 2), ("grid", (1, 4)), ("bands", (2, 3)), ("bands", (1, 4))]
)
def test_derangements_are_all_that_move_every_cell_and_equally_likely(
    mode: str, k: tuple[int, int] | int
) -> None:
    rows, columns = sides(k, 0)
    if mode == "grid":
        wanted = {
            order
            for order in permutations(range(rows * columns))
            if all(i != cell for i, cell in enumerate(order))
        }
    else:
        wanted = {
            down + across
            for down, across in product(permutations(range(rows)), permutations(range(columns)))
            if all((i, j) != (down[i], across[j]) for i, j in product(range(rows), range(columns)))
        }
    images = torch.zeros(9000, 1, 4, 4)

    _, permutation = patch_shuffle(images, k, mode, keys=keys(k, count=9000), derange=True)

    found, counts = torch.unique(permutation, dim=0, return_counts=True)
    assert {tuple(order) for order in found.tolist()} == wanted
    assert chisquare(counts.numpy()).pvalue > 1e-3
    assert (moved_share(permutation, k, mode) == 1).all()


def test_moved_share_counts_the_cells_that_moved() -> None:
    permutation = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3], [3, 0, 1, 2]])
    assert moved_share(permutation, 2).tolist() == [0, 0.5, 1]
    bands = torch.tensor([[0, 1, 0, 2, 1], [1, 0, 0, 1, 2]])  # rows, then columns
    assert moved_share(bands, (2, 3), "bands").tolist() == pytest.approx([1 - 2 / 6, 1])
    mixed = torch.tensor([[0, 1, 2, 3], [1, 0, 2, 3]])
    assert moved_share(mixed, torch.tensor([1, 2])).tolist() == [0, 0.5]


@pytest.mark.parametrize("derange", [False, True])
@pytest.mark.parametrize("mode", ["grid", "bands"])
@pytest.mark.parametrize("size", [1, 7])
def test_batches_do_not_matter(size: int, mode: str, derange: bool) -> None:
    images = numbered(9, 8, batch=64)
    own = keys(3, count=64)
    whole, _ = patch_shuffle(images, 3, mode, keys=own, derange=derange)

    parts = [
        patch_shuffle(part, 3, mode, keys=key, derange=derange)[0]
        for part, key in zip(images.split(size), own.split(size), strict=True)
    ]

    assert torch.equal(torch.cat(parts), whole)


def test_rows_repeats_cells_and_seeds_have_keys_of_their_own() -> None:
    drawn = torch.cat(
        [
            shuffle_keys(seed, torch.arange(100), k, repeat)
            for seed, k, repeat in product((0, 1), (2, 3, (2, 3), (3, 2)), (0, 1, 2))
        ]
    )
    assert len(drawn.unique()) == len(drawn)
    assert torch.equal(keys((3, 3)), keys(3))
    assert torch.equal(keys(torch.full((BATCH,), 3)), keys(3))


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    patch_shuffle(numbered(9, 8), 3, keys=keys(3), derange=True)
    assert torch.equal(torch.get_rng_state(), before)


def test_crop_drops_the_border_and_shuffles_the_rest() -> None:
    images = numbered(15, 18)

    cropped, order = patch_shuffle(images, 4, keys=keys(4), remainder="crop")

    inner = images[:, :, 1:13, 1:17]  # three rows and two columns are left over
    assert torch.equal(cropped, patch_shuffle(inner, 4, permutation=order)[0])
    assert torch.equal(patch_unshuffle(cropped, 4, permutation=order), inner)
    kept, _ = patch_shuffle(images, 4, permutation=order)
    assert torch.equal(kept[:, :, 1:13, 1:17], cropped)


def test_resize_scales_what_crop_leaves() -> None:
    images = torch.rand(2, 3, 13, 18, generator=torch.Generator().manual_seed(0))
    own = keys(4, count=2)

    resized, _ = patch_shuffle(images, 4, keys=own, remainder="resize")
    cropped, _ = patch_shuffle(images, 4, keys=own, remainder="crop")

    expected = v2.functional.resize(cropped, [13, 18], antialias=False)
    torch.testing.assert_close(resized, expected, rtol=0, atol=1e-6)


def test_resized_whole_numbers_are_rounded() -> None:
    images = numbered(13, 18) % 256
    own = {"keys": keys(4), "remainder": "resize"}

    exact, _ = patch_shuffle(images.double(), 4, **own)

    assert torch.equal(patch_shuffle(images.byte(), 4, **own)[0], exact.round().byte())


def test_a_gradient_shows_the_permutation() -> None:
    """Sixteen cells of a 32-pixel image, shifted by five: read off the values of the result."""
    image = torch.arange(32 * 32).view(1, 32, 32)
    order = torch.arange(16).roll(5)

    shuffled, _ = patch_shuffle(image, 4, permutation=order[None])

    corners = shuffled[0, ::8, ::8].flatten()
    assert (corners // 32 // 8 * 4 + corners % 32 // 8).tolist() == [
        *(11, 12, 13, 14),
        *(15, 0, 1, 2),
        *(3, 4, 5, 6),
        *(7, 8, 9, 10),
    ]


def test_bands_keep_what_a_layout_of_rows_and_columns_says_and_grids_lose_it() -> None:
    """Two marks in one row, in one column or on a diagonal of 2 x 2 cells, every permutation."""
    layouts = torch.zeros(3, 1, 2, 2)
    for layout, marks in zip(layouts, [(0, 1), (0, 2), (0, 3)], strict=True):
        layout.view(4)[list(marks)] = 1

    def named(images: Tensor) -> list[int]:
        """0: the marks share a row; 1: a column; 2: neither."""
        return [
            0 if bool((x.sum(1) == 2).any()) else 1 if bool((x.sum(0) == 2).any()) else 2
            for x in images[:, 0]
        ]

    for down, across in product(permutations(range(2)), repeat=2):
        order = torch.tensor([*down, *across]).expand(3, -1)
        assert named(patch_shuffle(layouts, 2, "bands", permutation=order)[0]) == [0, 1, 2]
    grids = [
        named(patch_shuffle(layouts, 2, permutation=torch.tensor(order).expand(3, -1))[0])
        for order in permutations(range(4))
    ]
    for seen in zip(*grids, strict=True):
        assert [seen.count(name) for name in (0, 1, 2)] == [8, 8, 8]


def test_the_transform_draws_anew_for_every_image_and_call() -> None:
    images = numbered(12, 12)[:1].expand(BATCH, -1, -1, -1)
    torch.manual_seed(0)

    shuffled = v2.Compose([PatchShuffle(3), v2.Identity()])(images)
    again = PatchShuffle(3)(images)

    assert len(torch.cat([shuffled, again]).flatten(1).unique(dim=0)) == 2 * BATCH
    torch.manual_seed(0)
    assert torch.equal(PatchShuffle(3)(images), shuffled)


@pytest.mark.parametrize("mode", ["grid", "bands"])
def test_rows_and_columns_may_be_given_one_after_the_other(mode: str) -> None:
    images = numbered(12, 12)
    expected = PatchShuffle((2, 3), mode, seed=5)(images)

    for transform in (
        PatchShuffle(2, 3, mode, seed=5),
        PatchShuffle(2, columns=3, mode=mode, seed=5),
        PatchShuffle((2, 3), mode=mode, seed=5),
    ):
        assert torch.equal(transform(images), expected)
    assert not torch.equal(PatchShuffle(3, 2, mode, seed=5)(images), expected)
    with pytest.raises(ValueError, match="columns are in k="):
        PatchShuffle((2, 3), 3)


def test_a_seeded_transform_leaves_the_global_generator_alone() -> None:
    images, before = numbered(12, 12), torch.get_rng_state()

    first, second = (PatchShuffle((2, 4), "bands", seed=5) for _ in range(2))

    assert torch.equal(first(images[0]), second(images[0]))
    assert torch.equal(first(images), second(images))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("k", [0, 14, (14, 2), (2, 18), (3, 0), torch.tensor([2] * 5 + [14])])
def test_cells_that_do_not_fit_are_refused(k: Cells) -> None:
    with pytest.raises(ValueError, match="k must lie between 1 and the side of the images, 13 x"):
        patch_shuffle(numbered(13, 17), k, keys=keys(k))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 2, "mode": "rows", "keys": keys(2)}, "mode must be one of grid, bands; got 'rows'"),
        ({"k": 2, "remainder": "pad", "keys": keys(2)}, "remainder must be one of keep, crop, re"),
        ({"k": 2}, "either keys or a permutation"),
        ({"k": 2, "keys": keys(2), "permutation": torch.zeros(6, 4)}, "either keys or a permut"),
        ({"k": 2, "keys": keys(2, count=5)}, r"keys must be int64 \(6,\); got torch.int64 \(5,\)"),
        ({"k": 2, "keys": torch.rand(6)}, r"keys must be int64 \(6,\); got torch.float32"),
        ({"k": 1, "keys": keys(1), "derange": True}, "derange needs at least two cells"),
        ({"k": 2, "permutation": torch.zeros(6, 5)}, r"\(6, 4\) for mode='grid'.*got \(6, 5\)"),
        ({"k": 2, "permutation": torch.ones(6, 4).long()}, "6 permutations of an image's own"),
        (
            {"k": torch.tensor([1, 2] * 3), "permutation": torch.tensor([[1, 0, 2, 3]] * 6)},
            "of an image's own cells",
        ),
        (
            {"k": 2, "mode": "bands", "remainder": "crop", "keys": keys(2)},
            "remainder='crop' needs mode='grid' and one k",
        ),
        (
            {"k": torch.tensor([1, 2] * 3), "remainder": "resize", "keys": keys(2)},
            "remainder='resize' needs mode='grid' and one k",
        ),
    ],
)
def test_misuse_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        patch_shuffle(numbered(13, 17), **arguments)


def test_images_without_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images must be \(batch, channels.* got \(9, 9\)"):
        patch_shuffle(torch.rand(9, 9), 2, keys=keys(2, count=1))
