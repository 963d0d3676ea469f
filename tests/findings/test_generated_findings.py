"""Findings about pictures of facets and about concepts, from planted tables."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from actsense.findings.collection import find_findings
from actsense.findings.finding import Finding
from actsense.inspection import open_study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a study of one network without designs."""
    (tmp_path / "animals/net").mkdir(parents=True)
    (tmp_path / "animals/net/card.json").write_text("{}")
    return tmp_path / "animals"


def found(folder: Path, place: str, name: str, rows: list[dict[str, Any]]) -> list[Finding]:
    (folder / place / "tables").mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / place / f"tables/{name}.csv", index=False)
    return find_findings(open_study(folder))


def picture(weights: str, measure: str, median: float, **changes: Any) -> dict[str, Any]:
    common = {"network": "net", "layer": "conv", "kind": "facets", "role": "facet"}
    ends = {"low": median - 0.1, "high": median + 0.1}
    told = {"weights": weights, "measure": measure, "median": median}
    return {**common, **told, **ends, **changes}


def test_pictures_are_told_where_random_weights_make_worse_ones(folder: Path) -> None:
    rows = [
        picture("trained", "cosine_centred", 0.9),
        picture("random", "cosine_centred", 0.5),
        picture("trained", "transfer", 95.0),
        picture("random", "transfer", 95.15),
        picture("trained", "ratio", 3.0),
        picture("random", "ratio", 1.0),
        picture("trained", "cosine_centred", 0.1, kind="units"),
    ]
    (finding,) = found(folder, "featvis", "picture_summary", rows)
    assert finding.text == (
        "Pictures made for the facets of conv do more than those that random weights make: "
        "they answer as its images do (centred cosine 0.90 (0.80 to 1.00), against 0.50 (0.40 to "
        "0.60))."
    )
    rows[3] = picture("random", "transfer", 60.0)
    (finding,) = found(folder, "featvis", "picture_summary", rows)
    assert finding.text.endswith(
        " and drive another network (to percentile 95 (95 to 95) of images, against 60 (60 to "
        "60))."
    )
    rows[1:4] = [picture("random", "cosine_centred", 0.85)]
    assert not found(folder, "featvis", "picture_summary", rows)


def kept(state: str, epoch: float | None, layer: str, **shares: float) -> list[dict[str, Any]]:
    where = {"network": "net", "state": state, "epoch": epoch, "layer": layer, "limited": False}
    return [
        {**where, "factor": name, "value": value, "low": value - 0.05, "high": value + 0.05}
        for name, value in shares.items()
    ]


def test_concepts_are_followed_over_depth_and_over_training(folder: Path) -> None:
    rows = [
        *kept("random", None, "head", digit=0.1, background=0.9, residual=0.1),
        *kept("trained", 6, "conv", digit=0.5, background=0.6, residual=0.9),
        *kept("trained", 6, "head", digit=0.45, background=0.1, residual=0.1),
        *kept("epoch_6", 6, "head", digit=0.9, background=0.9),  # the trained one comes first
        *kept("epoch_2", 2, "head", digit=0.2, background=0.3),
        *kept("epoch_0", 0, "head", digit=0.1, background=0.4),
    ]
    depth, training = found(folder, "invariance", "factors_explained", rows)
    assert depth.text == (
        "From conv to head, the share of `background` that is kept falls from 0.60 (0.55 to 0.65) "
        "to 0.10 (0.05 to 0.15)."
    )
    assert training.text == (
        "From epoch 0 of training to epoch 6, in head, the share of `digit` that is kept rises "
        "from 0.10 (0.05 to 0.15) to 0.45 (0.40 to 0.50) and that of `background` falls from 0.40 "
        "(0.35 to 0.45) to 0.10 (0.05 to 0.15)."
    )
    assert depth.figure.endswith("factors_layers.png")
    assert training.figure.endswith("factors_training.png")
    for row in rows:
        row["limited"] = row["state"] == "epoch_0"
    depth, training = found(folder, "invariance", "factors_explained", rows)
    assert "autoencoder" not in depth.text
    assert training.text.endswith(", as far as the autoencoder lets one tell.")


def test_concepts_that_stay_within_their_intervals_are_no_finding(folder: Path) -> None:
    rows = [
        *kept("trained", 6, "conv", digit=0.5, background=0.6, residual=0.9),
        *kept("trained", 6, "head", digit=0.45, background=0.52, residual=0.1),
        *kept("epoch_0", 0, "head", digit=0.54, background=0.45),
    ]
    assert not found(folder, "invariance", "factors_explained", rows)
