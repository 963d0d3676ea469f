import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from invariance_study import (
    AUGMENTATIONS,
    LATENT,
    LAYERS,
    make_invariances,
    planted_free,
    planted_likeness,
)

from actsense.errors import ConfigError
from actsense.invariance.kept.estimates import anchor_draws
from actsense.invariance.kept.explained import explained_variance
from actsense.invariance.stored import StoredInvariances


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredInvariances:
    path = tmp_path_factory.mktemp("store") / "kept.zarr"
    return StoredInvariances.open(make_invariances(path, anchors=200, samples=8))


def test_groups_come_in_order_with_what_was_planted(stored: StoredInvariances) -> None:
    assert stored.states == ["trained", "random"]
    assert [(group.state, group.layer) for group in stored.groups] == [
        (state, layer) for state in ("trained", "random") for layer in LAYERS
    ]
    draws = anchor_draws(200, 100, seed=1)
    for number, group in enumerate(stored.groups):
        depth = number % len(LAYERS)
        assert group.shape == [*LAYERS.values()][depth]
        free = planted_free(group.state, depth).mean()
        share = explained_variance(group.kept.latents, draws).by_invariances
        assert share.value == pytest.approx(free, abs=0.03)
        own = planted_likeness(group.state, depth)
        likeness, again = group.kept.samples, group.kept.reconstructions
        assert likeness.centred.mean() == pytest.approx(own["centred"])
        assert again.centred.mean() == pytest.approx(own["reconstructed_centred"])
        assert again.agreement.mean() == pytest.approx(own["reconstructed_agreement"])
        assert group.ceilings == (
            pytest.approx(own["reconstructed_agreement"]),
            pytest.approx(own["reconstructed_centred"]),
        )
        assert group.passes == (group.state == "trained")
        assert group.flow["history"]["best"] == 200


def test_arrays_are_of_the_same_anchors_and_samples(stored: StoredInvariances) -> None:
    group = stored.group("trained", "hidden")
    assert stored.images.shape == stored.reconstructions.shape == (200, 3, 16, 16)
    assert group.sample_latents.shape == (200, 8, LATENT)
    np.testing.assert_allclose(
        group.sample_latents.mean(axis=1, dtype=float), group.spread.mean, atol=1e-6
    )
    assert group.sample_images.shape[:2] == group.sample_predicted.shape == (24, 8)
    shown = group.sample_images.mean(axis=1) / 255
    np.testing.assert_allclose(shown, group.maps.mean[:24], atol=0.01)
    assert stored.augmentations == [*AUGMENTATIONS]
    assert stored.rooms.shape == (200, 3, 2, LATENT)
    assert stored.lengths.shape == (200, 3)
    assert stored.real_features is not None
    assert group.features is not None
    assert len(group.features) == 200 * 8
    assert group.inverted is not None
    assert group.inverted_distance is not None
    assert len(group.inverted) == len(group.inverted_distance) == 3


def test_what_a_study_lacks_is_none(tmp_path: Path) -> None:
    bare = {"random": False, "judge": False, "inversion": False, "augmentations": ()}
    stored = StoredInvariances.open(make_invariances(tmp_path / "kept.zarr", **bare))  # type: ignore[arg-type]
    (first, *_) = stored.of("trained")
    assert stored.of("random") == []
    assert stored.real_features is first.features is first.inverted is None
    assert first.inverted_distance is first.inverted_predicted is None
    assert (stored.judge, stored.augmentations) == ("", [])
    assert stored.rooms.shape == (12, 0, 0, LATENT)
    assert stored.lengths.shape == (12, 0)


def test_a_layer_that_is_not_there_is_told(stored: StoredInvariances) -> None:
    with pytest.raises(ConfigError, match=r"layer 'stage9', random. There are: stage2 \(trained"):
        stored.group("random", "stage9")


def test_it_is_read_without_torch() -> None:
    program = "import sys, actsense.invariance.stored; print({'torch', 'scipy'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "set()"
