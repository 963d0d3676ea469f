"""One job of the workflow: its log, its threads and device, its last words."""

__all__ = ["logged", "set_threads", "use_device"]

import errno
import logging
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actsense.errors import ConfigError


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send logging to a file and stderr; end the process with a short message on failure.

    What a user can repair ends with its message alone, everything else with the traceback, in
    the log as well as on the terminal.

    Arguments:
        path: The log file of the job.
    """
    handlers: list[logging.Handler] = [
        logging.FileHandler(path, mode="w"),
        logging.StreamHandler(sys.stderr),
    ]
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers, force=True
    )
    logging.captureWarnings(True)
    try:
        yield
    except ConfigError as error:
        _stop(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            _stop(traceback.format_exc())
        place = Path(error.filename or ".").parent
        free = shutil.disk_usage(place if place.exists() else ".").free / 2**30
        _stop(
            f"No space left on the file system of {place.resolve()} ({free:.2f} GB free). "
            "Make room or lower `store_budget_gb`, more `shards` per design make smaller files; "
            "then run again: finished work is kept."
        )
    except Exception:
        _stop(traceback.format_exc())


def set_threads(threads: int) -> None:
    """Let PyTorch, and everything that follows it, use so many threads."""
    import torch

    torch.set_num_threads(threads)


def use_device(wanted: str) -> "torch.device":  # type: ignore[name-defined] # noqa: F821
    """Return the device to run on, and log why.

    Arguments:
        wanted: `auto`, `cpu` or `cuda`.

    Raises:
        ConfigError: If `cuda` is asked for and PyTorch sees no such device.
    """
    import torch

    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise ConfigError(
            "device: 'cuda' was asked for, but PyTorch sees no such device here. "
            "Allowed: auto (takes one where there is one), cpu."
        )
    device = torch.device("cuda" if available and wanted != "cpu" else "cpu")
    reason = "as configured" if wanted != "auto" else f"auto: CUDA available is {available}"
    logging.info("Running on %s (%s), %d threads", device, reason, torch.get_num_threads())
    return device


def _stop(message: str) -> None:
    logging.error(message.rstrip())
    sys.exit(1)
