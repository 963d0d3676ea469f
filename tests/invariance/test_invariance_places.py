"""Flows as they are built and trained: their samples, on the CPU and on an accelerator."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerator import accelerator
from linear_world import VARIANCE, linear_world
from opened import Images, opened
from torch import Tensor, nn

from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.settings import FlowSettings, FlowTraining
from actsense.invariance.flow.training import train_flow
from actsense.invariance.kept.consistency import consistency
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.kept.explained import explained_variance
from actsense.invariance.kept.features import image_features, real_features
from actsense.invariance.kept.inversion import invert_layer
from actsense.invariance.kept.kept import Kept
from actsense.invariance.kept.measure import measure_kept
from actsense.invariance.kept.sampling import draw_samples, invariance_noise
from actsense.invariance.kept.settings import Inversion
from actsense.invariance.latents import read_latents, record_latents
from actsense.invariance.representations import open_representation, record_representations
from actsense.networks.compact import CompactNetwork
from actsense.networks.network import Network
from actsense.networks.subject import Subject

SIDE, LATENT, SAMPLES = 8, 6, 3
ROWS = np.array([4, 1, 9, 8, 2])


class Linear(nn.Module):
    """An autoencoder of two linear maps."""

    latent = LATENT

    def __init__(self) -> None:
        super().__init__()
        self.inwards = nn.Linear(3 * SIDE**2, 2 * LATENT)
        self.outwards = nn.Linear(LATENT, 3 * SIDE**2)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance."""
        mean, log_variance = self.inwards(images.flatten(1)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: Tensor) -> Tensor:
        """Return images in [0, 1]."""
        return self.outwards(latents).sigmoid().view(-1, 3, SIDE, SIDE)


def made() -> tuple[Subject, Linear, Flow]:
    """Return a network, an autoencoder and a flow of its `stage2`, all with random weights."""
    pixels = np.random.default_rng(0).integers(0, 256, (10, 3, SIDE, SIDE)).astype(np.uint8)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module, autoencoder = CompactNetwork(3, width=2).eval(), Linear().eval()
        network = Network("net", module.requires_grad_(False), (0.5,) * 3, (0.25,) * 3, SIDE, None)
        subject = opened(network, Images(pixels, *"abc"), batch_size=4)
        shape = subject.tap(["stage2"]).layers[0].shape
        flow = build_flow(FlowSettings(), LATENT, shape).eval()
        for parameter in flow.parameters():
            nn.init.normal_(parameter, std=0.2)
    return subject, autoencoder, flow


def chain(path: Path, place: torch.device) -> tuple[Kept, Tensor, np.ndarray, np.ndarray]:
    """Do all that needs a network, on a device."""
    subject, autoencoder, flow = made()
    subject = replace(subject, device=place)
    autoencoder, flow = autoencoder.to(place), flow.to(place)
    record_latents(autoencoder, subject.read, ROWS, path / "l", memory=subject.memory)
    record_representations(subject, ["stage2"], ROWS, path / "r")
    said = open_representation(path / "r", "stage2", ROWS)
    means, _ = read_latents(path / "l", ROWS)
    kept = measure_kept(
        *(subject, "stage2", said, said.predicted, means, ROWS),
        sampler=flow,
        decoder=autoencoder,
        samples=SAMPLES,
        seed=1,
    )
    settings = Inversion(iterations=3)
    inverted = invert_layer(subject, "stage2", said, ROWS, starts=2, settings=settings, seed=0)
    real = real_features(subject, "stage2", ROWS)
    shown = image_features(subject, "stage2", inverted.images[:, 0])
    return kept, inverted.images, real, shown


def test_samples_are_what_the_flow_inverts(tmp_path: Path) -> None:
    subject, autoencoder, flow = made()
    record_representations(subject, ["stage2"], ROWS, tmp_path / "r")
    said = open_representation(tmp_path / "r", "stage2", ROWS)
    noise = invariance_noise(ROWS, SAMPLES, LATENT, seed=1)
    drawn = draw_samples(
        flow, autoencoder, said, noise, memory=subject.memory, device=subject.device
    )
    for part in drawn:
        for own, place in enumerate(np.arange(len(ROWS))[part.anchors]):
            condition = torch.from_numpy(said[np.full(SAMPLES, place)])
            with torch.inference_mode():
                latents = flow.inverse(noise[place], condition)
                images = autoencoder.decode(latents)
            torch.testing.assert_close(part.latents[own], latents, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(part.images[own], images, rtol=1e-4, atol=1e-5)


def test_an_accelerator_gives_what_the_processor_gives(tmp_path: Path) -> None:
    here = chain(tmp_path / "here", torch.device("cpu"))
    with accelerator() as place:
        there = chain(tmp_path / "there", place)
    np.testing.assert_allclose(here[0].latents.mean, there[0].latents.mean, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(here[0].maps.variance, there[0].maps.variance, atol=1e-5)
    for name in ("samples", "reconstructions"):
        one, other = getattr(here[0], name), getattr(there[0], name)
        np.testing.assert_allclose(one.centred, other.centred, atol=1e-4)
        np.testing.assert_array_equal(one.agreement, other.agreement)
    torch.testing.assert_close(here[1], there[1], rtol=1e-3, atol=1e-3)
    for one, other in zip(here[2:], there[2:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_what_a_trained_flow_keeps_is_near_the_closed_form() -> None:
    world = linear_world()

    def shown(count: int, seed: int) -> FlowData:
        latents = world.latents(count, seed)
        return FlowData(latents, np.full_like(latents, np.log(1e-3)), world.said(latents))

    training = FlowTraining(steps=250, batch_size=128, patience=None)
    settings = FlowSettings(blocks=3, width=32, training=training)
    place = torch.device("cpu")
    flow, _ = train_flow(shown(3000, 1), shown(300, 2), settings, seed=0, device=place)
    latents, anchors = world.latents(300, 9), 300
    kept = measure_kept(
        *(world.subject(256), "said", world.said(latents), world.predicted(latents), latents),
        *(np.arange(anchors),),
        sampler=flow.eval(),
        decoder=world,
        samples=16,
        seed=0,
    )
    draws = anchor_draws(anchors, 200, seed=0)
    share = explained_variance(kept.latents, draws).by_invariances
    np.testing.assert_allclose(
        share.value, np.trace(world.conditional) / VARIANCE.sum(), atol=0.03
    )
    told = consistency(kept.samples, kept.reconstructions, draws)
    assert told.cosine.interval[0] > told.cosine_floor.value + 0.5
    assert told.cosine.interval[0] > 0.75 * told.cosine_ceiling.value
    assert told.agreement.interval[0] > 0.8
