"""Photographs are inputs of the workflow: what they decide is made again when they change."""

import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from pipeline import configure, planned, snakemake


def save(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def test_photographs_are_inputs(tmp_path: Path) -> None:
    folder = tmp_path / "o'brien's {x} & $HOME ü"
    folder.mkdir()
    photos = folder / "pho'tos"
    for seed in range(12):
        save(photos / "ab"[seed % 2] / f"{seed}.png", seed)
    configure(folder, dataset={"kind": "folder", "path": photos.name, "image_size": 16})
    assert snakemake(folder, "data").returncode == 0
    again = {"cache_images": 1, "data": 1}

    assert planned(snakemake(folder, "data", "--dry-run")) == {}
    for file in photos.rglob("*.png"):
        os.utime(file, (2e9, 2e9))
    assert planned(snakemake(folder, "data", "--dry-run")) == {}

    save(photos / "a" / "0.png", 99)
    assert planned(snakemake(folder, "data", "--dry-run")) == again

    shutil.rmtree(photos)
    result = snakemake(folder, "data", "--dry-run")
    assert planned(result) == {}
    assert "is not there: the finished image cache is used" in result.stdout + result.stderr

    shutil.rmtree(folder / "results")
    result = snakemake(folder, "data", "--dry-run")
    assert result.returncode != 0
    assert 'dataset.path: the folder "pho\'tos" does not exist.' in result.stderr
