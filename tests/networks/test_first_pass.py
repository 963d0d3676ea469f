"""Networks of other people, shown their first images: what is refused, and what is advised."""

import sys
from pathlib import Path

import own_networks as own
import pytest
import torch
from torch import nn

from actsense.errors import ConfigError
from actsense.networks.first_pass import first_pass
from actsense.networks.layers import resolve_layers
from actsense.networks.network import Network, outline_network
from actsense.networks.peak import measure_peak
from actsense.networks.settings import Python


def outline(factory: str) -> Network:
    settings = Python(factory=f"own_networks:{factory}", weights="none")
    return outline_network("net", settings, classes=3, image_size=8)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            own.Particular(),
            r"AssertionError: needs 224 \(.*own_networks\.py:\d+\)\. The network does not accept "
            "images of 8x8 pixels, but those of 224x224: change dataset.image_size",
        ),
        (own.Mistaken(), r"KeyError: 'logit' \(.*own_networks\.py:\d+\)\.$"),
        (own.grey(), "takes images of one channel, and is shown three"),
        (own.double(), r"computes in float64.* return module\.float\(\)"),
        (own.Alone(), "takes one image alone, and none in a batch"),
        (
            own.Several(),
            r"returned dict of logits: \(2, 3\), hidden: tuple of \(2, 3\), ",
        ),
        (own.map_of_logits(), r"returned \(2, 4, 1, 1\)\. Wrap it in a module"),
        (nn.Identity(), r"returned \(2, 3, 8, 8\)"),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, nn.Module) else "",
)
def test_what_is_wrong_is_one_line_with_what_was_found_to_help(
    module: nn.Module, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as told:
        first_pass(module.eval(), 8, "networks.net")
    assert str(told.value).startswith("networks.net: ")
    assert "\n" not in str(told.value)
    assert ("image_size" in str(told.value)) == isinstance(module, own.Particular)


@pytest.mark.parametrize("factory", ["parallel", "Compiled"])
def test_a_wrapper_of_pytorch_is_taken_off(factory: str) -> None:
    assert resolve_layers(outline(factory), ["1", "logits"], 8) == ["1", "logits"]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_what_cannot_be_watched_or_built_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"networks\.net\.factory: .* a module of torch\.jit"):
        outline("scripted")
    with pytest.raises(ConfigError, match=r"own_networks:leaving failed with SystemExit: 2 \("):
        outline("leaving")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", r"importing \w+ failed with ZeroDivisionError: division by zero \(broken.*:1\)"),
        ("def f(:", r"importing \w+ failed with SyntaxError: .*line 1"),
        ("import lost_package", r"cannot be imported \(ModuleNotFoundError: .*lost_package"),
        ("import sys; sys.exit('bye')", r"importing \w+ failed with SystemExit: bye"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "broken_own.py").write_text(code)
    with pytest.raises(ConfigError, match=message) as told:
        outline_network("net", Python(factory="broken_own:f"), classes=3, image_size=8)
    assert "\n" not in str(told.value)


class NoWayBack(nn.Module):
    """Leaves PyTorch for NumPy."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return a mean per channel."""
        return torch.from_numpy(images.numpy().mean(axis=(2, 3)))


def test_a_network_without_a_way_back_is_measured_without_one() -> None:
    assert measure_peak(NoWayBack(), 8).forward >= 3 * 8 * 8 * 4
