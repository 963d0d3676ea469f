"""The published study on a CUDA device, from images to the moments of all indices."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from actsense.augment import AUGMENTATIONS
from actsense.device.precision import arithmetic
from actsense.sampling.opening import Sampling, open_sampling
from actsense.sensitivity.summing import stream_replicate
from actsense.study.study import Study
from benchmarks.alexnet import make_inputs
from benchmarks.measure import Measurement, interleaved

REPOSITORY = Path(__file__).parents[1]
BLOCKS = range(8)
PUBLISHED_DAYS = 455.6  # on CPUs, sampling and computing of series 1


@dataclass(frozen=True)
class Speed:
    """What one network does under all designs of a study, on one device.

    Attributes:
        evaluations: Evaluations that were timed.
        forwards: Those of them that were different inputs and ran.
        seconds: From images to moments.
        bare: Seconds of as many bare forward passes as evaluations.
        days: What the whole study would take.
    """

    evaluations: int
    forwards: int
    seconds: float
    bare: float
    days: float


def measurements() -> Iterator[Measurement]:
    """Measure every network of the published study, where there is a CUDA device."""
    if not torch.cuda.is_available():
        print("gpu: no CUDA device here, so nothing is measured", flush=True)
        return
    device = torch.device("cuda")
    yield from study_speed(published(), device, torch.cuda.get_device_name(device))


def published() -> Study:
    """Return the published study, with random weights."""
    settings = yaml.safe_load((REPOSITORY / "workflow/studies/published.yaml").read_text())
    for network in settings["networks"].values():
        network["weights"] = "none"
    return Study.load(settings)


def study_speed(
    study: Study, device: torch.device, name: str, blocks: range = BLOCKS, rounds: int = 3
) -> Iterator[Measurement]:
    """Measure every network of a study against its bare forward pass, and add up the days.

    Arguments:
        study: The study; its images are replaced by a few photographs, its weights by chance.
        device: Where to run.
        name: What to call the device.
        blocks: Blocks of every design to time.
        rounds: How often.
    """
    days = {}
    for network in study.plain["networks"]:
        speed = network_speed(study, network, device, blocks, rounds)
        days[network] = speed.days
        yield Measurement(
            f"gpu_{network}_over_forward",
            speed.seconds / speed.bare,
            *(1.35, 1.1, "ratio"),
            f"{name}, {study.plain['precision']}, all designs in stream mode: "
            f"{speed.evaluations / speed.seconds:.0f} evaluations/s, bare forward "
            f"{speed.evaluations / speed.bare:.0f}/s; of {speed.evaluations} evaluations "
            f"{speed.forwards} are different inputs and run, against forwards of these alone "
            f"the ratio is {speed.seconds / speed.bare * speed.evaluations / speed.forwards:.2f}",
        )
    parts = ", ".join(f"{network} {value:.2f}" for network, value in days.items())
    yield Measurement(
        "gpu_published_study",
        sum(days.values()),
        *(7, 1, "days"),
        f"{name}: {parts}; evaluations of all designs and replicates and passes of the contrasts "
        f"at the measured speed, images in memory; published: {PUBLISHED_DAYS} days on CPUs",
    )


def network_speed(
    study: Study, network: str, device: torch.device, blocks: range, rounds: int
) -> Speed:
    """Time some blocks of every design in stream mode and as bare forward passes."""
    side = study.plain["dataset"]["image_size"]
    parts = []
    with tempfile.TemporaryDirectory() as folder:
        inputs = make_inputs(Path(folder), study.plain["networks"][network], side=side)
        for design in study.plain["designs"]:
            settings = study.sampling_settings(network, design)
            batch = study.plain["batch_size"]
            sampling = open_sampling(inputs, settings, batch_size=batch, device=device)
            parts.append(_design_speed(study, sampling, blocks, rounds))
    return Speed(*(sum(values) for values in zip(*parts, strict=True)))  # type: ignore[arg-type]


def _design_speed(
    study: Study, sampling: Sampling, blocks: range, rounds: int
) -> tuple[int, int, float, float, float]:
    evaluations = len(blocks) * sampling.design.points_per_block * sampling.design.nodes
    seen: list[int] = []

    def stream() -> None:
        seen.append(stream_replicate(sampling, 0, blocks).joined().forwards)

    def bare() -> None:
        bare_forward(sampling, evaluations, study.plain["precision"])

    seconds, forward = interleaved(stream, bare, rounds=rounds)
    passes = contrast_passes(study.plain["contrast"], sampling.law.augmentations)
    each = seconds / evaluations
    # A contrast runs every one of its inputs; of a design only the different ones run.
    days = (sampling.design.evaluations * each + passes * seconds / seen[-1]) / 86_400
    return evaluations, seen[-1], seconds, forward, days


def contrast_passes(settings: dict[str, Any], augmentations: tuple[str, ...]) -> int:
    """Return how many images go through the network for the contrasts of a design."""
    drawn = sum(bool(AUGMENTATIONS[name].parameters(1, 1)) for name in augmentations)
    each = 1 + drawn * settings["draws"] + len(augmentations) - drawn
    return int(settings["images"] * each)


def bare_forward(sampling: Sampling, images: int, precision: str) -> None:
    """Run the network without hooks on so many images that lie on the device."""
    subject = sampling.subject
    side, device = subject.side, subject.device
    batch = torch.rand(min(subject.batch_size, images), 3, side, side, device=device)
    with torch.inference_mode(), arithmetic(precision, device):
        for start in range(0, images, len(batch)):
            subject.network.module(batch[: images - start])
    if device.type == "cuda":
        torch.cuda.synchronize()
