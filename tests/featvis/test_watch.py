"""Layers that are read while pictures pass: what Tap reads, with less of the network run."""

import pytest
import torch
from opened import opened
from torch import Tensor, nn
from torch.nn import functional

from actsense.errors import ConfigError
from actsense.featvis.search.rectifier import rectified
from actsense.featvis.search.watch import Watch
from actsense.networks.compact import CompactNetwork
from actsense.networks.network import Network

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.3)
SIDE = 32


class Tokens(nn.Module):
    """Patches as tokens behind one of the class, and maps with channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 8, 8)
        self.tokens, self.last, self.head = nn.Identity(), nn.Identity(), nn.Linear(6, 5)

    def forward(self, images: Tensor) -> Tensor:
        """Return five numbers."""
        patches = self.patches(images)
        moved = self.last(patches.movedim(1, 3) * 2)
        tokens = moved.flatten(1, 2)
        tokens = self.tokens(torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1) + 1)
        return self.head(tokens[:, 0])


class Reused(nn.Module):
    """A residual block whose ReLU runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.relu, self.after = nn.ReLU(inplace=True), nn.Conv2d(8, 8, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return maps."""
        return self.after(self.relu(self.conv2(self.relu(self.conv1(images)))))


def drawn(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for own in module.parameters():
            own.copy_(0.3 * torch.randn(own.shape, generator=generator))
    return module.eval()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def network(module: nn.Module, returns: str = "logits") -> Network:
    module = drawn(module).requires_grad_(False)
    return Network("net", module, MEAN, STD, None, None, returns=returns)


@pytest.mark.parametrize(
    ("module", "layers"),
    [
        (
            CompactNetwork(5),
            ["stage2", "stage3.conv1.norm", "hidden_relu", "hidden", "logits", "probabilities"],
        ),
        (Tokens(), ["patches", "last", "tokens", "probabilities"]),
    ],
)
def test_a_watch_reads_what_tap_reads_and_so_do_gradients(
    images: Tensor, module: nn.Module, layers: list[str]
) -> None:
    subject = opened(network(module), SIDE)
    tap = subject.tap(layers)
    for layer in layers:
        watch = Watch.of_subject(subject, layer)
        assert watch.layer.shape == tap(images)[layer].shape[1:]
        own, expected = images.clone().requires_grad_(), images.clone().requires_grad_()
        maps, penalised = watch(own)
        assert penalised is None
        assert torch.equal(maps, tap(expected)[layer])
        weight = torch.rand(maps.shape)
        (found,) = torch.autograd.grad((weight * maps).sum(), own)
        (exact,) = torch.autograd.grad((weight * tap(expected)[layer]).sum(), expected)  # rises
        torch.testing.assert_close(found, exact)


@pytest.mark.parametrize("layer", ["stage2", "hidden"])
def test_a_bare_module_is_read_as_that_of_a_study(images: Tensor, layer: str) -> None:
    module = network(CompactNetwork(5)).module
    bare = Watch.of_module(module, layer, side=SIDE, mean=MEAN, std=STD)
    study = Watch.of_subject(opened(network(module), SIDE), layer)
    assert torch.equal(bare(images)[0], study(images)[0])


def test_the_penalty_is_the_input_of_its_module_wherever_that_comes(images: Tensor) -> None:
    module = network(CompactNetwork(5)).module
    z = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    subject = opened(network(module), SIDE)
    for layer in ("stage1", "stage3", "logits"):
        for watch in (
            Watch.of_subject(subject, layer, "stage2.conv1"),
            *([] if layer == "logits" else [bare(module, layer, "stage2.conv1")]),
        ):
            maps, penalised = watch(images)
            assert penalised is not None
            torch.testing.assert_close(penalised, module.stage2.pool(module.stage1(z)))
            assert torch.equal(maps, subject.tap([layer])(images)[layer])


def bare(module: nn.Module, layer: str, penalty: str | None = None) -> Watch:
    return Watch.of_module(module, layer, penalty, side=SIDE, mean=MEAN, std=STD)


def test_the_pass_ends_at_the_last_thing_needed_unless_outputs_are_asked_for(
    images: Tensor,
) -> None:
    module = network(CompactNetwork(5)).module
    subject, ran = opened(network(module), SIDE), []
    for name in ("stage2", "stage3", "stage4", "classifier"):
        own = module.get_submodule(name)
        own.register_forward_pre_hook(lambda _, __, name=name: ran.append(name))
    for layer, penalty, expected in (
        ("stage2", None, ["stage2"]),
        ("stage2", "stage4", ["stage2", "stage3", "stage4"]),
        ("stage3", "stage2.conv1", ["stage2", "stage3"]),
        ("logits", None, ["stage2", "stage3", "stage4", "classifier"]),
    ):
        watches = [Watch.of_subject(subject, layer, penalty)]
        watches += [] if layer == "logits" else [bare(module, layer, penalty)]
        for watch in watches:
            ran.clear()
            watch(images)
            assert ran == expected


def test_hooks_are_gone_and_weights_have_no_gradients_afterwards(images: Tensor) -> None:
    module = drawn(CompactNetwork(5))  # its weights ask for gradients
    shown = images.clone().requires_grad_()
    maps, penalised = bare(module, "stage3", "stage2.conv1")(shown)
    assert penalised is not None
    torch.autograd.grad(maps.sum() + penalised.sum(), shown)
    assert all(own.grad is None for own in module.parameters())
    assert not any(own._forward_hooks or own._forward_pre_hooks for own in module.modules())
    assert module(images).shape == (3, 5)


def test_a_module_that_fails_leaves_no_hooks(images: Tensor) -> None:
    module = network(CompactNetwork(5)).module
    watch = bare(module, "hidden")
    with pytest.raises(RuntimeError):
        watch(images[:, :2])
    assert not any(own._forward_hooks for own in module.modules())


class InPlace(nn.Module):
    """What follows the target changes it, and the penalty's module changes its input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.last = nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Return four numbers."""
        z = self.relu(input=self.conv(images))
        return self.last(z.mul_(-3)).mean(dim=(2, 3))


def test_operations_in_place_change_nothing(images: Tensor) -> None:
    module = network(InPlace()).module
    exact = functional.conv2d(images, module.conv.weight, module.conv.bias)
    conv, entered = Watch.of_module(module, "conv", "relu", side=SIDE)(images)
    torch.testing.assert_close(conv, exact)
    torch.testing.assert_close(entered, exact)
    relu, _ = Watch.of_module(module, "relu", "last", side=SIDE)(images)
    torch.testing.assert_close(relu, exact.clamp(min=0))


def test_a_reused_module_is_refused_in_a_study_and_its_last_run_read_elsewhere(
    images: Tensor,
) -> None:
    module = network(Reused()).module
    watch = Watch.of_module(module, "relu", side=SIDE)
    expected = functional.conv2d(images, module.conv1.weight, module.conv1.bias, padding=1)
    expected = functional.conv2d(
        expected.relu(), module.conv2.weight, module.conv2.bias, padding=1
    ).relu()
    assert watch.layer.shape == (8, SIDE, SIDE)
    torch.testing.assert_close(watch(images)[0], expected)

    study = nn.Sequential(module, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    subject = opened(Network("net", study, MEAN, STD, None, None), SIDE)
    with pytest.raises(ConfigError, match=r"'0.relu' runs 2 times"):
        Watch.of_subject(subject, "0.relu")
    with pytest.raises(ConfigError, match=r"penalty: '0.relu' runs 2 times"):
        Watch.of_subject(subject, "0.conv1", "0.relu")


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (2, 5)])
def test_silent_channels_of_a_relu_are_woken_and_no_others(shape: tuple[int, ...]) -> None:
    before = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    before[0, 1] = before[0, 1].abs() * -1
    before[:, 2] = 0
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    own, exact = before.clone().requires_grad_(), before.clone().requires_grad_()
    assert torch.equal(rectified(own), exact.relu())
    (found,) = torch.autograd.grad((weight * rectified(own)).sum(), own)
    (plain,) = torch.autograd.grad((weight * exact.relu()).sum(), exact)
    for picture in range(2):
        for channel in range(5):
            silent = not plain[picture, channel].any()
            expected = weight.clamp(max=0) if silent else plain
            assert torch.equal(found[picture, channel], expected[picture, channel])
    assert not plain[0, 1].any()
    assert found[0, 1].any() == (weight[0, 1] < 0).any()


@pytest.mark.parametrize("layer", ["0.1", "0", "1"])  # alone, at an end, and shared
def test_a_relu_is_read_as_it_is_and_a_silent_one_has_a_gradient(
    images: Tensor, layer: str
) -> None:
    relu = nn.ReLU(inplace=True)
    inner = nn.Sequential(nn.Conv2d(3, 6, 5, 2), relu)
    module = drawn(nn.Sequential(inner, nn.Sequential(nn.Conv2d(6, 6, 3), relu)))
    with torch.no_grad():
        module[0][0].bias[2] = module[1][0].bias[2] = -99
    watch = Watch.of_module(module, layer, side=SIDE)
    shown = images.clone().requires_grad_()
    maps, _ = watch(shown)
    # A module that runs twice is read at its last run.
    assert torch.equal(maps, inner(images) if layer == "0" else module(images))
    assert not maps[:, 2].any()
    (gradient,) = torch.autograd.grad(-maps[:, 2].sum(), shown)
    assert (gradient.flatten(1).norm(dim=1) > 0).all()


class Pairs(nn.Module):
    """A module that returns two tensors, one without channels, and one that never runs."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.never, self.flat = (
            nn.LSTM(3, 2, batch_first=True),
            nn.ReLU(),
            nn.Identity(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return two numbers."""
        sequence, _ = self.pair(images.mean(dim=2).mT)
        return self.flat(sequence).mean(dim=1)


@pytest.mark.parametrize(
    ("layer", "penalty", "message"),
    [
        ("stage", None, "target: 'stage' is not known"),
        ("flat", "stage", "penalty: 'stage' is not known"),
        ("never", None, "target: 'never' does not run"),
        ("flat", "never", "penalty: 'never' does not run"),
        ("pair", None, "target: 'pair' does not output one tensor"),
        ("flat", None, "no channels"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(
    layer: str, penalty: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as told:
        Watch.of_module(Pairs().eval(), layer, penalty, side=SIDE)
    assert "\n" not in str(told.value)


def test_other_shapes_and_other_ways_are_refused(images: Tensor) -> None:
    class Moody(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bright = nn.Conv2d(3, 4, 3), nn.Identity()

        def forward(self, images: Tensor) -> Tensor:
            z = self.conv(images)
            return self.bright(z) if images.mean() < 0.5 else z

    watch = Watch.of_module(Moody().eval(), "bright", side=SIDE)
    watch(images * 0.1)
    with pytest.raises(ConfigError, match="depends on its images"):
        watch(images * 0 + 1)
    with pytest.raises(
        ConfigError, match=r"expected \(4, 30, 30\) per image, got \(3, 4, 14, 14\)"
    ):
        watch(images[:, :, :16, :16] * 0.1)
