"""Files of autoencoders: safe to open, and complete in themselves."""

from pathlib import Path

import pytest
import torch
from torch import nn

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.architectures import Autoencoder, build_autoencoder
from actsense.invariance.autoencoder.opening import open_autoencoder, save_autoencoder
from actsense.invariance.autoencoder.settings import Adversary, AutoencoderSettings
from actsense.networks.state import save_state, save_tensors

SETTINGS = AutoencoderSettings(latent=6, width=2, noise=0.3, adversary=Adversary())


@pytest.fixture
def autoencoder() -> Autoencoder:
    torch.manual_seed(0)
    made = build_autoencoder(SETTINGS, 48)
    made.encode(torch.rand(8, 3, 48, 48))  # moves moments
    return made.eval()


def test_what_is_saved_is_opened_to_the_bit(autoencoder: Autoencoder, tmp_path: Path) -> None:
    save_autoencoder(autoencoder, SETTINGS, tmp_path / "weights.pt")
    before = torch.random.get_rng_state()
    opened = open_autoencoder(tmp_path / "weights.pt", side=48)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (opened.side, opened.latent, opened.training) == (48, 6, False)
    assert not any(p.requires_grad for p in opened.parameters())
    images = torch.rand(3, 3, 48, 48)
    for one, other in zip(opened.encode(images), autoencoder.encode(images), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(opened(images), autoencoder(images))


def test_equal_autoencoders_give_equal_bytes(autoencoder: Autoencoder, tmp_path: Path) -> None:
    for name in ("one", "other"):
        save_autoencoder(autoencoder, SETTINGS, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "other"]


def test_images_of_another_size_are_refused(autoencoder: Autoencoder, tmp_path: Path) -> None:
    save_autoencoder(autoencoder, SETTINGS, tmp_path / "weights.pt")
    with pytest.raises(ConfigError, match="images of 48 pixels; these images have 32"):
        open_autoencoder(tmp_path / "weights.pt", side=32)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file of weights there"):
        open_autoencoder(tmp_path / "weights.pt")


def test_other_weights_are_no_autoencoder(tmp_path: Path) -> None:
    save_state(nn.Linear(2, 2), tmp_path / "weights.pt")
    with pytest.raises(ConfigError, match="not what autoencoder they are of"):
        open_autoencoder(tmp_path / "weights.pt")


def test_settings_of_another_version_are_told(autoencoder: Autoencoder, tmp_path: Path) -> None:
    origin = {"settings": {"depth": 3}, "side": 48}
    content = {"model": autoencoder.state_dict(), "autoencoder": origin}
    save_tensors(content, tmp_path / "weights.pt")
    with pytest.raises(ConfigError, match="not what autoencoder they are of"):
        open_autoencoder(tmp_path / "weights.pt")


def test_weights_must_fit(autoencoder: Autoencoder, tmp_path: Path) -> None:
    save_autoencoder(autoencoder, SETTINGS.replaced(width=3), tmp_path / "weights.pt")
    with pytest.raises(ConfigError, match="do not fit Autoencoder"):
        open_autoencoder(tmp_path / "weights.pt")


@pytest.mark.parametrize("place", [200, -200])
def test_damage_is_told(autoencoder: Autoencoder, tmp_path: Path, place: int) -> None:
    path = tmp_path / "weights.pt"
    save_autoencoder(autoencoder, SETTINGS, path)
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content[:-100] if place < 0 else content)
    with pytest.raises(ConfigError, match="or damaged"):
        open_autoencoder(path)


class Malice:
    """Would make a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    content = {"model": {"a": torch.zeros(1)}, "autoencoder": Malice(tmp_path / "made")}
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(ConfigError, match="not a plain state dict"):
        open_autoencoder(tmp_path / "weights.pt")
    assert not (tmp_path / "made").exists()
