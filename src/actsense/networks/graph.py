"""A network as a list of steps that can be entered and left at every recorded layer.

What lies before a layer is then evaluated once for everything that is done behind it, and the
part between two layers can be run alone.
"""

__all__ = ["LayerGraph", "Values"]

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from actsense.errors import ConfigError
from actsense.networks.foreign import described
from actsense.networks.network import Network
from actsense.networks.probes import differ
from actsense.networks.steps import list_steps

Values = dict[fx.Node, Any]
Edit = Callable[[Tensor], Tensor]
CONSEQUENCE = (
    "Segments need the steps, and leave this network out; masks run all of it every time."
)


class LayerGraph:
    """The steps of a network, from normalised images to logits.

    Arguments:
        network: The network; its module is left as it is.
        layers: Names of the modules whose outputs are entered or left at.
        images: Some normalised images to try it with, (batch, 3, height, width), on its device.

    Attributes:
        layers: Those names, in the order of execution.

    Raises:
        ConfigError: If PyTorch cannot trace the network, a layer has no place in it, or the steps
            do not give what the untouched module gives, at every layer and as logits.
    """

    layers: tuple[str, ...]

    def __init__(self, network: Network, layers: Sequence[str], images: Tensor) -> None:
        try:
            steps = list_steps(network.module, images)
        except Exception as error:  # somebody else's code, run with stand-ins for tensors
            raise ConfigError(
                f"networks.{network.name}: its steps cannot be listed ({described(error)}). "
                "torch.fx lists those of networks whose control flow does not depend on values. "
                f"{CONSEQUENCE}"
            ) from error
        self._runner = fx.Interpreter(steps.module, garbage_collect_values=False)
        self._copied, self._instead = steps.copied, steps.instead
        self._nodes: list[fx.Node] = list(steps.module.graph.nodes)
        self._place = {node: k for k, node in enumerate(self._nodes)}
        self._output = {}
        for layer in layers:
            if layer not in steps.outputs:
                raise ConfigError(
                    f"networks.{network.name}: layer {layer!r} is not among its steps. Known: "
                    f"{', '.join(steps.outputs)}."
                )
            self._output[layer] = steps.outputs[layer]
        self.layers = tuple(sorted(layers, key=lambda layer: self._place[self._output[layer]]))
        self._compare(network, images)

    def head(self, images: Tensor, stop: str) -> Values:
        """Run up to a layer; return what the steps behind it need, its output among it.

        Arguments:
            images: Normalised images, (batch, 3, height, width).
            stop: Name of the layer.
        """
        end = self._place[self._output[stop]] + 1
        values = self._run(self._nodes[:end], {self.images: images}, {})
        needed = {node for later in self._nodes[end:] for node in later.all_input_nodes}
        return {node: value for node, value in values.items() if node in needed}

    def tail(self, values: Values, stop: str, edits: Mapping[str, Edit]) -> Tensor:
        """Run from behind a layer to the logits.

        Arguments:
            values: What `head` returned for the same layer, all with the same batch axis.
            stop: Name of that layer.
            edits: What to do with the outputs of layers, that one included, by name.
        """
        first = self._output[stop]
        values = dict(values)
        for edit in self._edits_by_step(edits).get(first, ()):
            values[first] = edit(values[first])
        nodes = self._nodes[self._place[first] + 1 :]
        logits: Tensor = self._run(nodes, values, edits)[self._nodes[-1]]
        return logits

    @property
    def images(self) -> fx.Node:
        """The step whose value is the normalised images."""
        return self._nodes[0]

    def output(self, layer: str) -> fx.Node:
        """Return the step whose value is a layer's output."""
        return self._output[layer]

    def segment(self, start: str | None, stop: str) -> list[fx.Node]:
        """Return the steps that lead from one layer, or from the images, to another.

        Raises:
            ConfigError: If the second layer needs more of the network than the first one's output.
        """
        source = self.images if start is None else self._output[start]
        wanted, steps = [self._output[stop]], set()
        while wanted:
            node = wanted.pop()
            if node is source or node in steps:
                continue
            if node.op == "placeholder":
                raise ConfigError(
                    f"{stop!r} does not depend on {start!r} alone, so what lies between them is "
                    "no segment of the network."
                )
            steps.add(node)
            wanted += node.all_input_nodes
        return sorted(steps, key=lambda node: self._place[node])

    def module(self, node: fx.Node) -> nn.Module | None:
        """Return the module that a step calls, if it calls one."""
        if node.op != "call_module":
            return None
        called: nn.Module = self._runner.submodules[str(node.target)]
        return called

    def step(self, node: fx.Node, values: Values) -> Any:
        """Return what one step makes of the values of steps before it, which stay as they are."""
        copies = {used: values[used].clone() for used in self._copied.get(node, ())}
        self._runner.env = {**values, **copies} if copies else values
        if node.op == "call_module" and node.target in self._instead:
            args, kwargs = self._runner.fetch_args_kwargs_from_env(node)
            return self._instead[str(node.target)](*args, **kwargs)
        return self._runner.run_node(node)

    def _run(self, nodes: Sequence[fx.Node], values: Values, edits: Mapping[str, Edit]) -> Values:
        """Run some steps; values that nothing needs any more are let go."""
        last_use = {used: node for node in self._nodes for used in node.all_input_nodes}
        edited = self._edits_by_step(edits)
        for node in nodes:
            if node.op != "placeholder":
                values[node] = self.step(node, values)
                for edit in edited.get(node, ()):
                    values[node] = edit(values[node])
            for used in node.all_input_nodes:
                if last_use[used] is node:
                    values.pop(used, None)
        return values

    @torch.inference_mode()
    def _compare(self, network: Network, images: Tensor) -> None:
        """Run the module itself, and the steps."""
        expected: dict[str, Tensor] = {}
        found: dict[str, Tensor] = {}

        def noted(values: dict[str, Tensor], layer: str, output: Tensor) -> Tensor:
            values[layer] = output.clone()
            return output

        with ExitStack() as hooks:
            for layer in self.layers:
                note = partial(noted, expected, layer)
                hooks.callback(_hooked(network.module.get_submodule(layer), note).remove)
            expected["logits"] = network.module(images.clone())
        edits = {layer: partial(noted, found, layer) for layer in self.layers}
        values = self._run(self._nodes, {self.images: images}, edits)
        found["logits"] = values[self._nodes[-1]]
        for layer, value in expected.items():
            if differ(value, found[layer]):
                raise ConfigError(
                    f"networks.{network.name}: {layer!r} is not what its steps, listed by "
                    f"torch.fx, make of the same image. {CONSEQUENCE}"
                )

    def _edits_by_step(self, edits: Mapping[str, Edit]) -> dict[fx.Node, list[Edit]]:
        """Group edits: a module and the last one inside it have the same output."""
        grouped: dict[fx.Node, list[Edit]] = {}
        for layer in self.layers:
            if layer in edits:
                grouped.setdefault(self._output[layer], []).append(edits[layer])
        return grouped


def _hooked(module: nn.Module, note: Edit) -> torch.utils.hooks.RemovableHandle:
    return module.register_forward_hook(lambda _module, _inputs, output: note(output))
