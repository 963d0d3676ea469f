"""Sizes that are told without building, against what is built."""

import pytest

from actsense.invariance.autoencoder.architectures import build_autoencoder
from actsense.invariance.autoencoder.settings import AutoencoderSettings
from actsense.invariance.extent import autoencoder_weights, flow_weights
from actsense.invariance.flow.flow import build_flow
from actsense.invariance.flow.settings import Embedder, FlowSettings
from actsense.layers import Layer


@pytest.mark.parametrize("architecture", ["small", "medium"])
@pytest.mark.parametrize(
    ("side", "latent", "width"), [(32, 64, "auto"), (64, 32, 8), (128, 64, 4)]
)
def test_autoencoders_have_about_as_many_weights(
    architecture: str, side: int, latent: int, width: str | int
) -> None:
    given = {"architecture": architecture, "latent": latent, "width": width}
    settings = AutoencoderSettings.model_validate(given)
    built = sum(own.numel() for own in build_autoencoder(settings, side).parameters())
    assert 0.6 < autoencoder_weights(settings, side) / built < 1.7


@pytest.mark.parametrize("shape", [(10,), (512,), (64, 4, 4), (32, 13, 13), (128, 1, 1)])
@pytest.mark.parametrize("networks", ["shared", "separate"])
def test_flows_have_about_as_many_weights(shape: tuple[int, ...], networks: str) -> None:
    embedder = Embedder(channels=16)
    settings = FlowSettings.model_validate({"networks": networks, "embedder": embedder.plain()})
    built = sum(own.numel() for own in build_flow(settings, 64, shape).parameters())
    assert 0.6 < flow_weights(settings, 64, Layer("layer", shape, 0)) / built < 1.7
