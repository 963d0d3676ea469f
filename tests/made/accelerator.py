"""A GPU for machines without one: its tensors say that they are on CUDA, their values are here.

Whatever would fail on a real one because tensors lie in different places fails here as well: an
operation on tensors of both places, an index or output in the wrong one, NumPy's view of a tensor
that is not in host memory. All else is computed on the CPU, so that numbers can be compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

aten = torch.ops.aten
HOST, PLACE = torch.device("cpu"), torch.device("cuda", 0)
NOWHERE = (None, torch.device("meta"))  # what is made there has no values
# What PyTorch itself takes it for: CUDA's own tensors would ask the driver for their streams.
STANDING_FOR = torch.device("lazy", 0)
COPIES = (aten.copy_.default, aten._to_copy.default)
INDEXING = (
    *(aten.index.Tensor, aten.index_put.default),
    *(aten.index_put_.default, aten._index_put_impl_.default),
)


@contextmanager
def accelerator() -> Iterator[torch.device]:
    """Have a GPU: that of the machine, or a made-up one."""
    if torch.cuda.is_available():
        yield torch.device("cuda")
        return
    torch._C._ensureCUDADeviceGuardSet()  # one that asks no driver
    lifting = torch._C._only_lift_cpu_tensors()
    # `torch.tensor` makes its values in host memory and sends them, where this can be seen.
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        with pytest.MonkeyPatch.context() as patch, _Dispatched():
            for name, stand_in in DRIVER.items():
                patch.setattr(torch.cuda, name, stand_in)
            yield torch.device("cuda")
    finally:
        torch._C._set_only_lift_cpu_tensors(lifting)


DRIVER: dict[str, Callable[..., Any]] = {
    "_lazy_init": lambda: None,
    "is_available": lambda: True,
    "synchronize": lambda device=None: None,
    "mem_get_info": lambda device=None: (10**9, 10**10),
    "get_device_name": lambda device=None: "made up",
    "get_rng_state": lambda device=None: torch.get_rng_state(),
    "set_rng_state": lambda state, device=None: None,
}


def _dispatch(
    seen_by: Any,
    func: Any,
    types: Sequence[type],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    return _run(func, args, dict(kwargs or {}))


class Placed(Tensor):
    """A tensor on the made-up GPU."""

    held: Tensor
    device = property(lambda self: PLACE)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    @staticmethod
    def __new__(cls: type["Placed"], held: Tensor) -> "Placed":
        """Place a tensor, whose memory is shared."""
        made = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=STANDING_FOR,
        )
        made.held = held
        return made

    def __repr__(self) -> str:
        return f"Placed({self.held!r})"

    def tolist(self) -> Any:
        """Return the values, as a real one does."""
        return self.cpu().tolist()

    def numpy(self, *, force: bool = False) -> Any:
        """Refuse, as a real one does."""
        raise TypeError("can't convert cuda:0 device type tensor to numpy.")

    # With these two modules know that their parameters have to be exchanged.

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(inner: Mapping[str, Tensor], *_: Any) -> "Placed":
        return Placed(inner["held"])

    # Operations that no mode has seen, in a thread of its own say.
    __torch_dispatch__ = classmethod(_dispatch)


class _Dispatched(TorchDispatchMode):
    """Sees all operations, those that make tensors included."""

    __torch_dispatch__ = _dispatch


def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if func._can_decompose():  # in inference mode nobody has done so
        with _Dispatched():
            return func.decompose(*args, **kwargs)
    if func is aten.is_pinned.default:
        return False
    if func is aten._pin_memory.default:
        return args[0].clone()
    _refuse_mixed(func, args, kwargs)
    here = tree_map(lambda leaf: leaf.held if isinstance(leaf, Placed) else leaf, (args, kwargs))
    if here[1].get("device") not in NOWHERE:
        here[1]["device"] = HOST
    found = func(*here[0], **here[1])
    if not _is_placed(func, args, kwargs):
        return found
    # Tensors of inference mode cannot be views of others, but those that stand for them have to.
    with torch.inference_mode(mode=False):
        placed = tree_map(lambda leaf: Placed(leaf) if isinstance(leaf, Tensor) else leaf, found)
        return return_and_correct_aliasing(func, args, kwargs, placed)


def _is_placed(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Tell where the result belongs: to what is written to, where asked for, or to its origin."""
    if kwargs.get("device") not in NOWHERE:
        return torch.device(kwargs["device"]).type != "cpu"
    if func in (*COPIES, *INDEXING):
        return isinstance(args[0], Placed)
    return any(isinstance(leaf, Placed) for leaf in tree_leaves((args, kwargs)))


def _refuse_mixed(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse what CUDA refuses: all but numbers and indices that come from the host."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    if func in COPIES or not any(isinstance(tensor, Placed) for tensor in tensors):
        return
    if func in INDEXING and isinstance(args[0], Placed):
        tensors = [leaf for leaf in tree_leaves(args[2:]) if isinstance(leaf, Tensor)]
    host = [tensor for tensor in tensors if not isinstance(tensor, Placed)]
    if any(tensor.ndim for tensor in host) or _writes_to(func, args, kwargs, host):
        raise RuntimeError(f"Expected all tensors to be on the same device: {func}.")


def _writes_to(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], host: list[Any]) -> bool:
    """Tell whether the operation writes to one of these tensors."""
    arguments = func._schema.arguments
    given = {argument.name: value for argument, value in zip(arguments, args, strict=False)}
    written = [
        (given | dict(kwargs)).get(argument.name)
        for argument in arguments
        if argument.alias_info and argument.alias_info.is_write
    ]
    return any(one is other for one in tree_leaves(written) for other in host)
