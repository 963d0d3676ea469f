"""What somebody else's code raises is one line, with its cause and its place."""

from pathlib import Path

import pytest
import torch

from actsense.errors import ConfigError
from actsense.networks.foreign import foreign
from actsense.networks.taps import Tap


def test_type_message_and_place_are_told_in_one_line() -> None:
    line = test_type_message_and_place_are_told_in_one_line.__code__.co_firstlineno + 3
    with pytest.raises(ConfigError) as told, foreign("it"):
        raise NotImplementedError("not\n\n  yet.")
    assert str(told.value).startswith("it failed with NotImplementedError: not yet (")
    assert str(told.value).endswith(f"{Path(__file__).name}:{line}).")


def test_the_place_is_that_of_the_code_that_called_a_library() -> None:
    with pytest.raises(ConfigError, match=rf"{Path(__file__).name}:\d+\)\.$"), foreign("it"):
        torch.nn.Conv2d(3, 4, 1)(torch.zeros(1, 2, 4, 4))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
        ConfigError("said already"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_some_errors_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, foreign("it"):
        raise error
    assert raised.value is error


def test_a_fault_of_this_package_is_not_blamed_on_others() -> None:
    with pytest.raises(TypeError), foreign("it"):
        Tap._check_shape(object(), None)  # type: ignore[arg-type]
