"""The threads and the device that a job runs on."""

__all__ = ["set_threads", "use_device"]

import logging

from actsense.errors import ConfigError

log = logging.getLogger(__name__)


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
    log.info("Running on %s (%s), %d threads", device, reason, torch.get_num_threads())
    return device
