"""Fixtures of tests in several folders."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Messages name the programs of this environment as in a shell where it is active.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny images: threads would only wait for each other, for long on a busy machine."""
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    yield
    if torch:
        torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def as_found() -> Iterator[None]:
    """Leave the process as it was: a job in it sets what is logged, and how it is ended."""
    root, ended = logging.getLogger(), signal.getsignal(signal.SIGTERM)
    level, handlers = root.level, [*root.handlers]
    yield
    for handler in [*root.handlers]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)
    signal.signal(signal.SIGTERM, ended)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return figures by the stem of the file each was written to, and the last of a folder."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figures: dict[str, Any] = {}
    write = FigureCanvasAgg.print_png

    def keep(canvas: FigureCanvasAgg, path: Path, **options: Any) -> None:
        figures[path.name.split(".png")[0].lstrip(".")] = canvas.figure
        figures[path.parent.name.lstrip(".").rsplit(".", 2)[0]] = canvas.figure
        write(canvas, path, **options)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", keep)
    return figures
