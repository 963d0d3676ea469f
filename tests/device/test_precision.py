"""Precisions against each other, and what they set in the backends."""

from typing import get_args

import numpy as np
import pytest
import torch
from small_study import build, convolutional
from torch import Tensor, nn
from torch.backends import cuda, cudnn

from actsense.device.precision import PRECISIONS, SWITCHES, arithmetic
from actsense.sampling.opening import Sampling
from actsense.sensitivity.indices import Indices, estimate_indices
from actsense.sensitivity.summing import stream_replicate
from actsense.study.settings import Settings


def recorded(sampling: Sampling) -> Tensor:
    evaluations = sampling.law.decode(sampling.design.block(0, 0).coordinates[:, 0])
    return sampling.evaluate(evaluations)


class Watched(nn.Module):
    """A network that notes how CUDA would multiply while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = convolutional()
        self.seen: list[tuple[str, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        """Run the network."""
        self.seen.append(tuple(switch.fp32_precision for switch in SWITCHES))
        return self.inner(images)


def test_the_schema_offers_every_precision() -> None:
    described = Settings.model_fields["precision"]
    assert get_args(described.annotation) == PRECISIONS
    assert described.default == "float32"


@pytest.mark.parametrize(
    ("precision", "state"), [("float32", "ieee"), ("tf32", "tf32"), ("bfloat16", "ieee")]
)
def test_tf32_is_on_where_asked_for_and_nowhere_else(precision: str, state: str) -> None:
    before = [switch.fp32_precision for switch in SWITCHES]
    module = Watched()
    recorded(build(module, precision=precision))

    assert "tf32" in before  # cuDNN's default
    assert set(module.seen) == {(state,) * 3}
    assert [switch.fp32_precision for switch in SWITCHES] == before


def test_the_old_names_of_the_switches_still_answer_afterwards() -> None:
    """PyTorch refuses them once old and new ones contradict each other."""
    before = cuda.matmul.allow_tf32, cudnn.allow_tf32
    recorded(build(precision="tf32"))
    assert (cuda.matmul.allow_tf32, cudnn.allow_tf32) == before


def test_float32_is_the_same_to_the_last_bit_whatever_the_process_had_set() -> None:
    expected = recorded(build())
    with arithmetic("bfloat16", torch.device("cpu")):
        assert torch.equal(recorded(build(precision="float32")), expected)
    assert torch.equal(recorded(build(precision="tf32")), expected)  # not on this device


@pytest.mark.parametrize(("precision", "rounding"), [("bfloat16", 2**-8), ("float16", 2**-11)])
def test_half_precision_differs_by_its_rounding_and_is_recorded_as_float32(
    precision: str, rounding: float
) -> None:
    expected, found = recorded(build()), recorded(build(precision=precision))
    assert found.dtype == torch.float32
    error = (found - expected).abs().max() / expected.abs().max()
    assert rounding / 50 < error < 3 * rounding


def indices(sampling: Sampling) -> Indices:
    return estimate_indices([stream_replicate(sampling, r, range(4)).joined() for r in range(4)])


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.02), ("float16", 0.002)])
def test_indices_stay_within_tolerance(precision: str, tolerance: float) -> None:
    exact, found = indices(build()), indices(build(precision=precision))
    for name in ("S1", "ST", "shapley"):
        alive = ~(exact.dead | found.dead)
        assert alive.mean() > 0.9
        np.testing.assert_allclose(
            found.values[name][:, alive], exact.values[name][:, alive], atol=tolerance
        )
        assert not np.array_equal(found.values[name], exact.values[name])


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="float32, tf32, bfloat16, float16; got 'double'"):
        build(precision="double")
