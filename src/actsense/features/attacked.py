"""Attacked images of a network as a store, with what it says of them on the way."""

__all__ = ["write_attack"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from actsense.features.attack import Goal, distances, other_classes, perturb, start_keys
from actsense.features.images import ChosenImages
from actsense.features.settings import Attack
from actsense.networks.subject import Subject
from actsense.progress import Progress
from actsense.store.columns import Column
from actsense.store.rows import write_rows

UNTARGETED = -1


def write_attack(
    subject: Subject,
    chosen: ChosenImages,
    settings: Attack,
    path: Path,
    *,
    seed: int,
    attributes: Mapping[str, Any],
) -> None:
    """Attack images and write what becomes of them; a row is an image.

    `images`, (recorded steps, 3, side, side) float32 in [0, 1]; `row` of the image in the dataset;
    its `label` and the `target` it is moved towards, -1 for none, and `predictions`, (1 + recorded
    steps,), the first of the intact image: all three as numbers among the chosen classes. The
    network is asked about these alone, and so is the attack.

    Arguments:
        subject: The network.
        chosen: The images.
        settings: The attack.
        path: Folder of the store.
        seed: Seed of the study.
        attributes: Kept with the rows, beside what the attack did.
    """
    side, kept = subject.side, settings.kept
    keys, labels = start_keys(seed, chosen.rows), torch.from_numpy(chosen.labels)
    targets = torch.full_like(labels, UNTARGETED)
    if settings.targeted:
        targets = other_classes(seed, chosen.rows, labels, len(chosen.outputs))
    outputs = torch.from_numpy(chosen.outputs).to(subject.device)
    said, farthest = [], [0.0]
    columns = {
        "images": Column((len(kept), 3, side, side), "float32"),
        **{name: Column((), "int64") for name in ("row", "label", "target")},
        "predictions": Column((1 + len(kept),), "int64"),
    }
    total = settings.steps * len(chosen.rows)
    with (
        write_rows(path, columns, capacity=len(chosen.rows)) as writer,
        Progress(total, desc="attack", unit="image") as known,
    ):

        def attack(images: Tensor, part: slice) -> None:
            classes = (targets if settings.targeted else labels)[part].to(subject.device)
            goal = Goal(outputs, classes, settings.targeted)
            found, decided = [], [goal.decided(subject.logits(images))]
            steps = perturb(subject, images, goal, keys[part].to(subject.device), settings)
            for step, moved in enumerate(steps, start=1):
                known.update(len(images))
                if step in kept:
                    found.append(moved.cpu())
                    decided.append(goal.decided(subject.logits(moved)))
            farthest.append(float(distances(images, moved, settings.norm).max()))
            said.append(torch.stack(decided, dim=1).cpu())
            writer.append(
                {
                    "images": torch.stack(found, dim=1).numpy(),
                    "row": chosen.rows[part],
                    "label": chosen.labels[part],
                    "target": targets[part].numpy(),
                    "predictions": said[-1].numpy(),
                }
            )

        subject.over(chosen.rows, attack)
        predictions = torch.cat(said)
        writer.attributes |= {
            **attributes,
            **_described(settings, side, seed),
            **_outcome(labels, targets, predictions, targeted=settings.targeted),
            "outputs": chosen.outputs.tolist(),
            "classes": chosen.names,
            "label": chosen.label,
            "largest": max(farthest),
        }


def _described(settings: Attack, side: int, seed: int) -> dict[str, Any]:
    return settings.plain() | {
        "epsilon": settings.radius(side),
        "step": settings.pace(side),
        "recorded": list(settings.kept),
        "seed": seed,
    }


def _outcome(
    labels: Tensor, targets: Tensor, predictions: Tensor, *, targeted: bool
) -> dict[str, float]:
    """Return accuracies, and the share of images with the wanted end of those that were right.

    NaN where none was right.
    """
    right = predictions[:, 0] == labels
    last = predictions[:, -1]
    reached = last == targets if targeted else last != labels
    return {
        "accuracy_clean": float(right.double().mean()),
        "accuracy_attacked": float((last == labels).double().mean()),
        "success": float(reached[right].double().mean()),
    }
