"""From latents, and what a layer says of the same images, to a flow and its card."""

__all__ = ["write_flow"]

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from actsense.invariance.flow.card import describe_flow
from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.opening import save_flow
from actsense.invariance.flow.settings import FlowSettings
from actsense.invariance.flow.training import train_flow
from actsense.invariance.latents import read_latents
from actsense.invariance.recorded import latent_rows
from actsense.invariance.representations import open_representation
from actsense.progress import Progress
from actsense.store import write_facts
from actsense.store.rows import Rows

BEHIND = ("weights_sha256", "dataset_sha256")  # what tells where representations come from


def write_flow(
    path: Path,
    card: Path,
    latents: Path,
    representations: Path,
    layer: str,
    settings: FlowSettings,
    *,
    seed: int,
    device: torch.device,
    precision: str = "float32",
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Train the flow of a layer and describe it; cut off, it goes on from where it was.

    Arguments:
        path: Where the flow is written.
        card: Where its card is written, JSON: `describe_flow`, with `history`, the steps at which
            it was looked at and its nats there.
        latents: Store of latents, see `write_autoencoder`.
        representations: Store of representations of the same images.
        layer: Name of the layer.
        settings: See `FlowSettings`.
        seed: Seed of the study.
        device: Where to train.
        precision: What the training computes in, see `arithmetic`.
        attributes: Kept on the card.

    Raises:
        ConfigError: If the layer, or one of the images, was not recorded.
    """
    rows = latent_rows(latents)
    train, validation = (
        FlowData(*read_latents(latents, own), open_representation(representations, layer, own))
        for own in (rows.train, rows.validation)
    )
    state = path.with_name(f".{path.name}.state")
    with Progress(settings.training.steps, desc=f"flow of {layer}", unit="step") as bar:
        flow, history = train_flow(
            *(train, validation, settings),
            seed=seed,
            device=device,
            precision=precision,
            state=state,
            bar=bar,
        )
    described = describe_flow(flow, history, train, validation, seed=seed)
    save_flow(flow, path)
    known = {"layer": layer, "precision": precision, "history": asdict(history)}
    told = Rows(representations).attributes
    known |= {name: told[name] for name in BEHIND if name in told}
    write_facts(card, {**described, **known, **(attributes or {})})
    state.unlink(missing_ok=True)
