"""Which layers `auto` takes: those that a reader of the architecture would name.

The trunk of a network falls into a stem, which ends before the first block, and stages, in which
size and channels stay. Taken are the end of the stem, the ends of stages, the pooled vector,
hidden vectors, and `probabilities`; of networks with few stages also blocks at even depths, and of
those with many not the smallest.
"""

__all__ = ["PUBLISHED", "choose_layers"]

from collections.abc import Mapping, Sequence
from itertools import zip_longest

from torch import nn

from actsense.networks.arrangement import Arrangement
from actsense.networks.bag import BagNetwork
from actsense.networks.trace import Call
from actsense.networks.trunk import Item, Trunk, steps

MOST, WANTED, FEWEST = 10, 8, 6  # layers, `probabilities` among them
HIDDEN = 2  # hidden vectors, from the end

# What was recorded of networks of torchvision in the published study: 205,672, 1,539,560 and
# 553,448 units at 224x224. By class, number of convolutions, and whether there is batch
# normalisation: the layers with their channels, all seen after the activation function.
PUBLISHED = {
    ("AlexNet", 5, False): {
        "features.2": 64,
        "features.5": 192,
        "features.7": 384,
        "features.9": 256,
        "avgpool": 256,
        "classifier.2": 4096,
        "classifier.5": 4096,
    },
    ("VGG", 8, False): {
        "features.2": 64,
        "features.5": 128,
        "features.10": 256,
        "features.15": 512,
        "avgpool": 512,
        "classifier.1": 4096,
        "classifier.4": 4096,
    },
    ("ResNet", 20, True): {
        "maxpool": 64,
        "layer1": 64,
        "layer2": 128,
        "layer3": 256,
        "avgpool": 512,
    },
}


def choose_layers(root: Call, found: Mapping[str, Arrangement], side: int) -> list[str]:
    """Choose layers of a network, but for `probabilities`.

    Arguments:
        root: The run of the whole network.
        found: How the outputs are arranged that can be recorded, by name.
        side: Of the square images, pixels.

    Returns:
        Their names, in the order of execution.
    """
    if isinstance(root.module, BagNetwork):
        return root.module.recorded
    if published := _published(root, found):
        return published
    outputs = root.shape[-1] if root.shape else 0
    network = Trunk(found, outputs, side)
    trunk = _without_head(network.items(root), outputs)
    maps = [item for item in trunk if item.level is not None]
    vectors = trunk[trunk.index(maps[-1]) + 1 :] if maps else trunk
    stages = _stages([item for item in maps if item.is_block or found[item.name].is_map])
    ends = _vectors(vectors)
    chosen = _fitted(network, stages, beside=len(ends) + 1)
    return [item.name for item in (*chosen, *ends)]


def _published(root: Call, found: Mapping[str, Arrangement]) -> list[str]:
    """Return the published choice, if the network is what it was made for."""
    modules, own = list(root.module.modules()), type(root.module)
    convolutions = sum(isinstance(module, nn.Conv2d) for module in modules)
    normalised = any(isinstance(module, nn.BatchNorm2d) for module in modules)
    layers = PUBLISHED.get((own.__name__, convolutions, normalised), {})
    same = own.__module__.startswith("torchvision.models.") and all(
        name in found and found[name].shape[0] == channels for name, channels in layers.items()
    )
    return list(layers) if same else []


def _without_head(trunk: list[Item], outputs: int) -> list[Item]:
    """Leave out what makes the logits, one layer or several alike side by side."""
    kept, heads = list(trunk), set[type]()
    while weighted := [k for k, item in enumerate(kept) if item.weights]:
        head = kept[weighted[-1]]
        heads = heads or {type(head.call.module)}
        alike = type(head.call.module) in heads
        if head.is_block or head.shape[0] != outputs or not alike:
            break
        kept = kept[: weighted[-1]]
    return kept


def _stages(maps: list[Item]) -> list[list[Item]]:
    """Cut the trunk into the stem, and stages in which size and channels stay.

    Pooling belongs to what is pooled, but for the last. A single convolution between blocks
    begins a stage that the next block goes on with, and is left out.
    """
    if len(maps) > 1 and maps[0].is_block and maps[1].only_normalises:
        maps = maps[1:]  # several convolutions in a row, a deep stem, to be normalised yet
    blocks = [k for k, item in enumerate(maps) if item.is_block]
    first, last = (blocks[0], blocks[-1]) if blocks else (0, -1)
    stages = [maps[:first]] if first else []
    for k, item in enumerate(maps[first:], start=first):
        goes_on = k > first and _goes_on(stages[-1], item, behind=k == last + 1)
        if goes_on:
            stages[-1].append(item)
        elif item.is_block or k > last:
            stages.append([item])
    return stages


def _goes_on(stage: Sequence[Item], item: Item, *, behind: bool) -> bool:
    """Tell whether a stage goes on with an item, which comes behind the last block or not."""
    if not item.weights:
        return not behind or item.shape == stage[-1].shape
    mixed = [own for own in stage if own.weights]
    return bool(mixed) and mixed[-1].stage == item.stage


def _vectors(items: list[Item]) -> list[Item]:
    """Return the pooled vector, and the last hidden ones after their activation functions."""
    groups: list[list[Item]] = []
    for item in items:
        if item.weights or not groups:
            groups.append([])
        groups[-1].append(item)
    ends = [_end(group) for group in groups]
    pooled = 1 if groups and not groups[0][0].weights else 0
    return [end for end in (*ends[:pooled], *ends[pooled:][-HIDDEN:]) if end]


def _end(stage: Sequence[Item]) -> Item | None:
    """Return the last block, or what comes last of smaller modules."""
    blocks = [item for item in stage if item.is_block]
    others = [item for item in stage if not item.only_normalises]
    if stage and stage[-1].only_normalises:  # a convolution whose normalisation is still to come
        others = [item for item in others if not item.weights] or others
    ends = blocks or others
    return ends[-1] if ends else None


def _fitted(network: Trunk, stages: list[list[Item]], *, beside: int) -> list[Item]:
    """Return the ends of stages; more places if they are few, fewer if they are many.

    Arguments:
        network: The network.
        stages: The stem first.
        beside: Layers that are taken beside.
    """
    stages = [
        own for own, after in zip_longest(stages, stages[1:]) if _is_stage(network, own, after)
    ]
    ends = [end for stage in stages if (end := _end(stage))]
    if len(ends) + beside < FEWEST:
        whole = any(end.is_block for end in ends)  # then the stem and the like stay closed
        opened = [
            _opened(network, stage) if end.is_block or not whole else [end]
            for stage, end in zip(stages, ends, strict=True)
        ]
        return _filled(opened, WANTED - beside)
    while len(ends) + beside > MOST:
        last = {item.level: item for item in ends if item.is_block}
        needed = (ends[0], *last.values())
        spare = [item for item in ends if item not in needed] or ends[1:]
        least = min(item.weights for item in spare)
        smallest = [item for item in spare if item.weights == least]
        if len(ends) + beside - len(smallest) < WANTED:
            del smallest[1:]
        ends = [item for item in ends if item not in smallest]
    return ends


def _is_stage(network: Trunk, stage: Sequence[Item], after: Sequence[Item] | None) -> bool:
    """Tell whether a stage is more than one block, or no stage of blocks of its size follows."""
    end, later = _end(stage), _end(after or [])
    if end is None:
        return False
    if not end.is_block or later is None or not later.is_block or later.level != end.level:
        return True
    return sum(item.is_block for item in (*stage[:-1], *network.parts(end))) > 1


def _filled(steps: list[list[Item]], most: int) -> list[Item]:
    """Take places at even depths, more of them from stages of more steps."""
    steps = [own for own in steps if own]
    taken = [1] * len(steps)
    while sum(taken) < min(most, sum(map(len, steps))):
        left = [
            len(own) / count if len(own) > count else 0
            for own, count in zip(steps, taken, strict=True)
        ]
        taken[left.index(max(left))] += 1
    return [
        own[round((k + 1) * len(own) / count) - 1]
        for own, count in zip(steps, taken, strict=True)
        for k in range(count)
    ]


def _opened(network: Trunk, stage: Sequence[Item]) -> list[Item]:
    """Return the modules of a stage that follow each other, opened if it is but one."""
    found, end = steps(stage), _end(stage)
    if end and len(found) < 2:
        return network.parts(end) if end.is_block else [end]
    return found
