"""Strips of saliency maps show the images, and the maps of every network at their own scale."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from actsense.drawing.style import save
from actsense.spatial.saliency.figures import plot_saliency, saliency_strips
from actsense.store import write_results

LEVELS, IMAGES, SIDE = (2.0, 1024.0), 3, 10
NETWORKS = ("net", "bag")


def maps(seed: int) -> xr.Dataset:
    generator = np.random.default_rng(seed)
    shape = (len(LEVELS), IMAGES, SIDE, SIDE)
    pixels = np.random.default_rng(0).integers(0, 256, size=(*shape[:2], 3, *shape[2:]))
    names = np.array([f"class {seed}{number}" for number in range(2 * IMAGES)], dtype=object)
    return xr.Dataset(
        {
            "pixels": (("level", "image", "rgb", "row", "col"), pixels.astype(np.uint8)),
            "gradient": (("level", "image", "row", "col"), generator.exponential(size=shape)),
            "smoothgrad": (("level", "image", "row", "col"), generator.exponential(size=shape)),
        },
        coords={
            "level": list(LEVELS),
            "label": ("image", np.array(["ant", "bee", "cow"], dtype=object)),
            "prediction": (("level", "image"), names.reshape(2, IMAGES)),
        },
    )


def measured(networks: tuple[str, ...] = NETWORKS) -> dict[str, xr.Dataset]:
    return {name: maps(seed) for seed, name in enumerate(networks)}


def panels(figure: Figure) -> np.ndarray:
    """Return the axes, (image, level, column)."""
    return np.reshape(figure.axes, (IMAGES, len(LEVELS), -1))


def test_every_strip_starts_with_its_image() -> None:
    data = measured()
    axes = panels(saliency_strips(data, title="t"))
    for (image, level), axis in np.ndenumerate(axes[:, :, 0]):
        expected = data["net"]["pixels"].to_numpy()[level, image].transpose(1, 2, 0)
        np.testing.assert_array_equal(axis.images[0].get_array(), expected)


def test_maps_follow_in_the_order_of_the_networks() -> None:
    data = measured()
    axes = panels(saliency_strips(data, title="t"))
    names = [axis.get_title() for axis in axes[0, 0]]
    assert names == ["image", *(f"{n}\n{m}" for n in NETWORKS for m in ("gradient", "SmoothGrad"))]
    order = [(network, method) for network in NETWORKS for method in ("gradient", "smoothgrad")]
    for column, (network, method) in enumerate(order, start=1):
        for (image, level), axis in np.ndenumerate(axes[:, :, column]):
            expected = data[network][method].to_numpy()[level, image]
            np.testing.assert_array_equal(axis.images[0].get_array(), expected)


def test_a_map_is_clipped_at_a_quantile_of_its_own() -> None:
    data = measured()
    axes = panels(saliency_strips(data, title="t"))
    strength = data["bag"]["smoothgrad"].to_numpy()[1, 2]
    limits = axes[2, 1, -1].images[0].get_clim()
    np.testing.assert_allclose(limits, (0, np.percentile(strength, 99)))


def test_evidence_is_signed_and_shown_where_there_is_some() -> None:
    data = measured()
    data["bag"]["evidence"] = data["bag"]["gradient"] - 1
    figure = saliency_strips(data, title="t")
    axes = panels(figure)
    titles = [axis.get_title() for axis in axes[0, 0]]
    assert titles[1:3] == ["net\ngradient", "net\nSmoothGrad"]
    assert titles[-1] == "bag\nevidence"
    evidence = data["bag"]["evidence"].to_numpy()[1, 2]
    image = axes[2, 1, -1].images[0]
    np.testing.assert_array_equal(image.get_array(), evidence)
    largest = np.percentile(abs(evidence), 99)
    np.testing.assert_allclose(image.get_clim(), (-largest, largest))


def test_strips_say_label_level_and_predictions() -> None:
    axes = panels(saliency_strips(measured(), title="t"))
    assert axes[1, 0, 0].get_ylabel() == "label bee\nuntouched"
    assert axes[2, 1, 0].get_ylabel() == "label cow\nsaturation 1024"
    said = [axis.get_xlabel() for axis in axes[0, 1]]
    assert said == ["", "says class 03", "", "says class 13", ""]


def test_what_a_network_says_of_a_class_that_is_no_output_is_no_label() -> None:
    data = measured(("net",))
    labels = np.array(["ant", "none (crash helmet)", "cow"], dtype=object)
    data["net"] = data["net"].assign_coords(label=("image", labels))
    axes = panels(saliency_strips(data, title="t"))
    assert axes[1, 0, 0].get_ylabel() == "no label; crash helmet\nuntouched"
    assert axes[2, 0, 0].get_ylabel() == "label cow\nuntouched"


@pytest.mark.parametrize("networks", [("net",), tuple(f"net {n}" for n in range(5))])
def test_stores_become_one_figure(tmp_path: Path, networks: tuple[str, ...]) -> None:
    data = measured(networks)
    stores = {name: tmp_path / f"{name}.zarr" for name in networks}
    for name, store in stores.items():
        write_results(store, {"": data[name]}, attributes={})
    drawn, expected = tmp_path / "drawn.png", tmp_path / "expected.png"
    plot_saliency(stores, drawn, title="t", dpi=40)
    save(saliency_strips(data, title="t"), expected, dpi=40)
    assert drawn.read_bytes() == expected.read_bytes()
