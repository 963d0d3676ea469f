"""Units that feel a factor most, against a list that is sorted by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from actsense.__main__ import main
from actsense.errors import ConfigError
from actsense.inspection import open_study
from actsense.inspection.search import find_strongest
from actsense.store import write_results

FACTORS = ["hue", "order"]
SHAPES = {"stem": {"channel": 2, "row": 3, "col": 3}, "head": {"unit": 5}}


def layer(sizes: dict[str, int], seed: int, *, intervals: bool) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    axes, shape = ("factor", *sizes), (2, *sizes.values())
    values = rng.random(shape, dtype=np.float32)
    widths = rng.random(shape, dtype=np.float32) if intervals else np.full(shape, np.nan)
    flags = {name: (tuple(sizes), rng.random(shape[1:]) < 0.2) for name in ("dead", "rare")}
    variance = {"variance": (tuple(sizes), rng.random(shape[1:]))}
    return xr.Dataset(
        {"shapley": (axes, values), "shapley_ci": (axes, widths), **flags, **variance}
    )


def write(folder: Path, seed: int, *, intervals: bool = True) -> None:
    layers = {name: layer(sizes, seed, intervals=intervals) for name, sizes in SHAPES.items()}
    totals = xr.Dataset(coords={"factor": FACTORS, "layer": [*SHAPES, "network"]})
    write_results(folder / "indices.zarr", {"": totals, **layers}, attributes={"seed": seed})


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return a study of two networks under one design; the second has no intervals."""
    write(tmp_path / "animals/a/set1", 1)
    write(tmp_path / "animals/b/set1", 2, intervals=False)
    return tmp_path / "animals"


def by_hand(
    study: Path, network: str, factor: int = 0
) -> list[tuple[float, str, tuple[int, ...]]]:
    run = open_study(study)[network, "set1"]
    rows = []
    for name in run.layers:
        data = run.layer(name).isel(factor=factor)
        for place in np.ndindex(data["shapley"].shape):
            width = float(data["shapley_ci"].to_numpy()[place])
            if not (data["dead"].to_numpy()[place] or data["rare"].to_numpy()[place]):
                value = float(data["shapley"].to_numpy()[place])
                rows.append((value - (0.0 if np.isnan(width) else width), name, place))
    return sorted(rows, key=lambda row: -row[0])


def place(row: pd.Series) -> tuple[int, ...]:
    return tuple(int(row[axis]) for axis in SHAPES[row["layer"]])


@pytest.mark.parametrize(("network", "factor"), [("a", "order"), ("b", "hue")])
def test_the_surest_units_lead(study: Path, network: str, factor: str) -> None:
    found = find_strongest(open_study(study), factor, top=6, networks=[network])
    expected = by_hand(study, network, FACTORS.index(factor))[:6]
    assert {name for _, name, _ in expected} == {*SHAPES}  # both layers take part
    assert [(row["layer"], place(row)) for _, row in found.iterrows()] == [
        (name, where) for _, name, where in expected
    ]
    assert ("half-width" in found) == (network == "a")


def test_outputs_are_found_by_their_class(study: Path) -> None:
    settings = {"kind": "trained", "architecture": "compact", "epochs": 1}
    card = {"settings": settings, "classes": ["ape", "bee", "cat", "dog", "elk"]}
    (study / "b/card.json").write_text(json.dumps(card))
    found = find_strongest(open_study(study), "hue", top=100)
    named = found.dropna(subset=["class"])
    assert set(named["network"]) == {"b"}
    assert set(named["layer"]) == {"head"}
    assert [card["classes"][unit] for unit in named["unit"]] == list(named["class"])
    assert len(named) == len([name for _, name, _ in by_hand(study, "b") if name == "head"])
    assert "class" not in find_strongest(open_study(study), "hue", networks=["a"])


def test_designs_are_ranked_together_or_chosen(study: Path) -> None:
    write(study / "a/set2", 3)
    everything = find_strongest(open_study(study), "hue", top=100)
    assert set(everything["design"]) == {"set1", "set2"}
    chosen = find_strongest(open_study(study), "hue", top=100, designs=["set2"])
    assert set(chosen["design"]) == {"set2"}


def test_networks_are_ranked_together_and_layers_chosen(study: Path) -> None:
    everything = find_strongest(open_study(study), "hue", top=100)
    counts = everything["network"].value_counts()
    assert [counts["a"], counts["b"]] == [len(by_hand(study, name)) for name in "ab"]
    heads = find_strongest(open_study(study), "hue", layers=["head"])
    assert set(heads["layer"]) == {"head"}
    assert "row" not in heads


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"factor": "hu"}, "factor: 'hu' .* Nearest: hue"),
        ({"factor": "hue", "layers": ["sten"]}, "layer: 'sten' .* Nearest: stem"),
        ({"factor": "hue", "networks": ["c"]}, "network of .*: 'c'"),
        ({"factor": "hue", "designs": ["set2"]}, "design of .*: 'set2'"),
        ({"factor": "hue", "top": 0}, "top must be at least 1"),
    ],
)
def test_unknown_names_are_refused(study: Path, asked: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        find_strongest(open_study(study), **asked)  # type: ignore[arg-type]


def test_the_command_prints_or_writes(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find", str(study), "--factor", "hue", "--top", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].split()[:3] == ["network", "design", "layer"]
    assert "NA" not in "".join(lines)
    written = study / "hue.csv"
    assert main(["find", str(study), "--factor", "hue", "-o", str(written)]) == 0
    assert len(pd.read_csv(written)) == 20
