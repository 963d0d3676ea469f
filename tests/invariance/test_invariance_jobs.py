"""The jobs of a study's invariances on a few digits, from images to the store of what is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from invariance_world import CPU, FLOW, LAYERS, SEED, SETTINGS, STATES, InvarianceWorld
from opened import digit_files

from actsense import work
from actsense.errors import ConfigError
from actsense.invariance.autoencoder import training as autoencoder_training
from actsense.invariance.autoencoder.card import AutoencoderCard
from actsense.invariance.autoencoder.opening import open_autoencoder
from actsense.invariance.evaluate import anchors
from actsense.invariance.evaluate import kept as measuring
from actsense.invariance.evaluate.autoencoder import chosen_images, write_autoencoder
from actsense.invariance.evaluate.flows import write_flow
from actsense.invariance.evaluate.memory import heed_autoencoder, latent_memory
from actsense.invariance.evaluate.representations import in_state, write_representations
from actsense.invariance.flow import course
from actsense.invariance.flow.opening import open_flow
from actsense.invariance.kept import comparison
from actsense.invariance.kept.explained import Spread
from actsense.invariance.kept.features import image_features
from actsense.invariance.kept.sampling import draw_samples, invariance_noise
from actsense.invariance.latents import read_latents
from actsense.invariance.recorded import LatentRows, latent_rows
from actsense.invariance.representations import Representation, open_representation
from actsense.invariance.stored import StoredInvariances
from actsense.networks import fitting
from actsense.networks.peak import measure_forward
from actsense.store import read_facts

World = InvarianceWorld


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make all but the store."""
    folder = tmp_path_factory.mktemp("world")
    made: World = World.made(folder / "made", *digit_files(folder))
    return made


@pytest.fixture(scope="module")
def stored(world: World) -> StoredInvariances:
    return world.measure(world.path("kept.zarr"))


def labels_of(world: World, rows: np.ndarray[Any, Any]) -> list[int]:
    return [int(label) for label in world.cache.manifest["label"].to_numpy()[rows]]


# Autoencoder and latents


def test_images_are_chosen_in_turn_from_every_class(world: World) -> None:
    rows = chosen_images(world.subject.pool, SETTINGS)
    partition = world.cache.manifest["partition"].to_numpy()
    assert len(rows.train) == len({*rows.train}) == 40
    assert len(rows.validation) == len({*rows.validation}) == 24
    assert {*partition[rows.train]} == {"train"}
    assert {*partition[rows.validation]} == {"validation"}
    for own in (rows.train, rows.validation):
        assert labels_of(world, own[:20]) == [*range(10)] * 2
    found = latent_rows(world.path("latents.zarr"))
    np.testing.assert_array_equal(found.train, rows.train)
    np.testing.assert_array_equal(found.validation, rows.validation)


def test_latents_are_what_the_saved_autoencoder_says(world: World) -> None:
    rows = latent_rows(world.path("latents.zarr")).all
    autoencoder = open_autoencoder(world.path("autoencoder.pt"), side=32)
    with torch.inference_mode():
        expected = autoencoder.encode(world.subject.read(rows))
    for found, known in zip(read_latents(world.path("latents.zarr"), rows), expected, strict=True):
        np.testing.assert_allclose(found, known.numpy(), atol=1e-5)


def test_another_judge_or_none_makes_another_autoencoder(world: World, tmp_path: Path) -> None:
    """And what one training kept is not what the other goes on from."""
    paths = tmp_path / "autoencoder.pt", tmp_path / "latents.zarr"
    own: dict[str, Any] = {"seed": SEED, "device": CPU, "batch_size": 32}
    write_autoencoder(*paths, world.cache, None, [], SETTINGS, **own)
    alone, judged = (
        open_autoencoder(path).last for path in (paths[0], world.path("autoencoder.pt"))
    )
    assert not torch.equal(alone, judged)


def test_too_few_images_are_told(world: World) -> None:
    pool = type(world.subject.pool)(
        (world.subject.pool.rows[0], (world.subject.pool.rows[1][0][:3],))
    )
    with pytest.raises(ConfigError, match=r"3 validation images. Allowed: 4 or more."):
        chosen_images(pool, SETTINGS)


# A job that was killed goes on


def interrupted(work: Callable[[], object], owner: Any, name: str, after: int) -> None:
    """Do some work until something was called more often than allowed."""
    calls, genuine = 0, getattr(owner, name)

    def counted(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KeyboardInterrupt
        return genuine(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, counted)
        with pytest.raises(KeyboardInterrupt):
            work()


def test_a_killed_autoencoder_goes_on_to_the_same_bits(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(fitting, "KEPT_EVERY", 0)
    loss = autoencoder_training.AutoencoderLoss
    interrupted(lambda: world.autoencoder(tmp_path), loss, "forward", 4)
    assert [path.name for path in tmp_path.iterdir()] == [".autoencoder.pt.state"]
    caplog.set_level("INFO")
    again = world.autoencoder(tmp_path)
    assert "Going on after step 4" in caplog.text
    assert again[0].read_bytes() == world.path("autoencoder.pt").read_bytes()
    rows = latent_rows(again[1]).all
    for found, known in zip(
        read_latents(again[1], rows), read_latents(world.path("latents.zarr"), rows), strict=True
    ):
        np.testing.assert_array_equal(found, known)
    assert not [*tmp_path.glob(".*.state")]


def test_a_killed_flow_goes_on_to_the_same_bits(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(course, "KEPT_EVERY", 0)
    interrupted(lambda: world.flow(tmp_path), course._Course, "descend", 3)
    assert [path.name for path in tmp_path.iterdir()] == [".trained_logits.pt.state"]
    caplog.set_level("INFO")
    path = world.flow(tmp_path)
    assert "Going on after step 3" in caplog.text
    assert path.read_bytes() == world.path("trained_logits.pt").read_bytes()
    card, known = (read_facts(own.with_suffix(".json")) for own in (path, world.path(path.name)))
    assert card == known
    assert not [*tmp_path.glob(".*.state")]


# Representations and flows


def test_states_are_those_of_the_same_network(world: World) -> None:
    trained, random = (in_state(world.subject, world.settings, state) for state in STATES)
    again = in_state(world.subject, world.settings, "random")
    read = in_state(world.subject, world.settings, "epoch_2", [Path(world.files.weights)])
    images = world.subject.read(np.arange(4))
    assert trained is world.subject
    assert torch.equal(random.logits(images), again.logits(images))
    assert not torch.allclose(random.logits(images), trained.logits(images), atol=1e-2)
    assert torch.equal(read.logits(images), trained.logits(images))
    with pytest.raises(ConfigError, match="state epoch_2 needs the file of 1 checkpoint; got 0"):
        in_state(world.subject, world.settings, "epoch_2")


def test_cards_tell_how_faithful_the_autoencoder_is_in_a_state(world: World) -> None:
    rows = latent_rows(world.path("latents.zarr")).validation
    autoencoder = open_autoencoder(world.path("autoencoder.pt"))
    images = world.subject.read(rows)
    with torch.inference_mode():
        made = autoencoder(images)
    for state in STATES:
        facts = read_facts(world.path(f"{state}.json"))
        card, subject = AutoencoderCard.of(facts), in_state(world.subject, world.settings, state)
        same = subject.logits(images).argmax(1) == subject.logits(made).argmax(1)
        assert card.images == len(rows) == 24
        assert card.networks["one"].agreement == pytest.approx(float(same.double().mean()))
        assert card.squared == pytest.approx(float((made - images).square().mean()), rel=1e-4)
        assert card.divergence > 0
        assert facts["state"] == state
        assert facts["origin"] == {"weights_sha256": "w"}


def test_a_flow_is_told_of_its_training_and_where_it_comes_from(world: World) -> None:
    card = read_facts(world.path("random_stage2.json"))
    assert card["images"] == {"train": 40, "validation": 24}
    assert card["history"]["steps"] == [2, 4, 6]
    assert len(card["history"]["validation"]) == len(card["history"]["train"]) == 3
    told = ("state", "layer", "weights_sha256", "precision")
    assert [card[name] for name in told] == ["random", "stage2", "w", "float32"]


def test_a_flow_of_what_was_not_recorded_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"layer.*'hidden'"):
        world.flow(tmp_path, layer="hidden")
    rows = latent_rows(world.path("latents.zarr"))
    fewer = LatentRows(rows.train, rows.validation[1:])
    write_representations(
        *(tmp_path / "fewer.zarr", tmp_path / "card.json", world.subject),
        *(open_autoencoder(world.path("autoencoder.pt")), fewer, ["logits"]),
        state="trained",
    )
    paths = [tmp_path / "flow.pt", tmp_path / "flow.json", world.path("latents.zarr")]
    with pytest.raises(ConfigError, match="1 of 24 images were not recorded"):
        write_flow(*paths, tmp_path / "fewer.zarr", "logits", FLOW, seed=SEED, device=CPU)


# What is kept


def test_anchors_are_validation_images_in_turn(world: World, stored: StoredInvariances) -> None:
    recorded = latent_rows(world.path("latents.zarr")).validation
    assert [*stored.rows] == [*recorded[:10]]
    assert [*stored.labels] == labels_of(world, stored.rows) == [*range(10)]
    np.testing.assert_array_equal(stored.images, world.cache.read(stored.rows))
    means = read_latents(world.path("latents.zarr"), stored.rows)[0]
    np.testing.assert_array_equal(stored.latents, means)
    with torch.inference_mode():
        made = open_autoencoder(world.path("autoencoder.pt")).decode(torch.from_numpy(means))
    assert np.abs(stored.reconstructions / 255 - made.numpy()).max() < 0.51 / 255 + 1e-5
    assert stored.classes == stored.outputs == [*map(str, range(10))]
    assert (stored.network, stored.side, stored.samples, stored.seed) == ("one", 32, 3, SEED)


def test_groups_hold_what_flow_and_network_say(world: World, stored: StoredInvariances) -> None:
    assert [(own.state, own.layer) for own in stored.groups] == [
        (state, layer) for state in STATES for layer in LAYERS
    ]
    noise = invariance_noise(stored.rows, 3, 4, seed=SEED)
    decoder, means = (
        open_autoencoder(world.path("autoencoder.pt")),
        torch.from_numpy(stored.latents),
    )
    for group in stored.groups:
        said = open_representation(world.path(f"{group.state}.zarr"), group.layer, stored.rows)
        sampler = open_flow(world.path(f"{group.state}_{group.layer}.pt"), device=CPU)
        memory = world.subject.memory
        (drawn,) = draw_samples(sampler, decoder, said, noise, memory=memory, device=CPU)
        np.testing.assert_allclose(group.sample_latents, drawn.latents.numpy(), atol=1e-5)
        assert (group.sample_images / 255 - drawn.images.numpy()).max() < 0.51 / 255 + 1e-4
        subject = in_state(world.subject, world.settings, group.state)
        own = subject.logits(world.subject.read(stored.rows)).argmax(1).numpy()
        shown = subject.logits(drawn.images.flatten(0, 1)).argmax(1).view(10, 3).numpy()
        np.testing.assert_array_equal(group.predicted, own)
        np.testing.assert_array_equal(group.sample_predicted, shown)
        agreement = (shown == own[:, None]).mean(axis=1)
        np.testing.assert_allclose(group.kept.samples.agreement, agreement)
        with torch.inference_mode():
            (again,) = subject.tap([group.layer])(decoder.decode(means)).values()
        z, again = torch.from_numpy(said[:]).flatten(1), again.flatten(1)
        cosine = torch.nn.functional.cosine_similarity(again, z).numpy()
        np.testing.assert_allclose(group.kept.reconstructions.cosine, cosine, atol=1e-5)
        spread = Spread.of(drawn.latents)
        np.testing.assert_allclose(group.spread.within, spread.within, rtol=1e-3)
        np.testing.assert_allclose(group.spread.mean, spread.mean, atol=1e-5)
        np.testing.assert_allclose(group.maps.mean, drawn.images.mean(1).numpy(), atol=1e-5)
        np.testing.assert_allclose(group.maps.variance, drawn.images.var(1).numpy(), atol=1e-5)
        features = image_features(world.subject, "stage1", drawn.images.flatten(0, 1))
        assert group.features is not None
        np.testing.assert_allclose(group.features, features, atol=1e-4)


def test_groups_hold_what_cards_say(world: World, stored: StoredInvariances) -> None:
    for group in stored.groups:
        card = AutoencoderCard.of(read_facts(world.path(f"{group.state}.json")))
        own = card.networks["one"]
        assert group.passes == card.passes("one", group.layer)
        assert group.ceilings == pytest.approx((own.agreement, own.cosine[group.layer]))
        assert group.flow == read_facts(world.path(f"{group.state}_{group.layer}.json"))


def test_inverted_images_are_of_the_first_anchors(world: World, stored: StoredInvariances) -> None:
    group = stored.group("random", "logits")
    subject = in_state(world.subject, world.settings, "random")
    assert group.inverted is not None
    assert group.inverted_distance is not None
    assert group.inverted_predicted is not None
    said = subject.logits(torch.from_numpy(group.inverted).float() / 255)
    wanted = subject.logits(world.subject.read(stored.rows[:2]))
    distance = (said - wanted).square().sum(1) / wanted.square().sum(1)
    np.testing.assert_allclose(group.inverted_distance, distance.numpy(), rtol=0.1)
    np.testing.assert_array_equal(group.inverted_predicted, said.argmax(1).numpy())


def test_augmentations_have_directions_and_the_judge_has_seen_real_images(
    world: World, stored: StoredInvariances
) -> None:
    assert stored.augmentations == ["brightness", "hflip"]
    assert stored.rooms.shape == (10, 2, 1, 4)
    flipped = world.subject.read(stored.rows).flip(3)
    with torch.inference_mode():
        moved = open_autoencoder(world.path("autoencoder.pt")).encode(flipped)[0]
    away = moved.numpy() - stored.latents
    np.testing.assert_allclose(stored.lengths[:, 1], np.linalg.norm(away, axis=1), rtol=1e-3)
    along = np.abs((stored.rooms[:, 1, 0] * away).sum(1))
    np.testing.assert_allclose(along, np.linalg.norm(away, axis=1), rtol=1e-3)
    rows = latent_rows(world.path("latents.zarr")).validation
    real = image_features(world.subject, "stage1", world.subject.read(rows))
    assert stored.real_features is not None
    np.testing.assert_allclose(stored.real_features, real, atol=1e-5)
    assert (stored.judge, stored.judge_layer) == ("one", "stage1")


def test_a_study_may_do_without(world: World, tmp_path: Path) -> None:
    settings = SETTINGS.replaced(inversion=None)
    stored = world.measure(
        tmp_path / "kept.zarr", judge=False, augmentations=[], settings=settings, count=1
    )
    (first, *_) = stored.groups
    assert first.inverted is first.features is stored.real_features is None
    assert (stored.judge, stored.augmentations) == ("", [])


def test_parts_of_anchors_make_no_difference(
    world: World,
    stored: StoredInvariances,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does the number of images that pass at a time; no more of a layer is ever held."""
    held, genuine = [], Representation.__getitem__

    def read(self: Representation, chosen: Any) -> Any:
        held.append(len(found := genuine(self, chosen)))
        return found

    monkeypatch.setattr(Representation, "__getitem__", read)
    monkeypatch.setattr(comparison, "READ_BYTES", 1)
    monkeypatch.setattr(anchors, "PART_BYTES", 12 * 32**2 * 4)
    monkeypatch.setattr(measuring, "SHOWN", 5)
    monkeypatch.setattr(measuring, "SHOWN_SAMPLES", 2)
    monkeypatch.setattr(world.subject.memory, "size", 6)
    bare = SETTINGS.replaced(inversion=None)
    again = world.measure(tmp_path / "kept.zarr", settings=bare, count=2)
    assert max(held) == 2
    np.testing.assert_allclose(again.rooms, stored.rooms, atol=1e-4)
    np.testing.assert_allclose(again.lengths, stored.lengths, rtol=1e-4)
    for found, known in zip(again.groups, stored.groups[:2], strict=True):
        np.testing.assert_allclose(found.sample_latents, known.sample_latents, atol=1e-5)
        np.testing.assert_array_equal(found.sample_predicted, known.sample_predicted[:5, :2])
        assert found.sample_images.shape == (5, 2, 3, 32, 32)
        np.testing.assert_allclose(found.features, known.features, atol=1e-4)


def test_no_more_images_pass_than_fit_through_the_autoencoder(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    autoencoder, subject = world.trained, world.opened(CPU)
    forward = measure_forward(autoencoder, 32)
    heed_autoencoder(subject, autoencoder)
    assert subject.memory.size == latent_memory(autoencoder, CPU, 32).size == 32
    monkeypatch.setattr(work, "BATCH_BYTES", 5.5 * forward)
    heed_autoencoder(subject, autoencoder)
    assert subject.memory.size == latent_memory(autoencoder, CPU, 32).size == 5
    assert latent_memory(autoencoder, torch.device("cuda"), 32).size == 32


def test_too_few_anchors_are_told(world: World, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anchors, "FEWEST", 25)
        with pytest.raises(ConfigError, match=r"anchors: latents of 10 validation images"):
            world.measure(tmp_path / "kept.zarr")
    assert not [*tmp_path.iterdir()]
