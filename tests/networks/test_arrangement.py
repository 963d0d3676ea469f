"""Which axes are channels and positions: against outputs taken by hand, and against loops."""

from collections.abc import Callable

import pytest
import torch
from opened import opened
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.layers import Layer
from actsense.networks.arrangement import edited, recorded, returned
from actsense.networks.layers import lay_out
from actsense.networks.network import Network

SIDE = 16


def network(module: nn.Module, layout: str = "auto") -> Network:
    unchanged = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    own = module.eval().requires_grad_(False)
    return Network("net", own, *unchanged, None, None, layout=layout)


def seeded(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().eval()


def images(count: int = 3, side: int = SIDE) -> Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(1))


def output(module: nn.Module, name: str, shown: Tensor) -> Tensor:
    """Return what a module returns, taken by a hook of our own."""
    found: list[Tensor] = []
    handle = module.get_submodule(name).register_forward_hook(
        lambda _module, _inputs, output: found.append(output)
    )
    with torch.no_grad():
        module(shown)
    handle.remove()
    return found[0]


class Last(nn.Module):
    """Maps of (row, col, channel), as many channels as positions in a row; some sizes refused."""

    def __init__(self, channels: int = 8, only: int | None = None) -> None:
        super().__init__()
        self.only = only
        self.stem = nn.Conv2d(3, channels, 2, stride=2)
        self.mix = nn.Linear(channels, channels)
        self.head = nn.Linear(channels, 4)

    def forward(self, shown: Tensor) -> Tensor:
        """Return four logits per image."""
        if self.only not in (None, shown.shape[-1]):
            raise ValueError(f"only {self.only}")
        return self.head(self.mix(self.stem(shown).permute(0, 2, 3, 1)).relu().mean(dim=(1, 2)))


class Tokens(nn.Module):
    """Patches as tokens behind a class token, attention as modules."""

    def __init__(self, patch: int = 4, only: int | None = None) -> None:
        super().__init__()
        self.only = only
        self.patches = nn.Conv2d(3, 6, patch, stride=patch)
        self.first = nn.Parameter(torch.randn(1, 1, 6))
        self.block, self.shares = nn.Linear(6, 6), nn.Softmax(dim=-1)
        self.head = nn.Linear(6, 4)

    def forward(self, shown: Tensor) -> Tensor:
        """Return four logits per image."""
        if self.only not in (None, shown.shape[-1]):
            raise ValueError(f"only {self.only}")
        tokens = self.patches(shown).flatten(2).mT
        tokens = self.block(torch.cat([self.first.expand(len(tokens), -1, -1), tokens], dim=1))
        pairs = (tokens @ tokens.mT)[:, None].expand(-1, 2, -1, -1)
        return self.head((self.shares(pairs).mean(dim=1) @ tokens)[:, 0])


@pytest.mark.parametrize(("channels", "only"), [(8, None), (5, None), (5, SIDE)])
def test_maps_of_rows_first_are_recorded_by_channel(channels: int, only: int | None) -> None:
    module = seeded(lambda: Last(channels, only))
    tap = opened(network(module), SIDE).tap(["mix", "stem"])
    assert [layer.shape for layer in tap.layers] == [(channels, 8, 8)] * 2
    assert [layer.layout for layer in tap.layers] == ["channels_last", "channels_first"]
    recording = torch.empty(3, tap.units)
    tap.record(images(), recording)
    by_hand = output(module, "mix", images())
    for channel in range(channels):
        found = recording[:, tap.layers[0].units].view(3, channels, 8, 8)[:, channel]
        assert torch.equal(found, by_hand[..., channel])
    assert torch.equal(tap(images())["mix"], by_hand.permute(0, 3, 1, 2))


def test_axes_that_are_all_alike_have_to_be_told_where_one_size_alone_is_taken() -> None:
    module = seeded(lambda: Last(8, SIDE))
    with pytest.raises(ConfigError, match=r"'mix' outputs \(2, 8, 8, 8\) .*networks\.net\.layout"):
        lay_out(network(module), ["mix"], SIDE)
    (layer,) = lay_out(network(module, "channels_last"), ["mix"], SIDE)
    assert layer.layout == "channels_last"
    (layer,) = lay_out(network(module, "channels_first"), ["stem"], SIDE)
    assert layer.layout == "channels_first"


def test_what_images_tell_is_not_overruled() -> None:
    module = seeded(lambda: Last(8))
    layers = lay_out(network(module, "channels_first"), ["stem", "mix"], SIDE)
    assert [layer.layout for layer in layers] == ["channels_first", "channels_last"]


@pytest.mark.parametrize("only", [None, SIDE])
def test_tokens_of_patches_are_maps_without_the_class_token(only: int | None) -> None:
    module = seeded(lambda: Tokens(only=only))
    tap = opened(network(module), SIDE).tap(["block"])
    assert [(layer.shape, layer.layout) for layer in tap.layers] == [((6, 4, 4), "tokens")]
    recording = torch.empty(3, tap.units)
    tap.record(images(), recording)
    by_hand = output(module, "block", images())
    for row in range(4):
        for col in range(4):
            found = recording.view(3, 6, 4, 4)[:, :, row, col]
            assert torch.equal(found, by_hand[:, 1 + 4 * row + col])


@pytest.mark.parametrize("only", [None, SIDE])
def test_shares_of_attention_are_no_map(only: int | None) -> None:
    module = seeded(lambda: Tokens(only=only))
    with pytest.raises(ConfigError, match=r"'shares' outputs \(2, 2, 17, 17\)"):
        lay_out(network(module), ["shares"], SIDE)


def test_shares_of_channels_are_no_map_either() -> None:
    class Shares(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.drop, self.head = nn.Conv2d(3, 6, 1), nn.Dropout(), nn.Linear(6, 2)

        def forward(self, shown: Tensor) -> Tensor:
            maps = self.stem(shown).flatten(2)
            pairs = self.drop((maps @ maps.mT)[:, None].expand(-1, 2, -1, -1))
            return self.head(pairs.mean(dim=(1, 2)))

    with pytest.raises(ConfigError, match=r"'drop' outputs \(2, 2, 6, 6\)"):
        lay_out(network(Shares()), ["drop"], 8)


def test_two_axes_without_a_grid_and_four_axes_have_no_channels() -> None:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lines, self.parts = nn.Flatten(2), nn.Unflatten(1, (3, 1))
            self.head = nn.Linear(3, 2)

        def forward(self, shown: Tensor) -> Tensor:
            return self.head(self.lines(self.parts(shown).squeeze(2)).mean(dim=2))

    layers = lay_out(network(Rows()), ["lines", "parts"], 8)
    assert [layer.shape for layer in layers] == [(3, 64), (3, 1, 8, 8)]
    assert not any(layer.is_map for layer in layers)
    assert not any("channel" in layer.dimensions for layer in layers)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last", "tokens"])
def test_an_edit_changes_what_is_recorded_and_nothing_else(layout: str) -> None:
    layer = Layer("x", (3, 2, 2), 0, layout)
    shapes = {"channels_first": (5, 3, 2, 2), "channels_last": (5, 2, 2, 3), "tokens": (5, 6, 3)}
    given = torch.rand(shapes[layout], generator=torch.Generator().manual_seed(0))
    changed = edited(layer, given, lambda maps: torch.cat([maps, 2 * maps + 1]))
    before, after = recorded(layer, given), recorded(layer, changed)
    assert before.shape == (5, 3, 2, 2)
    assert torch.equal(after, torch.cat([before, 2 * before + 1]))
    if layout == "tokens":
        assert torch.equal(changed[:, :2], given[:, :2].repeat(2, 1, 1))
    else:
        assert torch.equal(returned(layer, before), given)


class Odd(nn.Module):
    """Returns what the function makes of the images, through a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.odd = Function(function)

    def forward(self, shown: Tensor) -> Tensor:
        """Return three logits per image."""
        self.odd(shown)
        return shown.mean(dim=(2, 3))


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, shown: Tensor) -> Tensor:
        """Return what the function returns."""
        return self.function(shown)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (torch.fft.rfft2, "complex numbers"),
        (lambda x: x > 0, "type bool, which are no responses"),
        (lambda x: x.argmax(1, keepdim=True), "type int64, which are no responses"),
        (lambda x: x.to_sparse(), "a nested, sparse or quantised tensor"),
        (lambda x: x[:, :0], r"\(2, 0, 8, 8\) for 2 images: no unit at all"),
        (lambda x: x.mean(0, keepdim=True), "the first axis must be the images"),
        (lambda x: (x, x), "does not output one tensor"),
        (lambda x: {"maps": x}, "does not output one tensor"),
    ],
)
def test_what_holds_no_responses_is_refused_in_one_line(
    function: Callable[[Tensor], Tensor], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        lay_out(network(Odd(function)), ["odd"], 8)
    assert "\n" not in str(caught.value)
    names = [layer.name for layer in lay_out(network(Odd(function)), "auto", 8)]
    assert names == ["probabilities"]
