"""From the flows of a network to what is kept of its invariances, in one store."""

__all__ = ["Judge", "LayerFiles", "write_invariances"]

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor

from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.card import AutoencoderCard
from actsense.invariance.evaluate.anchors import IMAGE, Anchors, anchor_directions, as_bytes
from actsense.invariance.evaluate.memory import heed_autoencoder
from actsense.invariance.flow.opening import open_flow
from actsense.invariance.kept.consistency import Likeness
from actsense.invariance.kept.features import ImageFeatures, real_features
from actsense.invariance.kept.inversion import invert_layer
from actsense.invariance.kept.kept import Kept
from actsense.invariance.kept.measure import measure_kept
from actsense.invariance.kept.sampling import Drawn
from actsense.invariance.recorded import latent_rows
from actsense.invariance.representations import (
    Representation,
    open_representation,
    record_representations,
)
from actsense.invariance.settings import Invariance
from actsense.invariance.stored import KEPT, RECONSTRUCTED
from actsense.networks.opening import open_subject
from actsense.networks.subject import Subject
from actsense.store import read_facts
from actsense.store.results import create_results

SHOWN, SHOWN_SAMPLES = 24, 8  # anchors whose samples are kept as images, and how many of each


@dataclass(frozen=True)
class Judge:
    """The network that tells how real samples look.

    Attributes:
        subject: The network.
        layer: Its layer.
    """

    subject: Subject
    layer: str

    @classmethod
    def opened(cls, inputs: Any, params: Any, **run: Any) -> "Judge | None":
        """Open the judge of a job, if it has one.

        Arguments:
            inputs: Its `images`, `manifest` and `judge`, a list of one file of weights or none.
            params: Its `judge_subject` and `judge_layer`.
            run: `batch_size` and `device`, see `open_subject`.
        """
        files = inputs.images, inputs.manifest
        found = [open_subject(*files, path, params.judge_subject, **run) for path in inputs.judge]
        return cls(found[0], params.judge_layer) if found else None


@dataclass(frozen=True)
class LayerFiles:
    """What was made of one layer of the network in one state.

    Attributes:
        state: Name of the state.
        layer: Name of the layer.
        flow: Its flow.
        card: The card of the flow.
        faithful: Card of the autoencoder in this state.
    """

    state: str
    layer: str
    flow: Path
    card: Path
    faithful: Path

    @classmethod
    def listed(cls, places: Mapping[str, Sequence[str]], inputs: Any) -> "list[LayerFiles]":
        """List the files of a job, by state and layer.

        Arguments:
            places: Layers of every state.
            inputs: `faithful`, one for every state, `flows` and `cards`, one for every layer of
                every state, all in the order of the places.

        Raises:
            ValueError: If they are not as many.
        """
        states = zip(places, inputs.faithful, strict=True)
        own = [(state, layer, faithful) for state, faithful in states for layer in places[state]]
        of_layers = zip(own, inputs.flows, inputs.cards, strict=True)
        return [
            cls(state, layer, Path(flow), Path(card), Path(faithful))
            for (state, layer, faithful), flow, card in of_layers
        ]


def write_invariances(
    path: Path,
    subjects: Mapping[str, Subject],
    judge: Judge | None,
    autoencoder: Autoencoder,
    latents: Path,
    files: Sequence[LayerFiles],
    augmentations: Sequence[str],
    settings: Invariance,
    *,
    seed: int,
    attributes: Mapping[str, Any],
) -> None:
    """Sample and measure the invariances of all layers of a network; `StoredInvariances` reads it.

    One layer is held at a time, and of that the samples' latents, but not their images.

    Arguments:
        path: Where the store is written.
        subjects: The network by its states, the trained one first.
        judge: What tells how real samples look, if anything.
        autoencoder: The autoencoder, in evaluation mode, on the device of the network.
        latents: Store of latents.
        files: Of every state and layer, in the order of the store.
        augmentations: What samples are compared with.
        settings: `anchors`, `samples`, `inversion`, `inverted` and `rank` of the section.
        seed: Seed of the study.
        attributes: Kept with the store.

    Raises:
        ConfigError: If there are too few anchors, or a layer or an image was not recorded.
    """
    for state in subjects.values():
        heed_autoencoder(state, autoencoder)
    subject = next(iter(subjects.values()))
    anchors = Anchors.chosen(subject, latents, settings.anchors)
    known = {
        "side": subject.side,
        "classes": [*subject.images.class_names],
        "outputs": [*subject.classes],
        "network": subject.network.name,
        "seed": seed,
        "samples": settings.samples,
        "judge": judge.subject.network.name if judge else "",
        "judge_layer": judge.layer if judge else "",
    }
    with create_results(path, {**attributes, **known}) as results:
        root = anchors.described(subject, autoencoder)
        if augmentations:
            moves = anchor_directions(
                *(anchors, subject, autoencoder, augmentations),
                rank=settings.rank,
                seed=seed,
            )
            root = root.merge(moves)
        if judge is not None:
            real = real_features(judge.subject, judge.layer, latent_rows(latents).validation)
            root["real_features"] = (("real", "feature"), real)
        results.append("", root)
        look = ImageFeatures(judge.subject, judge.layer) if judge else None
        with TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.") as folder:
            said = _recorded(Path(folder), subjects, files, anchors.rows)
            for number, layer in enumerate(files):
                own = subjects[layer.state], autoencoder, anchors, said[layer.state], layer
                measured = _Measured(*own, settings, seed)
                results.append(f"{KEPT}{number}", measured.group(look))


def _recorded(
    folder: Path,
    subjects: Mapping[str, Subject],
    files: Sequence[LayerFiles],
    rows: NDArray[np.int64],
) -> dict[str, Path]:
    """Record what layers say of the anchors, by state.

    Those of all images are deleted when flows are trained: samples alone must not bring them back.
    """
    found = {}
    for state in dict.fromkeys(own.state for own in files):
        layers = [own.layer for own in files if own.state == state]
        found[state] = folder / f"{state}.zarr"
        record_representations(subjects[state], layers, rows, found[state])
    return found


@dataclass(frozen=True)
class _Measured:
    """All that is measured of a layer."""

    subject: Subject
    autoencoder: Autoencoder
    anchors: Anchors
    representations: Path
    files: LayerFiles
    settings: Invariance
    seed: int

    def group(self, look: ImageFeatures | None) -> xr.Dataset:
        """Sample and measure.

        Arguments:
            look: What tells how real images look, if anything.
        """
        files, rows, device = self.files, self.anchors.rows, self.subject.device
        said = open_representation(self.representations, files.layer, rows)
        predicted, seen = said.predicted, _Seen(self.subject, look)
        kept = measure_kept(
            *(self.subject, files.layer, said, predicted, self.anchors.means, rows),
            sampler=open_flow(files.flow, device=device),
            decoder=self.autoencoder,
            samples=self.settings.samples,
            seed=self.seed,
            watch=seen,
        )
        arrays = {"predicted": ("anchor", predicted)} | _numbers(kept) | seen.arrays()
        return xr.Dataset(arrays | self._inverted(said), attrs=self._described(said))

    def _inverted(self, said: Representation) -> dict[str, Any]:
        """Look for images that the layer says the same of."""
        if self.settings.inversion is None:
            return {}
        rows = self.anchors.rows[: self.settings.inverted]
        first = open_representation(self.representations, self.files.layer, rows)
        found = invert_layer(
            *(self.subject, said.layer.name, first, rows),
            starts=1,
            settings=self.settings.inversion,
            seed=self.seed,
        )
        images = found.images[:, 0]
        return {
            "inverted": (("inverted_anchor", *IMAGE), as_bytes(images)),
            "inverted_distance": ("inverted_anchor", found.distance[:, 0, -1].astype(np.float64)),
            "inverted_predicted": ("inverted_anchor", _predictions(self.subject, images)),
        }

    def _described(self, said: Representation) -> dict[str, Any]:
        files, name = self.files, self.subject.network.name
        card = AutoencoderCard.of(read_facts(files.faithful))
        faithful = card.networks[name]
        return {
            "state": files.state,
            "layer": files.layer,
            "shape": json.dumps([*said.layer.shape]),
            "passes": int(card.passes(name, files.layer)),
            "agreement_ceiling_all": faithful.agreement,
            "cosine_ceiling_all": faithful.cosine[files.layer],
            "flow": json.dumps(read_facts(files.card)),
        }


class _Seen:
    """Keeps samples while they pass: latents and features of all, images of some.

    Arguments:
        subject: The network, which tells the classes of those that are shown.
        look: Tells features, if anything does.
    """

    def __init__(self, subject: Subject, look: ImageFeatures | None) -> None:
        self._subject, self._look = subject, look
        self._latents: list[NDArray[np.float32]] = []
        self._features: list[NDArray[np.float32]] = []
        self._images: list[NDArray[np.uint8]] = []
        self._predicted: list[NDArray[np.int64]] = []

    def __call__(self, drawn: Drawn) -> None:
        self._latents.append(drawn.latents.numpy())
        if self._look is not None:
            self._features.append(self._look(drawn.images.flatten(0, 1)))
        if drawn.anchors.start < SHOWN:
            shown = drawn.images[: SHOWN - drawn.anchors.start, :SHOWN_SAMPLES]
            said = _predictions(self._subject, shown.flatten(0, 1))
            self._images.append(as_bytes(shown))
            self._predicted.append(said.reshape(shown.shape[:2]))

    def arrays(self) -> dict[str, Any]:
        """Return what was kept."""
        shown = ("shown", "shown_sample")
        images, predicted = np.concatenate(self._images), np.concatenate(self._predicted)
        found: dict[str, Any] = {
            "sample_latent": (("anchor", "sample", "number"), np.concatenate(self._latents)),
            "sample_image": ((*shown, *IMAGE), images),
            "sample_predicted": (shown, predicted),
        }
        if self._features:
            found["features"] = (("generated", "feature"), np.concatenate(self._features))
        return found


def _numbers(kept: Kept) -> dict[str, Any]:
    """Return what was measured of every anchor."""
    names = [field.name for field in fields(Likeness)]
    pairs = (("", kept.samples), (RECONSTRUCTED, kept.reconstructions))
    return {
        "within": ("anchor", kept.latents.within),
        "mean": (("anchor", "number"), kept.latents.mean.astype(np.float32)),
        "pixel_mean": (("anchor", *IMAGE), kept.maps.mean),
        "pixel_variance": (("anchor", *IMAGE), kept.maps.variance),
    } | {prefix + name: ("anchor", getattr(own, name)) for prefix, own in pairs for name in names}


def _predictions(subject: Subject, images: Tensor) -> NDArray[np.int64]:
    """Return the number of the highest output for images, (images,)."""
    found: list[NDArray[np.int64]] = []

    def look(part: slice) -> None:
        found.append(subject.logits(images[part].to(subject.device)).argmax(dim=1).cpu().numpy())

    subject.memory.run(len(images), look)
    return np.concatenate(found)
