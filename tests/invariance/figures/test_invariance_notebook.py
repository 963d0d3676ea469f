"""What the notebook on invariances says of a made study, whose numbers are known."""

import json
import runpy
import shutil
from contextlib import chdir
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from invariance_tables import make_study

import actsense
from actsense.store import read_table, write_tables

NOTEBOOK = Path(__file__).parents[3] / "notebooks/invariances.py"
LAYERS = {"stage2": (4,), "logits": (4,)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the study that the notebook looks for."""
    folder = tmp_path_factory.mktemp("notebook")
    make_study(folder / "results/digits", LAYERS, anchors=10, judge=False)
    return folder


def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run the notebook in a folder, and return what it printed."""
    with chdir(folder), plt.rc_context():
        runpy.run_path(str(NOTEBOOK))
    return capsys.readouterr().out


def percent(row: pd.Series, unit: str = "%") -> str:
    value, low, high = (100 * row[name] for name in ("value", "low", "high"))
    return f"{value:.0f} {unit} ({low:.0f} to {high:.0f})"


def test_answers_are_those_of_the_tables(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = said(home, capsys)
    kept = actsense.open_study(home / "results/digits").table("invariance_kept")
    rows = kept.set_index(["measure", "state", "layer"])
    free = rows.loc["explained_latent"]
    shares = ", ".join(f"{layer} {percent(free.loc[('trained', layer)])}" for layer in LAYERS)
    assert f"net: of what images differ by, its layers leave free: {shares};" in answer
    assert "net: none of these numbers is limited by the autoencoder." in answer
    step = percent(free.loc[("trained", "logits - stage2")], "points")
    assert f"net: logits leaves more free than stage2: difference {step}." in answer
    assert "random weights leave" in answer
    for layer, word in (("stage2", "less"), ("logits", "more")):
        other = percent(free.loc[("trained - random", layer)], "points")
        random = percent(free.loc[("random", layer)])
        marked = f"random weights leave {random} free (limited by the autoencoder); trained ones"
        assert f"net, {layer}: {marked} {word}: difference {other}." in answer
    agreement = percent(rows.loc[("agreement", "trained", "logits")])
    assert f"net, logits: {agreement} of samples have the class of their anchor, 25 %" in answer
    assert "logits: ignores brightness most, " in answer
    assert "rank correlation 0.50" in answer


def test_limits_and_what_was_not_looked_at_are_said(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(home, tmp_path / "home"))
    for path in (folder / "results/digits/invariance/tables").glob("*.csv"):
        table = read_table(path)
        if "state" in table:
            table = table[~table["state"].str.contains("random")]
        table.loc[table["layer"] == "stage2", "limited"] = True
        if path.stem == "invariance_kept":
            own = (table["layer"] == "logits") & (table["measure"] == "explained_latent")
            table.loc[own, ["value", "low", "high"]] = np.nan
        write_tables({path.stem: table.reset_index(drop=True)}, {path.stem: path})
    answer = said(folder, capsys)
    assert "logits an unknown share; they keep the rest." in answer
    assert "the autoencoder limits what is known of stage2: these numbers may say more" in answer
    assert "Random weights were not looked at" in answer
    assert "nan" not in answer


def test_a_study_without_invariances_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "results/digits/net"
    home.mkdir(parents=True)
    (home / "card.json").write_text(json.dumps({"name": "net"}))
    monkeypatch.chdir(tmp_path)
    sentence = r"^No network of results/digits has .* keep of images\. .*: snakemake invariance -"
    with plt.rc_context(), pytest.raises(SystemExit, match=sentence):
        runpy.run_path(str(NOTEBOOK))
