"""What a first study of a network on somebody's photographs may hold, from much to little.

Every step leaves more out than the one before. The sixth holds as much as
`workflow/studies/photographs.yaml`; below it, analyses are missing and intervals are wide.
"""

__all__ = ["NOTES", "STEPS", "Step", "settings_of"]

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

Plain = dict[str, Any]

COLOUR = ("brightness", "contrast", "saturation", "hue", "grayscaling")
GEOMETRY = ("erasing", "rolling", "hflip", "rotation", "gaussian_blur")
LAYOUT = ("patch_shuffle", "patch_mask")
CELLS = 7  # along a side, masked one by one
FAR = 5  # of these patches along a side, the larger ones that are moved together


@dataclass(frozen=True)
class Step:
    """One step of the ladder.

    Attributes:
        points: Base points of every replicate.
        replicates: Replicates of every design.
        designs: Augmentations of the designs whose indices are estimated.
        analysed: Those whose maps go through correlation, LDA, masks, classes and segments.
        contrast: Images of the contrasts.
        spatial: Images of shuffled patches, of masked cells, and of distant patches.
        masks: Images whose predictions are masked, and random masks beside every mask.
        segments: Base points of the segments.
        patterns: Images of the patterns, or 0 for no such study.
        pictures: Iterations of feature pictures, or 0 for none.
    """

    points: int
    replicates: int
    designs: Mapping[str, tuple[str, ...]]
    analysed: tuple[str, ...]
    contrast: int
    spatial: tuple[int, int, int]
    masks: tuple[int, int]
    segments: int
    patterns: int
    pictures: int


MOST = Step(
    points=256,
    replicates=8,
    designs={"colour": COLOUR, "geometry": GEOMETRY, "layout": LAYOUT},
    analysed=("colour", "geometry"),
    contrast=1000,
    spatial=(500, 100, 200),
    masks=(200, 10),
    segments=64,
    patterns=500,
    pictures=512,
)

# What every further step has less of than the one before.
LESS: tuple[Plain, ...] = (
    {
        "points": 128,
        "contrast": 500,
        "spatial": (300, 60, 120),
        "masks": (100, 8),
        "segments": 32,
        "patterns": 300,
        "pictures": 256,
    },
    {
        "points": 64,
        "contrast": 300,
        "spatial": (200, 40, 80),
        "masks": (60, 5),
        "segments": 16,
        "patterns": 200,
        "pictures": 128,
    },
    {
        "replicates": 6,
        "contrast": 200,
        "spatial": (150, 30, 60),
        "masks": (40, 3),
        "patterns": 150,
        "pictures": 96,
    },
    {
        "replicates": 4,
        "contrast": 150,
        "spatial": (100, 20, 40),
        "masks": (24, 2),
        "segments": 8,
        "patterns": 100,
        "pictures": 64,
    },
    {
        "points": 32,
        "designs": {"colour": COLOUR, "geometry": GEOMETRY},
        "analysed": ("colour",),
        "contrast": 84,
        "spatial": (60, 12, 30),
        "masks": (12, 2),
        "patterns": 60,
    },
    {
        "contrast": 48,
        "spatial": (30, 6, 12),
        "masks": (10, 2),
        "segments": 4,
        "patterns": 0,
        "pictures": 0,
    },
    {"analysed": (), "spatial": (24, 4, 8), "masks": (0, 0), "segments": 0},
    {"designs": {"colour": COLOUR}, "contrast": 32, "spatial": (12, 2, 4)},
    {
        "points": 8,
        "designs": {"colour": ("brightness", "saturation", "hue")},
        "contrast": 16,
        "spatial": (6, 2, 2),
    },
)
STEPS = tuple(accumulate(LESS, lambda step, less: replace(step, **less), initial=MOST))

# What a reader of the file wants to know of a section; those of dataset and networks are computed.
NOTES = {
    "designs": "Groups of augmentations that act together; `analyses: false`, indices and "
    "contrast alone. Twice the base_points make intervals narrower, in twice the time.",
    "contrast": "Every augmentation alone, against the untouched image.",
    "masking": "Predictions when the most sensitive channels are silenced, beside random ones.",
    "segments": "Parts of the network that see hue, saturation or value alone.",
    "spatial": "Shuffled patches, saturated colours, masked cells, distant patches.",
    "patterns": "Images and regions as points in space, over depth and under attack; with "
    "`networks: []` none.",
    "featvis": "Pictures of what layers and units respond to; with `networks: []` none.",
    "activations": "Nothing large is written between two jobs.",
}


def settings_of(step: Step, side: int, *, grey: bool = False) -> Plain:
    """Return the sections of a configuration that a step stands for, beside images and network.

    Arguments:
        step: The step.
        side: Side of the images, pixels.
        grey: Whether the photographs have no colour, so that no unit responds to hue.
    """
    sections: Plain = {
        "designs": {name: _design(step, name) for name in step.designs},
        "contrast": {"images": step.contrast},
    }
    if step.analysed:
        images, masks = step.masks
        sections["masking"] = {
            "images": images,
            "values": ["shapley"],
            "factors": "augmentations",
            "fractions": [0.1, 0.05, 0.02],
            "scales": [0],
            "levels": ["channel"],
            "layers": ["together"],
            "random_masks": masks,
        }
        sections["segments"] = {"channels": 1, "base_points": step.segments}
    sections["spatial"] = _spatial(*step.spatial, side)
    sections["patterns"] = _patterns(step.patterns)
    sections["featvis"] = _featvis(step, "brightness" if grey else "hue")
    return sections | {"activations": "stream"}


def _design(step: Step, name: str) -> Plain:
    described: Plain = {
        "augmentations": [*step.designs[name]],
        "base_points": step.points,
        "replicates": step.replicates,
    }
    return described if name in step.analysed else described | {"analyses": False}


def _spatial(transforms: int, cells: int, interaction: int, side: int) -> Plain:
    return {
        "transforms": {
            "images": transforms,
            "divisions": [1, 2, 4, 8],
            "repeats": 1,
            "saturations": [0.25, 1, 2, 4, 16, 64],
        },
        "saliency": {"images": min(cells, 4), "samples": 10},
        "cells": {
            "images": cells,
            "size": side // CELLS,
            "methods": ["gradient", "integrated_gradients", "occlusion"],
            "fills": ["mean"],
            "random_orders": 2,
            "greedy_images": 0,
            "steps": 8,
        },
        "interaction": {"images": interaction, "sizes": [side // CELLS, side // FAR]},
    }


def _patterns(images: int) -> Plain:
    if not images:
        return {"networks": []}
    attack = {"steps": 5, "recorded": 2}
    return {"images": images, "others": images - 1, "attack": attack, "bootstrap": 500}


def _featvis(step: Step, factor: str) -> Plain:
    if not step.pictures:
        return {"networks": []}
    units = {"factor": factor, "design": "colour", "top": 4, "controls": 4}
    return {
        "images": step.contrast,
        "units": units,
        "search": {"iterations": step.pictures},
        "seeds": 1,
    }
