"""The tested network: what it is shown, what it is asked, and by what it is measured."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from spatial_study import CLASSES, classifier, convolutions

from actsense.errors import ConfigError
from actsense.networks import import_weights
from actsense.networks.classifier import open_classifier


def test_logits_are_those_of_the_module_on_normalised_images() -> None:
    own = classifier(batch_size=5)
    rows = np.array([7, 3])
    images = own.read(rows)
    normalised = (images - torch.tensor(own.network.mean).view(3, 1, 1)) / torch.tensor(
        own.network.std
    ).view(3, 1, 1)
    torch.testing.assert_close(own.logits(images), own.network.module(normalised))
    np.testing.assert_array_equal((images * 255).round().numpy(), own.cache.read(rows))


def test_gradients_pass_also_after_predictions() -> None:
    own = classifier()
    images = own.read(np.arange(2))
    own.logits(images)
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(own(images).sum(), images)
    assert gradient.abs().sum() > 0


def test_images_are_labelled_by_their_class_where_outputs_are_classes() -> None:
    own = classifier()
    rows, labels = own.validation(20)
    assert own.label == "class"
    known = {int(row): k for k, group in enumerate(own.pool.rows[1]) for row in group}
    assert labels.tolist() == [known[int(row)] for row in rows]


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_other_outputs_are_labelled_by_what_the_network_says(batch_size: int) -> None:
    own = classifier(convolutions(CLASSES + 3), batch_size=batch_size)
    rows, labels = own.validation(20)
    assert own.label == "prediction"
    assert len(own.classes) == CLASSES + 3
    assert len(set(labels.tolist())) > 1
    np.testing.assert_array_equal(labels, own.logits(own.read(rows)).argmax(dim=1).numpy())


def test_one_output_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"two classes at least.*net has 1 outputs"):
        classifier(convolutions(1)).validation(2)


def test_a_classifier_is_opened_from_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    from actsense.data import build_cache

    folder = tmp_path_factory.mktemp("classifier")
    paths = SimpleNamespace(**{name: folder / name for name in ("images", "manifest", "weights")})
    dataset = {"kind": "digits", "image_size": 32, "validation_fraction": 0.1}
    build_cache(dataset | {"patches_per_digit": 1}, 1, paths.images, paths.manifest)
    network = {"kind": "python", "factory": "actsense.networks.compact:CompactNetwork"}
    network |= {"arguments": {"classes": 10, "width": 1}, "weights": "none"}
    import_weights(network, 0, 10, paths.weights, folder / "card")
    own = open_classifier(
        *(paths.images, paths.manifest, paths.weights),
        {"network": ["one", network], "seed": 1, "precision": "float32"},
        batch_size=16,
        device=torch.device("cpu"),
    )
    rows, labels = own.validation(30)
    assert (own.cache.manifest["partition"].iloc[rows] == "validation").all()
    np.testing.assert_array_equal(own.cache.manifest["label"].iloc[rows], labels)
    assert np.bincount(labels).tolist() == [3] * 10
