"""Embeddings for Python users, called as the published example calls them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from radial_mixture import draw_radial_mixture

from actsense.patterns import SampleEmbedding
from actsense.patterns.samples import fit_samples

MADE = draw_radial_mixture(80, classes=4)
PROBS, FEATURES = MADE.target.float().numpy(), MADE.features(10).float().numpy()
SHORT = {"n_step": 20}


def fitted(**given: Any) -> SampleEmbedding:
    data = {"target_probs": PROBS, "sample_features": FEATURES}
    return SampleEmbedding(in_dim=10, out_dim=3).fit(data=data, params=SHORT, **given)


def test_published_example_runs(tmp_path: Path) -> None:
    sample_emb = SampleEmbedding(in_dim=10, out_dim=3)
    sample_emb.fit(
        data={"target_probs": PROBS, "sample_features": FEATURES},
        params={"lr": 0.01, "n_step": 300},
        verbose_dir=tmp_path,
    )
    best = fit_samples(torch.from_numpy(FEATURES), torch.from_numpy(PROBS)).loss
    assert sample_emb.loss == pytest.approx(best, abs=2e-3)


def test_embedding_is_that_of_the_function() -> None:
    expected = fit_samples(torch.from_numpy(FEATURES), torch.from_numpy(PROBS), steps=20)
    found = fitted()
    for name in ("embedding", "directions", "prior", "projection", "spread"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_options_reach_the_function() -> None:
    options = {"lr": 0.02, "n_step": 7, "seeds": 2, "seed": 5, "gradient": "published"}
    data = {"target_probs": PROBS, "sample_features": FEATURES}
    expected = fit_samples(
        *(torch.from_numpy(FEATURES), torch.from_numpy(PROBS)),
        **{"rate": 0.02, "steps": 7, "seeds": 2, "seed": 5, "gradient": "published", "axes": 4},
    )
    found = SampleEmbedding(10, 4).fit(data, options)
    np.testing.assert_array_equal(found.embedding, expected.embedding)
    np.testing.assert_array_equal(found.spread, expected.spread)  # of all starts


def test_arrays_come_back_as_arrays_and_tensors_as_tensors() -> None:
    data = {
        "target_probs": torch.from_numpy(PROBS),
        "sample_features": torch.from_numpy(FEATURES),
    }
    from_tensors = SampleEmbedding(10).fit(data, SHORT)
    from_arrays = fitted()
    assert isinstance(from_tensors.embedding, torch.Tensor)
    assert isinstance(from_arrays.embedding, np.ndarray)
    np.testing.assert_array_equal(from_tensors.embedding, from_arrays.embedding)


def test_features_of_other_images_are_embedded() -> None:
    embedding = fitted()
    np.testing.assert_allclose(embedding(FEATURES[3:5]), embedding.embedding[3:5], atol=1e-9)
    assert isinstance(embedding(torch.from_numpy(FEATURES[:2])), torch.Tensor)


def test_posterior_is_that_of_the_fit() -> None:
    found = fitted()
    q = found.posterior(FEATURES)
    assert isinstance(q, np.ndarray)
    np.testing.assert_allclose(q.sum(axis=1), 1, rtol=1e-9)
    divergence = (PROBS * np.log(PROBS / q)).sum(axis=1).mean()
    assert found.loss == pytest.approx(divergence, abs=1e-6)


def test_nothing_given_is_changed() -> None:
    probs, features = PROBS.copy(), FEATURES.copy()
    probs.flags.writeable = features.flags.writeable = False
    SampleEmbedding(10).fit({"target_probs": probs, "sample_features": features}, SHORT)
    np.testing.assert_array_equal(features, FEATURES)


def test_results_and_curves_are_plain_files(tmp_path: Path) -> None:
    found = fitted(verbose_dir=tmp_path / "new")
    with np.load(tmp_path / "new/sample_embedding.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["embedding"], found.embedding)
        np.testing.assert_array_equal(arrays["projection"], found.projection)
        losses = arrays["losses"]
    lines = (tmp_path / "new/sample_embedding.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    assert rows[0] == ["step", "seed_0", "seed_1", "seed_2"]
    assert len(rows) == 22
    np.testing.assert_allclose([float(cell) for cell in rows[-1]], [20, *losses], rtol=1e-9)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "sample_embedding.csv",
        "sample_embedding.npz",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"sample_feature": FEATURES},
            "data: 'sample_feature' is not known. Nearest: sample_features",
        ),
        ({"target_probs": None}, "data lacks target_probs"),
        ({"sample_features": FEATURES[:7]}, "sample_features.* has 7 images, .*has 80"),
        ({"sample_features": FEATURES[:, :4]}, "10 wide, as `in_dim`; got 4"),
        ({"sample_features": FEATURES[0]}, r"must be \(images, features\).* got \(10,\)"),
        ({"sample_features": FEATURES * np.nan}, "sample_features must hold finite numbers"),
        ({"sample_features": FEATURES.astype(str)}, "sample_features must hold finite numbers"),
        ({"target_probs": PROBS * 2}, "add up to 1"),
    ],
)
def test_data_that_do_not_fit_are_refused(data: dict[str, Any], message: str) -> None:
    given = {"target_probs": PROBS, "sample_features": FEATURES, **data}
    with pytest.raises(ValueError, match=message):
        SampleEmbedding(10).fit(given, SHORT)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learning_rate": 1.0}, "params: 'learning_rate' is not known.* Allowed: gradient, lr,"),
        ({"n_steps": 5}, "Nearest: n_step"),
        ({"n_step": 5.5}, "n_step must be of the type int; got 5.5"),
        ({"lr": "fast"}, "lr must be of the type float; got 'fast'"),
        ({"seeds": True}, "seeds must be of the type int; got True"),
        ({"gradient": 3}, "gradient must be of the type str; got 3"),
        ({"lr": -1.0}, "rate above 0"),
    ],
)
def test_options_that_do_not_fit_are_refused(params: dict[str, Any], message: str) -> None:
    data = {"target_probs": PROBS, "sample_features": FEATURES}
    with pytest.raises(ValueError, match=message):
        SampleEmbedding(10).fit(data, params)


@pytest.mark.parametrize(("width", "axes"), [(2, 3), (5, 1)])
def test_dimensions_that_make_no_embedding_are_refused(width: int, axes: int) -> None:
    with pytest.raises(ValueError, match=f"got {axes} of {width}"):
        SampleEmbedding(width, axes)


def test_there_is_nothing_to_ask_before_the_fit() -> None:
    with pytest.raises(ValueError, match="call `fit` first"):
        SampleEmbedding(5)(np.ones((2, 5)))
