"""Patches of images that change places, or that are hidden.

Two ways to cut and to shuffle:

    grid     equal cells, floor(height / rows) x floor(width / columns); any cell may go anywhere
    bands    whole bands of rows, then of columns, change places, larger bands first; cells that
             share a row before share one afterwards
"""

__all__ = [
    "LARGEST_DIVISION",
    "MODES",
    "REMAINDERS",
    "PatchShuffle",
    "cell_map",
    "mask_patches",
    "moved_share",
    "patch_shuffle",
    "patch_unshuffle",
    "shuffle_keys",
    "shuffle_patches",
    "shuffled_area",
]


import torch
from torch import Tensor, nn
from torch.nn import functional

from actsense.augment.division import MODES, Cells, Division
from actsense.draws.counter import counter_keys

REMAINDERS = ("keep", "crop", "resize")
LARGEST_DIVISION = 16  # of the augmentations: a fixed bound needs no look at a GPU's numbers


def patch_shuffle(
    images: Tensor,
    k: Cells,
    mode: str = "grid",
    *,
    keys: Tensor | None = None,
    permutation: Tensor | None = None,
    derange: bool = False,
    remainder: str = "keep",
) -> tuple[Tensor, Tensor]:
    """Cut every image into cells and let them change places at random.

    What an image becomes depends on its pixels, `k` and its key alone.

    Arguments:
        images: Images, (batch, channels, height, width) or (channels, height, width), any type.
        k: Cells per side; or rows and columns of cells; or cells per side of every image,
            int64, (batch,).
        mode: `grid` or `bands`, see above.
        keys: What the permutation of every image is drawn from, int64, (batch,); see
            `shuffle_keys`. Equal keys make equal permutations.
        permutation: Instead of keys: permutations as this function returns them.
        derange: Whether every cell has to move; all permutations that do so are equally likely.
        remainder: What becomes of the pixels that equal cells leave over. `keep` puts the cells
            in the middle and leaves the border around them as it is; `crop` cuts the border off;
            `resize` also scales the rest to the size of the image, bilinearly.

    Returns:
        New images, and the permutations, int64, (batch, numbers): where every cell is taken
        from. For `grid`, the source of every cell, cells counted row by row; for `bands`, the
        source of every row band, then of every column band, each counted from 0. With a `k` per
        image, there are as many numbers as the largest needs; those beyond an image's own stay.

    Raises:
        ValueError: If the arguments do not fit the images or each other.

    Source:
        Zhang & Zhu (2019), Interpreting adversarially trained convolutional neural networks,
        ICML: `grid` with `crop`.
    """
    _check(mode, remainder, k)
    batch = _batch(images)
    size = batch.shape[2:]
    division = Division.of(size, k, images.device)
    if remainder != "keep":
        batch = _without_remainder(batch, division.most)
        division = Division.of(batch.shape[2:], k, images.device)
    if keys is not None and permutation is None:
        _check_keys(keys, division, len(batch), derange=derange)
        permutation = division.drawn(keys.to(images.device), mode, derange=derange)
    elif permutation is not None and keys is None:
        permutation = permutation.to(images.device)
        _check_permutation(permutation, division, len(batch), mode)
    else:
        raise ValueError("Give either keys or a permutation, and not both.")

    shuffled = _taken(batch, division.source(permutation, mode))
    if remainder == "resize":
        shuffled = _resized(shuffled, size)
    return (shuffled if images.ndim == 4 else shuffled[0]), permutation


def patch_unshuffle(
    images: Tensor, k: Cells, mode: str = "grid", *, permutation: Tensor
) -> Tensor:
    """Put every pixel back to where `patch_shuffle` took it from.

    Arguments:
        images: What `patch_shuffle` returned with remainder `keep` or `crop`.
        k: As given there.
        mode: As given there.
        permutation: As returned there.
    """
    _check(mode, "keep", k)
    batch, permutation = _batch(images), permutation.to(images.device)
    division = Division.of(batch.shape[2:], k, images.device)
    _check_permutation(permutation, division, len(batch), mode)
    restored = _taken(batch, division.source(permutation, mode).argsort(dim=1))
    return restored if images.ndim == 4 else restored[0]


def shuffle_keys(seed: int, rows: Tensor, k: Cells, repeat: int) -> Tensor:
    """Return the keys of a study's shuffles: the same for every network and every batch.

    Arguments:
        seed: Seed of the study.
        rows: Dataset rows of the images, int64, (images,).
        k: Cells, as in `patch_shuffle`.
        repeat: Which of several shuffles of the same image.
    """
    down, across = k if isinstance(k, tuple) else (k, k)
    return counter_keys(seed, ["patch_shuffle", rows, down, across, repeat])


def moved_share(permutation: Tensor, k: Cells, mode: str = "grid") -> Tensor:
    """Return the share of the cells that are not in their own place, (batch,) float64.

    Arguments:
        permutation: As `patch_shuffle` returns it.
        k: As given there.
        mode: As given there.
    """
    size = permutation.shape[1:] * 2  # images of any size have the same cells
    division = Division.of(size, k, permutation.device)
    _check_permutation(permutation, division, len(permutation), mode)
    cells = (division.down * division.across)[:, 0]
    return 1 - division.unmoved(permutation, mode) / cells.double()


def shuffled_area(
    height: int, width: int, k: int | tuple[int, int], mode: str = "grid", remainder: str = "keep"
) -> float:
    """Return the share of a shuffled image's pixels that lie inside its cells.

    Arguments:
        height: Height of the image before it is shuffled.
        width: Width of it.
        k: Cells per side, or rows and columns of cells.
        mode: As in `patch_shuffle`.
        remainder: As in `patch_shuffle`; below 1 only with `keep`.
    """
    _check(mode, remainder, k)
    inside = cell_map(height, width, k, mode) >= 0
    return float(inside.double().mean()) if remainder == "keep" else 1.0


def cell_map(height: int, width: int, k: int | tuple[int, int], mode: str = "grid") -> Tensor:
    """Return the cell of every pixel, counted row by row from 0, int64, (height, width).

    Arguments:
        height: Height of the image.
        width: Width of it.
        k: Cells per side, or rows and columns of cells.
        mode: `grid` for equal cells in the middle and -1 in the border around them; `bands` for
            cells that cover the image.
    """
    division = Division.of((height, width), k, torch.device("cpu"))
    return division.cells(mode).view(height, width) - 1


class PatchShuffle(nn.Module):
    """Patch shuffle as a transform of torchvision: new permutations for every image and call.

    `PatchShuffle(2, 3)`, `PatchShuffle((2, 3))` and `PatchShuffle(2, 3, "grid")` are the same.

    Arguments:
        k: Cells per side, or rows and columns of cells, or rows alone.
        columns: Columns of cells, if `k` is a number of rows; the mode may stand here, too.
        mode: As in `patch_shuffle`.
        derange: As in `patch_shuffle`.
        remainder: As in `patch_shuffle`.
        seed: Starts a sequence of its own; without it, torch's global generator draws. Workers
            of a loader that copy one seed draw the same.
    """

    def __init__(
        self,
        k: int | tuple[int, int],
        columns: int | str | None = None,
        mode: str = "grid",
        *,
        derange: bool = False,
        remainder: str = "keep",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        if isinstance(columns, str):
            mode = columns
        elif columns is not None:
            if isinstance(k, tuple):
                raise ValueError(f"columns are in k={k} already; leave out columns={columns}.")
            k = (k, columns)
        _check(mode, remainder, k)
        self.k, self.mode, self.derange, self.remainder = k, mode, derange, remainder
        self.generator = None if seed is None else torch.Generator().manual_seed(seed)

    def forward(self, images: Tensor) -> Tensor:
        """Shuffle images, (batch, channels, height, width) or (channels, height, width)."""
        count, last = len(_batch(images)), torch.iinfo(torch.int64).max
        keys = torch.randint(last, (count,), generator=self.generator)
        shuffled, _ = patch_shuffle(
            images,
            self.k,
            self.mode,
            keys=keys,
            derange=self.derange,
            remainder=self.remainder,
        )
        return shuffled


# The augmentations. A seed is one uniform coordinate of the design like any other. Hashing it is
# fine: the image stays a function of independent uniform coordinates, which is all that the
# estimates of the indices need to be unbiased. Lost is only continuity, so that for this
# coordinate balanced points are no better than random ones.


def shuffle_patches(images: Tensor, values: Tensor) -> Tensor:
    """Let the cells of a grid change places.

    Arguments:
        images: Images, (batch, 3, height, width).
        values: Cells per side, at most 16 and one per pixel, and a seed, (batch, 2); whole
            numbers or rounded down.
    """
    division = _divided(images, values[:, 0])
    keys = counter_keys("patch_shuffle", [values[:, 1].long()])
    return _taken(images, division.source(division.drawn(keys, "grid"), "grid"))


def mask_patches(images: Tensor, values: Tensor) -> Tensor:
    """Fill cells with the mean of each channel of the image.

    Arguments:
        images: Images, (batch, 3, height, width).
        values: Cells per side, at most 16 and one per pixel, the share of them that is hidden,
            rounded to cells but never to none, and a seed, (batch, 3). Cells cover the image.
    """
    division = _divided(images, values[:, 0])
    order = division.drawn(counter_keys("patch_mask", [values[:, 2].long()]), "grid")
    count = (values[:, 1:2] * (division.down * division.across)).round().clamp(min=1)
    chosen = (torch.arange(order.shape[1], device=images.device) < count).to(images.dtype)
    weight = torch.zeros_like(chosen).scatter_(1, order, chosen)
    weight = division.spread(weight, "bands").view(-1, 1, *images.shape[2:])

    # Columns first, then rows: one image's sum never depends on how many images there are.
    mean = (images.sum(dim=3).sum(dim=2) / images[0, 0].numel()).clamp_(0, 1)
    return images.lerp(mean[:, :, None, None], weight)  # exact at weights 0 and 1


def _divided(images: Tensor, k: Tensor) -> Division:
    """Divide every image by its own number, kept in bounds without a look at it."""
    height, width = images.shape[2:]
    most = min(LARGEST_DIVISION, height, width)
    cells = k.long().clamp(1, most)[:, None]
    return Division(height, width, cells, cells, (most, most))


def _taken(images: Tensor, source: Tensor) -> Tensor:
    """Take every pixel from another one of the same image and channel."""
    every_channel = source[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, every_channel).view(images.shape)


def _without_remainder(images: Tensor, counts: tuple[int, int]) -> Tensor:
    """Cut off what equal cells leave over."""
    for dimension, count in zip((2, 3), counts, strict=True):
        side = images.shape[dimension]
        images = images.narrow(dimension, side % count // 2, side // count * count)
    return images


def _resized(images: Tensor, size: torch.Size) -> Tensor:
    """Scale images of any type; whole numbers are rounded."""
    resized = functional.interpolate(images.double(), size=list(size), mode="bilinear")
    return (resized if images.is_floating_point() else resized.round()).to(images.dtype)


def _batch(images: Tensor) -> Tensor:
    """Return one image as a batch."""
    if images.ndim not in (3, 4):
        raise ValueError(
            "images must be (batch, channels, height, width) or (channels, height, width); got "
            f"{tuple(images.shape)}."
        )
    return images if images.ndim == 4 else images[None]


def _check(mode: str, remainder: str, k: Cells) -> None:
    """Refuse what no images could be shuffled by."""
    for name, given, allowed in (("mode", mode, MODES), ("remainder", remainder, REMAINDERS)):
        if given not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}; got {given!r}.")
    if remainder != "keep" and (mode == "bands" or isinstance(k, Tensor)):
        raise ValueError(
            f"remainder={remainder!r} needs mode='grid' and one k for all images: bands leave "
            "nothing over, and the images of a batch have one size."
        )


def _check_keys(keys: Tensor, division: Division, batch: int, *, derange: bool) -> None:
    """Refuse keys that do not fit, and cells that cannot move."""
    if keys.shape != (batch,) or keys.dtype != torch.int64:
        raise ValueError(f"keys must be int64 ({batch},); got {keys.dtype} {tuple(keys.shape)}.")
    if derange and (division.down * division.across < 2).any():
        raise ValueError("derange needs at least two cells in every image; k is 1 somewhere.")


def _check_permutation(permutation: Tensor, division: Division, batch: int, mode: str) -> None:
    """Refuse what does not permute the cells of every image."""
    rows, columns = division.most
    shape = (batch, rows * columns if mode == "grid" else rows + columns)
    if permutation.shape != shape or not division.permutes(permutation, mode):
        raise ValueError(
            f"permutation must hold {shape[0]} permutations of an image's own cells, {shape} "
            f"for mode={mode!r}, as patch_shuffle returns them; got {tuple(permutation.shape)}."
        )
