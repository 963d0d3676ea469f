"""Masking stores for figures come from the tests of the analyses; figures are kept as drawn."""

import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """Return figures by the stem of the file each was written to, and the last of a folder."""
    figures = {}
    write = FigureCanvasAgg.print_png

    def keep(canvas: FigureCanvasAgg, path: Path, **options: Any) -> None:
        figures[path.name.split(".png")[0].lstrip(".")] = canvas.figure
        figures[path.parent.name.lstrip(".").rsplit(".", 2)[0]] = canvas.figure
        write(canvas, path, **options)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", keep)
    return figures
