"""The published interface: what it reads, writes, and refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from actsense.errors import ConfigError
from actsense.featvis import VisGeneration
from actsense.featvis.search.smoothing import gradient_mask
from actsense.featvis.vis_generation.octave import OCTAVE, penalty_of, read_octave, search_of

SIDE, EACH = 32, 12
COLOURS = {"red": (220, 40, 30), "green": (40, 200, 60), "blue": (30, 60, 220)}
OWN = {"start_mask_sigma": 3000, "end_mask_sigma": 3000}  # 32 pixels: a wide window


def features() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 12, 5, 2), nn.ReLU(), nn.Conv2d(12, 24, 3, 2), nn.ReLU())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with stripes of three colours, a broken file and a text."""
    folder = tmp_path_factory.mktemp("data") / "colours"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for period, (name, colour) in zip((4, 7, 11), COLOURS.items(), strict=True):
        for number in range(EACH):
            at = 2 * np.pi * np.arange(48)[:, None] / period + draw.uniform(0, 6)
            waves = np.array(colour) * (0.8 + 0.2 * np.sin(at)) + draw.normal(0, 12, (40, 48, 3))
            pixels = np.clip(waves, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:02d}_{name}.png")
    (folder / "05_broken.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image at all")
    return folder


def generation(folder: Path, output: Path, **options: Any) -> VisGeneration:
    given = {"target_channels": 6, "clusters": 3, "octave": OWN, "iterations": 12}
    given |= {"target": "3", "penalty": "2", "size": SIDE} | options
    return VisGeneration(
        features(), img_name=folder.name, data_path=folder.parent, output=output, **given
    )


def test_every_facet_gets_a_picture_and_all_is_written(
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actsense.featvis.vis_generation.generation.EVERY", 20)
    found = generation(folder, tmp_path, iterations=41).generate()
    assert "05_broken.png: unreadable image" in caplog.text
    assert found.images.shape == (3, 3, SIDE, SIDE)
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    clusters = [
        f"generated/cluster_{cluster:02d}/iteration_{iteration:04d}.png"
        for cluster in (1, 2, 3)
        for iteration in (0, 20, 40, 41)
    ]
    assert written == [*clusters, "generated/metrics.csv", "tsne_colours.png"]
    table = pd.read_csv(tmp_path / "generated/metrics.csv")
    assert [*table.columns[:2]] == ["cluster", "iteration"]
    assert len(table) == 3 * 41
    last = table[table.iteration == 41].set_index("cluster")
    first = table[table.iteration == 1].set_index("cluster")
    assert (last.total - first.total).median() < 0
    assert (last.activation - first.activation).median() > 0
    assert last.penalty.gt(0).all()
    for cluster in (1, 2, 3):
        pixels = Image.open(tmp_path / f"generated/cluster_{cluster:02d}/iteration_0041.png")
        exact = found.images[cluster - 1].permute(1, 2, 0).numpy() * 255
        assert np.abs(np.asarray(pixels) - exact).max() <= 0.51


def test_a_red_image_stays_red(folder: Path, tmp_path: Path) -> None:
    """Spec test 32: from the file to the start that is written, channels keep their order."""
    generation(folder, tmp_path, iterations=1).generate()
    seen = []
    for cluster in (1, 2, 3):
        start = Image.open(tmp_path / f"generated/cluster_{cluster:02d}/iteration_0000.png")
        colour = np.asarray(start).reshape(-1, 3).mean(axis=0)
        distances = {
            name: np.abs(colour - 0.8 * np.array(rgb)).max() for name, rgb in COLOURS.items()
        }
        nearest = min(distances, key=distances.__getitem__)
        assert distances[nearest] < 9  # waves are cut off at an edge
        seen.append(nearest)
    assert sorted(seen) == sorted(COLOURS)


def test_a_generation_that_was_killed_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = generation(folder, tmp_path / "whole").generate()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("actsense.featvis.vis_generation.generation._write_pictures", killed)
        with pytest.raises(KeyboardInterrupt):
            generation(folder, tmp_path).generate()
    assert (tmp_path / "generated/.pictures.state").exists()

    def refuse(*_: object) -> None:
        raise AssertionError("an iteration was done again")

    monkeypatch.setattr("actsense.featvis.search.course.Course.advance", refuse)
    assert torch.equal(generation(folder, tmp_path).generate().images, whole.images)
    assert not (tmp_path / "generated/.pictures.state").exists()


def test_the_octave_has_the_published_keys_and_values() -> None:
    keys = ("lr", "mask_sigma", "sigma", "denoise_weight", "lambda")
    named = {f"{end}_{key}" for key in keys for end in ("start", "end")}
    assert {*OCTAVE} == named | {"scale", "window", "window_step", "brightness_step"}
    assert read_octave(None) == dict(OCTAVE)
    assert read_octave({"window": 0.1})["window"] == 0.1


def test_the_octave_means_a_search() -> None:
    octave = read_octave({"window_step": 30, "end_sigma": 0.5})
    search = search_of(octave, iterations=50, side=512, rate=0.02)
    # Spec test 27: the published mask, a power of machine epsilon.
    sigma = search.mask_sigma_px.at(1, 50)
    r = np.hypot(*np.meshgrid(*[np.arange(512) - 255.5] * 2))
    published = np.finfo(float).eps ** (((r - 1) / 420) ** 2 / 2)
    published = (published - published.min()) / (published.max() - published.min())
    assert np.abs(gradient_mask(512, sigma).numpy() - published).max() < 0.02
    assert search.learning_rate.at(1, 50) == pytest.approx(0.02)
    assert search.learning_rate.at(50, 50) == pytest.approx(0.08 / 0.5 * 0.02)
    assert (search.blur_sigma_px.start, search.blur_sigma_px.end) == (0.9, 0.5)
    assert (search.denoise_weight.start, search.denoise_weight.end) == (2, 8)
    assert (search.canvas, search.window, search.window_every) == (1.2, 0.4, 30)
    assert (search.brightness_every, search.brightness_levels) == (50, 5)
    assert (search.jitter_px, search.zoom, search.rotation_degrees) == (0, 0, 0)
    half = search_of(octave, iterations=50, side=256, rate=0.02).mask_sigma_px.at(1, 50)
    assert half == pytest.approx(sigma / 2)


def test_lambda_keeps_its_share_of_the_loss() -> None:
    weight = penalty_of(read_octave(None), inputs=600, channels=30)
    inputs, driven = np.abs(np.random.default_rng(0).normal(size=600)), 12.0
    published = -30 * driven + 1e-4 * inputs.sum()  # sums, where means stand here
    ours = -driven + weight.start * inputs.mean()
    assert 30 * ours == pytest.approx(published)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"octave": {"start_ls": 1}}, "octave: 'start_ls' is not known. Nearest: start_lr"),
        ({"octave": {"window_step": 0}}, "window_step must be a whole number of 1 or more; got 0"),
        ({"octave": {"start_lr": "fast"}}, "start_lr must be a number of 0 or more; got 'fast'"),
        ({"octave": {"scale": 0.5}}, "scale must be a number of 1 or more"),
        ({"octave": {"end_mask_sigma": 0}}, "end_mask_sigma must be a number above 0"),
        ({"octave": {"start_sigma": float("nan")}}, "start_sigma must be a number"),
        ({"clusters": 0}, "clusters: must be a whole number of 1 or more; got 0"),
        ({"target": "7"}, "target: '7' is not known"),
        ({"penalty": "7"}, "penalty: '7' is not known"),
        ({"clusters": 37}, "37 facets are more than the 36 different images"),
        ({"target_channels": 25}, "25 are more than the 24 channels"),
    ],
)
def test_bad_input_is_one_clear_line(
    options: dict[str, Any], message: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message) as told:
        generation(folder, tmp_path, **options).generate()
    assert "\n" not in str(told.value)
    if "octave" in options:
        assert "start_lr" in str(told.value) or "octave" in str(told.value)


def test_unknown_keys_are_told_all_that_are_allowed(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Allowed: ") as told:
        generation(folder, tmp_path, octave={"learning_rate": 1})
    assert all(key in str(told.value) for key in OCTAVE)


def test_a_folder_without_images_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"img_name: the folder .* does not exist"):
        generation(tmp_path / "nowhere", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="has no images"):
        generation(tmp_path / "empty", tmp_path)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/one.png").write_bytes(b"torn")
    with pytest.raises(ConfigError, match="none of the 1 images can be read"):
        generation(tmp_path / "broken", tmp_path).generate()
