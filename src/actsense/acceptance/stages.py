"""What every stage of the study `install` comes to, as tables that any machine can be held to.

Later stages need the earlier ones: the first that differs is the one to look at.
"""

__all__ = ["DEVICE", "STAGES", "Stage"]

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.acceptance.fixed_network import MODULUS, MULTIPLIER
from actsense.augment import AUGMENTATIONS, augment, parameter_columns
from actsense.inspection import RunResults, StudyResults
from actsense.networks.opening import open_subject

NETWORK, DESIGN = "fixed", "mixed"
DEVICE = "auto"
SIDE, DRAWS = 32, (0.2, 0.5, 0.8)
EVERY_IMAGE, EVERY_ROW = 40, 29  # rows of a table that are looked at
SHOWN, BATCH = 4, 64
SUMS = 4
EFFECTS = (
    *("mean_abs_rank_biserial", "mean_rank_biserial"),
    *("mean_abs_standardized_difference", "mean_point_biserial"),
)


@dataclass(frozen=True)
class Stage:
    """A stage of the study.

    Attributes:
        table: Computes what it comes to, from finished results and a device.
        tolerance: By how much numbers may differ: of their own size, and in any case. On other
            processors and GPUs sums are rounded otherwise.
        doubt: What to look at where they differ.
    """

    table: Callable[[StudyResults, torch.device], pd.DataFrame]
    tolerance: tuple[float, float]
    doubt: str


def _run(study: StudyResults) -> RunResults:
    return study[NETWORK, DESIGN]


def _images(study: StudyResults, device: torch.device) -> pd.DataFrame:
    """Return mean and spread of some images, grey levels, with their place in the manifest."""
    rows = np.arange(0, len(study.images), EVERY_IMAGE)
    pixels = study.images.read(rows).astype(np.float64)
    chosen = study.images.manifest.loc[rows, ["class_name", "partition"]].reset_index(drop=True)
    means = {f"mean_{k}": pixels[:, k].mean(axis=(1, 2)) for k in range(3)}
    return chosen.assign(image=rows, images=len(study.images), **means, std=pixels.std((1, 2, 3)))


def _design(study: StudyResults, device: torch.device) -> pd.DataFrame:
    """Return some evaluations: what the network is shown, in which order."""
    return _run(study).evaluations[::EVERY_ROW].reset_index(drop=True)


def _augmentations(study: StudyResults, device: torch.device) -> pd.DataFrame:
    """Return what every augmentation makes of an image that is computed from whole numbers."""
    names = [*AUGMENTATIONS]
    located = parameter_columns(names)
    ranges = [AUGMENTATIONS[name].parameters(SIDE, SIDE) for name in names]
    values = np.zeros((len(names), len(DRAWS), sum(map(len, ranges))), dtype=np.float32)
    for k, (name, own) in enumerate(zip(names, ranges, strict=True)):
        for draw, u in enumerate(DRAWS):
            drawn = [parameter.at((u + 0.07 * j) % 1) for j, parameter in enumerate(own)]
            values[k, draw, located[name]] = drawn
    each = torch.arange(len(names)).repeat_interleave(len(DRAWS))[:, None]
    shown = augment(
        _pattern(device).expand(len(each), -1, -1, -1).contiguous(),
        each.to(device),
        torch.from_numpy(values.reshape(len(each), -1)).to(device),
        names,
    )
    return pd.DataFrame(
        {
            "augmentation": np.repeat(names, len(DRAWS)),
            "draw": np.tile(np.arange(len(DRAWS)), len(names)),
            "mean": _numbers(shown.mean(dim=(1, 2, 3))),
            "std": _numbers(shown.std(dim=(1, 2, 3))),
            **{f"channel_{k}": _numbers(shown[:, k].mean(dim=(1, 2))) for k in range(3)},
            **{f"sum_{k}": _numbers(own) for k, own in enumerate(_signed_sums(shown))},
        }
    )


def _network(study: StudyResults, device: torch.device) -> pd.DataFrame:
    """Return logits of some images, one row each, and the mean of every layer."""
    run = _run(study)
    described = {"network": [NETWORK, run.settings["networks"][NETWORK]]}
    subject = open_subject(
        *(study.path / "data/images.zarr", study.path / "data/manifest.csv"),
        study.path / NETWORK / "weights.pt",
        described | {"seed": run.settings["seed"], "precision": run.settings["precision"]},
        batch_size=BATCH,
        device=device,
    )
    rows, labels = subject.validation(SHOWN)
    layers = subject.tap(run.layers)(subject.read(rows))
    means = {f"mean_{name}": _numbers(layers[name].flatten(1).mean(1)) for name in run.layers}
    logits = subject.tap(["logits"])(subject.read(rows))["logits"].flatten(1).T
    outputs = {f"logit_{k}": _numbers(own) for k, own in enumerate(logits)}
    return pd.DataFrame({"image": rows, "label": labels, **outputs, **means})


def _activations(study: StudyResults, device: torch.device) -> pd.DataFrame:
    """Return mean and variance of every layer under the design, and how many units are dead."""
    run = _run(study)
    rows = [
        {
            "layer": name,
            "units": own["mean"].size,
            "dead": int(own["dead"].sum()),
            "mean": float(own["mean"].mean()),
            "variance": float(own["variance"].mean()),
        }
        for name, own in ((name, run.layer(name)) for name in run.layers)
    ]
    return pd.DataFrame(rows)


def _indices(study: StudyResults, device: torch.device) -> pd.DataFrame:
    """Return indices of layers with their half-widths."""
    return _run(study).table("layers")[["layer", "factor", "index", "value", "ci"]]


def _contrast(study: StudyResults, device: torch.device) -> pd.DataFrame:
    """Return contrasts of layers; no share of p-values below a bound, which roundings cross."""
    names = ("layer", "augmentation", "units", "alive", "images", *EFFECTS)
    return _run(study).table("contrast")[[*names]]


STAGES = {
    "images": Stage(
        _images, (0, 0.5), "Pillow, scikit-learn and scikit-image, and their versions"
    ),
    "design": Stage(_design, (1e-6, 0), "NumPy and SciPy, and their versions"),
    "augmentations": Stage(_augmentations, (0, 3e-4), "PyTorch's operations on images"),
    "network": Stage(_network, (3e-4, 3e-4), "PyTorch's convolutions and the import of weights"),
    "activations": Stage(_activations, (2e-3, 1e-4), "sampling, shards on disk, and their sums"),
    "indices": Stage(_indices, (0, 3e-3), "numba, SciPy, and the estimation of indices"),
    "contrast": Stage(_contrast, (0, 5e-3), "SciPy, and the estimation of contrasts"),
}


def _pattern(device: torch.device) -> Tensor:
    """Return an image in [0, 1], (3, side, side), smooth with an edge, from whole numbers."""
    channel, row, col = (torch.arange(n) for n in (3, SIDE, SIDE))
    level = (5 * row[:, None] + 3 * col + (col > SIDE // 3) * 64)[None] * (channel + 2)[
        :, None, None
    ]
    return ((level % 512 - 256).abs() / 256).float().clamp(0, 1).to(device)


def _signed_sums(images: Tensor) -> Iterator[Tensor]:
    """Yield sums over all values with mixed signs, which every moved or blurred pixel changes."""
    values = images.flatten(1).double()
    numbers = torch.arange(values.shape[1], device=images.device)
    for k in range(SUMS):
        signs = ((numbers + k) * MULTIPLIER % MODULUS < MODULUS // 2).double() * 2 - 1
        yield values @ signs / values.shape[1] ** 0.5


def _numbers(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.double().cpu().numpy())
