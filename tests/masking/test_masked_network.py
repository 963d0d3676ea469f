"""Networks scaled at their layers, against the same arithmetic done by hand."""

import pytest
import torch
from opened import opened
from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.masking.masked_network import MaskedNetwork, Scaling
from actsense.networks.network import Network

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)


class Residual(nn.Module):
    """Two layers with a way around the second one."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 6)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits."""
        around = functional.relu(self.stem(images))
        out = self.block(around)
        out += around
        return self.head(out.mean(dim=(2, 3)))


class Choosing(Residual):
    """The same network with a choice that torch.fx cannot follow."""

    def forward(self, images: Tensor) -> Tensor:
        """Choose, and map images to logits."""
        return super().forward(images) if images.sum() < 1e9 else images


class Counting(Residual):
    """The same network, which notes how many images there are before its layers."""

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits."""
        count = images.shape[0]
        around = functional.relu(self.stem(images))
        out = self.block(around) + around
        return self.head(out.mean(dim=(2, 3)).view(count, 4))


def module(kind: type[nn.Module] = Residual) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind().eval().requires_grad_(False)


def images(count: int = 5) -> Tensor:
    return torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def masked(own: nn.Module, *layers: str, precision: str = "float32") -> MaskedNetwork:
    network = Network("own", own, MEAN, STD, None, None)
    layers = layers or ("stem", "block")
    return MaskedNetwork(opened(network, 6, precision=precision), layers, images(3))


def plain(own: nn.Module) -> Tensor:
    normalised = (images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    return own(normalised)


def factors(versions: int, seed: int = 2) -> Tensor:
    return torch.rand(versions, 4, 6, 6, generator=torch.Generator().manual_seed(seed))


def by_hand(own: nn.Module, stem: Tensor, block: Tensor) -> Tensor:
    normalised = (images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    around = functional.relu(own.stem(normalised) * stem)
    out = own.block(around) * block + around
    return own.head(out.mean(dim=(2, 3)))


@pytest.mark.parametrize("kind", [Residual, Choosing, Counting])
def test_scaling_by_one_gives_the_same_bits(kind: type[nn.Module]) -> None:
    own = masked(module(kind))
    one = dict.fromkeys(own.layers, Scaling(torch.ones(1, 4, 1, 1)))
    logits = own.logits(own.enter(images(), own.layers[0]), one)[0]
    torch.testing.assert_close(logits, plain(module(kind)), rtol=0, atol=0)


@pytest.mark.parametrize("kind", [Residual, Choosing])
def test_versions_in_one_batch_are_the_arithmetic_done_by_hand(kind: type[nn.Module]) -> None:
    own, (stem, block) = masked(module(kind)), (factors(3), factors(3, seed=4))
    scalings = {"stem": Scaling(stem), "block": Scaling(block)}
    logits = own.logits(own.enter(images(), "stem"), scalings, 3)
    for version in range(3):
        expected = by_hand(module(), stem[version], block[version])
        torch.testing.assert_close(logits[version], expected)


@pytest.mark.parametrize("kind", [Residual, Choosing])
def test_a_later_layer_can_be_the_only_one(kind: type[nn.Module]) -> None:
    """The value that goes around it takes part in every version."""
    own, block = masked(module(kind)), factors(2)
    for entrance in ("stem", "block"):
        entered = own.enter(images(), entrance)
        logits = own.logits(entered, {"block": Scaling(block)}, 2)
        for version in range(2):
            expected = by_hand(module(), torch.ones(1), block[version])
            torch.testing.assert_close(logits[version], expected)


def test_factor_zero_with_means_puts_the_means_in_place() -> None:
    own, chosen = masked(module()), factors(1) > 0.5
    means = torch.full((1, 4, 6, 6), 0.3)
    scaling = Scaling((~chosen).float(), torch.where(chosen, means, 0.0))
    logits = own.logits(own.enter(images(), "block"), {"block": scaling})[0]

    net = module()
    normalised = (images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    around = functional.relu(net.stem(normalised))
    out = torch.where(chosen, means, net.block(around)) + around
    torch.testing.assert_close(logits, net.head(out.mean(dim=(2, 3))))


def test_a_layer_scaled_to_zero_leaves_nothing_of_the_image() -> None:
    own = masked(module())
    nothing = Scaling(torch.zeros(1, 1, 1, 1))
    logits = own.logits(own.enter(images(), "stem"), {"stem": nothing})[0]
    torch.testing.assert_close(logits, logits[:1].expand_as(logits), rtol=0, atol=0)
    assert plain(module()).std(dim=0).min() > 1e-3  # where the image is left, it matters


@pytest.mark.parametrize("kind", [Residual, Choosing])
def test_masks_leave_the_network_as_it_was(kind: type[nn.Module]) -> None:
    net = module(kind)
    own = masked(net)
    own.logits(own.enter(images(), "stem"), {"stem": Scaling(factors(1))})
    torch.testing.assert_close(plain(net), plain(module(kind)), rtol=0, atol=0)


class InPlace(Residual):
    """The same network, whose activation function works in place, on what goes around as well."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits."""
        around = self.stem(images)
        out = self.block(self.act(around))
        out += around
        return self.head(out.mean(dim=(2, 3)))


class ChoosingInPlace(InPlace):
    """It with a choice that torch.fx cannot follow."""

    def forward(self, images: Tensor) -> Tensor:
        """Choose, and map images to logits."""
        return super().forward(images) if images.sum() < 1e9 else images


@pytest.mark.parametrize("kind", [InPlace, ChoosingInPlace])
def test_what_works_in_place_is_masked_for_all_that_hold_it(kind: type[nn.Module]) -> None:
    own, (act, block) = masked(module(kind), "act", "block"), (factors(3), factors(3, seed=4))
    scalings = {"act": Scaling(act), "block": Scaling(block)}
    logits = own.logits(own.enter(images(), "act"), scalings, 3)
    for version in range(3):
        expected = by_hand(module(), act[version], block[version])
        torch.testing.assert_close(logits[version], expected)


class Numbered(nn.Sequential):
    """Layers named 0 to 11, so that one name is the beginning of others."""

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits; what torch.fx cannot follow makes it run with hooks."""
        assert images.sum() < 1e9
        return super().forward(images)


def test_hooks_are_on_the_named_layer_alone() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Numbered(*(nn.Conv2d(3, 3, 1) for _ in range(11)), nn.Flatten())
    net.eval().requires_grad_(False)
    own = masked(net, "1")
    logits = own.logits(own.enter(images(), "1"), {"1": Scaling(torch.full((1, 1, 1, 1), 0.5))})

    out = (images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    for number in range(12):
        out = net[number](out) * (0.5 if number == 1 else 1)
    torch.testing.assert_close(logits[0], out)


def test_what_counts_images_before_the_layer_is_not_stacked() -> None:
    assert masked(module()).enter(images(), "stem").stackable
    assert not masked(module(Counting)).enter(images(), "stem").stackable


def test_networks_that_cannot_be_listed_are_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    masked(module())
    assert not caplog.text
    masked(module(Choosing))
    assert "The whole network runs for every mask, with hooks: networks.own" in caplog.text


def test_steps_that_give_other_logits_are_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """A switch that PyTorch's tracer takes as it stands."""

    class Switched(Residual):
        def forward(self, images: Tensor) -> Tensor:
            factor = 1 if isinstance(images, torch.fx.Proxy) else 2
            return factor * super().forward(images)

    caplog.set_level("INFO")
    own = masked(module(Switched))
    assert "'logits' is not what its steps, listed by torch.fx, make" in caplog.text
    logits = own.logits(own.enter(images(), "stem"), {})[0]
    torch.testing.assert_close(logits, plain(module(Switched)))


def test_a_network_that_scaling_by_one_changes_is_refused() -> None:
    class Restless(Residual):
        runs = 0

        def forward(self, images: Tensor) -> Tensor:
            self.runs += 1
            return super().forward(images) * self.runs + images.sum().item()

    with pytest.raises(ConfigError, match="scaling its layers by 1 changes its logits"):
        masked(module(Restless))


def test_narrow_precision_is_what_the_network_computes_in() -> None:
    own = masked(module(), precision="bfloat16")
    logits = own.logits(own.enter(images(), "stem"), {})[0]
    expected = plain(module())
    assert logits.dtype == torch.float32
    assert 1e-4 < (logits - expected).abs().max() / expected.abs().max() < 3e-2


class LastAxis(nn.Module):
    """Channels lie behind rows and columns, or behind tokens of which one has no position."""

    def __init__(self, tokens: bool = False) -> None:
        super().__init__()
        self.tokens = tokens
        self.patches = nn.Conv2d(3, 4, 2, stride=2)
        self.mix = nn.Linear(4, 4)
        self.head = nn.Linear(4, 6)

    def forward(self, images: Tensor) -> Tensor:
        """Map images to logits."""
        maps = self.patches(images).permute(0, 2, 3, 1)
        if self.tokens:
            maps = maps.flatten(1, 2)
            maps = torch.cat([maps.mean(dim=1, keepdim=True), maps], dim=1)
        mixed = self.mix(maps)
        return self.head(functional.gelu(mixed).flatten(1, -2).mean(dim=1))


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("hooks", [False, True])
def test_channels_are_scaled_wherever_they_lie(
    tokens: bool, hooks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = LastAxis(tokens).eval().requires_grad_(False)
    if hooks:
        followed = net.forward
        monkeypatch.setattr(
            LastAxis, "forward", lambda self, x: followed(x) if x.sum() < 1e9 else x
        )
    own = masked(net, "mix")
    scale = torch.rand(2, 4, 3, 3, generator=torch.Generator().manual_seed(2))
    logits = own.logits(own.enter(images(), "mix"), {"mix": Scaling(scale)}, 2)
    normalised = (images() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    for version in range(2):
        flat = scale[version].permute(1, 2, 0).flatten(0, 1)  # a position after another
        maps = net.patches(normalised).permute(0, 2, 3, 1).flatten(1, 2)
        if tokens:
            maps = torch.cat([maps.mean(dim=1, keepdim=True), maps], dim=1)
            flat = torch.cat([torch.ones(1, 4), flat])
        expected = net.head(functional.gelu(net.mix(maps) * flat).mean(dim=1))
        torch.testing.assert_close(logits[version], expected)
