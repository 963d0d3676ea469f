"""Region weights, against the published product, autograd, and sets where the answer is known."""

import numpy as np
import pytest
import torch
from spatial_study import CLASSES, convolutions, noise, subject
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from actsense.attribution import region_weights as module
from actsense.attribution.anchors import Anchors
from actsense.attribution.region_weights import (
    KAPPA_M,
    KAPPA_P,
    match_regions,
    region_weights,
)
from actsense.attribution.regions import last_map, other_images, region_maps
from actsense.networks.network import Network
from benchmarks.region_weights import published_search

IMAGES, CHANNELS, REGIONS = 12, 7, 6


def everyone(images: int) -> Tensor:
    """Return all other images of every image."""
    rows = torch.arange(images)
    return torch.stack([rows[rows != image] for image in range(images)])


def drawn(images: int = IMAGES, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return features and outputs of which the former tell something of the latter, float64."""
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(images, CLASSES, generator=generator, dtype=torch.float64)
    features = torch.rand(images, CHANNELS, REGIONS, generator=generator, dtype=torch.float64)
    features[:, :CLASSES, 0] += outputs
    return features, outputs.softmax(dim=1)


def anchors(seed: int = 0) -> tuple[Anchors, Tensor, Tensor]:
    """Return all images as anchors, with some weights of regions and channels."""
    features, outputs = drawn(seed=seed)
    vectors, said = functional.normalize(features, dim=1).mT, functional.normalize(outputs, dim=1)
    others = everyone(IMAGES)
    log_target = (KAPPA_P * (said @ said.T).gather(1, others)).log_softmax(dim=1)
    generator = torch.Generator().manual_seed(seed + 1)
    w, v = (
        torch.rand(IMAGES, size, generator=generator, dtype=torch.float64)
        for size in (REGIONS, CHANNELS)
    )
    return (
        Anchors(vectors.contiguous(), vectors.contiguous(), others, log_target, KAPPA_M / 20),
        w / w.sum(dim=1, keepdim=True),
        v / v.sum(dim=1, keepdim=True),
    )


def published_loss(features: Tensor, outputs: Tensor, w: Tensor, v: Tensor) -> list[float]:
    """Return the loss of every image, from a product over regions of distributions."""
    f, p = functional.normalize(features, dim=1).numpy(), outputs.numpy()
    losses = []
    for i in range(len(f)):
        others = [j for j in range(len(f)) if j != i]
        cosine = [p[i] @ p[j] / np.linalg.norm(p[i]) / np.linalg.norm(p[j]) for j in others]
        target = np.exp(KAPPA_P * np.array(cosine))
        target /= target.sum()
        estimate = np.ones(len(others))
        for r in range(f.shape[2]):
            best = [
                max(
                    float((v[i].numpy() * f[i, :, r] * f[j, :, q]).sum())
                    for q in range(f.shape[2])
                )
                for j in others
            ]
            share = np.exp(KAPPA_M * (np.array(best) - max(best)))
            estimate *= (share / share.sum()) ** float(w[i, r])
        estimate /= estimate.sum()
        losses.append(float((target * np.log(target / estimate)).sum()))
    return losses


@pytest.mark.parametrize("steps", [0, 1, 6])
def test_the_loss_is_that_of_the_published_product(steps: int) -> None:
    features, outputs = drawn(5)
    w, v, losses = region_weights(features, outputs, everyone(5), steps=steps)
    assert losses.shape == (5, steps + 1)
    np.testing.assert_allclose(losses[:, -1], published_loss(features, outputs, w, v), 1e-9, 1e-12)


def test_gradients_are_those_of_autograd() -> None:
    own, w, v = anchors()
    w.requires_grad_(), v.requires_grad_()
    similarity, matched = own.match(v)
    expected = torch.autograd.grad(own.loss(w, similarity).sum(), (w, v))
    with torch.no_grad():
        found = (
            own.region_gradient(w, similarity),
            own.channel_gradient(w, similarity, matched),
        )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_the_loss_is_convex_in_region_weights() -> None:
    own, w, v = anchors()
    similarity, _ = own.match(v)
    far = w.flip(0, 1)
    ends, middle = (
        own.loss(w, similarity) + own.loss(far, similarity),
        own.loss((w + far) / 2, similarity),
    )
    assert (2 * middle < ends).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kappa_m", [1.0, 100.0, 1e4])
def test_no_step_raises_the_loss_and_the_first_lower_it(seed: int, kappa_m: float) -> None:
    features, outputs = drawn(seed=seed)
    _, _, losses = region_weights(
        features.float(), outputs.float(), everyone(IMAGES), kappa_m=kappa_m
    )
    assert (losses.diff(dim=1) <= 0).all()
    assert (losses[:, 5] < losses[:, 0]).all()


@pytest.mark.parametrize("steps", [0, 3, 40])
def test_weights_are_shares(steps: int) -> None:
    features, outputs = drawn()
    for weights in region_weights(features, outputs, everyone(IMAGES), steps=steps)[:2]:
        assert (weights >= 0).all()
        np.testing.assert_allclose(weights.sum(dim=1), 1)


def test_no_region_would_gain_weight_in_the_end() -> None:
    """A convex loss lies above its tangents: the gap bounds what is left to win, in nats."""
    own, _, _ = anchors()
    w, v, losses = own.fit(300)
    gradient = own.region_gradient(w, own.match(v)[0])
    gap = (gradient * w).sum(dim=1) - gradient.amin(dim=1)
    assert gap.median() < 1e-5
    assert gap.max() < 0.01
    assert (losses[:, -1] < 0.9 * losses[:, 0]).all()


def test_weight_gathers_where_the_outputs_are_told() -> None:
    """One region, another in each image, holds the channel of the class, the others noise.

    At this sharpness the outputs are matched only with almost all weight on that region.
    """
    images, regions, channels = 60, 9, 32
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(images) % 3
    place = torch.randint(regions, (images,), generator=generator)
    features = torch.rand(images, channels, regions, generator=generator)
    features[:, :3] = 0
    features[torch.arange(images), :, place] = functional.one_hot(labels, channels).float()
    outputs = functional.one_hot(labels, 3).float()
    w, v, losses = region_weights(
        features, outputs, everyone(images), kappa_m=1.1 * KAPPA_P, steps=20
    )
    assert (w[torch.arange(images), place] > 0.85).all()
    assert (v[torch.arange(images), labels] > 0.85).all()
    assert losses[:, -1].max() < 1e-3


def test_an_image_is_done_when_a_step_wins_little() -> None:
    """It has what as many steps would have given it, and others go on."""
    features, outputs = drawn()
    w, v, losses = region_weights(features, outputs, everyone(IMAGES), steps=30, tolerance=0.02)
    taken = (losses.diff(dim=1) != 0).sum(dim=1)
    assert taken.min() < taken.max() < 30
    for image in range(IMAGES):
        count = int(taken[image])
        plain = region_weights(features, outputs, everyone(IMAGES), steps=count)
        torch.testing.assert_close(w[image], plain[0][image], rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(v[image], plain[1][image], rtol=1e-9, atol=1e-12)
        last = losses[image, count - 1] - losses[image, count]
        assert last < 0.02 * losses[image, 0]


@pytest.mark.parametrize("seed", range(4))
def test_an_image_is_not_done_because_a_step_was_too_long(seed: int) -> None:
    """Such a step wins nothing, while the next, shorter one does: little is left in the end."""
    given = (*drawn(seed=seed), everyone(IMAGES))
    ends = [
        region_weights(*given, kappa_m=100.0, steps=200, tolerance=tolerance)[2]
        for tolerance in (0.01, 0)
    ]
    left = (ends[0] - ends[1])[:, -1] / ends[1][:, 0]
    assert left.max() < 0.3


def test_the_published_search_starts_at_the_same_loss_and_ends_higher() -> None:
    """One image and one other at a time, with gradients of autograd and steps of its own."""
    features, outputs = drawn(6)
    given = (features, outputs, everyone(6))
    own = region_weights(*given, kappa_m=50.0, steps=20)[2]
    start, end = (
        published_search(*given, range(6), kappa_m=50.0, steps=steps)[2] for steps in (0, 20)
    )
    torch.testing.assert_close(start, own[:, 0], rtol=1e-9, atol=1e-12)
    assert own[:, -1].mean() < end.mean() < start.mean()


@pytest.mark.parametrize(("regions", "kind"), [(5, torch.uint8), (300, torch.uint16)])
def test_matches_are_those_of_loops_in_small_integers(regions: int, kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(4, 6, regions, generator=generator)
    v = torch.rand(4, 6, generator=generator)
    found = match_regions(features, v, everyone(4))
    assert found.dtype == kind
    unit = functional.normalize(features, dim=1)
    for image, others in enumerate(everyone(4).tolist()):
        for place, other in enumerate(others):
            products = torch.einsum("k,kr,kq->rq", v[image], unit[image], unit[other])
            assert torch.equal(found[image, place].long(), products.argmax(dim=1))


def test_a_region_matches_itself_best() -> None:
    features, _ = drawn()
    own = torch.arange(IMAGES)[:, None]
    found = match_regions(features, torch.full((IMAGES, CHANNELS), 1 / CHANNELS), own)
    assert torch.equal(found[:, 0].long(), torch.arange(REGIONS).expand(IMAGES, -1))


def test_images_keep_their_weights_in_another_order() -> None:
    features, outputs = drawn()
    order = torch.randperm(IMAGES, generator=torch.Generator().manual_seed(0))
    plain = region_weights(features, outputs, everyone(IMAGES), steps=8)
    moved = region_weights(features[order], outputs[order], everyone(IMAGES), steps=8)
    for first, second in zip(plain, moved, strict=True):
        torch.testing.assert_close(first[order], second, rtol=1e-6, atol=1e-9)


def test_images_are_weighted_each_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    features, outputs = drawn()
    together = region_weights(features, outputs, everyone(IMAGES), steps=8)
    monkeypatch.setattr(module, "NUMBERS", 1)
    alone = region_weights(features, outputs, everyone(IMAGES), steps=8)
    torch.testing.assert_close(together, alone, rtol=1e-6, atol=1e-9)


def test_the_length_of_features_is_of_no_account() -> None:
    features, outputs = drawn()
    scale = 0.5 + torch.rand(IMAGES, 1, REGIONS, generator=torch.Generator().manual_seed(0))
    plain = region_weights(features, outputs, everyone(IMAGES), steps=8)
    scaled = region_weights(features * scale, outputs, everyone(IMAGES), steps=8)
    torch.testing.assert_close(plain, scaled, rtol=1e-6, atol=1e-9)


def test_images_that_are_alike_leave_all_weights_equal() -> None:
    features, outputs = (one[:1].expand(IMAGES, *one.shape[1:]) for one in drawn())
    w, v, losses = region_weights(features, outputs, everyone(IMAGES))
    np.testing.assert_allclose(w, 1 / REGIONS)
    np.testing.assert_allclose(v, 1 / CHANNELS)
    np.testing.assert_allclose(losses, 0, atol=1e-12)


def test_too_few_images_are_refused() -> None:
    features, outputs = drawn(2)
    with pytest.raises(ValueError, match="of 3 images or more; got"):
        region_weights(features, outputs, everyone(2))
    features, outputs = drawn(3)
    with pytest.raises(ValueError, match=r"others \(images, 2 or more\) of 3 images"):
        region_weights(features, outputs, everyone(3)[:, :1])
    region_weights(features, outputs, everyone(3), steps=1)


@pytest.mark.parametrize("count", [1, 5, 100])
def test_others_are_others_and_each_once(count: int) -> None:
    others = other_images(torch.arange(50, 70), count, seed=0)
    assert others.shape == (20, min(count, 19))
    assert (others != torch.arange(20)[:, None]).all()
    assert all(len(set(row)) == len(row) for row in others.tolist())


def test_others_are_drawn_by_row_whatever_the_order() -> None:
    rows = torch.arange(100, 130)
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    plain, moved = (rows_[other_images(rows_, 7, seed=0)] for rows_ in (rows, rows[order]))
    assert torch.equal(plain[order], moved)
    assert not torch.equal(plain, rows[other_images(rows, 7, seed=1)])
    assert len(plain.unique()) > 20  # not the same few for all


def outlined(net: nn.Module) -> Network:
    return Network("net", net.eval(), (0.5,) * 3, (0.25,) * 3, None, None)


@pytest.mark.parametrize(
    ("net", "side", "layer"),
    [
        (models.resnet18, 224, "layer4"),
        (models.resnet18, 32, "layer3"),  # a single position is left in layer4
        (models.alexnet, 224, "avgpool"),
        (models.vgg11, 224, "avgpool"),
        (convolutions, 16, "3"),
    ],
)
def test_regions_are_positions_of_the_last_layer_with_any(
    net: type[nn.Module], side: int, layer: str
) -> None:
    with torch.device("meta" if net is not convolutions else "cpu"):
        network = outlined(net())
    assert last_map(network, side) == layer


def test_a_network_without_positions_has_no_regions() -> None:
    flat = outlined(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, CLASSES)))
    assert last_map(flat, 8) is None


def corner_images(images: int = 48) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return images with a class color in one of 4 x 4 cells, classes, and the cells."""
    generator = np.random.default_rng(0)
    labels = np.arange(images) % 3
    cells = generator.integers(0, 4, size=(images, 2))
    pixels = generator.integers(60, 100, size=(images, 3, 16, 16))
    for image, (label, (row, column)) in enumerate(zip(labels, cells, strict=True)):
        cell = (slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
        pixels[image][(slice(None), *cell)] = 20
        pixels[image][(label, *cell)] = 250
    return pixels.astype(np.uint8), labels, cells


def color_network() -> nn.Module:
    """Return a network that looks at cells of 4 pixels for a bright red, green or blue."""
    net = nn.Sequential(
        *(nn.Conv2d(3, 6, 4, stride=4), nn.ReLU()),
        *(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 3)),
    )
    colors = torch.full((3, 3), -1.0) + 2 * torch.eye(3)
    net[0].weight.data = (
        torch.cat([colors, 0.3 * torch.eye(3)])[..., None, None].expand(6, 3, 4, 4) / 16
    )
    net[0].bias.data = torch.zeros(6)
    net[4].weight.data = 20 * torch.eye(3, 6)
    net[4].bias.data = torch.zeros(3)
    return net


def test_maps_show_where_the_class_is_told() -> None:
    pixels, labels, cells = corner_images()
    own = subject(color_network(), pixels, labels, normalised=False)
    maps = region_maps(own, np.arange(len(pixels)), seed=0)
    assert maps.shape == (len(pixels), 16, 16)
    assert maps.dtype == torch.float32
    held = maps.unflatten(1, (4, 4)).unflatten(3, (4, 4))
    assert torch.equal(held.amax(dim=(2, 4)), held.amin(dim=(2, 4)))  # one weight per region
    weights = held.amax(dim=(2, 4))
    np.testing.assert_allclose(weights.sum(dim=(1, 2)), 1, rtol=1e-5)
    told = weights[torch.arange(len(pixels)), cells[:, 0], cells[:, 1]]
    assert (told == weights.amax(dim=(1, 2))).all()
    assert told.median() > 0.6


def test_batches_and_order_hardly_move_maps() -> None:
    """Roundings decide whether a step is taken, and so move weights a little further."""
    rows = np.arange(20)
    usual = region_maps(subject(), rows, seed=0)
    other = region_maps(subject(batch_size=1), rows[::-1].copy(), seed=0).flip(0)
    pairs = torch.stack([usual, other], dim=1).flatten(2)
    assert min(torch.corrcoef(pair)[0, 1] for pair in pairs) > 0.99
    strangers = torch.stack([usual, usual.roll(1, 0)], dim=1).flatten(2)
    assert max(torch.corrcoef(pair)[0, 1] for pair in strangers) < 0.9


def test_regions_are_fourteen_along_a_side_at_most() -> None:
    own = subject(convolutions(side=56), noise(6, side=56))  # its map has 28 x 28 positions
    maps = region_maps(own, np.arange(6), seed=0)
    held = maps.unflatten(1, (14, 4)).unflatten(3, (14, 4))
    assert torch.equal(held.amax(dim=(2, 4)), held.amin(dim=(2, 4)))
    np.testing.assert_allclose(held.amax(dim=(2, 4)).sum(dim=(1, 2)), 1, rtol=1e-5)
