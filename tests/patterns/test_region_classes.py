"""The calls of the published examples, on made features of anybody's network."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from patterns_world import RegionWorld, region_world
from torch import Tensor

from actsense.patterns import ImportanceWeight, RegionEmbedding, SampleEmbedding
from actsense.patterns.knowledge import knowledge_points, mean_strength, region_posterior

IMAGES, WIDTH = 60, 40
Data = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> RegionWorld:
    return region_world(IMAGES)


def given(world: RegionWorld) -> tuple[Data, Data, Data]:
    """Return the arrays that each of the three calls is given, but for one another's results."""
    generator = np.random.default_rng(0)
    probs = world.target.numpy()
    features = world.samples.numpy() @ generator.normal(size=(3, WIDTH))
    regional = world.features.unflatten(2, (4, 4)).numpy()
    images = generator.random((IMAGES, 3, 8, 8))
    return (
        {"target_probs": probs, "sample_features": features},
        {"target_probs": probs, "regional_features": regional, "images": images},
        {"target_probs": probs, "regional_features": regional},
    )


def weights(world: RegionWorld) -> Data:
    """Return equal weights and the planted embedding, as the third call takes them."""
    _, _, data = given(world)
    _, channels, height, width = data["regional_features"].shape
    return data | {
        "sample_embs": world.samples.numpy(),
        "w_k": np.full((IMAGES, channels), 1 / channels, np.float32),
        "w_r": np.full((IMAGES, height * width), 1 / (height * width), np.float32),
    }


def test_the_three_published_calls_find_what_is_planted(
    world: RegionWorld, tmp_path: Path
) -> None:
    first, second, third = given(world)
    sample_emb = SampleEmbedding(in_dim=WIDTH, out_dim=3)
    sample_emb.fit(data=first, params={"lr": 0.1, "n_step": 100}, verbose_dir=tmp_path)

    importance_weight = ImportanceWeight(*second["regional_features"].shape)
    importance_weight.estimate(
        data=second, params={"lr": 0.05, "n_step": 20}, verbose_dir=tmp_path
    )
    third |= {
        "sample_embs": sample_emb,
        "w_k": importance_weight.w_k,
        "w_r": importance_weight.w_r,
    }
    region_embedding = RegionEmbedding(in_dim=32, out_dim=3)
    region_embedding.fit(
        data=third,
        params={"lambda_kl": 1.0, "lambda_mi": 0.1, "lr": 0.01, "n_step": 20},
        verbose_dir=tmp_path,
    )
    h = np.asarray(region_embedding.embedding)
    probabilities = region_posterior(h / mean_strength(h), np.asarray(sample_emb.directions))
    points, reliable = knowledge_points(probabilities, world.labels)
    planted = world.planted.numpy()
    assert (points == planted).mean() > 0.95
    assert reliable.sum() > 0.95 * points.sum()


def test_results_are_of_the_kind_that_was_given_and_embed_other_features(
    world: RegionWorld,
) -> None:
    data = weights(world)
    arrays = RegionEmbedding(32).fit(data)
    tensors = RegionEmbedding(32).fit({name: torch.as_tensor(a) for name, a in data.items()})
    assert isinstance(arrays.embedding, np.ndarray)
    assert isinstance(tensors.embedding, Tensor)
    np.testing.assert_array_equal(arrays.embedding, tensors.embedding)
    again = arrays(data["regional_features"][:7])
    np.testing.assert_allclose(again, arrays.embedding[:7], rtol=1e-4, atol=1e-5)


def test_what_is_given_is_left_as_it_is(world: RegionWorld) -> None:
    data = weights(world) | given(world)[1]
    before = {name: array.copy() for name, array in data.items()}
    weighed = {n: data[n] for n in ("target_probs", "regional_features", "images")}
    ImportanceWeight(IMAGES, 32, 4, 4).estimate(weighed)
    RegionEmbedding(32).fit({name: data[name] for name in weights(world)})
    for name, array in before.items():
        np.testing.assert_array_equal(data[name], array)


def test_files_hold_what_was_found(world: RegionWorld, tmp_path: Path) -> None:
    _, second, _ = given(world)
    weight = ImportanceWeight(IMAGES, 32, 4, 4).estimate(second, verbose_dir=tmp_path / "new")
    embedding = RegionEmbedding(32).fit(weights(world), verbose_dir=tmp_path / "new")
    with np.load(tmp_path / "new/importance_weight.npz") as stored:
        np.testing.assert_array_equal(stored["w_r"], weight.w_r)
        np.testing.assert_array_equal(stored["w_k"], weight.w_k)
    with np.load(tmp_path / "new/region_embedding.npz") as stored:
        np.testing.assert_array_equal(stored["projection"], embedding.projection)
    curve = np.loadtxt(tmp_path / "new/region_embedding.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(curve[:, 1:], embedding.losses, rtol=1e-6)
    curve = np.loadtxt(tmp_path / "new/importance_weight.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(curve[:, 1], np.asarray(weight.losses).mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "params", "words"),
    [
        ({}, {"n_steps": 3}, "n_steps.*Nearest: n_step"),
        ({"regional_feature": 0}, {}, "regional_feature.*is not known"),
        ({"regional_features": np.ones((IMAGES, 32, 4, 5))}, {}, "as the object was made for"),
        ({"regional_features": np.full((IMAGES, 32, 4, 4), np.nan)}, {}, "NaN"),
        ({"target_probs": np.ones((IMAGES - 1, 5))}, {}, "has 60 images, but target_probs has 59"),
        ({"images": np.ones((3, 3, 8, 8))}, {}, "images, .*, has 3 images"),
    ],
)
def test_weights_refuse_what_does_not_fit(
    world: RegionWorld, change: Data, params: Data, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        ImportanceWeight(IMAGES, 32, 4, 4).estimate(given(world)[1] | change, params)


@pytest.mark.parametrize(
    ("change", "params", "words"),
    [
        ({}, {"lambda_m": 0.1}, "lambda_m.*Nearest: lambda_mi"),
        (
            {"regional_features": np.ones((IMAGES, 31, 4, 4))},
            {},
            "w_k, .*, has 32 channels, but regional_features has 31",
        ),
        ({"w_r": np.ones((IMAGES, 15))}, {}, r"w must be \(60, 16\)"),
        ({"sample_embs": np.ones((IMAGES, 2))}, {}, r"samples must be \(60, 3\)"),
    ],
)
def test_embeddings_refuse_what_does_not_fit(
    world: RegionWorld, change: Data, params: Data, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        RegionEmbedding(32).fit(weights(world) | change, params)


def test_what_is_missing_is_named(world: RegionWorld) -> None:
    with pytest.raises(ValueError, match="data lacks sample_embs, w_k, w_r"):
        RegionEmbedding(32).fit(given(world)[2])
    with pytest.raises(ValueError, match="31 channels, as `in_dim`; got 32"):
        RegionEmbedding(31).fit(weights(world))
    with pytest.raises(ValueError, match="call `fit` first"):
        _ = RegionEmbedding(32).embedding
    with pytest.raises(ValueError, match="call `estimate` first"):
        _ = ImportanceWeight(5, 4, 3, 2).w_r
