"""Networks as people write them: factories of modules that work, and of modules that do not."""

import random

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def body(classes: int = 3, channels: int = 3) -> nn.Sequential:
    """Return a small network of modules alone."""
    return nn.Sequential(
        *(nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4)),
        *(nn.Flatten(), nn.Linear(64, classes)),
    )


class Particular(nn.Module):
    """Takes images of one size alone."""

    def forward(self, images: Tensor) -> Tensor:
        """Return two numbers per image."""
        assert images.shape[-1] == 224, "needs 224"
        return images.mean(dim=(2, 3))


class Mistaken(nn.Module):
    """Has a mistake in its forward."""

    def forward(self, images: Tensor) -> Tensor:
        """Look up a key that is not there."""
        return {"logits": images}["logit"]


class Alone(nn.Module):
    """Is written for one image."""

    def forward(self, images: Tensor) -> Tensor:
        """Return numbers of the image."""
        return images.reshape(1, 3, *images.shape[2:]).mean(dim=(2, 3))


class Several(nn.Module):
    """Returns more than logits."""

    def forward(self, images: Tensor) -> dict[str, Tensor | tuple[Tensor, Tensor]]:
        """Return logits and what led to them."""
        means = images.mean(dim=(2, 3))
        return {"logits": means, "hidden": (means, images)}


def double() -> nn.Module:
    return body().double()


def grey() -> nn.Module:
    return body(channels=1)


def map_of_logits() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1))


def scripted() -> nn.Module:
    with torch.no_grad():
        return torch.jit.trace(body().eval(), torch.zeros(2, 3, 8, 8))


def parallel() -> nn.Module:
    return nn.DataParallel(body())


class Compiled(nn.Module):
    """Holds a module as `torch.compile` does, whose import takes seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._orig_mod = body()


def leaving() -> nn.Module:
    raise SystemExit(2)


class Dropping(nn.Module):
    """Forgets to tell dropout that training is over."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.body, self.relu, self.last = body(8), nn.ReLU(), nn.Linear(8, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, half of what leads to them missing."""
        return self.last(functional.dropout(self.relu(self.body(images))))


class Held(nn.Module):
    """Convolves with filters that are no parameter, drawn by one of three generators.

    Arguments:
        source: Which; `seeded` for one of its own, which draws the same always.
    """

    def __init__(self, source: str, classes: int = 3) -> None:
        super().__init__()
        shape = (4, 3, 3, 3)
        if source == "torch":
            self.filters = torch.randn(shape)
        elif source == "random":
            self.filters = torch.full(shape, random.random())
        elif source == "numpy":
            self.filters = torch.from_numpy(np.random.randn(*shape)).float()  # noqa: NPY002
        else:
            self.filters = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        self.act, self.last = nn.ReLU(), nn.Linear(4, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        return self.last(self.act(functional.conv2d(images, self.filters)).mean(dim=(2, 3)))


class Tempered(nn.Module):
    """A network whose factory has arguments that no weights hold."""

    def __init__(self, temperature: float = 1.0, first: float = 0.0) -> None:
        super().__init__()
        self.body, self.temperature, self.first = body(), temperature, first

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, something added to the first."""
        logits = self.body(images) / self.temperature
        return logits + torch.tensor([self.first, 0, 0])
