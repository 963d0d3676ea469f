"""Networks as people write them: factories of modules that work, and of modules that do not."""

import torch
from torch import Tensor, nn


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
