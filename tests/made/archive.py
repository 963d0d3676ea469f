"""A published archive with everything in it, of one small network under the first set."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

SET1 = ("erasing", "sharpness_const", "rolling", "grayscaling", "gaussian_blur")
FACTORS = (*SET1, "order", "class", "partition")
SIZES = (5, 1, 3, 1, 2, 1, 1, 1)  # numbers of every factor in shpv
STEM, HEAD = (3, 2, 4), (6,)
LAYERS = {"features.2": STEM, "classifier.6": HEAD}
NAME = "{}_alexnet_imagenet_ILSVRC_values_part=train+valid_augnm=1.hdf5"
SEGMENT = "modules_dict.features2.2"
CHOSEN = (2, 0)  # channels of the segment, in the order of the file
INSIDE = (2, 4, 8)  # shape of the segment
TAGS = [["sharpness", "si", 1], ["hue", "si", 2]]
IMAGES, DRAWS = 8, 3
MASKED = ("erasing", "class")  # factors with masks

Values = dict[str, NDArray[Any]]


def write(path: Path, groups: Mapping[str, Mapping[str, Any]], **shapes: tuple[int, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, datasets in groups.items():
            group = file.create_group(name)
            group.attrs["shape"] = shapes.get(name, LAYERS.get(name, INSIDE))
            for key, values in datasets.items():
                group[key] = values


def values_of(units: int, seed: int, *, pairs: bool = True) -> dict[str, Values]:
    """Make up all values of some units; the first one is dead, some estimates are negative."""
    rng = np.random.default_rng(seed)
    sobol = rng.normal(0.1, 0.2, (2, 8, units)).astype(np.float32)
    effects = rng.normal(1, 1, (15, units)).astype(np.float32)
    sobol[:, :, 0], effects[:, 0] = 0, 0
    second = rng.normal(0, 0.1, (1, 28, units)).astype(np.float32)
    moments = {
        kind: {
            "mean": rng.normal(size=units).astype(np.float32),
            "var": rng.random(units).astype(np.float32),
        }
        for kind in ("sitv", "shptv")
    }
    si = {"si+sT": sobol} | ({"si2": second} if pairs else {})
    return {"si": si, "shpv": {"shpv": effects}, **moments}


def predicted(rng: np.random.Generator, rows: int) -> NDArray[np.int16]:
    """Draw five different classes of six for every row."""
    return np.stack([rng.permutation(6)[:5] for _ in range(rows)]).astype(np.int16)


def write_archive(folder: Path) -> dict[str, Any]:
    """Write the archive; return what was written, by kind and layer."""
    made: dict[str, Any] = {
        name: values_of(int(np.prod(shape)), seed)
        for seed, (name, shape) in enumerate(LAYERS.items())
    }
    for kind in ("si", "sitv", "shpv", "shptv"):
        write(folder / NAME.format(kind), {name: made[name][kind] for name in LAYERS})
    rng = np.random.default_rng(5)
    made["contrasts"] = {}
    for part in ("train", "valid"):
        for one in SET1[:4] if part == "valid" else SET1:  # one file is missing
            signed = {
                name: rng.uniform(-1, 1, int(np.prod(shape))).astype(np.float32)
                for name, shape in LAYERS.items()
            }
            made["contrasts"][part, one] = signed
            path = folder / f"cs_alexnet_imagenet_ILSVRC_values_part={part}_{one}.hdf5"
            write(
                path,
                {
                    name: {"cs_pvals": 0 * own, "cs_stats": own, "cs_rbscc": own,
                           "cs_pbrcc": abs(own) / 2}
                    for name, own in signed.items()
                },
            )  # fmt: skip
    inside = int(np.prod(INSIDE))
    for seed, colour in enumerate(("hue", "saturation", "value")):
        made[colour] = values_of(inside, 20 + seed, pairs=False)
        for kind in ("si", "sitv", "shpv"):
            name = NAME.format(f"{colour}_{kind}").replace(
                "values", "values_selected_single_units"
            )
            write(folder / "single_unit" / name, {SEGMENT: made[colour][kind]})
    units = {
        "modules_names": ["features.0", "features.1", "features.2"],
        "neurons": {
            "features.0": {str(k): [["sharpness", "si", 1], ["hue", "si", 2]] for k in CHOSEN}
        },
        "module_type": "sequential",
        "unit_name": "features2",
    }
    (folder / "alexnet_single_units.json").write_text(json.dumps([units]))
    made["labels"], made["predictions"] = rng.integers(0, 6, IMAGES), {}
    path = folder / "si_alexnet_imagenet_ILSVRC_values_pred_NOFCL_part=valid.hdf5"
    with h5py.File(path, "w") as file:
        file["true_labels/labels"] = made["labels"][:, None].astype(np.int16)
        for shown in ("original", *SET1):
            rows = IMAGES * (
                1 if shown in ("original", "sharpness_const", "grayscaling") else DRAWS
            )
            keys = ["iaug=original"]
            for factor in (MASKED[0], f"{MASKED[1]}-1"):
                keys += [
                    f"alpha={a:.2f}_perc={q:.2f}_iaug={factor}"
                    for a in (0, 1.5)
                    for q in (0.5, 0.9)
                ]
                keys += [f"iaug={factor}_invert={k}" for k in (0, 1)]
            for key in keys:
                made["predictions"][shown, key] = predicted(rng, rows)
                file[f"{shown}/{key}/predictions"] = made["predictions"][shown, key]
    return made
