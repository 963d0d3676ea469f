"""The classifiers of a network: what makes its logits of the last hidden vector.

They are the last modules that mix channels by weights of their own and have as many outputs as the
network.
"""

__all__ = ["find_classifiers", "hidden_width"]

from actsense.errors import ConfigError
from actsense.networks.network import Network
from actsense.networks.trace import Call, trace
from actsense.networks.trunk import mixing_weights


def find_classifiers(network: Network, side: int) -> list[str]:
    """Name the modules that make the logits: one, or several alike side by side.

    Arguments:
        network: The network.
        side: Side of the square images, pixels.

    Raises:
        ConfigError: If there is none.
    """
    calls, output = trace(network.module, side, f"networks.{network.name}")
    mixing = [call for call in calls if _mixes(call)]
    names = [call.name for call in mixing]
    heads: list[Call] = []
    while mixing and _makes(mixing[-1], output[1]) and (not heads or _alike(mixing[-1], heads[0])):
        heads.insert(0, mixing.pop())
    if not heads or any(names.count(head.name) > 1 for head in heads):
        raise ConfigError(
            f"networks.{network.name}: its last hidden vector cannot be told, for the last module "
            f"with weights does not run once and make its {output[1]} outputs. Make a module of "
            f"what does, or leave {network.name} out with `patterns.networks`."
        )
    return [head.name for head in heads]


def hidden_width(network: Network, side: int) -> int:
    """Count the numbers of the last hidden vector, or return 0 where it cannot be told.

    Arguments are those of `find_classifiers`.
    """
    try:
        names = find_classifiers(network, side)
    except ConfigError:
        return 0
    heads = [[*network.module.get_submodule(name).parameters()] for name in names]
    return sum(max(own.numel() // len(own) for own in head) for head in heads)


def _mixes(call: Call) -> bool:
    """Tell whether a module mixes channels by weights of its own, and none inside it does."""
    return bool(mixing_weights(call)) and not any(map(mixing_weights, call.inside))


def _makes(call: Call, outputs: int) -> bool:
    """Tell whether it returns so many numbers, for every image or place."""
    shape = call.shape or ()
    return len(shape) >= 2 and outputs in (shape[1], shape[-1])


def _alike(call: Call, head: Call) -> bool:
    """Tell whether two modules are of one kind and take vectors of one width, not each other's."""
    widths = [[tuple(own.shape) for own in one.module.parameters()] for one in (call, head)]
    square = any(len(shape) > 1 and shape[0] == shape[1] for shape in widths[0])
    return type(call.module) is type(head.module) and widths[0] == widths[1] and not square
