"""Masked networks tried on images, one input after another.

An augmentation is always on; its parameters are drawn once per image, or as often as asked for,
from the seed and the image's row alone: neither other images nor the size of a batch have a part
in them.
"""

__all__ = ["MaskTrial", "shown"]

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actsense.draws import stream
from actsense.errors import ConfigError
from actsense.masking.blocks import Block, cut_blocks
from actsense.masking.masked_network import Entered, MaskedNetwork, Scaling
from actsense.masking.metrics import Outcomes, outcomes
from actsense.masking.plan import SOFT, MaskPlan
from actsense.masking.ranks import MaskRanks
from actsense.progress import Progress
from actsense.sampling.designs import ORIGINAL
from actsense.sampling.opening import Sampling

Rows = NDArray[np.int64]
Group = tuple[tuple[str, ...], str, bool]  # layers, level, whether means replace activations

FIRST = 5  # classes that are kept of every prediction
TRIED = 4  # images that the masked network is tried with before anything else


def shown(sampling: Sampling, rows: Rows, name: str, draw: int = 0) -> Tensor:
    """Return images as an input shows them, (rows, 3, height, width) in [0, 1].

    Arguments:
        sampling: Images and augmentations.
        rows: Dataset rows of the images, (rows,).
        name: `original`, or the augmentation that is on.
        draw: Which draw of its parameters.
    """
    law = sampling.law
    if name == ORIGINAL:
        return sampling.evaluate.inputs(law.alone(rows, -1, np.empty((len(rows), 0))))
    which, seed = law.augmentations.index(name), sampling.design.seed
    count = len(law.parameters[which])
    uniforms = [
        stream(seed, "masked inputs", name, int(row)).random((draw + 1, count))[draw]
        for row in rows
    ]
    return sampling.evaluate.inputs(law.alone(rows, which, np.stack(uniforms)))


class MaskTrial:
    """A network under the plans of a design, shown the same images again and again.

    Arguments:
        sampling: Network, images and augmentations.
        ranks: What plans mask.
        rows: Dataset rows of the images, (images,).

    Attributes:
        classes: Outputs of the network.
        k: How many first classes are kept of every prediction.
    """

    classes: int
    k: int

    def __init__(self, sampling: Sampling, ranks: MaskRanks, rows: Rows) -> None:
        self._sampling, self._ranks, self._rows = sampling, ranks, rows
        self._subject = sampling.subject
        self._on_device: dict[tuple[MaskPlan, str], Tensor] = {}
        images = shown(sampling, rows[:TRIED], ORIGINAL)
        self._network = MaskedNetwork(self._subject, ranks.layers, images)
        first = self._network.enter(images, self._network.layers[0])
        self.classes = self._network.logits(first, {}).shape[-1]
        self.k = min(FIRST, self.classes)

    def blocks(self, plans: Sequence[MaskPlan], within: range | None = None) -> Iterator[Block]:
        """Yield what is tried together, in order; see `cut_blocks`.

        Arguments:
            plans: What is masked.
            within: Outcomes that are wanted, all by default.
        """
        groups: dict[Group, list[int]] = {}
        for position, plan in enumerate(plans):
            key = (self._ranks.masked_layers(plan), plan.level, plan.rule == "mean")
            groups.setdefault(key, []).append(position)
        batch, images = self._subject.batch_size, len(self._rows)
        return cut_blocks([*groups.values()], images, batch, within or range(len(plans) * images))

    def run(
        self,
        name: str,
        plans: Sequence[MaskPlan],
        known: Progress | None = None,
        *,
        draw: int = 0,
    ) -> Outcomes:
        """Show all images under one input to the network under every plan.

        Arguments:
            name: The input, see `shown`.
            plans: What is masked.
            known: Is told of every image that a masked network has seen.
            draw: Which draw of the input.

        Raises:
            ConfigError: If logits are not finite.
        """
        found = Outcomes.empty(len(plans), len(self._rows), self.k)
        for block in self.blocks(plans):
            found.put(block, self.show(name, plans, block, known, draw=draw))
        return found

    def show(
        self,
        name: str,
        plans: Sequence[MaskPlan],
        block: Block,
        known: Progress | None = None,
        *,
        draw: int = 0,
    ) -> Outcomes:
        """Show the images of a block to the network under its plans, in their order there.

        Arguments are those of `run`.

        Raises:
            ConfigError: If logits are not finite.
        """
        rows = self._rows[block.images]
        found = Outcomes.empty(len(block.plans), len(rows), self.k)
        known = known or Progress(0, desc=name, unit="image")  # counts for nobody
        before = known.done

        def show(part: slice) -> None:
            known.done = before + part.start * len(found.order)  # out of memory starts anew
            images = shown(self._sampling, rows[part], name, draw)
            self._show(images, plans, block, part, found, known)

        self._subject.memory.run(len(rows), show)
        if not np.isfinite(found.divergence).all():
            raise ConfigError(
                f"masking: logits are not finite under input {name!r}. Set masking.scales nearer "
                "to 1, or precision: float32."
            )
        return found

    def _show(
        self,
        images: Tensor,
        plans: Sequence[MaskPlan],
        block: Block,
        part: slice,
        found: Outcomes,
        known: Progress,
    ) -> None:
        """Show some of the images."""
        whole = self._network.enter(images, self._network.layers[0])
        unmasked = self._network.logits(whole, {})[0]
        entered, done = whole, 0
        for stack in block.stacks:
            layers = self._ranks.masked_layers(plans[stack[0]])
            entered = self._entered(images, layers, whole, entered)
            step = max(1, self._subject.memory.size // len(images)) if entered.stackable else 1
            for start in range(0, len(stack), step):
                versions = [plans[position] for position in stack[start : start + step]]
                scalings = {layer: self._scaling(versions, layer) for layer in layers}
                logits = self._network.logits(entered, scalings, len(versions))
                part_found = outcomes(logits, unmasked, self.k)
                chosen = slice(done, done + len(versions))
                found.order[chosen, part] = part_found.order
                found.divergence[chosen, part] = part_found.divergence
                done = chosen.stop
                known.update(len(images) * len(versions))

    def _entered(
        self, images: Tensor, layers: Sequence[str], whole: Entered, last: Entered
    ) -> Entered:
        """Run images to the first of some layers, unless they are there already."""
        first = next((layer for layer in self._network.layers if layer in layers), whole.layer)
        known = {whole.layer: whole, last.layer: last}
        return known[first] if first in known else self._network.enter(images, first)

    def _scaling(self, plans: Sequence[MaskPlan], layer: str) -> Scaling:
        """Return what plans that are all of one kind do to a layer."""
        if plans[0].rule == "mean":
            masked = [self._masked(plan, layer) for plan in plans]
            return Scaling(
                torch.stack([torch.where(chosen, 0.0, 1.0) for chosen in masked]),
                torch.stack([torch.where(chosen, self._means[layer], 0.0) for chosen in masked]),
            )
        return Scaling(torch.stack([self._multiplier(plan, layer) for plan in plans]))

    def _multiplier(self, plan: MaskPlan, layer: str) -> Tensor:
        if plan.rule not in SOFT:
            scale = 1.0 if plan.scale is None else plan.scale
            return torch.where(self._masked(plan, layer), scale, 1.0)
        own = replace(plan, layers="")
        if (own, layer) not in self._on_device:
            multiplier = torch.from_numpy(self._ranks.multiplier(plan, layer))
            self._on_device[own, layer] = multiplier.to(self._subject.device)
        return self._on_device[own, layer]

    def _masked(self, plan: MaskPlan, layer: str) -> Tensor:
        key = (plan.ranking, layer)
        if key not in self._on_device:
            ranks = torch.from_numpy(self._ranks.ranks(plan, layer))
            self._on_device[key] = ranks.to(self._subject.device)
        low, high = self._ranks.window(plan, layer)
        masked = self._on_device[key] < high
        return masked & (self._on_device[key] >= low) if low else masked

    @cached_property
    def _means(self) -> dict[str, Tensor]:
        return {
            layer: torch.from_numpy(self._ranks.means(layer)).to(self._subject.device)
            for layer in self._ranks.layers
        }
