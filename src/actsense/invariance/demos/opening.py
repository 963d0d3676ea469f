"""All that the demos of a network need, opened from its results alone: no dataset is read.

The anchors, which the store keeps as images, stand in for the dataset.
"""

__all__ = ["DemoSet", "Faithful", "open_demo_files", "open_demos", "open_pair"]

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.data.pixels import unit_images
from actsense.data.pool import ImagePool
from actsense.errors import ConfigError, MissingResultError, OutdatedResultError, choose
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.opening import open_autoencoder
from actsense.invariance.choices import TRAINED
from actsense.invariance.demos.view import View
from actsense.invariance.flow.opening import open_flow
from actsense.invariance.stored import StoredInvariances
from actsense.networks.fingerprint import check_fingerprint
from actsense.networks.network import load_network
from actsense.networks.peak import measure_forward
from actsense.networks.settings import read_network
from actsense.networks.subject import Subject
from actsense.work import fitting_batch

TARGET = "invariance"  # of the workflow, that makes everything here
BATCH = 256  # images per forward pass, where the study does not say


@dataclass(frozen=True)
class Faithful:
    """What reconstructions of validation images are to a layer: the ceiling of all samples.

    Attributes:
        passes: Whether what is shown of the layer says something of it.
        agreement: Share of images whose class they keep.
        cosine: Mean centred cosine of what the layer says of image and reconstruction.
    """

    passes: bool
    agreement: float
    cosine: float


@dataclass(frozen=True)
class DemoSet:
    """A network whose invariances are shown, with the images that it is shown.

    Attributes:
        network: Its name.
        subject: The network, on its device; its images are the anchors.
        autoencoder: On the same device.
        images: The anchors, in [0, 1], (anchors, 3, side, side) float32, on the CPU.
        rows: Of the anchors in the dataset, (anchors,): seeds go with them.
        labels: Class of every anchor, (anchors,).
        classes: Names of the classes of the dataset.
        outputs: Names of the outputs of the network.
        seed: Seed of the study.
        flows: File of the flow of every layer, in the network's order.
        faithful: What reconstructions are to every layer.
    """

    network: str
    subject: Subject
    autoencoder: Autoencoder
    images: Tensor
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    classes: Sequence[str]
    outputs: Sequence[str]
    seed: int
    flows: Mapping[str, Path]
    faithful: Mapping[str, Faithful]
    _views: dict[str, View] = field(default_factory=dict, repr=False)

    @property
    def layers(self) -> list[str]:
        """The layers that have a flow, in the network's order."""
        return list(self.flows)

    @property
    def side(self) -> int:
        """Side of the square images, pixels."""
        return self.subject.side

    def view(self, layer: str) -> View:
        """Return a layer with its flow, which is read once.

        Raises:
            ConfigError: If the layer has no flow, or its file is missing or damaged.
        """
        choose("layer", layer, self.flows)
        if layer not in self._views:
            flow = open_flow(_there(self.flows[layer]), device=self.subject.device)
            if flow.latent != self.autoencoder.latent:
                raise ConfigError(
                    f"{self.flows[layer]}: a flow of latents of {flow.latent} numbers; those of "
                    f"the autoencoder have {self.autoencoder.latent}. Train it again."
                )
            self._views[layer] = View(self.subject, layer, flow, self.autoencoder)
        return self._views[layer]

    def limited(self, layer: str) -> bool:
        """Tell whether what is shown of a layer says more of the autoencoder than of the layer."""
        return not self.faithful[choose("layer", layer, self.faithful)].passes

    def chosen(self, images: int | Sequence[int]) -> NDArray[np.int64]:
        """Return places of anchors, (chosen,): so many in turn from every class, or some rows.

        Raises:
            ConfigError: If there are fewer, or a row is that of no anchor.
        """
        if isinstance(images, int):
            if images > len(self.rows):
                raise ConfigError(
                    f"invariance.demos.images: {images} of {len(self.rows)} anchors. Allowed: 2 "
                    f"to {len(self.rows)}; or raise invariance.anchors."
                )
            return np.arange(images)  # anchors are in turn from every class themselves
        place = {int(row): k for k, row in enumerate(self.rows)}
        lacking = [row for row in images if row not in place]
        if lacking:
            raise ConfigError(
                f"invariance.demos.images: row {lacking[0]} is that of no anchor. Allowed: "
                f"{', '.join(map(str, self.rows[:20]))}{' ...' if len(self.rows) > 20 else ''}."
            )
        return np.array([place[row] for row in images], dtype=np.int64)


@dataclass(frozen=True)
class Anchors:
    """Images that are kept in a store, read by their rows in a dataset that need not be there.

    Attributes:
        pixels: (anchors, 3, side, side) uint8.
        rows: (anchors,).
        class_names: Of the dataset.
    """

    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    class_names: Sequence[str]

    @property
    def image_size(self) -> int:
        """Side of the square images, pixels."""
        return int(self.pixels.shape[-1])

    def read(self, rows: NDArray[np.integer[Any]], /) -> NDArray[np.uint8]:
        """Return anchors by row, (images, 3, side, side)."""
        order = self.rows.argsort()
        found = order[np.searchsorted(self.rows, rows, sorter=order).clip(max=len(order) - 1)]
        if (self.rows[found] != rows).any():
            raise ConfigError("Without its dataset, a network is shown anchors alone.")
        pixels: NDArray[np.uint8] = self.pixels[found]
        return pixels


def open_demos(study_folder: Path, network: str, *, device: torch.device | str = "cpu") -> DemoSet:
    """Open the demos of a network from the results of a study; no dataset is needed.

    Arguments:
        study_folder: Folder of the study, `results/<study>`.
        network: Name of the network.
        device: Where everything runs.

    Raises:
        ConfigError: If something is missing, damaged, or of another network.
    """
    home = study_folder / network / "invariance"
    return open_demo_files(
        *(study_folder / network / "weights.pt", study_folder / "invariance/autoencoder.pt"),
        *(home / "kept.zarr", home / "flows" / TRAINED),
        device=device,
    )


def open_demo_files(
    weights: Path | str,
    autoencoder: Path | str,
    kept: Path | str,
    flows: Path | Sequence[Path | str],
    *,
    device: torch.device | str = "cpu",
    settings: Mapping[str, Any] | None = None,
    batch_size: int | None = None,
) -> DemoSet:
    """Open the demos of a network from files; see `open_demos`.

    Arguments:
        weights: Weights of the network.
        autoencoder: The autoencoder of the study.
        kept: The store of what the layers keep, with the anchors.
        flows: Folder of the flows of the trained network, `<layer>.pt` each, or some of them.
        device: Where everything runs.
        settings: What the network is opened with, see `open_subject`; default: what the store
            says that it was made with.
        batch_size: Images per forward pass, at most; default: that of the store.
    """
    files = [_there(Path(path)) for path in (weights, autoencoder, kept)]
    stored = StoredInvariances.open(files[2])
    anchors = Anchors(stored.images, stored.rows, stored.classes)
    configuration = json.loads(stored.tree.attrs.get("configuration", "{}"))
    asked = _asked(files[2], stored.network, configuration) if settings is None else settings
    batch = batch_size or int(configuration.get("batch_size", BATCH))
    where = torch.device(device)
    subject = _subject(files[0], anchors, stored.labels, asked, batch, where)
    groups = {own.layer: own for own in stored.of(TRAINED)}
    return DemoSet(
        subject.network.name,
        subject,
        open_autoencoder(files[1], side=anchors.image_size, device=where),
        unit_images(anchors.pixels),
        stored.rows,
        stored.labels,
        stored.classes,
        stored.outputs,
        int(asked["seed"]),
        _flows(flows, groups),
        {layer: Faithful(own.passes, *own.ceilings) for layer, own in groups.items()},
    )


def open_pair(
    weights: Sequence[str],
    autoencoder: str,
    kept: Sequence[str],
    flows: Sequence[str],
    settings: Sequence[Mapping[str, Any]],
    *,
    batch_size: int,
    device: torch.device,
) -> tuple[DemoSet, DemoSet]:
    """Open the demos of two networks with one autoencoder; see `open_demo_files`.

    Arguments:
        weights: Weights of either network.
        autoencoder: The autoencoder.
        kept: Stores of either.
        flows: Flows of the first network, then as many of the second.
        settings: What either is opened with.
        batch_size: Images per forward pass, at most.
        device: Where everything runs.
    """
    half = len(flows) // 2

    def opened(k: int) -> DemoSet:
        return open_demo_files(
            *(weights[k], autoencoder, kept[k], flows[k * half : (k + 1) * half]),
            device=device,
            settings=settings[k],
            batch_size=batch_size,
        )

    return opened(0), opened(1)


def _subject(
    weights: Path,
    anchors: Anchors,
    labels: NDArray[np.int64],
    settings: Mapping[str, Any],
    batch_size: int,
    device: torch.device,
) -> Subject:
    name, described = settings["network"]
    network = load_network(
        *(name, read_network(described), weights),
        classes=len(anchors.class_names),
        image_size=anchors.image_size,
    )
    # All of them are validation images; there are none to train on.
    groups = [anchors.rows[labels == k] for k in range(len(anchors.class_names))]
    pool = ImagePool((tuple(own[:0] for own in groups), tuple(groups)))
    forward = measure_forward(network.module, anchors.image_size)
    batch = batch_size if device.type == "cuda" else fitting_batch(batch_size, forward)
    subject = Subject(network, anchors, pool, device, batch, settings["precision"], forward)
    check_fingerprint(network, weights, device)
    return subject


def _flows(flows: Path | Sequence[Path | str], layers: Iterable[str]) -> dict[str, Path]:
    if isinstance(flows, Path):
        return {layer: flows / f"{layer}.pt" for layer in layers}
    given = {path.stem: path for path in map(Path, flows)}
    return {layer: given[layer] for layer in layers if layer in given}


def _asked(kept: Path, name: str, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the network was opened with when the store was made."""
    try:
        described = configuration["networks"][name]
        own = {key: configuration[key] for key in ("seed", "precision")}
    except KeyError as error:
        raise OutdatedResultError(kept, f"what its network is ({error})", TARGET) from error
    return {"network": [name, described], **own}


def _there(path: Path) -> Path:
    if not path.exists():
        raise MissingResultError(path, TARGET)
    return path
