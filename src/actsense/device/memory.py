"""Work cut to the memory of a device: smaller steps, or host memory, where it runs out."""

__all__ = ["Memory", "device_room"]

import gc
import logging
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from actsense.errors import ConfigError

log = logging.getLogger(__name__)


SHARE = 0.6  # of a device's memory, for what a job holds beside its network


def device_room(device: torch.device) -> float:
    """Return the bytes that a job may hold on an accelerator; 0 on the processor."""
    if device.type != "cuda":
        return 0.0
    return SHARE * torch.cuda.mem_get_info(device)[1]


class Memory:
    """What a job knows of the memory of its device.

    It learns from failure, and for the rest of the job: what did not fit once would fail again
    and again.

    Arguments:
        device: The device.
        size: How many of something to take through it at a time.
        what: Their name in the plural, for messages.

    Attributes:
        size: How many fit at a time, as far as known.
    """

    def __init__(self, device: torch.device, size: int, what: str) -> None:
        self.size = size
        self._device = self._place = device
        self._what = what

    def run(self, total: int, work: Callable[[slice], object]) -> None:
        """Do the work on `range(total)`, one slice after another, halving those that do not fit.

        Arguments:
            total: How many there are.
            work: Takes a slice; is called again with a part of it after it ran out of memory.

        Raises:
            ConfigError: If the memory does not suffice for a single one.
        """
        done = 0
        while done < total:
            chosen = slice(done, min(done + self.size, total))
            if _fits(partial(work, chosen)):
                done = chosen.stop
            else:
                self._halve(chosen.stop - chosen.start)

    def empty(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return an uninitialized tensor: on the device, or on the host if it has no room."""
        made: list[Tensor] = []
        if not _fits(lambda: made.append(torch.empty(shape, dtype=dtype, device=self._place))):
            _release()
            self._place = torch.device("cpu")
            made.append(torch.empty(shape, dtype=dtype))
            log.warning(
                "Out of memory on %s: %.3f GB of results are kept on the host for the rest of the "
                "job",
                *(self._device, made[0].nbytes / 1e9),
            )
        return made[0]

    def _halve(self, failed: int) -> None:
        _release()
        if failed == 1:
            raise ConfigError(
                f"{self._device} has too little memory for {self._what}, even one at a time"
                f"{_free(self._device)}. End what else runs on it, take a device with more "
                "memory, or set `device: cpu`."
            )
        self.size = failed // 2
        log.warning(
            "Out of memory on %s: %d %s at a time instead of %d for the rest of the job",
            *(self._device, self.size, self._what, failed),
        )


def _fits(work: Callable[[], object]) -> bool:
    try:
        work()
    except torch.OutOfMemoryError:
        return False  # the memory comes back after this: the traceback still holds it here
    return True


def _release() -> None:
    """Give back what failed work left behind."""
    gc.collect()
    torch.cuda.empty_cache()  # does nothing where CUDA is not in use


def _free(device: torch.device) -> str:
    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f" ({free / 1e9:.2f} of {total / 1e9:.2f} GB are free)"
