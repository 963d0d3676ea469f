"""Apply to every image its own augmentations in its own order.

Every image has a queue of augmentations. Round after round, the augmentation that most images
wait for next is applied to all of them at once.
"""

__all__ = ["augment", "stretch"]

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.augment.catalog import AUGMENTATIONS, Augmentation, parameter_columns

# Images that a thread of the CPU works on together: few enough to stay in its cache between two
# operations, enough to pay for the calls. Measured at 224 pixels: 1 to 4 MiB are alike, 8 MiB
# take 1.2 times as long.
CACHE_BYTES = 2 * 2**20
SMALLEST_RANGE = 1e-6  # below this, a channel counts as constant


def augment(
    images: Tensor,
    sequence: Tensor,
    values: Tensor,
    names: Sequence[str],
    catalog: Mapping[str, Augmentation] = AUGMENTATIONS,
) -> Tensor:
    """Apply to every image its own augmentations in its own order.

    What an image becomes does not depend on the other images of the batch.

    Arguments:
        images: Images in [0, 1], (batch, 3, height, width) float32; left as they are.
        sequence: Which of `names` is applied at each position, -1 for none,
            (batch, positions) int64.
        values: Parameters of all `names`, see `parameter_columns`, (batch, parameters) float32.
        names: Augmentations that `sequence` counts from 0.
        catalog: What the names stand for: `AUGMENTATIONS`, or `PUBLISHED`, some of which leave an
            image in 8 bits, and so does everything that follows on that image.

    Returns:
        New images, on the device of `images`.

    Raises:
        ValueError: If the shapes do not fit together, `sequence` points outside `names`, or a name
            is not in the catalog.
    """
    columns = list(parameter_columns(names, catalog).values())
    queues = sequence.cpu().numpy()
    _check(images, queues, values, columns)
    listed = [catalog[name] for name in names]
    operations = [one.apply for one in listed]
    operations += [one.apply_in_8_bits or one.apply for one in listed]
    queues = _in_8_bits(queues, listed)
    columns = [*columns, *columns]
    values = values.to(images.device)

    # Images with alike queues stand together, so that they share more of their rounds.
    queues = np.take_along_axis(queues, np.argsort(queues < 0, axis=1, kind="stable"), axis=1)
    order = np.lexsort(queues.T[::-1]) if queues.size else np.arange(len(queues))
    queues = queues[order]
    positions = torch.from_numpy(order).to(images.device)

    result = torch.empty_like(images, memory_format=torch.contiguous_format)

    @torch.inference_mode()  # a thread does not know the caller's mode
    def work(part: slice) -> None:
        rows = positions[part]
        batch, row_values = images.index_select(0, rows), values.index_select(0, rows)
        for operation, members in _rounds(queues[part], images.device):
            changed = operations[operation](
                _take(batch, members), _take(row_values, members)[:, columns[operation]]
            )
            if isinstance(members, slice):
                batch[members] = changed
            else:
                batch.index_copy_(0, members, changed)
        result.index_copy_(0, rows, batch)

    _side_by_side(work, list(_parts(images)))
    return result


def stretch(images: Tensor) -> Tensor:
    """Stretch every channel of every image to [0, 1]; a constant channel becomes 0.

    The published study does this to every image after its augmentations. It undoes whatever
    scales or shifts a channel without clipping, for instance a lower brightness.

    Arguments:
        images: Images, (batch, channels, height, width).
    """
    low = images.amin(dim=(2, 3), keepdim=True)
    extent = images.amax(dim=(2, 3), keepdim=True) - low
    extent = torch.where(extent < SMALLEST_RANGE, torch.ones_like(extent), extent)
    return (images - low).div_(extent)


def _check(
    images: Tensor, queues: NDArray[np.int64], values: Tensor, columns: Sequence[slice]
) -> None:
    """Refuse what does not fit together."""
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.float32:
        raise ValueError(
            "images must be (batch, 3, height, width) float32; "
            f"got {tuple(images.shape)} {images.dtype}."
        )
    total = columns[-1].stop if columns else 0
    if queues.ndim != 2 or len(queues) != len(images) or values.shape != (len(images), total):
        raise ValueError(
            f"For {len(images)} images, sequence must be ({len(images)}, positions) and values "
            f"({len(images)}, {total}); got {queues.shape} and {tuple(values.shape)}."
        )
    if queues.size and not -1 <= queues.min() <= queues.max() < len(columns):
        raise ValueError(
            f"sequence must lie in -1..{len(columns) - 1}; got {queues.min()}..{queues.max()}."
        )


def _in_8_bits(queues: NDArray[np.int64], listed: Sequence[Augmentation]) -> NDArray[np.int64]:
    """Count on from `listed` where an image in 8 bits waits for an operation that differs then.

    Arguments:
        queues: What every image waits for, -1 for nothing, (batch, positions).
        listed: The augmentations that the queues count.
    """
    leaves = np.array([one.leaves_8_bits for one in listed] + [False])  # -1 is the last
    differs = np.array([one.apply_in_8_bits is not None for one in listed] + [False])
    reduced = np.logical_or.accumulate(leaves[queues], axis=1)
    return np.where(reduced & differs[queues], queues + len(listed), queues)


def _parts(images: Tensor) -> Iterator[slice]:
    """Parts of the batch to work on one after the other."""
    size = len(images)
    if images.device.type == "cpu":
        size = CACHE_BYTES // (4 * images[0].numel()) if size else 0
    size = max(size, 1)
    for start in range(0, len(images), size):
        yield slice(start, start + size)


def _side_by_side(work: Callable[[slice], None], parts: Sequence[slice]) -> None:
    """Work on the parts, each in a thread of its own, as many at a time as torch may use.

    Several threads inside of one operation would wait for each other after every pass over a few
    images: on busy cores for longer than the work takes.
    """
    threads = torch.get_num_threads()
    if min(threads, len(parts)) < 2:
        for part in parts:
            work(part)
        return
    torch.set_num_threads(1)  # what new threads start with
    try:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
    finally:
        torch.set_num_threads(threads)


def _take(table: Tensor, members: slice | Tensor) -> Tensor:
    """Rows of a table; a view where they are neighbors."""
    return table[members] if isinstance(members, slice) else table.index_select(0, members)


def _rounds(
    queues: NDArray[np.int64], device: torch.device
) -> Iterator[tuple[int, slice | Tensor]]:
    """Which operation comes next and for which images, until all queues are empty.

    Arguments:
        queues: What every image waits for, then -1, (batch, positions).
        device: Where the images are.
    """
    queues = np.concatenate([queues, np.full((len(queues), 1), -1)], axis=1)
    everyone = np.arange(len(queues))
    done = np.zeros_like(everyone)
    operations, groups = [], []
    while (waiting := queues[everyone, done]).max(initial=-1) >= 0:
        operation = int(np.bincount(waiting[waiting >= 0]).argmax())
        members = np.flatnonzero(waiting == operation)
        done[members] += 1
        operations.append(operation)
        groups.append(members)

    # One transfer to the device for all rounds; neighbors need none and no copy.
    moved = torch.from_numpy(np.concatenate([everyone[:0], *groups])).to(device)
    indices = torch.split(moved, [len(group) for group in groups])
    for operation, group, index in zip(operations, groups, indices, strict=True):
        first, last = int(group[0]), int(group[-1])
        yield operation, slice(first, last + 1) if last - first < len(group) else index
