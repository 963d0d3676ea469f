"""The arithmetic that networks run in."""

__all__ = ["PRECISIONS", "arithmetic", "deterministic"]

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.backends import cuda, cudnn

PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
# cuDNN leaves TF32 on unless told otherwise.
SWITCHES: tuple[Any, ...] = (cuda.matmul, cudnn.conv, cudnn.rnn)  # type: ignore[attr-defined]
# cuBLAS repeats its bits only in a workspace of fixed size, which it is told before its first use.
WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@contextmanager
def arithmetic(precision: str, device: torch.device) -> Iterator[None]:
    """Compute in one precision, with algorithms that do not change from run to run.

    `float32` is exact: TF32 and autocast are off, whatever the process had set. `tf32` rounds
    the factors of convolutions and matrix products to 10 bits on CUDA devices that can, and is
    `float32` elsewhere. `bfloat16` and `float16` are PyTorch's autocast.

    Arguments:
        precision: One of `PRECISIONS`.
        device: Where the operations run.

    Raises:
        ValueError: If there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}.")
    narrow = precision in ("bfloat16", "float16")
    dtype = getattr(torch, precision) if narrow else torch.bfloat16
    with (
        _backends("tf32" if precision == "tf32" else "ieee"),
        torch.autocast(device.type, dtype=dtype, enabled=narrow),
    ):
        yield


@contextmanager
def deterministic() -> Iterator[None]:
    """Choose algorithms that give the same bits in every run, for gradients as well.

    A forward pass needs no more than `arithmetic`. PyTorch warns of an operation that has no such
    algorithm.
    """
    before = torch.get_deterministic_debug_mode()
    os.environ.setdefault(*WORKSPACE)
    # `use_deterministic_algorithms` says the same to the compiler, too, and imports it: 3 s.
    torch.set_deterministic_debug_mode("warn")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)


@contextmanager
def _backends(float32: str) -> Iterator[None]:
    """Set how CUDA multiplies float32, and let no algorithm be chosen by timing."""
    before = [switch.fp32_precision for switch in SWITCHES]
    chosen = cudnn.benchmark, cudnn.deterministic
    try:
        for switch in SWITCHES:
            switch.fp32_precision = float32
        cudnn.benchmark, cudnn.deterministic = False, True
        yield
    finally:
        cudnn.benchmark, cudnn.deterministic = chosen
        for switch, value in zip(SWITCHES, before, strict=True):
            switch.fp32_precision = value
