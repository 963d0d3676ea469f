"""Compiled kernels over tiles of units, in threads of their own.

Numba's own threads take several times as long to compile, and spin between two calls.
"""

__all__ = ["run_tiles"]

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch


def run_tiles(kernel: Callable[..., None], tiles: int, *arguments: Any) -> None:
    """Run a kernel on every tile once, in as many threads as PyTorch uses.

    Arguments:
        kernel: Takes the first tile, the end of the tiles, and the arguments; it works without
            the interpreter's lock, and what it writes for a tile belongs to that tile alone.
        tiles: Number of tiles.
        arguments: What else the kernel takes.
    """
    threads = max(1, min(torch.get_num_threads(), tiles))
    ends = [tiles * thread // threads for thread in range(threads + 1)]
    if threads == 1:
        kernel(0, tiles, *arguments)
        return
    with ThreadPoolExecutor(threads) as pool:
        for finished in [pool.submit(kernel, *part, *arguments) for part in pairwise(ends)]:
            finished.result()
