"""AlexNet's 205,672 published units at 224 pixels, against the bare forward pass."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from skimage import data as photographs

from actsense.augment import AUGMENTATIONS, augment
from actsense.augment import published as catalogs
from actsense.data.build import build_cache
from actsense.data.pool import ImagePool
from actsense.data.settings import ImageFolder
from actsense.networks.weights import import_weights
from actsense.sampling.blocks import write_shard
from actsense.sampling.designs import Block, Design, Factor
from actsense.sampling.law import InputLaw
from actsense.sampling.opening import Sampling, open_sampling
from actsense.sampling.sharding import Shard
from actsense.sensitivity.accumulator import Accumulator
from actsense.sensitivity.indices import estimate_indices
from actsense.sensitivity.summing import accumulate_replicate, stream_replicate
from benchmarks.measure import Measurement, interleaved, seconds

COLOR = ("brightness", "contrast", "saturation", "hue", "grayscaling")
GEOMETRY = (
    "erasing",
    "rolling",
    "hflip",
    "rotation",
    "gaussian_blur",
    "sharpness_const",
    "elliptic_local_blur",
)
LAYOUT = ("patch_shuffle", "patch_mask", "rolling")
PUBLISHED = (  # the second set of the published study
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "hflip",
    "rotation",
    "elliptic_local_blur",
)
NETWORK = {"kind": "torchvision", "model": "alexnet", "weights": "none", "layers": "auto"}
DESIGN = {
    "augmentations": list(PUBLISHED),
    "law": "switched",
    "base_points": 1024,
    "replicates": 8,
    "walks": 2,
    "stretch": False,
}
SIDE, BATCH = 224, 128
BLOCKS = range(2)


def prepare(folder: Path) -> Sampling:
    """Make a small image folder of real photographs and open AlexNet on it."""
    described = {"network": ["alexnet", NETWORK], "design": ["bench", DESIGN], "seed": 0}
    described |= {"precision": "float32", "size": SIDE}
    inputs = make_inputs(folder, NETWORK, side=SIDE)
    return open_sampling(inputs, described, batch_size=BATCH, device=torch.device("cpu"))


def make_inputs(folder: Path, network: dict[str, Any], *, side: int) -> SimpleNamespace:
    """Make what a sampling reads: a cache of real photographs, and random weights."""
    generator = np.random.default_rng(0)
    for label in ("astronaut", "chelsea", "coffee", "rocket"):
        photograph = getattr(photographs, label)()
        (folder / "images" / label).mkdir(parents=True)
        for number in range(24):
            top, left = (generator.integers(0, length - 256) for length in photograph.shape[:2])
            crop = photograph[top : top + 256, left : left + 256]
            Image.fromarray(crop).save(folder / "images" / label / f"{number}.png")
    settings = ImageFolder(
        path=str(folder / "images"), image_size=side, resize=round(side * 256 / 224)
    )
    paths = {name: folder / name for name in ("images.zarr", "manifest.csv", "weights.pt")}
    build_cache(settings, 0, paths["images.zarr"], paths["manifest.csv"])
    import_weights(
        network | {"name": "net"},
        0,
        1000,
        paths["weights.pt"],
        folder / "card.json",
        image_size=224,
    )
    return SimpleNamespace(
        images=str(paths["images.zarr"]),
        manifest=str(paths["manifest.csv"]),
        weights=str(paths["weights.pt"]),
    )


def measurements() -> Iterator[Measurement]:
    """Measure everything about AlexNet."""
    with tempfile.TemporaryDirectory() as folder:
        sampling = prepare(Path(folder))
        yield index_work(sampling)
        yield from augmentations(sampling)
        yield published_augmentations(sampling)
        yield from images_to_indices(sampling, Path(folder))
        yield accumulate_memory(sampling, Path(folder))


def bare_forward(sampling: Sampling, images: int) -> None:
    """Run the network without hooks on so many images."""
    module = sampling.subject.network.module
    batch = torch.rand(min(BATCH, images), 3, SIDE, SIDE)
    with torch.inference_mode():
        for start in range(0, images, BATCH):
            module(batch[: images - start])


def index_work(sampling: Sampling) -> Measurement:
    """Time accumulation and estimation, with no evaluation shared, against the network."""
    design, units = sampling.design, sampling.evaluate.recording.units
    names = tuple(factor.name for factor in design.factors)
    block = design.block(0, 0)
    rows = block.coordinates.shape[0] * block.coordinates.shape[1]
    responses = torch.relu(torch.randn(rows, units))
    place = np.arange(rows).reshape(block.coordinates.shape[:2])
    accumulator = Accumulator(names, design.walks, units, parts=design.parts)
    work, forward = interleaved(
        lambda: accumulator.add(responses, place, block),
        lambda: bare_forward(sampling, BATCH),
    )
    moments = accumulator.moments()
    part = moments.units(slice(units // 8))
    estimate = 8 * seconds(lambda: estimate_indices([part] * design.replicates))
    per_evaluation = work / rows + estimate / design.evaluations
    return Measurement(
        "index_work_over_forward",
        per_evaluation / (forward / BATCH),
        0.05,
        0.03,
        "ratio",
        f"accumulate {work / rows * 1e3:.3f} ms per evaluation, D = {len(names)}, all indices; "
        f"estimation with intervals {estimate:.1f} s once, spread over {design.evaluations} "
        f"evaluations; forward {forward / BATCH * 1e3:.2f} ms",
    )


def augmentations(sampling: Sampling) -> Iterator[Measurement]:
    """Time the designs of the demo, switched and ordered at random per image.

    With one thread, and with as many as torch has: network and augmentations have the same.
    """
    batch = sampling.subject.read(np.arange(64)).repeat(2, 1, 1, 1)
    pool = ImagePool.shuffled(np.tile([0, 1], 2), np.repeat([0, 1], 2), seed=0)
    threads = torch.get_num_threads()
    for label, names in (("color", COLOR), ("geometry", GEOMETRY), ("layout", LAYOUT)):
        law = InputLaw(names, "switched", (SIDE, SIDE), pool)
        width = sum(factor.coordinates for factor in law.factors)
        drawn = law.decode(np.random.default_rng(0).random((BATCH, width)))
        work = partial(
            augment, batch, torch.from_numpy(drawn.sequence), torch.from_numpy(drawn.values), names
        )
        for count, suffix in ((1, "_one_thread"), (threads, "")):
            torch.set_num_threads(count)
            own, forward = interleaved(work, lambda: bare_forward(sampling, BATCH), rounds=7)
            yield Measurement(
                f"augmentations_{label}_over_forward{suffix}",
                own / forward,
                0.2 if label == "layout" else 0.5,
                0.1 if label == "layout" else 0.2,
                "ratio",
                f"{len(names)} of {len(AUGMENTATIONS)} augmentations, batch of {BATCH}, threads: "
                f"{count}: {own / BATCH * 1e3:.2f} ms per image; "
                f"forward {forward / BATCH * 1e3:.2f} ms",
            )


def published_augmentations(sampling: Sampling) -> Measurement:
    """Time the second set as published, 8 bits and all, over the same names of today."""
    batch = sampling.subject.read(np.arange(64)).repeat(2, 1, 1, 1)
    pool = ImagePool.shuffled(np.tile([0, 1], 2), np.repeat([0, 1], 2), seed=0)
    law = InputLaw(PUBLISHED, "switched", (SIDE, SIDE), pool)
    width = sum(factor.coordinates for factor in law.factors)
    drawn = law.decode(np.random.default_rng(0).random((BATCH, width)))
    work = partial(
        augment, batch, torch.from_numpy(drawn.sequence), torch.from_numpy(drawn.values), PUBLISHED
    )
    published, own = interleaved(partial(work, catalogs.PUBLISHED), work)
    return Measurement(
        "published_augmentations_over_own",
        published / own,
        4,
        2,
        "ratio",
        f"second set of the published study, batch of {BATCH}, {torch.get_num_threads()} threads: "
        f"{published / BATCH * 1e3:.2f} against {own / BATCH * 1e3:.2f} ms per image",
    )


def images_to_indices(sampling: Sampling, folder: Path) -> Iterator[Measurement]:
    """Time both modes from cached images to moments against the same number of bare passes."""
    evaluations = len(BLOCKS) * sampling.design.points_per_block * sampling.design.nodes
    shard = folder / "shard.zarr.zip"
    seen: list[int] = []

    def stream() -> None:
        seen.append(stream_replicate(sampling, 0, BLOCKS).joined().forwards)

    def store() -> None:
        write_shard(sampling, Shard(range(1), BLOCKS), shard)
        accumulate_replicate(sampling.design, 0, BLOCKS, shard).joined()

    for name, work, target, aim in (("stream", stream, 1.75, 1.3), ("store", store, 2.25, 1.6)):
        whole, forward = interleaved(work, lambda: bare_forward(sampling, evaluations), rounds=3)
        yield Measurement(
            f"images_to_indices_{name}_over_forward",
            whole / forward,
            target,
            aim,
            "ratio",
            f"{evaluations} evaluations, of which {seen[-1]} are different inputs and run: "
            f"{whole / evaluations * 1e3:.2f} ms each; bare forward of all of them "
            f"{forward / evaluations * 1e3:.2f} ms each; against forwards of the different ones "
            f"alone the ratio is {whole / forward * evaluations / seen[-1]:.2f}",
        )


def accumulate_memory(sampling: Sampling, folder: Path) -> Measurement:
    """Read the peak memory of a process that accumulates one stored shard."""
    shard = folder / "shard.zarr.zip"
    code = (
        "import resource; from pathlib import Path; "
        "from actsense.sampling.plan import build_design; "
        "from actsense.sampling.settings import DesignSettings; "
        "from actsense.sensitivity.summing import accumulate_replicate; "
        f"settings = DesignSettings(**{DESIGN!r}); "
        f"design = build_design('bench', settings, seed=0); "
        f"accumulate_replicate(design, 0, {BLOCKS!r}, Path({str(shard)!r})).joined(); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return Measurement(
        "accumulate_peak_memory",
        int(printed.stdout) / 2**20,
        4.0,
        2.0,
        "GiB",
        f"peak resident memory of accumulate, AlexNet, {len(BLOCKS)} blocks of "
        f"{sampling.design.points_per_block} base points",
    )


def random_block(factors: int, units: int) -> tuple[Design, Block, torch.Tensor, np.ndarray]:
    """Return a block of a design with so many factors and random responses to it."""
    design = Design("random", tuple(Factor(f"x{j}", 1) for j in range(factors)), 1024, 2, walks=1)
    block = design.block(0, 0)
    points, nodes, _ = block.coordinates.shape
    place = np.arange(points * nodes).reshape(points, nodes)
    return design, block, torch.randn(points * nodes, units), place
