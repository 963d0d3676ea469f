"""What the benchmarks on functions with exact indices rest on."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from actsense.sensitivity.indices import INDICES
from benchmarks import __main__ as program
from benchmarks import convergence, coverage, page
from benchmarks.functions import FACTORS, FUNCTIONS, evaluate
from benchmarks.measure import Measurement

REPOSITORY = Path(__file__).parents[1]


def test_the_first_base_points_of_a_design_are_a_smaller_design() -> None:
    """So one design of each seed gives the estimates at all numbers of base points."""
    first, _ = coverage.estimates(3, (16, 32), replicates=2)
    (alone,) = coverage.estimates(3, (16,), replicates=2)
    for index in INDICES:
        np.testing.assert_allclose(first.values[index], alone.values[index], rtol=1e-10)
        np.testing.assert_allclose(first.half_widths[index], alone.half_widths[index], rtol=1e-10)


def test_coverage_counts_the_intervals_that_hold_the_exact_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half-widths a little larger than the errors hold all values, smaller ones none."""
    (found,) = coverage.estimates(0, (64,))
    exact = {i: np.stack([f.exact[i] for f in FUNCTIONS], axis=1) for i in coverage.TITLES}
    monkeypatch.setattr(coverage, "BASE_POINTS", (64, 64))
    monkeypatch.setattr(coverage, "JUDGED", 64)
    for share, expected in ((1.1, 1.0), (0.9, 0.0)):
        for index in coverage.TITLES:
            found.half_widths[index][:] = share * abs(found.values[index] - exact[index])
        monkeypatch.setattr(coverage, "estimates", lambda *_: [found, found])
        counted = coverage._Coverage(2)
        easy = [u for u, f in enumerate(FUNCTIONS) if f.kind == "smooth"]
        for unit in easy:
            covered, alone, _ = counted.rates("ST", unit)
            np.testing.assert_array_equal([covered, alone], expected)


def test_peers_and_exact_indices_agree_on_many_evaluations() -> None:
    """Every row that a peer gets stands where it expects it: its estimates near the exact ones."""
    pytest.importorskip("openturns", reason=convergence.MISSING)
    easy = [unit for unit, f in enumerate(FUNCTIONS) if f.kind in ("smooth", "steps")]
    for pairs, *_ in convergence._pairs(1024, 0):
        for _, estimates in convergence._openturns(pairs):
            near(estimates, easy, 0.16)


def near(estimates: convergence.Estimates, units: list[int], tolerance: float) -> None:
    for index, values in estimates.items():
        exact = np.stack([f.exact[index] for f in FUNCTIONS], axis=1)
        assert abs(values - exact)[:, units].max() < tolerance


def test_walks_of_the_peers_give_shapley_effects() -> None:
    easy = [unit for unit, f in enumerate(FUNCTIONS) if f.kind in ("smooth", "steps")]
    for rows, _ in convergence._trajectories(1024, 0):
        near(convergence._goda(rows), easy, 0.1)


def test_evaluations_for_an_error_are_read_between_the_sizes_tried() -> None:
    """Errors c / sqrt(evaluations): the answer is (c / error)^2, and bounds beyond the ends."""
    sizes = [100, 400, 1600]
    exact = np.stack([f.exact["S1"] for f in FUNCTIONS], axis=1)
    method = convergence._Method(sizes)
    for at, size in enumerate(sizes):
        method.add(at, {"S1": exact + 1 / np.sqrt(size)})

    assert method.needed("S1", 0, 1 / np.sqrt(250)) == pytest.approx(250)
    assert method.needed("S1", 0, 1 / np.sqrt(2000)) == np.inf
    assert method.needed("S1", 0, 0.2) == 0
    method.add(2, {"S1": np.full_like(exact, np.nan)})  # undefined as often as not
    assert method.needed("S1", 0, 1 / np.sqrt(1000)) == np.inf


def test_without_openturns_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(convergence, "find_spec", lambda _: None)
    assert [*convergence.measurements(), *convergence.sketch()] == []
    assert (
        "sh envs/uv.sh pip install --python .venv --no-deps openturns" in capsys.readouterr().out
    )


def test_a_table_replaces_the_last_one_of_its_page(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- one -->\n<!-- end of one -->\nafter\n")
    for table in ("| a |", "| b |"):
        page.rewrite("one", table, page=path)
    assert path.read_text() == "before\n<!-- one -->\n| b |\n<!-- end of one -->\nafter\n"
    with pytest.raises(ValueError, match="needs the lines <!-- two -->"):
        page.rewrite("two", "", page=path)


@pytest.mark.parametrize(("arguments", "expected"), [([], 1.0), (["coverage"], 2.0)])
def test_who_names_a_benchmark_gets_it_whole(
    arguments: list[str], expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(value: float) -> list[Measurement]:
        return [Measurement("covered", value, 0, 0, "share", "", numbers={"S1": [value]})]

    whole = SimpleNamespace(measurements=lambda: measured(2.0))
    monkeypatch.setattr(program, "MODULES", {"coverage": whole})
    monkeypatch.setattr(program, "SKETCHES", {"coverage": lambda: measured(1.0)})
    monkeypatch.setattr(program, "OUTPUT", tmp_path / "bench.json")
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    program.main()
    entry = json.loads((tmp_path / "bench.json").read_text())["covered"]
    assert (entry["value"], entry["numbers"]) == (expected, {"S1": [expected]})


@pytest.mark.parametrize("name", ["coverage", "convergence"])
def test_the_page_has_the_tables_of_all_functions(name: str) -> None:
    text = (REPOSITORY / page.PAGE).read_text()
    table = text.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0]
    for function in FUNCTIONS:
        assert f"\n| {function.name} | S1 |" in table


def test_functions_take_the_ends_of_the_unit_interval() -> None:
    """A scrambled sequence may hold 0, and the last number below 1."""
    ends = np.array([[0.0] * FACTORS, [1 - 2.0**-30] * FACTORS])
    assert np.isfinite(evaluate(ends)).all()
