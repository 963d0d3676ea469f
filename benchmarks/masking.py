"""Masked networks against bare forward passes of what lies behind the first masked layer."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from actsense.data.pool import ImagePool
from actsense.layers import Layer
from actsense.masking.plan import conditions
from actsense.masking.ranks import MaskRanks
from actsense.masking.settings import Masking
from actsense.masking.trials import MaskTrial
from actsense.networks.graph import LayerGraph
from actsense.networks.network import Network, build_module, normalisation
from actsense.networks.settings import NetworkSettings, Torchvision, Trained
from actsense.networks.subject import Subject
from actsense.sampling.designs import CONTEXT, ORIGINAL, PARTS, Design
from actsense.sampling.evaluator import Evaluator
from actsense.sampling.law import InputLaw
from actsense.sampling.opening import Sampling
from actsense.store import write_results
from benchmarks.measure import Measurement, interleaved

AUGMENTATIONS = ("hue", "hflip")
CLASSES = 10
SETTINGS = Masking(
    values=("S1",),
    factors="augmentations",
    fractions=(0.5, 0.2),
    scales=(0, 1.5),
    levels=("activation",),
    layers=("together",),
    random_masks=2,
)


@dataclass(frozen=True)
class Case:
    """A network with random weights, and how it is run."""

    settings: NetworkSettings
    side: int
    images: int
    batch: int


CASES = {
    "small": Case(Trained(), 32, 150, 256),
    "alexnet": Case(Torchvision(model="alexnet", weights="none"), 224, 16, 64),
}


class RandomImages:
    """Images without a file."""

    class_names = tuple(map(str, range(CLASSES)))

    def __init__(self, count: int, side: int) -> None:
        self.image_size = side
        self._pixels = np.random.default_rng(0).integers(
            0, 256, size=(count, 3, side, side), dtype=np.uint8
        )

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return some of them."""
        return self._pixels[rows]


def measurements() -> Iterator[Measurement]:
    """Measure every case."""
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            yield masked_over_bare(name, case, Path(folder))


def masked_over_bare(name: str, case: Case, folder: Path) -> Measurement:
    """Time all plans of one input, images and outcomes included, against bare passes."""
    module = build_module(name, case.settings, classes=CLASSES).eval().requires_grad_(False)
    network = Network(name, module, *normalisation(name, case.settings), case.side, None)
    sampling = open_sampling(network, case)
    ranks = MaskRanks(random_indices(sampling.layers, folder), "bench", seed=0)
    rows, _ = sampling.law.pool.validation(case.images)
    trial = MaskTrial(sampling, ranks, rows)
    plans = [
        condition.plan
        for condition in conditions(
            SETTINGS, augmentations=AUGMENTATIONS, factors=ranks.factors, map_layers=ranks.layers
        )
        if condition.input == ORIGINAL
    ]
    copies = max(1, case.batch // case.images)
    batch = torch.rand(case.images, 3, case.side, case.side).repeat(copies, 1, 1, 1)
    graph = LayerGraph(network, ranks.layers, batch)
    with torch.inference_mode():
        values = graph.head(batch, ranks.layers[0])

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(0, len(plans), copies):
                graph.tail(values, ranks.layers[0], {})

    own, forward = interleaved(lambda: trial.run(ORIGINAL, plans), bare, rounds=3)
    total = len(plans) * case.images
    forward *= len(plans) / (-(-len(plans) // copies) * copies)  # its last batch is full, too
    return Measurement(
        f"masking_{name}_over_forward",
        own / forward,
        1.3,
        1.1,
        "ratio",
        f"{len(plans)} plans on {case.images} images in batches of {copies * case.images}, "
        f"{len(ranks.layers)} layers masked: {own / total * 1e3:.3f} ms per image and plan; bare "
        f"{forward / total * 1e3:.3f} ms",
    )


def open_sampling(network: Network, case: Case) -> Sampling:
    """Open a sampling of random images."""
    rows = np.arange(2 * case.images)
    pool = ImagePool.shuffled(rows % 2, rows // 2 % CLASSES, seed=0)
    law = InputLaw(AUGMENTATIONS, "switched", (case.side, case.side), pool)
    images = RandomImages(len(rows), case.side)
    subject = Subject(network, images, pool, torch.device("cpu"), case.batch)
    evaluate = Evaluator(subject, subject.tap("auto"), AUGMENTATIONS)
    return Sampling(Design("bench", law.factors, base_points=8, replicates=2), law, evaluate)


def random_indices(layers: tuple[Layer, ...], folder: Path) -> Path:
    """Write an index store of random maps."""
    generator, factors = np.random.default_rng(0), [*AUGMENTATIONS, *CONTEXT, *PARTS]
    names = [layer.name for layer in layers]
    groups = {"": xr.Dataset(coords={"layer": names, "factor": factors})}
    for layer in layers:
        axes = [f"axis_{k}" for k in range(len(layer.shape))]
        maps = generator.random((len(factors), *layer.shape), dtype=np.float32)
        data = {name: (["factor", *axes], maps) for name in ("S1", "S1_ci")}
        data |= {name: (axes, maps[0]) for name in ("mean", "variance")}
        data |= {flag: (axes, np.zeros(layer.shape, dtype=bool)) for flag in ("dead", "rare")}
        groups[layer.name] = xr.Dataset(data, coords={"factor": factors})
    write_results(folder / "indices.zarr", groups, attributes={"replicates": 2})
    return folder / "indices.zarr"
