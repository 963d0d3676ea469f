"""Mean and spread of channels over images, against scikit-learn."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from actsense.draws import stream
from actsense.featvis.targets.spread import Spread

VALUES = stream(0, "responses in a test of their spread").normal(3, [0.01, 1, 40], (30, 3))


def test_standardised_channels_are_those_of_scikit_learn() -> None:
    scaler = StandardScaler().fit(VALUES)
    spread = Spread.of(VALUES)
    np.testing.assert_allclose(spread.mean, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(spread.std, scaler.scale_, rtol=1e-12)
    np.testing.assert_allclose(spread.standardise(VALUES), scaler.transform(VALUES), atol=1e-9)
    assert spread.responds.all()


def test_sums_are_exact_where_those_of_float32_are_not() -> None:
    far = (1e6 + np.arange(3000) % 7).astype(np.float32)[:, None]
    exact = far.astype(np.float64)
    spread = Spread.of(far)
    assert spread.mean[0] == pytest.approx(exact.mean(), rel=1e-14)
    assert spread.std[0] == pytest.approx(exact.std(), rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 1e-30], ids=str)
def test_a_constant_channel_does_not_respond(value: float) -> None:
    constant = np.full((30, 1), value, dtype=np.float32)
    spread = Spread.of(np.hstack([VALUES, constant]).astype(np.float32))
    assert spread.responds.tolist() == [True, True, True, False]
    assert spread.std[3] == pytest.approx(np.median(VALUES.std(axis=0)), rel=1e-5)
    assert (spread.standardise(np.ones((2, 4)))[:, 3] == 0).all()


def test_what_rounding_moves_is_constant_and_what_is_small_is_not() -> None:
    rounded = np.nextafter(np.float32(7), np.float32([6, 8] * 15))[:, None]
    small = np.array([1e-12, 2e-12] * 15, dtype=np.float32)[:, None]
    tiny = np.array([0, 1e-44] * 15, dtype=np.float32)[:, None]  # whose std float32 cannot hold
    spread = Spread.of(np.hstack([rounded, small, tiny]))
    assert spread.responds.tolist() == [False, True, False]
    assert (spread.std.astype(np.float32) > 0).all()


def test_without_any_response_the_unit_is_that_of_the_layer() -> None:
    spread = Spread.of(np.full((5, 2), 3.0))
    assert spread.std.tolist() == [1, 1]
    assert spread.mean.tolist() == [3, 3]
    assert not spread.responds.any()
