"""Curves of masked networks hold the conditions they are named after."""

import dataclasses

import numpy as np
import pytest

from actsense.explorer.masks import MaskChoice, conditions_table, curves, unmasked
from actsense.inspection import RunResults

RULES = {
    "same map, positions permuted": "permuted",
    "least sensitive": "least",
    "replaced by their mean": "mean",
}
CHOICE = MaskChoice("ST", 0.5, "original", "kl")


def test_every_point_of_a_curve_is_the_condition_of_its_name(run: RunResults) -> None:
    data = run.masking.to_dataset()
    found = curves(conditions_table(run), CHOICE, "hue")
    for point in found[found["kind"] != "random"].itertuples():
        rule = RULES.get(point.curve, "top")
        if point.curve == "largest responses":
            wanted = data["rule"] == "magnitude"
        else:
            factor = "hue" if point.kind == "control" else point.curve
            wanted = (data["rule"] == rule) & (data["value"] == "ST") & (data["factor"] == factor)
        wanted &= data["input"] == "original"
        wanted &= data["scale"].isnull() if rule == "mean" else data["scale"] == 0.5
        one = data.isel(condition=wanted & np.isclose(data["fraction"], point.fraction))
        assert one.sizes["condition"] == 1
        assert (point.value, point.low, point.high) == tuple(
            one[name].item() for name in ("kl", "kl_low", "kl_high")
        )
    assert set(found.loc[found["kind"] == "factor", "curve"]) == set(run.augmentations)
    assert set(found["kind"]) == {"factor", "control", "random"}


def test_random_masks_become_a_band_of_their_extremes(run: RunResults) -> None:
    data = run.masking.to_dataset()
    found = curves(conditions_table(run), CHOICE, "hue")
    band = found[found["kind"] == "random"].set_index("fraction")
    random = (data["rule"] == "random") & (data["input"] == "original") & (data["scale"] == 0.5)
    draws = data["kl"].to_numpy()[random & (data["fraction"] == 0.3)]
    assert len(draws) == 20
    assert band.loc[0.3, ["low", "high"]].tolist() == [draws.min(), draws.max()]
    assert band.loc[0.3, "value"] == pytest.approx(draws.mean())


def test_an_augmented_input_has_its_own_level_without_masks(run: RunResults) -> None:
    data = run.masking.to_dataset()
    table = conditions_table(run)
    choice = dataclasses.replace(CHOICE, input="hue")
    wanted = (data["rule"] == "none") & (data["input"] == "hue")
    assert unmasked(table, choice) == data["kl"].to_numpy()[wanted].item()
    assert set(curves(table, choice, "hue")["kind"]) == {"factor", "control", "random"}
    assert np.isnan(unmasked(table, dataclasses.replace(CHOICE, input="nowhere")))
