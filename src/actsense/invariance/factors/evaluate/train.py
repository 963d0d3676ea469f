"""From latents of pairs of images to factors, and to what is told of them."""

__all__ = ["study_pairs", "write_factors"]

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from actsense.data.manifest import PARTITIONS, read_manifest
from actsense.data.settings import Digits
from actsense.device.memory import Memory
from actsense.errors import ConfigError
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.opening import open_autoencoder
from actsense.invariance.factors.card import describe_factors
from actsense.invariance.factors.concepts import concept_labels, recorded_pairs
from actsense.invariance.factors.digit_pairs import digit_pairs, encode_blends
from actsense.invariance.factors.factors import save_factors
from actsense.invariance.factors.pairs import Pairs
from actsense.invariance.factors.plan import DIGITS, judged_pairs
from actsense.invariance.factors.settings import FactorSettings
from actsense.invariance.factors.sizes import concept_score, effective_rank, factor_sizes
from actsense.invariance.factors.training import train_factors
from actsense.invariance.settings import Factors
from actsense.networks.peak import measure_forward
from actsense.progress import Progress
from actsense.store import file_hash, provenance, write_facts
from actsense.work import fitting_batch

RULES = ("published", "rank")


def write_factors(
    outputs: Mapping[str, Path],
    inputs: Mapping[str, Path],
    settings: Factors,
    *,
    dataset: Mapping[str, Any],
    study: Mapping[str, Any],
    seed: int,
    device: torch.device,
    precision: str,
    batch_size: int,
) -> None:
    """Train factors, and write them with their card; cut off, it goes on from a file beside them.

    Arguments:
        outputs: Files `factors` and `card`.
        inputs: Files `autoencoder`, `latents` and `manifest`.
        settings: The section `invariance.factors` of the configuration.
        dataset: The section `dataset`, for digits, whose images are made.
        study: The settings behind the result, kept with it.
        seed: Seed of the study.
        device: Where to train.
        precision: What passes compute in, see `arithmetic`.
        batch_size: Images that are encoded at a time, at most.

    Raises:
        ConfigError: If pairs cannot be made, share nothing, or leave no number for a part.
    """
    pairs = study_pairs(
        *(inputs, settings, dataset), seed=seed, device=device, batch_size=batch_size
    )
    train, validation = (pairs[name] for name in PARTITIONS)
    path = outputs["factors"]
    state = path.with_name(f".{path.stem}.state")
    own = {key: value for key, value in settings.plain().items() if key in _learned()}
    steps = settings.flow.training.steps
    with Progress(steps, desc="factors", unit="step") as bar:
        factors, history = train_factors(
            *(train, validation, FactorSettings.model_validate(own)),
            seed=seed,
            device=device,
            precision=precision,
            state=state,
            bar=bar,
        )
    card = {
        **describe_factors(factors, history, train, validation, device=device),
        "concepts": settings.concepts,
        "rule": settings.sizes,
        "supervised": settings.supervised,
        "scores": {name: _scored(train, name) for name in train.concepts},
        "rules": {rule: _sizes(train, rule) for rule in RULES},
        "history": asdict(history),
        "origin": provenance(
            configuration=dict(study),
            dataset_sha256=file_hash(inputs["manifest"]),
            autoencoder_sha256=file_hash(inputs["autoencoder"]),
        ),
    }
    save_factors(factors, path)
    write_facts(outputs["card"], card)
    state.unlink(missing_ok=True)


def study_pairs(
    inputs: Mapping[str, Path],
    settings: Factors,
    dataset: Mapping[str, Any],
    *,
    seed: int,
    device: torch.device,
    batch_size: int,
) -> dict[str, Pairs]:
    """Return the pairs of both partitions, by its name; see `write_factors` for arguments."""
    counts = dict(zip(PARTITIONS, (settings.pairs, judged_pairs(settings.pairs)), strict=True))
    if settings.concepts == DIGITS:
        autoencoder = open_autoencoder(
            inputs["autoencoder"], side=dataset["image_size"], device=device
        )
        memory = Memory(device, _batch(autoencoder, batch_size, device), "images")
        digits = Digits.model_validate(dataset)
        return {
            partition: _made(autoencoder, digits, partition, count, seed, memory, device)
            for partition, count in counts.items()
        }
    manifest = read_manifest(inputs["manifest"])
    labels = concept_labels(settings.concepts, manifest)
    return {
        partition: recorded_pairs(
            *(labels, (manifest["partition"] == partition).to_numpy()),
            *(inputs["latents"], count),
            seed=seed,
        )
        for partition, count in counts.items()
    }


def _made(
    autoencoder: Autoencoder,
    settings: Digits,
    partition: str,
    count: int,
    seed: int,
    memory: Memory,
    device: torch.device,
) -> Pairs:
    pairs = digit_pairs(settings, partition, count, seed=seed)
    latents = encode_blends(
        *(autoencoder, pairs.blends, settings.image_size), memory=memory, device=device
    )
    return Pairs(latents, pairs.concepts, pairs.first, pairs.second, pairs.shared)


def _batch(autoencoder: Autoencoder, batch_size: int, device: torch.device) -> int:
    """Return how many images are encoded at a time: on a processor, few enough for its memory."""
    if device.type == "cuda":
        return batch_size
    return fitting_batch(batch_size, measure_forward(autoencoder, autoencoder.side))


def _learned() -> set[str]:
    """Name the settings that decide what is learned from given pairs."""
    return {*FactorSettings.model_fields}


def _scored(pairs: Pairs, concept: str) -> dict[str, float]:
    score = concept_score(pairs, concept)
    return {"value": score.value, "error": score.error, "rank": effective_rank(pairs, concept)}


def _sizes(pairs: Pairs, rule: str) -> dict[str, int] | None:
    """Return sizes by a rule; None where it gives none, which does no harm if it is not used."""
    try:
        return factor_sizes(pairs, rule)
    except ConfigError:
        return None
