"""A flow's training step against the bare matrix products of its layers, and against FrEIA."""

from collections.abc import Callable, Iterator
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
from benchmarks.measure import Measurement, interleaved, seconds

IMAGES, LATENT, CONDITION = 4096, 64, 512  # numbers in a latent, and in a representation
STEPS = 20  # in a piece of work
TRAINING = FlowTraining(steps=STEPS, check_every=STEPS)
SETTINGS = FlowSettings(training=TRAINING)
SIZES = (
    f"latents of {LATENT}, representations of {CONDITION}, {SETTINGS.blocks} blocks of width "
    f"{SETTINGS.width}, batches of {TRAINING.batch_size}"
)
CPU = torch.device("cpu")


def measurements() -> Iterator[Measurement]:
    """Measure on the CPU, with a representation that is a vector."""
    flow = build_flow(SETTINGS, LATENT, (CONDITION,))
    batches = _batches()
    yield _step(flow, batches)
    if find_spec("FrEIA") is None:
        print("flow: FrEIA is not here (pip install FrEIA), and not compared with")
    else:
        yield _against_freia(flow, batches)
    yield _samples(flow)
    yield from _inverses(flow)


def _batches() -> Batches:
    draws = np.random.default_rng(0)
    mean, condition = (draws.normal(size=(IMAGES, n)) for n in (LATENT, CONDITION))
    parts = (mean, np.full_like(mean, -3), condition)
    data = FlowData(*(part.astype(np.float32) for part in parts))
    return Batches(data, TRAINING.batch_size, seed=0, device=CPU, held_bytes=2**30)


def _steps(flow: Flow, batches: Batches) -> Callable[[], object]:
    """Return steps of the training as it is: batches, posteriors, clipping, average."""

    def loss(step: int) -> Tensor:
        mean, log_variance, condition = batches.read(step)
        latents = posterior_samples(mean, log_variance, torch.randn_like(mean))
        return -flow.log_prob(latents, condition).mean()

    return lambda: fit_flow(flow, loss, lambda _: 0.0, TRAINING, seed=0)


def _products(flow: Flow, batch: int) -> Callable[[], object]:
    """Return as many steps of nothing but the products of all layers, forth and back."""
    layers = [layer.weight.detach() for layer in flow.modules() if isinstance(layer, nn.Linear)]
    given = [torch.randn(batch, weight.shape[1]) for weight in layers]
    asked = [torch.randn(batch, weight.shape[0]) for weight in layers]
    out = [
        [torch.empty_like(asked[k]), torch.empty_like(weight), torch.empty_like(given[k])]
        for k, weight in enumerate(layers)
    ]

    def work() -> None:
        for _ in range(STEPS):
            for k, weight in enumerate(layers):
                torch.mm(given[k], weight.T, out=out[k][0])
                torch.mm(asked[k].T, given[k], out=out[k][1])
                if weight.shape[1] != CONDITION:  # nobody asks for the gradient of what is given
                    torch.mm(asked[k], weight, out=out[k][2])

    return work


def _step(flow: Flow, batches: Batches) -> Measurement:
    taken, alone = interleaved(_steps(flow, batches), _products(flow, batches.size))
    return Measurement(
        "flow_step_over_products",
        taken / alone,
        1.5,
        1.3,
        "ratio",
        f"{SIZES}: {taken / STEPS * 1e3:.2f} ms a step with sampling, clipping, AdamW and "
        f"average; bare products {alone / STEPS * 1e3:.2f} ms",
    )


def _against_freia(flow: Flow, batches: Batches) -> Measurement:
    taken, other = interleaved(_steps(flow, batches), _freia(flow, batches))
    return Measurement(
        "flow_step_over_freia",
        taken / other,
        1.0,
        0.8,
        "ratio",
        f"{SIZES}: {taken / STEPS * 1e3:.2f} ms; a chain of {2 * SETTINGS.blocks} AllInOneBlocks "
        f"of FrEIA, the same layers, with clipping and AdamW alone {other / STEPS * 1e3:.2f} ms",
    )


def _freia(flow: Flow, batches: Batches) -> Callable[[], object]:
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
    assert flow.embedding is not None
    weights = [*chain.parameters(), *flow.embedding.parameters()]
    adam = torch.optim.AdamW([w for w in weights if w.requires_grad], 1e-3, fused=True)

    def work() -> None:
        for step in range(STEPS):
            mean, log_variance, condition = batches.read(step)
            latents = posterior_samples(mean, log_variance, torch.randn_like(mean))
            v, log_det = chain(latents, c=[flow.embed(condition)])
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
