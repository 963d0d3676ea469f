"""A sampling is opened from files that belong to its settings."""

from pathlib import Path
from typing import Any

import pytest
import torch
from opened import digit_files

from actsense.errors import ConfigError
from actsense.sampling.opening import Sampling, open_sampling

DESIGN = {
    "augmentations": ["brightness", "rolling"],
    "law": "switched",
    "base_points": 8,
    "replicates": 2,
    "walks": 2,
    "stretch": False,
}


def sampled(folder: Path, **changes: Any) -> Sampling:
    files, network = digit_files(folder)
    settings = {
        "network": ["one", network | {"layers": ["stage1", "logits"]}],
        "design": ["mixed", DESIGN],
        "seed": 1,
        "precision": "float32",
        "size": 32,
    }
    return open_sampling(files, settings | changes, batch_size=16, device=torch.device("cpu"))


def test_network_images_and_design_are_those_of_the_settings(tmp_path: Path) -> None:
    own = sampled(tmp_path)
    assert [layer.name for layer in own.layers] == ["stage1", "logits"]
    assert own.law.size == (32, 32) == (own.subject.side,) * 2
    assert own.subject.network.name == "one"
    assert own.design.factors == own.law.factors


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    """Stored activations are summed up under a design of the size that the settings have."""
    with pytest.raises(ConfigError, match=r"dataset.image_size: 64, but .* sides of 32 pixels"):
        sampled(tmp_path, size=64)
