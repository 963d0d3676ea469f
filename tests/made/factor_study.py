"""The linear world with concepts whose share every layer keeps is known: all, half, nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from linear_world import LATENT, VARIANCE, LinearWorld, linear_world
from opened import Images
from scipy.stats import ortho_group
from torch import Tensor

from actsense.data.pool import ImagePool
from actsense.invariance.factors.evaluate.explain import Place, Watched
from actsense.invariance.factors.factors import Factors
from actsense.invariance.latents import record_latents
from actsense.networks.subject import Subject
from actsense.store import write_facts

SIZES = {"sure": 2, "half": 2, "residual": 8}
KEPT = {"sure": 1.0, "half": 0.5, "residual": 0.0}
PLACES = (("trained", 3), ("random", None), ("epoch_0", 0), ("epoch_1", 1))


@dataclass(frozen=True)
class Turned:
    """Standardises latents, and turns them: what the layer says is in the first three numbers."""

    world: LinearWorld
    latent: int = LATENT

    @property
    def matrix(self) -> Tensor:
        """From latents to parts, (LATENT, LATENT)."""
        said = self.world.shown * np.sqrt(VARIANCE)
        basis = np.linalg.qr(np.column_stack([said.T, ortho_group.rvs(LATENT, random_state=1)]))[0]
        mixed = np.eye(LATENT)
        mixed[2:4, 2:4] = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
        return torch.from_numpy(mixed @ basis.T / np.sqrt(VARIANCE))

    def transform(self, latents: Tensor, embedded: None = None) -> tuple[Tensor, Tensor]:
        """Return parts side by side."""
        return (latents.double() @ self.matrix.T).float(), latents.new_zeros(len(latents))

    def restore(self, v: Tensor, embedded: None = None) -> Tensor:
        """Return the latents of parts."""
        return (v.double() @ self.matrix.inverse().T).float()


@dataclass(frozen=True)
class FactorStudy:
    """What concepts are looked for in, and with."""

    world: LinearWorld
    subject: Subject
    watched: Watched
    places: Sequence[Place]


def factor_study(folder: Path, *, anchors: int = 60, samples: int = 6) -> FactorStudy:
    """Record images of the world, of which the first forty are for training.

    The classes of the dataset are those that the network sees, but for every fifth image that is
    recorded; the last images are not.
    """
    world = linear_world()
    drawn = world.decode(torch.from_numpy(world.latents(40 + 3 * anchors, seed=5)))
    pixels = (255 * drawn).round().byte().numpy()
    rows = np.arange(len(pixels))
    seen = world.predicted(world.encode(torch.from_numpy(pixels) / 255)[0].numpy())
    recorded = rows[:-anchors]
    label = np.where((rows % 5 == 0) & (rows < len(recorded)), 1 - seen, seen)
    pool = ImagePool.shuffled((rows >= 40).astype(np.int64), label, seed=0)
    network = replace(world.subject().network, outputs=["up", "down"])
    bare = world.subject()
    subject = replace(bare, network=network, images=Images(pixels, "up", "down"), pool=pool)
    latents, known = folder / "latents.zarr", {"train": 40}
    record_latents(world, subject.read, recorded, latents, memory=subject.memory, attributes=known)
    gates = {"gate": {"linear": {"said": True}}}, {"gate": {"linear": {"said": False}}}
    places = []
    for number, (state, epoch) in enumerate(PLACES):
        card = folder / f"{state}.json"
        write_facts(card, gates[number == 1])
        places.append(Place(state, "said", epoch, folder / "flow.pt", card))
    factors = Factors(Turned(world), SIZES)
    watched = Watched(factors, world, latents, anchors, samples, 0)
    return FactorStudy(world, subject, watched, places)
