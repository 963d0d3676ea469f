"""What runs say of how they were made, from what the three kinds of results keep inside."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from actsense.comparison.pairing import Pair
from actsense.comparison.settings import UNKNOWN, describe_settings
from actsense.comparison.sides import Side
from actsense.inspection import RunResults

PLAIN = ("hue", "order", "class", "partition")
NESTED = ("hue", "order", "content", "partition", "class", "image")


def side(factors: tuple[str, ...], settings: dict[str, Any], **attributes: Any) -> Side:
    run = SimpleNamespace(
        network="net",
        design="one",
        factors=factors,
        augmentations=factors[:1],
        settings=settings,
        indices=SimpleNamespace(attrs=attributes),
    )
    return Side(cast(RunResults, run))


def described(a: Side, b: Side) -> pd.DataFrame:
    return describe_settings(Pair(a, b)).set_index("setting")


VALUE_FILES = side(PLAIN, {"network": "net", "dataset": "imagenet", "augmentations": ["hue"]})
IMPORTED = side(
    PLAIN,
    {
        "dataset": {"kind": "published", "images": "imagenet"},
        "designs": {"one": {"augmentations": ["hue"]}},
    },
    intervals="none",
)


def ours(factors: tuple[str, ...] = NESTED, **law: Any) -> Side:
    design = {"augmentations": ["hue"], "law": "switched", "stretch": False, "base_points": 64}
    settings = {
        "seed": 3,
        "dataset": {"kind": "imagenet", "image_size": 224},
        "designs": {"one": design | law},
    }
    known = {"replicates": 8, "evaluations": "18432", "base_points": 512}
    return side(factors, settings, weights_sha256="f" * 64, **known)


def test_value_files_say_the_same_before_and_after_their_import() -> None:
    table = described(VALUE_FILES, IMPORTED)
    assert table["same"].all()
    assert table.loc["image", "in_a"] == "drawn anew for every evaluation"
    assert "always on" in table.loc["law", "in_b"]
    assert table.loc["dataset", "in_b"] == "imagenet"


def test_a_run_and_published_values_differ_in_law_image_and_stretch() -> None:
    table = described(ours(), VALUE_FILES)
    different = {*table.index[~table["same"]]}
    assert different > {"law", "stretch", "image", "weights (SHA-256)", "seed", "evaluations"}
    assert table.loc[["dataset", "augmentations"], "same"].all()
    assert table.loc["weights (SHA-256)"].iloc[-3:].tolist() == ["f" * 12, UNKNOWN, False]
    # What is in the results beats what was configured for another network.
    assert table.loc[["base_points", "evaluations"], "in_a"].tolist() == ["512", "18,432"]


@pytest.mark.parametrize(
    ("factors", "law", "image"),
    [
        (NESTED, "switched", "a factor, part of content"),
        (("hue", "image"), "switched", "a factor of its own"),
        (("hue", "class"), "switched", "not varied by itself"),
        (PLAIN, "published", "drawn anew for every evaluation"),
    ],
)
def test_the_image_is_a_factor_or_hidden(factors: tuple[str, ...], law: str, image: str) -> None:
    table = described(ours(factors, law=law, stretch=law == "published"), ours())
    assert table.loc["image", "in_a"] == image
    assert table.loc["stretch", "same"] == (law == "switched")


def test_what_is_not_stated_anywhere_is_not_the_same() -> None:
    table = described(ours(ranges={"hue": [0, 0.1]}), ours())
    assert table.loc["ranges"].iloc[-3:].tolist() == ["hue 0, 0.1", UNKNOWN, False]
    assert {*table.index[~table["same"]]} == {"ranges"}
