"""The card against sums written out, and its gate."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.invariance.autoencoder.architectures import Autoencoder
from actsense.invariance.autoencoder.card import (
    AutoencoderCard,
    Faithfulness,
    _cosine,
    judge_autoencoder,
)
from actsense.networks.network import Network
from actsense.networks.subject import Subject
from tests.made.opened import Images, opened

SIDE = 32
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 3, SIDE, SIDE), dtype=np.uint8)
ROWS = np.array([7, 1, 2, 8, 4])
X = torch.from_numpy(PIXELS[ROWS]).float() / 255


class Decoder(nn.Module):
    """Any function of latents."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, latents: Tensor) -> Tensor:
        """Return images of latents."""
        return self.function(latents.unflatten(1, (3, SIDE, SIDE)))


def autoencoder(function: Callable[[Tensor], Tensor]) -> Autoencoder:
    """Return one whose latents are the pixels, in [-1, 1], and what it says of noise 0."""
    size = 3 * SIDE**2
    encoder = nn.Sequential(nn.Flatten(), nn.ZeroPad1d((0, size)))
    made = Autoencoder(encoder, Decoder(function), latent=size, side=SIDE, noise=0.5).eval()
    made.standard.eps = 0.0
    return made


def perfect(latents: Tensor) -> Tensor:
    return (latents + 1) / 2


def blurred(latents: Tensor) -> Tensor:
    return nn.functional.avg_pool2d(perfect(latents), 3, stride=1, padding=1)


def subject(name: str = "one", batch_size: int = 2, mute: bool = False) -> Subject:
    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 30**2, 5)
    ).eval()
    if mute:
        nn.init.zeros_(module[0].weight)
    module.requires_grad_(False)
    network = Network(name, module, (0.5,) * 3, (0.2,) * 3, SIDE, None)
    return opened(network, Images(PIXELS, *"abcde"), batch_size=batch_size)


def judged(function: Callable[[Tensor], Tensor], **given: Any) -> AutoencoderCard:
    own = subject(**given)
    return judge_autoencoder(autoencoder(function), {"one": own}, {"one": ["1", "logits"]}, ROWS)


def test_the_card_is_its_sums() -> None:
    card, made, module = judged(blurred), blurred(2 * X - 1), subject().network.module
    assert card.images == 5
    assert card.absolute == pytest.approx(float((made - X).abs().mean()), rel=1e-5)
    assert card.squared == pytest.approx(float((made - X).square().mean()), rel=1e-5)
    variance = X.var(dim=0, correction=0).mean()
    assert card.explained == pytest.approx(float(1 - (made - X).square().mean() / variance))
    noise = 0.5 * 2**0.5  # the encoder says 0
    assert card.noise == pytest.approx(noise, rel=1e-5)
    nats = ((2 * X - 1).square() + noise**2 - 1 - np.log(noise**2)).flatten(1).sum(dim=1) / 2
    assert card.divergence == pytest.approx(float(nats.mean()), rel=1e-5)
    logits = [module((x - 0.5) / 0.2) for x in (X, made)]
    same = [int(one.argmax()) == int(other.argmax()) for one, other in zip(*logits, strict=True)]
    assert 0 < np.mean(same) < 1
    assert card.networks["one"].agreement == pytest.approx(np.mean(same))
    relu = [module[:2]((x - 0.5) / 0.2).flatten(1).numpy() for x in (X, made)]
    for layer, (one, other) in {"1": relu, "logits": [x.numpy() for x in logits]}.items():
        centre, cosines = one.mean(axis=0), []
        for a, b in zip(one - centre, other - centre, strict=True):
            cosines.append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert card.networks["one"].cosine[layer] == pytest.approx(np.mean(cosines), rel=1e-4)


def test_a_perfect_autoencoder_leaves_nothing_to_wish() -> None:
    card = judged(perfect)
    assert card.absolute < 1e-6
    assert card.explained == pytest.approx(1)
    assert card.networks["one"].agreement == 1
    assert [*card.networks["one"].cosine.values()] == pytest.approx([1, 1])
    assert card.passes("one", "1")


def test_an_autoencoder_that_always_says_the_mean_explains_nothing() -> None:
    card = judged(lambda latents: X.mean(dim=0).expand(len(latents), -1, -1, -1))
    assert card.explained == pytest.approx(0, abs=1e-6)
    assert not card.passes("one", "logits")


def test_batches_do_not_matter() -> None:
    one, other = judged(blurred, batch_size=1), judged(blurred, batch_size=5)
    assert one.networks["one"].agreement == other.networks["one"].agreement
    for layer, cosine in one.networks["one"].cosine.items():
        assert cosine == pytest.approx(other.networks["one"].cosine[layer], rel=1e-5)
    assert one.squared == pytest.approx(other.squared, rel=1e-6)


def test_a_layer_that_always_says_the_same_has_no_cosine() -> None:
    card = judged(blurred, mute=True)
    assert np.isnan(card.networks["one"].cosine["1"])
    assert not card.passes("one", "1")


def test_what_differs_by_roundings_has_no_cosine() -> None:
    centre = torch.full((20,), 3.0, dtype=torch.float64)
    noise = torch.randn(2, 4, 20, generator=torch.Generator().manual_seed(0))
    assert _cosine(*(centre + 1e-7 * noise), centre).isnan().all()
    assert _cosine(*(centre + 1e-4 * noise), centre).isfinite().all()


@pytest.mark.parametrize(
    ("agreement", "cosine", "passes"),
    [(0.9, 0.85, True), (0.89, 1.0, False), (1.0, 0.84, False), (1.0, float("nan"), False)],
)
def test_the_gate_asks_for_agreement_and_cosine(
    agreement: float, cosine: float, passes: bool
) -> None:
    networks = {"one": Faithfulness(agreement, {"a": cosine, "b": 1.0})}
    card = AutoencoderCard(5, 0.1, 0.02, 0.9, 50.0, 0.1, networks)
    assert card.passes("one", "a") is passes
    assert card.passes("one", "b") is (agreement >= 0.9)
    assert card.facts()["gate"] == {"one": {"a": passes, "b": agreement >= 0.9}}
    facts = card.facts() | {"seed": 3}
    assert AutoencoderCard.of(facts).facts()["gate"] == card.facts()["gate"]
    whole = replace(card, networks={"one": Faithfulness(agreement, {"b": 1.0})})
    assert AutoencoderCard.of(whole.facts()) == whole


def test_what_was_not_judged_is_told() -> None:
    card = judged(perfect)
    with pytest.raises(ConfigError, match="card of the autoencoder: 'two' is not known"):
        card.passes("two", "1")
    with pytest.raises(ConfigError, match="Allowed: 1, logits"):
        card.passes("one", "2")


def test_too_few_images_are_told() -> None:
    with pytest.raises(ConfigError, match="judged by 1 images"):
        judge_autoencoder(autoencoder(perfect), {"one": subject()}, {"one": ["1"]}, ROWS[:1])


def test_images_of_another_size_are_told() -> None:
    made = autoencoder(perfect)
    made.side = 48
    with pytest.raises(ConfigError, match="images of 48 pixels"):
        judge_autoencoder(made, {"one": subject()}, {"one": ["1"]}, ROWS)
