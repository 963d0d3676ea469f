"""What the settings of a training may say together: depths, and keys that others need.

Nothing here needs PyTorch: a plan asks before anything is run.
"""

__all__ = [
    "BESIDE",
    "DEPTHS",
    "PER_BLOCK",
    "WIDENINGS",
    "WIDTHS",
    "depth_mistake",
    "recipe_mistakes",
]

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actsense.networks.settings import Trained

PER_BLOCK = 6  # layers that one more block in each of three stages adds
BESIDE = {"resnet": 2, "wide_resnet": 4}  # layers that are in no block
DEPTHS = {"resnet": 56, "wide_resnet": 28}  # unless another one is wanted
WIDTHS = {"resnet": 16, "wide_resnet": 16}  # likewise; of others: 8
WIDENINGS = {"wide_resnet": 10}  # likewise

# Keys that mean nothing unless another one has a value.
NEEDED = {
    "depth": ("architecture", ("resnet", "wide_resnet")),
    "widening": ("architecture", ("wide_resnet",)),
    "dropout": ("architecture", ("wide_resnet",)),
    "momentum": ("optimizer", ("sgd",)),
    "nesterov": ("optimizer", ("sgd",)),
    "milestones": ("schedule", ("steps",)),
    "decay": ("schedule", ("steps",)),
}


def depth_mistake(architecture: str, depth: int) -> str:
    """Say what is wrong with a depth, and which ones are allowed; nothing if it is right."""
    beside = BESIDE[architecture]
    if depth > beside and (depth - beside) % PER_BLOCK == 0:
        return ""
    first = PER_BLOCK + beside
    allowed = ", ".join(str(first + PER_BLOCK * more) for more in range(3))
    return (
        f"{depth} layers do not make three stages of equally many blocks. Allowed: {allowed} and "
        f"so on, {PER_BLOCK} n + {beside}."
    )


def recipe_mistakes(network: "Trained") -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the settings of a training, each as a key and a sentence."""
    for key, (other, values) in NEEDED.items():
        own = getattr(network, other)
        if key in network.model_fields_set and own not in values:
            wanted = " or ".join(values)
            yield key, f"means nothing with {other}: {own}. Leave it out, or take {wanted}."
    if network.architecture in BESIDE:
        wrong = depth_mistake(network.architecture, network.depth)
        yield from [("depth", wrong)] if wrong else []
    if network.architecture == "wide_resnet" and network.widening == 0:
        yield "widening", "0 leaves no channels. Allowed: integers from 1."
    if network.optimizer == "sgd" and network.nesterov and network.momentum == 0:
        yield "nesterov", "there is no momentum. Give momentum a value above 0, or write false."
    if network.schedule == "steps" and (wrong := _milestones_mistake(network)):
        yield "milestones", wrong


def _milestones_mistake(network: "Trained") -> str:
    given, last = [*network.milestones], network.epochs - 1
    if not given:
        return "schedule: steps needs some, epochs after which the learning rate falls."
    if given != sorted(given):
        return f"{given} does not ascend. Write {sorted(given)}."
    if given[-1] > last:
        return (
            f"{given[-1]} is not before the end of {network.epochs} epochs. Allowed: 1 to {last}."
        )
    return ""
