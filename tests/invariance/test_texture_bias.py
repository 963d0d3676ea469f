"""Texture and shape: two networks that go by one pixel each, and images where these disagree."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from opened import opened
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.invariance.demos.texture import Biased, compare_networks
from actsense.invariance.demos.view import View
from actsense.invariance.kept.sampling import invariance_noise
from actsense.networks.network import Network

SIDE, LATENT = 2, 12
PLACES = {"texture": 0, "shape": 5}  # of the pixel that a network goes by


@dataclass(frozen=True)
class OnePixel:
    """A flow whose condition is one number of the latent, and the autoencoder of its images."""

    place: int
    latent: int = LATENT

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return images as latents."""
        latents = (images.flatten(1) - 0.5) * 8
        return latents, torch.full_like(latents, -20)

    def decode(self, latents: Tensor) -> Tensor:
        """Return latents as images."""
        return (0.5 + latents / 8).clamp(0, 1).view(-1, 3, SIDE, SIDE)

    def embed(self, condition: Tensor) -> Tensor:
        """Return the number that is said."""
        return condition * 8

    def transform(self, latents: Tensor, embedded: Tensor) -> tuple[Tensor, Tensor]:
        """Leave out what is said."""
        v = latents.clone()
        v[:, self.place] -= embedded[:, 0]
        return v, torch.zeros(len(v))

    def restore(self, v: Tensor, embedded: Tensor) -> Tensor:
        """Put what is said in its place; v has nothing to say there."""
        latents = v.clone()
        latents[:, self.place] = embedded[:, 0]
        return latents


def view(name: str) -> View:
    """Open a network that tells the class from one pixel, above or below the middle."""
    said, classes = nn.Linear(LATENT, 1), nn.Linear(1, 2)
    with torch.no_grad():
        said.weight.copy_(torch.eye(LATENT)[PLACES[name]][None])
        said.bias.fill_(-0.5)
        classes.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        classes.bias.zero_()
    module = nn.Sequential(OrderedDict(flat=nn.Flatten(), said=said, classes=classes))
    network = Network(name, module.eval(), (0.0,) * 3, (1.0,) * 3, SIDE, None)
    flow = OnePixel(PLACES[name])
    return View(opened(network, SIDE, batch_size=32), "said", flow, flow)


VIEWS = {name: view(name) for name in PLACES}
TEXTURE = np.tile([0, 1, 0, 1], 10)
SHAPE = np.tile([1, 0, 0, 1], 10)  # in conflict with every first and second


def conflicting() -> Tensor:
    """Return images whose two pixels tell of the classes."""
    latents = torch.from_numpy(np.random.default_rng(0).normal(size=(40, LATENT))).float()
    for name, labels in (("texture", TEXTURE), ("shape", SHAPE)):
        sign = torch.from_numpy(labels * 2 - 1)
        latents[:, PLACES[name]] = latents[:, PLACES[name]].abs() * sign
    return VIEWS["texture"].autoencoder.decode(latents)


IMAGES = conflicting()


def compared(**options: object) -> Biased:
    given = {"samples": 20, "seed": 0} | options
    return compare_networks(VIEWS, ("texture", "shape"), IMAGES, **given)  # type: ignore[arg-type]


def test_samples_keep_the_cue_that_their_network_goes_by() -> None:
    judged, conflict = compared().judged.numpy()[..., TEXTURE != SHAPE, :], TEXTURE != SHAPE
    texture, shape = TEXTURE[conflict][:, None], SHAPE[conflict][:, None]
    assert (judged[0, 0] == texture).all()
    assert (judged[1, 1] == shape).all()
    for judge, other in ((0, 1), (1, 0)):  # what the other lets go is anyone's guess
        assert (judged[judge, other] == texture).mean() == pytest.approx(0.5, abs=0.1)


def test_both_networks_get_the_same_v() -> None:
    found = compared(samples=3)
    assert found.names == ("texture", "shape")
    v = invariance_noise(np.arange(40), 3, LATENT, seed=0)
    expected = (0.5 + v / 8).clamp(0, 1)
    for k, name in enumerate(found.names):
        own = found.samples[k].flatten(2)
        free = np.delete(np.arange(LATENT), PLACES[name])
        torch.testing.assert_close(own[..., free], expected[..., free], atol=1e-6, rtol=0)
        pixel = IMAGES.flatten(1)[:, None, PLACES[name]].expand(40, 3)
        torch.testing.assert_close(own[..., PLACES[name]], pixel, atol=1e-6, rtol=0)
    np.testing.assert_array_equal(found.predicted[0], TEXTURE)
    np.testing.assert_array_equal(found.predicted[1], SHAPE)
    for j, k in ((0, 0), (0, 1), (1, 0), (1, 1)):
        assert torch.equal(found.judged[j, k], VIEWS[found.names[j]].predict(found.samples[k]))
    assert (found.samples != compared(samples=3, seed=1).samples).any()


@pytest.mark.parametrize(
    ("names", "samples", "message"),
    [
        (("texture", "shap"), 1, "networks: 'shap' is not known. Nearest: shape"),
        (("shape", "shape"), 1, "two different ones .* got shape, shape and 1"),
        (("texture", "shape"), 0, "1 sample or more; got .* 0"),
    ],
)
def test_networks_that_cannot_be_compared_are_refused(
    names: tuple[str, str], samples: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        compare_networks(VIEWS, names, IMAGES, samples=samples, seed=0)
    assert "\n" not in str(caught.value)


def test_two_autoencoders_are_refused() -> None:
    other = replace(VIEWS["shape"], autoencoder=OnePixel(5, latent=8))
    with pytest.raises(ConfigError, match="latents of 12 and 8 numbers"):
        compare_networks(VIEWS | {"shape": other}, ("texture", "shape"), IMAGES, seed=0)
