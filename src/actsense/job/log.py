"""One job of the workflow: its log and its last words."""

__all__ = ["logged"]

import _thread
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

from actsense.errors import ConfigError
from actsense.progress import TerminalHandler
from actsense.store.damage import trouble
from actsense.texts import printable

log = logging.getLogger(__name__)

HEARTBEAT = 1.0  # seconds between two looks at the workflow


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send logging to a file and stderr; end the process with a short message on failure.

    What a user can repair ends with its message alone, everything else with the traceback, in
    the log as well as on the terminal. A job ends with the workflow that started it, also if
    that was killed: the next run finds nobody at work on its files.

    Arguments:
        path: The log file of the job.
    """
    handlers: list[logging.Handler] = [
        logging.FileHandler(path, "w", encoding="utf-8", errors="backslashreplace"),
        TerminalHandler(sys.stderr),
    ]
    for handler in handlers:
        handler.setFormatter(_Printable("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
    logging.captureWarnings(True)
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _interrupt)
        _end_with_the_workflow()
        yield
    except KeyboardInterrupt:
        logging.getLogger().removeHandler(handlers[1])  # the run itself says so there
        log.error("Ended before it was finished: the run was interrupted.")
        sys.exit(128 + signal.SIGINT)
    except ConfigError as error:
        _stop(str(error))
    except Exception as error:
        limit = trouble(error)
        _stop(str(limit) if limit else traceback.format_exc())


class _Printable(logging.Formatter):
    """Lets no name, or message of somebody else's code, command a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return printable(super().format(record))


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_with_the_workflow() -> None:
    """Watch the Snakemake processes above this one, and leave when one of them is gone."""
    above = [process for process in psutil.Process().parents() if _is_snakemake(process)]

    def watch() -> None:
        while all(map(_is_alive, above)):
            time.sleep(HEARTBEAT)
        _thread.interrupt_main(signal.SIGTERM)  # so that what is half written is removed
        time.sleep(5 * HEARTBEAT)
        os._exit(1)

    if above and "subprocess" in above[-1].cmdline():  # the one that schedules is gone already
        _stop("The workflow that started this job is gone.")
    if above:
        threading.Thread(target=watch, daemon=True).start()


def _is_snakemake(process: psutil.Process) -> bool:
    try:
        interpreter, *arguments = map(os.path.basename, process.cmdline()[:3])
    except (psutil.Error, ValueError):
        return False
    return interpreter.startswith("python") and "snakemake" in arguments


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _stop(message: str) -> None:
    log.error(message.rstrip())
    sys.exit(1)
