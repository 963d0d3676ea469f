"""What holds for a flow with any weights: inverse, determinant, bounds, what is kept."""

from functools import partial
from pathlib import Path

import pytest
import torch
from flows import PUBLISHED, SMALL, normal, shaken
from torch import Tensor, nn
from torch.autograd.functional import jacobian

from actsense.errors import ConfigError
from actsense.invariance.flow.actnorm import ActNorm
from actsense.invariance.flow.coupling import Coupling, moved
from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.permutation import Permutation
from actsense.invariance.flow.settings import FlowSettings

LARGE = FlowSettings(blocks=8, width=128)
KINDS = {
    "vector": (SMALL, (7,)),
    "map": (SMALL, (3, 6, 5)),
    "pooled map": (SMALL, (5, 1, 1)),
    "without condition": (SMALL, None),
    "separate networks": (SMALL.replaced(networks="separate", hidden=2), (7,)),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def flow(request: pytest.FixtureRequest) -> Flow:
    settings, shape = request.param
    return shaken(6, shape, settings, size=0.2)


def conditions(flow: Flow, count: int, seed: int = 1) -> Tensor | None:
    shape = flow.condition_shape
    return None if shape is None else normal(count, *shape, seed=seed)


def test_both_ways_lead_back(flow: Flow) -> None:
    x, z = normal(40, 6), conditions(flow, 40)
    assert (flow.inverse(flow(x, z)[0], z) - x).abs().max() < 1e-10
    assert (flow(flow.inverse(x, z), z)[0] - x).abs().max() < 1e-10
    assert (flow(x, z)[0] - x).abs().max() > 0.1


@pytest.mark.parametrize(("dtype", "largest"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_a_flow_of_the_size_of_a_study_is_inverted_exactly(
    dtype: torch.dtype, largest: float
) -> None:
    flow = shaken(64, (64,), LARGE, size=0.02).to(dtype)
    x, z = normal(64, 64).to(dtype), normal(64, 64, seed=1).to(dtype)
    v, log_det = flow(x, z)
    assert log_det.std() > 0.1  # it does something
    assert (flow.inverse(v, z) - x).abs().max() < largest
    assert (flow(flow.inverse(x, z), z)[0] - x).abs().max() < largest


def log_det_of(function: object, x: Tensor) -> Tensor:
    return torch.linalg.slogdet(jacobian(function, x))[1]  # type: ignore[no-untyped-call]


def test_log_determinants_are_those_of_the_jacobian(flow: Flow) -> None:
    x, z = normal(3, 6), conditions(flow, 3)
    found = flow(x, z)[1]
    for i in range(3):
        own = None if z is None else z[i : i + 1]
        exact = log_det_of(lambda one, own=own: flow(one[None], own)[0][0], x[i])
        torch.testing.assert_close(found[i], exact, rtol=0, atol=1e-8)


def test_log_determinants_of_every_block_are_those_of_its_jacobian() -> None:
    flow = shaken(64, (9,), LARGE.replaced(blocks=2, width=32), size=0.05)
    x, c = normal(3, 64), flow.embed(normal(3, 9))
    assert c is not None
    for block in flow.blocks:
        h, log_det = block(x, c)
        for i in range(3):
            exact = log_det_of(lambda one, i=i, b=block: b(one[None], c[i : i + 1])[0][0], x[i])
            torch.testing.assert_close(log_det[i], exact, rtol=0, atol=1e-8)
        x = h.detach()


def test_the_way_back_has_the_opposite_log_determinant(flow: Flow) -> None:
    v, z = normal(2, 6), conditions(flow, 2)
    x = flow.inverse(v, z)
    log_det = flow(x, z)[1]
    for i in range(2):
        own = None if z is None else z[i : i + 1]
        back = log_det_of(lambda one, own=own: flow.inverse(one[None], own)[0], v[i])
        torch.testing.assert_close(back, -log_det[i], rtol=0, atol=1e-8)


def test_log_prob_has_all_constants() -> None:
    """Of independent normal numbers, scaled and moved: by torch's own distribution."""
    flow = build_flow(SMALL.replaced(blocks=1), 4, None).double()
    norm = flow.blocks[0].norm
    assert isinstance(norm, ActNorm)
    with torch.no_grad():
        norm.shift.copy_(torch.tensor([1.0, -2, 0, 3]))
        norm.log_scale.copy_(torch.tensor([0.5, -1, 2, 0]))
    x = normal(9, 4)
    normals = torch.distributions.Normal(-norm.shift, (-norm.log_scale).exp())
    torch.testing.assert_close(flow.log_prob(x, None), normals.log_prob(x).sum(dim=1))


@pytest.mark.parametrize("shape", [(7,), (3, 6, 5)])
def test_an_untrained_flow_normalises_and_permutes(shape: tuple[int, ...]) -> None:
    """By hand: shift, scale, halves exchanged, channels in the block's order."""
    flow = build_flow(SMALL, 6, shape, seed=3).double()
    x, z = 5 * normal(300, 6) + 2, normal(300, *shape, seed=1)
    flow.initialise(x, z)
    v, log_det = flow(x, z)
    expected, scales = x, torch.zeros(300, dtype=torch.float64)
    for block in flow.blocks:
        expected = (expected + block.norm.shift) * block.norm.log_scale.exp()
        expected = torch.cat([expected[:, 3:], expected[:, :3]], dim=1)
        expected = expected[:, block.permutation.order]
        scales = scales + block.norm.log_scale.sum()
    torch.testing.assert_close(v, expected)
    assert (log_det - scales).abs().max() < 1e-6
    assert v.mean(dim=0).abs().max() < 1e-5
    assert (v.std(dim=0) - 1).abs().max() < 1e-3


@pytest.mark.parametrize("shape", [(50, 4), (50, 4, 3, 2)])
def test_a_measured_normalisation_standardises_channels(shape: tuple[int, ...]) -> None:
    norm, x = ActNorm(4), 3 * normal(*shape).float() - 8
    norm.measure(x)
    values = norm(x).transpose(0, 1).flatten(1)
    assert values.mean(dim=1).abs().max() < 1e-5
    assert (values.std(dim=1) - 1).abs().max() < 1e-3
    torch.testing.assert_close(norm.inverse(norm(x)), x)


def test_a_constant_channel_is_only_shifted() -> None:
    norm = ActNorm(2)
    norm.measure(torch.tensor([[5.0, 1], [5, 3]]))
    torch.testing.assert_close(norm(torch.tensor([[6.0, 2]])), torch.tensor([[1.0, 0]]))


@pytest.mark.parametrize("training", [True, False])
def test_passes_leave_normalisations_as_they_are(training: bool) -> None:
    flow = build_flow(SMALL, 6, (7,)).double().train(training)
    x, z = normal(1, 6) + 5, normal(1, 7)
    flow(x, z)
    torch.testing.assert_close(flow.inverse(flow(x, z)[0], z), x)
    assert all(not weight.any() for name, weight in flow.named_parameters() if "norm" in name)


def test_a_batch_of_one_measures_nothing() -> None:
    flow = build_flow(SMALL, 6, (7,)).double()
    with pytest.raises(ValueError, match="two or more tells how channels vary; got 1"):
        flow.initialise(normal(1, 6), normal(1, 7))
    v, log_det = flow(normal(1, 6), normal(1, 7))
    assert not v.isnan().any()
    assert not log_det.any()


@pytest.mark.parametrize("bound", [0.5, 2.0])
@pytest.mark.parametrize("networks", ["shared", "separate"])
def test_scales_are_bounded(bound: float, networks: str) -> None:
    """Each of 3 numbers in each of 2 halves by the bound, whatever the weights."""
    coupling = Coupling(6, 2, SMALL.replaced(bound=bound, networks=networks)).double()
    for weight in coupling.parameters():
        nn.init.normal_(weight, std=30, generator=torch.Generator().manual_seed(1))
    x, c = normal(200, 6), normal(200, 2, seed=1)
    log_scale, _ = coupling.first(x[:, :3], c)
    log_det = coupling(x, c)[1]
    assert log_scale.abs().max() <= bound
    assert 0.95 * bound < log_scale.abs().max()
    assert log_det.abs().max() <= 6 * bound


def test_scales_and_shifts_are_not_narrow_where_networks_are() -> None:
    coupling = Coupling(6, 0, SMALL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        said = coupling.first(torch.randn(2, 3), None)
    assert {values.dtype for values in said} == {torch.float32}


def test_small_scales_are_as_the_network_says() -> None:
    coupling = Coupling(2, 0, SMALL).double()
    last = coupling.first.networks[0][-1]  # type: ignore[index]
    with torch.no_grad():
        last.bias.copy_(torch.tensor([1e-4, 0.3]))
    y, log_det = coupling(torch.tensor([[0.0, 5.0]], dtype=torch.float64), None)
    torch.testing.assert_close(log_det, torch.full_like(log_det, 1e-4))
    torch.testing.assert_close(y[0, 0].item(), 5 * (1 + 1e-4) + 0.3, rtol=0, atol=1e-6)


@pytest.mark.parametrize("bound", [0.5, 2.0])
def test_gradients_of_a_moved_half_are_those_of_its_formula(bound: float) -> None:
    x, scale, shift = (normal(7, 3, seed=seed).mul(2).requires_grad_() for seed in range(3))

    def formula(x: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        log_scale = bound * torch.tanh(scale / bound)
        return x * log_scale.exp() + shift, log_scale.sum(dim=1)

    given, own = (x, scale, shift), partial(moved, bound=bound)
    weights = normal(7, 3, seed=4), normal(7, seed=5)  # both results count, differently
    found, expected = (
        torch.autograd.grad(sum((y * w).sum() for y, w in zip(f(*given), weights)), given)  # type: ignore[arg-type] # noqa: B905
        for f in (own, formula)
    )
    torch.testing.assert_close(own(*given), formula(*given))
    torch.testing.assert_close(found, expected)
    assert torch.autograd.gradcheck(own, given)


def test_permutations_and_their_gradients_are_those_of_indexing() -> None:
    order = torch.tensor([2, 0, 3, 1])
    x = normal(5, 4).requires_grad_()
    permutation, weights = Permutation(order), normal(5, 4, seed=1)
    torch.testing.assert_close(permutation(x), x[:, order], rtol=0, atol=0)
    torch.testing.assert_close(permutation.inverse(permutation(x)), x, rtol=0, atol=0)
    (own,) = torch.autograd.grad((permutation(x) * weights).sum(), x)
    (expected,) = torch.autograd.grad((x[:, order] * weights).sum(), x)
    torch.testing.assert_close(own, expected, rtol=0, atol=0)


def test_blocks_permute_differently_and_by_the_seed() -> None:
    flows = [build_flow(SMALL, 16, None, seed=seed) for seed in (0, 0, 1)]
    orders = [[tuple(block.permutation.order.tolist()) for block in flow.blocks] for flow in flows]
    assert len(set(orders[0])) == 3
    assert all(sorted(order) == [*range(16)] for order in orders[0])
    assert orders[0] == orders[1] != orders[2]


def test_weights_of_a_file_give_the_same_bits(tmp_path: Path) -> None:
    flow = shaken(6, (7,), seed=1)
    torch.save(flow.state_dict(), tmp_path / "flow.pt")
    other = build_flow(SMALL, 6, (7,), seed=2).double().eval()
    other.load_state_dict(torch.load(tmp_path / "flow.pt", weights_only=True))
    x, z = normal(5, 6), normal(5, 7, seed=1)
    for own, loaded in zip(flow(x, z), other(x, z), strict=True):
        torch.testing.assert_close(loaded, own, rtol=0, atol=0)
    torch.testing.assert_close(other.inverse(x, z), flow.inverse(x, z), rtol=0, atol=0)


def test_the_condition_matters_after_one_step() -> None:
    flow = build_flow(SMALL, 6, (7,)).double()
    x, z = normal(30, 6), normal(30, 7, seed=1)
    optimiser = torch.optim.Adam(flow.parameters(), 0.01)
    for _ in range(2):  # the embedder's own gradient is zero before the last layers have moved
        optimiser.zero_grad()
        (-flow.log_prob(x, z).mean()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert (flow(x, z)[0] - flow(x, z.flip(0))[0]).abs().max() > 1e-4
    assert flow.embedding is not None
    gradients = [weight.grad for weight in flow.embedding.parameters()]
    assert all(gradient is not None for gradient in gradients)
    assert any(gradient.any() for gradient in gradients if gradient is not None)


def test_an_embedding_serves_many_latents() -> None:
    flow = shaken(6, (3, 6, 5))
    v, z = normal(4, 6), normal(1, 3, 6, 5)
    embedded = flow.embed(z)
    assert embedded is not None
    torch.testing.assert_close(
        flow.restore(v, embedded.expand(4, -1)), flow.inverse(v, z.expand(4, -1, -1, -1))
    )


@pytest.mark.parametrize(("latent", "parameters"), [(128, 189.0), (268, 211.9)])
def test_published_sizes_are_reached(latent: int, parameters: float) -> None:
    """Parameters in millions, as published for the two sizes, without the embedder."""
    with torch.device("meta"):
        block = Coupling(latent, latent, PUBLISHED)
    count = 20 * (sum(weight.numel() for weight in block.parameters()) + 2 * latent)
    assert round(count / 1e6, 1) == parameters


@pytest.mark.parametrize("latent", [0, 1, 7])
def test_an_odd_latent_is_refused(latent: int) -> None:
    with pytest.raises(ConfigError, match=f"which has {latent} numbers. Give the autoencoder"):
        build_flow(SMALL, latent, (3,))


def test_other_latents_and_representations_are_refused() -> None:
    flow, bare = build_flow(SMALL, 6, (7,)), build_flow(SMALL, 6, None)
    x, z = torch.zeros(2, 6), torch.zeros(2, 7)
    with pytest.raises(ConfigError, match=r"of latents of 6 numbers.*got \(2, 8\)"):
        flow(torch.zeros(2, 8), z)
    with pytest.raises(ConfigError, match=r"of latents of 6 numbers.*got \(6,\)"):
        flow.inverse(torch.zeros(6), z)
    with pytest.raises(ConfigError, match=r"of shape \(7,\); got \(9,\)"):
        flow(x, torch.zeros(2, 9))
    with pytest.raises(ConfigError, match=r"of shape \(7,\); got \(7, 1, 1\)"):
        flow(x, torch.zeros(2, 7, 1, 1))
    with pytest.raises(ConfigError, match="needs representations"):
        flow(x, None)
    with pytest.raises(ConfigError, match="has no condition"):
        bare(x, z)
