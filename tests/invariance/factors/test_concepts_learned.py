"""Factors of a study: pairs of its images to files, also after a kill."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from actsense.data.digits import blend_images
from actsense.data.manifest import write_manifest
from actsense.data.settings import Digits
from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.autoencoder.architectures import build_autoencoder
from actsense.invariance.autoencoder.opening import save_autoencoder
from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.invariance.factors.digit_pairs import digit_pairs
from actsense.invariance.factors.evaluate import train
from actsense.invariance.factors.evaluate.train import study_pairs, write_factors
from actsense.invariance.factors.factors import open_factors
from actsense.invariance.factors.plan import judged_pairs
from actsense.invariance.flow import course
from actsense.invariance.latents import record_latents
from actsense.invariance.settings import Factors
from actsense.progress import Progress
from actsense.store import read_facts

CPU, IMAGES, LATENT = torch.device("cpu"), 120, 6
TRAINING = {"steps": 6, "batch_size": 32, "check_every": 2}
QUICK = {"pairs": 300, "flow": {"blocks": 2, "width": 8, "training": TRAINING}}


@dataclass(frozen=True)
class Planted:
    """Latents of which the first two numbers are those of the class."""

    latent: int = LATENT

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return them; what is encoded are rows, whose class is row modulo 3."""
        draws = np.random.default_rng(0)
        centres, noise = draws.normal(size=(3, 2)) * 3, draws.normal(size=(IMAGES, LATENT))
        known = rows[:, 0].long().numpy()
        mean = noise[known]
        mean[:, :2] = centres[known % 3] + 0.2 * mean[:, :2]
        return torch.from_numpy(mean).float(), torch.full((len(mean), LATENT), -6.0)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A manifest with latents, and an autoencoder that has learned nothing."""
    folder = tmp_path_factory.mktemp("learned")
    paths = {name: folder / name for name in ("manifest", "autoencoder", "latents")}
    parts = ["train"] * 90 + ["validation"] * 30
    lines = [(f"{k}.png", "abc"[k % 3], k % 3, part, "0") for k, part in enumerate(parts)]
    write_manifest(lines, paths["manifest"])
    record_latents(
        *(Planted(), lambda some: torch.from_numpy(some).float()[:, None], np.arange(IMAGES)),
        paths["latents"],
        memory=Memory(CPU, 50, "images"),
    )
    settings = AutoencoderSettings(latent=LATENT, width=4)  # type: ignore[arg-type]
    torch.manual_seed(0)
    save_autoencoder(build_autoencoder(settings, 32), settings, paths["autoencoder"])
    return paths


def learned(inputs: dict[str, Path], folder: Path, **changes: Any) -> bytes:
    """Run the job, and return what its flow and its card say."""
    outputs = {"factors": folder / "factors.pt", "card": folder / "factors.json"}
    write_factors(
        *(outputs, inputs, Factors(**QUICK | changes)),
        dataset=Digits(validation_fraction=0.3).plain(),
        study={"seed": 0},
        seed=0,
        device=CPU,
        precision="float32",
        batch_size=32,
    )
    factors = open_factors(outputs["factors"], device=CPU)
    state = factors.flow.state_dict()  # type: ignore[attr-defined]
    told = json.dumps(read_facts(outputs["card"]), sort_keys=True)
    return b"".join(x.numpy().tobytes() for x in state.values()) + told.encode()


class Stopping(Progress):
    """Ends the process after some steps."""

    def update(self, count: int = 1) -> None:
        """Count, and stop."""
        super().update(count)
        if self.done == 3:
            raise KeyboardInterrupt


def test_a_killed_training_goes_on_to_the_same_bits(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = learned(inputs, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(course, "KEPT_EVERY", 0)
        patch.setattr(train, "Progress", Stopping)
        with pytest.raises(KeyboardInterrupt):
            learned(inputs, tmp_path / "cut")
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [".factors.state"]
    steps: list[int] = []
    fit = course._Course.descend
    monkeypatch.setattr(
        course._Course, "descend", lambda own, loss: (steps.append(own.step), fit(own, loss))[1]
    )
    assert learned(inputs, tmp_path / "cut") == whole
    assert steps == [2, 3, 4, 5]  # the third was not kept any more
    assert not (tmp_path / "cut/.factors.state").exists()


def test_the_card_tells_sizes_by_both_rules_and_why(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    learned(inputs, tmp_path, sizes="rank")
    card = read_facts(tmp_path / "factors.json")
    assert card["concepts"] == "classes"
    assert card["rules"]["rank"] == card["sizes"] == {"class": 2, "residual": 4}
    assert card["rules"]["published"] == {"class": 2, "residual": 4}
    mean = Planted().encode(torch.arange(90)[:, None])[0].numpy()
    centres = np.stack([mean[k::3].mean(axis=0) for k in range(3)])
    expected = centres.var(axis=0).sum() / mean.var(axis=0).sum()
    assert card["scores"]["class"]["error"] < 0.03
    assert card["scores"]["class"]["value"] == pytest.approx(expected, abs=0.1)
    assert card["scores"]["class"]["rank"] == pytest.approx(2, abs=0.3)
    assert card["pairs"] == {"train": 300, "validation": judged_pairs(300)}
    assert card["history"]["steps"] == [2, 4, 6]
    assert card["origin"]["configuration"] == {"seed": 0}
    assert len(card["origin"]["autoencoder_sha256"]) == 64


def test_pairs_are_of_the_images_of_their_partition(inputs: dict[str, Path]) -> None:
    found = study_pairs(
        *(inputs, Factors(**QUICK), {}),
        seed=0,
        device=CPU,
        batch_size=32,  # type: ignore[arg-type]
    )
    mean = Planted().encode(torch.arange(IMAGES)[:, None])[0].numpy()
    for name, rows in (("train", slice(0, 90)), ("validation", slice(90, None))):
        own = {*map(bytes, found[name].latents.mean)}
        assert own <= {*map(bytes, mean[rows])}
        assert len(own) > 0.8 * len(mean[rows])


def test_digits_are_made_of_their_partition_and_encoded(inputs: dict[str, Path]) -> None:
    dataset = Digits(validation_fraction=0.3)
    settings = Factors(concepts="digits", pairs=12)
    found = study_pairs(*(inputs, settings, dataset.plain()), seed=4, device=CPU, batch_size=5)
    autoencoder = train.open_autoencoder(inputs["autoencoder"])
    for name, pairs in found.items():
        assert (pairs.concepts, len(pairs)) == (("digit", "background"), 24)
        made = digit_pairs(dataset, name, 12, seed=4)
        images = np.stack([*blend_images(made.blends, 32)])
        with torch.no_grad():
            mean, _ = autoencoder.encode(torch.from_numpy(images).float() / 255)
        np.testing.assert_allclose(pairs.latents.mean, mean.numpy(), atol=1e-5)
        np.testing.assert_array_equal(pairs.second, made.second)


def test_an_autoencoder_of_other_images_is_told(inputs: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="images of 32 pixels; these images have 64"):
        study_pairs(
            *(inputs, Factors(concepts="digits", pairs=12), Digits(image_size=64).plain()),
            **{"seed": 4, "device": CPU, "batch_size": 5},  # type: ignore[arg-type]
        )
