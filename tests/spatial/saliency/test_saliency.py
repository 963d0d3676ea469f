"""Saliency maps of saturated images."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from spatial_study import CLASSES, SIDE, convolutions, noise, subject
from torch import nn
from torch.nn import functional

from actsense.attribution.evidence import dense_evidence
from actsense.attribution.gradients import noise_keys, smoothgrad
from actsense.augment.saturation import saturate
from actsense.networks.bag import BagNetwork
from actsense.spatial.saliency.evaluate import saliency_maps
from actsense.spatial.saliency.settings import Saliency
from actsense.store import read_results, write_results

SETTINGS: dict[str, Any] = {"images": 4, "samples": 3, "spread": 0.1, "saturations": [2, 64]}


def maps(module: nn.Module | None = None, *, batch_size: int = 32, **changes: Any) -> xr.Dataset:
    own = subject(module, batch_size=batch_size)
    return saliency_maps(own, Saliency(**(SETTINGS | changes)), 0)[""]


def test_untouched_images_are_those_of_the_cache() -> None:
    found = maps().sel(level=2)
    np.testing.assert_array_equal(found["pixels"], noise()[found["dataset_row"].to_numpy()])


def test_saturated_images_are_what_the_network_says_something_of() -> None:
    found, own = maps(), subject()
    images = saturate(own.read(found["dataset_row"].to_numpy()), 64)
    pixels = found["pixels"].sel(level=64).to_numpy()
    np.testing.assert_allclose(pixels / 255, images, atol=0.5 / 255 + 1e-6)
    names = np.array(own.classes)[own.logits(images).argmax(dim=1).numpy()]
    np.testing.assert_array_equal(found["prediction"].sel(level=64), names)


def test_gradients_are_right_where_the_network_is_sure() -> None:
    module = convolutions()
    module[-1].bias.data = torch.tensor([20.0, 0.0, 0.0, 0.0])
    found, own = maps(module).sel(level=2).isel(image=0), subject(module.double())
    assert found["label"] == "class 0"
    image = own.read(found["dataset_row"].to_numpy()[None]).double().requires_grad_()
    logits = own.network.module((image - 0.5) / 0.25)
    assert logits.float().softmax(dim=1)[0, 0] == 1
    functional.cross_entropy(logits, torch.tensor([0])).backward()
    expected = 0.25 * image.grad.abs().sum(dim=1)[0]
    np.testing.assert_allclose(found["gradient"], expected, rtol=1e-3)


@pytest.mark.parametrize("level", [2, 64])
def test_the_gradient_is_that_of_the_cross_entropy(level: int) -> None:
    found, own = maps().sel(level=level), subject()
    row = found["dataset_row"].to_numpy()
    images = (saturate(own.read(row), level) - 0.5) / 0.25
    labels = torch.from_numpy(row % CLASSES)
    for image, label, each in zip(images, labels, found["gradient"].to_numpy(), strict=True):
        own_input = image[None].requires_grad_()
        functional.cross_entropy(own.network.module(own_input), label[None]).backward()
        expected = own_input.grad.abs().sum(dim=1)[0]
        np.testing.assert_allclose(each, expected, rtol=1e-4, atol=1e-7)


def test_smoothgrad_has_the_noise_of_the_settings_at_every_level() -> None:
    found, own = maps(), subject()
    row = found["dataset_row"].to_numpy()
    for level in (2, 64):
        expected = smoothgrad(
            *(own, saturate(own.read(row), level), torch.from_numpy(row % CLASSES)),
            noise_keys(0, row),
            samples=3,
            spread=0.1,
            objective=lambda x, y: functional.cross_entropy(x, y, reduction="sum"),
        )
        np.testing.assert_allclose(found["smoothgrad"].sel(level=level), expected, rtol=1e-5)


def test_smoothgrad_without_noise_is_the_gradient() -> None:
    found = maps(samples=1, spread=0.0)
    np.testing.assert_allclose(found["smoothgrad"], found["gradient"], rtol=1e-6)


def test_maps_do_not_depend_on_the_batch() -> None:
    for name, usual in maps().data_vars.items():
        np.testing.assert_allclose(maps(batch_size=1)[name], usual, rtol=1e-4, atol=1e-7)


def test_a_bag_shows_its_evidence_for_the_label() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = BagNetwork(CLASSES, width=2, receptive_field=5)
    found, own = maps(module).sel(level=2), subject(module)
    row = found["dataset_row"].to_numpy()
    expected = dense_evidence(own, own.read(row), torch.from_numpy(row % CLASSES))
    np.testing.assert_allclose(found["evidence"], expected, rtol=1e-5, atol=1e-7)
    assert "evidence" not in maps()


def test_networks_with_other_outputs_are_asked_about_their_own_predictions() -> None:
    found = maps(convolutions(outputs=7))
    assert found.attrs["label"] == "prediction"
    np.testing.assert_array_equal(found["label"], found["prediction"].sel(level=2))


def test_the_label_is_the_output_that_the_class_is() -> None:
    names = ("other", "class 2", "none", "class 0", "more", "class 1")  # class 3 is none of them
    own = subject(convolutions(6), outputs=names)
    found = saliency_maps(own, Saliency(**SETTINGS), 0)[""].sel(level=2)
    said = own.predictions(found["dataset_row"].to_numpy())
    for image, row in enumerate(found["dataset_row"].to_numpy()):
        kind = row % CLASSES
        output = int(said[image]) if kind == 3 else names.index(f"class {kind}")
        expected = f"none ({names[output]})" if kind == 3 else names[output]
        assert found["label"][image] == expected
        z = own.normalise(own.read(np.array([row]))).requires_grad_()
        loss = torch.nn.functional.cross_entropy(own.network.module(z), torch.tensor([output]))
        (gradient,) = torch.autograd.grad(loss, z)
        np.testing.assert_allclose(
            found["gradient"][image], gradient.abs().sum(1)[0], rtol=1e-3, atol=1e-6
        )


def test_maps_are_described_and_kept_in_a_store(tmp_path: Path) -> None:
    found = maps()
    write_results(tmp_path / "saliency.zarr", {"": found}, attributes={"seed": 0})
    kept = read_results(tmp_path / "saliency.zarr").to_dataset()
    assert kept.sizes == {"level": 2, "image": 4, "rgb": 3, "row": SIDE, "col": SIDE}
    for name, array in found.data_vars.items():
        np.testing.assert_array_equal(kept[name], array)
        assert kept[name].attrs["description"]
    np.testing.assert_array_equal(kept["prediction"], found["prediction"])
