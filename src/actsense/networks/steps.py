"""The steps of a module as torch.fx lists them, each making a new value of the values before it.

A network may change values in place: what holds such a value, or a view of it, finds it changed.
In the list that becomes explicit. A step that changes something works on a copy, and later steps
that hold what was changed read what became of it. So they can be run again, and with other values.
"""

__all__ = ["Steps", "list_steps"]

import operator
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.utils._pytree import tree_leaves, tree_map

IN_PLACE = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow"),
    *("and", "or", "xor", "lshift", "rshift"),
)


@dataclass(frozen=True)
class Steps:
    """Steps that can be run one by one.

    Attributes:
        module: The module as a graph; it shares parameters and modules with the one given.
        outputs: The step whose value is the output of a module, at the moment it returns, by name.
        copied: Values that a step changes, and has to copy first.
        instead: What some modules that work in place do on values of their own, by name.
    """

    module: fx.GraphModule
    outputs: dict[str, fx.Node]
    copied: dict[fx.Node, tuple[fx.Node, ...]]
    instead: dict[str, nn.Module]


def list_steps(module: nn.Module, images: Tensor) -> Steps:
    """List the steps of a module; the module itself is left as it is.

    Arguments:
        module: The module, on any device.
        images: Normalised images, (batch, 3, height, width), which show what is changed in place.

    Raises:
        Exception: Whatever the module raises when it is run with stand-ins for tensors.
    """
    held = set(vars(module))
    tracer = _Tracer()
    try:
        listed = fx.GraphModule(module, tracer.trace(module))
    finally:
        for name in set(vars(module)) - held:  # tensors that the trace came across
            delattr(module, name)
    named = {node.name: node for node in listed.graph.nodes}
    returned = {
        name: (named[output.name], named[last.name])
        for name, (output, last) in tracer.returned.items()
    }
    return _Explicit(listed, returned).steps(_changes(listed, images, returned.values()))


class _Proxy(fx.Proxy):
    """Stands for a tensor; what changes it in place is a step that does so."""

    def __setitem__(self, key: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, key, value), {})


def _in_place(name: str) -> Callable[[_Proxy, Any], Any]:
    function = getattr(operator, f"i{name}")

    def changed(self: _Proxy, other: Any) -> Any:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return changed


for _name in IN_PLACE:  # torch.fx itself makes `x + y` of `x += y`
    setattr(_Proxy, f"__i{_name}__", _in_place(_name))


class _Tracer(fx.Tracer):
    """Notes which step makes the output of every module, leaf or not, and the last one inside."""

    def __init__(self) -> None:
        super().__init__()
        self.returned: dict[str, tuple[fx.Node, fx.Node]] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Take layers of others that extend one of torch.nn as one step, like those of torch.nn.

        Convolutions that pad as their images need, for example, decide by the size of a map.
        """
        extends = any(
            kind.__module__.startswith("torch.nn.modules")
            for kind in type(m).__mro__
            if not issubclass(nn.Sequential, kind)
        )
        alone = not any(True for _ in m.children())
        return super().is_leaf_module(m, module_qualified_name) or (extends and alone)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        output = super().call_module(m, forward, args, kwargs)
        if isinstance(output, fx.Proxy):
            last = next(iter(reversed(self.graph.nodes)))
            self.returned[self.path_of_module(m)] = output.node, last
        return output


@dataclass(frozen=True)
class _Change:
    """What a step changes in place.

    Attributes:
        alike: Steps whose values it changes, those with the same numbers of memory together.
        returns: Whether one such group is all, and the step returns it.
    """

    alike: list[list[fx.Node]]
    returns: bool


def _changes(
    listed: fx.GraphModule, images: Tensor, returned: Iterable[tuple[fx.Node, fx.Node]]
) -> dict[fx.Node, _Change]:
    """Run the steps as they are, and see which values in use each of them changes."""
    nodes = list(listed.graph.nodes)
    place = {node: k for k, node in enumerate(nodes)}
    last_use = {node: max((place[user] for user in node.users), default=0) for node in nodes}
    for output, end in returned:
        last_use[output] = max(last_use[output], place[end])
    runner = fx.Interpreter(listed, garbage_collect_values=False)
    found: dict[fx.Node, _Change] = {}
    values: dict[fx.Node, Any] = {}
    with torch.inference_mode(mode=False), torch.no_grad():  # inference does not count changes
        for k, node in enumerate(nodes):
            values = {used: value for used, value in values.items() if last_use[used] >= k}
            before = {used: _versions(value) for used, value in values.items()}
            runner.env = dict(values)
            value = images.clone() if node.op == "placeholder" else runner.run_node(node)
            changed = [used for used in values if _versions(values[used]) != before[used]]
            if changed:
                groups: dict[Any, list[fx.Node]] = {}
                for used in changed:
                    groups.setdefault(_memory(values[used]), []).append(used)
                found[node] = _Change([*groups.values()], [*groups] == [_memory(value)])
            values[node] = value
    return found


def _versions(value: Any) -> list[int]:
    """Return how often every tensor in a value has been changed."""
    tensors = [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
    return [0 if tensor.is_inference() else tensor._version for tensor in tensors]


def _memory(value: Any) -> Any:
    """Return where the numbers of a tensor lie."""
    if isinstance(value, Tensor):
        return value.data_ptr(), value.shape, value.stride(), value.dtype
    return id(value)


class _Explicit:
    """Makes changes in place explicit, step by step in the order of execution."""

    def __init__(
        self, listed: fx.GraphModule, returned: dict[str, tuple[fx.Node, fx.Node]]
    ) -> None:
        self._listed, self._returned = listed, returned
        self._place = {node: k for k, node in enumerate(listed.graph.nodes)}
        self._now = {node: node for node in self._place}  # what holds the value of a step by now
        self._copied: dict[fx.Node, tuple[fx.Node, ...]] = {}

    def steps(self, changes: dict[fx.Node, _Change]) -> Steps:
        """Apply the changes that were seen."""
        outputs, instead = {}, self._instead(changes)
        for node in self._place:
            if node in changes:
                self._apply(node, changes[node])
            for name, (output, last) in self._returned.items():
                if last is node:
                    outputs[name] = self._now[output]
        copied = {k: v for k, v in self._copied.items() if k.target not in instead}
        return Steps(self._listed, outputs, copied, instead)

    def _instead(self, changes: dict[fx.Node, _Change]) -> dict[str, nn.Module]:
        """Find modules that can be told not to work in place; that is faster than a copy."""
        calls = [node for node in self._place if node.op == "call_module"]
        others = {n.target for n in calls if not (n in changes and changes[n].returns)}
        found = {}
        for name in {str(node.target) for node in calls} - others:
            module = self._listed.get_submodule(name)
            if getattr(module, "inplace", False):
                found[name] = copy(module)
                found[name].inplace = False  # type: ignore[assignment]
        return found

    def _apply(self, node: fx.Node, change: _Change) -> None:
        held = [{self._now[used] for used in group} for group in change.alike]
        if change.returns:
            self._copied[node] = tuple(used for used in node.all_input_nodes if used in held[0])
            self._replace(change.alike[0], node, after=node)
            return
        graph = self._listed.graph
        with graph.inserting_before(node):
            first = tuple(self._now[group[0]] for group in change.alike)
            copies = graph.call_function(_copied_together, (first,))
            parts = [graph.call_function(operator.getitem, (copies, k)) for k in range(len(first))]
        for own, part in zip(held, parts, strict=True):
            for used in own.intersection(node.all_input_nodes):
                node.replace_input_with(used, part)
        with graph.inserting_after(node):
            for group, part in zip(change.alike, parts, strict=True):
                self._replace(group, graph.call_function(_behind, (part, node)), after=node)

    def _replace(self, group: Sequence[fx.Node], new: fx.Node, *, after: fx.Node) -> None:
        """Let later steps read the new value instead of those of a group."""
        for used in group:
            old, self._now[used] = self._now[used], new
            for user in list(old.users):
                if self._place.get(user, -1) > self._place[after]:
                    user.replace_input_with(old, new)


def _copied_together(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copy values; those that share memory share that of the copy."""
    storages: dict[int, torch.UntypedStorage] = {}

    def copied(tensor: Any) -> Any:
        if not isinstance(tensor, Tensor):
            return tensor
        own = tensor.untyped_storage()
        if own.data_ptr() not in storages:
            storages[own.data_ptr()] = own.clone()  # type: ignore[no-untyped-call]
        kept = storages[own.data_ptr()]
        place = tensor.storage_offset(), tensor.shape, tensor.stride()
        return torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(kept, *place)

    copies: tuple[Any, ...] = tree_map(copied, values)
    return copies


def _behind(value: Any, _step: Any) -> Any:
    """Return a value once a step has changed it."""
    return value
