"""The opened network: what it is shown, what it is asked, and by what it is measured."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from opened import digit_files
from spatial_study import CLASSES, SIDE, convolutions, subject

from actsense.data.build import build_cache
from actsense.data.pixels import unit_images
from actsense.data.settings import Digits
from actsense.errors import ConfigError
from actsense.networks.compact import CompactNetwork
from actsense.networks.opening import open_subject, open_subjects
from actsense.networks.state import save_state
from actsense.networks.subject import Versions

PAGE = Path(__file__).parents[2] / "docs/api.md"


def test_logits_are_those_of_the_module_on_normalised_images() -> None:
    own = subject(batch_size=5)
    rows = np.array([7, 3])
    images = own.read(rows)
    normalised = (images - torch.tensor(own.network.mean).view(3, 1, 1)) / torch.tensor(
        own.network.std
    ).view(3, 1, 1)
    torch.testing.assert_close(own.logits(images), own.network.module(normalised))
    np.testing.assert_array_equal((images * 255).round().numpy(), own.images.read(rows))


def test_gradients_pass_also_after_predictions() -> None:
    own = subject()
    images = own.read(np.arange(2))
    own.logits(images)
    images.requires_grad_()
    (gradient,) = torch.autograd.grad(own(images).sum(), images)
    assert gradient.abs().sum() > 0


def test_the_gradient_of_a_linear_network_is_its_weights_over_the_scale() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIDE**2, CLASSES))
    own = subject(module)
    tap, images = own.tap(["1", "logits"]), own.read(np.arange(3))
    weights = module[1].weight[2].view(3, SIDE, SIDE)
    for scalar_of in (
        lambda shown: own(shown)[:, 2].sum(),
        lambda shown: tap(shown)["1"][:, 2].sum(),
        lambda shown: tap(shown)["logits"][:, 2].sum(),
    ):
        found = own.gradient(images, scalar_of)
        torch.testing.assert_close(found, (weights / 0.25).expand_as(found))
    normalised = own.gradient(own.normalise(images), lambda z: own.run(z)[:, 2].sum())
    torch.testing.assert_close(normalised, weights.expand_as(normalised))
    assert not images.requires_grad


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_answers_are_the_logits_of_every_row(batch_size: int) -> None:
    own, rows = subject(batch_size=batch_size), np.array([5, 40, 3, 3, 20, 11, 7, 8])
    expected = own.logits(own.read(rows))
    torch.testing.assert_close(own.answers(rows), expected, rtol=1e-5, atol=1e-5)
    assert own.predictions(rows).tolist() == expected.argmax(dim=1).tolist()


def test_rows_that_do_not_fit_are_shown_again_in_smaller_batches() -> None:
    own, rows, shown = subject(batch_size=8), np.arange(10), []

    def work(images: torch.Tensor, part: slice) -> None:
        if len(images) > 3:
            raise torch.OutOfMemoryError
        assert torch.equal(images, own.read(rows[part]))
        shown.extend(range(part.start, part.stop))

    own.over(rows, work)
    assert shown == list(range(10))
    assert own.memory.size == 2


@pytest.mark.parametrize("batch_size", [1, 4, 7, 100])
def test_versions_come_image_by_image_and_images_are_read_once_in_a_row(batch_size: int) -> None:
    own, rows, reads = subject(batch_size=batch_size), np.array([9, 2, 31]), []
    own_read = own.images.read
    own.images.read = lambda wanted: (reads.append(wanted.tolist()), own_read(wanted))[1]

    def work(shown: Versions) -> torch.Tensor:
        expected = unit_images(own_read(rows[shown.image.numpy()]))
        assert torch.equal(shown.images[shown.place], expected)
        return 100 * shown.image + shown.version

    found = own.over_versions(rows, 8, work)
    assert found.tolist() == [[*range(100 * image, 100 * image + 8)] for image in range(3)]
    if batch_size in (1, 4):
        assert reads == [[9], [2], [31]]


def test_images_are_labelled_by_their_class_where_outputs_are_classes() -> None:
    own = subject()
    rows, labels = own.validation(20)
    assert own.label == "class"
    known = {int(row): k for k, group in enumerate(own.pool.rows[1]) for row in group}
    assert labels.tolist() == [known[int(row)] for row in rows]


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_other_outputs_are_labelled_by_what_the_network_says(batch_size: int) -> None:
    own = subject(convolutions(CLASSES + 3), batch_size=batch_size)
    rows, labels = own.validation(20)
    assert own.label == "prediction"
    assert len(own.classes) == CLASSES + 3
    assert len(set(labels.tolist())) > 1
    np.testing.assert_array_equal(labels, own.logits(own.read(rows)).argmax(dim=1).numpy())


def test_labels_are_the_outputs_that_the_classes_are() -> None:
    names = ("other", "class 2", "none", "class 0", "more", "class 1")  # class 3 is none of them
    own = subject(convolutions(6), outputs=names)
    rows, labels = own.validation(20)
    assert labels.tolist() == [[3, 5, 1, -1][row % CLASSES] for row in rows]
    rows, labels = own.labelled(20)
    assert len(rows) == 20
    assert labels.tolist() == [[3, 5, 1, -1][row % CLASSES] for row in rows]
    assert labels.min() == 1
    assert own.classes == [*names]


class Level(torch.nn.Module):
    """Tells exactly which of twelve levels of gray an image has, by its number."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Score every level by how near it is."""
        return -((images.mean((1, 2, 3))[:, None] * 13 - 1 - torch.arange(12)) ** 2)


@pytest.mark.parametrize("trained", ["by number", "by text"])
def test_images_decide_between_the_orders_of_folders_called_by_numbers(trained: str) -> None:
    labels = np.arange(48) % 12
    names = sorted(map(str, range(12)))
    levels = np.array([*map(int, names)]) if trained == "by number" else np.arange(12)
    gray = np.rint(255 * (levels[labels] + 1) / 13).astype(np.uint8)
    pixels = np.broadcast_to(gray[:, None, None, None], (48, 3, SIDE, SIDE))
    own = subject(Level(), pixels, labels, normalised=False)
    own.images.class_names = names
    rows, found = own.validation(48)
    np.testing.assert_array_equal(found, own.predictions(rows))
    assert (
        own.outputs.basis
        == {
            "by number": "the numbers of the classes",
            "by text": "the order of the classes",
        }[trained]
    )


def test_one_output_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"two classes at least.*net has 1 outputs"):
        subject(convolutions(1)).validation(2)


def test_a_subject_is_opened_from_files(tmp_path: Path) -> None:
    files, network = digit_files(tmp_path)
    own = open_subject(
        files.images,
        files.manifest,
        files.weights,
        {"network": ["one", network], "seed": 1, "precision": "float32"},
        batch_size=16,
        device=torch.device("cpu"),
    )
    rows, labels = own.validation(30)
    assert (own.images.manifest["partition"].iloc[rows] == "validation").all()
    np.testing.assert_array_equal(own.images.manifest["label"].iloc[rows], labels)
    assert np.bincount(labels).tolist() == [3] * 10


def test_several_subjects_share_their_images(tmp_path: Path) -> None:
    files, network = digit_files(tmp_path)
    settings = {
        name: {"network": [name, network], "seed": 1, "precision": precision}
        for name, precision in (("one", "float32"), ("two", "bfloat16"))
    }
    opened = open_subjects(
        *(files.images, files.manifest, [files.weights] * 2, settings.values()),
        batch_size=16,
        device=torch.device("cpu"),
    )
    assert {name: (own.network.name, own.precision) for name, own in opened.items()} == {
        "one": ("one", "float32"),
        "two": ("two", "bfloat16"),
    }
    assert opened["one"].images is opened["two"].images


def test_the_example_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an untrained network in the place of the demo's."""
    (block,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
        if "open_subject" in block
    )
    made = tmp_path / "results/digits"
    for folder in (made / "data", made / "small"):
        folder.mkdir(parents=True)
    paths = made / "data/images.zarr", made / "data/manifest.csv"
    build_cache(Digits(validation_fraction=0.1, patches_per_digit=1), 1, *paths)
    save_state(CompactNetwork(10), made / "small/weights.pt")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["slope"].shape == names["images"].shape == (8, 3, 32, 32)
    assert names["slope"].abs().sum() > 0
    assert set(names["activations"]) == {"stage2", "logits"}
