"""A flow's training step against the bare matrix products of its layers, and against FrEIA."""

import copy
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from actsense.invariance.flow.batches import Batches
from actsense.invariance.flow.course import fit_flow
from actsense.invariance.flow.data import FlowData
from actsense.invariance.flow.flow import Flow, build_flow
from actsense.invariance.flow.likelihood import posterior_samples
from actsense.invariance.flow.settings import FlowSettings, FlowTraining
from benchmarks.measure import Measurement, Work, processor_seconds, seconds

IMAGES, LATENT, CONDITION = 4096, 64, 512  # numbers in a latent, and in a representation
STEPS, TURN = 200, 10  # in all, and without a break
TRAINING = FlowTraining(steps=STEPS, check_every=STEPS)
SETTINGS = FlowSettings(training=TRAINING)
SIZES = (
    f"latents of {LATENT}, representations of {CONDITION}, {SETTINGS.blocks} blocks of width "
    f"{SETTINGS.width}, batches of {TRAINING.batch_size}"
)
CPU = torch.device("cpu")


def measurements() -> Iterator[Measurement]:
    """Measure on one core, which a job has, with a representation that is a vector."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from _measured()
    finally:
        torch.set_num_threads(threads)


def _measured() -> Iterator[Measurement]:
    flow = build_flow(SETTINGS, LATENT, (CONDITION,))
    batches = _batches()
    works = [_products(flow, batches.size)]
    if find_spec("FrEIA") is not None:
        works.append(_freia(flow, batches))
    taken, alone, *peer = (1e3 * fastest for fastest in _in_turn(flow, batches, works))
    yield Measurement(
        "flow_step_over_products",
        taken / alone,
        1.5,
        1.3,
        "ratio",
        f"{SIZES}: {taken:.2f} ms a step with sampling, clipping, AdamW and average; bare "
        f"products {alone:.2f} ms; processor time, the fastest of {STEPS} in turn",
    )
    for other in peer:
        yield Measurement(
            "flow_step_over_freia",
            taken / other,
            1.0,
            0.8,
            "ratio",
            f"{SIZES}: {taken:.2f} ms; a chain of {2 * SETTINGS.blocks} AllInOneBlocks of FrEIA, "
            f"the same layers, with clipping and AdamW alone {other:.2f} ms",
        )
    if not peer:
        print("flow: FrEIA is not here (pip install FrEIA), and not compared with")
    yield _samples(flow)
    yield from _inverses(flow)


def _batches() -> Batches:
    draws = np.random.default_rng(0)
    mean, condition = (draws.normal(size=(IMAGES, n)) for n in (LATENT, CONDITION))
    parts = (mean, np.full_like(mean, -3), condition)
    data = FlowData(*(part.astype(np.float32) for part in parts))
    return Batches(data, TRAINING.batch_size, seed=0, device=CPU, held_bytes=2**30)


def _in_turn(flow: Flow, batches: Batches, works: Sequence[Work]) -> list[float]:
    """Train, as training is, and do other work now and then; return the fastest of each."""
    found: list[list[float]] = [[] for _ in range(1 + len(works))]
    begun = 0.0

    def loss(step: int) -> Tensor:
        nonlocal begun
        found[0].append(time.process_time() - begun)
        for times, work in zip(found[1:], works, strict=True):
            # Each several times without a break, for caches then hold what it needs.
            times += [processor_seconds(work) for _ in range(TURN if step % TURN == 0 else 0)]
        begun = time.process_time()
        mean, log_variance, condition = batches.read(step)
        latents = posterior_samples(mean, log_variance, torch.randn_like(mean))
        return -flow.log_prob(latents, condition).mean()

    fit_flow(flow, loss, lambda _: 0.0, TRAINING, seed=0)
    return [min(times[1:]) for times in found]  # before the first one there was none


def _products(flow: Flow, batch: int) -> Work:
    """Return nothing but the products of all layers, forth and back."""
    layers = [layer.weight.detach() for layer in flow.modules() if isinstance(layer, nn.Linear)]
    given = [torch.randn(batch, weight.shape[1]) for weight in layers]
    asked = [torch.randn(batch, weight.shape[0]) for weight in layers]
    out = [
        [torch.empty_like(asked[k]), torch.empty_like(weight), torch.empty_like(given[k])]
        for k, weight in enumerate(layers)
    ]

    @torch.no_grad()
    def work() -> None:
        for k, weight in enumerate(layers):
            torch.mm(given[k], weight.T, out=out[k][0])
            torch.mm(asked[k].T, given[k], out=out[k][1])
            if weight.shape[1] != CONDITION:  # nobody asks for the gradient of what is given
                torch.mm(asked[k], weight, out=out[k][2])

    return work


def _freia(flow: Flow, batches: Batches) -> Work:
    """Return a step of a chain that has the same layers."""
    from FrEIA.framework import SequenceINN
    from FrEIA.modules import AllInOneBlock

    def network(inputs: int, outputs: int) -> nn.Module:
        width = SETTINGS.width
        return nn.Sequential(
            *(nn.Linear(inputs, width), nn.LeakyReLU()),
            *(nn.Linear(width, width), nn.LeakyReLU(), nn.Linear(width, outputs)),
        )

    chain: Any = SequenceINN(LATENT)
    for _ in range(2 * SETTINGS.blocks):  # each of them transforms one half
        chain.append(AllInOneBlock, cond=0, cond_shape=(LATENT,), subnet_constructor=network)
    embedding = copy.deepcopy(flow.embedding)
    assert embedding is not None
    weights = [w for w in (*chain.parameters(), *embedding.parameters()) if w.requires_grad]
    adam = torch.optim.AdamW(weights, 1e-3, fused=True)

    def work() -> None:
        mean, log_variance, condition = batches.read(0)
        latents = posterior_samples(mean, log_variance, torch.randn_like(mean))
        v, log_det = chain(latents, c=[embedding(condition)])
        adam.zero_grad()
        (0.5 * v.square().sum(dim=1) - log_det).mean().backward()
        nn.utils.clip_grad_norm_(weights, 10)
        adam.step()

    return work


@torch.inference_mode()
def _samples(flow: Flow) -> Measurement:
    """Draw latents of one representation after another, a few of each."""
    anchors, each = 256, 16
    z = torch.randn(anchors, CONDITION)

    def work() -> None:
        embedded = flow.embed(z)
        assert embedded is not None
        for part in embedded.repeat_interleave(each, dim=0).split(1024):
            flow.restore(torch.randn(len(part), LATENT), part)

    work()
    rate = anchors * each / min(seconds(work) for _ in range(5))
    return Measurement(
        "flow_samples",
        rate / 1000,
        20,
        50,
        "thousand latents per second",
        f"{SIZES}: {each} of each of {anchors} representations, without the decoder",
        more_is_better=True,
    )


@torch.no_grad()
def _inverses(flow: Flow) -> Iterator[Measurement]:
    """Go both ways, with weights that are far from the start."""
    for weight in flow.parameters():
        weight += 0.03 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    x, z = torch.randn(1000, LATENT), torch.randn(1000, CONDITION)
    for dtype, target in ((torch.float32, 1e-5), (torch.float64, 1e-10)):
        own = flow.to(dtype)
        v, log_det = own(x.to(dtype), z.to(dtype))
        error = float((own.inverse(v, z.to(dtype)) - x).abs().max())
        name = str(dtype).removeprefix("torch.")
        yield Measurement(
            f"flow_inverse_error_{name}",
            error / target,
            1.0,
            0.5,
            f"of {target:g}",
            f"{SIZES}: largest error of a number of 1000 latents {error:.1e}; log-determinants "
            f"have a standard deviation of {log_det.std():.1f}",
        )
