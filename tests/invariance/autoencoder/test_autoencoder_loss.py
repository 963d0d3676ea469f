"""The loss against its formula, and the adversary that it brings up."""

import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from actsense.invariance.autoencoder.adversary import Critic
from actsense.invariance.autoencoder.architectures import Autoencoder, build_autoencoder
from actsense.invariance.autoencoder.loss import AutoencoderLoss, divergence
from actsense.invariance.autoencoder.perceptual import Perceptual
from actsense.invariance.autoencoder.settings import Adversary, AutoencoderSettings

ADVERSARY = Adversary(start=0.5, weight=0.8, width=2, learning_rate=0.01)


def pictures(count: int = 6, seed: int = 1) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def built(settings: AutoencoderSettings) -> Autoencoder:
    torch.manual_seed(0)
    return build_autoencoder(settings, 32)


def features(images: Tensor) -> list[Tensor]:
    """Return maps, one channel of them silent, and a vector of another scale."""
    silent = 0.3 + (images[:, 0] - 1).relu()  # in images as they are measured
    maps = torch.stack([images.mean(dim=1), silent], dim=1)
    return [maps, 100 * images.mean(dim=(2, 3))]


def test_divergence_is_that_of_normal_distributions() -> None:
    torch.manual_seed(0)
    mean, log_variance = torch.randn(2, 5, 7)
    each = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(divergence(mean, log_variance), each.sum(dim=1))


def test_the_distance_of_features_is_in_their_standard_deviations() -> None:
    first, images, made = pictures(20, 5), pictures(seed=2), pictures(seed=3) + 0.5
    perceptual = Perceptual.measured(features, first)
    grey, other = features(images)[0][:, 0], features(made)[0][:, 0]
    in_maps = (grey - other).abs().mean() / first.mean(dim=1).std() / 2  # beside a silent channel
    one, two, all_ = (x.mean(dim=(2, 3)) for x in (images, made, first))
    in_vectors = ((one - two).abs() / all_.std(dim=0)).mean()
    torch.testing.assert_close(perceptual(images, made), (in_maps + in_vectors) / 2)
    assert perceptual(images, images) == 0


def test_only_the_reconstruction_leads_back() -> None:
    images, made = pictures().requires_grad_(), pictures(seed=2).requires_grad_()
    Perceptual.measured(features, pictures())(images, made).backward()
    assert images.grad is None
    assert made.grad is not None


def test_the_loss_is_its_formula() -> None:
    settings = AutoencoderSettings(latent=4, width=2, perceptual=0.7, divergence=0.01)
    autoencoder, images = built(settings), pictures()
    perceptual = Perceptual.measured(features, images)
    loss = AutoencoderLoss(autoencoder, perceptual, settings, steps=5)
    loss.scale.data.fill_(-1.2)
    torch.manual_seed(3)
    found = loss(images)
    torch.manual_seed(3)
    mean, log_variance = autoencoder.encode(images)
    made = autoencoder.decode(mean + log_variance.exp().sqrt() * torch.randn(6, 4))
    r = (images - made).abs().mean() + 0.7 * perceptual(images, made)
    wanted = r * torch.tensor(1.2).exp() - 1.2 + 0.01 * divergence(mean, log_variance).mean()
    torch.testing.assert_close(found, wanted)


def test_the_best_scale_is_the_logarithm_of_the_misfit() -> None:
    settings = AutoencoderSettings(latent=4, width=2, divergence=0)
    loss = AutoencoderLoss(built(settings), None, settings, steps=5)
    images = pictures()
    torch.manual_seed(3)
    mean, log_variance = loss._hidden[0].encode(images)
    made = loss._hidden[0].decode(mean + (log_variance / 2).exp() * torch.randn_like(mean))
    loss.scale.data = loss.misfit(images, made).log().detach()
    torch.manual_seed(3)
    loss(images).backward()
    assert loss.scale.grad is not None
    assert loss.scale.grad.abs() < 1e-5


def test_a_network_that_weighs_nothing_is_not_asked() -> None:
    def asked(images: Tensor) -> list[Tensor]:
        raise AssertionError

    settings = AutoencoderSettings(latent=4, width=2, perceptual=0)
    loss = AutoencoderLoss(built(settings), Perceptual(asked, ()), settings, steps=5)
    loss(pictures())


def test_the_adversary_starts_when_it_should() -> None:
    settings = AutoencoderSettings(latent=4, width=2, adversary=ADVERSARY)
    loss = AutoencoderLoss(built(settings), None, settings, steps=5)
    assert loss.critic is not None
    changed = []
    for _ in range(5):
        before = [p.detach().clone() for p in loss.critic.parameters()]
        loss(pictures())
        after = loss.critic.parameters()
        changed.append(any(not torch.equal(p, q) for p, q in zip(before, after, strict=True)))
    assert changed == [False, False, False, True, True]


def test_the_adversary_pulls_as_hard_as_its_weight_says() -> None:
    settings = AutoencoderSettings(latent=4, width=2, adversary=ADVERSARY, divergence=0)
    loss = AutoencoderLoss(built(settings), None, settings, steps=1)
    assert loss.critic is not None
    autoencoder = loss._hidden[0]
    made = autoencoder(pictures())
    fit, doubt = loss.misfit(pictures(), made), 1000 * loss.critic.doubt(made)
    g = loss._balance(fit, doubt, autoencoder.last)
    pulls = [torch.autograd.grad(x, autoencoder.last, retain_graph=True)[0] for x in (fit, doubt)]
    torch.testing.assert_close(g * pulls[1].norm(), 0.8 * pulls[0].norm(), rtol=1e-3, atol=0)
    assert not g.requires_grad


def test_the_loss_with_an_adversary_adds_its_weighted_doubt() -> None:
    settings = AutoencoderSettings(latent=4, width=2, adversary=ADVERSARY, divergence=0)
    loss = AutoencoderLoss(built(settings), None, settings, steps=1)
    assert loss.critic is not None
    autoencoder, images = loss._hidden[0], pictures()
    loss.passed.fill_(1)
    torch.manual_seed(3)
    found = loss(images)
    torch.manual_seed(3)
    mean, log_variance = autoencoder.encode(images)
    made = autoencoder.decode(mean + (log_variance / 2).exp() * torch.randn_like(mean))
    fit, doubt = loss.misfit(images, made), loss.critic.doubt(made)  # the critic has learned
    torch.testing.assert_close(found, fit + loss._balance(fit, doubt, autoencoder.last) * doubt)


def test_the_critic_learns_to_tell_and_is_left_alone_by_doubt() -> None:
    torch.manual_seed(0)
    critic = Critic(ADVERSARY.replaced(width=4))
    images, made = 0.8 * pictures(), 0.2 + 0.8 * pictures(seed=2)
    for _ in range(30):
        critic.learn(images, made)
    assert critic(images).mean() > critic(made).mean() + 1
    for parameter in critic.parameters():
        parameter.grad = None
    leaf = made.clone().requires_grad_()
    doubt = critic.doubt(leaf)
    doubt.backward()
    torch.testing.assert_close(doubt, -critic(made).mean())
    assert leaf.grad is not None
    assert all(p.grad is None and p.requires_grad for p in critic.parameters())


def test_critics_look_at_patches() -> None:
    """The patch behind one logit is 70 pixels wide in the published critic of three layers."""
    critic = Critic(Adversary(width=1)).eval()
    for module in critic.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.1)
    images = torch.full((1, 3, 160, 160), 0.9, requires_grad=True)
    logits = critic(images)
    logits[0, 0, 9, 9].backward()
    assert images.grad is not None
    seen = images.grad[0, 0].abs().sum(dim=0) > 0
    assert seen.sum() == 70


def test_a_critic_goes_on_from_its_state() -> None:
    torch.manual_seed(0)
    one, other = Critic(ADVERSARY), Critic(ADVERSARY)
    one.learn(pictures(), pictures(seed=2))
    other.load_state_dict(one.state_dict())
    for critic in (one, other):
        critic.learn(pictures(seed=3), pictures(seed=4))
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(p, q) for p, q in pairs)
