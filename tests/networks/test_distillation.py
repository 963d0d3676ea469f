"""A student comes nearer to its teacher than labels alone bring it, and learns as exactly."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from opened import noise_files
from torch import Tensor
from torch.nn import functional

from actsense.data.cache import ImageCache
from actsense.errors import ConfigError
from actsense.networks.distillation import Distillation, Teacher, _averaged
from actsense.networks.network import build_module, load_network
from actsense.networks.settings import Trained, read_network
from actsense.networks.state import read_state
from actsense.networks.training import Training, train_checkpoint, train_network

CPU = torch.device("cpu")
PLAIN = {"kind": "trained", "width": 4, "epochs": 3, "batch_size": 20}
WIDER = PLAIN | {"width": 6, "epochs": 1}  # far from sure: there is something to imitate
STUDENT = PLAIN | {"teacher": "old", "distil_weight": 1.0, "distil_temperature": 1}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return noise_files(tmp_path_factory.mktemp("noise"))


def teaching(files: tuple[Path, Path], folder: Path, **changes: Any) -> Teacher:
    """Train a wider network, and open it."""
    own = WIDER | changes
    training = Training({"name": "old", **own}, ImageCache.open(*files), 9)
    weights, _ = trained(training, folder)
    settings = {"network": ["old", own], "seed": 1, "precision": "float32"}
    return Teacher.opened(*files, weights, settings, batch_size=16, device=CPU)


@pytest.fixture(scope="module")
def teacher(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """Open a network that was trained a little, and so is often wrong."""
    return teaching(files, tmp_path_factory.mktemp("teacher"))


def student(files: tuple[Path, Path], teacher: Teacher | None, **changes: Any) -> Training:
    settings = {"name": "new", **(STUDENT if teacher else PLAIN), **changes}
    return Training(settings, ImageCache.open(*files), 1, teacher=teacher)


def trained(training: Training, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Train; return the weights and the card."""
    folder.mkdir(exist_ok=True)
    weights, card = folder / "weights.pt", folder / "card.json"
    train_network(training, weights, card)
    return weights, json.loads(card.read_text())


def logits(weights: Path, settings: dict[str, Any], cache: ImageCache) -> Tensor:
    network = load_network("x", read_network(settings), weights, classes=2, image_size=16)
    images = torch.from_numpy(cache.read(cache.partition_rows("validation"))).float() / 255
    return network.module((images - 0.5) / 0.25)


def test_a_student_agrees_with_its_teacher_more_than_labels_make_it(
    files: tuple[Path, Path], teacher: Teacher, tmp_path: Path
) -> None:
    cache, known = ImageCache.open(*files), teacher.subject
    said = known.logits(known.read(cache.partition_rows("validation"))).log_softmax(dim=1)
    distances = []
    for name, own in (("taught", teacher), ("alone", None)):
        weights, _ = trained(student(files, own), tmp_path / name)
        found = logits(weights, PLAIN, cache).log_softmax(dim=1)
        distances.append(functional.kl_div(found, said, reduction="batchmean", log_target=True))
    taught, alone = distances
    assert taught < 0.5 * alone


@pytest.mark.parametrize("distil", ["logits", "stage2", "hidden"])
def test_a_teacher_without_weight_changes_no_bit(
    files: tuple[Path, Path], teacher: Teacher, tmp_path: Path, distil: str
) -> None:
    plain, _ = trained(student(files, None), tmp_path / "plain")
    taught, _ = trained(
        student(files, teacher, distil=distil, distil_weight=0.0), tmp_path / "taught"
    )
    assert taught.read_bytes() == plain.read_bytes()


def test_features_come_nearer_to_those_of_the_teacher(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    teacher = teaching(files, tmp_path / "teacher", epochs=6)
    images = teacher.subject.read(ImageCache.open(*files).partition_rows("validation"))
    (wanted,) = teacher.subject.tap(["stage3"])(images).values()
    left = []
    for name, own in (("taught", teacher), ("alone", None)):
        changes = {"distil": "stage3"} if own else {}
        training = student(files, own, width=6, epochs=8, learning_rate=0.02, **changes)
        weights, _ = trained(training, tmp_path / name)
        module = load_network("x", training.chosen, weights, classes=2, image_size=16).module
        found = module.stage3(module.stage2(module.stage1((images - 0.5) / 0.25)))
        left.append(float((found - wanted).square().mean() / wanted.var()))
    assert left[0] < 0.5
    assert left[0] < 0.1 * left[1]


def test_the_card_says_who_the_teacher_was_and_what_was_learned(
    files: tuple[Path, Path], teacher: Teacher, tmp_path: Path
) -> None:
    weights, card = trained(student(files, teacher, distil="stage2"), tmp_path)
    assert card["teacher"] == {
        "teacher": "old",
        "distil": "stage2",
        "teacher_layer": None,
        "distil_temperature": 1,
        "distil_weight": 1.0,
        "sha256": teacher.sha256,
    }
    assert {*read_state(weights)} == {
        *build_module("x", read_network(PLAIN), classes=2).state_dict()
    }


@pytest.mark.parametrize("distil", ["logits", "stage2"])
def test_a_student_goes_on_from_a_checkpoint_with_the_same_bits(
    files: tuple[Path, Path], teacher: Teacher, tmp_path: Path, distil: str
) -> None:
    training = student(files, teacher, distil=distil)
    straight, _ = trained(training, tmp_path / "straight")
    checkpoint, weights = tmp_path / "epoch_2.pt", tmp_path / "weights.pt"
    train_checkpoint(training, checkpoint, epoch=2)
    train_network(training, weights, tmp_path / "card", checkpoints=[checkpoint])
    assert weights.read_bytes() == straight.read_bytes()


def test_a_checkpoint_of_another_teacher_is_refused(
    files: tuple[Path, Path], teacher: Teacher, tmp_path: Path
) -> None:
    train_checkpoint(student(files, teacher), tmp_path / "c.pt", epoch=1)
    other = replace(teacher, sha256="0")
    for training in (student(files, other), student(files, None)):
        with pytest.raises(ConfigError, match="a checkpoint of another training"):
            train_network(
                training, tmp_path / "w.pt", tmp_path / "card", checkpoints=[tmp_path / "c.pt"]
            )


def test_a_student_may_teach(files: tuple[Path, Path], teacher: Teacher, tmp_path: Path) -> None:
    weights, _ = trained(student(files, teacher, epochs=1), tmp_path / "first")
    settings = {"network": ["new", STUDENT], "seed": 1, "precision": "float32"}
    own = Teacher.opened(*files, weights, settings, batch_size=16, device=CPU)
    _, card = trained(student(files, own, epochs=1), tmp_path / "second")
    assert card["teacher"]["sha256"] == own.sha256


def distillation(teacher: Teacher, seed: int = 1, **changes: Any) -> Distillation:
    settings = Trained(**STUDENT | changes)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module, images = build_module("new", settings, classes=2), torch.rand(2, 3, 16, 16)
    return Distillation("new", settings, module, teacher, images, seed)


@pytest.mark.parametrize("temperature", [1, 4])
def test_the_loss_of_logits_is_that_of_hinton(teacher: Teacher, temperature: float) -> None:
    """Cross-entropy of softened probabilities, less what no student can lower."""
    own = distillation(teacher, distil_temperature=temperature, distil_weight=0.75)
    generator = torch.Generator().manual_seed(1)
    images, labels = torch.rand(6, 3, 16, 16, generator=generator), torch.arange(6) % 2
    z = (images - 0.5) / 0.25
    module = own._module.eval()
    module.classifier.weight.data *= 100  # as sure of itself as others are
    student_logits, teacher_logits = module(z).double(), teacher.subject.logits(images).double()
    soft = (teacher_logits / temperature).softmax(dim=1)
    cross = -(soft * (student_logits / temperature).log_softmax(dim=1)).sum(dim=1)
    entropy = -(soft * soft.log()).sum(dim=1)
    plain = functional.cross_entropy(student_logits, labels)
    expected = 0.25 * plain + 0.75 * temperature**2 * (cross - entropy).mean()
    found = own.loss(z, labels, images).double()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert temperature**2 * (cross - entropy).mean() > 0.005


def test_the_adapter_is_the_same_again_and_only_where_widths_differ(teacher: Teacher) -> None:
    one, same, other = (distillation(teacher, seed, distil="stage2") for seed in (1, 1, 2))
    weights = [own.adapter.weight for own in (one, same, other)]  # type: ignore[union-attr]
    assert weights[0].shape == (12, 8)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert distillation(teacher, distil="stage2", width=6).adapter is None
    across = distillation(teacher, distil="hidden", teacher_layer="stage3")
    assert across.adapter.weight.shape == (24, 32)  # type: ignore[union-attr]


def test_looking_at_shapes_leaves_the_student_as_it_was(teacher: Teacher) -> None:
    settings = Trained(**STUDENT | {"distil": "stage2"})
    module = build_module("new", settings, classes=2).train()
    before = {name: values.clone() for name, values in module.state_dict().items()}
    Distillation("new", settings, module, teacher, torch.rand(2, 3, 16, 16), 1)
    assert module.training
    assert all(torch.equal(values, before[name]) for name, values in module.state_dict().items())


@pytest.mark.parametrize(("side", "grid"), [((8, 8), [4, 2]), ((7, 5), [3, 5]), ((4, 4), [4, 4])])
def test_maps_are_averaged_as_adaptive_pooling_does(
    side: tuple[int, int], grid: list[int]
) -> None:
    maps = torch.rand(2, 3, *side)
    expected = functional.adaptive_avg_pool2d(maps, (grid[0], grid[1]))
    torch.testing.assert_close(_averaged(maps, grid), expected)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"distil": "stage9"}, r"networks\.new\.distil: 'stage9' is not known\. Nearest: stage"),
        ({"distil": "stage2", "teacher_layer": "st"}, r"networks\.old\.layers: 'st' is not known"),
    ],
)
def test_layers_that_there_are_not_are_refused(
    teacher: Teacher, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        distillation(teacher, **changes)


def test_outputs_that_are_no_classes_teach_by_layers_alone(teacher: Teacher) -> None:
    images = torch.rand(2, 3, 16, 16)
    network = replace(teacher.subject.network, outputs=("tench", "goldfish"))
    foreign = replace(teacher, subject=replace(teacher.subject, network=network))
    with pytest.raises(ConfigError, match=r"networks\.old: .* Name a layer as `distil`, or"):
        distillation(foreign).loss(images, torch.arange(2), images)
    assert distillation(foreign, distil="stage2").adapter is not None


def test_what_is_not_said_of_a_teacher_is_not_in_the_settings() -> None:
    """Networks without one keep the settings that they had, and so their weights."""
    plain = Trained().plain()
    assert not {"teacher", "distil", "teacher_layer", "distil_temperature", "distil_weight"} & {
        *plain
    }
    assert Trained(teacher="old").plain() == plain | {"teacher": "old"}
