"""Histograms of layers without positions count the units that count."""

import numpy as np
import xarray as xr
from figure_texts import words

from actsense.recognition.vector_figures import BINS, vector_histograms

FACTORS = ["hue", "class"]


def layer(units: int = 200) -> xr.Dataset:
    rng = np.random.default_rng(0)
    data = {
        name: (("unit", "factor"), rng.uniform(0.0, 0.5, (units, 2))) for name in ("S1", "shapley")
    }
    flags = {flag: ("unit", np.zeros(units, dtype=bool)) for flag in ("dead", "rare")}
    found = xr.Dataset(data | flags, coords={"factor": FACTORS})
    found["dead"][:20] = True
    found["rare"][20:50] = True
    found["S1"][:50] = 9.0
    return found


def test_histograms_are_of_units_neither_dead_nor_rare() -> None:
    data = layer()
    figure = vector_histograms({"fc": data}, title="net, d")
    assert len(figure.axes) == 2  # indices that are there
    axis, kept = figure.axes[0], data["S1"][50:]
    low, high = axis.get_xlim()
    edges = np.linspace(low, high, BINS + 1)
    assert low == 0
    assert np.isclose(high, np.quantile(kept, 0.995))
    for row, factor in enumerate(FACTORS):
        own = kept.sel(factor=factor).to_numpy()
        counts, _ = np.histogram(own.clip(max=high), edges)
        outline = axis.collections[row].get_paths()[0].vertices
        assert np.isclose(outline[:, 1].min(), row + 0.4 - 0.8)  # the highest bar
        middles = (edges[:-1] + edges[1:]) / 2
        tops = [outline[np.isclose(outline[:, 0], edges[k]), 1].min() for k in range(BINS)]
        empty = counts == 0
        assert np.allclose(np.array(tops)[empty & np.roll(empty, 1)], row + 0.4)
        assert len(middles) == len(tops)
        assert np.isclose(axis.lines[row].get_xdata()[0], np.median(own))  # type: ignore[index]
    said = "\n".join(words(figure))
    assert "fc (20 dead, 30 rare of 200), S1: alone" in said
    assert [label.get_text() for label in axis.get_yticklabels()] == FACTORS


def test_no_vectors_no_histograms() -> None:
    assert "Every recorded layer has positions" in words(vector_histograms({}, title="t"))[-1]
    dead = layer()
    dead["dead"][:] = True
    assert "200 dead" in "\n".join(words(vector_histograms({"fc": dead}, title="t")))
