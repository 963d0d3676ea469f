"""The published value files: what their names say, and what is where inside.

One file holds one kind of value of one network under one set of augmentations; a contrast file,
of one augmentation in one partition. Inside is a group per layer, its attribute `shape` that of
the layer, its arrays over units in C order:

    si            `si+sT` (2, factors, units): first-order, then total indices;
                  `si2` (1, pairs, units): second-order indices of pairs j < k, row by row
    sitv, shptv   `mean`, `var` (units,) under the law of si, of shpv
    shpv          `shpv` (scalars, units): Shapley effects of single numbers, in units of variance
    cs            `cs_pvals`, `cs_stats`, `cs_rbscc`, `cs_pbrcc` (units,)

A factor of shpv has one number for its switch and one per parameter.
"""

__all__ = [
    "BESIDE",
    "CONTEXT",
    "DATASETS",
    "DEFECTS",
    "SETS",
    "PredictionFile",
    "ValueFile",
    "file_name",
    "group_name",
    "layer_name",
    "layer_order",
    "pair_row",
    "parse_name",
    "parse_predictions",
    "published_sets",
    "scalars",
    "segment_name",
]

import re
from dataclasses import dataclass
from pathlib import Path

DATASETS = {
    "si": ("si+sT",),
    "sitv": ("mean", "var"),
    "shpv": ("shpv",),
    "shptv": ("mean", "var"),
    "cs": ("cs_rbscc", "cs_pbrcc"),
}
SETS = {
    "1": ("erasing", "sharpness_const", "rolling", "grayscaling", "gaussian_blur"),
    "2": (
        *("brightness", "contrast", "saturation", "hue"),
        *("hflip", "rotation", "elliptic_local_blur"),
    ),
}
CONTEXT = ("order", "class", "partition")
# The layout has no place for these factors: files of ours hold them in datasets beside.
BESIDE = ("content", "image")
PARAMETERS = {
    "erasing": 4,
    "rolling": 2,
    "gaussian_blur": 1,
    "brightness": 1,
    "contrast": 1,
    "saturation": 1,
    "hue": 1,
    "rotation": 1,
    "elliptic_local_blur": 5,
}
# The layer of classes was recorded behind a softmax; here such a layer is called probabilities.
CLASS_LAYERS = {"alexnet": "classifier.6", "vgg11": "classifier.6", "resnet18": "fc"}
# HDF5 lists groups by alphabet; these parts of a name follow one another in the networks.
PARTS = ("maxpool", "features", "layer", "avgpool", "classifier", "fc", "head", "probabilities")
SEGMENTS = {
    **{f"features{k}": f"features.{k}" for k in (2, 5, 7, 9)},
    "l1": "layer1",
    "l2": "layer2",
}
RESNET_SEGMENTS = {"features2": "layer3"}  # published under this name

DEFECTS = {
    "S1": "No interval. Every augmentation with parameters was always on; brightness, contrast "
    "and saturation were partly undone by a stretch of every channel to [0, 1].",
    "ST": "The image was drawn anew for every evaluation, so every total index contains all "
    "variance between images of a class. No interval.",
    "S2": "The image was drawn anew for every evaluation. No interval.",
    "shapley": "Sums over the numbers of a factor, which grow with how many it has; half of the "
    "variance between images of a class is in `class`, half in `partition`. Another input law "
    "than S1 and ST. No interval.",
    "mean": "Summed up in float32, row after row: wrong by up to 0.4 %.",
    "variance": "Summed up in float32, row after row: wrong by about 1 %.",
    "rank_biserial": "Magnitude alone, the sign was dropped; augmented copies of an image count "
    "as independent. Published as `cs_pbrcc`: the two names were swapped.",
    "point_biserial": "Augmented copies of an image count as independent. Published as "
    "`cs_rbscc`: the two names were swapped.",
    "p_value": "Augmented copies of an image count as independent, so nearly all vanish; not "
    "corrected for multiple tests, whatever the name of the file says.",
    "statistic": "Augmented copies of an image count as independent.",
}
DEFECTS["shapley_clipped"] = DEFECTS["shapley"] + " Clipping raises weak factors."

# Of activations, whose names are otherwise the same, `values` tells them apart.
IMAGES = r"(?P<network>.+)_(?P<dataset>[a-z0-9]+)(?:_ILSVRC)?_values"
NAME = re.compile(
    rf"(?:(?P<channel>hue|saturation|value)_)?(?P<kind>si|sitv|shpv|shptv|cs)_{IMAGES}"
    r"(?P<units>_selected_single_units)?(?P<before>_[a-z0-9_]+?)?(?:_TEST)?"
    r"_part=(?P<partition>train\+valid|train|valid)(?:_(?P<after>[a-z0-9_]+?))?"
    r"(?:_augnm=(?P<design>.+?))?(?:_fdr-by-corrected\.?)?\.hdf5"
)
PREDICTIONS = re.compile(
    rf"(?P<value>si|siT|shpv)_{IMAGES}(?:_TEST)?_pred_NOFCL_part=(?P<partition>train|valid)\.hdf5"
)
MASK_VALUES = {"si": "S1", "siT": "ST", "shpv": "shapley"}


@dataclass(frozen=True)
class ValueFile:
    """What the name of a value file says.

    Attributes:
        path: The file.
        kind: `si`, `sitv`, `shpv`, `shptv` or `cs`.
        network: Name of the network.
        dataset: Images it was measured on, such as `imagenet`.
        partition: `train`, `valid` or `train+valid`.
        design: `set1` or `set2`, another name in files of ours; None where any will do.
        augmentation: Augmentation of a contrast, else None.
        channel: Colour channel in front of a segment, None for whole networks.
    """

    path: Path
    kind: str
    network: str
    dataset: str
    partition: str
    design: str | None
    augmentation: str | None
    channel: str | None

    @property
    def sets(self) -> set[str]:
        """The published sets with the augmentation of a contrast that names no design."""
        if self.design is not None or self.augmentation is None:
            return set()
        return {name for name, own in published_sets().items() if self.augmentation in own}


def published_sets() -> dict[str, tuple[str, ...]]:
    """Return the published sets of augmentations, by the names of their designs."""
    return {f"set{number}": names for number, names in SETS.items()}


def parse_name(path: Path) -> ValueFile | None:
    """Read the name of a value file; None if it is another file."""
    match = NAME.fullmatch(path.name)
    if match is None:
        return None
    kind, design, augmentation = match["kind"], match["design"], None
    if kind == "cs":
        # The augmentation stands before the partition or behind it.
        augmentation = match["after"] or (match["before"] or "").removeprefix("_")
        if not augmentation:
            return None
        augmentation = {"sharpness": "sharpness_const"}.get(augmentation, augmentation)
    elif design is None or match["after"] or match["before"]:
        return None
    if (match["channel"] is None) != (match["units"] is None):
        return None
    return ValueFile(
        path,
        kind,
        match["network"],
        match["dataset"],
        match["partition"],
        f"set{design}" if design and design.isdigit() else design,
        augmentation,
        match["channel"],
    )


@dataclass(frozen=True)
class PredictionFile:
    """What the name of a file of masked predictions says.

    Attributes:
        path: The file.
        network: Name of the network.
        dataset: Images that were predicted, such as `imagenet`.
        value: The index whose maps were the masks: `S1`, `ST` or `shapley`.
    """

    path: Path
    network: str
    dataset: str
    value: str


def parse_predictions(path: Path) -> PredictionFile | None:
    """Read the name of a file of masked predictions; None if it is another file."""
    match = PREDICTIONS.fullmatch(path.name)
    if match is None:
        return None
    return PredictionFile(path, match["network"], match["dataset"], MASK_VALUES[match["value"]])


def file_name(
    kind: str,
    network: str,
    dataset: str,
    design: str | None,
    augmentation: str | None = None,
    partition: str = "train+valid",
) -> str:
    """Return the name of a value file.

    Arguments:
        kind: One of `DATASETS`.
        network: Name of the network.
        dataset: Kind of the dataset, such as `imagenet`.
        design: Name of the design, None where the augmentation tells enough.
        augmentation: Augmentation of a contrast.
        partition: Its partition, `train` or `valid`; of all other values, both together.
    """
    images = "imagenet_ILSVRC" if dataset == "imagenet" else dataset
    one = f"_{augmentation}" if augmentation else ""
    number = re.fullmatch(r"set(\d+)", design or "")
    which = f"_augnm={number[1] if number else design}" if design else ""
    return f"{kind}_{network}_{images}_values{one}_part={partition}{which}.hdf5"


def scalars(factor: str) -> int:
    """Return how many numbers a factor has in shpv; one where nothing is published of it."""
    return 1 + PARAMETERS.get(factor, 0)


def pair_row(j: int, k: int, factors: int) -> int:
    """Return the row of a pair j < k of `factors` in `si2`."""
    return j * factors - j * (j + 1) // 2 + k - j - 1


def layer_name(network: str, group: str) -> str:
    """Return our name of a layer: that of classes, behind its softmax, is `probabilities`."""
    return "probabilities" if CLASS_LAYERS.get(network) == group else group


def group_name(network: str, layer: str) -> str:
    """Return the published name of a layer."""
    return CLASS_LAYERS.get(network, layer) if layer == "probabilities" else layer


def segment_name(network: str, group: str) -> str:
    """Return our name of the last layer of a segment, from `modules_dict.<unit>.<last>`."""
    unit = re.sub(r"^modules_dict\.|\.\d+$", "", group)
    if network.startswith("resnet"):
        unit = RESNET_SEGMENTS.get(unit, unit)
    return SEGMENTS.get(unit, unit)


def layer_order(name: str) -> tuple[int, list[int], str]:
    """Sort layers as the published networks have them; others by the numbers in their names."""
    part = next((k for k, start in enumerate(PARTS) if name.startswith(start)), 2)
    return part, [int(number) for number in re.findall(r"\d+", name)], name
