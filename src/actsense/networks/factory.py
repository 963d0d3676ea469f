"""Modules that somebody else's function makes."""

__all__ = ["build_from_factory"]

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from actsense.errors import ConfigError
from actsense.networks.foreign import described, foreign
from actsense.networks.settings import Python


def build_from_factory(name: str, settings: Python) -> nn.Module:
    """Call the factory of a network.

    Arguments:
        name: The network's name in the configuration, used in messages.
        settings: Its settings.

    Raises:
        ConfigError: If the factory cannot be imported, fails, or returns no module.
    """
    setting = f"networks.{name}.factory"
    factory = _factory(setting, settings.factory)
    with foreign(f"{setting}: {settings.factory}"):
        module = factory(**settings.arguments)
    if not isinstance(module, nn.Module):
        raise ConfigError(
            f"{setting}: {settings.factory} returned {type(module).__name__}, not a "
            "torch.nn.Module."
        )
    module = _unwrapped(module)
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise ConfigError(
            f"{setting}: {settings.factory} returned a module of torch.jit, whose layers cannot "
            "be watched. Return the torch.nn.Module that it was made from."
        )
    floats = (p.dtype for p in module.parameters() if p.is_floating_point())
    odd = next((str(dtype) for dtype in floats if dtype != torch.float32), None)
    if odd:
        raise ConfigError(
            f"{setting}: {settings.factory} returned a module in {odd.removeprefix('torch.')}. "
            "Return it in float32, with .float(); the setting `precision` says in what it runs."
        )
    return module.cpu()


def _unwrapped(module: nn.Module) -> nn.Module:
    """Return what was compiled, or spread over devices: the same function, its layers in reach."""
    while True:
        match module:
            case nn.DataParallel() | nn.parallel.DistributedDataParallel():
                module = module.module
            case nn.Module(_orig_mod=nn.Module() as inner):  # what torch.compile returns
                module = inner
            case _:
                return module


def _factory(setting: str, address: str) -> Callable[..., Any]:
    place, separator, attribute = address.partition(":")
    if not (place and separator and attribute):
        raise ConfigError(f"{setting}: {address!r} is not of the form module:callable.")
    try:
        with _working_directory_importable(), foreign(f"{setting}: importing {place}"):
            found = getattr(importlib.import_module(place), attribute)
    except ConfigError as error:
        if isinstance(error.__cause__, ImportError | AttributeError):
            raise ConfigError(
                f"{setting}: {address!r} cannot be imported ({described(error.__cause__)}). The "
                "module must be installed or lie in the working directory."
            ) from error
        raise
    if not callable(found):
        raise ConfigError(f"{setting}: {address!r} is not callable.")
    return found  # type: ignore[no-any-return]


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
