"""The tiny study on the GPU of this machine, where it has one."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pipeline import configure, snakemake

# What the weights are made from is kept: trained on a GPU they would be others.
KEPT = ("data", "one/weights.pt", "one/card.json")
TABLES = (
    *("one/mixed/tables/layers.csv", "one/mixed/tables/contrast.csv"),
    *("one/mixed/tables/masking.csv", "one/mixed/tables/segments.csv"),
    *("spatial/tables/shuffle_curves.csv", "spatial/tables/interaction.csv"),
)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_numbers_of_the_cpu(finished: Path, tmp_path: Path) -> None:
    """But for roundings, which may move single predictions and ranks."""
    results, known_results = (folder / "results/tiny" for folder in (tmp_path, finished))
    for name in KEPT:
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (known_results / name).is_dir() else shutil.copy2
        copy(known_results / name, results / name)
    configure(tmp_path, device="cuda")
    result = snakemake(tmp_path, "--rerun-triggers", "mtime")
    assert result.returncode == 0, result.stdout + result.stderr

    for name in TABLES:
        own, known = (pd.read_csv(made / name) for made in (results, known_results))
        numbers = known.select_dtypes("number").columns
        pd.testing.assert_frame_equal(own.drop(columns=numbers), known.drop(columns=numbers))
        alike = np.isclose(own[numbers], known[numbers], rtol=0.02, atol=0.02, equal_nan=True)
        assert alike.mean() > 0.95, name
    assert "Running on cuda" in (results / "logs/estimate_contrast/one/mixed.log").read_text()
