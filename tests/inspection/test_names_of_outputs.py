"""Units of the output are called by the classes that predictions call them by."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from torchvision.models import AlexNet_Weights

from actsense.inspection import open_study
from actsense.inspection.network_facts import validation_accuracy
from actsense.inspection.output_names import output_names

IMAGENET = AlexNet_Weights.DEFAULT.meta["categories"]
TRAINED = {"kind": "trained", "architecture": "compact", "epochs": 1}
RESNET = {"kind": "torchvision", "model": "resnet18"}
OWN = {"kind": "python", "factory": "nets.py:build", "weights": "own.pt"}


def named(
    settings: dict[str, Any] | None,
    count: int,
    *,
    masks: Sequence[str] | None = None,
    masked: str = "here",
    layer: str = "fc",
    classes: Sequence[str] = ("cat", "dog"),
    card: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the names of the outputs of a network with some settings."""
    coords = {} if masks is None else {"class": pd.Series(masks)}

    def run(design: str) -> SimpleNamespace:
        return SimpleNamespace(
            layers=("conv", "fc"),
            network="net",
            design=design,
            layer=lambda _: SimpleNamespace(sizes={"unit": count}),
            has=lambda _: masks is not None and design == masked,
            masking=SimpleNamespace(coords=coords),
        )

    class Study(dict[Any, SimpleNamespace]):
        images = SimpleNamespace(class_names=[*classes])

        def designs(self, _: str) -> tuple[str, ...]:
            return ("here", "there")

    known = ({} if settings is None else {"settings": settings}) | dict(card or {})
    study = Study({("net", name): run(name) for name in ("here", "there")})
    study["net"] = SimpleNamespace(card=known)
    return output_names(study, study["net", "here"], layer)


@pytest.mark.parametrize(
    ("settings", "count", "further", "names"),
    [
        (TRAINED, 2, {}, ["cat", "dog"]),
        (TRAINED, 3, {"card": {"classes": ["a", "b", "c"]}}, ["a", "b", "c"]),
        (TRAINED, 3, {}, []),  # an inner layer that was recorded last
        (TRAINED, 2, {"layer": "conv"}, []),
        (None, 2, {}, []),
        ({"kind": "of another version"}, 2, {}, []),
        (TRAINED, 2, {"masks": ["dog", "cat"]}, ["dog", "cat"]),
        (TRAINED, 3, {"masks": ["dog", "cat"]}, []),
        (TRAINED, 2, {"masks": ["dog", "cat"], "masked": "there"}, ["dog", "cat"]),
        (RESNET | {"weights": "none"}, 2, {}, ["cat", "dog"]),
        (RESNET | {"weights": "none"}, 4, {}, []),
        (RESNET | {"weights": "own.pth"}, 1000, {}, IMAGENET),
        (RESNET | {"weights": "IMAGENET1K_V1"}, 1000, {}, IMAGENET),
        (
            RESNET | {"weights": "IMAGENET1K_V1"},
            2,
            {},
            ["cat", "dog"],
        ),
        (OWN, 1000, {"classes": ["0", "1", "2"]}, IMAGENET),
        (OWN, 1000, {"classes": sorted(map(str, range(1000)))}, []),
        (OWN | {"outputs": ["elk", "dog", "ape"]}, 3, {}, ["elk", "dog", "ape"]),
        (OWN | {"outputs": ["elk", "dog", "ape"]}, 4, {}, []),
        # Ten is before two in the order of texts, and only images tell which order was meant.
        (OWN, 12, {"classes": sorted(map(str, range(12)))}, []),
        (OWN | {"outputs": "numbers"}, 3, {"classes": ["0", "2"]}, ["0", "1", "2"]),
    ],
)
def test_outputs_are_named_where_their_order_is_known(
    settings: dict[str, Any] | None, count: int, further: dict[str, Any], names: list[str]
) -> None:
    assert named(settings, count, **further) == names


@pytest.mark.parametrize(
    ("card", "rows", "accuracy"),
    [
        ({"accuracy": {"validation": 0.5}}, [("net", 1, "class", 0.75)], 0.5),
        (
            {},
            [("other", 1, "class", 0.1), ("net", 2, "class", 0.2), ("net", 1, "class", 0.75)],
            0.75,
        ),
        ({}, [("net", 1, "prediction", 1.0)], None),
        ({}, [], None),
    ],
)
def test_accuracy_is_that_of_the_card_or_of_intact_images(
    tmp_path: Path,
    card: dict[str, Any],
    rows: list[tuple[str, int, str, float]],
    accuracy: float | None,
) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/card.json").write_text(json.dumps(card))
    (tmp_path / "spatial/tables").mkdir(parents=True)
    if rows:
        table = pd.DataFrame(rows, columns=["network", "k", "label", "top1"])
        table.to_csv(tmp_path / "spatial/tables/shuffle_curves.csv", index=False)
    assert validation_accuracy(open_study(tmp_path), "net") == accuracy
