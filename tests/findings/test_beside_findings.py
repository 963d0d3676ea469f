"""What the studies beside the indices found, from planted rows."""

from pathlib import Path
from typing import Any

import pytest
from found_study import said, table

Row = dict[str, Any]


def points(network: str, layer: str, ratio: float, **other: Any) -> Row:
    """Return knowledge points whose interval over images is wider than that over points."""
    ends = {"ratio_low": ratio - 0.01, "ratio_high": ratio + 0.01}
    wide = {"ratio_boot_low": ratio - 0.1, "ratio_boot_high": ratio + 0.1}
    chosen = {"configured": True, "state": "final"}
    return {"network": network, "layer": layer, "ratio": ratio, **ends, **wide, **chosen, **other}


def test_patterns_are_told_of_where_images_tell_layers_apart(folder: Path) -> None:
    rows = [
        *(points("net", "stem", 0.9, configured=False), points("net", "stem", 0.9, state="epoch")),
        *(points("net", "stem", 0.2), points("net", "middle", 0.3), points("net", "head", 0.5)),
        *(points("other", "stem", 0.5), points("other", "head", 0.2)),
        *(points("flat", "stem", 0.3), points("flat", "head", 0.45)),
    ]
    table(folder / "patterns", "knowledge_points", rows)
    assert said(folder, "patterns") == [
        "In net, 20 % (10 to 30) of the knowledge points of stem point to the image's class, and "
        "50 % (40 to 60) of those of head. In other, 50 % (40 to 60) of the knowledge points of "
        "stem point to the image's class, and 20 % (10 to 30) of those of head."
    ]
    table(folder / "patterns", "knowledge_points", rows[-2:])
    assert said(folder, "patterns") == []


def attack(network: str, attacked: float) -> Row:
    ends = {"accuracy_attacked": attacked, "accuracy_attacked_low": attacked - 0.1}
    ends |= {"accuracy_attacked_high": attacked + 0.1}
    clean = {"accuracy_clean": 0.9, "accuracy_clean_low": 0.8, "accuracy_clean_high": 1.0}
    return {"network": network, "norm": "linf", "epsilon": 0.03, **clean, **ends}


def test_attacks_are_told_of_where_they_cost(folder: Path) -> None:
    table(folder / "patterns", "attacks", [attack("net", 0.2), attack("firm", 0.75)])
    assert said(folder, "patterns") == [
        "Under attack, net falls from 90 % (80 to 100) to 20 % (10 to 30) right (linf, 0.03)."
    ]
    table(folder / "patterns", "attacks", [attack("firm", 0.75)])
    assert said(folder, "patterns") == []


@pytest.mark.parametrize(("low", "told"), [(0.1, True), (-0.1, False)])
def test_lost_pictures_are_told_of_where_their_difference_is_sure(
    folder: Path, low: float, told: bool
) -> None:
    common = {"network": "net", "factor": "hue"}
    rows: list[Row] = [
        {"role": "most", "lost": 0.76, "low": 0.7, "high": 0.8, **common},
        {"role": "least", "lost": 0.33, "low": 0.2, "high": 0.5, **common},
        {"role": "difference", "lost": 0.43, "low": low, "high": 0.6, **common},
    ]
    table(folder / "featvis", "picture_losses", rows)
    text = (
        "Pictures made for the units that feel `hue` most lose 76 % (70 to 80) of their drive "
        "over its range, those of units that feel it least 33 % (20 to 50)."
    )
    assert said(folder, "featvis") == [text] * told
    table(folder / "featvis", "picture_losses", rows[:2])
    assert said(folder, "featvis") == []


def kept(layer: str, measure: str, value: float, **other: Any) -> Row:
    ends = {"value": value, "low": value - 0.05, "high": value + 0.05}
    chosen = {"network": "net", "state": "trained", "limited": False}
    return {"layer": layer, "measure": measure, **ends, **chosen, **other}


FREE = "explained_latent"


def test_what_layers_leave_free_is_told_with_what_samples_keep(folder: Path) -> None:
    rows = [
        *(kept("stem", FREE, 0.2), kept("middle", FREE, 0.5), kept("head", FREE, 0.8)),
        kept("head - stem", FREE, 0.6),
        *(kept("stem", FREE, 0.9, state="random"), kept("head", "explained_pixel", 0.1)),
        *(kept("head", "agreement", 0.7), kept("head", "agreement_floor", 0.1)),
        kept("head", "agreement", 0.11, state="random"),
    ]
    table(folder / "invariance", "invariance_kept", rows)
    free = "Of what images differ by, stem leaves 20 % (15 to 25) free and head 80 % (75 to 85)."
    faithful = (
        "Samples of head get the class of their image in 70 % (65 to 75) of cases, those of other "
        "images in 10 %."
    )
    assert said(folder, "invariance") == [f"{free} {faithful}"]

    table(folder / "invariance", "invariance_kept", [*rows[:-3], rows[6] | {"value": 0.1}])
    assert said(folder, "invariance") == [free]  # nothing to compare with
    blurred = [kept("head", "agreement", 0.15), kept("head", "agreement_floor", 0.1)]
    limited = kept("head", FREE, 0.8, limited=True)
    table(folder / "invariance", "invariance_kept", [rows[0], limited, *blurred])
    assert said(folder, "invariance") == [f"{free} The autoencoder limits what is said of head."]
    table(folder / "invariance", "invariance_kept", [rows[0], kept("head", FREE, 0.25)])
    assert said(folder, "invariance") == []
    table(folder / "invariance", "invariance_kept", rows[2:3])
    assert said(folder, "invariance") == []  # one layer
