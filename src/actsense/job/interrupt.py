"""Ctrl-C: the jobs of a run end, what they left half written is removed, and one line says so.

A terminal sends the signal to all processes at once, and each would print a traceback. So jobs
ignore it (`trap '' INT` before their Python), and the run ends them itself.
"""

__all__ = ["Interrupt", "command_line"]

import logging
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

import psutil


class Interrupt:
    """Whether somebody has pressed Ctrl-C in this process, and what is said of it at the end.

    Arguments:
        words: The last line.
    """

    def __init__(self, words: str) -> None:
        self.words = words
        self.happened = False

    def watch(self, speaker: logging.Logger) -> None:
        """Take over the signal, and be silent about all that follows from it.

        Arguments:
            speaker: What would report that jobs have failed.
        """
        with suppress(ValueError):  # not the main thread: somebody else's program
            signal.signal(signal.SIGINT, self._stop)
        speaker.addFilter(lambda record: not self.happened or record.levelno < logging.WARNING)
        usual = sys.excepthook

        def tell(
            kind: type[BaseException], error: BaseException, at: TracebackType | None
        ) -> None:
            if issubclass(kind, KeyboardInterrupt):
                print(f"\n{self.words}", file=sys.stderr)
            else:
                usual(kind, error, at)

        sys.excepthook = tell

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.happened = True
        with suppress(psutil.Error):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    process.terminate()
        raise KeyboardInterrupt


def command_line(arguments: Sequence[str]) -> str:
    """Return what was typed to start a program, as a shell takes it."""
    program = Path(arguments[0]).name
    typed = program if shutil.which(program) else arguments[0]
    return shlex.join([typed, *arguments[1:]])
