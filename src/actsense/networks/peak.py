"""How many bytes a network holds at a time, before it has weights or images."""

__all__ = ["Peak", "measure_forward", "measure_peak"]

import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PROBES = 2  # images: some networks treat one alone differently


@dataclass(frozen=True)
class Peak:
    """Bytes that a network needs.

    Attributes:
        weights: Of its parameters and buffers.
        forward: Alive at most while an image passes, per image; the image among them.
        back: The same with the way back to the image.
    """

    weights: int
    forward: int
    back: int


def measure_peak(module: nn.Module, image_size: int) -> Peak:
    """Measure what a network holds from the shapes of its values.

    Memory that an operation needs inside itself does not count.

    Arguments:
        module: The network, on any device; on the meta device nothing is computed.
        image_size: Side of the square images, pixels.
    """
    state = module.state_dict().values()
    return Peak(
        weights=sum(tensor.nbytes for tensor in state),
        forward=measure_forward(module, image_size),
        back=_alive(module, image_size, back=True),
    )


def measure_forward(module: nn.Module, image_size: int) -> int:
    """Measure the bytes alive at most while an image passes; see `Peak`."""
    return _alive(module, image_size, back=False)


def _alive(module: nn.Module, side: int, *, back: bool) -> int:
    first = next(module.parameters(), torch.empty(0))
    watch = _Watch(module)
    with _frozen(module), torch.set_grad_enabled(back), watch:
        images = torch.zeros(PROBES, 3, side, side, device=first.device, requires_grad=back)
        with suppress(Exception):  # somebody else's code may have no way back
            logits = module(images.mul(1))  # normalised ones are not the images themselves
            if back and logits.requires_grad:
                logits.sum().backward()
    return watch.most // PROBES


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Let nothing but images have gradients."""
    wanted = [p for p in module.parameters() if p.requires_grad]
    try:
        for parameter in wanted:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_()


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that operations make, for as long as they live."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.most = self._now = 0
        held = [tensor.untyped_storage() for tensor in module.state_dict().values()]
        self._seen = weakref.WeakSet(held)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to skip the compiler is to import it: a second, where nothing is compiled

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._note(tensor.untyped_storage())
        self.most = max(self.most, self._now)
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage not in self._seen:
            self._seen.add(storage)
            self._now += storage.nbytes()
            weakref.finalize(storage, self._drop, storage.nbytes())

    def _drop(self, size: int) -> None:
        self._now -= size
