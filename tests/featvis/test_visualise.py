"""Pictures of anybody's modules in one call."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actsense.errors import ConfigError
from actsense.featvis import visualise

SIDE = 16
FEW = {"iterations": 20}
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def module() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            *(nn.Conv2d(3, 6, 3, 2), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Dropout(0.5)),
            *(nn.Conv2d(6, 40, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(1000, 4)),
        )


def photos(images: int = 30) -> Tensor:
    small = torch.rand(images, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    return nn.functional.interpolate(small, SIDE, mode="bilinear")


def responses(own: nn.Sequential, layer: int, images: Tensor) -> Tensor:
    z = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.inference_mode():
        return own.eval()[: layer + 1](z)


def test_every_channel_gets_a_picture_that_beats_all_images() -> None:
    own, images = module(), photos()
    found = visualise(own, "4", images=images, mean=MEAN, std=STD, **FEW)
    assert found.images.shape == (40, 3, SIDE, SIDE)  # more than are made at a time
    natural = responses(own, 4, images).mean((2, 3))
    mine = responses(own, 4, found.images).mean((2, 3)).diagonal()
    expected = (mine - natural.mean(0)) / natural.std(0, correction=0)
    torch.testing.assert_close(found.activation, expected, atol=1e-3, rtol=1e-4)
    assert (mine > natural.amax(0)).float().mean() > 0.9
    assert found.curves["activation"].shape == (40, 20)
    assert found.iterations == [*range(1, 21)]
    assert not found.silent.any()


def test_a_channel_alone_is_the_same_as_among_others() -> None:
    own, images = module(), photos()
    both = visualise(own, "4", images=images, channels=[3, 1], **FEW)
    first = visualise(own, "4", images=images, channels=[3], **FEW)
    torch.testing.assert_close(both.images[:1], first.images, atol=1e-4, rtol=0)


def test_a_single_unit_is_read_at_its_place() -> None:
    own, images = module(), photos()
    found = visualise(own, "4", images=images, unit=(2, 1, 4), mean=MEAN, std=STD, **FEW)
    natural = responses(own, 4, images)[:, 2, 1, 4]
    mine = responses(own, 4, found.images)[0, 2, 1, 4]
    expected = (mine - natural.mean()) / natural.std(correction=0)
    torch.testing.assert_close(found.activation[0], expected, atol=1e-3, rtol=1e-4)
    assert mine > natural.max()


def test_a_direction_is_driven_against_its_negative() -> None:
    own, direction = module(), np.linspace(-1, 1, 40)
    one, other = (
        visualise(own, "4", images=photos().numpy(), direction=sign * direction, iterations=60)
        for sign in (1, -1)
    )
    weight = torch.from_numpy(direction).float()
    natural = responses(own, 4, photos()).mean((2, 3))

    def along(images: Tensor) -> Tensor:
        drive = (responses(own, 4, images).mean((2, 3)) - natural.mean(0)) / natural.std(0)
        return (drive * weight).sum(1)

    assert along(one.images)[0] > along(photos()).max()
    assert along(other.images)[0] < along(photos()).min()


def test_without_images_activations_are_in_the_layers_unit() -> None:
    own = module()
    found = visualise(own, "7", side=SIDE, model="fourier", mean=MEAN, std=STD, **FEW)
    mine = responses(own, 7, found.images).diagonal()
    torch.testing.assert_close(found.activation, mine, atol=1e-4, rtol=1e-4)
    before = found.curves["activation"][:, 0]
    assert (found.activation > before).all()


def test_the_module_is_left_as_it_was() -> None:
    own = module().train()
    own[1].eval()
    state = {name: value.clone() for name, value in own.state_dict().items()}
    visualise(own, "4", side=SIDE, channels=[0], penalty="2", **FEW)
    assert [inner.training for inner in own] == [index != 1 for index in range(8)]
    assert all(torch.equal(value, state[name]) for name, value in own.state_dict().items())
    assert all(parameter.grad is None for parameter in own.parameters())
    assert all(parameter.requires_grad for parameter in own.parameters())


def test_the_seed_decides() -> None:
    own = module()
    one, same, other = (
        visualise(own, "4", side=SIDE, channels=[0], seed=seed, **FEW).images for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "9"}, "target: '9' is not known"),
        ({"steps": 3}, "visualise: 'steps' is not known"),
        ({"model": "waves"}, "model: Input should be 'fourier', 'pixels' or 'maco'; got 'waves'"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"images": None, "side": None}, "side: there are no images"),
        ({"images": None, "side": SIDE, "start": "mean"}, "start: mean needs images"),
        ({"images": photos() * 255}, r"values in \[0, 1\]"),
        ({"images": photos()[:, :, :8]}, "Cut them square"),
        ({"images": photos()[:0]}, "one or more"),
        ({"channels": [40]}, "channels: .40. must be one or more of 0 to 39"),
        ({"channels": []}, "one or more"),
        ({"unit": (1, 9, 0)}, r"unit: \(1, 9, 0\) is none of a layer of \(40, 5, 5\)"),
        ({"direction": np.ones(3)}, "direction: must hold 40 finite numbers"),
        ({"direction": np.zeros(40)}, "not all 0"),
        ({"channels": [1], "unit": (0, 0, 0)}, "one of them"),
        ({"penalty": "conv"}, "penalty: 'conv' is not known"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_bad_input_is_one_clear_line(options: dict[str, Any], message: str) -> None:
    given = {"target": "4", "images": photos(), **FEW} | options
    with pytest.raises(ConfigError, match=message) as told:
        visualise(module(), **given)
    assert "\n" not in str(told.value)
